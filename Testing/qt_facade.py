"""How PythonQt's objects behave, on PySide6: properties as attributes, signals connected by their text, strict where PythonQt is silent."""

import enum
import inspect
import os
import re
import traceback
import types
from collections.abc import Callable
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

ALSO_VIRTUAL = {"sizeHint", "minimumSizeHint", "inputMethodHints"}  # properties that are C++ virtuals too: PySide calls them as methods
SIGNAL_TYPES = {"bool": bool, "int": int, "double": float, "QString": str}
loading: list[bool] = []  # not empty while QUiLoader sets child names on the root widget, which PythonQt does not do
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
        declared = name in vars(type(self)) or any(name in vars(kind) for kind in _written_here(type(self)))
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
        if loading and isinstance(value, QtCore.QObject):
            return
        if not name.startswith("_") and not hasattr(type(self), name):
            raise AttributeError(f"'{name}' does not exist on {type(self).__name__}, and C++ objects take no new attributes")
        super().__setattr__(name, value)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # Shiboken looks for these two in each class's own dictionary.
        cls.connect = PythonQtObject.__dict__["connect"]  # type: ignore[method-assign]
        cls.disconnect = PythonQtObject.__dict__["disconnect"]  # type: ignore[method-assign]


def _written_here(kind: type) -> list[type]:
    """The stand-ins among a class and its bases: their signals are declared in Python."""
    return [base for base in kind.__mro__ if base.__module__ != "qt" and not base.__module__.startswith("PySide6")]


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


class QStandardItem(QtGui.QStandardItem):
    """An item of a model, strict about what it takes."""

    def setData(self, value: Any, role: int = 0x0101) -> None:
        """Plain values only: PythonQt would keep an integer of numpy as a Python object, which is neither shown nor sorted."""
        if type(value).__module__ == "numpy" and not isinstance(value, float):
            raise TypeError(f"PythonQt does not convert {type(value)}")
        super().setData(value, role)


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
        if issubclass(base, QtWidgets.QComboBox):
            body["lineEdit"] = lambda self: Borrowed(base.lineEdit(self))  # type: ignore[attr-defined]
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

        def deliver(*values: Any) -> None:
            try:
                slot(*values[:count])
            except Exception as error:
                slot_errors.append(error)
                traceback.print_exc()

        getattr(self._target, name).connect(deliver)
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
qt.QStandardItem = QStandardItem
