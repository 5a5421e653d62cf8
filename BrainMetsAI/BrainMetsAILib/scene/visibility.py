"""The score filter: it hides and shows, and changes no outline and no tag."""

from __future__ import annotations

from BrainMetsAILib.scene.log import append_log
from BrainMetsAILib.scene.review import reviews
from BrainMetsAILib.scene.settings import LEAST_SCORE, least_score, settings_node
from BrainMetsAILib.scene.shown import show_counted


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
