"""What a person decides about lesions. Each decision saves the undo history first, writes only what changes, and is logged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import slicer

from BrainMetsAILib.lesions.diameters import Ends
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.history import History
from BrainMetsAILib.scene.log import append_log
from BrainMetsAILib.scene.manual_diameters import manual_diameters_text
from BrainMetsAILib.scene.masks import segment_ml
from BrainMetsAILib.scene.segments import counts, segment_of, segments_by_uid
from BrainMetsAILib.scene.settings import EXAMINATION_UID
from BrainMetsAILib.scene.shown import show_counted

# What a lesion may be called; any other word is allowed too.
CLASSES = ("metastasis", "meningioma or schwannoma", "vascular", "post-operative", "uncertain")


def decide(segmentation: Any, lesion_uids: Iterable[str], review: str, history: History) -> int:
    """Set the review state of lesions, as one step of undo; returns how many changed.

    Parameters
    ----------
    review
        `tags.UNREVIEWED`, `tags.ACCEPTED` or `tags.REJECTED`. An accepted lesion counts even where post-processing had taken it out.
    """
    return _decide(segmentation, dict.fromkeys(lesion_uids, review), history)


def take_back(segmentation: Any, lesion_uids: Iterable[str], history: History) -> int:
    """Bring back lesions that a person rejected, or that post-processing took out; returns how many.

    What was rejected becomes unreviewed again. What post-processing took out is accepted: only a person's word outweighs its reason.
    """
    wanted = {}
    for uid in lesion_uids:
        segment_id = segment_of(segmentation, uid)
        if segment_id is None:
            continue
        segment = segmentation.GetSegmentation().GetSegment(segment_id)
        if tags.read_tag(segment, tags.REMOVED):
            wanted[uid] = tags.ACCEPTED
        elif tags.read_tag(segment, tags.REVIEW) == tags.REJECTED:
            wanted[uid] = tags.UNREVIEWED
    return _decide(segmentation, wanted, history)


def accept_all(segmentation: Any, lesion_uids: Iterable[str], history: History) -> int:
    """Accept those of the lesions that count and are unreviewed; returns how many. Hidden and rejected ones stay as they are."""
    segment_ids = segments_by_uid(segmentation)
    wanted = [uid for uid in lesion_uids if uid in segment_ids and counts(segmentation, segment_ids[uid])]
    return decide(segmentation, wanted, tags.ACCEPTED, history)


def set_class(segmentation: Any, lesion_uid: str, name: str, history: History) -> bool:
    """Say what a lesion is: one of `CLASSES`, an own word, or ``""`` for nothing; returns whether that changed anything."""
    return _write(segmentation, lesion_uid, tags.CLASS, name.strip(), "class", history)


def set_comment(segmentation: Any, lesion_uid: str, text: str, history: History) -> bool:
    """Write a comment about a lesion; returns whether that changed anything."""
    return _write(segmentation, lesion_uid, tags.COMMENT, text.strip(), "comment", history)


def set_manual_diameters(segmentation: Any, lesion_uid: str, longest: Ends, perpendicular: Ends, history: History) -> bool:
    """Let two lines that a person drew be the lesion's diameters; returns whether that changed anything.

    Parameters
    ----------
    longest, perpendicular
        The ends of each line in the segmentation's own space (its parent transform not applied), RAS mm.
    """
    text = manual_diameters_text(longest, perpendicular)
    return _write(segmentation, lesion_uid, tags.MANUAL_DIAMETERS, text, "manual diameters", history)


def set_automatic_diameters(segmentation: Any, lesion_uid: str, history: History) -> bool:
    """Let the diameters follow from the outline again; returns whether that changed anything."""
    return _write(segmentation, lesion_uid, tags.MANUAL_DIAMETERS, "", "automatic diameters", history)


def _decide(segmentation: Any, reviews: Mapping[str, str], history: History) -> int:
    """Review state by lesion UID, as one step of undo."""
    changing = []
    segment_ids = segments_by_uid(segmentation)
    for uid, review in reviews.items():
        segment_id = segment_ids.get(uid)
        if segment_id and tags.read_tag(segmentation.GetSegmentation().GetSegment(segment_id), tags.REVIEW) != review:
            changing.append((segment_id, review))
    if not changing:
        return 0
    history.save()
    with slicer.util.NodeModify(segmentation):
        for segment_id, review in changing:
            segment = segmentation.GetSegmentation().GetSegment(segment_id)
            before = tags.read_tag(segment, tags.REVIEW)
            tags.set_review(segment, review)
            append_log("decided", **_facts(segmentation, segment_id), review_before=before, review_after=review)
    show_counted(segmentation)
    return len(changing)


def _write(segmentation: Any, lesion_uid: str, key: str, value: str, event: str, history: History) -> bool:
    """Give one tag of a lesion another value."""
    segment_id = segment_of(segmentation, lesion_uid)
    segment = segmentation.GetSegmentation().GetSegment(segment_id) if segment_id else None
    if segment_id is None or tags.read_tag(segment, key) == value:
        return False
    history.save()
    before = tags.read_tag(segment, key)
    tags.write_tag(segment, key, value)
    append_log(event, **_facts(segmentation, segment_id), before=before, after=value)
    show_counted(segmentation)  # what a person wrote about is no longer hidden by its score
    return True


def _facts(segmentation: Any, segment_id: str) -> dict[str, object]:
    """What every entry of the log says about a lesion."""
    segment = segmentation.GetSegmentation().GetSegment(segment_id)
    return {
        "examination": segmentation.GetAttribute(EXAMINATION_UID),
        "lesion": segment.GetName(),
        "lesion_uid": tags.read_tag(segment, tags.LESION_UID),
        "volume_ml": round(segment_ml(segmentation, segment_id), 4),
    }
