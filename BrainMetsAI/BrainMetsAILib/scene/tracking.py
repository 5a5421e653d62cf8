"""Which lesion is which of another examination: the tracking UID of its tag, or the one that a comparison gave it since.

A comparison is no step of undo: taking back an older edit brings the tags of that time back, and the lesion is still the same one as
before. So what was shared is kept on the settings node too, and counts first; writing the tags again after an undo would destroy redo.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import slicer

from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.settings import read_record, write_record

_RECORD = "SharedTracking"


def share_tracking(segmentation: Any, shared: Mapping[str, str]) -> None:
    """Give lesions of an examination the tracking UIDs that they share with those of another, by lesion UID."""
    write_record(segmentation, _RECORD, {**shared_tracking(segmentation), **shared})
    content = segmentation.GetSegmentation()
    with slicer.util.NodeModify(segmentation):
        for segment_id in content.GetSegmentIDs():
            segment = content.GetSegment(segment_id)
            uid = tags.read_tag(segment, tags.LESION_UID)
            if uid in shared:
                tags.write_tag(segment, tags.TRACKING_UID, shared[uid])


def shared_tracking(segmentation: Any) -> Mapping[str, str]:
    """The tracking UIDs that comparisons gave to lesions of an examination, by lesion UID."""
    return read_record(segmentation, _RECORD) or {}


def tracking_uid(segment: Any, shared: Mapping[str, str]) -> str:
    """The tracking UID of one segment; ``shared`` is `shared_tracking` of its segmentation."""
    return shared.get(tags.read_tag(segment, tags.LESION_UID)) or tags.read_tag(segment, tags.TRACKING_UID)
