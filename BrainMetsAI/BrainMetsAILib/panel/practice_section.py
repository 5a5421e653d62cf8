"""The section for trainees: makes cases whose truth is hidden, times the reading, and shows how it went once it is submitted."""

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from BrainMetsAILib.exchange.practice_record import FILE_NAME, RecordUnusable, append_row, last_cases
from BrainMetsAILib.images.examination import Role
from BrainMetsAILib.panel.case_section import chosen_volume
from BrainMetsAILib.panel.practice_clock import PracticeClock
from BrainMetsAILib.panel.practice_words import (
    calls_text,
    headings,
    help_text,
    outcome_key,
    outcome_row,
    practice_names,
    reading_words,
    tally_words,
    time_text,
)
from BrainMetsAILib.panel.process import WorkerProcess
from BrainMetsAILib.panel.progress import TaskProgress
from BrainMetsAILib.panel.questions import Questions
from BrainMetsAILib.panel.result_table import ResultTable
from BrainMetsAILib.panel.volume_selectors import CHOSEN, leave_out_maps
from BrainMetsAILib.scene.case_volumes import choose_volume
from BrainMetsAILib.scene.layout import show_lesion, show_volume
from BrainMetsAILib.scene.practice import (
    SHOW_TRUTH,
    begin_practice_case,
    practice_nodes,
    practice_of,
    show_truth_of_only,
    true_segment,
)
from BrainMetsAILib.scene.practice_case import practice_task, read_practice_case
from BrainMetsAILib.scene.practice_reading import (
    NETWORK,
    call_segment_ids,
    is_recorded,
    is_submitted,
    mark_recorded,
    note_network,
    read_reading,
    read_seconds,
    record_row,
    reveal,
    submit,
    unjudged_calls,
)
from BrainMetsAILib.scene.reader import reader_name
from BrainMetsAILib.scene.review import review_of
from BrainMetsAILib.scene.segments import segment_of
from BrainMetsAILib.scene.settings import settings_node
from BrainMetsAILib.scene.volume_dicom import SYNTHETIC

HEAD_ROLE = "BrainMetsAI.PracticeHead"  # of the settings node: the volume that cases are made from; none for the bundled head
NUMBER = "Practice.CaseNumber"  # parameter of the settings node; empty for a new one each time
FOLDER_SETTING = "BrainMetsAI/PracticeRecordFolder"  # of the application: the record spans scenes
CASE_NUMBERS = 1_000_000


