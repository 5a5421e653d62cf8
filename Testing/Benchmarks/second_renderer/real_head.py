"""Heads from real T1 volumes without contrast agent: their own signal, and a rough idea of where things are."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from Benchmarks.second_renderer.head import Head, Mask, Values
from Benchmarks.second_renderer.membranes import midline
from Benchmarks.second_renderer.physics import PulseSequence
from BrainMetsAILib.images.brain import find_brain, otsu_thresholds

CLOSING_MM = 8.0
EVEN_MM = 22.0


class NoBrain(ValueError):
    """No brain was found in the volume."""


def real_head(path: Path, sequence: PulseSequence, spacing_mm: tuple[float, float, float] | None) -> Head:
    """The head of a T1 volume, on its own grid or on another spacing."""
    image = sitk.DICOMOrient(sitk.ReadImage(str(path), sitk.sitkFloat32), "LPS")
    if spacing_mm is not None:
        image = _respaced(image, spacing_mm)
    rough = find_brain(image, CLOSING_MM)
    if rough is None:
        raise NoBrain(f"no brain was found in {path.name}")
    region = sitk.GetImageFromArray(rough.region.astype(np.float32))
    region.CopyInformation(rough.reference)
    hull = sitk.GetArrayFromImage(sitk.Resample(region, image, sitk.Transform(), sitk.sitkLinear, 0.0)) > 0.5
    values = np.maximum(sitk.GetArrayFromImage(image), 0.0)
    spacing = np.array(image.GetSpacing()[::-1], float)
    low, high = otsu_thresholds(values[hull])
    even = _white_level(values, hull & (values > high), spacing)
    signal = np.asarray(values / even, np.float32)
    low, high = otsu_thresholds(signal[hull])
    depth = ndimage.distance_transform_edt(hull, sampling=spacing)
    fluid, white = hull & (signal < low), hull & (signal > high) & (depth > 3.0)
    ventricles = _central(fluid & (depth > 20.0), hull, spacing)
    if sequence.black_blood:  # a spin echo sets grey and white matter less apart
        signal = np.asarray(np.where(hull, np.maximum(signal, 1e-3) ** 0.6, signal), np.float32)
    plexus = ventricles & _beside_midline(hull, spacing) & _rear_and_upper(ventricles, spacing)
    nothing = np.zeros(hull.shape, bool)
    return Head(image, sequence, signal, hull, hull & ~fluid, white, fluid, ventricles, nothing, nothing, plexus, None, nothing)


def _respaced(image: sitk.Image, spacing_mm: tuple[float, float, float]) -> sitk.Image:
    size = [int(np.floor(n * s / t)) for n, s, t in zip(image.GetSize(), image.GetSpacing(), spacing_mm, strict=True)]
    smooth = sitk.SmoothingRecursiveGaussian(image, [max(0.35 * t, 0.1) for t in spacing_mm]) if max(spacing_mm) > 1.3 else image
    return sitk.Resample(smooth, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), spacing_mm, image.GetDirection(), 0.0)


def _white_level(values: Values, white: Mask, spacing: NDArray[np.float64]) -> Values:
    """Local brightness of white matter: the coil's unevenness."""
    sigma = EVEN_MM / spacing
    weight = ndimage.gaussian_filter(white.astype(np.float32), sigma, truncate=2.5)
    level = ndimage.gaussian_filter(values * white, sigma, truncate=2.5) / np.maximum(weight, 1e-4)
    typical = float(np.median(values[white]))
    return np.asarray(np.where(weight > 1e-3, np.clip(level, 0.4 * typical, 2.5 * typical), typical), np.float32)


def _central(mask: Mask, hull: Mask, spacing: NDArray[np.float64]) -> Mask:
    """Large pieces near the hull's middle: ventricles, with the cisterns that open into them."""
    parts, count = ndimage.label(mask)
    if not count:
        return mask
    middle = np.array(ndimage.center_of_mass(hull))
    volumes = np.bincount(parts.ravel()) * float(np.prod(spacing))
    kept = [
        number
        for number, centre in enumerate(ndimage.center_of_mass(mask, parts, range(1, count + 1)), start=1)
        if volumes[number] > 600.0 and np.linalg.norm((np.array(centre) - middle) * spacing) < 33.0
    ]
    return np.isin(parts, kept)


def _beside_midline(hull: Mask, spacing: NDArray[np.float64]) -> Mask:
    """From 8 to 30 mm off the midline, where the lateral ventricles lie and the cisterns do not."""
    plane = midline(hull)
    k, j, i = (np.arange(n, dtype=np.float32) for n in hull.shape)
    away = np.abs(i[None, None, :] - (plane[0] + plane[1] * k[:, None, None] + plane[2] * j[None, :, None])) * spacing[2]
    return np.asarray((away > 8.0) & (away < 30.0))


def _rear_and_upper(ventricles: Mask, spacing: NDArray[np.float64]) -> Mask:
    """The part of the ventricles around their atria."""
    chosen = np.zeros_like(ventricles)
    places = np.argwhere(ventricles)
    if len(places):
        middle = places.mean(axis=0)
        chosen[max(0, int(middle[0] - 8.0 / spacing[0])) : int(middle[0] + 14.0 / spacing[0]), int(middle[1]) :] = True
    return chosen
