"""The task ``practice``: a practice case with known truth, made from a head volume."""

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from BrainMetsAILib.images.geometry import ijk_to_ras
from BrainMetsAILib.models.finding import Cancelled
from BrainMetsAILib.synthesis.practice import make_practice_case
from BrainMetsAILib.worker.payload import read_image, write_array
from BrainMetsAILib.worker.tasks import TaskContext


def run(task_input: Mapping[str, Any], output: Path, context: TaskContext) -> dict[str, Any]:
    """Make a case from ``volume`` and ``seed``.

    Returns
    -------
    dict
        ``head_sha256`` of the head's voxels; paths ``baseline``, ``baseline_labels``, ``baseline_necrosis`` and the same with
        ``follow_up``, all on the grid ``ijk_to_ras``;
        tables ``baseline_truth``, ``follow_up_truth``, ``fates`` as lists of objects.
    """

    def progress(fraction: float, message: str) -> None:
        if context.cancelled():
            raise Cancelled
        context.progress(fraction, message)

    head = read_image(task_input["volume"], task_input["ijk_to_ras"])
    case = make_practice_case(head, int(task_input.get("seed", 0)), progress)
    result: dict[str, Any] = {
        "ijk_to_ras": ijk_to_ras(case.baseline.image).tolist(),
        "seed": case.seed,
        "head_sha256": hashlib.sha256(sitk.GetArrayViewFromImage(head).tobytes()).hexdigest(),
    }
    for name, examination in (("baseline", case.baseline), ("follow_up", case.follow_up)):
        result[name] = write_array(output, name, sitk.GetArrayViewFromImage(examination.image))
        result[f"{name}_labels"] = write_array(output, f"{name}_labels", sitk.GetArrayViewFromImage(examination.labels))
        result[f"{name}_necrosis"] = write_array(output, f"{name}_necrosis", sitk.GetArrayViewFromImage(examination.necrosis))
        result[f"{name}_truth"] = [dataclasses.asdict(lesion) for lesion in examination.truth]
    # A new lesion has no ratio: infinity is not JSON.
    fates = [dataclasses.asdict(fate) for fate in case.fates]
    result["fates"] = [{key: None if value == float("inf") else value for key, value in fate.items()} for fate in fates]
    return result
