"""What the report text says, gathered from the scene."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from BrainMetsAILib.exchange.report_text import ReportContent
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.response_record import BASELINE_ROLE, changed_since_compared, read_response_summary
from BrainMetsAILib.scene.review import review_nodes
from BrainMetsAILib.scene.review_counts import review_counts
from BrainMetsAILib.scene.segments import lesion_segment_ids, read_lesion_list
from BrainMetsAILib.scene.settings import read_facts, read_provenance
from BrainMetsAILib.scene.sign_off import SignOff, changed_since, read_sign_off


def report_content(segmentation: Any) -> ReportContent:
    """A review as it is now: measured from its masks, with its sign-off and, for a follow-up, the comparison that the scene holds."""
    content = segmentation.GetSegmentation()
    segments = [content.GetSegment(segment_id) for segment_id in lesion_segment_ids(segmentation)]
    lesions = read_lesion_list(segmentation)
    volume = review_nodes(segmentation).volume
    signed = read_sign_off(segmentation)
    baseline = segmentation.GetNodeReference(BASELINE_ROLE)
    return ReportContent(
        facts=read_facts(segmentation),
        spacing_mm=tuple(volume.GetSpacing()) if volume is not None else None,
        lesions=lesions,
        provenance=read_provenance(segmentation),
        classes={tags.read_tag(segment, tags.LESION_UID): tags.read_tag(segment, tags.CLASS) for segment in segments},
        unreviewed=review_counts(segmentation).unreviewed,
        signed=signature(signed) if signed else "",
        changed_since_signed=signed is not None and changed_since(segmentation, signed),
        response=read_response_summary(segmentation),
        baseline_date=read_facts(baseline).study_date if baseline is not None else "",
        changed_since_compared=changed_since_compared(segmentation),
    )


def signature(signed: SignOff) -> str:
    """Name and local time: ``Dr. Example, 2026-01-31 14:05``."""
    return f"{signed.reader}, {datetime.fromisoformat(signed.time).astimezone():%Y-%m-%d %H:%M}"
