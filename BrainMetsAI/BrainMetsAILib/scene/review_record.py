"""A whole review as plain data and as bytes (.npz without pickle, JSON in it), and back into the scene exactly as it was."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import slicer

from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.history import History, NoHistory
from BrainMetsAILib.scene.log import append_log, join_log, log_text
from BrainMetsAILib.scene.masks import REPRESENTATION, MaskCrop, empty_image, oriented_image, reference_grid, segment_crop
from BrainMetsAILib.scene.review import SEGMENTATION_ROLE, TABLE_ROLE, review_nodes, review_of
from BrainMetsAILib.scene.segments import new_segmentation
from BrainMetsAILib.scene.settings import EXAMINATION_UID, RECORDS, settings_node
from BrainMetsAILib.scene.tables import lesion_table
from BrainMetsAILib.scene.translation import tr as _

VERSION = 1


@dataclass(frozen=True)
class ReviewRecord:
    """A review at one moment.

    Attributes
    ----------
    time
        When it was taken, ISO 8601 with zone.
    state
        JSON values: the segmentation's geometry, its segments with tags, colours and boxes, the scene's settings and log.
    masks
        The segments' voxels in their boxes, one behind the other, eight a byte; each segment starts with a new byte.
    """

    time: str
    state: dict[str, Any]
    masks: bytes

    @property
    def sha256(self) -> str:
        """Of everything but the time."""
        return hashlib.sha256(json.dumps(self.state, sort_keys=True).encode() + self.masks).hexdigest()

    @property
    def reviews(self) -> tuple[str, ...]:
        """Review state of each lesion."""
        lesions = [segment["tags"] for segment in self.state["segments"] if segment["tags"].get(tags.KIND) != tags.KIND_NECROSIS]
        return tuple(entry.get(tags.REVIEW, tags.UNREVIEWED) for entry in lesions)


def record_of(segmentation: Any) -> ReviewRecord:
    """Copy a review out of the scene; nothing in the scene changes."""
    grid = reference_grid(segmentation)
    content, display, settings = segmentation.GetSegmentation(), segmentation.GetDisplayNode(), settings_node()
    segments, masks = [], []
    for segment_id in content.GetSegmentIDs():
        segment = content.GetSegment(segment_id)
        crop = segment_crop(segmentation, segment_id, grid)
        segments.append(
            {
                "id": segment_id,
                "name": segment.GetName(),
                "colour": list(segment.GetColor()),
                "terminology": segment.GetTerminology() or "",
                "visible": bool(display.GetSegmentVisibility(segment_id)) if display else True,
                "tags": tags.read_all(segment),
                "box": [[part.start, part.stop] for part in crop.box] if crop else None,
            }
        )
        if crop:
            masks.append(np.packbits(crop.mask).tobytes())
    volume = review_nodes(segmentation).volume
    state = {
        "version": VERSION,
        "volume": volume.GetName() if volume else "",
        "name": segmentation.GetName(),
        "examination": segmentation.GetAttribute(EXAMINATION_UID),
        "geometry": content.GetConversionParameter(_geometry_name()),
        "segments": segments,
        "settings": {name: settings.GetParameter(name) for name in settings.GetParameterNames()},
        "log": log_text(),
    }
    return ReviewRecord(datetime.now(UTC).isoformat(timespec="seconds"), state, b"".join(masks))


def record_bytes(record: ReviewRecord) -> bytes:
    """A record as the content of an .npz file."""
    text = json.dumps({"time": record.time, "state": record.state}).encode()
    file = io.BytesIO()
    np.savez(file, state=np.frombuffer(text, np.uint8), masks=np.frombuffer(record.masks, np.uint8))
    return file.getvalue()


def record_from_bytes(content: bytes) -> ReviewRecord:
    """What `record_bytes` wrote.

    Raises
    ------
    ValueError
        With a sentence, if the bytes are damaged or of another version.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            read = json.loads(stored["state"].tobytes())
            record = ReviewRecord(read["time"], read["state"], stored["masks"].tobytes())
        if record.state["version"] != VERSION:
            raise ValueError("another version")
        needed = sum(-(-_voxels(segment["box"]) // 8) for segment in record.state["segments"] if segment["box"])
        if needed != len(record.masks):
            raise ValueError("voxels are missing")
    except (ValueError, KeyError, TypeError, EOFError, OSError, zipfile.BadZipFile) as error:
        sentence = _("The kept review cannot be read: its file is damaged or of another version. It can only be discarded.")
        raise ValueError(sentence) from error
    return record


def restore_record(record: ReviewRecord, volume: Any, history: History | None = None) -> Any:
    """Put a review back onto its volume: masks, tags, settings and log as they were; probability maps are `recovery_maps`' business.

    Parameters
    ----------
    record
        Of the same volume.
    volume
        Its node; a review that it has is replaced, in the same nodes.
    history
        Where the state that is replaced is saved.

    Returns
    -------
    vtkMRMLSegmentationNode
        The review.
    """
    state = record.state
    segmentation = review_of(volume)
    if segmentation is None:
        segmentation = new_segmentation(volume, state["name"])
        settings_node().AddNodeReferenceID(SEGMENTATION_ROLE, segmentation.GetID())
    (history or NoHistory()).save()
    segmentation.SetAttribute(EXAMINATION_UID, state["examination"])
    content = segmentation.GetSegmentation()
    with slicer.util.NodeModify(segmentation):
        content.RemoveAllSegments()
        # The grid that it had, not the volume's: the hashes of the masks count voxels on it.
        content.SetConversionParameter(_geometry_name(), state["geometry"])
        _add_segments(segmentation, record)
    display = segmentation.GetDisplayNode()
    with slicer.util.NodeModify(display):
        for segment in state["segments"]:
            display.SetSegmentVisibility(segment["id"], segment["visible"])
    settings = settings_node()
    with slicer.util.NodeModify(settings):
        for name, value in state["settings"].items():
            if not name.startswith(RECORDS) or name.startswith(f"{RECORDS}{state['examination']}."):  # others have their own file
                settings.SetParameter(name, value)
    join_log(state["log"])
    table = lesion_table(segmentation, segmentation.GetNodeReference(TABLE_ROLE), f"{volume.GetName()} lesion table")
    segmentation.SetNodeReferenceID(TABLE_ROLE, table.GetID())
    append_log("restored", examination=state["examination"], volume=volume.GetName(), kept=record.time, lesions=len(record.reviews))
    return segmentation


def _add_segments(segmentation: Any, record: ReviewRecord) -> None:
    matrix = reference_grid(segmentation).ijk_to_ras
    place = 0
    for stored in record.state["segments"]:
        segment = slicer.vtkSegment()
        segment.SetName(stored["name"])
        segment.SetColor(*stored["colour"])
        segment.SetTerminology(stored["terminology"])
        segment.SetLabelValue(1)
        image = empty_image(matrix)
        if stored["box"]:
            k, j, i = (slice(*ends) for ends in stored["box"])
            count = _voxels(stored["box"])
            packed = np.frombuffer(record.masks, np.uint8, -(-count // 8), place)
            place += packed.size
            mask = np.unpackbits(packed, count=count).astype(bool).reshape([part.stop - part.start for part in (k, j, i)])
            image = oriented_image(MaskCrop(mask, (k, j, i)), matrix)
        segment.AddRepresentation(REPRESENTATION, image)
        tags.write_all(segment, stored["tags"])
        segmentation.GetSegmentation().AddSegment(segment, stored["id"])


def _voxels(box: list[list[int]]) -> int:
    return int(np.prod([stop - start for start, stop in box]))


def _geometry_name() -> str:
    return str(slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName())
