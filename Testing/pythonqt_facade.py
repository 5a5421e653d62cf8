"""PySide6 dressed as PythonQt: the panels and their .ui files run unchanged under pytest. It never replaces a check in Slicer itself.

``qt``, ``ctk`` and the qMRML widgets that the panels use are stand-ins bound to the real MRML scene. They are strict where PythonQt
is silent: an unknown widget class, an unknown property in a .ui file, an unknown signal and a new attribute on a widget all raise.
"""

import types
from typing import Any
from xml.etree import ElementTree

from qmrml_facade import qMRMLNodeComboBox, qMRMLWidget
from qt_facade import QtCore, QtGui, QtUiTools, QtWidgets, loading, pythonqt, qt, slot_errors

__all__ = [
    "STAND_INS", "QUiLoader", "QtCore", "QtGui", "QtUiTools", "QtWidgets", "application", "ctk", "pythonqt", "qMRMLNodeComboBox",
    "qMRMLWidget", "qt", "slot_errors",
]

# ------------------------------------------------------------------------------------------------ ctk, as far as the panels use it


class ctkCollapsibleButton(pythonqt(QtWidgets.QGroupBox)):  # type: ignore[misc]
    """A section with a title that folds; drawn as a group box."""

    contentsCollapsed = QtCore.Signal(bool)
    _collapsed = False

    def _fold(self, value: bool) -> None:
        if value != self._collapsed:
            self._collapsed = value
            self.contentsCollapsed.emit(value)

    text = QtCore.Property(str, lambda self: self.property("title"), lambda self, value: self.setProperty("title", value))
    collapsed = QtCore.Property(bool, lambda self: self._collapsed, _fold)


class ctkSliderWidget(pythonqt(QtWidgets.QWidget)):  # type: ignore[misc]
    """A slider and a spin box that show the same number."""

    valueChanged = QtCore.Signal(float)
    valueIsChanging = QtCore.Signal(float)
    _steps = 1000

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        parts = {"_slider": QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal), "_box": QtWidgets.QDoubleSpinBox()}
        self.__dict__.update(parts)  # while a .ui file is loaded attributes that are widgets are dropped
        self._slider.setRange(0, self._steps)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._slider)
        row.addWidget(self._box)
        self._box.valueChanged.connect(self._changed)
        self._slider.sliderMoved.connect(lambda place: self._box.setValue(self._low() + place / self._steps * self._span()))

    def _low(self) -> float:
        return float(self._box.minimum())

    def _span(self) -> float:
        return float(self._box.maximum() - self._box.minimum()) or 1.0

    def _changed(self, value: float) -> None:
        self._slider.setValue(round((value - self._low()) / self._span() * self._steps))
        self.valueChanged.emit(value)

    def setValue(self, value: float) -> None:
        """Slot of the property."""
        self._box.setValue(value)

    decimals = QtCore.Property(int, lambda self: self._box.decimals(), lambda self, value: self._box.setDecimals(value))
    minimum = QtCore.Property(float, lambda self: self._box.minimum(), lambda self, value: self._box.setMinimum(value))
    maximum = QtCore.Property(float, lambda self: self._box.maximum(), lambda self, value: self._box.setMaximum(value))
    singleStep = QtCore.Property(float, lambda self: self._box.singleStep(), lambda self, value: self._box.setSingleStep(value))
    pageStep = QtCore.Property(float, lambda self: self._box.singleStep(), lambda self, value: None)
    suffix = QtCore.Property(str, lambda self: self._box.suffix(), lambda self, value: self._box.setSuffix(value))
    value = QtCore.Property(float, lambda self: self._box.value(), setValue)


ctk: Any = types.ModuleType("ctk")
ctk.ctkCollapsibleButton = ctkCollapsibleButton
ctk.ctkSliderWidget = ctkSliderWidget

STAND_INS: tuple[type, ...] = (qMRMLWidget, qMRMLNodeComboBox, ctkCollapsibleButton, ctkSliderWidget)
WIDGETS = {kind.__name__: kind for kind in STAND_INS}


def add_stand_ins(*kinds: type) -> None:
    """More of them, from a file of their own."""
    global STAND_INS
    STAND_INS += kinds
    WIDGETS.update({kind.__name__: kind for kind in kinds})


class QUiLoader(QtUiTools.QUiLoader):
    """Loads .ui files with the stand-ins; a widget class or property that does not exist raises."""

    def __init__(self) -> None:
        super().__init__()
        self._unknown: list[str] = []

    def createWidget(self, class_name: str, parent: Any = None, name: str = "") -> Any:
        """Called by Qt for each widget of the file."""
        kind = WIDGETS.get(class_name) or (getattr(qt, class_name) if hasattr(QtWidgets, class_name) else None)
        if kind is None:
            self._unknown.append(class_name)
            kind = qt.QWidget
        widget = kind(parent)
        widget.setObjectName(name)
        return widget

    def load(self, file: Any, parent: Any = None) -> Any:
        """The file's root widget."""
        tree = ElementTree.parse(file.fileName()).getroot()
        connections = tree.find("connections")
        receivers = []
        if connections is not None:
            tree.remove(connections)  # Qt knows nothing of the stand-ins' signals
            for entry in connections:
                known = ("mrmlSceneChanged(vtkMRMLScene*)", "setMRMLScene(vtkMRMLScene*)")
                if (entry.findtext("signal"), entry.findtext("slot")) != known:
                    raise RuntimeError(f"{file.fileName()} connects {entry.findtext('signal')}, which the facade does not know")
                receivers.append(entry.findtext("receiver"))
        content = QtCore.QBuffer()
        content.setData(ElementTree.tostring(tree))
        loading.append(True)
        try:
            root = super().load(content, parent)
        finally:
            loading.pop()
        if self._unknown:
            raise RuntimeError(f"{file.fileName()} names widget classes that the facade does not know: {', '.join(self._unknown)}")
        for widget in (root, *root.findChildren(QtWidgets.QWidget)):
            extra = [name for name in (bytes(n.data()).decode() for n in widget.dynamicPropertyNames()) if not name.startswith("_")]
            if extra:
                raise RuntimeError(f"{file.fileName()}: {type(widget).__name__} {widget.objectName()} has no property {', '.join(extra)}")
        for name in receivers:
            receiver = root.findChild(QtWidgets.QWidget, name)
            if receiver is None:
                raise RuntimeError(f"{file.fileName()} connects the scene to {name}, which does not exist")
            root.mrmlSceneChanged.connect(receiver.setMRMLScene)
        return root


qt.QUiLoader = QUiLoader
application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
