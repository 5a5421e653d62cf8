"""Random training windows: a piece of a head with random contrast, lesions, vessels and acquisition."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.normalisation import BRAIN_PERCENTILES, CLIP
from BrainMetsAILib.synthesis.acquisition import acquire, in_slices
from BrainMetsAILib.synthesis.lesion_sampling import SyntheticLesion, draw_diameter, draw_direction, draw_rotation, draw_shape
from BrainMetsAILib.synthesis.placement import is_free
from BrainMetsAILib.synthesis.rendering import render_enhancing, render_lesions
from BrainMetsAILib.synthesis.shapes import Grid
from BrainMetsAILib.synthesis.varieties import draw_cavity, draw_varied_lesion
from BrainMetsAILib.training.backgrounds import FIRST_EXTRACEREBRAL, FLUID, VESSEL, WHITE, Background

SIZE = 64
VESSEL_SHARE = 100  # of 200: voxels half filled by a vessel
CAVITY_SHARE = 0.06  # of windows: a resection cavity, half of them with a nodule at the wall
BLACK_BLOOD_SHARE = 0.3
COARSE_SHARE = 0.08  # of windows: at about 2 mm, for the search for large lesions
THICKNESS_MM = (1.5, 7.0)
IGNORE = 255  # class of voxels that are left out of the loss


@dataclass(frozen=True)
class Look:
    """Intensities of one rendered head: the array before lesions, and its levels."""

    array: NDArray[np.float32]
    fluid: float
    white: float
    median: float
    width: float


def draw_patch(
    backgrounds: Sequence[Background], weights: NDArray[np.floating], rng: np.random.Generator, size: int = SIZE
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """One window of size³ voxels at about 1 mm, or now and then 2 mm.

    Returns
    -------
    tuple of ndarray
        Normalised intensities float32 [k, j, i], and classes uint8 [k, j, i]: 0 background, 1 enhancing, 2 necrosis, 255 ignored.
    """
    background = backgrounds[int(rng.choice(len(backgrounds), p=weights))]
    vessels = background.vessels[int(rng.integers(len(background.vessels)))]
    to_head, offset = _random_affine(background, vessels, rng, size)
    black_blood = bool(rng.random() < BLACK_BLOOD_SHARE)

    places, seen = _nearest(to_head, offset, background.hull.shape, size)

    def nearest(volume: NDArray[Any]) -> NDArray[Any]:
        return np.where(seen, volume.reshape(-1)[places], volume.dtype.type(0))

    def between(volume: NDArray[Any]) -> NDArray[np.float32]:
        return ndimage.affine_transform(volume, to_head, offset, (size,) * 3, np.float32, order=1, mode="constant", prefilter=False)

    hull, junction = nearest(background.hull), nearest(background.junction)
    if background.labels is not None:
        look = _rendered_labels(background, nearest(background.labels), rng)
    else:
        assert background.array is not None
        look = Look(
            between(background.array),
            background.fluid_level,
            background.white_level,
            *background.brain_scale,
        )
    unit = look.white - look.fluid
    if rng.random() < (0.3 if background.enhanced else 0.9):
        share = between(vessels) / 200.0
        if black_blood:
            share *= rng.random() * 0.4
        render_enhancing(look.array, share, look.fluid + float(rng.uniform(1.0, 2.3)) * unit)
    grid = Grid((size,) * 3, np.eye(4))
    lesions = _draw_lesions(hull, junction, rng)
    if rng.random() < CAVITY_SHARE and hull.any():
        _operate(look, grid, hull, lesions, rng)
    rendered = render_lesions(look.array, grid, lesions, look.fluid, look.white, rng, samples=2, oedema_where=hull)
    array = look.array
    if background.labels is not None and rng.random() < 0.25:  # brain extraction, a little too wide or too tight
        kept = hull | (rendered.labels > 0)
        array = array * (ndimage.binary_dilation(kept, iterations=int(rng.integers(1, 4))) if rng.random() < 0.7 else kept)
    array = acquire(
        array,
        look.white,
        rng,
        noise=float(rng.uniform(0.005, 0.05)),
        blur_voxels=float(rng.choice([0.0, rng.uniform(0.2, 0.8)])),
        bias=float(rng.uniform(0, 0.25)),
    )
    array = in_thick_slices(array, np.linalg.norm(to_head, axis=0), rng)
    classes = np.where(rendered.labels > 0, np.where(rendered.necrosis, 2, 1), 0).astype(np.uint8)
    if background.excluded is not None:
        classes[nearest(background.excluded) & (classes == 0)] = IGNORE
    median = look.median + float(rng.normal(0, 0.06)) * look.width
    width = look.width * float(rng.uniform(0.85, 1.2))
    scaled = np.clip((array - median) / width, *CLIP)
    return scaled.astype(np.float32), classes


def _nearest(
    to_head: NDArray[np.floating], offset: NDArray[np.floating], shape: Sequence[int], size: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """For every voxel of a window the place of the head's nearest voxel in its flattened array, and whether there is one."""
    places, seen = np.zeros((size,) * 3, np.intp), np.ones((size,) * 3, bool)
    k, j, i = np.ogrid[:size, :size, :size]
    for row, start, length in zip(to_head, offset, shape, strict=True):
        at = np.floor(start + 0.5 + row[0] * k + row[1] * j + row[2] * i).astype(np.intp)
        seen &= (at >= 0) & (at < length)
        places = places * length + at
    return np.where(seen, places, 0), seen


