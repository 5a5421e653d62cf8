"""Resampling onto another spacing or another image's grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk


def resample_to_spacing(
    image: sitk.Image,
    spacing_mm: float | Sequence[float],
    interpolator: int = sitk.sitkLinear,
    default: float = 0.0,
    smooth: bool = False,
) -> sitk.Image:
    """The same field of view with another spacing, axes unchanged.

    Parameters
    ----------
    spacing_mm
        One number for all axes, or one an axis ``(i, j, k)``.
    default
        Value outside the image. The outermost half voxel inside the field of view takes the nearest voxel's value.
    smooth
        Blur along axes that become coarser, so that the new voxels average the old ones (Cardoso et al., MICCAI 2015,
        doi:10.1007/978-3-319-24571-3_81); for intensities only, never for labels.

    Notes
    -----
    The outer faces of the first voxels coincide (ITK's interpolators reach half a voxel beyond the samples). The number of voxels
    is rounded, so the far faces agree within half a new voxel.
    """
    old = np.array(image.GetSpacing())
    new = np.full(3, float(spacing_mm)) if isinstance(spacing_mm, int | float) else np.array([float(s) for s in spacing_mm])
    if new.shape != (3,) or np.any(new <= 0) or not np.all(np.isfinite(new)):
        raise ValueError(f"spacing must be one or three positive numbers of millimetres, not {spacing_mm}")
    if smooth:
        variances = np.maximum(new**2 - old**2, 0.0) / (8.0 * np.log(2.0))
        if np.any(variances > 0):
            # ITK treats a zero variance as an error in some versions: a thousandth of a voxel changes nothing.
            image = sitk.DiscreteGaussian(image, np.maximum(variances, (1e-3 * old) ** 2).tolist(), 32, 0.01, True)
    size = np.maximum(np.rint(np.array(image.GetSize()) * old / new), 1).astype(int)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    origin = np.array(image.GetOrigin()) + direction @ ((new - old) / 2.0)
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(size.tolist())
    resampler.SetOutputSpacing(new.tolist())
    resampler.SetOutputDirection(image.GetDirection())
    resampler.SetOutputOrigin(origin.tolist())
    resampler.SetInterpolator(interpolator)
    resampler.SetDefaultPixelValue(default)
    resampler.SetOutputPixelType(image.GetPixelID())
    return resampler.Execute(image)


def block_average(image: sitk.Image, spacing_mm: float) -> sitk.Image:
    """The image in whole blocks of voxels averaged to about ``spacing_mm``; fast, and up to a block short at the far faces."""
    factors = [max(1, min(round(spacing_mm / s), n)) for s, n in zip(image.GetSpacing(), image.GetSize(), strict=True)]
    return sitk.BinShrink(image, factors)


def resample_like(
    image: sitk.Image,
    reference: sitk.Image,
    transform: sitk.Transform | None = None,
    interpolator: int = sitk.sitkLinear,
    default: float = 0.0,
) -> sitk.Image:
    """``image`` on the grid of ``reference``; ``transform`` maps points of the reference (LPS, mm) to points of the image."""
    return sitk.Resample(image, reference, transform or sitk.Transform(3, sitk.sitkIdentity), interpolator, default, image.GetPixelID())
