"""The worker process under Qt: QProcess carries what `worker/client.py` says. The interface never waits for it."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qt

from BrainMetsAILib.worker.client import WorkerClient
from BrainMetsAILib.worker.failures import failure_of
from BrainMetsAILib.worker.launching import ARGUMENTS, worker_environment
from BrainMetsAILib.worker.protocol import Cancelled, Failure, Progress, Reply, Result

LOOK_AFTER_MS = 250
STOP_LIMIT_MS = 1000
LAUNCHER_SAYS = "exit abnormally"  # commontk/AppLauncher, Base/ctkAppLauncher.cpp


@dataclass(frozen=True)
class TaskListener:
    """What a section wants to hear about its task. Exactly one of the last three is called, once, on the interface's thread.

    Attributes
    ----------
    on_progress
        Called with the share done (0 to 1) and words.
    on_result
        Called with the task's result; its files are gone when the call returns.
    on_failure
        Called with a sentence for the person and details for a bug report.
    on_cancelled
        Called when the worker has given the task up.
    """

    on_progress: Callable[[float, str], None]
    on_result: Callable[[Mapping[str, Any]], None]
    on_failure: Callable[[str, str], None]
    on_cancelled: Callable[[], None]


def python_interpreter() -> str | None:
    """The application's Python: PythonSlicer, wherever the installation keeps it; None where there is none."""
    return shutil.which("PythonSlicer")


