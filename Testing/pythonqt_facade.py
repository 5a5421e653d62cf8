"""PySide6 dressed as PythonQt: the panels and their .ui files run unchanged under pytest. It never replaces a check in Slicer itself.

``qt``, ``ctk`` and the qMRML widgets that the panels use are stand-ins bound to the real MRML scene. They are strict where PythonQt
is silent: an unknown widget class, an unknown property in a .ui file, an unknown signal and a new attribute on a widget all raise.
"""

import enum
import inspect
import os
import re
import traceback
import types
from collections.abc import Callable
from typing import Any, ClassVar
from xml.etree import ElementTree

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

ALSO_VIRTUAL = {"sizeHint", "minimumSizeHint", "inputMethodHints"}  # properties that are C++ virtuals too: PySide calls them as methods
SIGNAL_TYPES = {"bool": bool, "int": int, "double": float, "QString": str}
_loading: list[bool] = []  # not empty while QUiLoader sets child names on the root widget, which PythonQt does not do
_wrapped: dict[type, type] = {}
slot_errors: list[Exception] = []


class PythonQtObject:
    """What PythonQt adds to a QObject: properties as attributes, `connect("signal(types)", callable)`, no new attributes."""

    _connections: dict[tuple[str, Any], tuple[Any, Callable[..., None]]]

    def connect(self, signature: str, slot: Callable[..., Any]) -> bool:
        """As in PythonQt, but an unknown signal raises instead of returning False."""
        match = re.fullmatch(r"(\w+)\((.*)\)", signature)
        if match is None:
            raise AttributeError(f"{signature!r} is not written as a signal with its types")
        name, argument_text = match.groups()
        signal = getattr(self, name, None)
        if not hasattr(signal, "connect") or signal is None:
            raise AttributeError(f"{type(self).__name__} has no signal {signature}")
        declared = name in vars(type(self)) or any(name in vars(base) for base in STAND_INS if isinstance(self, base))
        if not declared and self.metaObject().indexOfSignal(signature) < 0:  # type: ignore[attr-defined]
            raise AttributeError(f"{type(self).__name__} has no signal {signature}")
        count = argument_text.count(",") + 1 if argument_text.strip() else 0
        if argument_text in SIGNAL_TYPES and not declared:
            signal = signal[SIGNAL_TYPES[argument_text]]
        count = min(count, _accepted(slot))

        def deliver(*values: Any) -> None:
            try:
                slot(*(value.value if isinstance(value, enum.Enum) else value for value in values[:count]))  # PythonQt gives plain ints
            except Exception as error:
                slot_errors.append(error)  # Qt would swallow it; the fixture of the tests raises it
                traceback.print_exc()

        self.__dict__.setdefault("_connections", {})[(signature, slot)] = (signal, deliver)
        signal.connect(deliver)
        return True

    def disconnect(self, signature: str, slot: Callable[..., Any] | None = None) -> bool:
        """Undo `connect`."""
        connections = self.__dict__.get("_connections", {})
        for key in [key for key in connections if key[0] == signature and slot in (None, key[1])]:
            signal, deliver = connections.pop(key)
            signal.disconnect(deliver)
        return True

    def className(self) -> str:
        """Name of the C++ class."""
        return type(self).__name__

    def delete(self) -> None:
        """PythonQt's name for deleteLater."""
        self.deleteLater()  # type: ignore[attr-defined]

    name = property(lambda self: self.property("objectName"), lambda self, value: self.setProperty("objectName", value))

    def __setattr__(self, name: str, value: Any) -> None:
        if _loading and isinstance(value, QtCore.QObject):
            return
        if not name.startswith("_") and not hasattr(type(self), name):
            raise AttributeError(f"'{name}' does not exist on {type(self).__name__}, and C++ objects take no new attributes")
        super().__setattr__(name, value)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # Shiboken looks for these two in each class's own dictionary.
        cls.connect = PythonQtObject.__dict__["connect"]  # type: ignore[method-assign]
        cls.disconnect = PythonQtObject.__dict__["disconnect"]  # type: ignore[method-assign]


def _accepted(slot: Callable[..., Any]) -> int:
    """How many arguments a callable takes; PythonQt drops the rest."""
    try:
        parameters = inspect.signature(slot).parameters.values()
    except (TypeError, ValueError):
        return 99
    if any(parameter.kind == parameter.VAR_POSITIONAL for parameter in parameters):
        return 99
    return sum(parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD) for parameter in parameters)


def _property(name: str) -> property:
    return property(lambda self: self.property(name), lambda self, value: self.setProperty(name, value))


