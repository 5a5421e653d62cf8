"""Stand-ins for Slicer's Segment Editor widget and for the slice views that clicks come from, for tests of the panels.

The editor widget stands on the real `vtkSlicerSegmentEditorLogic` and its real history; only its look is a sketch. Unknown names raise,
as everywhere in the facade.
"""

from typing import Any, ClassVar

import slicer
import vtk

import pythonqt_facade
from pythonqt_facade import QtCore, pythonqt, qMRMLWidget, qt
from real_editor import RealEditor

KNOWN_EFFECTS = (
    "Threshold", "Paint", "Draw", "Erase", "Level tracing", "Grow from seeds", "Fill between slices", "Margin", "Hollow", "Smoothing",
    "Scissors", "Islands", "Logical operators", "Mask volume",
)  # fmt: skip
INNER = {
    "AddSegmentButton": "", "RemoveSegmentButton": "", "MaskingGroupBox": "", "EffectsGroupBox": "",
    "SegmentsTableResizableFrame": "", "SegmentsTableView": "SegmentsTableResizableFrame",
    "UndoRedoGroupBox": "", "UndoButton": "UndoRedoGroupBox", "RedoButton": "UndoRedoGroupBox",
}  # fmt: skip
"""Names of the widgets inside, each with the frame that holds it."""


def _switch(name: str, needs_node: str = "") -> Any:
    def write(self: Any, value: bool) -> None:
        assert not needs_node or self._node is not None, f"Slicer logs an error: {needs_node}"
        self._switches = {**self._switches, name: bool(value)}
        self._sketch()

    return QtCore.Property(bool, lambda self: self._switches.get(name, True), write)


