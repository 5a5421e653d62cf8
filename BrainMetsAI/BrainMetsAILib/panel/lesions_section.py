"""The section with the lesion table: a click on a row shows the lesion in every view; decisions, filters and keys around it."""

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from BrainMetsAILib.lesions.diameters import Ends
from BrainMetsAILib.panel.column_chooser import ColumnChooser
from BrainMetsAILib.panel.keys import Key, Keys, help_line
from BrainMetsAILib.panel.lesion_editor import LesionEditor
from BrainMetsAILib.panel.lesion_filters import LesionFilters
from BrainMetsAILib.panel.lesion_rows import CHANGE, HIDDEN_AT_FIRST, lesion_columns, row_tooltip, totals_text
from BrainMetsAILib.panel.result_table import ResultTable
from BrainMetsAILib.scene.content_watch import ContentWatch
from BrainMetsAILib.scene.decisions import set_manual_diameters
from BrainMetsAILib.scene.diameter_lines import DiameterLines
from BrainMetsAILib.scene.focus import focus_lesion, overview, toggle_outlines, unfocus
from BrainMetsAILib.scene.history import History, NoHistory
from BrainMetsAILib.scene.layout import show_review
from BrainMetsAILib.scene.listing import ListedLesion, list_lesions
from BrainMetsAILib.scene.masks import split_merged_layers
from BrainMetsAILib.scene.review import ReviewNodes, review_nodes
from BrainMetsAILib.scene.segments import segment_of
from BrainMetsAILib.scene.shown import show_counted
from BrainMetsAILib.scene.tables import lesion_table

HIDDEN_COLUMNS = "Lesions.HiddenColumns"  # parameter of the settings node


def _nothing() -> None:
    """What a key does whose section is not there."""


