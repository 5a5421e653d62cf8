"""The caller's half of the protocol as a state machine that knows no transport.

A transport (``cli/process.py`` with subprocess, ``panel/process.py`` with QProcess) starts the process, passes what it reads to
`WorkerClient.feed` and `feed_stderr`, asks `overdue` from time to time, and calls `ended` once when the process is gone. What the
client wants written goes through the callable it is given. Only plain values come and go, so that it can be tested without a process.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from BrainMetsAILib.worker.protocol import (
    PROTOCOL,
    Cancel,
    Cancelled,
    Failure,
    Hello,
    Progress,
    ProtocolError,
    Reply,
    Request,
    decode_reply,
    encode,
)

GREETING_LIMIT_S = 120.0
"""How long a fresh process may take to greet (a first start reads Python from a cold disk, virus scanners look at it)."""
CANCEL_LIMIT_S = 8.0
"""How long a task may take to notice a cancellation before the process is to be killed; longer than one window on a slow core."""
ERROR_LINES_KEPT = 60


class WorkerClient:
    """Keeps track of one worker process: greeting, open tasks, cancellation, and why it ended.

    Parameters
    ----------
    write
        Called with bytes for the worker's standard input. Nothing is written before the worker has greeted in our protocol version.
    clock
        Seconds that never run backwards; tests pass their own.
    """

    def __init__(self, write: Callable[[bytes], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._pieces: list[bytes] = []
        self._waiting: list[bytes] = []
        self._open: dict[int, Request] = {}
        self._cancelled_at: dict[int, float] = {}
        self._error_lines: deque[str] = deque(maxlen=ERROR_LINES_KEPT)
        self._error_rest = b""
        self._next_id = 1
        self._started_at = clock()
        self._refusal = ""
        self._ended = False
        self.pid: int | None = None
        self.version = ""

    @property
    def busy(self) -> bool:
        """Whether a task is open (asked for and neither done, failed nor cancelled)."""
        return bool(self._open)

    @property
    def cancelling(self) -> bool:
        """Whether every open task has been asked to stop."""
        return self.busy and set(self._open) == set(self._cancelled_at)

    @property
    def usable(self) -> bool:
        """Whether a further task may be asked of this process."""
        return not self._ended and not self._refusal

    def request(self, task: str, task_input: Mapping[str, Any], output: Path | str) -> int:
        """Ask for a task, to write its files into the folder `output`; returns the number its replies carry."""
        request = Request(self._next_id, task, task_input, str(output))
        self._next_id += 1
        self._open[request.id] = request
        self._send(encode(request))
        return request.id

    def cancel(self, number: int | None = None) -> None:
        """Ask the worker to give up task `number`, or every open one. The `Cancelled` reply says when it has."""
        for open_number in tuple(self._open) if number is None else (number,):
            if open_number in self._open and open_number not in self._cancelled_at:
                self._cancelled_at[open_number] = self._clock()
                self._send(encode(Cancel(open_number)))

    def feed(self, data: bytes) -> tuple[Reply, ...]:
        """Take bytes from the worker's standard output, in any pieces; returns the replies that they complete."""
        *full, rest = data.split(b"\n")
        replies = []
        for end in full:
            line = b"".join((*self._pieces, end))
            self._pieces.clear()
            reply = self._read_line(line)
            if reply is not None:
                replies.append(reply)
        if rest:
            self._pieces.append(rest)
        return tuple(replies)

    def feed_stderr(self, data: bytes) -> None:
        """Take bytes from the worker's standard error; the last lines become the details of a failure."""
        *full, self._error_rest = (self._error_rest + data).split(b"\n")
        self._error_lines.extend(line.decode("utf-8", errors="replace").rstrip("\r") for line in full)

    @property
    def log(self) -> str:
        """The last lines that the worker wrote to its standard error, or wrongly to its standard output."""
        rest = self._error_rest.decode("utf-8", errors="replace")
        return "\n".join((*self._error_lines, rest)).strip()

    def overdue(self) -> str:
        """Why the process should be killed now, as a sentence; empty while all is well."""
        if self._refusal:
            return self._refusal
        now = self._clock()
        if self.pid is None and now - self._started_at > GREETING_LIMIT_S:
            return f"The worker process did not answer within {GREETING_LIMIT_S:.0f} seconds; try again or reinstall the extension."
        if any(now - since > CANCEL_LIMIT_S for since in self._cancelled_at.values()):
            return "The worker process did not stop when asked and was ended."
        return ""

    def ended(self, exit_code: int | None, killed_by_signal: int | None = None) -> tuple[Reply, ...]:
        """Say that the process is gone; returns what becomes of the tasks that were open.

        Parameters
        ----------
        exit_code
            The exit code; None where a signal ended it or it is not known.
        killed_by_signal
            The number of the signal, 0 for a crash of unknown kind, None where it ended by itself.
        """
        if self._ended:
            return ()
        self._ended = True
        sentence = self._refusal or _ending_sentence(exit_code, killed_by_signal, greeted=self.pid is not None)
        replies: list[Reply] = []
        for number in self._open:
            asked = number in self._cancelled_at
            replies.append(Cancelled(number) if asked else Failure(number, sentence, self.log))
        self._open.clear()
        self._cancelled_at.clear()
        self._waiting.clear()
        return tuple(replies)

    def failed_to_start(self, program: str, reason: str = "") -> tuple[Reply, ...]:
        """Say that the process could not be started at all; returns what becomes of the tasks that were asked."""
        self._refusal = f"The program {program} could not be started{': ' + reason if reason else ''}; check the installation."
        return self.ended(None)

    def _send(self, line: bytes) -> None:
        if self._ended:
            return
        if self.pid is None:
            self._waiting.append(line)
        else:
            self._write(line)

    def _read_line(self, line: bytes) -> Reply | None:
        if not line.strip():
            return None
        try:
            reply = decode_reply(line)
        except ProtocolError as error:
            # A launcher may print a line of its own: it is kept for the details, and harms nothing.
            self._error_lines.append(f"(unreadable line) {error}")
            return None
        if isinstance(reply, Hello):
            return self._greet(reply)
        if isinstance(reply, Progress):
            return reply if reply.id in self._open else None
        if isinstance(reply, Failure) and reply.id is None:
            self._error_lines.append(f"(worker) {reply.sentence}")
            return reply
        assert reply.id is not None
        self._cancelled_at.pop(reply.id, None)
        return reply if self._open.pop(reply.id, None) else None

    def _greet(self, hello: Hello) -> Reply:
        self.version = hello.version
        if hello.protocol != PROTOCOL:
            self.pid = hello.pid
            self._waiting.clear()
            self._refusal = (
                f"The worker process speaks version {hello.protocol} of the protocol and this program version {PROTOCOL}: "
                "two versions of the extension are mixed; reinstall it and start again."
            )
            return Failure(None, self._refusal)
        self.pid = hello.pid
        for line in self._waiting:
            self._write(line)
        self._waiting.clear()
        return hello


def _ending_sentence(exit_code: int | None, killed_by_signal: int | None, greeted: bool) -> str:
    if not greeted:
        code = "" if exit_code is None else f" (exit code {exit_code})"
        return f"The worker process ended before it could start{code}; see the details, and check the installation of Python."
    if killed_by_signal == 9:
        return "The worker process was killed, most likely because the computer ran out of memory; close other programs and run again."
    if killed_by_signal is not None:
        return "The worker process crashed or ran out of memory; nothing else was harmed, so close other programs and run it again."
    return f"The worker process ended by itself (exit code {exit_code}) before the task was done; run it again."
