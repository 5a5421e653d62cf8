"""Where the head is: everything that is not air."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of, image_like
from BrainMetsAILib.images.resampling import block_average

WORKING_SPACING_MM = 3.0
CLOSING_MM = 12.0
BACKGROUND_SHARE = 0.2
"""Share of voxels of exactly the corners' value from which it is a background that somebody set."""


def head_mask(image: sitk.Image) -> sitk.Image:
    """Mask of the head on the image's grid, uint8: tissue, with air cells, bone and everything enclosed; the largest piece only.

    Works on whole heads and on brains without skull (background exactly constant); of a constant image the mask is empty.

    Notes
    -----
    Tissue is what exceeds a tenth of the way from the 2nd to the 98th percentile, the robust rule of BET (Smith, Hum Brain Mapp
    2002;17:143, doi:10.1002/hbm.10062), raised to the upper end of the air's noise where that is louder. The outline is worked out
    at about 3 mm: it says where to look, it is not a measurement.
    """
    coarse = block_average(with_dark_background(sitk.Cast(image, sitk.sitkFloat32)), WORKING_SPACING_MM)
    values = array_of(coarse)
    threshold = air_threshold(values)
    if threshold is None:
        return image_like(np.zeros(tuple(reversed(image.GetSize())), np.uint8), image)
    mask = _solid(values > threshold, np.array(coarse.GetSpacing())[::-1])
    soft = image_like(mask.astype(np.float32), coarse)
    # The coarse field of view may be half a coarse voxel short: the nearest voxel is right there, not zero.
    soft = sitk.Resample(soft, image, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkLinear, 0.0, sitk.sitkFloat32, True)
    return sitk.Cast(soft >= 0.5, sitk.sitkUInt8)


def with_dark_background(image: sitk.Image) -> sitk.Image:
    """The image, with a background that lies amid its intensities moved to the least of them.

    A brain that was extracted and then brought to a mean of 0 (as nnU-Net does) has 0 around it, where other images have their least.
    """
    array = array_of(image)
    corners = array[np.ix_(*[(0, -1)] * array.ndim)]
    level = corners.flat[0]
    if np.any(corners != level) or level <= (least := array.min()):
        return image
    background = array == level
    if background.mean() < BACKGROUND_SHARE:
        return image
    return image_like(np.where(background, least, array), image)


def air_threshold(values: npt.NDArray[np.float32]) -> float | None:
    """Intensity that separates air from tissue; None where all values are alike."""
    low, high = np.percentile(values, [2.0, 98.0])
    if high <= low:
        low, high = float(values.min()), float(values.max())
        if high <= low:
            return None
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.Execute(sitk.GetImageFromArray(values))
    air = values[values < otsu.GetThreshold()]
    level = float(np.median(air)) if air.size else 0.0
    noise = 1.4826 * float(np.median(np.abs(air - level))) if air.size else 0.0
    # Where there is no air in view, "air" is dark tissue: half of Otsu's threshold bounds what that can do.
    return max(float(low + 0.1 * (high - low)), min(level + 4.0 * noise, 0.5 * otsu.GetThreshold()))


def _solid(mask: npt.NDArray[np.bool_], spacing_kji: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Largest component after a small opening, closed by ``CLOSING_MM`` and filled in three dimensions and slice by slice."""
    opened = ndimage.binary_opening(mask)
    largest = _largest(opened if opened.any() else mask)
    steps = np.maximum(np.ceil(CLOSING_MM / 2.0 / spacing_kji).astype(int), 1)
    padded = np.pad(largest, [(int(s) + 1,) * 2 for s in steps])
    # Distances in mm instead of a structuring element: the ball stays a ball on anisotropic grids.
    dilated = ndimage.distance_transform_edt(~padded, sampling=spacing_kji) <= CLOSING_MM / 2.0
    closed = ndimage.distance_transform_edt(dilated, sampling=spacing_kji) > CLOSING_MM / 2.0
    closed = (closed | padded)[tuple(slice(int(s) + 1, -int(s) - 1) for s in steps)]
    filled = ndimage.binary_fill_holes(closed)
    for axis in range(3):
        # The neck and cropped fields of view leave cavities open at a face: close them in each plane.
        filled = np.stack([ndimage.binary_fill_holes(plane) for plane in np.moveaxis(filled, axis, 0)], axis=axis)
    return _largest(filled)


def _largest(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    labels, count = ndimage.label(mask)
    if count <= 1:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == sizes.argmax())
