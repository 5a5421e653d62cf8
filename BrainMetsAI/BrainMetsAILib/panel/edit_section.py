"""The section in which lesions are edited: Slicer's own effects on the selected lesion, and what they lack."""

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from BrainMetsAILib.panel.edit_tools import EditTools
from BrainMetsAILib.panel.embedded_editor import EmbeddedEditor
from BrainMetsAILib.scene.edit_log import log_edit
from BrainMetsAILib.scene.edit_watch import EditWatch
from BrainMetsAILib.scene.edits import delete_lesion, fill_necrosis, split_in_middle
from BrainMetsAILib.scene.masks import layers_are_merged, segment_ml, split_merged_layers
from BrainMetsAILib.scene.review import ReviewNodes
from BrainMetsAILib.scene.segments import necrosis_segment_id, segment_of, set_necrosis


class EditSection:
    """Edits one examination's lesions; its undo history covers masks and decisions (`save` implements `scene.history.History`).

    Parameters
    ----------
    ui
        Widgets of BrainMetsAIEdit.ui.
    on_change
        Called after each edit, undo and redo, with the UID of a lesion that should be selected now, or an empty text.
    """

    def __init__(self, ui: Any, on_change: Callable[[str], None]) -> None:
        self.ui, self._on_change = ui, on_change
        self._nodes: ReviewNodes | None = None
        self._lesion = ""
        self._watch: EditWatch | None = None
        self._observed: list[tuple[Any, int]] = []
        self._ruling = self._told = False
        self.editor = EmbeddedEditor(ui.lesionEditor)
        self.tools = EditTools(ui, self._run, self.say, self.editor)
        self._timer = qt.QTimer()  # after a stroke: once within one turn of the event loop
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._settle)
        ui.undoButton.connect("clicked()", self.undo)
        ui.redoButton.connect("clicked()", self.redo)
        ui.lesionRadio.connect("toggled(bool)", self._on_target)
        ui.splitMiddleButton.connect("clicked()", self._on_split_middle)
        ui.fillButton.connect("clicked()", self._on_fill)
        ui.deleteButton.connect("clicked()", self.delete)
        self.release()

    # What the module tells

    def edit(self, nodes: ReviewNodes | None) -> None:
        """Take up an examination; None for none."""
        usable = nodes is not None and nodes.volume is not None and slicer.mrmlScene.IsNodePresent(nodes.segmentation)
        if not usable or nodes is None:
            self.release()
            return
        same = self._nodes is not None and self._nodes.segmentation is nodes.segmentation and self._nodes.volume is nodes.volume
        if not same:
            self.release()
            content, events = nodes.segmentation.GetSegmentation(), slicer.vtkSegmentation
            split_merged_layers(nodes.segmentation)
            self.editor.edit(nodes.segmentation, nodes.volume)
            self._watch = EditWatch(nodes.segmentation)
            self._observed.append((content, content.AddObserver(events.SourceRepresentationModified, self._on_drawn)))
            for event in (events.SegmentModified, events.SegmentAdded, events.SegmentRemoved):
                self._observed.append((content, content.AddObserver(event, self._on_segment)))
        self._nodes = nodes
        self.tools.edit(nodes)
        self.choose(self._lesion)

    def choose(self, lesion_uid: str) -> None:
        """Edit this lesion from now on; empty for none."""
        if lesion_uid != self._lesion:
            self._lesion = lesion_uid
            self.ui.lesionRadio.setChecked(True)
        self.tools.choose(lesion_uid)
        self._aim()
        self._show()

    def release(self) -> None:
        """Let go of the examination, before the scene closes and at exit."""
        for content, number in self._observed:
            content.RemoveObserver(number)
        self._observed, self._watch, self._nodes, self._lesion, self._told = [], None, None, "", False
        self._timer.stop()
        self.tools.edit(None)
        self.editor.release()
        self.say("")
        self._show()

    def enter(self) -> None:
        """The module was opened."""
        self.editor.open()

    def exit(self) -> None:
        """The module was left."""
        self.tools.stop()
        self.editor.close()

    # The one history

    def save(self) -> None:
        """Keep the present state of masks and tags as one step of undo; whoever asks for it says in the log what changes then."""
        if self._nodes is not None:
            self._settle()
            self.tools.forget_added()
            self.editor.save()
            self._told = True
            self._timer.start()

    def undo(self) -> None:
        """Take the last step back: masks, decisions, lesions that came or went."""
        self._restore("undone", self.editor.undo, lambda: self.editor.can_undo, _("There is nothing to undo."))

    def redo(self) -> None:
        """Bring the step again that was taken back last."""
        self._restore("redone", self.editor.redo, lambda: self.editor.can_redo, _("There is nothing to redo."))

    def delete(self) -> None:
        """Take the selected lesion out of the scene."""
        self._run(lambda nodes: delete_lesion(nodes.segmentation, self._lesion, self.editor))

    def add_by_click(self) -> None:
        """Wait for a click on a lesion that is to be added."""
        self.tools.start("add")

    def say(self, sentence: str) -> None:
        """Show a sentence below the tools."""
        self.ui.editStatusLabel.text = sentence
        self.ui.editStatusLabel.setVisible(bool(sentence))

    # Behind it

    def _run(self, edit: Callable[[ReviewNodes], str]) -> None:
        """Do one edit of `scene.edits`; its refusal is shown. ``edit`` returns the UID of the lesion to go on with."""
        if self._nodes is None or self._watch is None:
            return
        self._settle()
        self._ruling = True
        try:
            lesion_uid = edit(self._nodes)
        except ValueError as refusal:
            self.say(str(refusal))
            return
        finally:
            self._ruling = False
        self.say("")
        self._watch.forget()
        self._changed(lesion_uid)

    def _restore(self, event: str, restore: Callable[[], None], possible: Callable[[], bool], otherwise: str) -> None:
        self._settle()
        if self._nodes is None or self._watch is None or not possible():
            self.say(otherwise)
            return
        self.tools.stop()
        self.tools.forget_added()
        self._ruling = True
        try:
            restore()
        finally:
            self._ruling = False
        self.say("")
        log_edit(self._nodes.segmentation, event, self._watch.settle(with_judgements=True), self._lesion)
        self._changed("")

    def _settle(self) -> None:
        """After strokes and whatever else changed segments: apply the rule, log, tell."""
        self._timer.stop()
        if self._watch is None or self._nodes is None or self._ruling or not slicer.mrmlScene.IsNodePresent(self._nodes.segmentation):
            return
        self._ruling = True
        try:
            split_merged_layers(self._nodes.segmentation)  # where the scene was saved; redo is lost by that anyway
            changes = self._watch.settle()
        finally:
            self._ruling = False
        told, self._told = self._told, False
        if changes:
            self.tools.forget_added()
            if not told:
                log_edit(self._nodes.segmentation, "edited", changes, self._lesion, effect=self.editor.effect)
            self._changed("")
        else:
            self._show()

    def _changed(self, lesion_uid: str) -> None:
        if lesion_uid:
            self._lesion = lesion_uid
            self.tools.choose(lesion_uid)
        self._aim()
        self._show()
        self._on_change(lesion_uid)

    def _on_drawn(self, caller: Any, event: str) -> None:
        """A layer was written: what was drawn over other lesions is taken back before anything is redrawn."""
        if self._ruling or self._watch is None or self._nodes is None:
            return
        self._timer.start()
        if not self.editor.effect or layers_are_merged(self._nodes.segmentation):  # no stroke: saving merges layers one by one
            return
        self._ruling = True
        try:
            self._watch.while_drawing(self.editor.segment_id)
        finally:
            self._ruling = False

    def _on_segment(self, caller: Any, event: str) -> None:
        if not self._ruling:
            self._timer.start()

    def _on_target(self, checked: bool) -> None:
        self._aim()
        self._show()

    def _on_split_middle(self) -> None:
        self._run(lambda nodes: split_in_middle(nodes.segmentation, self._lesion, self.editor)[0])

    def _on_fill(self) -> None:
        self._run(lambda nodes: fill_necrosis(nodes, self._lesion, self.editor))

    def _aim(self) -> None:
        """Point the editor at the lesion or at the necrosis, whichever is to be edited."""
        if self._nodes is None:
            return
        segmentation = self._nodes.segmentation
        segment_id = segment_of(segmentation, self._lesion) if self._lesion else None
        if segment_id is None:
            self._lesion = ""
        elif self.ui.necrosisRadio.checked:
            segment_id = necrosis_segment_id(segmentation) or set_necrosis(segmentation, None)
        self.editor.choose(segment_id or "")

    def _show(self) -> None:
        """What is edited, and what can be done."""
        segment_id = segment_of(self._nodes.segmentation, self._lesion) if self._nodes is not None and self._lesion else None
        if self._nodes is None:
            self.ui.editedLabel.text = _("There is no lesion to edit yet: find lesions, or import earlier contours.")
        elif segment_id is None:
            self.ui.editedLabel.text = _("Select a lesion in the table.")
        else:
            segmentation = self._nodes.segmentation
            volume_ml = segment_ml(segmentation, segment_id)
            name = segmentation.GetSegmentation().GetSegment(segment_id).GetName()
            self.ui.editedLabel.text = _("{name}, {volume} mL").format(name=name, volume=f"{volume_ml:.3f}")
        for widget in (self.ui.lesionRadio, self.ui.necrosisRadio, self.ui.splitMiddleButton, self.ui.fillButton, self.ui.deleteButton):
            widget.enabled = segment_id is not None
        self.ui.undoButton.enabled, self.ui.redoButton.enabled = self.editor.can_undo, self.editor.can_redo
        self.tools.show(self._nodes is not None, segment_id is not None)
