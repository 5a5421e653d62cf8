"""Heads as registration sees them: coarse, with a mask and a region around it."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from BrainMetsAILib.images.geometry import image_like
from BrainMetsAILib.images.head import head_mask
from BrainMetsAILib.images.resampling import resample_like, resample_to_spacing

_MARGIN_MM = 8.0
_BRIGHTEST_PERCENT = 99.5


@dataclass(frozen=True)
class Head:
    """A head on a coarse grid.

    Attributes
    ----------
    image
        float32, brightest half per cent cut off (fat and vessels would fill the histogram's upper bins).
    mask
        uint8, the head.
    region
        uint8, the head and 8 mm around it: its edge carries information too.
    centre_lps
        Centre of the mask, LPS mm.
    """

    image: sitk.Image
    mask: sitk.Image
    region: sitk.Image
    centre_lps: tuple[float, float, float]


def prepare_head(image: sitk.Image, spacing_mm: float) -> Head | None:
    """The head in an image at about this spacing, ``None`` where there is none. Axes that are coarser already stay as they are."""
    spacing = [max(spacing_mm, float(own)) for own in image.GetSpacing()]
    coarse = resample_to_spacing(sitk.Cast(image, sitk.sitkFloat32), spacing, smooth=True)
    mask = head_mask(coarse)
    inside = sitk.GetArrayViewFromImage(mask) != 0
    if not inside.any():
        return None
    values = sitk.GetArrayFromImage(coarse)
    values = np.minimum(values, np.percentile(values[inside], _BRIGHTEST_PERCENT))
    spacing_kji = coarse.GetSpacing()[::-1]
    region = ndimage.distance_transform_edt(~inside, sampling=spacing_kji) <= _MARGIN_MM
    centre_ijk = np.argwhere(inside).mean(axis=0)[::-1]
    centre = coarse.TransformContinuousIndexToPhysicalPoint(centre_ijk.tolist())
    return Head(image_like(values.astype(np.float32), coarse), mask, image_like(region, coarse), centre)


def in_place_of(fixed: Head, moving: Head, transform: sitk.Transform) -> tuple[sitk.Image, sitk.Image, sitk.Image]:
    """Image, mask and field of view of ``moving`` on the grid of ``fixed``; ``transform`` maps points fixed → moving, LPS mm."""
    field = image_like(np.ones(moving.image.GetSize()[::-1], dtype=np.uint8), moving.image)
    nearest = sitk.sitkNearestNeighbor
    return (
        resample_like(moving.image, fixed.image, transform),
        resample_like(moving.mask, fixed.image, transform, nearest),
        resample_like(field, fixed.image, transform, nearest),
    )