class LesionsSection:
    """Lists the lesions of one segmentation, measured live, and what a person decides about them.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAILesions.ui.
    history
        The undo history of masks and decisions; without one nothing can be taken back.
    undo, redo, delete, add, overlay
        What the keys for these do: undo and redo of that history, taking the selected lesion out of the scene, arming the click that adds
        one, switching the overlay off and on.
    on_change
        Called when the least score changed, which other sections show too.
    on_selected
        Called with the UID of the lesion that a person chose; empty for none.
    """

    def __init__(
        self,
        ui: Any,
        history: History | None = None,
        undo: Callable[[], object] = _nothing,
        redo: Callable[[], object] = _nothing,
        delete: Callable[[], object] = _nothing,
        add: Callable[[], object] = _nothing,
        overlay: Callable[[], object] = _nothing,
        on_change: Callable[[], object] = _nothing,
        on_selected: Callable[[str], object] = lambda lesion_uid: None,
    ) -> None:
        self.ui, self._history, self._on_change, self._on_selected = ui, history or NoHistory(), on_change, on_selected
        self._segmentation: Any = None
        self._listed: dict[str, ListedLesion] = {}
        self._selected = ""
        columns = lesion_columns()
        self._values = [column.value for column in columns]
        headings = [(column.heading, column.meaning) for column in columns]
        self.table = ResultTable(ui.lesionsTable, headings, self._on_row, self._on_no_row)
        names = [(column.key, f"{column.heading}: {column.meaning}") for column in columns]
        self.columns = ColumnChooser(ui.columnsButton, ui.lesionsTable, names, HIDDEN_COLUMNS, HIDDEN_AT_FIRST)
        self._timer = _zero_timer(self.refresh)  # many changes within one turn of the event loop make one refresh
        self._watch = ContentWatch(self._timer.start)
        self._later = _zero_timer(self._rebuild_scene_table)  # after a person has seen the panel's table change
        self.filters = LesionFilters(ui, self._timer.start, self._on_score)
        self.editor = LesionEditor(ui, self._history, delete)
        self.lines = DiameterLines(self._on_drawn)
        keys = (
            Key("N", _("next"), lambda: self.table.step(1)),
            Key("P", _("previous"), lambda: self.table.step(-1)),
            Key("C", _("accept"), self.editor.accept),
            Key("J", _("reject"), self.editor.reject),
            Key("D", _("delete"), delete),
            Key("U", _("undo"), undo),
            Key("Shift+U", _("redo"), redo),
            Key("M", _("add a lesion by a click"), add),
            Key("H", _("outlines"), self._toggle_outlines),
            Key("L", _("overlay"), overlay),
            Key("O", _("overview"), self.leave_lesion),
        )
        self.keys = Keys(keys)
        ui.keysLabel.text = _("Keys: {keys}").format(keys=help_line(keys))
        ui.overviewButton.connect("clicked()", self.leave_lesion)

    def enter(self) -> None:
        """The module is opened: its keys live."""
        self.keys.on()

    def exit(self) -> None:
        """The module is left: the keys are Slicer's again."""
        self.keys.off()

    def show(self, segmentation: Any) -> None:
        """Take up a segmentation node; None for none."""
        if segmentation is self._segmentation and segmentation is not None:
            self._timer.start()  # its changes are observed, those of the settings are not
            return
        if segmentation is not self._segmentation:
            self.release()
            self._segmentation = segmentation
            if segmentation is not None:
                split_merged_layers(segmentation)  # where a scene file was loaded: saving merges layers
                self._watch.follow(segmentation)
                unfocus(segmentation)  # a scene file keeps what was dimmed
                self.lines.prepare()
        self.refresh()

    def release(self) -> None:
        """Let go of the segmentation, before the scene closes and at exit."""
        self._watch.release()
        self._timer.stop()
        self._later.stop()
        self.filters.release()
        self.lines.release()
        gone, self._segmentation = self._segmentation, None
        if gone is not None and slicer.mrmlScene.IsNodePresent(gone) and not slicer.mrmlScene.IsClosing():
            unfocus(gone)
        self._listed, self._selected = {}, ""
        self.table.fill({})
        self.editor.show(None, None, ())

    def refresh(self) -> None:
        """Measure and show."""
        self.filters.refresh()
        listed = list_lesions(self._segmentation) if self._segmentation is not None else ()
        before, self._listed = self._listed, {entry.lesion.lesion_uid: entry for entry in listed}
        chosen = self.filters.listed
        rows = {uid: entry for uid, entry in self._listed.items() if chosen.passes(entry)}
        self.table.fill(
            {uid: [value(entry) for value in self._values] for uid, entry in rows.items()},
            {uid: row_tooltip(entry) for uid, entry in rows.items()},
            [uid for uid, entry in rows.items() if entry.left_out],
        )
        self.columns.refresh(() if any(entry.change_percent is not None for entry in listed) else (CHANGE,))
        if self._segmentation is None:
            self.ui.lesionsSummaryLabel.text = _("No lesions yet. Choose a volume and press “Find lesions”.")
        else:
            self.ui.lesionsSummaryLabel.text = totals_text(listed)
            show_counted(self._segmentation)
            if before != self._listed:
                self._later.start()
        self._follow_selection(before.get(self._selected))
        self.editor.show(self._segmentation, self._listed.get(self._selected), tuple(rows.values()))

    def select(self, lesion_uid: str) -> None:
        """Go to a lesion, as a click on its row does."""
        self.table.select(lesion_uid)

    def leave_lesion(self) -> None:
        """No lesion is selected: all alike, the whole head in the views."""
        self.table.leave()
        self._on_no_row()
        if self._segmentation is not None:
            overview(self._segmentation)

    def _rebuild_scene_table(self) -> None:
        """The table node, which layouts with a table view show."""
        table = review_nodes(self._segmentation).table if self._segmentation is not None else None
        if table is not None:
            lesion_table(self._segmentation, table)

    def _on_score(self) -> None:
        self._timer.start()
        self._on_change()

    def _follow_selection(self, before: ListedLesion | None) -> None:
        """Where the selected row is still there, the lines follow edits and undo.

        Where it went because the lesion was decided about or deleted, its neighbour is the next one to look at; where a filter or the
        slider was moved, none is selected and the views stay.
        """
        current, now = self.table.current, self._listed.get(self._selected)
        if not self._selected:
            return
        if current == self._selected:
            self._show_lines()
        elif current and (before is None or now is None or now.review != before.review):
            self.table.select(current)
            self._on_row(current)
        else:
            self.table.leave()
            self._on_no_row()

    def _on_row(self, lesion_uid: str) -> None:
        segment_id = segment_of(self._segmentation, lesion_uid) if self._segmentation else None
        entry = self._listed.get(lesion_uid)
        if segment_id is None or entry is None:
            return
        self._selected = lesion_uid
        nodes = review_nodes(self._segmentation)
        if not _shown(nodes):  # another examination was looked at meanwhile
            nodes.segmentation.GetDisplayNode().RemoveAllViewNodeIDs()
            show_review(nodes)
        pair = entry.lesion.measurements.whole
        slicer.app.pauseRender()
        try:
            focus_lesion(self._segmentation, segment_id, pair)
            self._show_lines()
        finally:
            slicer.app.resumeRender()
        self.editor.show(self._segmentation, entry, [self._listed[key] for key in self.table.keys])
        self._on_selected(lesion_uid)

    def _on_no_row(self) -> None:
        self._selected = ""
        self.lines.hide()
        if self._segmentation is not None:
            unfocus(self._segmentation)
        self.editor.show(self._segmentation, None, [self._listed[key] for key in self.table.keys])
        self._on_selected("")

    def _show_lines(self) -> None:
        """The selected lesion's diameters; none of one that is hidden."""
        entry = self._listed.get(self._selected)
        if entry is None or entry.left_out:
            self.lines.hide()
        else:
            self.lines.show(self._segmentation, entry.lesion.measurements.whole)

    def _on_drawn(self, longest: Ends, perpendicular: Ends) -> None:
        if self._segmentation is not None and self._selected:
            set_manual_diameters(self._segmentation, self._selected, longest, perpendicular, self._history)

    def _toggle_outlines(self) -> None:
        if self._segmentation is not None:
            toggle_outlines(self._segmentation)


def _zero_timer(work: Callable[[], None]) -> Any:
    """A timer that works once, as soon as the event loop is free."""
    timer = qt.QTimer()
    timer.setSingleShot(True)
    timer.setInterval(0)
    timer.connect("timeout()", work)
    return timer


def _shown(nodes: ReviewNodes) -> bool:
    """Whether the views show this examination, and all of them its lesions."""
    selection = slicer.app.applicationLogic().GetSelectionNode()
    display = nodes.segmentation.GetDisplayNode()
    everywhere = display.GetNumberOfViewNodeIDs() == 0
    return everywhere and bool(display.GetVisibility()) and (nodes.volume is None or selection.GetActiveVolumeID() == nodes.volume.GetID())
