"""Which lesions the table of the panel lists; kept on the settings node. What counts is not this filter's business."""

from __future__ import annotations

from dataclasses import dataclass

from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.listing import ListedLesion
from BrainMetsAILib.scene.segments import BELOW_SCORE, TAKEN_OUT
from BrainMetsAILib.scene.settings import read_number, settings_node

# What is listed: the first is the usual one.
LESIONS = "lesions"  # those that count, and the rejected ones, which can come back
EVERYTHING = "everything"
STATES = (LESIONS, tags.UNREVIEWED, tags.ACCEPTED, tags.REJECTED, TAKEN_OUT, BELOW_SCORE, EVERYTHING)

_STATE, _LEAST_MM = "Lesions.ListedState", "Lesions.ListedLeastMm"  # parameters of the settings node


@dataclass(frozen=True)
class ListFilter:
    """What is listed: a state, and the least longest diameter in mm."""

    state: str = LESIONS
    least_mm: float = 0.0

    def passes(self, entry: ListedLesion) -> bool:
        """Whether a lesion is listed."""
        return self._state_passes(entry) and entry.lesion.measurements.whole.longest_mm >= self.least_mm

    def _state_passes(self, entry: ListedLesion) -> bool:
        if self.state == EVERYTHING:
            return True
        if self.state == LESIONS:
            return entry.left_out in ("", tags.REJECTED)
        if self.state in (TAKEN_OUT, BELOW_SCORE):
            return entry.left_out == self.state
        return entry.review == self.state and entry.left_out in ("", tags.REJECTED)


def read_filter() -> ListFilter:
    """What the settings node holds."""
    state = settings_node().GetParameter(_STATE)
    return ListFilter(state if state in STATES else LESIONS, read_number(_LEAST_MM, 0.0))


def write_filter(chosen: ListFilter) -> None:
    """Keep it on the settings node."""
    node = settings_node()
    node.SetParameter(_STATE, chosen.state)
    node.SetParameter(_LEAST_MM, repr(chosen.least_mm))
