"""Runs a Python module that ends with whoever started it: ``python -m BrainMetsAILib.worker.guarded_run MODULE ARGUMENT…``.

PythonSlicer is a launcher in front of the interpreter, and ending the launcher does not end what it started. So the first line printed
is the process number, and when the standard input closes, the process ends.
"""

import os
import runpy
import sys
import threading

MODULE = "BrainMetsAILib.worker.guarded_run"
GREETING = "brainmets-pid "
"""Begins the first line of the output; the process number follows."""


def guarded(arguments: list[str]) -> list[str]:
    """The same call of the interpreter (``-m MODULE ARGUMENT…``), guarded.

    Raises
    ------
    ValueError
        If it is not a call of a module.
    """
    if arguments[:1] != ["-m"] or len(arguments) < 2:
        raise ValueError(f"only modules can be run guarded, not {arguments}")
    return ["-m", MODULE, *arguments[1:]]


def _end_with_input() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)  # from a thread nothing else ends the process at once


def main() -> None:
    """Say the process number, watch the input, run the module."""
    print(f"{GREETING}{os.getpid()}", flush=True)
    threading.Thread(target=_end_with_input, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
