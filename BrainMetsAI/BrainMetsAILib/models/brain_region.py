"""Where in a head metastases of the brain can be: a generous, rough outline of the brain. Needs no torch.

A network that was shown windows without a skull around them takes scalp, mucosa and vessels of the face for lesions. What lies
outside the brain is not what is sought (leptomeningeal, dural and skull metastases are out of scope), so candidates there are dropped.
An anatomy network will replace this rule; until then it must err towards keeping.
"""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of, ijk_to_ras, image_like
from BrainMetsAILib.images.resampling import resample_to_spacing

SPACING_MM = 1.5
BRIDGES_MM = (4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0)
"""Half the width of what may connect the brain to other soft tissue without being taken along: nerves, veins, orbital fat."""
CLOSING_MM = 12.0
"""Half the width of sulci, ventricles' mouths and necrotic lesions at the surface that count as brain."""
BRAIN_ML = (400.0, 1800.0)
"""Brains with their fluid from infants to the largest adults (ICRP Publication 89, 2002, doi:10.1016/S0146-6453(03)00002-2)."""
EVENING_MM = 40.0
MARGIN_MM = 5.0
LEAST_SHARE = 0.3
"""A candidate counts as one of the brain where this share of it lies within `MARGIN_MM` of the region. Measured on practice cases: the
least share of a true lesion was 0.68 (a 14 mm lesion that bulges out of the outline of brain that it replaces)."""


def brain_region(image: sitk.Image, head: sitk.Image) -> sitk.Image | None:
    """Rough outline of the brain on a grid of 1.5 mm, uint8; None where no body of brain size is found: then nothing should be dropped.

    Parameters
    ----------
    image
        T1 or contrast-enhanced T1, skull on or off, any grid.
    head
        Its `images/head.py` mask, on the same grid.

    Notes
    -----
    Soft tissue (above the lower of two Otsu thresholds, after the receiving coil's unevenness is taken out) is opened, and the largest
    piece left is the brain; it grows back to where it was and is closed, so that sulci, ventricles and lesions belong to it. The
    opening becomes wider until what is left is no larger than a brain.
    """
    coarse = resample_to_spacing(sitk.Cast(image, sitk.sitkFloat32), SPACING_MM)
    values = np.maximum(array_of(coarse), 0.0)
    inside = array_of(sitk.Resample(head, coarse, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkNearestNeighbor)).astype(bool)
    if not inside.any():
        return None
    even = _evened(values, inside)
    soft = inside & (even > _lower_threshold(even[inside & (even > 0)]))
    depth = _distance_mm(soft)
    for bridge in BRIDGES_MM:
        core = _largest(depth > bridge)
        if not core.any():
            break
        region = _closed(soft & (_distance_mm(~core) <= bridge + SPACING_MM), CLOSING_MM)
        volume_ml = float(np.count_nonzero(region)) * SPACING_MM**3 / 1000.0
        if volume_ml < BRAIN_ML[0]:
            break
        if volume_ml <= BRAIN_ML[1]:
            return image_like(region, coarse)
    return None


def near_region(region: sitk.Image, margin_mm: float = MARGIN_MM) -> sitk.Image:
    """The region grown by a margin, on its own grid, uint8."""
    away = ndimage.distance_transform_edt(sitk.GetArrayViewFromImage(region) == 0) * SPACING_MM
    return image_like(away <= margin_mm, region)


def shares_inside(labels: sitk.Image, mask: sitk.Image) -> dict[int, float]:
    """Share of each numbered candidate that lies in the mask; the two may have any grids."""
    numbers = sitk.GetArrayViewFromImage(labels)
    k, j, i = np.nonzero(numbers)
    if k.size == 0:
        return {}
    to_mask = np.linalg.inv(ijk_to_ras(mask)) @ ijk_to_ras(labels)
    places = np.rint(to_mask[:3, :3] @ np.stack([i, j, k]) + to_mask[:3, 3:]).astype(np.int64)
    held = np.clip(places, 0, np.array(mask.GetSize())[:, None] - 1)
    values = sitk.GetArrayViewFromImage(mask)
    inside = (values[held[2], held[1], held[0]] > 0) & np.all(places == held, axis=0)
    found = numbers[k, j, i]
    sizes = np.bincount(found)
    counts = np.bincount(found, weights=inside, minlength=len(sizes))
    return {int(number): float(counts[number] / sizes[number]) for number in np.flatnonzero(sizes)}


def _evened(values: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Divided by a very smooth local mean, so that one threshold fits the whole head."""
    sigma = EVENING_MM / SPACING_MM
    weight = ndimage.gaussian_filter(inside.astype(np.float32), sigma, truncate=2.0)
    mean = ndimage.gaussian_filter(values * inside, sigma, truncate=2.0) / np.maximum(weight, 1e-3)
    lowest = float(np.percentile(mean[inside], 5)) + 1e-6
    return np.asarray(values / np.maximum(mean, lowest), dtype=np.float32)


def _lower_threshold(values: NDArray[np.float32]) -> float:
    if values.size < 2 or float(values.min()) == float(values.max()):
        return 0.0
    otsu = sitk.OtsuMultipleThresholdsImageFilter()
    otsu.SetNumberOfThresholds(2)
    otsu.SetNumberOfHistogramBins(256)
    clipped = np.clip(values, *np.percentile(values, [0.5, 99.0]))
    otsu.Execute(sitk.GetImageFromArray(clipped.reshape(1, 1, -1)))
    return float(otsu.GetThresholds()[0])


def _distance_mm(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance of every voxel of the mask to its outside; the faces of the image count as outside of nothing."""
    return np.asarray(ndimage.distance_transform_edt(mask) * SPACING_MM)


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pieces, count = ndimage.label(mask)
    return np.asarray(pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))) if count else mask


def _closed(mask: NDArray[np.bool_], radius_mm: float) -> NDArray[np.bool_]:
    room = int(np.ceil(radius_mm / SPACING_MM)) + 1
    padded = np.pad(mask, room)
    grown = _distance_mm(~padded) <= radius_mm
    closed = ndimage.binary_fill_holes((_distance_mm(grown) > radius_mm) | padded)
    return np.asarray(closed)[room:-room, room:-room, room:-room]
