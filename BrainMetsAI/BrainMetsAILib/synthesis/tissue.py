"""A rough map of a head: where brain, white matter, ventricles and nasal mucosa are.

Good enough to put synthetic lesions and vessels into plausible places; never used to measure anything.
"""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of, image_like
from BrainMetsAILib.images.head import head_mask
from BrainMetsAILib.images.resampling import resample_to_spacing

WORKING_SPACING_MM = 1.5
NECK_RADIUS_MM = 5.0  # thinner bridges than this (optic nerves, bridging veins, orbital fat) do not belong to the brain
BIAS_SIGMA_MM = 40.0
DEEP_MM = 14.0


class NoBrainFound(ValueError):
    """The volume does not look like a T1 of a head."""


@dataclass(frozen=True)
class Tissue:
    """Masks of one head, all bool [k, j, i] on `reference`'s grid (1.5 mm, LPS axes).

    Attributes
    ----------
    head
        Everything that is not air around the head.
    hull
        Brain with its sulci and ventricles.
    white, dark
        White matter; fluid-like voxels inside the hull.
    ventricles
        The deep part of `dark`.
    mucosa
        Soft tissue at the walls of the air spaces below and before the brain.
    depth_mm
        Distance to the hull's surface: positive inside, negative outside.
    fluid_level, grey_level, white_level
        Typical intensities.
    """

    reference: sitk.Image
    head: NDArray[np.bool_]
    hull: NDArray[np.bool_]
    white: NDArray[np.bool_]
    dark: NDArray[np.bool_]
    ventricles: NDArray[np.bool_]
    mucosa: NDArray[np.bool_]
    depth_mm: NDArray[np.float32]
    fluid_level: float
    grey_level: float
    white_level: float


def distance_mm(mask: NDArray[np.bool_], spacing_mm: float = WORKING_SPACING_MM) -> NDArray[np.float32]:
    """Distance of every voxel inside `mask` to its outside, in mm; 0 outside."""
    return ndimage.distance_transform_edt(mask).astype(np.float32) * np.float32(spacing_mm)


def largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The biggest face-connected component; all False where there is none."""
    parts, count = ndimage.label(mask)
    if not count:
        return np.zeros_like(mask)
    return parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))


def closed(mask: NDArray[np.bool_], radius_mm: float) -> NDArray[np.bool_]:
    """Morphological closing by a ball, through distance maps, with holes filled."""
    pad = int(np.ceil(radius_mm / WORKING_SPACING_MM)) + 1
    padded = np.pad(mask, pad)
    grown = distance_mm(~padded) <= radius_mm
    core = distance_mm(grown) > radius_mm
    inner = tuple(slice(pad, -pad) for _ in range(3))
    return ndimage.binary_fill_holes(core | padded)[inner]


def _even(array: NDArray[np.float32], head: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Divide by a very smooth local mean, so that one threshold fits the whole head."""
    sigma = BIAS_SIGMA_MM / WORKING_SPACING_MM
    weight = ndimage.gaussian_filter(head.astype(np.float32), sigma, truncate=2.0)
    mean = ndimage.gaussian_filter(array * head, sigma, truncate=2.0) / np.maximum(weight, 1e-3)
    return array / np.maximum(mean, np.percentile(mean[head], 5) + 1e-6) * head


def _two_thresholds(values: NDArray[np.float32]) -> tuple[float, float]:
    clipped = np.clip(values, *np.percentile(values, [0.5, 99.0]))
    thresholds = sitk.OtsuMultipleThresholdsImageFilter()
    thresholds.SetNumberOfThresholds(2)
    thresholds.SetNumberOfHistogramBins(256)
    thresholds.Execute(sitk.GetImageFromArray(clipped.reshape(1, 1, -1)))
    low, high = thresholds.GetThresholds()
    return float(low), float(high)


def estimate_tissue(image: sitk.Image) -> Tissue:
    """Brain hull, white matter, ventricles and mucosa of a T1 or T1c, skull on or off.

    Parameters
    ----------
    image
        3D, any grid.

    Raises
    ------
    NoBrainFound
        Where no brain-sized soft-tissue body is found.
    """
    reference = resample_to_spacing(sitk.DICOMOrient(image, "LPS"), WORKING_SPACING_MM, sitk.sitkLinear)
    array = array_of(reference).astype(np.float32)
    head = array_of(head_mask(reference)).astype(bool)
    if not head.any():
        raise NoBrainFound("There is no head in this volume; choose a T1-weighted volume of a whole head.")
    even = _even(np.maximum(array, 0), head)
    low, high = _two_thresholds(even[head & (even > 0)])
    soft = even > low
    core = largest_part(distance_mm(soft & head) > NECK_RADIUS_MM)
    brain = soft & (distance_mm(~core) <= NECK_RADIUS_MM + WORKING_SPACING_MM)
    hull = closed(brain, 9.0)
    volume_ml = hull.sum() * WORKING_SPACING_MM**3 / 1000
    if not 400 < volume_ml < 2500:
        raise NoBrainFound(f"A brain of {volume_ml:.0f} mL was found, which cannot be; choose a T1-weighted volume of a whole head.")
    depth = distance_mm(hull) - distance_mm(~hull)
    inside = brain & (depth > 4.0)
    grey_white = _two_thresholds(even[inside])[1] if inside.any() else high
    white = inside & (even > grey_white)
    dark = hull & (even <= low)
    return Tissue(
        reference=reference,
        head=head,
        hull=hull,
        white=white,
        dark=dark,
        ventricles=_ventricles(dark, depth),
        mucosa=_mucosa(head, array, hull, depth),
        depth_mm=depth,
        fluid_level=float(np.percentile(array[dark & (depth > 2.0)], 30)) if (dark & (depth > 2.0)).any() else 0.0,
        grey_level=float(np.median(array[inside & ~white])),
        white_level=float(np.median(array[white])),
    )


def _ventricles(dark: NDArray[np.bool_], depth_mm: NDArray[np.float32]) -> NDArray[np.bool_]:
    parts, count = ndimage.label(dark & (depth_mm > DEEP_MM))
    if not count:
        return np.zeros_like(dark)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    keep = np.argsort(sizes)[-4:]
    return np.isin(parts, keep[sizes[keep] * WORKING_SPACING_MM**3 > 300])


def _mucosa(
    head: NDArray[np.bool_], array: NDArray[np.float32], hull: NDArray[np.bool_], depth_mm: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Walls of the air spaces in the lower anterior quarter, away from the brain (LPS: j grows to the back, k to the head)."""
    k, j, i = (int(v) for v in ndimage.center_of_mass(hull))
    air = (distance_mm(head) > 8.0) & (array < 0.12 * np.percentile(array[hull], 60))
    side = int(35 / WORKING_SPACING_MM)
    air[k:], air[:, j:], air[:, :, : max(i - side, 0)], air[:, :, i + side :] = False, False, False, False
    wall = ndimage.binary_dilation(air, iterations=2) & head & ~air
    return wall & (depth_mm < -4.0)


def tissue_image(mask: NDArray[np.bool_], tissue: Tissue) -> sitk.Image:
    """One of the masks as an image on the working grid."""
    return image_like(mask.astype(np.uint8), tissue.reference)
