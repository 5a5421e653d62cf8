"""The section that finds lesions: one button that runs and cancels, progress in words and per cent."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import slicer
from slicer.i18n import tr as _

from BrainMetsAILib.models.bundles import Bundle, BundleError, metastasis_bundles
from BrainMetsAILib.models.settings import ALL_CANDIDATES, BALANCED, BLACK_BLOOD, OperatingPoint, balanced_score, operating_points
from BrainMetsAILib.panel.case_section import chosen_volume
from BrainMetsAILib.panel.process import WorkerProcess
from BrainMetsAILib.panel.progress import TaskProgress
from BrainMetsAILib.panel.questions import Questions
from BrainMetsAILib.panel.setup_section import SetupSection
from BrainMetsAILib.panel.volume_facts import facts_of_volume, modality_of_volume, needs_thickness_confirmation, thickness_warning
from BrainMetsAILib.scene.history import History
from BrainMetsAILib.scene.layout import show_review
from BrainMetsAILib.scene.review import write_review
from BrainMetsAILib.scene.settings import LEAST_SCORE, least_score, settings_node
from BrainMetsAILib.scene.visibility import log_least_score, set_least_score
from BrainMetsAILib.scene.volumes import volume_image
from BrainMetsAILib.worker.launching import polite_threads
from BrainMetsAILib.worker.payload import find_input, read_finding

MODEL, DEVICE = "Find.Model", "Find.Device"  # parameters of the settings node
DEVICES = ("auto", "cpu", "cuda")
SAME_SCORE = 0.0005
"""Scores nearer to each other than this are one: the slider knows fewer digits than a bundle's operating point."""


class FindSection:
    """Sends the volume to the worker and takes the finding into the scene.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAIFind.ui.
    worker
        The panel's worker process.
    setup
        Sees to it that torch is there.
    questions
        Asks before thick slices are searched.
    on_change
        Called when a task started or ended.
    history
        The undo history of the chosen volume's lesions, saved before a second run replaces those that nobody touched.
    """

    def __init__(
        self,
        ui: Any,
        worker: WorkerProcess,
        setup: SetupSection,
        questions: Questions,
        on_change: Callable[[], None],
        history: History | None = None,
    ) -> None:
        self.ui, self._worker, self._setup, self._questions, self._on_change = ui, worker, setup, questions, on_change
        self._history = history
        self._updating = False
        self._progress = TaskProgress(ui.findProgressBar, ui.findStatusLabel)
        self._bundles = self._progress.attempt(_installed) or ()
        self._models = [bundle.name for bundle in self._bundles]
        self._points: tuple[OperatingPoint, ...] = ()
        ui.modelBox.addItems(self._models)
        ui.deviceBox.addItems([_("Automatic"), _("Processor"), _("Graphics card (CUDA)")])
        ui.modelBox.connect("currentIndexChanged(int)", self._on_choice)
        ui.deviceBox.connect("currentIndexChanged(int)", self._on_choice)
        ui.operatingPointBox.connect("activated(int)", self._on_operating_point)
        ui.runButton.connect("clicked()", self._on_run)

    def refresh(self) -> None:
        """Show what the settings node holds and what can be done."""
        self._updating = True
        settings = settings_node()
        try:
            self.ui.modelBox.setCurrentIndex(_position(self._models, settings.GetParameter(MODEL)))
            self.ui.deviceBox.setCurrentIndex(_position(DEVICES, settings.GetParameter(DEVICE)))
            self._show_operating_point()
        finally:
            self._updating = False
        running = self._progress.running
        self.ui.runButton.text = _("Cancel") if running else _("Find lesions")
        self.ui.runButton.enabled = running or (chosen_volume() is not None and not self._worker.busy and not self._setup.installing)
        self.ui.runButton.toolTip = self._hint(running)
        self.ui.modelBox.enabled = self.ui.deviceBox.enabled = not running

    def _hint(self, running: bool) -> str:
        """Why nothing can be found now; empty where it can."""
        if chosen_volume() is None:
            return _("Choose a volume first.")
        return _("Wait until the running task has ended.") if not running and (self._worker.busy or self._setup.installing) else ""

    def _show_operating_point(self) -> None:
        """The points of the chosen network, and behind them what the slider of the lesions says where that is none of them."""
        index = self.ui.modelBox.currentIndex
        points = self._progress.attempt(lambda: operating_points(self._bundles[index])) if 0 <= index < len(self._bundles) else None
        if (points or ()) != self._points or self.ui.operatingPointBox.count == 0:
            self._points = points or ()
            self.ui.operatingPointBox.clear()
            self.ui.operatingPointBox.addItems([*(point_text(point) for point in self._points), _("As the score slider says")])
        value = least_score()
        if not settings_node().GetParameter(LEAST_SCORE):  # what the first finding will begin with
            value = balanced_score(self._points)
        chosen = [place for place, point in enumerate(self._points) if abs(point.least_score - value) < SAME_SCORE]
        self.ui.operatingPointBox.setCurrentIndex(chosen[0] if chosen else len(self._points))

    def _on_operating_point(self, index: int) -> None:
        """Move the slider of the lesions, and nothing else: outlines stay as they are."""
        if 0 <= index < len(self._points):
            set_least_score(self._points[index].least_score)
            log_least_score()
        self._on_change()

    def _on_choice(self, index: int) -> None:
        if not self._updating:
            settings = settings_node()
            settings.SetParameter(MODEL, self._models[self.ui.modelBox.currentIndex] if self._models else "")
            settings.SetParameter(DEVICE, DEVICES[self.ui.deviceBox.currentIndex])
            self._show_operating_point()

    def _on_run(self) -> None:
        if self._progress.running:
            self._progress.cancelling()
            self._worker.cancel()
            return
        volume = chosen_volume()
        if volume is None:
            self._progress.say(_("Choose a volume first."))
        elif not self._setup.ensure(lambda: self._start(volume)):
            self._progress.say(_("Lesions cannot be found before the packages are installed; see Setup."))

    def _start(self, volume: Any) -> None:
        """Send the volume; it may have gone while packages were installed."""
        if self._worker.busy or not slicer.mrmlScene.IsNodePresent(volume):
            return
        thick = needs_thickness_confirmation(volume)
        if thick and not self._questions.confirm(thickness_warning(volume) + " " + _("Search it all the same?")):
            self._progress.say(_("Not searched: the slices are too thick."))
            return
        image = self._progress.attempt(lambda: volume_image(volume))
        if image is None:
            return
        settings = settings_node()

        def prepare(folder: Any) -> Mapping[str, Any]:
            return find_input(
                folder, image, modality=modality_of_volume(volume), model=settings.GetParameter(MODEL) or None,
                device=settings.GetParameter(DEVICE) or "auto", threads=polite_threads(), accept_thick=thick,
            )

        self._worker.run("find", prepare, self._progress.listener(lambda result: self._show(volume, image, result), self._on_change))
        self._on_change()

    def _show(self, volume: Any, image: Any, result: Mapping[str, Any]) -> str:
        """Take the result into the scene; returns what to say about it."""
        if not slicer.mrmlScene.IsNodePresent(volume):
            return _("The volume is gone; the result was dropped.")
        finding = read_finding(result, image)
        warnings = tuple(str(sentence) for sentence in (*result.get("warnings", ()), *finding.notes))
        shown = volume is chosen_volume()  # another one may have been chosen meanwhile: then its views and undo states stay
        history = self._history if shown else None
        nodes = write_review(volume, finding, facts=facts_of_volume(volume, "Examination", warnings), history=history)
        if shown:
            show_review(nodes)
        else:
            nodes.segmentation.SetDisplayVisibility(False)
        found = found_text(finding.scores.values(), least_score(), self._points)
        if not shown:
            found = _("In “{name}”: {found}").format(name=volume.GetName(), found=found)
        return " ".join((found, _("It took {seconds} s.").format(seconds=f"{finding.provenance.seconds:.0f}"), *warnings))


