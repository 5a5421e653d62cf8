"""A setting that a slider changes step by step, noted once: where it comes to rest."""

from collections.abc import Callable

import qt
import slicer

RESTS_MS = 500  # a slider that rests this long is where the person wants it


class SettledChange:
    """Waits until a setting rests.

    Parameters
    ----------
    note
        Called once for all changes that came close together, with the setting as it is by then.
    """

    def __init__(self, note: Callable[[], None]) -> None:
        self._note = note
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(RESTS_MS)
        self._timer.connect("timeout()", note)

    def changed(self) -> None:
        """The setting was changed, by one of perhaps many steps."""
        self._timer.start()

    def finish(self) -> None:
        """Note now what still waits, for what it is about is left; nothing where the scene closes."""
        waits = self._timer.isActive()
        self._timer.stop()
        if waits and not slicer.mrmlScene.IsClosing():
            self._note()
