"""The worker process under the command line: subprocess carries what `worker/client.py` says."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from BrainMetsAILib.models.finding import Cancelled as TaskCancelled
from BrainMetsAILib.worker.client import WorkerClient
from BrainMetsAILib.worker.launching import ARGUMENTS, worker_environment
from BrainMetsAILib.worker.protocol import Cancelled, Failure, Progress, Reply, Result

LOOK_AFTER_S = 0.1
STOP_LIMIT_S = 3.0


class TaskFailed(RuntimeError):
    """A task did not succeed; the message is one sentence for a person, `details` is for a bug report."""

    def __init__(self, sentence: str, details: str = "") -> None:
        super().__init__(sentence)
        self.details = details


class WorkerProcess:
    """One worker, started on entering the context and ended on leaving it; warm in between.

    Parameters
    ----------
    program
        The Python program; that of this process if None.
    environment
        Environment to start from; that of this process if None.
    """

    def __init__(self, program: str | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._program = program or sys.executable
        self._environment = worker_environment(environment)
        self._events: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None
        self.client = WorkerClient(self._write)

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError):  # said by `run`, as for every other reason
            self._process = subprocess.Popen(
                [self._program, *ARGUMENTS],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment,
            )
            self._read_in_thread(self._process.stdout, "output")
            self._read_in_thread(self._process.stderr, "errors")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def run(
        self,
        task: str,
        task_input: Mapping[str, Any],
        output: Path,
        progress: Callable[[float, str], None] = lambda fraction, message: None,
    ) -> Mapping[str, Any]:
        """Carry out a task and wait for its result.

        Parameters
        ----------
        task, task_input, output
            As the worker's table names them; `output` is an existing folder.
        progress
            Called with a share from 0 to 1 and what is being done.

        Raises
        ------
        TaskFailed
            With a sentence for a person.
        KeyboardInterrupt
            After Ctrl-C, when the worker has given the task up.
        """
        number = self.client.request(task, task_input, output)
        if self._process is None:
            return self._settled(self.client.failed_to_start(self._program), number)
        try:
            return self._wait_for(number, progress)
        except KeyboardInterrupt:
            self.client.cancel(number)
            with contextlib.suppress(TaskCancelled, TaskFailed):
                self._wait_for(number, lambda fraction, message: None)
            raise

    def close(self) -> None:
        """Close the worker's input, upon which it ends; it is killed where it does not."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            assert process.stdin is not None
            process.stdin.close()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._kill(process)
            process.wait()

    def _wait_for(self, number: int, progress: Callable[[float, str], None]) -> Mapping[str, Any]:
        process = self._process
        assert process is not None
        ends_seen = 0
        while True:
            try:
                kind, data = self._events.get(timeout=LOOK_AFTER_S)
            except queue.Empty:
                if self.client.overdue():
                    self._kill(process)
                continue
            replies: tuple[Reply, ...] = ()
            if kind == "errors":
                self.client.feed_stderr(data)
            elif kind == "output":
                replies = self.client.feed(data)
                if self.client.overdue():
                    self._kill(process)
            else:
                ends_seen += 1
                if ends_seen == 2:  # both streams are at their end, so nothing that the worker said is lost
                    code = process.wait()
                    replies = self.client.ended(code if code >= 0 else None, -code if code < 0 else None)
            for reply in replies:
                if isinstance(reply, Progress) and reply.id == number:
                    progress(reply.fraction, reply.message)
            if (settled := self._settled(replies, number)) is not None:
                return settled

    def _settled(self, replies: tuple[Reply, ...], number: int) -> Any:
        """The result of the task among the replies; None while there is none. Raises what a failure or a cancellation means."""
        for reply in replies:
            match reply:
                case Result(id=done, result=result) if done == number:
                    return result
                case Failure(id=failed, sentence=sentence, details=details) if failed == number:
                    raise TaskFailed(sentence, details)
                case Cancelled(id=gone) if gone == number:
                    raise TaskCancelled
        return None

    def _write(self, line: bytes) -> None:
        process = self._process
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):  # the worker has ended: the end of its output says so
                process.stdin.write(line)
                process.stdin.flush()

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        pid = self.client.pid
        if pid is not None and pid != process.pid:  # a launcher stands in front of the worker
            with contextlib.suppress(OSError):
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        process.kill()

    def _read_in_thread(self, stream: IO[bytes] | None, kind: str) -> None:
        assert stream is not None

        def read() -> None:
            while data := os.read(stream.fileno(), 65536):
                self._events.put((kind, data))
            self._events.put(("end", b""))

        threading.Thread(target=read, daemon=True, name=f"worker {kind}").start()


def run_task(
    task: str, task_input: Mapping[str, Any], output: Path, progress: Callable[[float, str], None] = lambda fraction, message: None
) -> Mapping[str, Any]:
    """Carry out one task in a worker of its own; raises as `WorkerProcess.run` does."""
    with WorkerProcess() as worker:
        return worker.run(task, task_input, output, progress)
