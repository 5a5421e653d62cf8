"""The task ``find``: metastases in one image."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from BrainMetsAILib.images.suitability import check_image
from BrainMetsAILib.models.bundles import anatomy_bundle, find_bundle
from BrainMetsAILib.models.inference import find_lesions
from BrainMetsAILib.worker.payload import read_image, write_finding
from BrainMetsAILib.worker.tasks import TaskContext


def run(task_input: Mapping[str, Any], output: Path, context: TaskContext) -> dict[str, Any]:
    """Search the image that `payload.find_input` described; the result is as `payload.write_finding` makes it, with ``warnings``."""
    image = read_image(task_input["volume"], task_input["ijk_to_ras"])
    warnings: tuple[str, ...] = ()
    if not task_input.get("checked", False):
        warnings = check_image(image, str(task_input.get("modality") or ""), bool(task_input.get("accept_thick", False)))
    bundle = find_bundle(task_input.get("model") or None)
    finding = find_lesions(
        image,
        bundle,
        anatomy_bundle(),
        device=str(task_input.get("device") or "auto"),
        threads=int(task_input.get("threads") or context.threads),
        progress=context.progress,
        cancelled=context.cancelled,
    )
    return {**write_finding(output, finding), "warnings": list(warnings)}