def _single_shot(milliseconds: int, slot: Callable[[], Any]) -> None:
    """Call something once, later; what it raises is kept for the tests' fixture."""

    def deliver() -> None:
        try:
            slot()
        except Exception as error:
            slot_errors.append(error)
            traceback.print_exc()

    QtCore.QTimer.singleShot(milliseconds, deliver)


def pythonqt(base: type) -> Any:
    """Subclass of a PySide class that behaves as PythonQt's wrapper of it."""
    if base not in _wrapped:
        body: dict[str, Any] = {"__module__": "qt"}
        meta = base.staticMetaObject  # type: ignore[attr-defined]
        for index in range(meta.propertyCount()):
            name = meta.property(index).name()
            if name not in ALSO_VIRTUAL:
                body[name] = _property(name)
        if issubclass(base, QtWidgets.QAbstractItemView):
            body["selectionModel"] = lambda self: Borrowed(base.selectionModel(self))  # type: ignore[attr-defined]
        if issubclass(base, QtWidgets.QTableView):
            body["horizontalHeader"] = lambda self: Borrowed(base.horizontalHeader(self))  # type: ignore[attr-defined]
            body["verticalHeader"] = lambda self: Borrowed(base.verticalHeader(self))  # type: ignore[attr-defined]
        if base is QtCore.QTimer:  # the class's own function, which the property of the same name would hide
            body["singleShot"] = staticmethod(_single_shot)
        _wrapped[base] = type(base.__name__, (PythonQtObject, base), body)
    return _wrapped[base]


