"""The bar above the lesion table: the score slider, which hides and shows candidates, and what the table lists."""

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from BrainMetsAILib.panel.settled_change import SettledChange
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.list_filter import EVERYTHING, LESIONS, STATES, ListFilter, read_filter, write_filter
from BrainMetsAILib.scene.segments import BELOW_SCORE, TAKEN_OUT
from BrainMetsAILib.scene.settings import least_score
from BrainMetsAILib.scene.visibility import log_least_score, set_least_score

_STEPS = 100


class LesionFilters:
    """Keeps slider, spin boxes and choice in step with the settings node.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAILesions.ui.
    on_listed
        Called when the table has to list other rows.
    on_score
        Called when the least score changed.
    """

    def __init__(self, ui: Any, on_listed: Callable[[], None], on_score: Callable[[], None]) -> None:
        self.ui, self._on_listed_changed, self._on_score_changed = ui, on_listed, on_score
        self._updating = False
        names = {
            LESIONS: _("Lesions"),
            tags.UNREVIEWED: _("Open (not reviewed)"),
            tags.ACCEPTED: _("Accepted"),
            tags.REJECTED: _("Rejected"),
            TAKEN_OUT: _("Taken out"),
            BELOW_SCORE: _("Below the score"),
            EVERYTHING: _("Everything"),
        }
        ui.stateFilterBox.addItems([names[state] for state in STATES])
        ui.scoreSlider.setRange(0, _STEPS)
        ui.stateFilterBox.connect("currentIndexChanged(int)", self._on_filter)
        ui.sizeFilterBox.connect("valueChanged(double)", self._on_size)
        ui.scoreSlider.connect("valueChanged(int)", self._on_slider)
        ui.scoreBox.connect("valueChanged(double)", self._on_score)
        self._score = SettledChange(log_least_score)

    @property
    def listed(self) -> ListFilter:
        """What the table lists."""
        return read_filter()

    def refresh(self) -> None:
        """Show what the settings node holds."""
        chosen, score = read_filter(), least_score()
        self._updating = True
        try:
            self.ui.stateFilterBox.setCurrentIndex(STATES.index(chosen.state))
            self.ui.sizeFilterBox.setValue(chosen.least_mm)
            self.ui.scoreSlider.setValue(round(score * _STEPS))
            self.ui.scoreBox.setValue(score)
        finally:
            self._updating = False

    def release(self) -> None:
        """Before the scene closes and at exit."""
        self._score.finish()

    def _on_filter(self, index: int) -> None:
        self._write_filter()

    def _on_size(self, value: float) -> None:
        self._write_filter()

    def _write_filter(self) -> None:
        if not self._updating:
            write_filter(ListFilter(STATES[self.ui.stateFilterBox.currentIndex], self.ui.sizeFilterBox.value))
            self._on_listed_changed()

    def _on_slider(self, value: int) -> None:
        self._set_score(value / _STEPS)

    def _on_score(self, value: float) -> None:
        self._set_score(value)

    def _set_score(self, value: float) -> None:
        if not self._updating:
            set_least_score(value)
            self.refresh()
            self._score.changed()
            self._on_score_changed()
