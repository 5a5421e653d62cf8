"""How far a review has come: what counts, what nobody has looked at, what was put aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.masks import reference_grid, segment_crop
from BrainMetsAILib.scene.segments import identify, lesion_segment_ids


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
    removed
        How many post-processing took out and nobody took back.
    """

    counting: tuple[str, ...]
    unreviewed: tuple[str, ...]
    rejected: int
    removed: int


def review_counts(segmentation: Any) -> ReviewCounts:
    """The counts of an examination as it is now."""
    identify(segmentation)
    grid = reference_grid(segmentation)
    content = segmentation.GetSegmentation()
    present = [content.GetSegment(i) for i in lesion_segment_ids(segmentation) if segment_crop(segmentation, i, grid) is not None]
    present.sort(key=lambda segment: int(tags.read_tag(segment, tags.NUMBER)))
    counting = [segment for segment in present if tags.counts(segment)]
    rejected = sum(tags.read_tag(segment, tags.REVIEW) == tags.REJECTED for segment in present)
    return ReviewCounts(
        counting=tuple(tags.read_tag(segment, tags.LESION_UID) for segment in counting),
        unreviewed=tuple(
            tags.read_tag(segment, tags.LESION_UID)
            for segment in counting
            if tags.read_tag(segment, tags.REVIEW) in ("", tags.UNREVIEWED)
        ),
        rejected=rejected,
        removed=len(present) - len(counting) - rejected,
    )


def next_unreviewed(counts: ReviewCounts, after: str = "") -> str:
    """UID of the first unreviewed lesion behind another one, round the end; ``""`` where all are reviewed."""
    if not counts.unreviewed:
        return ""
    place = counts.counting.index(after) + 1 if after in counts.counting else 0
    order = (*counts.counting[place:], *counts.counting[:place])
    return next(uid for uid in order if uid in counts.unreviewed)