class Borrowed:
    """An object that Qt made itself and handed out: PythonQt's manners around a plain PySide object."""

    def __init__(self, target: Any) -> None:
        self.__dict__["_target"] = target

    def connect(self, signature: str, slot: Callable[..., Any]) -> bool:
        """As `PythonQtObject.connect`."""
        name = signature.split("(")[0]
        if self._target.metaObject().indexOfSignal(signature) < 0:
            raise AttributeError(f"{type(self._target).__name__} has no signal {signature}")
        count = min(signature.count(",") + 1 if "()" not in signature else 0, _accepted(slot))
        getattr(self._target, name).connect(lambda *values: slot(*values[:count]))
        return True

    def __getattr__(self, name: str) -> Any:
        meta = self._target.metaObject()
        if meta.indexOfProperty(name) >= 0 and name not in ALSO_VIRTUAL:
            return self._target.property(name)
        return getattr(self._target, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not self._target.setProperty(name, value):
            raise AttributeError(f"{type(self._target).__name__} has no property {name}")


# ------------------------------------------------------------------------------------------------ qt

NOT_DRESSED = ("QCoreApplication", "QApplication", "QGuiApplication", "QSettings")
qt: Any = types.ModuleType("qt")


def _qt_name(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    found = next((getattr(module, name) for module in (QtWidgets, QtGui, QtCore, QtUiTools) if hasattr(module, name)), None)
    if found is None:
        raise AttributeError(f"qt has no {name}")
    if isinstance(found, type) and issubclass(found, QtCore.QObject) and name not in NOT_DRESSED:
        found = pythonqt(found)
    setattr(qt, name, found)
    return found


qt.__getattr__ = _qt_name

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


ctk: Any = types.ModuleType("ctk")
ctk.ctkCollapsibleButton = ctkCollapsibleButton

# ------------------------------------------------------------------------------------------------ qMRML widgets on the real scene


class qMRMLWidget(pythonqt(QtWidgets.QWidget)):  # type: ignore[misc]
    """Root of a panel: hands its scene on to the children that its .ui file connects."""

    mrmlSceneChanged = QtCore.Signal(object)
    _scene: Any = None
    isEntered = QtCore.Property(bool, lambda self: True)

    def setMRMLScene(self, scene: Any) -> None:
        """Give the scene to the children that the .ui file connects."""
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self) -> Any:
        """The scene."""
        return self._scene


def _flag(name: str) -> Any:
    def write(self: Any, value: bool) -> None:
        self._flags = {**self._flags, name: bool(value)}
        self._refresh()

    return QtCore.Property(bool, lambda self: self._flags.get(name, name not in ("noneEnabled", "showHidden")), write)


class qMRMLNodeComboBox(pythonqt(QtWidgets.QComboBox)):  # type: ignore[misc]
    """Chooses a node of the scene, and follows what is added, removed and renamed."""

    currentNodeChanged = QtCore.Signal(object)
    currentNodeIDChanged = QtCore.Signal(str)
    nodeAboutToBeRemoved = QtCore.Signal(object)
    _types: tuple[str, ...] = ()
    _scene: Any = None
    _flags: ClassVar[dict[str, bool]] = {}
    _id = ""
    _ids: tuple[str, ...] = ()
    _none_text = ""
    _filling = False
    _observers: tuple[tuple[Any, int], ...] = ()
    showHidden, showChildNodeTypes = _flag("showHidden"), _flag("showChildNodeTypes")
    addEnabled, removeEnabled = _flag("addEnabled"), _flag("removeEnabled")
    renameEnabled, editEnabled = _flag("renameEnabled"), _flag("editEnabled")
    noneEnabled, selectNodeUponCreation = _flag("noneEnabled"), _flag("selectNodeUponCreation")

    _following: ClassVar[list[tuple[Any, int]]] = []

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.currentIndexChanged.connect(self._chosen)

    @classmethod
    def release_all(cls) -> None:
        """Between tests: no selector follows the scene any more."""
        for observed, number in cls._following:
            observed.RemoveObserver(number)
        cls._following.clear()

    def _set_types(self, value: Any) -> None:
        self._types = tuple(value)
        self._refresh()

    def _set_none_text(self, value: str) -> None:
        self._none_text = value
        self._refresh()

    nodeTypes = QtCore.Property("QStringList", lambda self: list(self._types), _set_types)
    noneDisplay = QtCore.Property(str, lambda self: self._none_text, _set_none_text)

    def setMRMLScene(self, scene: Any) -> None:
        """Follow this scene."""
        for observed, number in self._observers:
            observed.RemoveObserver(number)
        self._scene = scene
        events = (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent, scene.EndImportEvent) if scene else ()
        self._observers = tuple((scene, scene.AddObserver(event, lambda *_: self._refresh())) for event in events)
        if scene:
            self._observers += ((scene, scene.AddObserver(scene.NodeAboutToBeRemovedEvent, self._leaving)),)
        self._following.extend(self._observers)
        self._refresh()

    def _nodes(self) -> list[Any]:
        found = []
        for kind in self._types if self._scene else ():
            for index in range(self._scene.GetNumberOfNodesByClass(kind)):
                node = self._scene.GetNthNodeByClass(index, kind)
                if not node.GetHideFromEditors() and (self.showChildNodeTypes or node.GetClassName() == kind):
                    found.append(node)
        return found

    def _refresh(self) -> None:
        nodes = self._nodes()
        none = [self._none_text or "None"] if self.noneEnabled else []
        row = self._ids.index(self._id) if self._id in self._ids else 0
        self._ids = (*("" for _ in none), *(node.GetID() for node in nodes))
        self._filling = True
        self.clear()
        self.addItems([*none, *(node.GetName() for node in nodes)])
        self._filling = False
        # A QComboBox that loses its current row moves to the one above.
        self.setCurrentNodeID(self._id if self._id in self._ids else (self._ids[max(row - 1, 0)] if self._ids else ""))
        self._show()

    def _leaving(self, scene: Any, event: str, node: Any = None) -> None:
        if node is not None and node.GetID() in self._ids:
            self.nodeAboutToBeRemoved.emit(node)

    _leaving.CallDataType = 21  # type: ignore[attr-defined]  # vtk.VTK_OBJECT: the node comes along

    def _show(self) -> None:
        self._filling = True
        self.setCurrentIndex(self._ids.index(self._id) if self._id in self._ids else -1)
        self._filling = False

    def _chosen(self, index: int) -> None:
        if not self._filling:
            self.setCurrentNodeID(self._ids[index] if 0 <= index < len(self._ids) else "")

    def currentNode(self) -> Any:
        """The chosen node or None."""
        return self._scene.GetNodeByID(self._id) if self._scene and self._id else None

    def setCurrentNode(self, node: Any) -> None:
        """Choose a node; None for none."""
        self.setCurrentNodeID(node.GetID() if node else "")

    def setCurrentNodeID(self, node_id: str) -> None:
        """Choose a node by its ID."""
        if (node_id or "") != self._id:
            self._id = node_id or ""
            self._show()
            self.currentNodeIDChanged.emit(self._id)
            self.currentNodeChanged.emit(self.currentNode())

    currentNodeID = property(lambda self: self._id, setCurrentNodeID)


STAND_INS: tuple[type, ...] = (qMRMLWidget, qMRMLNodeComboBox, ctkCollapsibleButton)
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
        _loading.append(True)
        try:
            root = super().load(content, parent)
        finally:
            _loading.pop()
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
