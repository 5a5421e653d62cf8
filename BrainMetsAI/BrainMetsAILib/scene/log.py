"""The log of what was done: append-only JSON lines in a text node (table nodes lose digits, quotes and newlines when saved)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import slicer

from BrainMetsAILib.scene.reader import reader_name

NAME = "BrainMetsAI log"
ATTRIBUTE = "BrainMetsAI.Log"


def append_log(event: str, **facts: object) -> None:
    """Add one line: the time, who reads, what happened, and JSON values about it."""
    node = _log_node() or _new_log_node()
    entry = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "who": reader_name(), "event": event, **facts}
    node.SetText((node.GetText() or "") + json.dumps(entry, ensure_ascii=False) + "\n")


def read_log() -> list[dict[str, Any]]:
    """All entries, oldest first."""
    return [json.loads(line) for line in log_text().splitlines() if line.strip()]


def log_text() -> str:
    """The log as it is kept, a JSON object a line."""
    node = _log_node()
    return str(node.GetText() or "") if node else ""


def join_log(earlier: str) -> None:
    """Put the lines of an interrupted session before those of this one; lines that both have are kept once."""
    known = set(earlier.splitlines())
    later = [line for line in log_text().splitlines() if line not in known]
    node = _log_node() or _new_log_node()
    node.SetText("".join(f"{line}\n" for line in (*earlier.splitlines(), *later)))


def join_logs() -> None:
    """Make one log of several, by time: a scene file that is added to the scene brings its own."""
    first, *others = _log_nodes() or [None]
    for other in others:
        lines = list(dict.fromkeys(line for node in (first, other) for line in (node.GetText() or "").splitlines() if line.strip()))
        first.SetText("".join(f"{line}\n" for line in sorted(lines, key=lambda line: str(json.loads(line)["time"]))))
        slicer.mrmlScene.RemoveNode(other)


def _log_node() -> Any:
    return next(iter(_log_nodes()), None)


def _log_nodes() -> list[Any]:
    return [node for node in slicer.util.getNodesByClass("vtkMRMLTextNode") if node.GetAttribute(ATTRIBUTE)]


def _new_log_node() -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", NAME)
    node.SetAttribute(ATTRIBUTE, "1")
    return node
