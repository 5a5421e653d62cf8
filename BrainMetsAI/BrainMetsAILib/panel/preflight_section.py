"""The section that says what this computer has for the search: asked of the worker, for the application never imports torch."""

from collections.abc import Callable, Mapping
from typing import Any

from slicer.i18n import tr as _

from BrainMetsAILib.panel.preflight_words import preflight_lines
from BrainMetsAILib.panel.process import WorkerProcess
from BrainMetsAILib.panel.progress import TaskProgress


class PreflightSection:
    """Asks when it is unfolded for the first time, and when the button is pressed.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAIPreflight.ui.
    worker
        The panel's worker process.
    on_change
        Called when the question was sent or answered.
    """

    def __init__(self, ui: Any, worker: WorkerProcess, on_change: Callable[[], None]) -> None:
        self.ui, self._worker, self._on_change = ui, worker, on_change
        self._progress = TaskProgress(ui.preflightProgressBar, ui.preflightStatusLabel)
        self._answered = False
        ui.preflightSection.connect("contentsCollapsed(bool)", self._on_folded)
        ui.preflightButton.connect("clicked()", self._ask)
        ui.preflightLabel.setVisible(False)
        self.refresh()

    def refresh(self) -> None:
        """Show whether it can be asked now."""
        busy = self._worker.busy and not self._progress.running
        self.ui.preflightButton.enabled = not self._worker.busy
        self.ui.preflightButton.toolTip = (
            _("Wait until the running task has ended.") if busy else _("Looks again at packages, graphics card, memory, disk and networks.")
        )

    def _on_folded(self, collapsed: bool) -> None:
        if not collapsed and not self._answered:
            self._ask()

    def _ask(self) -> None:
        if self._worker.busy:
            self._progress.say(_("Wait until the running task has ended."))
            return
        self._worker.run("preflight", lambda folder: {}, self._progress.listener(self._show, self._on_change))
        self._on_change()

    def _show(self, found: Mapping[str, Any]) -> str:
        self._answered = True
        self.ui.preflightLabel.text = "\n".join(preflight_lines(found))
        self.ui.preflightLabel.setVisible(True)
        return ""
