"""The worker's task ``register``: where the baseline lies in a follow-up."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from BrainMetsAILib.worker.payload import read_image
from BrainMetsAILib.worker.tasks import TaskContext
from BrainMetsAIResponseLib.registration import RigidRegistration, register_rigid
from BrainMetsAIResponseLib.registration_quality import RegistrationQuality

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


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
        transform=rigid_transform(result["transform"]),
        metric=float(result["metric"]),
        quality=RegistrationQuality(**result["quality"]),
        warning=str(result["warning"]),
    )


def ras_matrix(transform: sitk.Transform) -> npt.NDArray[np.float64]:
    """4×4 RAS matrix of a rigid transform of LPS points (mm)."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    ends = [np.array(transform.TransformPoint(tuple(axis))) for axis in np.eye(3).tolist()]
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([end - origin for end in ends], axis=1)
    matrix[:3, 3] = origin
    return np.asarray(_LPS_TO_RAS @ matrix @ _LPS_TO_RAS)


def rigid_transform(matrix: npt.ArrayLike) -> sitk.Transform:
    """Rigid transform of LPS points (mm) from a 4×4 RAS matrix; raises RuntimeError where the matrix is not a rotation."""
    lps = _LPS_TO_RAS @ np.asarray(matrix, dtype=np.float64) @ _LPS_TO_RAS
    transform = sitk.Euler3DTransform()
    transform.SetMatrix(lps[:3, :3].flatten().tolist(), 1e-6)
    transform.SetTranslation(lps[:3, 3].tolist())
    return transform
