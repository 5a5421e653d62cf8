"""Below the lesion table: buttons that decide about the selected lesion, its class and comment."""

from collections.abc import Callable, Sequence
from typing import Any

from slicer.i18n import tr as _

from BrainMetsAILib.panel.lesion_rows import class_text
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.decisions import (
    CLASSES,
    accept_all,
    decide,
    set_automatic_diameters,
    set_class,
    set_comment,
    take_back,
)
from BrainMetsAILib.scene.history import History
from BrainMetsAILib.scene.listing import ListedLesion
from BrainMetsAILib.scene.segments import TAKEN_OUT


class LesionEditor:
    """Decides about one lesion, or about all that are listed.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAILesions.ui.
    history
        The undo history of the review.
    delete
        Takes the selected lesion out of the scene.
    """

    def __init__(self, ui: Any, history: History, delete: Callable[[], object]) -> None:
        self.ui, self._history = ui, history
        self._segmentation: Any = None
        self._uid = ""
        self._listed: tuple[str, ...] = ()
        ui.classBox.addItems(["", *(class_text(name) for name in CLASSES)])
        self._class_line = ui.classBox.lineEdit()  # without this reference the connection ends with the wrapper
        self._class_line.setPlaceholderText(_("not said"))
        ui.acceptButton.connect("clicked()", self.accept)
        ui.rejectButton.connect("clicked()", self.reject)
        ui.takeBackButton.connect("clicked()", self.take_back)
        ui.deleteButton.connect("clicked()", delete)
        ui.acceptAllButton.connect("clicked()", self._accept_all)
        ui.automaticButton.connect("clicked()", self._automatic)
        ui.classBox.connect("activated(int)", self._on_class_chosen)
        self._class_line.connect("editingFinished()", self._on_class)
        ui.commentEdit.connect("editingFinished()", self._on_comment)

    def show(self, segmentation: Any, selected: ListedLesion | None, listed: Sequence[ListedLesion]) -> None:
        """Take up the selected lesion, None for none, and the lesions that the table lists."""
        ui = self.ui
        uid = selected.lesion.lesion_uid if selected else ""
        other = uid != self._uid or segmentation is not self._segmentation
        self._segmentation, self._uid = segmentation, uid
        open_ones = [entry for entry in listed if not entry.left_out and entry.review == tags.UNREVIEWED]
        self._listed = tuple(entry.lesion.lesion_uid for entry in open_ones)
        ui.selectedLabel.text = selected.lesion.name if selected else _("No lesion selected")
        ui.acceptButton.enabled = selected is not None and selected.review != tags.ACCEPTED
        ui.rejectButton.enabled = selected is not None and selected.review != tags.REJECTED
        ui.takeBackButton.enabled = selected is not None and selected.left_out in (tags.REJECTED, TAKEN_OUT)
        ui.deleteButton.enabled = ui.classBox.enabled = ui.commentEdit.enabled = selected is not None
        ui.automaticButton.enabled = selected is not None and selected.lesion.measurements.whole.manual
        ui.acceptAllButton.enabled = bool(open_ones)
        # What a person is typing about this lesion stays; another lesion's words, or an undo's, replace it.
        if other or not ui.commentEdit.hasFocus():
            _set_text(ui.commentEdit, selected.comment if selected else "")
        if other or not self._class_line.hasFocus():
            _set_text(self._class_line, class_text(selected.lesion_class) if selected else "")

    def accept(self) -> None:
        """The selected lesion is one."""
        self._with_lesion(lambda segmentation, uid: decide(segmentation, [uid], tags.ACCEPTED, self._history))

    def reject(self) -> None:
        """The selected lesion is none."""
        self._with_lesion(lambda segmentation, uid: decide(segmentation, [uid], tags.REJECTED, self._history))

    def take_back(self) -> None:
        """The selected lesion counts again."""
        self._with_lesion(lambda segmentation, uid: take_back(segmentation, [uid], self._history))

    def _accept_all(self) -> None:
        if self._segmentation is not None:
            accept_all(self._segmentation, self._listed, self._history)

    def _automatic(self) -> None:
        self._with_lesion(lambda segmentation, uid: set_automatic_diameters(segmentation, uid, self._history))

    def _on_class_chosen(self, index: int) -> None:
        self._on_class()

    def _on_class(self) -> None:
        text = self._class_line.text.strip()
        name = next((known for known in CLASSES if class_text(known).lower() == text.lower()), text)
        self._with_lesion(lambda segmentation, uid: set_class(segmentation, uid, name, self._history))

    def _on_comment(self) -> None:
        text = self.ui.commentEdit.text
        self._with_lesion(lambda segmentation, uid: set_comment(segmentation, uid, text, self._history))

    def _with_lesion(self, work: Callable[[Any, str], object]) -> None:
        if self._segmentation is not None and self._uid:
            work(self._segmentation, self._uid)


def _set_text(line: Any, text: str) -> None:
    if line.text != text:
        line.setText(text)
