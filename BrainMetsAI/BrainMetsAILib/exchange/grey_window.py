"""Which grey values of a head are shown black and white: the same in the scene and in the pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def grey_window(array: npt.NDArray[Any]) -> tuple[float, float]:
    """Values shown black and white.

    White is the 99.8th percentile of what is brighter than a tenth of the 99th percentile, black half of the 1st: air stays out of it,
    and enhancing lesions, a small and bright part of the head, stay within it.

    Parameters
    ----------
    array
        Intensities of a whole head, any shape; half a million of them are looked at.
    """
    sample = array.ravel()[:: max(1, array.size // 500_000)].astype(np.float64)
    tissue = sample[sample > 0.1 * np.percentile(sample, 99)]
    low, high = np.percentile(tissue if tissue.size >= 10 else sample, (1.0, 99.8))
    return min(0.5 * float(low), float(low)), max(float(high), float(low) + 1e-3)
