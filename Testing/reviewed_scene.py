"""A reviewed examination with drawn lesions in the scene, for the tests of what people do with it."""

from dataclasses import replace
from typing import Any

from drawn_heads import BALLS, GRIDS, Ball, draw_finding, draw_head


def reviewed(
    grid: str = "plain", balls: tuple[Ball, ...] = BALLS, scores: tuple[float, ...] = (), removed: dict[int, str] | None = None
) -> Any:
    """The nodes of a finding; lesions named in `removed` were taken out by post-processing for the reason given."""
    from BrainMetsAILib.models.postprocess import Candidates, separated
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.volumes import add_volume

    finding = draw_finding(GRIDS[grid], balls)
    if scores:
        finding = replace(finding, scores=dict(enumerate(scores, start=1)))
    if removed:
        kept, out = separated(Candidates(finding.labels, finding.necrosis_mask, finding.scores), removed)
        finding = replace(finding, labels=kept.labels, scores=kept.scores, necrosis_mask=kept.necrosis_mask, removed=out)
    return write_review(add_volume(draw_head(GRIDS[grid], balls), "T1c"), finding)


def uids(segmentation: Any) -> list[str]:
    """Lesion UIDs in the order of the segments."""
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.segments import lesion_segment_ids

    content = segmentation.GetSegmentation()
    return [tags.read_tag(content.GetSegment(segment_id), tags.LESION_UID) for segment_id in lesion_segment_ids(segmentation)]


def segment(segmentation: Any, lesion_uid: str) -> Any:
    """The segment of a lesion."""
    from BrainMetsAILib.scene.segments import segment_of

    return segmentation.GetSegmentation().GetSegment(segment_of(segmentation, lesion_uid))


def seen(segmentation: Any) -> list[bool]:
    """Visibility in the order of the segments."""
    from BrainMetsAILib.scene.segments import lesion_segment_ids

    return [segmentation.GetDisplayNode().GetSegmentVisibility(segment_id) for segment_id in lesion_segment_ids(segmentation)]
