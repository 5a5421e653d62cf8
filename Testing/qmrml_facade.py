"""Stand-ins of the qMRML widgets that the panels use, bound to the real MRML scene."""

from collections.abc import Callable
from typing import Any, ClassVar

from qt_facade import QtCore, QtWidgets, pythonqt


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


class qMRMLSortFilterProxyModel(pythonqt(QtCore.QObject)):  # type: ignore[misc]
    """What a selector leaves out."""

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__()
        self._changed = changed
        self._hidden: tuple[str, ...] = ()

    def _hide(self, node_ids: list[str]) -> None:
        if tuple(node_ids) != self._hidden:
            self._hidden = tuple(node_ids)
            self._changed()

    hiddenNodeIDs = QtCore.Property("QStringList", lambda self: list(self._hidden), _hide)


class qMRMLNodeComboBox(pythonqt(QtWidgets.QComboBox)):  # type: ignore[misc]
    """Chooses a node of the scene, and follows what is added, removed and renamed."""

    currentNodeChanged = QtCore.Signal(object)
    currentNodeIDChanged = QtCore.Signal(str)
    nodeActivated = QtCore.Signal(object)
    nodeAboutToBeRemoved = QtCore.Signal(object)
    _types: tuple[str, ...] = ()
    _scene: Any = None
    _flags: ClassVar[dict[str, bool]] = {}
    _id = ""
    _ids: tuple[str, ...] = ()
    _none_text = ""
    _filling = False
    _observers: tuple[tuple[Any, int], ...] = ()
    _named: tuple[Any, int] = (None, 0)
    showHidden, showChildNodeTypes = _flag("showHidden"), _flag("showChildNodeTypes")
    addEnabled, removeEnabled = _flag("addEnabled"), _flag("removeEnabled")
    renameEnabled, editEnabled = _flag("renameEnabled"), _flag("editEnabled")
    noneEnabled, selectNodeUponCreation = _flag("noneEnabled"), _flag("selectNodeUponCreation")

    _following: ClassVar[list[tuple[Any, int]]] = []

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._filter: Any = None
        self.currentIndexChanged.connect(self._chosen)

    def sortFilterProxyModel(self) -> qMRMLSortFilterProxyModel:
        """The list that the box shows, filtered."""
        if self._filter is None:
            self.__dict__["_filter"] = qMRMLSortFilterProxyModel(self._refresh)
        return self._filter

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
        hidden = self._filter.hiddenNodeIDs if self._filter is not None else ()
        for kind in self._types if self._scene else ():
            for index in range(self._scene.GetNumberOfNodesByClass(kind)):
                node = self._scene.GetNthNodeByClass(index, kind)
                left_out = node.GetHideFromEditors() or node.GetID() in hidden
                if not left_out and (self.showChildNodeTypes or node.GetClassName() == kind):
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

    def _follow_name(self) -> None:
        """A chosen node that gets another name is announced as chosen: from 5.12 on by QComboBox's currentTextChanged."""
        observed, number = self._named
        if observed is not None:
            observed.RemoveObserver(number)
            self._following.remove(self._named)
        node = self.currentNode()
        self._named = (node, node.AddObserver("ModifiedEvent", self._renamed) if node is not None else 0)
        if node is not None:
            self._following.append(self._named)

    def _renamed(self, node: Any, event: str) -> None:
        row = self._ids.index(self._id) if self._id in self._ids else -1
        if row >= 0 and self.itemText(row) != node.GetName():
            self.setItemText(row, node.GetName())
            self.currentNodeChanged.emit(node)

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
            self._follow_name()
            self.currentNodeIDChanged.emit(self._id)
            self.currentNodeChanged.emit(self.currentNode())

    def pick(self, node: Any) -> None:
        """Choose a node as a person does. Under Qt 6 only nodeActivated tells of one whose name is that of the node before."""
        before = self.currentNode()
        silent = before is not None and before.GetName() == node.GetName()
        self.blockSignals(silent)
        self.setCurrentNode(node)
        self.blockSignals(False)
        self.nodeActivated.emit(node)

    currentNodeID = property(lambda self: self._id, setCurrentNodeID)