def found_text(scores: Iterable[float], least: float, points: Iterable[OperatingPoint]) -> str:
    """What a run found, as the lesion table counts it: the lesions from the least score on, and the hidden candidates below it.

    Parameters
    ----------
    scores
        Of every candidate, 0 to 1.
    least
        The least score that holds.
    points
        Operating points of the network, one of which may have that score.
    """
    scores = list(scores)
    hidden = sum(score < least for score in scores)
    number = len(scores) - hidden
    sentence = _("1 lesion found") if number == 1 else _("{count} lesions found").format(count=number)
    if least > 0.0:
        sentence = f"{sentence} {_point_words(least, points)}"
    if hidden == 1:
        sentence += _("; 1 more candidate below it, shown when the score slider is lowered")
    elif hidden:
        sentence += _("; {count} more candidates below it, shown when the score slider is lowered").format(count=hidden)
    return sentence + "."


def _point_words(least: float, points: Iterable[OperatingPoint]) -> str:
    words = {
        "high sensitivity": _("at the high-sensitivity point"),
        BALANCED: _("at the balanced point"),
        BLACK_BLOOD: _("at the balanced point for black-blood images"),
        "high precision": _("at the high-precision point"),
    }
    named = (words[point.name] for point in points if point.name in words and abs(point.least_score - least) < SAME_SCORE)
    return next(named, _("with a score of {score} or more").format(score=f"{least:.2f}"))


def point_text(point: OperatingPoint) -> str:
    """An operating point as the box shows it."""
    if point.name == ALL_CANDIDATES:
        return _("All candidates of the network")
    known = {
        "high sensitivity": _("High sensitivity"),
        BALANCED: _("Balanced"),
        BLACK_BLOOD: _("Balanced, for black-blood images"),
        "high precision": _("High precision"),
    }
    return _("{name}: score {score} and above").format(name=known.get(point.name, point.name), score=f"{point.least_score:.2f}")


def _installed() -> tuple[Bundle, ...]:
    found = metastasis_bundles()
    if not found:
        raise BundleError(_("No network is installed; reinstall the extension."))
    return found


def _position(choices: list[str] | tuple[str, ...], value: str) -> int:
    return choices.index(value) if value in choices else 0
