"""What a scanner adds: uneven coils, blur, noise."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def bias_field(shape: tuple[int, ...], strength: float, rng: np.random.Generator, points: int = 4) -> NDArray[np.float32]:
    """Smooth positive factor around 1, [k, j, i]; `strength` is the SD of its logarithm at `points`³ nodes."""
    coarse = rng.normal(0.0, strength, size=(points,) * 3).astype(np.float32)
    smooth = coarse
    for n in shape:  # linear between the nodes, then averaged over their distance; both axis by axis
        along = ndimage.zoom(np.eye(points, dtype=np.float32), (n / points, 1.0), order=1, mode="nearest", grid_mode=True)
        along = ndimage.uniform_filter1d(along, max(n // points, 1), axis=0, mode="nearest")
        smooth = np.tensordot(smooth, along, axes=(0, 1))
    return np.asarray(np.exp(smooth), np.float32)


def rician_noise(array: NDArray[np.float32], sd: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Magnitude of a signal with Gaussian noise of `sd` in both channels (Gudbjartsson & Patz, MRM 1995;34:910)."""
    real = array + rng.normal(0, sd, array.shape).astype(np.float32)
    imaginary = rng.normal(0, sd, array.shape).astype(np.float32)
    return np.asarray(np.hypot(real, imaginary), np.float32)


def in_slices(array: NDArray[np.float32], axis: int, thickness: float, first: float) -> NDArray[np.float32]:
    """What slices of `thickness` voxels (1 or more) along an axis show of [k, j, i], interpolated back onto the same grid.

    The first slice lies at `first` (0 to `thickness`, in voxels), rounded down as all are.
    """
    blurred = np.moveaxis(ndimage.gaussian_filter1d(array, thickness / 2.355, axis=axis), axis, 0)
    slices = np.minimum(np.arange(first, len(blurred), thickness).astype(int), len(blurred) - 1)
    taken = blurred[slices]
    at = np.interp(np.arange(len(blurred)), slices, np.arange(len(slices)))
    below = at.astype(int)
    part = (at - below).astype(np.float32)[:, None, None]
    back = taken[below] * (1 - part) + taken[np.minimum(below + 1, len(slices) - 1)] * part
    return np.ascontiguousarray(np.moveaxis(back, 0, axis))


def acquire(
    array: NDArray[np.float32], white_level: float, rng: np.random.Generator, noise: float, blur_voxels: float, bias: float
) -> NDArray[np.float32]:
    """Blur, bias and noise in the order in which a scanner adds them.

    Parameters
    ----------
    array
        Non-negative intensities [k, j, i].
    white_level
        Of white matter; `noise` is relative to it.
    rng
        Source of chance.
    noise, blur_voxels, bias
        SD of the noise (share of `white_level`), of the blur (voxels) and of the logarithmic bias field.
    """
    blurred = ndimage.gaussian_filter(array, blur_voxels) if blur_voxels > 0.05 else array
    uneven = np.maximum(blurred, 0) * bias_field(array.shape, bias, rng)
    return rician_noise(uneven, noise * white_level, rng)
