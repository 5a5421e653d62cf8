"""How far a review has come: what counts, what nobody has looked at, what was put aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.masks import reference_grid, segment_crop
from BrainMetsAILib.scene.segments import counts, identify, lesion_segment_ids


@dataclass(frozen=True)
class ReviewCounts:
    """The lesions of one examination by state; empty segments are left out.

    Attributes
    ----------
    counting
        UIDs of the lesions that totals and exports hold, in the order of their numbers.
    unreviewed
        Those of them that nobody has judged.
    rejected
        How many a person rejected.
    hidden
        How many do not count for another reason: post-processing took them out, or their score is too low.
    """

    counting: tuple[str, ...]
    unreviewed: tuple[str, ...]
    rejected: int
    hidden: int


def review_counts(segmentation: Any) -> ReviewCounts:
    """The counts of an examination as it is now."""
    identify(segmentation)
    grid = reference_grid(segmentation)
    content = segmentation.GetSegmentation()
    present = [segment_id for segment_id in lesion_segment_ids(segmentation) if segment_crop(segmentation, segment_id, grid) is not None]
    present.sort(key=lambda segment_id: int(tags.read_tag(content.GetSegment(segment_id), tags.NUMBER)))
    counting, unreviewed, rejected = [], [], 0
    for segment_id in present:
        segment = content.GetSegment(segment_id)
        review, uid = tags.read_tag(segment, tags.REVIEW), tags.read_tag(segment, tags.LESION_UID)
        if counts(segmentation, segment_id):
            counting.append(uid)
            if review in ("", tags.UNREVIEWED):
                unreviewed.append(uid)
        elif review == tags.REJECTED:
            rejected += 1
    return ReviewCounts(tuple(counting), tuple(unreviewed), rejected, len(present) - len(counting) - rejected)


def next_unreviewed(counted: ReviewCounts, after: str = "") -> str:
    """UID of the first unreviewed lesion behind another one, round the end; ``""`` where all are reviewed."""
    if not counted.unreviewed:
        return ""
    place = counted.counting.index(after) + 1 if after in counted.counting else 0
    order = (*counted.counting[place:], *counted.counting[:place])
    return next(uid for uid in order if uid in counted.unreviewed)
