"""Keeps the open reviews on the disk while a person works, and offers what a crash left behind."""

from datetime import datetime
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from BrainMetsAILib.panel.questions import Questions
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.history import History
from BrainMetsAILib.scene.layout import show_review
from BrainMetsAILib.scene.recovery import Offer, Recovery
from BrainMetsAILib.scene.review import review_nodes, review_of

LOOK_MS = 2000  # between looks for a change
STEP_MS = 20  # between two pieces of a file


def recovery_folder() -> Path:
    """Beside Slicer's settings: kept when the computer restarts, and on the same computer for the same person."""
    return Path(slicer.app.slicerUserSettingsFilePath).parent / "BrainMetsAI" / "Recovery"


class RecoverySection:
    """One line with two buttons, hidden unless there is something to say.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAIRecovery.ui.
    root
        Their root.
    questions
        Asks before anything is replaced or thrown away.
    history
        Where the lesions that a restored review replaces are saved.
    """

    def __init__(self, ui: Any, root: Any, questions: Questions, history: History | None = None) -> None:
        self.ui, self._root, self._questions, self._history = ui, root, questions, history
        self._recovery = Recovery(recovery_folder())
        self._recovery.loaded()  # a scene file that was opened before the module
        self._volume: Any = None
        self._said = ""
        self._look, self._step = qt.QTimer(), qt.QTimer()
        self._look.setInterval(LOOK_MS)
        self._step.setInterval(STEP_MS)
        self._look.connect("timeout()", self._on_look)
        self._step.connect("timeout()", self._on_step)
        self._look.start()
        ui.restoreButton.connect("clicked()", self._on_restore)
        ui.discardButton.connect("clicked()", self._on_discard)
        self.show(None)

    def show(self, volume: Any) -> None:
        """Offer what was left of a volume's review; None for no volume."""
        if volume is not self._volume:
            self._volume, self._said = volume, ""
        offer = self._offer()
        self.ui.recoveryLabel.text = self._said or (_words(offer) if offer else "")
        self.ui.restoreButton.setVisible(offer is not None and offer.record is not None)
        self.ui.discardButton.setVisible(offer is not None)
        self._root.setVisible(bool(self.ui.recoveryLabel.text))

    def stop(self) -> None:
        """At a reload: write no more."""
        self._look.stop()
        self._step.stop()

    def on_scene_loaded(self, caller: Any = None, event: str = "") -> None:
        """What a scene file brought is on the disk already."""
        self._recovery.loaded()

    def on_closed(self, caller: Any = None, event: str = "") -> None:
        """The person closes the scene or the application: there is nothing to recover."""
        self._step.stop()
        self._recovery.closed()
        self._volume, self._said = None, ""

    def _offer(self) -> Offer | None:
        return self._recovery.offer(self._volume) if self._volume is not None else None

    def _on_look(self) -> None:
        scene = slicer.mrmlScene
        if not (scene.IsClosing() or scene.IsImporting() or self._step.isActive()):
            self._on_step()

    def _on_step(self) -> None:
        try:
            more = self._recovery.step()
        except OSError as error:
            more = False
            self._said = _("The review cannot be kept for the case of a crash, in {folder}: {reason}. Save the scene now and then.").format(
                folder=recovery_folder(), reason=error.strerror
            )
            self.show(self._volume)
        if more and not self._step.isActive():
            self._step.start()
        elif not more:
            self._step.stop()

    def _on_restore(self) -> None:
        offer, volume = self._offer(), self._volume
        if offer is None or volume is None:
            return
        present = review_of(volume)
        question = _("The lesions that this volume has now are replaced by the kept ones. Restore them?")
        if present is not None and not self._questions.confirm(question):
            return
        try:
            segmentation = self._recovery.restore(offer, volume, self._history)
            nodes = review_nodes(segmentation)
            self._said = _("Restored.") if nodes.probability is not None else _(
                "Restored. The probability map was not kept: find lesions again to see it; judged lesions stay."
            )
            show_review(nodes)
        except (ValueError, OSError) as error:
            self._said = str(error)
        self.show(volume)

    def _on_discard(self) -> None:
        offer = self._offer()
        if offer is None or not self._questions.confirm(_("Throw the kept review away for good?")):
            return
        try:
            self._recovery.discard(offer)
            self._said = ""
        except OSError as error:
            self._said = str(error)
        self.show(self._volume)


def _words(offer: Offer) -> str:
    if offer.record is None:
        return _("A review of this volume was interrupted. {problem}").format(problem=offer.problem)
    reviews = offer.record.reviews
    judged = sum(review != tags.UNREVIEWED for review in reviews)
    return _("A review of this volume was interrupted: {count} lesions, {judged} of them judged, kept {time}.").format(
        count=len(reviews), judged=judged, time=f"{datetime.fromisoformat(offer.record.time).astimezone():%Y-%m-%d %H:%M}"
    )
