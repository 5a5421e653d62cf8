"""Practice cases in the scene: two volumes, and for each a hidden node with its sealed truth, which nobody sees before it is opened.

The truth is no segmentation until then. It is compressed text in a parameter node, which Slicer lists neither in selectors nor in the Data
tree, so neither its outlines nor the number of lesions can be come across; a scene file keeps it.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer

from BrainMetsAILib.images.geometry import array_of, ijk_to_ras, image_from_ijk_to_ras, image_like
from BrainMetsAILib.lesions.lesion_list import lesion_set
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.colours import Colour
from BrainMetsAILib.scene.log import append_log
from BrainMetsAILib.scene.practice_case import BASELINE, FOLLOW_UP, PracticeCase, PracticeExamination
from BrainMetsAILib.scene.review import begin_review
from BrainMetsAILib.scene.segments import lesion_segment_ids, necrosis_segment_id, write_lesions
from BrainMetsAILib.scene.translation import tr as _
from BrainMetsAILib.scene.volume_dicom import SYNTHETIC
from BrainMetsAILib.scene.volumes import add_volume, ijk_to_ras_of
from BrainMetsAILib.synthesis.truth import TrueLesion

PRACTICE = "BrainMetsAI.Practice"  # node attribute of the hidden node: BASELINE or FOLLOW_UP
PRACTICE_VOLUME_ROLE = "BrainMetsAI.PracticeVolume"
TRUTH_ROLE = "BrainMetsAI.PracticeTruth"  # of the hidden node: the truth as a segmentation, once it was shown

# Parameters of the hidden node.
SEED, HEAD, SEALED, SHOW_TRUTH = "Seed", "Head", "Sealed", "ShowTruth"

TRUTH_COLOUR: Colour = (1.0, 0.0, 1.0)  # no lesion's colour and not necrosis'
MISSED_FILL, FOUND_FILL = 0.15, 0.0  # shares of opacity; a missed lesion is still seen through it


@dataclass(frozen=True)
class Truth:
    """True lesions' numbers (uint16) and necrosis (uint8) on the volume's grid, and the lesions as they were drawn."""

    labels: sitk.Image
    necrosis: sitk.Image
    lesions: tuple[TrueLesion, ...]


def add_practice_case(case: PracticeCase, names: tuple[str, str] = ("Practice baseline", "Practice follow-up")) -> tuple[Any, Any]:
    """Add a case to the scene; returns the volume nodes of baseline and follow-up, which get the `names`."""
    append_log("practice case made", head=case.head, seed=case.seed)
    return _add(case, case.baseline, names[0], BASELINE), _add(case, case.follow_up, names[1], FOLLOW_UP)


def begin_practice_case(case: PracticeCase, names: tuple[str, str]) -> tuple[Any, Any]:
    """`add_practice_case`, and a review of each volume begun, so that it can be read without the network too."""
    volumes = add_practice_case(case, names)
    for volume in volumes:
        begin_review(volume)
    return volumes


def practice_of(volume: Any) -> Any:
    """The hidden node of a practice volume; ``None`` for any other volume, and where somebody deleted it."""
    if volume is None:
        return None
    return next((node for node in practice_nodes() if node.GetNodeReference(PRACTICE_VOLUME_ROLE) is volume), None)


def practice_nodes() -> list[Any]:
    """The hidden nodes of all practice volumes."""
    return [node for node in slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode") if node.GetAttribute(PRACTICE)]


def truths() -> list[Any]:
    """The segmentation nodes of all truths that were shown."""
    found = (practice.GetNodeReference(TRUTH_ROLE) for practice in practice_nodes())
    return [segmentation for segmentation in found if segmentation is not None]


def unsealed_truth(practice: Any) -> Truth:
    """The truth of a practice volume on the volume's present grid.

    A scene file turns a left-handed volume round; the truth follows.

    Raises
    ------
    ValueError
        If somebody damaged it.
    """
    grid = volume_grid(practice.GetNodeReference(PRACTICE_VOLUME_ROLE))
    try:
        content = json.loads(base64.b64decode(practice.GetParameter(SEALED)))
        flat = np.cumsum(_unpacked(content["steps"], np.int64))
        numbers, dead = _unpacked(content["numbers"], np.uint16), _unpacked(content["necrotic"], np.uint8)
        kji = np.stack(np.unravel_index(flat, content["shape"]), axis=1)
        labels, necrosis = np.zeros(grid.GetSize()[::-1], np.uint16), np.zeros(grid.GetSize()[::-1], np.uint8)
        here = _voxels_here(kji, np.array(content["ijk_to_ras"]), grid)
        labels[here], necrosis[here] = numbers, dead
        lesions = tuple(TrueLesion(**lesion) for lesion in content["lesions"])
    except (ValueError, KeyError, TypeError, IndexError, zlib.error) as error:
        number = practice.GetParameter(SEED)
        sentence = _("The truth of this practice case is damaged; make the case with the number {number} again.")
        raise ValueError(sentence.format(number=number)) from error
    return Truth(image_like(labels, grid), image_like(necrosis, grid), lesions)


def volume_grid(volume: Any) -> sitk.Image:
    """An empty image (uint16) on a volume's grid."""
    width, height, depth = volume.GetImageData().GetDimensions()
    return image_from_ijk_to_ras(np.zeros((depth, height, width), np.uint16), ijk_to_ras_of(volume))


