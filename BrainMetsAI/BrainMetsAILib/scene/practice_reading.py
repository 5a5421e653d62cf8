"""A person's reading of a practice volume: which outlines are their calls, whether a network helped, how long it took, how it went."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import slicer

from BrainMetsAILib.exchange.practice_record import PracticeRow
from BrainMetsAILib.lesions.lesion_list import LesionSet
from BrainMetsAILib.lesions.sizes import SIZE_BINS
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.log import append_log
from BrainMetsAILib.scene.practice import HEAD, PRACTICE, PRACTICE_VOLUME_ROLE, SEED, show_truth, unsealed_truth, volume_grid
from BrainMetsAILib.scene.reader import reader_name
from BrainMetsAILib.scene.review import review_of
from BrainMetsAILib.scene.segments import counting_segment_ids, read_lesions
from BrainMetsAILib.scene.translation import tr as _
from BrainMetsAILib.synthesis.reading import FALSE_CALL, MISSED, Outcome, Reading, score_reading

# Parameters of the practice volume's hidden node.
SECONDS, NETWORK, READER, SUBMITTED, READING, RECORDED = "Seconds", "Network", "Reader", "Submitted", "Reading", "Recorded"


def call_segment_ids(volume: Any) -> list[str]:
    """Segments that are the reader's calls: those that count."""
    segmentation = review_of(volume)
    return [] if segmentation is None else counting_segment_ids(segmentation)


def unjudged_calls(volume: Any) -> int:
    """How many of the calls nobody has accepted yet."""
    segmentation = review_of(volume)
    return sum(
        tags.read_tag(segmentation.GetSegmentation().GetSegment(segment_id), tags.REVIEW) != tags.ACCEPTED
        for segment_id in call_segment_ids(volume)
    )


def note_network(practice: Any) -> str:
    """The network whose finding is or was in the scene before submission, with its version; empty where there was none.

    Once seen it is kept: deleting the finding does not undo that it was seen. Call it whenever the scene changed.
    """
    noted = str(practice.GetParameter(NETWORK))
    segmentation = review_of(practice.GetNodeReference(PRACTICE_VOLUME_ROLE))
    if noted or segmentation is None or is_submitted(practice):
        return noted
    content = segmentation.GetSegmentation()
    for segment_id in content.GetSegmentIDs():
        segment = content.GetSegment(segment_id)
        model = tags.read_tag(segment, tags.MODEL)
        if model:
            noted = f"{model} {tags.read_tag(segment, tags.MODEL_VERSION)}".strip()
            practice.SetParameter(NETWORK, noted)
            break
    return noted


def read_seconds(practice: Any) -> float:
    """Reading time so far."""
    return float(practice.GetParameter(SECONDS) or 0.0)


def write_seconds(practice: Any, seconds: float) -> None:
    """Keep the reading time; it stands still once the reading is submitted."""
    if not is_submitted(practice):
        practice.SetParameter(SECONDS, f"{seconds:.1f}")


def signs_of_life(volume: Any) -> tuple[int, ...]:
    """Something that changes when a person scrolls, zooms, turns the 3D view or edits: compare it with an earlier one."""
    watched = [node for kind in ("vtkMRMLSliceNode", "vtkMRMLCameraNode") for node in slicer.util.getNodesByClass(kind)]
    segmentation = review_of(volume) if volume is not None else None
    if segmentation is not None:  # a segmentation's own time does not follow its segments'
        content = segmentation.GetSegmentation()
        watched += [segmentation.GetDisplayNode(), content, *(content.GetSegment(segment_id) for segment_id in content.GetSegmentIDs())]
    return tuple(int(node.GetMTime()) for node in watched)


def is_submitted(practice: Any) -> bool:
    """Whether the reading was submitted."""
    return bool(practice.GetParameter(SUBMITTED))


def submit(practice: Any) -> Reading:
    """Score the reading against the truth, once, and show the truth.

    Raises
    ------
    ValueError
        If it was submitted already, or its volume is gone.
    """
    volume = practice.GetNodeReference(PRACTICE_VOLUME_ROLE)
    if is_submitted(practice):
        raise ValueError(_("This reading was submitted before; make another case to read again."))
    if volume is None:
        raise ValueError(_("The volume of this practice case is no longer in the scene; make the case again with the same number."))
    network, truth = note_network(practice), unsealed_truth(practice)
    reading = score_reading(_calls(volume), truth.labels, truth.lesions)
    found, lesions = reading.counted()
    with slicer.util.NodeModify(practice):
        practice.SetParameter(READER, reader_name())
        practice.SetParameter(READING, json.dumps([asdict(outcome) for outcome in reading.outcomes]))
        practice.SetParameter(SUBMITTED, datetime.now(UTC).isoformat(timespec="seconds"))
    append_log(
        "practice submitted",
        volume=volume.GetName(),
        head=practice.GetParameter(HEAD),
        seed=int(practice.GetParameter(SEED)),
        reader=practice.GetParameter(READER),
        network=network,
        seconds=read_seconds(practice),
        lesions=lesions,
        found=found,
        false_calls=len(reading.of(FALSE_CALL)),
    )
    reveal(practice, True)
    return reading


def reveal(practice: Any, shown: bool) -> Any:
    """Show or hide the truth of a submitted reading; returns its segmentation node, if there is one.

    Raises
    ------
    ValueError
        If the reading was not submitted yet.
    """
    if not is_submitted(practice):
        raise ValueError("The truth stays hidden until the reading is submitted.")
    missed = read_reading(practice).of(MISSED)
    return show_truth(practice, shown, frozenset(outcome.true_number for outcome in missed))


def read_reading(practice: Any) -> Reading:
    """How a submitted reading went; no outcomes before."""
    return Reading(tuple(Outcome(**outcome) for outcome in json.loads(practice.GetParameter(READING) or "[]")))


def record_row(practice: Any) -> PracticeRow:
    """A submitted reading as a row of the running record."""
    reading = read_reading(practice)
    found, lesions = reading.counted()
    return PracticeRow(
        time=practice.GetParameter(SUBMITTED),
        reader=practice.GetParameter(READER),
        head=practice.GetParameter(HEAD),
        seed=int(practice.GetParameter(SEED)),
        examination=practice.GetAttribute(PRACTICE),
        network=practice.GetParameter(NETWORK),
        seconds=read_seconds(practice),
        lesions=lesions,
        found=found,
        false_calls=len(reading.of(FALSE_CALL)),
        by_size=tuple(reading.counted(size) for size in SIZE_BINS),
        mean_dice=reading.mean_dice,
        mean_volume_error=reading.mean_volume_error,
    )


def is_recorded(practice: Any) -> bool:
    """Whether the reading is in the running record."""
    return bool(practice.GetParameter(RECORDED))


def mark_recorded(practice: Any) -> None:
    """Remember that the reading is in the running record, so that it gets there once."""
    practice.SetParameter(RECORDED, "1")


def _calls(volume: Any) -> LesionSet:
    """The reader's calls with their masks on the volume's grid."""
    segmentation = review_of(volume)
    if segmentation is None:
        empty = volume_grid(volume)
        return LesionSet(empty, empty, ())
    return read_lesions(segmentation)
