"""Intensities on one scale, whatever the scanner."""

import numpy as np
from numpy.typing import NDArray

LOW, HIGH = 10.0, 90.0
CLIP = (-4.0, 8.0)


def intensity_scale(values: NDArray[np.floating]) -> tuple[float, float]:
    """Centre and width of a head's intensities.

    Parameters
    ----------
    values
        Intensities inside the head, any shape.

    Returns
    -------
    tuple of float
        Median, and the distance from the 10th to the 90th percentile: neither moves with a few bright lesions or vessels.
    """
    if values.size == 0:
        return 0.0, 1.0
    low, median, high = (float(v) for v in np.percentile(values, [LOW, 50.0, HIGH]))
    return median, max(high - low, 1e-6)


def normalise_intensity(array: NDArray[np.floating], head: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Centre and scale a volume by its head, and clip what lies far outside.

    Parameters
    ----------
    array
        [k, j, i], any unit.
    head
        [k, j, i], where the head (or the extracted brain) is.

    Returns
    -------
    ndarray of float32
        [k, j, i]; 0 is the head's median, 1 the distance between its 10th and 90th percentile; air lies below 0.
    """
    median, width = intensity_scale(array[head])
    return np.clip((array.astype(np.float32) - np.float32(median)) / np.float32(width), *CLIP).astype(np.float32)