def show_truth(practice: Any, shown: bool, missed: frozenset[int] = frozenset()) -> Any:
    """Show or hide the true outlines, all in one colour and named by their numbers; missed ones are filled.

    Parameters
    ----------
    practice
        The hidden node of a volume whose truth may be seen.
    shown
        Whether they are to be seen.
    missed
        Numbers of lesions that the reader missed.

    Returns
    -------
    vtkMRMLSegmentationNode
        The truth, made when it is first shown and again after somebody deleted it; ``None`` where it was never shown.
    """
    practice.SetParameter(SHOW_TRUTH, "1" if shown else "0")
    segmentation = practice.GetNodeReference(TRUTH_ROLE)
    if segmentation is None and shown:
        segmentation = _truth_segmentation(practice, missed)
        practice.SetNodeReferenceID(TRUTH_ROLE, segmentation.GetID())
    if segmentation is not None and bool(segmentation.GetDisplayNode().GetVisibility()) != shown:
        segmentation.GetDisplayNode().SetVisibility(shown)
    return segmentation


def show_truth_of_only(volume: Any) -> None:
    """Hide the truth of every other volume; this one's stays as the person wants it."""
    for practice in practice_nodes():
        segmentation = practice.GetNodeReference(TRUTH_ROLE)
        if segmentation is not None:
            wanted = practice.GetNodeReference(PRACTICE_VOLUME_ROLE) is volume and practice.GetParameter(SHOW_TRUTH) == "1"
            if bool(segmentation.GetDisplayNode().GetVisibility()) != wanted:
                segmentation.GetDisplayNode().SetVisibility(wanted)


def true_segment(segmentation: Any, number: int) -> str | None:
    """ID of the segment of one true lesion."""
    content = segmentation.GetSegmentation()
    for segment_id in lesion_segment_ids(segmentation):
        if tags.read_tag(content.GetSegment(segment_id), tags.NUMBER) == str(number):
            return segment_id
    return None


def _add(case: PracticeCase, examination: PracticeExamination, name: str, which: str) -> Any:
    volume = add_volume(examination.image, name)
    volume.SetAttribute(SYNTHETIC, "1")
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "BrainMetsAI practice")  # hidden from editors by itself
    node.SetAttribute(PRACTICE, which)
    node.SetNodeReferenceID(PRACTICE_VOLUME_ROLE, volume.GetID())
    node.SetParameter(SEED, str(case.seed))
    node.SetParameter(HEAD, case.head)
    node.SetParameter(SEALED, _sealed(examination))
    return volume


def _sealed(examination: PracticeExamination) -> str:
    """The lesions' voxels, from each to the next in array order, with their numbers; and the table."""
    labels, necrosis = array_of(examination.labels), array_of(examination.necrosis)
    flat = np.flatnonzero(labels)
    content = {
        "shape": labels.shape,
        "ijk_to_ras": ijk_to_ras(examination.labels).tolist(),
        "steps": _packed(np.diff(flat, prepend=0).astype(np.int64)),
        "numbers": _packed(labels.ravel()[flat].astype(np.uint16)),
        "necrotic": _packed(necrosis.ravel()[flat].astype(np.uint8)),
        "lesions": [asdict(lesion) for lesion in examination.truth],
    }
    return base64.b64encode(json.dumps(content).encode()).decode()


def _packed(array: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(array.tobytes())).decode()


def _unpacked(text: str, kind: type) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind)


def _voxels_here(kji: np.ndarray, matrix: np.ndarray, grid: sitk.Image) -> tuple[np.ndarray, ...]:
    """Voxels (n, 3) of the grid they were sealed on, as indices [k, j, i] of the volume's grid: the same places in the patient."""
    there = np.linalg.inv(ijk_to_ras(grid)) @ matrix
    ijk = np.rint(kji[:, ::-1] @ there[:3, :3].T + there[:3, 3]).astype(np.int64)
    if np.any(ijk < 0) or np.any(ijk >= grid.GetSize()):
        raise ValueError("the volume does not hold all lesions any more")
    return tuple(ijk[:, ::-1].T)


def _truth_segmentation(practice: Any, missed: frozenset[int]) -> Any:
    volume, truth = practice.GetNodeReference(PRACTICE_VOLUME_ROLE), unsealed_truth(practice)
    segmentation = write_lesions(volume, lesion_set(truth.labels, truth.necrosis), None, f"{volume.GetName()} truth")
    content, display = segmentation.GetSegmentation(), segmentation.GetDisplayNode()
    names = {str(lesion.number): lesion.name for lesion in truth.lesions}
    with slicer.util.NodeModify(segmentation), slicer.util.NodeModify(display):
        display.SetSegmentVisibility(necrosis_segment_id(segmentation), False)  # one outline a lesion is enough to look at
        display.SetOpacity2DFill(1.0)  # each segment's own fill is a share of it
        for segment_id in lesion_segment_ids(segmentation):
            segment = content.GetSegment(segment_id)
            number = tags.read_tag(segment, tags.NUMBER)
            segment.SetName(names.get(number, number))
            segment.SetColor(*TRUTH_COLOUR)
            display.SetSegmentOpacity2DFill(segment_id, MISSED_FILL if int(number) in missed else FOUND_FILL)
    return segmentation
