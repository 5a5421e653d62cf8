"""Random windows from real cases: two in three on a lesion, slightly turned, scaled, mirrored, in changing contrast."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.normalisation import CLIP
from BrainMetsAILib.training.patches import SIZE, random_matrix
from BrainMetsAILib.training.real_cases import LoadedCase

LESION_SHARE = 2 / 3


def draw_real_window(
    cases: Sequence[LoadedCase], rng: np.random.Generator, size: int = SIZE
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """One window of size³ voxels at about 1 mm.

    Returns
    -------
    tuple of ndarray
        Normalised intensities float32 [k, j, i], and classes uint8 [k, j, i]: 0 background, 1 enhancing, 2 necrosis.
    """
    case = cases[int(rng.integers(len(cases)))]
    # A lesion first and then a place in it: else a large one would leave hardly a window to the small ones beside it.
    places = case.places[int(rng.integers(len(case.places)))] if rng.random() < LESION_SHARE else case.tissue
    centre = places[int(rng.integers(len(places)))].astype(float)
    matrix = random_matrix(rng)
    offset = centre - matrix @ (np.full(3, (size - 1) / 2) + rng.uniform(-0.25, 0.25, 3) * size)
    air = float(case.array.min())  # as around the image in a search (`window_search.py`); 0 is grey where intensities are z-scores
    array = ndimage.affine_transform(case.array, matrix, offset, (size,) * 3, order=1, mode="constant", cval=air, prefilter=False)
    classes = ndimage.affine_transform(case.classes, matrix, offset, (size,) * 3, order=0, mode="constant", prefilter=False)
    median = case.median + float(rng.normal(0, 0.05)) * case.width
    scaled = (array - median) / (case.width * float(rng.uniform(0.85, 1.2)))
    if rng.random() < 0.3:
        scaled = ndimage.gaussian_filter(scaled, float(rng.uniform(0.2, 0.8)))
    scaled = scaled + rng.normal(0, float(rng.uniform(0, 0.08)), scaled.shape)
    return np.clip(scaled, *CLIP).astype(np.float32), classes.astype(np.uint8)
