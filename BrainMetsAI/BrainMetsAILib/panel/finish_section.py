"""The last section: what is left to review, sign-off, export, and a text for the radiology report."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from BrainMetsAILib.exchange.report_text import ReportContent, report_text
from BrainMetsAILib.images.examination import ImageRefused
from BrainMetsAILib.panel.questions import Questions
from BrainMetsAILib.scene.content_watch import ContentWatch
from BrainMetsAILib.scene.export import export_steps
from BrainMetsAILib.scene.reader import reader_name, set_reader_name
from BrainMetsAILib.scene.report_content import report_content
from BrainMetsAILib.scene.review_counts import ReviewCounts, next_unreviewed, review_counts
from BrainMetsAILib.scene.sign_off import sign_off

QUIET_MS = 300  # after the last change: an edit and its table come first


def counts_words(counts: ReviewCounts) -> str:
    """How far the review has come, in words."""
    count, left = len(counts.counting), len(counts.unreviewed)
    if not count:
        words = _("No lesion.")
    elif not left:
        words = _("1 lesion, reviewed.") if count == 1 else _("{count} lesions, all reviewed.").format(count=count)
    else:
        words = _("1 lesion, not reviewed yet.") if count == 1 else _("{count} lesions, {left} of them not reviewed yet.").format(
            count=count, left=left
        )
    if counts.rejected:
        words += " " + _("{count} rejected.").format(count=counts.rejected)
    if counts.hidden:
        words += " " + _("{count} hidden, by score or post-processing.").format(count=counts.hidden)
    return words


class FinishSection:
    """Counts, signs, exports and words one review.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAIFinish.ui.
    questions
        Asks before an unfinished review is signed, and for a folder.
    current
        UID of the lesion that is looked at; empty where there is none.
    go_to
        Shows the lesion of that UID, as a click on its row does.
    """

    def __init__(self, ui: Any, questions: Questions, current: Callable[[], str], go_to: Callable[[str], None]) -> None:
        self.ui, self._questions, self._current, self._go_to = ui, questions, current, go_to
        self._segmentation: Any = None
        self._export: Generator[None, None, Path] | None = None
        self._later = _timer(QUIET_MS, self.refresh)
        self._turn = _timer(0, self._export_step)
        self._watch = ContentWatch(self._later.start)
        ui.readerEdit.connect("editingFinished()", self._on_reader)
        ui.nextButton.connect("clicked()", self._on_next)
        ui.signButton.connect("clicked()", self._on_sign)
        ui.exportButton.connect("clicked()", self._on_export)
        ui.copyButton.connect("clicked()", self._on_copy)
        self._say("")
        self.refresh()

    def show(self, segmentation: Any) -> None:
        """Take up a review's segmentation node; None for none."""
        if segmentation is self._segmentation and segmentation is not None:
            self._later.start()  # something else in the scene has changed: a name, a comparison
            return
        self.release()
        self._segmentation = segmentation
        self._watch.follow(segmentation)
        self.refresh()

    def release(self) -> None:
        """Let go of the review, before the scene closes and at exit; an export under way leaves nothing behind."""
        self._watch.release()
        self._later.stop()
        self._turn.stop()
        if self._export is not None:
            self._export.close()
            self._export = None
        self._segmentation = None
        self._say("")

    def refresh(self) -> None:
        """Show the review as it is now."""
        review, ui = self._segmentation, self.ui
        if not ui.readerEdit.modified:  # a person may be typing
            ui.readerEdit.text = reader_name()
        exporting = self._export is not None
        for button in (ui.signButton, ui.copyButton):
            button.enabled = review is not None
        ui.exportButton.enabled = review is not None and not exporting
        counts = review_counts(review) if review is not None else None
        content = report_content(review) if review is not None else None
        ui.nextButton.enabled = counts is not None and bool(counts.unreviewed)
        ui.countsLabel.text = counts_words(counts) if counts is not None else _("No lesions yet.")
        ui.signLabel.text = _signed_words(content) if content is not None else ""
        ui.signLabel.setVisible(content is not None)
        text = report_text(content) if content is not None else ""
        if ui.reportText.plainText != text:  # else a person's selection would go
            ui.reportText.plainText = text

    def _on_reader(self) -> None:
        set_reader_name(self.ui.readerEdit.text)
        self.ui.readerEdit.text = reader_name()  # and it is no longer modified

    def _on_next(self) -> None:
        uid = next_unreviewed(review_counts(self._segmentation), self._current()) if self._segmentation is not None else ""
        if uid:
            self._go_to(uid)

    def _on_sign(self) -> None:
        if self._segmentation is None:
            return
        self._on_reader()  # a button pressed by key leaves the line edit unfinished
        left = len(review_counts(self._segmentation).unreviewed)
        question = _("Not reviewed yet: {count}. They stay in totals and exports. Sign off as it is?").format(count=left)
        if left and reader_name() and not self._questions.confirm(question):
            self._say(_("Not signed. Lesions not reviewed yet: {count}.").format(count=left))
            return
        try:
            sign_off(self._segmentation)
            self._say("")
        except ValueError as error:
            self._say(str(error))
        self.refresh()

    def _on_export(self) -> None:
        if self._segmentation is None or self._export is not None:
            return
        folder = self._questions.choose_folder(_("Folder in which a new folder with the files is made"))
        if folder:
            self._export = export_steps(self._segmentation, Path(folder))
            self._say(_("Writing…"))
            self.ui.exportButton.enabled = False
            self._turn.start()

    def _export_step(self) -> None:
        """One step at a time, so that the interface goes on."""
        if self._export is None:
            return
        try:
            next(self._export)
        except StopIteration as end:
            self._end_export(_("Written: {folder}").format(folder=end.value))
        except (ImageRefused, ValueError) as error:
            self._end_export(str(error))
        else:
            self._turn.start()

    def _end_export(self, sentence: str) -> None:
        self._export = None
        self._say(sentence)
        self.refresh()

    def _on_copy(self) -> None:
        self.refresh()  # what is copied is the review as it is now
        slicer.app.clipboard().setText(self.ui.reportText.plainText)
        self._say(_("The report text was copied."))

    def _say(self, sentence: str) -> None:
        self.ui.finishStatusLabel.text = sentence
        self.ui.finishStatusLabel.setVisible(bool(sentence))


def _signed_words(content: ReportContent) -> str:
    if not content.signed:
        return _("Not signed off.")
    words = _("Signed off by {signature}.") if not content.changed_since_signed else _(
        "Changed since it was signed off by {signature}. Sign again once you agree with it as it is now."
    )
    return words.format(signature=content.signed)


def _timer(milliseconds: int, call: Callable[[], None]) -> "qt.QTimer":
    timer = qt.QTimer()
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.connect("timeout()", call)
    return timer
