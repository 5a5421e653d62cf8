"""The worker's task ``register``: where the baseline lies in a follow-up."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from BrainMetsAILib.worker.payload import read_image
from BrainMetsAILib.worker.tasks import TaskContext
from BrainMetsAIResponseLib.registration import RigidRegistration, register_rigid
from BrainMetsAIResponseLib.registration_quality import RegistrationQuality
from BrainMetsAIResponseLib.rigid import ras_matrix, transform_from_ras


def run(task_input: Mapping[str, Any], output: Path, context: TaskContext) -> dict[str, Any]:
    """Register the images that `payload.register_input` described.

    Returns
    -------
    dict
        ``transform``: 4×4 matrix from baseline RAS to follow-up RAS (mm); ``metric``, ``quality`` and ``warning`` of the registration.
    """
    fixed = read_image(task_input["fixed"], task_input["fixed_ijk_to_ras"])
    moving = read_image(task_input["moving"], task_input["moving_ijk_to_ras"])
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(int(task_input.get("threads") or context.threads))
    return write_registration(register_rigid(fixed, moving, context.progress, context.cancelled))


def write_registration(registration: RigidRegistration) -> dict[str, Any]:
    """A registration as plain values for a line of JSON."""
    return {
        "transform": ras_matrix(registration.transform).tolist(),
        "metric": float(registration.metric),
        "quality": dataclasses.asdict(registration.quality),
        "warning": registration.warning,
    }


def read_registration(result: Mapping[str, Any]) -> RigidRegistration:
    """The registration that a task's result describes."""
    return RigidRegistration(
        transform=transform_from_ras(np.asarray(result["transform"])),
        metric=float(result["metric"]),
        quality=RegistrationQuality(**result["quality"]),
        warning=str(result["warning"]),
    )
