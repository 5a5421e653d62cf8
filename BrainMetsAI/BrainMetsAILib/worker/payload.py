"""Images and findings as files between the caller and the worker: ``.npy`` arrays, with their grid as a 4×4 matrix in the JSON line.

Arrays are ``[k, j, i]``; matrices are IJK-to-RAS (RAS, mm) as Slicer's volume nodes hold them. The format is read in 40 ms where a
compressed NIfTI of the same size takes a second, and a caller without SimpleITK can use it.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from BrainMetsAILib.images.geometry import ijk_to_ras, image_from_ijk_to_ras
from BrainMetsAILib.models.finding import Finding, Provenance, Removed


def write_array(folder: Path, name: str, array: npt.NDArray[Any]) -> str:
    """Write an array to ``<folder>/<name>.npy``; returns the absolute path."""
    path = Path(folder).resolve() / f"{name}.npy"
    np.save(path, array, allow_pickle=False)
    return str(path)


def write_image(folder: Path, name: str, image: sitk.Image) -> tuple[str, list[list[float]]]:
    """Write an image's voxels to ``<folder>/<name>.npy``; returns the absolute path and the IJK-to-RAS matrix as lists."""
    return write_array(folder, name, sitk.GetArrayViewFromImage(image)), ijk_to_ras(image).tolist()


def read_image(path: str | Path, matrix: npt.ArrayLike) -> sitk.Image:
    """Image of a ``.npy`` file placed by an IJK-to-RAS matrix; raises ValueError or OSError where they do not make one."""
    array = np.load(path, allow_pickle=False)
    if array.ndim != 3:
        raise ValueError(f"an array of three dimensions is needed, not of shape {array.shape}")
    return image_from_ijk_to_ras(array, matrix)


def find_input(
    folder: Path,
    image: sitk.Image,
    *,
    modality: str = "MR",
    model: str | None = None,
    device: str = "auto",
    threads: int | None = None,
    accept_thick: bool = False,
    checked: bool = False,
) -> dict[str, Any]:
    """Input of the task ``find`` for an image, whose voxels are written into `folder`.

    `checked` says that `images/suitability.py` was asked already, with more knowledge than an array gives.
    """
    path, matrix = write_image(folder, "volume", image)
    return {
        "volume": path,
        "ijk_to_ras": matrix,
        "modality": modality,
        "model": model,
        "device": device,
        "threads": threads,
        "accept_thick": accept_thick,
        "checked": checked,
    }


def register_input(folder: Path, fixed: sitk.Image, moving: sitk.Image, *, threads: int | None = None) -> dict[str, Any]:
    """Input of the task ``register``: baseline (fixed) and follow-up (moving)."""
    fixed_path, fixed_matrix = write_image(folder, "fixed", fixed)
    moving_path, moving_matrix = write_image(folder, "moving", moving)
    return {
        "fixed": fixed_path,
        "fixed_ijk_to_ras": fixed_matrix,
        "moving": moving_path,
        "moving_ijk_to_ras": moving_matrix,
        "threads": threads,
    }


def write_finding(folder: Path, finding: Finding) -> dict[str, Any]:
    """Write a finding's images into `folder`; returns the task's result for the JSON line."""
    paths = {
        "enhancing": write_array(folder, "enhancing", sitk.GetArrayViewFromImage(finding.enhancing)),
        "necrosis": write_array(folder, "necrosis", sitk.GetArrayViewFromImage(finding.necrosis)),
        "labels": write_array(folder, "labels", sitk.GetArrayViewFromImage(finding.labels)),
        "necrosis_mask": write_array(folder, "necrosis_mask", sitk.GetArrayViewFromImage(finding.necrosis_mask)),
    }
    removed = None
    if finding.removed is not None:
        removed = {
            "labels": write_array(folder, "removed", sitk.GetArrayViewFromImage(finding.removed.labels)),
            "scores": {str(number): float(score) for number, score in finding.removed.scores.items()},
            "reasons": {str(number): reason for number, reason in finding.removed.reasons.items()},
        }
    return {
        **paths,
        "removed": removed,
        "ijk_to_ras": ijk_to_ras(finding.labels).tolist(),
        "scores": {str(number): float(score) for number, score in finding.scores.items()},
        "provenance": dataclasses.asdict(finding.provenance),
        "notes": list(finding.notes),
        "locations": {str(number): words for number, words in finding.locations.items()},
    }


def read_finding(result: Mapping[str, Any], grid: sitk.Image | None = None) -> Finding:
    """The finding that a task's result describes.

    Parameters
    ----------
    result
        As `write_finding` made it.
    grid
        The image that was searched; its grid is taken over exactly. Without it the grid comes from ``result["ijk_to_ras"]``.
    """
    images = {name: read_image(result[name], result["ijk_to_ras"]) for name in ("enhancing", "necrosis", "labels", "necrosis_mask")}
    if grid is not None:
        for image in images.values():
            image.CopyInformation(grid)
    removed = None
    if result.get("removed"):
        content = result["removed"]
        labels = read_image(content["labels"], result["ijk_to_ras"])
        labels.CopyInformation(images["labels"])
        scores = {int(number): float(score) for number, score in content["scores"].items()}
        removed = Removed(labels, scores, {int(number): str(reason) for number, reason in content["reasons"].items()})
    return Finding(
        **images,
        scores={int(number): float(score) for number, score in result["scores"].items()},
        provenance=Provenance(**result["provenance"]),
        notes=tuple(result.get("notes", ())),
        removed=removed,
        locations={int(number): str(words) for number, words in result.get("locations", {}).items()},
    )
