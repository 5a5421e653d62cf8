"""All that is known of a lesion, in its segment's tags: the names of the tags, and safe reading and writing.

A scene file cuts a tag at ``|`` and turns a carriage return into a space, so every value is percent-encoded (views-and-worker.md, 7).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

PREFIX = "BrainMetsAI."

KIND = PREFIX + "Kind"  # KIND_LESION or KIND_NECROSIS
LESION_UID = PREFIX + "LesionUID"  # made once, never changed
TRACKING_UID = PREFIX + "TrackingUID"  # shared by the same lesion across examinations
NUMBER = PREFIX + "Number"  # the lesion's value in exported label images; the display name is free
LOCATION = PREFIX + "Location"  # in words: left frontal lobe
REVIEW = PREFIX + "Review"  # UNREVIEWED, ACCEPTED or REJECTED
SCORE = PREFIX + "Score"  # 0 to 1; empty where no network made it
CLASS = PREFIX + "Class"
COMMENT = PREFIX + "Comment"
REMOVED = PREFIX + "Removed"  # why post-processing took it out
MANUAL_DIAMETERS = PREFIX + "ManualDiameters"  # the two lines that a person drew (`manual_diameters`)
NECROSIS_EDITED = PREFIX + "NecrosisEdited"  # "yes" where a person changed the necrosis within it
NECROSIS_SHA256 = PREFIX + "NecrosisSHA256"  # of that necrosis as the network made it
MODEL = PREFIX + "Model"
MODEL_VERSION = PREFIX + "ModelVersion"
MODEL_SHA256 = PREFIX + "ModelSHA256"
MASK_SHA256 = PREFIX + "MaskSHA256"  # of the mask as the network made it

KIND_LESION = "lesion"
KIND_NECROSIS = "necrosis"

UNREVIEWED = "unreviewed"
ACCEPTED = "accepted"
REJECTED = "rejected"

# Tags with a meaning in Slicer's DICOM export.
ALGORITHM_TYPE = "DICOM.SegmentAlgorithmType"  # AUTOMATIC, SEMIAUTOMATIC or MANUAL
ALGORITHM_NAME = "DICOM.SegmentAlgorithmName"

AUTOMATIC, SEMIAUTOMATIC, MANUAL = "AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"

STATUS = "Segmentation.Status"  # Slicer's own, which only mirrors REVIEW

_PLAIN = " .,:;()+-_/=@#"


def write_tag(segment: Any, key: str, value: str) -> None:
    """Set one tag; any text is allowed.

    Setting the value it already has changes nothing, so an undo history keeps its redo states.
    """
    encoded = quote(value, safe=_PLAIN)
    if not segment.HasTag(key) or _raw(segment, key) != encoded:
        segment.SetTag(key, encoded)


def read_tag(segment: Any, key: str) -> str:
    """The text of one tag; ``""`` where the segment has no such tag."""
    return unquote(_raw(segment, key)) if segment.HasTag(key) else ""


def set_review(segment: Any, review: str) -> None:
    """Record a person's decision on a lesion; Slicer's own segment status mirrors it.

    Parameters
    ----------
    segment
        vtkSegment of a lesion.
    review
        `UNREVIEWED`, `ACCEPTED` or `REJECTED`.

    Raises
    ------
    ValueError
        For any other word.
    """
    import slicer

    logic = slicer.vtkSlicerSegmentationsModuleLogic
    statuses = {UNREVIEWED: logic.NotStarted, ACCEPTED: logic.Completed, REJECTED: logic.Flagged}
    if review not in statuses:
        raise ValueError(f"a review is one of {', '.join(statuses)}, not {review!r}")
    write_tag(segment, REVIEW, review)
    if logic.GetSegmentStatus(segment) != statuses[review]:
        logic.SetSegmentStatus(segment, statuses[review])


def all_keys() -> tuple[str, ...]:
    """Every tag that this file names, and Slicer's own status: Slicer tells Python no list of a segment's tags."""
    named = [value for value in globals().values() if isinstance(value, str) and value.startswith((PREFIX, "DICOM."))]
    return (*(key for key in named if key != PREFIX), STATUS)


def read_all(segment: Any) -> dict[str, str]:
    """All tags of a segment, encoded as they are kept."""
    return {key: _raw(segment, key) for key in all_keys() if segment.HasTag(key)}


def write_all(segment: Any, encoded: Mapping[str, str]) -> None:
    """Give a segment the tags that `read_all` gave."""
    for key, value in encoded.items():
        segment.SetTag(key, value)


def _raw(segment: Any, key: str) -> str:
    import vtk

    value = vtk.reference("")
    segment.GetTag(key, value)
    return str(value)
