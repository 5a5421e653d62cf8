"""Which lesions are seen: those that count."""

from __future__ import annotations

from typing import Any

import slicer

from BrainMetsAILib.scene.segments import counts, lesion_segment_ids


def show_counted(segmentation: Any) -> None:
    """Show the lesions that count and hide the others; an undo does not bring visibility back, so call it after one too.

    A change of display only: redo survives it.
    """
    display = segmentation.GetDisplayNode()
    if display is None:
        return
    wanted = {segment_id: counts(segmentation, segment_id) for segment_id in lesion_segment_ids(segmentation)}
    changing = {segment_id: seen for segment_id, seen in wanted.items() if display.GetSegmentVisibility(segment_id) != seen}
    if changing:
        with slicer.util.NodeModify(display):  # one drawing instead of one a lesion
            for segment_id, seen in changing.items():
                display.SetSegmentVisibility(segment_id, seen)