class WorkerProcess:
    """One worker, started with its first task, warm between tasks, and started anew after it ended.

    Parameters
    ----------
    interpreter
        Finds the Python program; tests pass their own.
    arguments
        What the program is started with.
    """

    def __init__(self, interpreter: Callable[[], str | None] = python_interpreter, arguments: tuple[str, ...] = ARGUMENTS) -> None:
        self._interpreter = interpreter
        self._arguments = list(arguments)
        self._client: WorkerClient | None = None
        self._listener: TaskListener | None = None
        self._task: int | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process = qt.QProcess()  # takes no attributes of ours: everything else is kept on this object
        self._process.connect("readyReadStandardOutput()", self._read)
        self._process.connect("readyReadStandardError()", self._read_error)
        self._process.connect("finished(int,QProcess::ExitStatus)", self._finished)
        self._process.connect("errorOccurred(QProcess::ProcessError)", self._error)
        self._timer = qt.QTimer()
        self._timer.setInterval(LOOK_AFTER_MS)
        self._timer.connect("timeout()", self._look_after)

    @property
    def busy(self) -> bool:
        """Whether a task is under way."""
        return self._listener is not None

    @property
    def pid(self) -> int | None:
        """Process number of the worker itself (PythonSlicer is a launcher in front of it); None while it has not greeted."""
        return self._client.pid if self._client else None

    def run(self, task: str, prepare: Callable[[Path], Mapping[str, Any]], listener: TaskListener) -> None:
        """Start a task.

        Parameters
        ----------
        task
            Its name in the worker's table.
        prepare
            Called with an empty folder; writes the files that the task needs and returns its input.
        listener
            Hears how it goes.

        Raises
        ------
        RuntimeError
            If a task is under way. What goes wrong in `prepare` is told to the listener, as any other failure.
        """
        if self.busy:
            raise RuntimeError("a task is under way")
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="brainmets_task_", ignore_cleanup_errors=True)
            folder = Path(self._folder.name)
            task_input = prepare(folder)
            output = folder / "result"
            output.mkdir()
        except Exception as error:  # a full disk, too little memory, a volume that has changed: whatever it is, the panel must not wait
            self._close()
            failure = failure_of(0, task, error)
            listener.on_failure(failure.sentence, failure.details)
            return
        self._listener = listener
        warm = self._client is not None and self._client.usable and self._process.state() != qt.QProcess.NotRunning
        client = self._client if warm and self._client else WorkerClient(self._write)
        self._task = client.request(task, task_input, output)  # kept until the worker has greeted
        self._timer.start()
        if not warm:
            self._start(client)

    def cancel(self) -> None:
        """Ask the worker to give the task up; `on_cancelled` follows, soon or after the worker had to be ended."""
        if self._client and self._task is not None:
            self._client.cancel(self._task)

    def forget(self) -> None:
        """Cancel the task because what it was for is gone: whatever comes of it, only `on_cancelled` is called."""
        if self._listener:
            gone = self._listener.on_cancelled
            self._listener = TaskListener(_ignore, lambda result: gone(), lambda sentence, details: gone(), gone)
            self.cancel()

    def stop(self) -> None:
        """At exit and reload: its input closes and it ends by itself; the wait is bounded. Nobody hears of an open task again."""
        self._listener = None
        self._timer.stop()
        if self._process.state() != qt.QProcess.NotRunning:
            self._process.closeWriteChannel()
            if not self._process.waitForFinished(STOP_LIMIT_MS):
                self._kill()
                self._process.waitForFinished(STOP_LIMIT_MS)
        self._task, self._client = None, None
        self._close()

    def _start(self, client: WorkerClient) -> None:
        if self._process.state() != qt.QProcess.NotRunning:  # one that may not be used any more
            self._client = None
            self._process.kill()
            self._process.waitForFinished(STOP_LIMIT_MS)
        self._client = client
        program = self._interpreter()
        if program is None:
            self._deliver(client.failed_to_start("PythonSlicer"))
            return
        environment = qt.QProcessEnvironment.systemEnvironment()
        for name, value in worker_environment().items():
            environment.insert(name, value)
        self._process.setProcessEnvironment(environment)
        self._process.start(program, self._arguments)

    def _write(self, line: bytes) -> None:
        self._process.write(qt.QByteArray(line))  # a bytearray would be sent as its own description

    def _read(self) -> None:
        data = self._process.readAllStandardOutput().data()
        if self._client:
            self._deliver(self._client.feed(data))

    def _read_error(self) -> None:
        data = self._process.readAllStandardError().data()
        if self._client:
            self._client.feed_stderr(data)

    def _error(self, error: int) -> None:
        if error == _number(qt.QProcess.FailedToStart) and self._client:  # `finished` does not come then
            self._deliver(self._client.failed_to_start(str(self._interpreter()), self._process.errorString()))

    def _finished(self, code: int, status: int) -> None:
        self._read()
        self._read_error()
        client, self._client = self._client, None
        if client:
            # PythonSlicer, the launcher, outlives a crash of the interpreter behind it, says so and returns 1.
            behind_launcher = code != 0 and LAUNCHER_SAYS in client.log
            crashed = behind_launcher or status == _number(qt.QProcess.CrashExit)
            by_signal = code if sys.platform != "win32" and not behind_launcher else 0  # otherwise the code is no signal
            self._deliver(client.ended(None, by_signal) if crashed else client.ended(code))

    def _look_after(self) -> None:
        if self._client and self._client.overdue():
            self._kill()

    def _kill(self) -> None:
        pid = self.pid
        if pid:
            with contextlib.suppress(OSError):  # it may be gone already
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        self._process.kill()

    def _deliver(self, replies: tuple[Reply, ...]) -> None:
        for reply in replies:
            listener = self._listener
            if listener is None or getattr(reply, "id", None) != self._task:
                continue
            if isinstance(reply, Progress):
                listener.on_progress(reply.fraction, reply.message)
                continue
            self._listener, self._task = None, None
            self._timer.stop()
            try:
                if isinstance(reply, Result):
                    listener.on_result(reply.result)
                elif isinstance(reply, Failure):
                    listener.on_failure(reply.sentence, reply.details)
                elif isinstance(reply, Cancelled):
                    listener.on_cancelled()
            finally:
                if not self.busy:  # a listener may have started the next task
                    self._close()

    def _close(self) -> None:
        if self._folder:
            self._folder.cleanup()
            self._folder = None


def _ignore(share: float, text: str) -> None:
    """Progress of a task that nobody waits for."""


def _number(value: Any) -> int:
    """An enumerator of Qt as PythonQt hands it to slots."""
    return int(getattr(value, "value", value))
