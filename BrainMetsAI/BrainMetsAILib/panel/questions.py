"""The questions that panels ask a person, in one place, so that a test can answer them."""

from collections.abc import Callable
from dataclasses import dataclass

import qt
import slicer
from slicer.i18n import tr as _


def _confirm(text: str) -> bool:
    """Ask for OK; nobody is asked while the application tests itself, and the answer is no."""
    if slicer.app.testingEnabled():
        return False
    return bool(slicer.util.confirmOkCancelDisplay(text, _("BrainMetsAI")))


def _choose_folder(title: str) -> str:
    """Ask for a folder; empty when the person gives up."""
    if slicer.app.testingEnabled():
        return ""
    return str(qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), title) or "")


@dataclass(frozen=True)
class Questions:
    """Answers by dialogs.

    Attributes
    ----------
    confirm
        Takes a text, returns whether the person agrees.
    choose_folder
        Takes a title, returns a path or an empty text.
    """

    confirm: Callable[[str], bool] = _confirm
    choose_folder: Callable[[str], str] = _choose_folder
