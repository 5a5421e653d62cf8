"""How a worker process is started, whatever starts it: its arguments and the folders on its module search path."""

import os
from collections.abc import Mapping
from pathlib import Path

ARGUMENTS = ("-m", "BrainMetsAILib.worker")
# glibc gives each large block back to the system and fetches it anew, zeroed: up to a third of a search. Other systems ignore this.
_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(512 << 20)}


def module_folders() -> tuple[Path, ...]:
    """Folders that hold `BrainMetsAILib` and `BrainMetsAIResponseLib`.

    Installed, both lie in one folder (``qt-scripted-modules``); in a source checkout each in its module's own.
    """
    library = Path(__file__).resolve().parents[1]
    own = library.parent
    response = own.parent / "BrainMetsAIResponse"
    return (own, response) if (response / "BrainMetsAIResponseLib").is_dir() else (own,)


def worker_environment(inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's environment with `module_folders` in front on ``PYTHONPATH``, and settings for the worker's memory."""
    environment = dict(os.environ if inherited is None else inherited)
    folders = [str(folder) for folder in module_folders()]
    before = environment.get("PYTHONPATH", "")
    environment["PYTHONPATH"] = os.pathsep.join([*folders, before] if before else folders)
    for name, value in _MEMORY.items():
        environment.setdefault(name, value)
    return environment


def polite_threads() -> int:
    """One core fewer than there are, so that the interface beside the worker stays smooth (niceness alone does not achieve it)."""
    return max(1, all_threads() - 1)


def all_threads() -> int:
    """Every core that this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable)
