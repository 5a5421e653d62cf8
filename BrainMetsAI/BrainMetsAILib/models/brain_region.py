"""Where in a head metastases of the brain can be: a generous, rough outline of the brain. Needs no torch.

A network that was shown windows without a skull around them takes scalp, mucosa and vessels of the face for lesions. What lies
outside the brain is not what is sought (leptomeningeal, dural and skull metastases are out of scope), so candidates there are dropped.
It stands in where no anatomy network is there (`anatomy_inference.py`), and errs towards keeping.
"""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from BrainMetsAILib.images.brain import SPACING_MM, RoughBrain, closed, distance_mm, find_brain
from BrainMetsAILib.images.geometry import array_of, image_like, nearest_voxels
from BrainMetsAILib.images.resampling import resample_like
from BrainMetsAILib.models.anatomy import Anatomy

CLOSING_MM = 12.0
"""Half the width of sulci, ventricles' mouths and necrotic lesions at the surface that count as brain."""
MARGIN_MM = 5.0
LEAST_SHARE = 0.3
"""A candidate counts as one of the brain where this share of it lies within `MARGIN_MM` of the region. Measured on practice cases: the
least share of a true lesion was 0.68 (a 14 mm lesion that bulges out of the outline of brain that it replaces)."""


SKULL_MM = 12.0
"""Scalp and skull: what lies deeper below the skin of the vault is within the skull."""
DEEP_SHARE = 0.8
"""Share of a brain that lies deeper than that; 0.95 and more in six heads, 0.64 of an outline that was scalp."""
WHOLE_BRAIN_ML = 1250.0
"""A smaller outline in a head with skull is most often white matter alone: cortex can be as dark as bone where the scalp is bright."""
CORTEX_MM = 14.0
"""How far beyond such an outline cortex and its sulci reach."""
WITH_SKULL = 1.6
"""From this ratio of head to outline the skull is there."""


def brain_region(image: sitk.Image, head: sitk.Image) -> sitk.Image | None:
    """Generous outline of the brain on a grid of 1.5 mm, uint8; None where no brain can be told: then nothing should be dropped.

    Parameters
    ----------
    image
        T1 or contrast-enhanced T1, skull on or off, any grid.
    head
        Its `images/head.py` mask, on the same grid.

    Notes
    -----
    An outline by brightness alone can be white matter only, or the scalp. Depth below the skin tells: what is too small for a brain is
    widened to what lies near it within the skull, and what lies mostly in scalp and skull gives way to everything within the skull.
    """
    brain = find_brain(image, CLOSING_MM, head)
    return None if brain is None else image_like(_within_skull(brain), brain.reference)


def outlined_brain(image: sitk.Image, head: sitk.Image, anatomy: Anatomy | None) -> sitk.Image | None:
    """The brain as the anatomy network outlines it, or roughly where that is not there or sees no head; uint8, on a grid of its own.

    Parameters
    ----------
    image, head
        As in `brain_region`, which is asked for the rough one.
    anatomy
        What the anatomy network says of the image.
    """
    return anatomy.brain_mask() if anatomy is not None and anatomy.is_head else brain_region(image, head)


def brain_or_head(brain: sitk.Image | None, head: sitk.Image) -> NDArray[np.bool_]:
    """What intensities are normalised by, on the grid of the head's mask [k, j, i]: the brain, or the head where no brain is known."""
    inside = array_of(head if brain is None else resample_like(brain, head, None, sitk.sitkNearestNeighbor)).astype(bool)
    return inside if inside.any() else array_of(head).astype(bool)


def _within_skull(brain: RoughBrain) -> np.ndarray:
    """The rough region, mended by depth below the skin where it cannot be a whole brain; bool [k, j, i]."""
    region, size = brain.region, int(np.count_nonzero(brain.region))
    if np.count_nonzero(brain.head) < WITH_SKULL * size:
        return region  # a brain alone, or little more
    deep = distance_mm(closed(brain.head, CLOSING_MM)) >= SKULL_MM
    if np.count_nonzero(region & deep) < DEEP_SHARE * size:
        return deep
    if size * SPACING_MM**3 / 1000.0 < WHOLE_BRAIN_ML:
        return region | (deep & (distance_mm(~region) <= CORTEX_MM))
    return region


def near_region(region: sitk.Image, margin_mm: float = MARGIN_MM) -> sitk.Image:
    """The region grown by a margin, on its own grid, uint8."""
    away = distance_mm(sitk.GetArrayViewFromImage(region) == 0)
    return image_like(away <= margin_mm, region)


def shares_inside(labels: sitk.Image, mask: sitk.Image) -> dict[int, float]:
    """Share of each numbered candidate that lies in the mask; the two may have any grids."""
    return {number: share for number, (_, share) in voxels_inside(labels, mask).items()}


def voxels_inside(labels: sitk.Image, mask: sitk.Image) -> dict[int, tuple[int, float]]:
    """Voxels of each numbered candidate, and the share of them that lies in the mask; the two may have any grids."""
    found, values = values_under(labels, mask)
    sizes = np.bincount(found)
    counts = np.bincount(found, weights=values > 0, minlength=len(sizes))
    return {int(number): (int(sizes[number]), float(counts[number] / sizes[number])) for number in np.flatnonzero(sizes)}


def values_under(labels: sitk.Image, image: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """Number of each voxel of a candidate, and what another image of any grid holds nearest to it: 0 beyond its field of view."""
    numbers, places, beyond = nearest_voxels(labels, image)
    return numbers, np.where(beyond == 0, sitk.GetArrayViewFromImage(image)[tuple(places)], 0)
