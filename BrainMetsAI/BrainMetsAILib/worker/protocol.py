"""The language of the worker process: one JSON object a line, UTF-8, over its standard streams.

======================  =======================================================================================
direction               line
======================  =======================================================================================
worker → caller, first  ``{"hello": "brainmets-worker", "protocol": 1, "pid": 4711, "version": "0.1.0"}``
caller → worker         ``{"id": 1, "task": "find", "input": {…}, "output": "<folder>"}``
caller → worker         ``{"task": "cancel", "id": 1}``
worker → caller         ``{"id": 1, "progress": 0.25, "message": "window 3 of 12"}``
worker → caller, last   ``{"id": 1, "result": {…}}`` or ``{"id": 1, "error": "One sentence.", "details": "…"}``
                        or ``{"id": 1, "cancelled": true}``
======================  =======================================================================================

Arrays never travel in these lines: they lie as ``.npy`` files in the output folder (see ``payload.py``). An error whose ``id``
is ``null`` answers a line that could not be read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GREETING = "brainmets-worker"
PROTOCOL = 1
VERSION = "0.1.0"
CANCEL = "cancel"


class ProtocolError(ValueError):
    """A line that is not part of the protocol; the message says what is wrong with it."""


@dataclass(frozen=True)
class Hello:
    """The worker's first line."""

    pid: int
    protocol: int = PROTOCOL
    version: str = VERSION


@dataclass(frozen=True)
class Request:
    """A task for the worker; it may write files into the folder `output` only."""

    id: int
    task: str
    input: Mapping[str, Any] = field(default_factory=dict)
    output: str = ""


@dataclass(frozen=True)
class Cancel:
    """Asks the worker to give up task `id`."""

    id: int


@dataclass(frozen=True)
class Progress:
    """How far task `id` is: `fraction` from 0 to 1, never falling, and what is being done."""

    id: int
    fraction: float
    message: str = ""


@dataclass(frozen=True)
class Result:
    """Task `id` is done."""

    id: int
    result: Mapping[str, Any]


@dataclass(frozen=True)
class Failure:
    """Task `id` (None: the line or the process itself) failed: one sentence for a person, details for a bug report."""

    id: int | None
    sentence: str
    details: str = ""


@dataclass(frozen=True)
class Cancelled:
    """Task `id` was given up as asked."""

    id: int


Reply = Hello | Progress | Result | Failure | Cancelled
Order = Request | Cancel


def encode(message: Reply | Order) -> bytes:
    """One line of JSON, with its newline, for any message of the protocol."""
    content: dict[str, Any]
    match message:
        case Hello(pid, protocol, version):
            content = {"hello": GREETING, "protocol": protocol, "pid": pid, "version": version}
        case Request(number, task, task_input, output):
            content = {"id": number, "task": task, "input": dict(task_input), "output": output}
        case Cancel(number):
            content = {"task": CANCEL, "id": number}
        case Progress(number, fraction, text):
            content = {"id": number, "progress": round(fraction, 4), "message": text}
        case Result(number, result):
            content = {"id": number, "result": dict(result)}
        case Failure(failed, sentence, details):
            content = {"id": failed, "error": sentence, "details": details}
        case Cancelled(number):
            content = {"id": number, "cancelled": True}
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"


def decode_reply(line: bytes) -> Reply:
    """Read one line that came from the worker; raises ProtocolError."""
    content = _json_object(line)
    if content.get("hello") == GREETING:
        return Hello(_whole_number(content, "pid"), _whole_number(content, "protocol"), str(content.get("version", "")))
    if "error" in content:
        number = None if content.get("id") is None else _whole_number(content, "id")
        return Failure(number, str(content["error"]), str(content.get("details", "")))
    number = _whole_number(content, "id")
    if "progress" in content:
        fraction = content["progress"]
        if isinstance(fraction, bool) or not isinstance(fraction, int | float):
            raise ProtocolError(f"progress is not a number: {fraction!r}")
        return Progress(number, min(1.0, max(0.0, float(fraction))), str(content.get("message", "")))
    if isinstance(content.get("result"), dict):
        return Result(number, content["result"])
    if content.get("cancelled") is True:
        return Cancelled(number)
    raise ProtocolError(f"no reply of this protocol: {_shortened(line)}")


def decode_order(line: bytes) -> Order:
    """Read one line that came from the caller; raises ProtocolError."""
    content = _json_object(line)
    task = content.get("task")
    if not isinstance(task, str) or not task:
        raise ProtocolError(f"the line names no task: {_shortened(line)}")
    number = _whole_number(content, "id")
    if task == CANCEL:
        return Cancel(number)
    task_input = content.get("input", {})
    output = content.get("output", "")
    if not isinstance(task_input, dict) or not isinstance(output, str):
        raise ProtocolError(f"input must be an object and output a folder: {_shortened(line)}")
    return Request(number, task, task_input, output)


def _json_object(line: bytes) -> dict[str, Any]:
    try:
        content = json.loads(line.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ProtocolError(f"not a line of JSON: {_shortened(line)}") from error
    if not isinstance(content, dict):
        raise ProtocolError(f"not a JSON object: {_shortened(line)}")
    return content


def _whole_number(content: Mapping[str, Any], key: str) -> int:
    value = content.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ProtocolError(f"{key} must be a whole number, not {value!r}")
    return value


def _shortened(line: bytes, longest: int = 120) -> str:
    text = " ".join(line.decode("utf-8", errors="replace").split())
    return text if len(text) <= longest else text[:longest] + "…"
