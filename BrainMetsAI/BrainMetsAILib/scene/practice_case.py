"""A practice case on its way from a head through the worker: what the worker is asked for, and what it made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from BrainMetsAILib.models.bundles import models_folder
from BrainMetsAILib.scene.volumes import volume_image
from BrainMetsAILib.synthesis.truth import TrueLesion
from BrainMetsAILib.worker.payload import read_image, write_image

BASELINE, FOLLOW_UP = "baseline", "follow-up"
HEAD_DIGITS = 16


@dataclass(frozen=True)
class PracticeExamination:
    """One examination of a case.

    Attributes
    ----------
    image
        The volume (LPS, mm).
    labels, necrosis
        True lesions' numbers (uint16) and necrosis (uint8) on its grid.
    truth
        The lesions as they were drawn.
    """

    image: sitk.Image
    labels: sitk.Image
    necrosis: sitk.Image
    truth: tuple[TrueLesion, ...]


@dataclass(frozen=True)
class PracticeCase:
    """What the worker made.

    Attributes
    ----------
    baseline, follow_up
        The two examinations.
    seed
        The case's number; with it the same head gives the same case again.
    head
        Which head it was made from: the file's name of the bundled one, of any other the beginning of its voxels' SHA-256. Records that
        leave the scene hold it, and a volume's name can be a patient's.
    """

    baseline: PracticeExamination
    follow_up: PracticeExamination
    seed: int
    head: str


def practice_head() -> Path:
    """The head that comes with the extension, of which sample data are made."""
    return models_folder().parent / "Practice" / "head_t1.nii.gz"


def practice_task(head: Any, seed: int) -> Callable[[Path], Mapping[str, Any]]:
    """Prepares the task ``practice`` for a volume node, or for the bundled head where it is ``None``.

    Raises
    ------
    ImageRefused
        Where the volume cannot be used.
    """
    image = sitk.ReadImage(str(practice_head()), sitk.sitkFloat32) if head is None else volume_image(head)

    def prepare(folder: Path) -> Mapping[str, Any]:
        path, matrix = write_image(folder, "volume", image)
        return {"volume": path, "ijk_to_ras": matrix, "seed": seed}

    return prepare


def read_practice_case(result: Mapping[str, Any], bundled: bool = True) -> PracticeCase:
    """The case of the task's result; `bundled` says whether it was made from the head that comes with the extension."""
    name = practice_head().name if bundled else f"SHA-256 {result['head_sha256'][:HEAD_DIGITS]}"
    return PracticeCase(_examination(result, "baseline"), _examination(result, "follow_up"), int(result["seed"]), name)


def _examination(result: Mapping[str, Any], name: str) -> PracticeExamination:
    image, labels, necrosis = (read_image(result[key], result["ijk_to_ras"]) for key in (name, f"{name}_labels", f"{name}_necrosis"))
    return PracticeExamination(image, labels, necrosis, tuple(TrueLesion(**lesion) for lesion in result[f"{name}_truth"]))
