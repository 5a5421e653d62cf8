"""A worker that does nothing useful, in all the ways a worker can: for the tests of the transport."""

import os
import signal
import sys
import time
from pathlib import Path

from BrainMetsAILib.worker.protocol import Cancel, Cancelled, Failure, Hello, Progress, Reply, Result, decode_order, encode


def send(reply: Reply) -> None:
    """Write one line."""
    sys.stdout.buffer.write(encode(reply))
    sys.stdout.buffer.flush()


def main() -> None:
    """Answer until the input closes."""
    send(Hello(os.getpid()))
    for line in sys.stdin.buffer:
        order = decode_order(line)
        if isinstance(order, Cancel):
            send(Cancelled(order.id))
        elif order.task == "echo":
            for step in range(1000):
                send(Progress(order.id, step / 1000, f"step {step} of “µ”"))
            Path(order.output, "file.txt").write_text("here", encoding="utf-8")
            send(Result(order.id, {"input": dict(order.input), "output": order.output}))
        elif order.task == "fail":
            sys.stderr.write("a traceback\n")
            send(Failure(order.id, "It cannot be done.", "because"))
        elif order.task == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif order.task == "exit":
            sys.stderr.write("out of cheese\n")
            sys.exit(3)
        elif order.task == "wait":
            send(Progress(order.id, 0.5, "waiting"))
        elif order.task == "stuck":
            send(Progress(order.id, 0.5, "stuck"))
            time.sleep(600)


main()