class PracticeSection:
    """Makes, times, scores and records practice cases.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAIPractice.ui.
    worker
        The panel's worker process.
    questions
        Asks before a reading without any call is submitted, and for the record's folder.
    on_change
        Called when the volume changed or a task started or ended.
    """

    def __init__(self, ui: Any, worker: WorkerProcess, questions: Questions, on_change: Callable[[], None]) -> None:
        self.ui, self._worker, self._questions, self._on_change = ui, worker, questions, on_change
        self._updating = self._open = False
        self._record_problem = ""
        self._progress = TaskProgress(ui.practiceProgressBar, ui.practiceStatusLabel)
        self.table = ResultTable(ui.resultTable, headings(), self._on_row)
        self.clock = PracticeClock(self._say_reading)
        ui.practiceHeadSelector.connect("nodeAboutToBeRemoved(vtkMRMLNode*)", self._on_leaving)
        for signal in CHOSEN:
            ui.practiceHeadSelector.connect(signal, self._on_head)
        ui.practiceSeedBox.connect("valueChanged(int)", self._on_number)
        ui.practiceButton.connect("clicked()", self._on_make)
        ui.submitButton.connect("clicked()", self._on_submit)
        ui.truthBox.connect("toggled(bool)", self._on_truth)
        ui.recordButton.connect("clicked()", self._on_record)
        ui.recordFolderButton.connect("clicked()", self._on_folder)
        self._say_record()

    def enter(self) -> None:
        """The module was opened: the clock of an open case runs."""
        self._open = True
        self._say_record()

    def leave(self) -> None:
        """Another module was opened: the clock stands still."""
        self._open = False
        self.clock.stop()

    def release(self) -> None:
        """Before the scene closes and at exit: no node is held."""
        self.clock.stop()
        self.table.fill({})

    def refresh(self) -> None:
        """Show what the scene holds."""
        settings = settings_node()
        self._updating = True
        try:
            leave_out_maps([self.ui.practiceHeadSelector])
            self.ui.practiceHeadSelector.setCurrentNode(settings.GetNodeReference(HEAD_ROLE))
            self.ui.practiceSeedBox.value = int(settings.GetParameter(NUMBER) or -1)
        finally:
            self._updating = False
        running = self._progress.running
        self.ui.practiceButton.text = _("Cancel") if running else _("Make a practice case")
        self.ui.practiceButton.enabled = running or not self._worker.busy
        volume = chosen_volume()
        practice = practice_of(volume)
        show_truth_of_only(volume)
        reading = practice is not None and not is_submitted(practice)
        self.clock.follow(practice if reading and self._open else None)
        self.ui.readingLabel.setVisible(reading)
        self.ui.submitButton.setVisible(reading)
        self._say_reading()
        self._show_result(None if reading else practice)

    def _say_reading(self) -> None:
        """The line about the reading that goes on."""
        volume = chosen_volume()
        practice = practice_of(volume)
        if practice is None or is_submitted(practice):
            return
        sentences = [
            _("“{name}”: reading time {time}, {help}. {calls}.").format(
                name=volume.GetName(),
                time=time_text(read_seconds(practice)),
                help=help_text(note_network(practice)),
                calls=calls_text(len(call_segment_ids(volume)), unjudged_calls(volume)),
            )
        ]
        if self.clock.idle:
            sentences.append(_("The clock stands still until you go on."))
        self.ui.readingLabel.text = " ".join(sentences)

    def _show_result(self, practice: Any) -> None:
        """How the submitted reading went; nothing for None."""
        for widget in (self.ui.resultLabel, self.ui.truthBox, self.ui.resultTable):
            widget.setVisible(practice is not None)
        self.ui.recordButton.setVisible(practice is not None and not is_recorded(practice))
        if practice is None:
            self.table.fill({})
            return
        reading = read_reading(practice)
        self._updating = True
        try:
            self.ui.truthBox.checked = practice.GetParameter(SHOW_TRUTH) == "1"
        finally:
            self._updating = False
        self.ui.resultLabel.text = reading_words(reading, read_seconds(practice), practice.GetParameter(NETWORK))
        self.table.fill({outcome_key(outcome): outcome_row(outcome) for outcome in reading.outcomes})

    def _on_leaving(self, node: Any) -> None:
        """The selector is about to move to a neighbour that nobody chose."""
        if node is not None and node is settings_node().GetNodeReference(HEAD_ROLE):
            self._updating = True  # until the refresh that follows the removal

    def _on_head(self, head: Any) -> None:
        scene = slicer.mrmlScene
        if not (self._updating or scene.IsClosing() or scene.IsImporting()):
            settings_node().SetNodeReferenceID(HEAD_ROLE, head.GetID() if head else None)

    def _on_number(self, number: int) -> None:
        if not self._updating:
            settings_node().SetParameter(NUMBER, str(number) if number >= 0 else "")

    def _on_make(self) -> None:
        if self._progress.running:
            self._progress.cancelling()
            self._worker.cancel()
            return
        if self._worker.busy:
            return
        head = settings_node().GetNodeReference(HEAD_ROLE)
        if head is not None and head.GetAttribute(SYNTHETIC):
            self._progress.say(_("“{name}” has synthetic lesions already; choose a head without lesions.").format(name=head.GetName()))
            return
        number = settings_node().GetParameter(NUMBER)
        seed = int(number) if number else random.randrange(CASE_NUMBERS)
        prepared = self._progress.attempt(lambda: practice_task(head, seed))
        if prepared is None:
            return
        self._worker.run("practice", prepared, self._progress.listener(lambda result: self._take(result, head), self._on_change))
        self._on_change()

    def _take(self, result: Mapping[str, Any], head: Any) -> str:
        case = read_practice_case(result, bundled=head is None)
        baseline, follow_up = begin_practice_case(case, practice_names())
        choose_volume(Role.T1C, baseline)
        show_volume(baseline)
        return _(
            "Case {number} is made. Mark every lesion of “{baseline}”, then submit; “{follow_up}” can be read after it."
        ).format(number=case.seed, baseline=baseline.GetName(), follow_up=follow_up.GetName())

    def _on_submit(self) -> None:
        volume = chosen_volume()
        practice = practice_of(volume)
        if practice is None or is_submitted(practice):
            return
        if not call_segment_ids(volume) and not self._questions.confirm(_("You have marked no lesion. Submit all the same?")):
            return
        self.clock.stop()
        if self._progress.attempt(lambda: submit(practice)) is not None:
            self._progress.say("")
            self._record([practice])
        self._on_change()

    def _on_truth(self, shown: bool) -> None:
        practice = practice_of(chosen_volume())
        if not self._updating and practice is not None and is_submitted(practice):
            reveal(practice, shown)

    def _on_row(self, key: str) -> None:
        volume = chosen_volume()
        practice = practice_of(volume)
        outcome = next((o for o in read_reading(practice).outcomes if outcome_key(o) == key), None) if practice is not None else None
        if outcome is None:
            return
        # A click on a row shows the truth again where it was switched off: that is what it asks for.
        segmentation = reveal(practice, True) if outcome.true_number else review_of(volume)
        if segmentation is None:
            segment_id = None
        elif outcome.true_number:
            segment_id = true_segment(segmentation, outcome.true_number)
        else:
            segment_id = segment_of(segmentation, outcome.lesion_uid)
        if segment_id is None:
            self._progress.say(_("That outline is no longer in the scene."))
            return
        composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        if volume.GetID() not in [composite.GetBackgroundVolumeID() for composite in composites]:
            show_volume(volume)
        self.ui.truthBox.checked = practice.GetParameter(SHOW_TRUTH) == "1"
        show_lesion(segmentation, segment_id)

    def _on_record(self) -> None:
        self._record([practice_of(chosen_volume())])
        self.refresh()

    def _on_folder(self) -> None:
        folder = self._questions.choose_folder(_("Folder of the practice record"))
        if folder:
            slicer.app.userSettings().setValue(FOLDER_SETTING, folder)
            self._record(practice_nodes())
            self.refresh()

    def _record(self, practices: list[Any]) -> None:
        """Put submitted readings into the record, each once."""
        self._record_problem = ""
        for practice in practices:
            if is_submitted(practice) and not is_recorded(practice):
                try:
                    append_row(_record_folder(), record_row(practice))
                except RecordUnusable as error:
                    self._record_problem = str(error)
                    break
                mark_recorded(practice)
        self._say_record()

    def _say_record(self) -> None:
        self.ui.recordPathEdit.text = str(_record_folder() / FILE_NAME)
        try:
            text = self._record_problem or tally_words(last_cases(_record_folder(), reader_name()))
        except RecordUnusable as error:
            text = str(error)
        self.ui.tallyLabel.text = text


def _record_folder() -> Path:
    """The folder a person chose, or that of the application's settings."""
    chosen = slicer.app.userSettings().value(FOLDER_SETTING)
    return Path(str(chosen)) if chosen else Path(slicer.app.slicerUserSettingsFilePath).parent
