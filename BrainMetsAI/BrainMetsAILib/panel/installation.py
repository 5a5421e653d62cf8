"""Installs Python packages in a process of its own, so that nothing freezes and the application never imports them."""

import contextlib
import importlib
import os
import signal
from collections.abc import Callable, Sequence

import qt
from slicer.i18n import tr as _

from BrainMetsAILib.panel.process import python_interpreter
from BrainMetsAILib.worker.guarded_run import GREETING, guarded
from BrainMetsAILib.worker.launching import worker_environment

LINES_KEPT = 200


class Installation:
    """Runs commands of the Python interpreter one after the other; stops at the first that fails.

    Parameters
    ----------
    on_line
        Called with each line that the installer prints.
    on_end
        Called once: with an empty text when everything is installed, else with a sentence for the person.
    interpreter
        Finds the Python program; tests pass their own.
    """

    def __init__(
        self, on_line: Callable[[str], None], on_end: Callable[[str], None], interpreter: Callable[[], str | None] = python_interpreter
    ) -> None:
        self._on_line, self._on_end, self._interpreter = on_line, on_end, interpreter
        self._commands: list[list[str]] = []
        self._lines: list[str] = []
        self._rest = ""
        self._running = self._cancelled = False
        self._pid: int | None = None
        self._process = qt.QProcess()
        self._process.setProcessChannelMode(qt.QProcess.MergedChannels)
        self._process.connect("readyReadStandardOutput()", self._read)
        self._process.connect("finished(int,QProcess::ExitStatus)", self._finished)
        self._process.connect("errorOccurred(QProcess::ProcessError)", self._error)

    @property
    def running(self) -> bool:
        """Whether something is being installed."""
        return self._running

    @property
    def log(self) -> str:
        """What the installer printed last."""
        return "\n".join(self._lines)

    def start(self, commands: Sequence[Sequence[str]]) -> None:
        """Run the commands; see `requirements.install_commands`."""
        self._commands = [list(command) for command in commands]
        self._lines, self._rest = [], ""
        self._running, self._cancelled = True, False
        self._next()

    def cancel(self) -> None:
        """End the installer; what it had installed stays."""
        if self._running:
            self._cancelled = True
            self._process.closeWriteChannel()  # it ends by itself then
            if self._pid:  # the interpreter itself: PythonSlicer is only a launcher in front of it
                with contextlib.suppress(OSError):
                    os.kill(self._pid, getattr(signal, "SIGKILL", signal.SIGTERM))
            self._process.kill()

    def stop(self) -> None:
        """At exit and reload: end it without a word."""
        self._on_end = lambda sentence: None
        self.cancel()
        self._process.waitForFinished(1000)

    def _next(self) -> None:
        program = self._interpreter()
        if program is None:
            self._end(_("PythonSlicer was not found beside the application; reinstall Slicer."))
        elif not self._commands:
            importlib.invalidate_caches()
            self._end("")
        else:
            self._pid = None
            environment = qt.QProcessEnvironment.systemEnvironment()
            for name, value in worker_environment().items():
                environment.insert(name, value)
            self._process.setProcessEnvironment(environment)
            self._process.start(program, guarded(self._commands.pop(0)))

    def _read(self) -> None:
        text = self._rest + self._process.readAllStandardOutput().data().decode("utf-8", errors="replace")
        *lines, self._rest = text.replace("\r", "\n").split("\n")
        for line in lines:
            if line.startswith(GREETING):
                self._pid = int(line.removeprefix(GREETING))
            elif line.strip():
                self._lines = [*self._lines[-LINES_KEPT:], line]
                self._on_line(line)

    def _error(self, error: int) -> None:
        if error == int(getattr(qt.QProcess.FailedToStart, "value", qt.QProcess.FailedToStart)):
            self._end(_("The installer could not be started: {reason}").format(reason=self._process.errorString()))

    def _finished(self, code: int, status: int) -> None:
        self._read()
        if not self._running:
            return
        if self._cancelled:
            self._end(_("The installation was cancelled."))
        elif code != 0 or status != 0:
            reasons = [line for line in self._lines if "ERROR" in line]
            reason = reasons[0].split("ERROR:")[-1].strip() if reasons else " ".join(self._lines[-1:])
            self._end(_("The installation failed: {reason}").format(reason=reason))
        else:
            self._next()

    def _end(self, sentence: str) -> None:
        self._running = False
        self._on_end(sentence)
