"""Keys that live only while the module is open: single letters that Slicer leaves free."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import qt
import slicer


@dataclass(frozen=True)
class Key:
    """A key, what it does in a word, and the work itself."""

    sequence: str
    word: str
    action: Callable[[], object]


class Keys:
    """Shortcuts on the main window. They do not fire while a person types text; two on one key would fire neither.

    Parameters
    ----------
    keys
        All keys, in the order of the help line.
    window
        Gives the main window; None where there is none.
    """

    def __init__(self, keys: Sequence[Key], window: Callable[[], Any] = slicer.util.mainWindow) -> None:
        self._keys, self._window = tuple(keys), window
        self._shortcuts: list[Any] = []

    def on(self) -> None:
        """Take the keys up; again without effect."""
        window = self._window()
        if self._shortcuts or window is None:
            return
        for key in self._keys:
            shortcut = qt.QShortcut(qt.QKeySequence(key.sequence), window)
            shortcut.connect("activated()", _without_result(key.action))
            self._shortcuts.append(shortcut)

    def off(self) -> None:
        """Give the keys back; a disabled leftover would still collide after a reload."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._shortcuts = []


def help_line(keys: Iterable[Key]) -> str:
    """What each key does, for a label: the keys in bold."""
    return " · ".join(f"<b>{key.sequence}</b> {key.word}" for key in keys)


def _without_result(action: Callable[[], object]) -> Callable[[], None]:
    def work() -> None:
        action()

    return work
