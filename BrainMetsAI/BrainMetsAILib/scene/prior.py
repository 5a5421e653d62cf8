"""Contours that were there before taken over as lesions of the chosen volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
from scipy import ndimage

from BrainMetsAILib.exchange.examined import ExaminationFacts
from BrainMetsAILib.images.examination import ImageRefused
from BrainMetsAILib.images.geometry import array_of, image_from_ijk_to_ras
from BrainMetsAILib.lesions.instances import label_instances
from BrainMetsAILib.lesions.lesion_list import lesion_set
from BrainMetsAILib.models.settings import MINIMUM_VOXELS
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.history import History, NoHistory
from BrainMetsAILib.scene.log import append_log
from BrainMetsAILib.scene.masks import MaskCrop, grid_of, segment_crop, shared_part
from BrainMetsAILib.scene.prior_masks import PriorPart, moved_box, read_prior, shift
from BrainMetsAILib.scene.review import TABLE_ROLE, begin_review, review_of
from BrainMetsAILib.scene.segments import add_lesions, counting_segment_ids, highest_number, identify
from BrainMetsAILib.scene.settings import EXAMINATION_UID
from BrainMetsAILib.scene.settling import held_by, settle
from BrainMetsAILib.scene.tables import lesion_table
from BrainMetsAILib.scene.translation import tr as _
from BrainMetsAILib.scene.volumes import ijk_to_ras_of


@dataclass(frozen=True)
class PriorTaken:
    """What became of a prior contour.

    Attributes
    ----------
    segmentation
        The examination's segmentation node.
    added
        Lesions that were added.
    outside
        Parts with nothing on the volume, or smaller than its voxels.
    there
        Parts left out because they overlap a lesion that was there already.
    specks
        Pieces of fewer than three voxels that were left out.
    shared_voxels
        Voxels that two parts claimed; the smaller part has them.
    """

    segmentation: Any
    added: int
    outside: int = 0
    there: int = 0
    specks: int = 0
    shared_voxels: int = 0


def take_over(
    source: Any, volume: Any, pieces: bool = False, facts: ExaminationFacts | None = None, history: History | None = None
) -> PriorTaken:
    """Add the parts of a segmentation or label map to the lesions of a volume; the source stays as it is.

    Parameters
    ----------
    source
        vtkMRMLSegmentationNode or vtkMRMLLabelMapVolumeNode, on any grid.
    volume
        The volume whose lesions they are.
    pieces
        Every connected piece is a lesion, instead of every segment or label.
    facts
        What is known of the examination, where it has no lesions yet.
    history
        Saved before anything changes.

    Returns
    -------
    PriorTaken
        The new lesions are manual, unreviewed and without necrosis; their comment is the name they had.

    Raises
    ------
    ImageRefused
        With one sentence, where nothing can be taken over.
    """
    review = review_of(volume)
    if source is review:
        sentence = _("“{name}” holds this examination's lesions already; choose another.")
        raise ImageRefused(sentence.format(name=source.GetName()))
    parts = read_prior(source, volume)
    found = [part for part in parts if part.crop is not None]
    if not found:
        sentence = _("“{name}” does not overlap “{volume}”; choose the volume that it was drawn on, or register the two first.")
        raise ImageRefused(sentence.format(name=source.GetName(), volume=volume.GetName()))
    outside = len(parts) - len(found)
    specks = 0
    if pieces:
        found, specks = _pieces(found)
    fresh = [part for part in found if not _is_there(part, review)]
    there = len(found) - len(fresh)
    if not fresh:
        sentence = _("Nothing was imported from “{name}”: {reason}.")
        raise ImageRefused(sentence.format(name=source.GetName(), reason=_why_nothing(there, specks)))
    labels, start, shared = _without_overlap(fresh)
    if review is None:
        review = begin_review(volume, facts).segmentation
    else:
        (history or NoHistory()).save()
    added = _write(review, volume, labels, start, [part.name for part in fresh])
    lesion_table(review, review.GetNodeReference(TABLE_ROLE))
    append_log(
        "prior contour taken over",
        examination=review.GetAttribute(EXAMINATION_UID), source=source.GetName(), volume=volume.GetName(), pieces=pieces,
        lesions=added, outside=outside, overlapping=there, specks=specks, shared_voxels=shared,
    )
    return PriorTaken(review, len(added), outside + len(fresh) - len(added), there, specks, shared)


def _pieces(parts: list[PriorPart]) -> tuple[list[PriorPart], int]:
    """The connected pieces of all parts, each part's largest first, and how many were too small."""
    found, specks = [], 0
    for part in parts:
        assert part.crop is not None
        mask = sitk.GetImageFromArray(part.crop.mask.astype(np.uint8))
        labels = array_of(label_instances(mask))
        corner = np.array([box.start for box in part.crop.box])
        for number, box in enumerate(ndimage.find_objects(labels), start=1):
            piece = MaskCrop(labels[box] == number, box)
            if piece.mask.sum() < MINIMUM_VOXELS:
                specks += 1
            else:
                found.append(PriorPart(part.name, moved_box(piece, corner)))
    return found, specks


def _is_there(part: PriorPart, review: Any) -> bool:
    """Whether a part overlaps a lesion that counts."""
    if review is None or part.crop is None:
        return False
    grid = grid_of(review)
    crops = (segment_crop(review, segment_id, grid) for segment_id in counting_segment_ids(review))
    return any((shared_part(part.crop, crop) & part.crop.mask).any() for crop in crops)


def _why_nothing(there: int, specks: int) -> str:
    if there:
        return _("its parts overlap lesions that are there already; reject those first if these are to take their place")
    sentence = _("its {count} pieces are smaller than {voxels} voxels; choose a contour of lesions")
    return sentence.format(count=specks, voxels=MINIMUM_VOXELS)


def _without_overlap(parts: list[PriorPart]) -> tuple[np.ndarray, np.ndarray, int]:
    """Numbers from 1 in the order of the parts on the box around them all, its corner [k, j, i], and how many voxels two claimed."""
    crops = [part.crop for part in parts if part.crop is not None]
    start = np.array([[box.start for box in crop.box] for crop in crops]).min(axis=0)
    stop = np.array([[box.stop for box in crop.box] for crop in crops]).max(axis=0)
    labels = np.zeros(stop - start, np.uint16)
    shared = 0
    # The smaller part is written last: a lesion drawn inside another stays whole.
    for number, crop in sorted(enumerate(crops, start=1), key=lambda pair: -int(pair[1].mask.sum())):
        seen = labels[moved_box(crop, -start).box]
        shared += int(np.count_nonzero(seen[crop.mask]))
        seen[crop.mask] = number
    return labels, start, shared


def _write(review: Any, volume: Any, labels: np.ndarray, start: np.ndarray, names: list[str]) -> list[str]:
    """Add the numbered masks as lesions, to which those that do not count give way. Returns the UIDs of what was added."""
    identify(review)
    content, before, first = review.GetSegmentation(), held_by(review), highest_number(review)
    numbered = np.where(labels > 0, labels + first, 0).astype(np.uint16)
    image = image_from_ijk_to_ras(numbered, ijk_to_ras_of(volume) @ shift(start))
    lesions = lesion_set(image, sitk.Cast(image * 0, sitk.sitkUInt8))
    with slicer.util.NodeModify(review):
        ids = add_lesions(review, lesions, None)
        for lesion, segment_id in zip(lesions.lesions, ids, strict=True):
            tags.write_tag(content.GetSegment(segment_id), tags.COMMENT, names[lesion.number - first - 1])
        settle(review, before)
    return [lesion.lesion_uid for lesion in lesions.lesions]
