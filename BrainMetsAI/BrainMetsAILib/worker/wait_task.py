"""The task ``wait``: does nothing for a while, with progress. It checks that a worker can be reached and cancelled."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from BrainMetsAILib.models.finding import Cancelled
from BrainMetsAILib.worker.tasks import TaskContext


def run(task_input: Mapping[str, Any], output: Path, context: TaskContext) -> dict[str, Any]:
    """Wait `seconds` in `steps` steps; the result names the steps waited."""
    steps = int(task_input.get("steps", 10))
    pause = float(task_input.get("seconds", 1.0)) / max(1, steps)
    for step in range(steps):
        if context.cancelled():
            raise Cancelled
        context.progress(step / steps, f"step {step + 1} of {steps}")
        time.sleep(pause)
    return {"steps": steps}
