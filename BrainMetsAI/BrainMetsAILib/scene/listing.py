"""What the lesion table of the panel shows: every lesion with its measurements and what a person said of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from BrainMetsAILib.lesions.lesion_list import Lesion
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.links import enhancing_changes
from BrainMetsAILib.scene.segments import left_out, origin_of, read_lesion_list, segments_by_uid


@dataclass(frozen=True)
class ListedLesion:
    """One lesion of the list.

    Attributes
    ----------
    lesion
        With its measurements.
    review
        `tags.UNREVIEWED`, `tags.ACCEPTED` or `tags.REJECTED`.
    left_out
        Why it is no part of views, totals and exports (`segments.left_out`); ``""`` where it is.
    lesion_class, comment
        What a person said it is, and about it.
    origin
        ``AI``, ``AI, edited`` or ``manual``.
    change_percent
        Change of its enhancing volume since the earlier examination; ``None`` where it is not linked.
    """

    lesion: Lesion
    review: str
    left_out: str
    lesion_class: str
    comment: str
    origin: str
    change_percent: float | None


def list_lesions(segmentation: Any) -> tuple[ListedLesion, ...]:
    """All lesions in the order of their numbers, those that do not count too."""
    lesions = read_lesion_list(segmentation, include_rejected=True)
    segment_ids = segments_by_uid(segmentation)
    listed = {lesion.lesion_uid: (lesion, segment_ids[lesion.lesion_uid]) for lesion in lesions}
    reasons = {uid: left_out(segmentation, segment_id) for uid, (_, segment_id) in listed.items()}
    changes = enhancing_changes(segmentation, (lesion for lesion in lesions if not reasons[lesion.lesion_uid]))
    result = []
    for uid, (lesion, segment_id) in listed.items():
        segment = segmentation.GetSegmentation().GetSegment(segment_id)
        result.append(
            ListedLesion(
                lesion=lesion,
                review=tags.read_tag(segment, tags.REVIEW),
                left_out=reasons[uid],
                lesion_class=tags.read_tag(segment, tags.CLASS),
                comment=tags.read_tag(segment, tags.COMMENT),
                origin=origin_of(segmentation, segment_id),
                change_percent=changes.get(uid),
            )
        )
    return tuple(result)


def counted(listed: Iterable[ListedLesion]) -> tuple[Lesion, ...]:
    """The lesions of a list that count."""
    return tuple(entry.lesion for entry in listed if not entry.left_out)
