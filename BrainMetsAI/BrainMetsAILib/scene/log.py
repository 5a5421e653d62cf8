"""The log of what was done: append-only JSON lines in a text node (table nodes lose digits, quotes and newlines when saved)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import slicer

NAME = "BrainMetsAI log"
ATTRIBUTE = "BrainMetsAI.Log"


def append_log(event: str, **facts: object) -> None:
    """Add one line: the time, who works at this computer, what happened, and JSON values about it."""
    node = _log_node() or _new_log_node()
    entry = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "who": _who(), "event": event, **facts}
    node.SetText((node.GetText() or "") + json.dumps(entry, ensure_ascii=False) + "\n")


def read_log() -> list[dict[str, Any]]:
    """All entries, oldest first."""
    node = _log_node()
    return [json.loads(line) for line in (node.GetText() or "").splitlines() if line.strip()] if node else []


def _who() -> str:
    """The name in the application's settings (Edit, Application Settings, User), or the login; empty where neither is known."""
    user = slicer.app.applicationLogic().GetUserInformation()
    return str(user.GetName() or user.GetLogin() or "") if user else ""


def _log_node() -> Any:
    return next((node for node in slicer.util.getNodesByClass("vtkMRMLTextNode") if node.GetAttribute(ATTRIBUTE)), None)


def _new_log_node() -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", NAME)
    node.SetAttribute(ATTRIBUTE, "1")
    return node
