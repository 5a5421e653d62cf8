"""The section in which two examinations are chosen and compared."""

from collections.abc import Callable, Mapping
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from BrainMetsAILib.panel.process import WorkerProcess
from BrainMetsAILib.panel.progress import TaskProgress
from BrainMetsAILib.panel.questions import Questions
from BrainMetsAILib.panel.volume_facts import facts_of_volume
from BrainMetsAILib.panel.volume_selectors import CHOSEN, leave_out_maps
from BrainMetsAILib.scene.review import review_nodes
from BrainMetsAILib.scene.segments import read_doubtful_lesions, read_lesions
from BrainMetsAILib.scene.settings import settings_node
from BrainMetsAILib.scene.volumes import volume_image
from BrainMetsAILib.worker.launching import polite_threads
from BrainMetsAILib.worker.payload import register_input
from BrainMetsAIResponseLib.identity import DifferentPatients, IdentityCheck, check_same_patient
from BrainMetsAIResponseLib.panel.choices import (
    BASELINE_LESIONS,
    BASELINE_VOLUME,
    FOLLOW_UP_LESIONS,
    FOLLOW_UP_VOLUME,
    Pair,
    choose,
    chosen_pair,
)
from BrainMetsAIResponseLib.register_task import read_registration
from BrainMetsAIResponseLib.response import compare
from BrainMetsAIResponseLib.scene import show_response, write_response

LAID_OUT_MS = 200  # 60 ms were measured in Slicer 5.12, on two busy cores


