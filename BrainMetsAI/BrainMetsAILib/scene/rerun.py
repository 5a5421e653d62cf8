"""Finding lesions a second time in the same volume, without touching what a person did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import slicer
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of, image_like
from BrainMetsAILib.lesions.lesion_list import Lesion, LesionSet, lesion_name
from BrainMetsAILib.models.finding import Provenance
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.masks import crop_of, grid_of, grid_of_image, moved_crop, reference_grid, segment_crop
from BrainMetsAILib.scene.segments import (
    add_lesions,
    identify,
    is_untouched,
    lesion_segment_ids,
    necrosis_crop,
    necrosis_segment_id,
    origin_of,
    set_necrosis,
)
from BrainMetsAILib.scene.tracking import shared_tracking, tracking_uid


def replace_untouched(segmentation: Any, found: LesionSet, provenance: Provenance) -> None:
    """Replace the lesions nobody judged or edited by newly found ones; all others stay as they are.

    A new lesion that touches one that stays is that lesion and is left out: lesions never overlap. A new lesion over one that is
    replaced takes over its UIDs, number and name, so that links from other examinations hold.

    Parameters
    ----------
    segmentation
        Written by `segments.write_lesions`.
    found
        The new lesions on the grid of the segmentation's volume.
    """
    identify(segmentation)
    content = segmentation.GetSegmentation()
    grid = grid_of(segmentation)
    kept = np.zeros(grid.shape, dtype=bool)
    earlier = np.zeros(grid.shape, dtype=np.uint16)
    untouched: dict[int, str] = {}
    numbers = set()
    for segment_id in lesion_segment_ids(segmentation):
        number = int(tags.read_tag(content.GetSegment(segment_id), tags.NUMBER))
        crop = segment_crop(segmentation, segment_id, grid)
        if is_untouched(segmentation, segment_id):
            untouched[number] = segment_id
            if crop is not None:
                earlier[crop.box][crop.mask] = number
        else:
            numbers.add(number)
            if crop is not None:
                kept[crop.box] |= crop.mask

    shared = shared_tracking(segmentation)
    names = {number: _identity(content.GetSegment(segment_id), shared) for number, segment_id in untouched.items()}
    new = _renumbered(found, kept, earlier, names, numbers)
    new_mask = array_of(new.labels) > 0
    stays = _necrosis(segmentation, grid.shape) & kept
    necrosis_id = necrosis_segment_id(segmentation)
    drawn = bool(stays.any()) and necrosis_id is not None and origin_of(segmentation, necrosis_id) != "AI"
    dead = stays | (array_of(found.necrosis) > 0) & new_mask
    with slicer.util.NodeModify(segmentation):
        for segment_id in untouched.values():
            content.RemoveSegment(segment_id)
        add_lesions(segmentation, new, provenance)
        crop = crop_of(dead)
        placed = moved_crop(crop, grid_of_image(found.labels), reference_grid(segmentation)) if crop else None
        set_necrosis(segmentation, placed, provenance, edited=drawn)


def _identity(segment: Any, shared: Mapping[str, str]) -> tuple[str, str, str]:
    """Lesion UID, tracking UID and display name."""
    return tags.read_tag(segment, tags.LESION_UID), tracking_uid(segment, shared), segment.GetName()


def _renumbered(
    found: LesionSet, kept: np.ndarray, earlier: np.ndarray, names: dict[int, tuple[str, str, str]], taken: set[int]
) -> LesionSet:
    """The new lesions that touch nothing that stays, under the numbers of those they replace, or under free ones."""
    labels = array_of(found.labels)
    boxes = ndimage.find_objects(labels)
    fresh: list[tuple[Lesion, np.ndarray]] = []
    matched: list[tuple[Lesion, np.ndarray]] = []
    open_numbers = dict(names)
    for lesion in found.lesions:
        box = boxes[lesion.number - 1]
        mask = labels[box] == lesion.number
        if kept[box][mask].any():
            continue
        below = earlier[box][mask]
        overlap = {int(n): int(c) for n, c in zip(*np.unique(below[below > 0], return_counts=True), strict=True) if int(n) in open_numbers}
        where = np.argwhere(mask) + [part.start for part in box]
        if overlap:
            number = max(overlap, key=lambda n: overlap[n])
            uid, tracking, name = open_numbers.pop(number)
            matched.append((replace(lesion, number=number, lesion_uid=uid, tracking_uid=tracking, name=name), where))
        else:
            fresh.append((lesion, where))
    used = taken | set(names)
    for lesion, where in fresh:
        number = lesion.number if lesion.number not in used else max(used) + 1
        used.add(number)
        matched.append((replace(lesion, number=number, name=lesion_name(number)), where))
    matched.sort(key=lambda pair: pair[0].number)
    renumbered = np.zeros_like(labels)
    for lesion, where in matched:
        renumbered[tuple(where.T)] = lesion.number
    return LesionSet(image_like(renumbered, found.labels), found.necrosis, tuple(lesion for lesion, _ in matched))


def _necrosis(segmentation: Any, shape: tuple[int, int, int]) -> np.ndarray:
    """The necrosis of the scene, full size on the volume's grid."""
    result = np.zeros(shape, dtype=bool)
    crop = necrosis_crop(segmentation, grid_of(segmentation))
    if crop is not None:
        result[crop.box] = crop.mask
    return result
