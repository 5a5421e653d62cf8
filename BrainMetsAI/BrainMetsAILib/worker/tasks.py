"""The worker's table of tasks. A task's code is imported when it is first asked for: the worker greets at once, and the response
module's library is only loaded where something is compared.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TaskContext:
    """What a task is given beside its input.

    Attributes
    ----------
    progress
        Called with a share from 0 to 1 and what is being done.
    cancelled
        Says whether to stop; asked often, at least between any two steps of a few seconds.
    threads
        How many cores to use, where the input names no number.
    """

    progress: Callable[[float, str], None]
    cancelled: Callable[[], bool]
    threads: int


Task = Callable[[Mapping[str, Any], Path, TaskContext], dict[str, Any]]

TASKS: Mapping[str, str] = {
    "find": "BrainMetsAILib.worker.find_task:run",
    "register": "BrainMetsAIResponseLib.register_task:run",
    "preflight": "BrainMetsAILib.worker.preflight_task:run",
    "practice": "BrainMetsAILib.worker.practice_task:run",
    "wait": "BrainMetsAILib.worker.wait_task:run",
}


class UnknownTask(ValueError):
    """The table has no such task."""


def load_task(name: str) -> Task:
    """The function of a task; raises UnknownTask, or ImportError where what it needs is not installed."""
    target = TASKS.get(name)
    if target is None:
        raise UnknownTask(f"The worker knows no task called {name}; its tasks are {', '.join(sorted(TASKS))}.")
    module, function = target.split(":")
    task: Task = getattr(importlib.import_module(module), function)
    return task
