"""A rough outline of the brain in a T1 or contrast-enhanced T1, skull on or off. It says where to look; it is not a measurement."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of
from BrainMetsAILib.images.head import head_mask
from BrainMetsAILib.images.resampling import resample_to_spacing

SPACING_MM = 1.5
BRIDGES_MM = (4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0)
"""Half the width of what may connect the brain to other soft tissue without being taken along: nerves, veins, orbital fat."""
BRAIN_ML = (400.0, 1800.0)
"""Brains with their fluid from infants to the largest adults (ICRP Publication 89, 2002, doi:10.1016/S0146-6453(03)00002-2)."""
EVENING_MM = 40.0


@dataclass(frozen=True)
class RoughBrain:
    """What was found, all [k, j, i] on the grid of `reference` (1.5 mm, the image's own axes).

    Attributes
    ----------
    reference
        The image on that grid, float32.
    head
        bool: everything that is not air.
    even
        float32: intensities with the receiving coil's unevenness taken out.
    soft
        bool: soft tissue, brighter than fluid and bone.
    region
        bool: the brain with its sulci and ventricles.
    """

    reference: sitk.Image
    head: NDArray[np.bool_]
    even: NDArray[np.float32]
    soft: NDArray[np.bool_]
    region: NDArray[np.bool_]


def find_brain(image: sitk.Image, closing_mm: float, head: sitk.Image | None = None) -> RoughBrain | None:
    """Rough outline of the brain; None where no body of brain size is found.

    Parameters
    ----------
    image
        Any grid.
    closing_mm
        Half the width of what is closed: sulci, ventricles' mouths, necrotic lesions at the surface.
    head
        Its `head.py` mask on the same grid, where it is known already.

    Notes
    -----
    Soft tissue (above the lower of two Otsu thresholds, after the receiving coil's unevenness is taken out) is opened, and the largest
    piece left is the brain; it grows back to where it was and is closed. The opening becomes wider until what is left is no larger than
    a brain.
    """
    reference = resample_to_spacing(sitk.Cast(image, sitk.sitkFloat32), SPACING_MM)
    values = np.maximum(array_of(reference), 0.0)
    mask = head if head is not None else head_mask(image)
    inside = array_of(sitk.Resample(mask, reference, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkNearestNeighbor)).astype(bool)
    if not inside.any():
        return None
    even = _evened(values, inside)
    soft = inside & (even > otsu_thresholds(even[inside & (even > 0)])[0])
    depth = distance_mm(soft)
    for bridge in BRIDGES_MM:
        core = _largest(depth > bridge)
        if not core.any():
            break
        region = closed(soft & (distance_mm(~core) <= bridge + SPACING_MM), closing_mm)
        volume_ml = float(np.count_nonzero(region)) * SPACING_MM**3 / 1000.0
        if volume_ml < BRAIN_ML[0]:
            break
        if volume_ml <= BRAIN_ML[1]:
            return RoughBrain(reference, inside, even, soft, region)
    return None


def otsu_thresholds(values: NDArray[np.float32]) -> tuple[float, float]:
    """The two thresholds between dark, middle and bright (Otsu), outliers set aside; zeros where all values are alike."""
    if values.size < 2 or float(values.min()) == float(values.max()):
        return 0.0, 0.0
    otsu = sitk.OtsuMultipleThresholdsImageFilter()
    otsu.SetNumberOfThresholds(2)
    otsu.SetNumberOfHistogramBins(256)
    clipped = np.clip(values, *np.percentile(values, [0.5, 99.0]))
    otsu.Execute(sitk.GetImageFromArray(clipped.reshape(1, 1, -1)))
    low, high = otsu.GetThresholds()
    return float(low), float(high)


def distance_mm(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance in mm from every voxel of the mask to its outside, 0 outside; the faces of the volume count as outside of nothing."""
    return np.asarray(ndimage.distance_transform_edt(mask) * SPACING_MM, dtype=np.float32)


def closed(mask: NDArray[np.bool_], radius_mm: float) -> NDArray[np.bool_]:
    """Closing by a ball, with holes filled."""
    room = int(np.ceil(radius_mm / SPACING_MM)) + 1
    padded = np.pad(mask, room)
    grown = distance_mm(~padded) <= radius_mm
    filled = ndimage.binary_fill_holes((distance_mm(grown) > radius_mm) | padded)
    return np.asarray(filled)[room:-room, room:-room, room:-room]


def _evened(values: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Divided by a very smooth local mean, so that one threshold fits the whole head."""
    sigma = EVENING_MM / SPACING_MM
    weight = ndimage.gaussian_filter(inside.astype(np.float32), sigma, truncate=2.0)
    mean = ndimage.gaussian_filter(values * inside, sigma, truncate=2.0) / np.maximum(weight, 1e-3)
    lowest = float(np.percentile(mean[inside], 5)) + 1e-6
    return np.asarray(values / np.maximum(mean, lowest) * inside, dtype=np.float32)


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pieces, count = ndimage.label(mask)
    return np.asarray(pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))) if count else mask
