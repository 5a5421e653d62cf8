"""The worker's own half of the protocol: reads orders in one thread, works in another, and never dies of a task's error."""

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from BrainMetsAILib.models.finding import Cancelled as TaskCancelled
from BrainMetsAILib.worker.failures import failure_of
from BrainMetsAILib.worker.launching import polite_threads
from BrainMetsAILib.worker.protocol import (
    Cancel,
    Cancelled,
    Failure,
    Hello,
    Progress,
    ProtocolError,
    Reply,
    Request,
    Result,
    decode_order,
    encode,
)
from BrainMetsAILib.worker.tasks import TaskContext, UnknownTask, load_task


class Server:
    """Carries out orders one after the other.

    Parameters
    ----------
    send
        Called with each reply, from either thread; must be safe for that.
    """

    def __init__(self, send: Callable[[Reply], None]) -> None:
        self._send = send
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._cancelled: dict[int, threading.Event] = {}
        self._lock = threading.Lock()

    def take(self, line: bytes) -> None:
        """Take one line of the caller."""
        if not line.strip():
            return
        try:
            order = decode_order(line)
        except ProtocolError as error:
            self._send(Failure(None, f"The worker could not read an order: {error}."))
            return
        if isinstance(order, Cancel):
            with self._lock:
                event = self._cancelled.get(order.id)
            if event:
                event.set()
            return
        with self._lock:
            self._cancelled[order.id] = threading.Event()
        self._requests.put(order)

    def close(self) -> None:
        """Let `work` return when it has done what was asked."""
        self._requests.put(None)

    def work(self) -> None:
        """Carry out requests until `close`."""
        while (request := self._requests.get()) is not None:
            reply = self._carry_out(request)
            with self._lock:
                self._cancelled.pop(request.id, None)
            self._send(reply)

    def _carry_out(self, request: Request) -> Reply:
        event = self._cancelled[request.id]
        furthest = 0.0

        def progress(fraction: float, message: str) -> None:
            nonlocal furthest
            furthest = max(furthest, min(1.0, fraction))
            self._send(Progress(request.id, furthest, message))

        try:
            if event.is_set():
                return Cancelled(request.id)
            task = load_task(request.task)
            output = Path(request.output)
            if not request.output or not output.is_dir():
                return Failure(request.id, f"The folder for the results does not exist: {request.output or '(none named)'}.")
            reply: Reply = Result(request.id, task(request.input, output, TaskContext(progress, event.is_set, polite_threads())))
            encode(reply)  # a result that JSON cannot hold is an error of the task, to be reported as one
            return reply
        except UnknownTask as error:
            return Failure(request.id, str(error))
        except TaskCancelled:
            return Cancelled(request.id)
        except Exception as error:
            # The one place where everything is caught: an error of any kind must become a sentence, and the worker stays warm.
            failure = failure_of(request.id, request.task, error)
            print(failure.details, file=sys.stderr, flush=True)
            return Cancelled(request.id) if event.is_set() else failure


def serve() -> None:
    """Talk over the process's standard streams until the input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal group: the caller decides what it means
    orders, replies = _own_streams()
    lock = threading.Lock()

    def send(reply: Reply) -> None:
        try:
            with lock:
                replies.write(encode(reply))
                replies.flush()
        except OSError:
            os._exit(0)  # nobody listens any more

    server = Server(send)
    threading.Thread(target=_listen, args=(orders, server), daemon=True, name="orders").start()
    send(Hello(os.getpid()))
    server.work()


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Input and output for the protocol alone: a library that prints or reads would break it on the usual descriptors."""
    orders = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return orders, replies


def _listen(orders: BinaryIO, server: Server) -> None:
    for line in iter(orders.readline, b""):
        server.take(line)
    # The caller is gone or wants us gone: whatever is being computed is of use to nobody.
    os._exit(0)
