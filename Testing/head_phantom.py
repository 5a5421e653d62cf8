"""A head made of nested ellipsoids: scalp, skull, grey matter with sulci, white matter, ventricles. T1-like, no lesions."""

import numpy as np
import SimpleITK as sitk

SCALP, SKULL, FLUID, GREY, WHITE = 260.0, 20.0, 45.0, 170.0, 230.0


def head_phantom(spacing_mm: float = 2.0, stripped: bool = False, seed: int = 0) -> sitk.Image:
    """LPS, float32, about 150 × 190 × 150 mm of head in air."""
    rng = np.random.default_rng(seed)
    half = np.array([95.0, 115.0, 95.0])  # i, j, k
    axes = [np.arange(-h, h + 1e-6, spacing_mm) for h in half]
    k, j, i = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")

    def ellipsoid(a: float, b: float, c: float) -> np.ndarray:
        return np.sqrt((i / a) ** 2 + (j / b) ** 2 + (k / c) ** 2)

    angle = np.arctan2(j, i)
    folds = 1 + 0.05 * np.sin(14 * angle) * np.cos(k / 6)
    array = np.zeros(k.shape)
    if not stripped:
        array[ellipsoid(82, 100, 82) < 1] = SCALP
        array[ellipsoid(76, 94, 76) < 1] = SKULL
    array[ellipsoid(70, 88, 70) < 1] = FLUID
    array[ellipsoid(68, 86, 68) * folds < 1] = GREY
    array[ellipsoid(60, 78, 60) * folds**1.5 < 0.97] = WHITE
    for side in (-1, 1):
        array[np.sqrt(((i - side * 12) / 7) ** 2 + (j / 28) ** 2 + (k / 11) ** 2) < 1] = FLUID
    noisy = np.abs(array + rng.normal(0, 4, array.shape) * (array > 0))
    image = sitk.GetImageFromArray(noisy.astype(np.float32))
    image.SetSpacing((spacing_mm,) * 3)
    image.SetOrigin([float(-h) for h in half])
    return image
