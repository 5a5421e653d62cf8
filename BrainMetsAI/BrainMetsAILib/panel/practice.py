"""A practice case on its way from a volume node through the worker into the scene."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk
import slicer
from slicer.i18n import tr as _

from BrainMetsAILib.lesions.lesion_list import lesion_set
from BrainMetsAILib.models.bundles import models_folder
from BrainMetsAILib.panel.volume_facts import SYNTHETIC
from BrainMetsAILib.scene.segments import write_lesions
from BrainMetsAILib.scene.volumes import add_volume, volume_image
from BrainMetsAILib.worker.payload import read_image, write_image


@dataclass(frozen=True)
class PracticeImages:
    """What the worker made: two volumes, and the lesion numbers and necrosis that are in them."""

    baseline: sitk.Image
    baseline_labels: sitk.Image
    baseline_necrosis: sitk.Image
    follow_up: sitk.Image
    follow_up_labels: sitk.Image
    follow_up_necrosis: sitk.Image


@dataclass(frozen=True)
class PracticeNodes:
    """Nodes of a practice case; the truth is hidden until a person shows it."""

    baseline: Any
    follow_up: Any
    baseline_truth: Any
    follow_up_truth: Any


def practice_head() -> Path:
    """The head that comes with the extension, of which sample data are made."""
    return models_folder().parent / "Practice" / "head_t1.nii.gz"


def practice_task(volume: Any, seed: int) -> Callable[[Path], Mapping[str, Any]]:
    """Prepares the task ``practice`` for a volume node; raises ImageRefused where it cannot be used."""
    return practice_task_of_image(volume_image(volume), seed)


def practice_task_of_image(image: sitk.Image, seed: int) -> Callable[[Path], Mapping[str, Any]]:
    """Prepares the task ``practice`` for an image."""

    def prepare(folder: Path) -> Mapping[str, Any]:
        path, matrix = write_image(folder, "volume", image)
        return {"volume": path, "ijk_to_ras": matrix, "seed": seed}

    return prepare


def read_practice_case(result: Mapping[str, Any]) -> PracticeImages:
    """The images of the task's result."""
    matrix = result["ijk_to_ras"]
    names = ("baseline", "baseline_labels", "baseline_necrosis", "follow_up", "follow_up_labels", "follow_up_necrosis")
    return PracticeImages(*(read_image(result[name], matrix) for name in names))


def scene_of_practice_case(images: PracticeImages) -> PracticeNodes:
    """Add a practice case to the scene."""
    baseline = _add(images.baseline, _("Practice baseline"))
    follow_up = _add(images.follow_up, _("Practice follow-up"))
    return PracticeNodes(
        baseline,
        follow_up,
        _add_truth(baseline, images.baseline_labels, images.baseline_necrosis),
        _add_truth(follow_up, images.follow_up_labels, images.follow_up_necrosis),
    )


def _add(image: sitk.Image, name: str) -> Any:
    node = add_volume(image, name)
    node.SetAttribute(SYNTHETIC, "1")
    return node


def show_volume(volume: Any) -> None:
    """Show a volume in every slice view, whole."""
    slicer.util.setSliceViewerLayers(background=volume, foreground=None)
    slicer.app.applicationLogic().FitSliceToBackground()


def _add_truth(volume: Any, labels: sitk.Image, necrosis: sitk.Image) -> Any:
    truth = write_lesions(volume, lesion_set(labels, necrosis), None, _("{name} truth").format(name=volume.GetName()))
    truth.GetDisplayNode().SetVisibility(False)
    return truth