class PairSection:
    """Chooses the pair, keeps it on the settings node, registers in the worker and takes the comparison into the scene.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAIResponsePair.ui.
    worker
        The panel's worker process.
    questions
        Asks before examinations of different patients are compared.
    on_change
        Called when the pair changed or a task started or ended.
    """

    def __init__(self, ui: Any, worker: WorkerProcess, questions: Questions, on_change: Callable[[], None]) -> None:
        self.ui, self._worker, self._questions, self._on_change = ui, worker, questions, on_change
        self._updating = False
        self._progress = TaskProgress(ui.compareProgressBar, ui.compareStatusLabel)
        self._selectors = {
            BASELINE_VOLUME: ui.baselineVolumeSelector,
            BASELINE_LESIONS: ui.baselineLesionsSelector,
            FOLLOW_UP_VOLUME: ui.followUpVolumeSelector,
            FOLLOW_UP_LESIONS: ui.followUpLesionsSelector,
        }
        for role, selector in self._selectors.items():
            selector.connect("nodeAboutToBeRemoved(vtkMRMLNode*)", self._on_leaving)
            for signal in CHOSEN:
                selector.connect(signal, self._chooser(role))
        ui.compareButton.connect("clicked()", self._on_compare)

    def refresh(self) -> None:
        """Show what the settings node holds and what can be done."""
        self._updating = True
        settings = settings_node()
        try:
            leave_out_maps([self.ui.baselineVolumeSelector, self.ui.followUpVolumeSelector])
            for role, selector in self._selectors.items():
                selector.setCurrentNode(settings.GetNodeReference(role))
        finally:
            self._updating = False
        pair, running = chosen_pair(), self._progress.running
        self.ui.compareButton.text = _("Cancel") if running else _("Compare")
        self.ui.compareButton.enabled = running or (pair.complete and pair.distinct and not self._worker.busy)
        self.ui.compareButton.toolTip = self._hint(pair)
        for selector in self._selectors.values():
            selector.enabled = not running

    def release(self) -> None:
        """At exit and reload: what the selectors say no longer counts."""
        self._updating = True

    def _hint(self, pair: Pair) -> str:
        if not pair.complete:
            return _("Choose a volume and its lesions for both examinations.")
        if not pair.distinct:
            return _("Baseline and follow-up are the same; choose two examinations.")
        return _("Wait until the running task has ended.") if self._worker.busy and not self._progress.running else ""

    def _on_leaving(self, node: Any) -> None:
        """The selectors are about to move to neighbours that nobody chose; the refresh that follows the removal shows none."""
        if node is not None and any(settings_node().GetNodeReference(role) is node for role in self._selectors):
            self._updating = True

    def _chooser(self, role: str) -> Callable[[Any], None]:
        def chosen(node: Any) -> None:
            scene = slicer.mrmlScene
            if self._updating or scene.IsClosing() or scene.IsImporting():
                return  # the selector moves by itself
            if node is not settings_node().GetNodeReference(role):  # from 5.12 on it also speaks when the node gets another name
                choose(role, node)
                self._on_change()

        return chosen

    def _on_compare(self) -> None:
        if self._progress.running:
            self._progress.cancelling()
            self._worker.cancel()
            return
        pair = chosen_pair()
        if self._worker.busy or not (pair.complete and pair.distinct):
            self._progress.say(self._hint(pair))
            return
        identity = self._identity(pair)
        if identity is None:
            self._progress.say(_("Not compared: the examinations are of different patients. Choose others, or press Compare again."))
            return
        if not self._in_order(pair):
            self._progress.say(_("Not compared: the follow-up was examined before the baseline. Exchange the two, or press Compare again."))
            return
        images = self._progress.attempt(lambda: (volume_image(pair.baseline_volume), volume_image(pair.follow_up_volume)))
        if images is not None:
            listener = self._progress.listener(lambda result: self._show(pair, identity, result), self._on_change)
            self._worker.run("register", lambda folder: register_input(folder, *images, threads=polite_threads()), listener)
            self._on_change()

    def _show_views(self, pair: Pair) -> None:
        if pair.present:
            show_response(review_nodes(pair.baseline_lesions), review_nodes(pair.follow_up_lesions))

    def _identity(self, pair: Pair) -> IdentityCheck | None:
        """Whose examinations these are; None where they differ and the person does not insist."""
        baseline, follow_up = (facts_of_volume(volume, "").patient for volume in (pair.baseline_volume, pair.follow_up_volume))
        try:
            return check_same_patient(baseline, follow_up)
        except DifferentPatients as error:
            if self._questions.confirm(str(error) + "\n\n" + _("Compare them all the same?")):
                return check_same_patient(baseline, follow_up, override=True)
        return None

    def _in_order(self, pair: Pair) -> bool:
        """Whether the follow-up is the later examination, as far as dates are known, or the person insists."""
        before, after = (facts_of_volume(volume, "").study_date for volume in (pair.baseline_volume, pair.follow_up_volume))
        if not (before and after and after < before):
            return True
        said = _("The follow-up was examined ({after}) before the baseline ({before}).").format(after=after, before=before)
        return bool(self._questions.confirm(said + "\n\n" + _("Compare them all the same?")))

    def _show(self, pair: Pair, identity: IdentityCheck, result: Mapping[str, Any]) -> str:
        """Compare, and take the comparison into the scene; returns what to say about it."""
        if not pair.present:
            return _("A volume or its lesions are gone; the result was dropped.")
        registration = read_registration(result)
        response = compare(
            read_lesions(pair.baseline_lesions),
            read_lesions(pair.follow_up_lesions),
            registration.transform,
            registration,
            identity,
            doubtful_baseline=read_doubtful_lesions(pair.baseline_lesions),
            doubtful_follow_up=read_doubtful_lesions(pair.follow_up_lesions),
        )
        nodes = write_response(pair.baseline_lesions, pair.follow_up_lesions, response)
        self._show_views(pair)
        # Views that the new layout has just made are laid out by the event loop, which undoes what was set: set it once more.
        qt.QTimer.singleShot(LAID_OUT_MS, lambda: self._show_views(pair))
        return _("Compared; the follow-up lies on the baseline under the transform “{name}”.").format(name=nodes.transform.GetName())