def _random_affine(
    background: Background, vessels: NDArray[np.uint8], rng: np.random.Generator, size: int
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Matrix and offset [k, j, i] from window voxels to head voxels: turn, mirror, scale, around a place that matters."""
    draw = rng.random()
    mask = background.junction if draw < 0.5 else background.hull
    if 0.6 < draw < 0.85:  # on a vessel: what is most often taken for a lesion
        mask = vessels > VESSEL_SHARE
    if draw > 0.85:  # anywhere in the head
        tissue = background.labels if background.labels is not None else background.array
        assert tissue is not None
        mask = tissue > (0 if background.labels is not None else 0.1 * background.white_level)
    while True:  # rejection: listing all places of a head for each window would take longer
        centre = rng.uniform(0, 1, 3) * mask.shape
        if mask[tuple(centre.astype(int))]:
            break
    matrix = random_matrix(rng)
    return matrix, centre - matrix @ (np.full(3, (size - 1) / 2) + rng.uniform(-12, 12, 3))


def random_matrix(rng: np.random.Generator) -> NDArray[np.floating]:
    """From window to head [k, j, i]: mostly a small turn, sometimes any; a little scaling; left and right exchanged half the time.

    The scales lie around the two at which bundles search, 0.8 mm and, now and then, 2 mm.
    """
    turn = np.array(draw_rotation(rng)).reshape(3, 3) if rng.random() < 0.1 else _small_turn(rng)
    return np.asarray(turn @ np.diag(_draw_scales(rng) * np.where(rng.random(3) < [0.0, 0.0, 0.5], -1.0, 1.0)))


def _draw_scales(rng: np.random.Generator) -> NDArray[np.floating]:
    if rng.random() < COARSE_SHARE:
        return rng.uniform(1.5, 2.2) * rng.uniform(0.9, 1.1, 3)
    return rng.uniform(0.75, 1.15, 3)


def _small_turn(rng: np.random.Generator) -> NDArray[np.floating]:
    a, b, c = np.radians(rng.uniform(-15, 15, 3))
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray(x @ y @ z)


def _draw_lesions(hull: NDArray[np.bool_], junction: NDArray[np.bool_], rng: np.random.Generator) -> list[SyntheticLesion]:
    if rng.random() < 0.2 or not hull.any():
        return []
    lesions: list[SyntheticLesion] = []
    places = {mask: np.argwhere(m) for mask, m in (("junction", junction), ("hull", hull))}
    for _ in range(1 + int(rng.poisson(4.0 * len(hull) / SIZE))):
        size = _draw_size(rng)
        at = places["junction" if rng.random() < 0.75 and len(places["junction"]) else "hull"]
        for _ in range(10):
            k, j, i = at[int(rng.integers(len(at)))] + rng.uniform(-0.5, 0.5, 3)
            # Now and then two touch, as they do in patients; a large one does not grow through the skull.
            if _fits((k, j, i), size, hull) and is_free((i, j, k), size, lesions, 1.0 if rng.random() < 0.9 else -1.5):
                lesions.append(draw_varied_lesion(rng, (float(i), float(j), float(k)), size))
                break
    return lesions


def _draw_size(rng: np.random.Generator) -> float:
    """A diameter in mm: as in patients, but the large ones, which are rare there and each different, more often."""
    draw = rng.random()
    if draw < 0.55:
        return draw_diameter(rng)
    return float(rng.uniform(3.0, 18.0) if draw < 0.85 else rng.uniform(14.0, 44.0))


def _operate(look: Look, grid: Grid, hull: NDArray[np.bool_], lesions: list[SyntheticLesion], rng: np.random.Generator) -> None:
    """A resection cavity that keeps clear of the lesions, and perhaps a nodule at its wall, which is added to them."""
    size = float(rng.uniform(12.0, 32.0))
    places = np.argwhere(hull)
    k, j, i = (float(v) for v in places[int(rng.integers(len(places)))])
    if not is_free((i, j, k), size, lesions, 1.0):
        return
    cavity = replace(draw_shape(rng, (i, j, k), size), core=0.0)
    draw_cavity(look.array, grid, cavity, look.fluid, look.white, rng)
    if rng.random() < 0.5:
        at = np.array([i, j, k]) + 0.5 * size * draw_direction(rng)
        nodule = float(rng.uniform(3.0, 10.0))
        if np.all((at > 0) & (at < len(hull) - 1)) and is_free(at, nodule, lesions, 0.0):
            lesions.append(draw_varied_lesion(rng, (float(at[0]), float(at[1]), float(at[2])), nodule))


def _fits(centre_kji: tuple[float, float, float], size: float, hull: NDArray[np.bool_]) -> bool:
    """Whether five of six points at a third of the diameter lie in the brain (or beyond the window)."""
    inside = 0
    for axis in range(3):
        for side in (-0.36, 0.36):
            at = np.rint(centre_kji).astype(int)
            at[axis] = int(np.clip(at[axis] + side * size, 0, len(hull) - 1))
            inside += bool(hull[tuple(np.clip(at, 0, len(hull) - 1))])
    return inside >= 5


def _rendered_labels(background: Background, labels: NDArray[Any], rng: np.random.Generator) -> Look:
    """Random T1-like contrast (or, one time in sixteen, any contrast) for a label map."""
    ids = np.array(background.label_ids)
    means = rng.uniform(0.02, 1.25, len(ids)) * (1.0 if rng.random() < 0.7 else 0.5)
    fluid, grey = float(rng.uniform(0.05, 0.35)), float(rng.uniform(0.5, 0.92))
    brain = (ids > 0) & (ids < FIRST_EXTRACEREBRAL)
    free = rng.random() < 0.06
    for n in np.flatnonzero(brain):
        shade = float(rng.normal(0, 0.05))
        if ids[n] in WHITE:
            means[n] = 1.0 + 0.5 * shade
        elif ids[n] in FLUID:
            means[n] = fluid + 0.3 * shade
        elif ids[n] in VESSEL:
            means[n] = float(rng.uniform(0.1, 1.6))
        else:
            means[n] = grey + shade
        if free:
            means[n] = float(rng.uniform(0.1, 1.0))
    means[ids == 0] = float(rng.uniform(0.0, 0.03))
    counts = background.brain_counts
    order = np.argsort(means)
    share = np.cumsum(counts[order]) / counts.sum()
    low, median, high = np.interp([BRAIN_PERCENTILES[0] / 100, 0.5, BRAIN_PERCENTILES[1] / 100], share, means[order])
    array = means[labels.astype(np.int64)].astype(np.float32)
    uneven = ndimage.gaussian_filter(rng.normal(size=array.shape).astype(np.float32), float(rng.uniform(0.7, 2.5)))
    array += uneven / max(float(uneven.std()), 1e-6) * float(rng.uniform(0.0, 0.06)) * (labels > 0)
    array = ndimage.gaussian_filter(array, float(rng.uniform(0.35, 0.8)))
    white = 1.0 if not free else max(float(np.median(means[brain])), fluid + 0.3)
    return Look(np.maximum(array, 0), fluid, white, float(median), max(float(high - low), 0.2))


def in_thick_slices(array: NDArray[np.float32], spacing_mm: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float32]:
    """Thick slices: one time in six, averaged along one axis [k, j, i] and interpolated back."""
    if rng.random() > 1 / 6:
        return array
    axis = int(rng.integers(3))
    thickness = float(rng.uniform(*THICKNESS_MM)) / float(spacing_mm[axis])
    return array if thickness < 1 else in_slices(array, axis, thickness, float(rng.uniform(0, thickness)))
