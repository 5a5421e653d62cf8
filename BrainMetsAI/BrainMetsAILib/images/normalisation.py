"""Intensities on one scale, whatever the scanner."""

import numpy as np
from numpy.typing import NDArray

HEAD_PERCENTILES = (10.0, 90.0)
BRAIN_PERCENTILES = (5.0, 90.0)
"""From cerebrospinal fluid, a twentieth of every brain at least, to white matter: grey and white alone may hardly differ."""
CLIP = (-4.0, 8.0)


def intensity_scale(values: NDArray[np.floating], percentiles: tuple[float, float] = HEAD_PERCENTILES) -> tuple[float, float]:
    """Centre and width of the intensities of a head or a brain.

    Parameters
    ----------
    values
        Intensities inside the head or the brain, any shape.
    percentiles
        `HEAD_PERCENTILES` or `BRAIN_PERCENTILES`.

    Returns
    -------
    tuple of float
        Median, and the distance between the percentiles: neither moves with a few bright lesions or vessels.
    """
    if values.size == 0:
        return 0.0, 1.0
    low, median, high = (float(v) for v in np.percentile(values, [percentiles[0], 50.0, percentiles[1]]))
    return median, max(high - low, 1e-6)


def normalise_intensity(
    array: NDArray[np.floating], where: NDArray[np.bool_], percentiles: tuple[float, float] = HEAD_PERCENTILES
) -> NDArray[np.float32]:
    """Centre and scale a volume by its head or brain, and clip what lies far outside.

    Parameters
    ----------
    array
        [k, j, i], any unit.
    where
        [k, j, i], where the head or the brain is.
    percentiles
        As in `intensity_scale`.

    Returns
    -------
    ndarray of float32
        [k, j, i]; 0 is the median there, 1 the distance between the percentiles; air lies below 0.
    """
    median, width = intensity_scale(array[where], percentiles)
    return np.clip((array.astype(np.float32) - np.float32(median)) / np.float32(width), *CLIP).astype(np.float32)
