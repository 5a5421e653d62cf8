"""Which lesions are seen: those that count. The score filter hides and shows, and changes no outline and no tag."""

from __future__ import annotations

from typing import Any

import slicer

from BrainMetsAILib.scene.log import append_log
from BrainMetsAILib.scene.review import reviews
from BrainMetsAILib.scene.segments import counts, lesion_segment_ids
from BrainMetsAILib.scene.settings import LEAST_SCORE, least_score, settings_node


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


def set_least_score(value: float) -> None:
    """Hide the lesions of all examinations with a lower score that nobody judged or edited, and show the others.

    Parameters
    ----------
    value
        0 to 1.

    Raises
    ------
    ValueError
        If it is out of range.
    """
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"The least score is a number from 0 to 1, not {value}.")
    settings_node().SetParameter(LEAST_SCORE, repr(round(float(value), 4)))
    for segmentation in reviews():
        show_counted(segmentation)


def log_least_score() -> None:
    """Note the least score in the log; once it stays as it is, not at every step of a slider."""
    append_log("least score", value=least_score())
