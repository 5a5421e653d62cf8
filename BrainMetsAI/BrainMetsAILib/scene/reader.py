"""Who reads: one name, which signs and which the log gives with each entry.

It is kept in Slicer's own user information (Application Settings, User), never in the scene: whoever opens a saved scene is another
reader. A name typed in the panel goes before Slicer's; Slicer keeps both between sessions.
"""

from __future__ import annotations

from typing import Any

import slicer

OWN_NAME = "BrainMetsAIReader"  # key of the name typed in the panel


def reader_name() -> str:
    """The name typed in the panel, else Slicer's name or login of the user; ``""`` where none is known."""
    person = _person()
    return str(person.GetCustomString(OWN_NAME) or person.GetName() or person.GetLogin()).strip()


def set_reader_name(name: str) -> None:
    """Let another name go before Slicer's; ``""``, or Slicer's own, takes it back."""
    person = _person()
    name = " ".join(name.split())
    wanted = "" if name == person.GetName().strip() else name
    if person.GetCustomString(OWN_NAME) != wanted:  # Slicer writes its settings at each change
        person.SetCustomString(OWN_NAME, wanted)


def _person() -> Any:
    return slicer.app.applicationLogic().GetUserInformation()
