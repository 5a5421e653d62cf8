"""The tools of the edit section that wait for clicks in the slice views: add, split along a line or by points, merge."""

from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

from BrainMetsAILib.lesions.growing import Triple
from BrainMetsAILib.panel.slice_clicks import Click, SliceClicks
from BrainMetsAILib.scene.click_points import show_click_points
from BrainMetsAILib.scene.edits import add_lesion, lesion_at, merge_lesions, resize_added, split_along_line, split_by_points
from BrainMetsAILib.scene.growing import brightest_in_slab
from BrainMetsAILib.scene.history import History
from BrainMetsAILib.scene.review import ReviewNodes
from BrainMetsAILib.scene.settings import read_number, settings_node

SIZE = "Edit.SizeMm"  # parameter of the settings node: largest diameter of a lesion that is added
DEFAULT_SIZE_MM = 20
_RESIZE_MS = 80  # dragging the slider grows the lesion anew no more often than this

RunEdit = Callable[[Callable[[ReviewNodes], str]], None]


class EditTools:
    """Buttons that arm a tool, what its clicks do, and the size slider.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAIEdit.ui.
    run
        Does one edit and shows its refusal.
    say
        Shows a sentence.
    history
        Where the state is saved before an edit.
    """

    def __init__(self, ui: Any, run: RunEdit, say: Callable[[str], None], history: History) -> None:
        self.ui, self._run, self._say, self._history = ui, run, say, history
        self._lesion = ""
        self._ready = self._updating = False
        self._tool = ""
        self._points: list[Click] = []
        self._added: tuple[str, Triple] | None = None
        self._clicks = SliceClicks(ui.editSection, self._on_click, self.stop)
        self._buttons = {"add": ui.addButton, "line": ui.splitLineButton, "points": ui.splitPointsButton, "merge": ui.mergeButton}
        ui.addButton.connect("clicked()", lambda: self._toggle("add"))
        ui.splitLineButton.connect("clicked()", lambda: self._toggle("line"))
        ui.splitPointsButton.connect("clicked()", lambda: self._toggle("points"))
        ui.mergeButton.connect("clicked()", lambda: self._toggle("merge"))
        self._resize = qt.QTimer()
        self._resize.setSingleShot(True)
        self._resize.setInterval(_RESIZE_MS)
        self._resize.connect("timeout()", self._on_resize)
        ui.sizeSlider.connect("valueChanged(int)", self._on_size)

    @property
    def size_mm(self) -> int:
        """Largest diameter of a lesion that is added."""
        return round(read_number(SIZE, DEFAULT_SIZE_MM))

    def edit(self, nodes: ReviewNodes | None) -> None:
        """Another examination, or none."""
        self._ready = nodes is not None
        if nodes is None:
            self.stop()
            self.forget_added()

    def choose(self, lesion_uid: str) -> None:
        """The tools work on this lesion from now on; a tool that waits for clicks on another one stops."""
        if lesion_uid != self._lesion:
            self._lesion = lesion_uid
            if self._tool != "add":
                self.stop()
            if self._added is not None and self._added[0] != lesion_uid:
                self.forget_added()

    def forget_added(self) -> None:
        """From now on the size slider is for the next lesion only."""
        self._added = None
        self._resize.stop()

    def start(self, tool: str) -> None:
        """Arm a tool: ``add``, ``line``, ``points`` or ``merge``."""
        self.stop()
        if not self._ready or (tool != "add" and not self._lesion):
            return
        self._tool = tool
        self._buttons[tool].setChecked(True)
        self._clicks.arm()
        self._say(
            {
                "add": _("Click on the lesion in a slice view; Esc cancels."),
                "line": _("Click two points of a line across the lesion in one slice view; Esc cancels."),
                "points": _("Click one point in each part, then press “By points” again; Esc cancels."),
                "merge": _("Click on the lesion to merge with, in a slice view; Esc cancels."),
            }[tool]
        )

    def stop(self) -> None:
        """No tool waits for clicks."""
        if not self._tool:
            return
        self._tool, self._points = "", []
        self._clicks.disarm()
        show_click_points([])
        for button in self._buttons.values():
            button.setChecked(False)
        self._say("")

    def show(self, ready: bool, chosen: bool) -> None:
        """What can be done, and the size."""
        for tool, button in self._buttons.items():
            button.enabled = ready if tool == "add" else chosen
        self._updating = True
        try:
            self.ui.sizeSlider.setValue(self.size_mm)
        finally:
            self._updating = False
        self.ui.sizeSlider.enabled = ready
        self.ui.sizeValueLabel.text = _("{size} mm").format(size=self.size_mm)

    def _toggle(self, tool: str) -> None:
        if self._tool == "points" and tool == "points" and len(self._points) > 1:
            points = [click.ras for click in self._points]
            self.stop()
            self._run(lambda nodes: split_by_points(nodes.segmentation, self._lesion, points, self._history)[0])
        elif self._tool == tool:
            self.stop()
        else:
            self.start(tool)

    def _on_click(self, click: Click) -> None:
        tool = self._tool
        if tool == "add":
            self.stop()
            self._run(lambda nodes: self._add(nodes, click))
        elif tool == "merge":
            self.stop()
            self._run(lambda nodes: self._merge(nodes, click))
        elif tool == "points":
            self._mark(click)
            self._say(_("Points: {count}. Click one in each part, then press “By points” again.").format(count=len(self._points)))
        elif tool == "line":
            self._mark(click)
            if len(self._points) == 2:
                first, second = self._points
                self.stop()
                self._run(lambda nodes: self._split_along(nodes, first, second))

    def _mark(self, click: Click) -> None:
        self._points.append(click)
        show_click_points([point.ras for point in self._points])

    def _add(self, nodes: ReviewNodes, click: Click) -> str:
        ras = brightest_in_slab(nodes.volume, click.ras, click.normal, click.slab_mm)
        lesion_uid = add_lesion(nodes, ras, self.size_mm, self._history)
        self._lesion, self._added = lesion_uid, (lesion_uid, ras)
        return lesion_uid

    def _merge(self, nodes: ReviewNodes, click: Click) -> str:
        other = lesion_at(nodes.segmentation, click.ras)
        return merge_lesions(nodes.segmentation, [self._lesion, other] if other else [self._lesion], self._history)

    def _split_along(self, nodes: ReviewNodes, first: Click, second: Click) -> str:
        return split_along_line(nodes.segmentation, self._lesion, [first.ras, second.ras], second.normal, self._history)[0]

    def _on_size(self, value: int) -> None:
        if self._updating:
            return
        settings_node().SetParameter(SIZE, str(value))
        self.ui.sizeValueLabel.text = _("{size} mm").format(size=value)
        if self._added is not None:
            self._resize.start()

    def _on_resize(self) -> None:
        if self._added is None:
            return
        lesion_uid, ras = self._added

        def grow_again(nodes: ReviewNodes) -> str:
            resize_added(nodes, lesion_uid, ras, self.size_mm)
            return ""

        self._run(grow_again)
