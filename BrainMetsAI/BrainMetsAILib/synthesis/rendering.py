"""Puts lesions and enhancing normal structures into a volume."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.synthesis.lesion_sampling import SyntheticLesion
from BrainMetsAILib.synthesis.shapes import Coverage, Grid, coverage

POINT_SPREAD_MM = 0.45  # what a scanner's point spread adds to a lesion's edge, as the SD of a Gaussian


@dataclass(frozen=True)
class Rendered:
    """Truth of the lesions in a volume.

    Attributes
    ----------
    labels
        uint16 [k, j, i], number of the lesion that fills at least half of the voxel (1 is the first lesion given).
    necrosis
        bool [k, j, i], at least half necrotic.
    volumes_mm3, necrotic_mm3
        One number a lesion, from the covered shares: finer than voxels.
    """

    labels: NDArray[np.uint16]
    necrosis: NDArray[np.bool_]
    volumes_mm3: tuple[float, ...]
    necrotic_mm3: tuple[float, ...]


def render_lesions(
    array: NDArray[np.float32],
    grid: Grid,
    lesions: Sequence[SyntheticLesion],
    fluid_level: float,
    white_level: float,
    rng: np.random.Generator,
    samples: int = 3,
    oedema_where: NDArray[np.bool_] | None = None,
) -> Rendered:
    """Draw lesions into `array`, in place.

    Parameters
    ----------
    array
        Intensities [k, j, i]; changed.
    grid
        Its voxels in the frame of the lesions.
    lesions
        They must not overlap; where they touch, a voxel belongs to the one that fills more of it.
    fluid_level, white_level
        Intensities of dark fluid and of white matter: the unit of `Enhancement`.
    rng
        For texture, chambers, patches and the reach of oedema; never for outlines.
    samples
        Points a voxel edge for the partial volume.
    oedema_where
        bool [k, j, i]: where oedema may show (the brain); everywhere if None.

    Returns
    -------
    Rendered
    """
    labels = np.zeros(array.shape, np.uint16)
    necrosis = np.zeros(array.shape, bool)
    best = np.zeros(array.shape, np.float32)
    unit = white_level - fluid_level
    edge_mm = grid.voxel_mm3 ** (1 / 3)
    volumes, necrotic = [], []
    found = [coverage(lesion.shape, grid, samples) for lesion in lesions]
    for lesion in lesions:
        _draw_oedema(array, grid, lesion, unit, oedema_where, rng)
    for number, (lesion, part) in enumerate(zip(lesions, found, strict=True), start=1):
        if part is None:
            volumes.append(0.0)
            necrotic.append(0.0)
            continue
        if lesion.enhancement.chambers_mm > 0:
            part = replace(part, core=part.core * _chambers(part.core.shape, lesion.enhancement.chambers_mm / edge_mm, rng))
        array[part.box] = _blend(array[part.box], part, lesion, fluid_level, unit, edge_mm, rng)
        volumes.append(float(part.whole.sum()) * grid.voxel_mm3)
        necrotic.append(float(part.core.sum()) * grid.voxel_mm3)
        mine = part.whole >= 0.5
        if not mine.any():  # thinner than half a voxel everywhere: the fullest voxel stands for it
            mine = part.whole == max(float(part.whole.max()), 1e-6)
        mine &= part.whole > best[part.box]
        labels[part.box][mine] = number
        necrosis[part.box][mine] = part.core[mine] >= 0.5
        best[part.box][mine] = part.whole[mine]
    return Rendered(labels, necrosis, tuple(volumes), tuple(necrotic))


def _draw_oedema(
    array: NDArray[np.float32],
    grid: Grid,
    lesion: SyntheticLesion,
    unit: float,
    where: NDArray[np.bool_] | None,
    rng: np.random.Generator,
) -> None:
    look = lesion.enhancement
    if look.oedema <= 0:
        return
    box = grid.box_around(lesion.shape.centre_mm, lesion.shape.reach_mm + look.oedema_mm * (1 + look.fingers))
    if box is None:
        return
    outer, _ = lesion.shape.levels(grid.centres(box))
    reach: float | NDArray[np.float32] = look.oedema_mm
    if look.fingers > 0:
        longer = _smooth_noise(outer.shape, 0.4 * look.oedema_mm / grid.voxel_mm3 ** (1 / 3), 1.0, rng)
        reach = look.oedema_mm * (1 + look.fingers * np.clip(longer, -0.9, 1.0))
    fade = np.clip(1 - np.maximum(outer, 0) / reach, 0, 1) ** 1.5
    if where is not None:
        fade = fade * where[box]
    array[box] -= (look.oedema * unit * fade).astype(np.float32)


def _chambers(shape: tuple[int, ...], size: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """How much of each voxel [k, j, i] chambers of `size` voxels fill (about half of all); septa of uneven thickness divide them."""
    return np.clip(_smooth_noise(shape, size / 4.0, size / 4.0, rng) + 0.5, 0.0, 1.0).astype(np.float32)


def _smooth_noise(shape: tuple[int, ...], sigma: float, sd: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise [k, j, i] of SD `sd` around 0, smooth over `sigma` voxels."""
    field = ndimage.gaussian_filter(rng.normal(size=shape), sigma).astype(np.float32)
    field *= sd / max(float(field.std()), 1e-6)
    return np.asarray(field)


def _blend(
    patch: NDArray[np.float32], part: Coverage, lesion: SyntheticLesion, fluid: float, unit: float, edge_mm: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    look = lesion.enhancement
    whole, core = part.whole, part.core
    inside = whole > 0.5
    around = float(np.median(patch[inside])) if inside.any() else float(np.average(patch, weights=whole + 1e-6))
    # Never below grey matter: an enhancing lesion in a sulcus is as bright as one in white matter.
    contrast: float | NDArray[np.floating] = look.contrast
    if look.patchiness > 0:
        varying = _smooth_noise(patch.shape, 0.15 * lesion.shape.diameter_mm / edge_mm, look.patchiness, rng)
        contrast = look.contrast * np.maximum(1 + varying, 0.4)
    if look.above_sound:
        around += look.oedema * unit
    level = max(around, fluid + 0.5 * unit) + contrast * unit
    uneven = _smooth_noise(patch.shape, 1.5, look.texture * unit, rng)
    sigma = float(np.hypot(POINT_SPREAD_MM, look.softness_mm)) / edge_mm
    change = (whole - core) * (level + uneven - patch) + core * (fluid + look.core * 0.6 * unit + 0.3 * uneven - patch)
    return patch + (ndimage.gaussian_filter(change, sigma, mode="nearest") if sigma > 0.2 else change).astype(np.float32)


def render_enhancing(array: NDArray[np.float32], share: NDArray[np.floating], level: float) -> None:
    """Brighten `array` in place to `level` where `share` (0 to 1, [k, j, i]) says that a vessel or a membrane is; never darkens."""
    np.maximum(array, array + share * (level - array), out=array)