class qMRMLSegmentEditorWidget(qMRMLWidget):
    """The editor: effects by name, one segmentation, undo and redo. The tests draw with `editor`, which saves the state as effects do."""

    _switches: ClassVar[dict[str, bool]] = {}
    _effects: tuple[str, ...] = KNOWN_EFFECTS
    _maximum = 5
    _node: Any = None
    _views_heard = False
    segmentationNodeSelectorVisible = _switch("segmentationNodeSelectorVisible")
    sourceVolumeNodeSelectorVisible = _switch("sourceVolumeNodeSelectorVisible")
    switchToSegmentationsButtonVisible = _switch("switchToSegmentationsButtonVisible")
    unorderedEffectsVisible = _switch("unorderedEffectsVisible")
    autoShowSourceVolumeNode = _switch("autoShowSourceVolumeNode")
    maskingSectionVisible = _switch("maskingSectionVisible", "it looks for the active effect on the editor node")
    addRemoveSegmentButtonsVisible = _switch("addRemoveSegmentButtonsVisible")
    specifyGeometryButtonVisible = _switch("specifyGeometryButtonVisible")
    show3DButtonVisible = _switch("show3DButtonVisible")

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._editor = RealEditor()
        self._editor.logic.SetMaximumNumberOfUndoStates(self._maximum)
        column = qt.QVBoxLayout()
        self.setLayout(column)
        column.setContentsMargins(0, 0, 0, 0)
        kinds = {
            "SegmentsTableView": qt.QTableView, "MaskingGroupBox": qt.QGroupBox, "EffectsGroupBox": qt.QGroupBox,
            "SegmentsTableResizableFrame": qt.QFrame, "UndoRedoGroupBox": qt.QFrame,
        }
        self._inner: dict[str, Any] = {}
        for name, frame in INNER.items():
            child = self._inner[name] = kinds.get(name, qt.QPushButton)(self)
            child.setObjectName(name)
            if name in INNER.values():
                child.setLayout(qt.QVBoxLayout())
            (self._inner[frame].layout() if frame else column).addWidget(child)
        self._inner["MaskingGroupBox"].hide()
        self._inner["EffectsGroupBox"].setTitle("Effects")
        self._inner["EffectsGroupBox"].setLayout(qt.QGridLayout())
        self._editor.history.AddObserver("ModifiedEvent", lambda *_: self._buttons())
        self._buttons()
        self._sketch()

    # For tests

    @property
    def editor(self) -> RealEditor:
        """The logic and its history."""
        return self._editor

    @property
    def hearsViews(self) -> bool:
        """Whether effects get the views' events."""
        return self._views_heard

    # As in Slicer

    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        """The parameter node."""
        self._node = node
        self._editor.logic.SetSegmentEditorNode(node)

    def mrmlSegmentEditorNode(self) -> Any:
        """The parameter node."""
        return self._node

    def setSegmentationNode(self, node: Any) -> None:
        """Another segmentation drops the history."""
        assert self._node is not None or node is None, "Slicer reports an error without an editor node"
        if self._node is None:
            return
        self._editor.logic.SetSegmentationNode(node)
        self._editor.history.SetSegmentation(node.GetSegmentation() if node is not None else None)

    def segmentationNode(self) -> Any:
        """The segmentation."""
        return self._editor.logic.GetSegmentationNode()

    def setSourceVolumeNode(self, node: Any) -> None:
        """The image that is edited on."""
        assert self._node is not None or node is None, "Slicer reports an error without an editor node"
        self._editor.logic.SetSourceVolumeNode(node)

    def sourceVolumeNode(self) -> Any:
        """The image."""
        return self._editor.logic.GetSourceVolumeNode()

    def setCurrentSegmentID(self, segment_id: str) -> None:
        """The segment that effects work on."""
        assert self._node is not None, "Slicer reports an error without an editor node"
        self._editor.logic.SetCurrentSegmentID(segment_id)

    def currentSegmentID(self) -> str:
        """The segment that effects work on."""
        return str(self._node.GetSelectedSegmentID() or "") if self._node else ""

    def setActiveEffect(self, effect: None) -> None:
        """Only switching off: effects themselves are not there."""
        assert effect is None
        if self._node is not None:
            self._node.SetActiveEffectName("")

    def setActiveEffectByName(self, name: str) -> None:
        """Switch an effect on, which brings the masking section back unless it was switched off."""
        assert name in self._effects, f"no effect {name}"
        self._node.SetActiveEffectName(name)
        self._inner["MaskingGroupBox"].setVisible(self.maskingSectionVisible)

    def setEffectNameOrder(self, names: list[str]) -> None:
        """Which effects come first."""
        unknown = set(names) - set(KNOWN_EFFECTS)
        assert not unknown, f"Slicer has no effect {unknown}"
        self._effects = tuple(names)
        self._sketch()

    def setMaximumNumberOfUndoStates(self, count: int) -> None:
        """How many steps are kept."""
        self._editor.logic.SetMaximumNumberOfUndoStates(count)

    def setupViewObservations(self) -> None:
        """Hear the views."""
        self._views_heard = True

    def removeViewObservations(self) -> None:
        """Do not."""
        self._views_heard = False

    def uninstallKeyboardShortcuts(self) -> None:
        """There are none."""

    def saveStateForUndo(self) -> None:
        """Keep the present state."""
        self._editor.save()

    def undo(self) -> None:
        """One step back."""
        self._editor.undo()

    def redo(self) -> None:
        """One step forward."""
        self._editor.redo()

    def _buttons(self) -> None:
        for name, possible in (("UndoButton", self._editor.logic.CanUndo()), ("RedoButton", self._editor.logic.CanRedo())):
            self._inner[name].setEnabled(possible)

    def _sketch(self) -> None:
        """Buttons in two columns, as Slicer shows effects in a narrow panel."""
        for name in ("AddSegmentButton", "RemoveSegmentButton"):
            self._inner[name].setVisible(self.addRemoveSegmentButtonsVisible)
        layout = self._inner["EffectsGroupBox"].layout()
        while layout.count():
            layout.takeAt(0).widget().deleteLater()
        extra = [name for name in KNOWN_EFFECTS if name not in self._effects] if self.unorderedEffectsVisible else []
        for place, name in enumerate(["None", *self._effects, *extra]):
            layout.addWidget(qt.QPushButton(name), place // 3, place % 3)


class SliceWidget:
    """A slice view: a real interactor without a window, and the scene's slice node."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._interactor = vtk.vtkRenderWindowInteractor()
        self.seen: list[tuple[int, int]] = []
        self._interactor.AddObserver("LeftButtonPressEvent", lambda caller, event: self.seen.append(caller.GetEventPosition()), 0.5)

    def sliceView(self) -> Any:
        """The view, which knows its interactor."""
        return self

    def interactor(self) -> Any:
        """The view's interactor."""
        return self._interactor

    def mrmlSliceNode(self) -> Any:
        """The view's node."""
        return self._node

    def click(self, ras: tuple[float, float, float]) -> None:
        """What a person does: go to the slice, and press the left button there. `seen` has the presses that reached the effect."""
        self._node.JumpSliceByCentering(*ras)
        to_xy = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self._node.GetXYToRAS(), to_xy)
        x, y, _, _ = to_xy.MultiplyPoint((*ras, 1.0))
        self._interactor.SetEventInformation(round(x), round(y), 0, 0)
        self._interactor.InvokeEvent("LeftButtonPressEvent")


class LayoutManager(pythonqt(QtCore.QObject)):  # type: ignore[misc]
    """The three standard slice views."""

    layoutChanged = QtCore.Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._widgets: dict[str, SliceWidget] = {}

    def sliceViewNames(self) -> tuple[str, ...]:
        """Names of all slice views."""
        return tuple(node.GetLayoutName() for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"))

    def sliceWidget(self, name: str) -> SliceWidget:
        """One of them."""
        if name not in self._widgets:
            self._widgets[name] = SliceWidget(slicer.mrmlScene.GetSingletonNode(name, "vtkMRMLSliceNode"))
        return self._widgets[name]


pythonqt_facade.add_stand_ins(qMRMLSegmentEditorWidget, LayoutManager)
