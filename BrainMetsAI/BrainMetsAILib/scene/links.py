"""The same lesion in an earlier examination of the scene: linked by the tracking UID that both share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from BrainMetsAILib.lesions.lesion_list import Lesion
from BrainMetsAILib.scene.review import reviews
from BrainMetsAILib.scene.segments import lesion_segment_ids, read_lesion_list
from BrainMetsAILib.scene.settings import read_facts
from BrainMetsAILib.scene.tracking import shared_tracking, tracking_uid


def earlier_examination(segmentation: Any) -> Any:
    """The last examination before this one that shares a lesion with it, by study date, or where dates are missing by order of coming.

    Returns
    -------
    vtkMRMLSegmentationNode or None
        None where no earlier one is linked.
    """
    uids = _tracking_uids(segmentation)
    listed = reviews()
    order = {node.GetID(): place for place, node in enumerate(listed)}
    dates = {node.GetID(): read_facts(node).study_date for node in listed}
    own = segmentation.GetID()

    def is_earlier(other: str) -> bool:
        if dates[other] and dates.get(own) and dates[other] != dates[own]:
            return dates[other] < dates[own]
        return order[other] < order.get(own, len(order))

    linked = [node for node in listed if node is not segmentation and is_earlier(node.GetID()) and uids & _tracking_uids(node)]
    return max(linked, key=lambda node: (dates[node.GetID()], order[node.GetID()]), default=None)


def enhancing_changes(segmentation: Any, lesions: Iterable[Lesion]) -> dict[str, float]:
    """Change of each lesion's enhancing volume since the earlier examination, in per cent of it.

    Parameters
    ----------
    lesions
        Those of the segmentation. Several that share a tracking UID (a lesion that split) are added up, on both sides.

    Returns
    -------
    dict
        By lesion UID; lesions without a linked one that enhanced are left out.
    """
    earlier = earlier_examination(segmentation)
    if earlier is None:
        return {}
    lesions = tuple(lesions)
    before, now = _enhancing_by_tracking(read_lesion_list(earlier)), _enhancing_by_tracking(lesions)
    return {
        lesion.lesion_uid: 100.0 * (now[lesion.tracking_uid] / before[lesion.tracking_uid] - 1.0)
        for lesion in lesions
        if before.get(lesion.tracking_uid, 0.0) > 0.0
    }


def _tracking_uids(segmentation: Any) -> set[str]:
    content, shared = segmentation.GetSegmentation(), shared_tracking(segmentation)
    return {tracking_uid(content.GetSegment(segment_id), shared) for segment_id in lesion_segment_ids(segmentation)} - {""}


def _enhancing_by_tracking(lesions: Iterable[Lesion]) -> dict[str, float]:
    totals: dict[str, float] = defaultdict(float)
    for lesion in lesions:
        totals[lesion.tracking_uid] += lesion.measurements.enhancing_ml
    return totals
