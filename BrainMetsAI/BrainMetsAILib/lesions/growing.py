"""A lesion grown around a clicked point, from the image and the probability of lesion around it. Arrays and millimetres only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.lesions.filling import with_enclosed
from BrainMetsAILib.lesions.grid import Mask
from BrainMetsAILib.lesions.refusal import EditRefused

Box = tuple[slice, slice, slice]
Values = NDArray[np.float32]
Triple = tuple[float, float, float]

_MARGIN_MM = 6.0  # tissue around the lesion, against which it is judged
_LEAST_REACH_MM = 10.0  # a small size in a large lesion still has to see what surrounds that
_SMOOTHING_MM = 0.6
_AIM_MM = 1.5  # a person clicks this exactly
_CALM_MM = 1.2  # contrast is judged in an image as smooth as this, in which noise has no peaks
_CONTRAST_SD = 2.0
_CONTRAST_SHARE = 0.04
_LEAST_PROBABILITY = 0.2
_RING_SHARE = 0.75  # of all directions meet the ring
_NECK = 0.6  # what is thinner than this share of the lesion is a neck or a vessel
_CORE_OF_RING = 0.5  # a click this dark, between tissue and ring, is in the ring's core


@dataclass(frozen=True)
class Neighbourhood:
    """The part of an examination around a click.

    Attributes
    ----------
    image
        float32 [k, j, i].
    spacing_mm
        Of the array's axes k, j, i.
    seed
        The click in the array, [k, j, i], fractions allowed.
    air
        Intensity below which there is air.
    taken
        Voxels of other lesions.
    probability
        Of lesion, 0 to 1; ``None`` where no network looked.
    """

    image: Values
    spacing_mm: Triple
    seed: Triple
    air: float
    taken: Mask
    probability: Values | None = None


def growth_box(shape: tuple[int, ...], seed: Triple, spacing_mm: Triple, size_mm: float) -> Box:
    """The part of an array [k, j, i] that growing up to a diameter of ``size_mm`` around ``seed`` looks at."""
    half = [int(np.ceil((max(size_mm / 2, _LEAST_REACH_MM) + _MARGIN_MM) / step)) for step in spacing_mm]
    low = [max(round(at) - reach, 0) for at, reach in zip(seed, half, strict=True)]
    high = [min(round(at) + reach + 1, size) for at, reach, size in zip(seed, half, shape, strict=True)]
    return slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])


def grow_lesion(around: Neighbourhood, size_mm: float) -> Mask:
    """The lesion at the click.

    It reaches down to half the height between the tissue around and the lesion (where the network has seen something too, to the mean of
    that and half of its probability), keeps one connected part, fills what it encloses, and ends at necks: vessels and touching
    lesions stay out. A click into the dark core of a ring gives the whole ring.

    Parameters
    ----------
    around
        Cut out by `growth_box`.
    size_mm
        The lesion stays within a ball of this diameter.

    Returns
    -------
    Mask
        Boolean [k, j, i] of the shape of the image, without voxels that are taken.

    Raises
    ------
    EditRefused
        If nothing there is brighter than its surroundings.
    """
    sigma = [min(_SMOOTHING_MM / step, 1.0) for step in around.spacing_mm]
    smooth = ndimage.gaussian_filter(np.asarray(around.image, np.float32), sigma)
    evidence, start = _evidence(around, smooth, size_mm)
    inside = (evidence > 0.5) & ~around.taken
    centre = around.seed
    grown = np.zeros(inside.shape, dtype=bool)
    for _ in range(2):  # the second time around the lesion's own middle: a click need not hit that
        reached = inside & (_distance_mm(inside.shape, centre, around.spacing_mm) <= size_mm / 2)
        grown = _connected(reached, start)
        if not grown.any():
            break
        grown = _whole(grown, around)
        grown = _without_necks(grown, start, around.spacing_mm)
        centre = ndimage.center_of_mass(grown)
    if not grown.any():
        raise EditRefused(_NOTHING)
    return grown


_NOTHING = "Nothing here is brighter than its surroundings; click on the brightest part of the lesion, or paint it."


def _evidence(around: Neighbourhood, smooth: Values, size_mm: float) -> tuple[Values, NDArray[np.float64]]:
    """How much each voxel is lesion, 0 to 1 with the outline at 0.5, and a place [k, j, i] that surely is."""
    tissue = smooth[(smooth > around.air) & ~around.taken]
    if tissue.size == 0:
        raise EditRefused(_NOTHING)
    background = float(np.median(tissue))
    calm = ndimage.gaussian_filter(smooth, [_CALM_MM / step for step in around.spacing_mm])
    spread = 1.4826 * float(np.median(np.abs(calm[calm > around.air] - np.float32(background))))
    contrast = max(_CONTRAST_SD * spread, _CONTRAST_SHARE * abs(background))
    distance = _distance_mm(smooth.shape, around.seed, around.spacing_mm)
    near = (distance <= max(_AIM_MM, 0.75 * max(around.spacing_mm))) & ~around.taken
    if not near.any():
        raise EditRefused(_NOTHING)
    bright = float(calm[near].max()) >= background + contrast
    seen = 0.0 if around.probability is None else float(around.probability[near].max())
    start, level = _brightest(smooth, near)
    ring = _ring_around(around, smooth, size_mm, background + contrast)
    if ring is not None and level - background < _CORE_OF_RING * (ring[1] - background):
        start, level = ring
        bright = True
    elif not bright and seen < _LEAST_PROBABILITY:
        raise EditRefused(_NOTHING)
    height = max(level - background, 1e-6)
    evidence = np.clip((smooth - background) / np.float32(height), 0.0, 1.0)
    if around.probability is not None and seen >= _LEAST_PROBABILITY:
        sure = np.clip(around.probability / np.float32(seen), 0.0, 1.0)
        # Where the image shows nothing (a lesion that does not enhance) the network's word has to do.
        evidence = 0.5 * (evidence + sure) if bright else sure
    return evidence, start


def _brightest(smooth: Values, near: Mask) -> tuple[NDArray[np.float64], float]:
    places = np.argwhere(near)
    values = smooth[near]
    best = int(np.argmax(values))
    return places[best].astype(float), float(values[best])


def _ring_around(around: Neighbourhood, smooth: Values, size_mm: float, bright: float) -> tuple[NDArray[np.float64], float] | None:
    """A place on the ring that encloses the click, and how bright the ring is; ``None`` where there is none."""
    directions = _directions()
    steps = np.arange(0.0, size_mm / 2, min(around.spacing_mm))
    if len(steps) < 2:
        return None
    places = np.asarray(around.seed)[:, None, None] + (directions / np.asarray(around.spacing_mm)).T[:, :, None] * steps[None, None, :]
    profiles = ndimage.map_coordinates(smooth, places, order=1, mode="nearest")
    peaks = profiles.max(axis=1)
    if np.mean(peaks > bright) < _RING_SHARE:
        return None
    level = float(np.median(peaks[peaks > bright]))
    ray = int(np.argmin(np.abs(peaks - level)))
    return places[:, ray, int(np.argmax(profiles[ray]))], level


def _directions() -> NDArray[np.float64]:
    """Unit vectors (n, 3) evenly over the sphere (Fibonacci's spiral)."""
    count = 60
    height = 1 - 2 * (np.arange(count) + 0.5) / count
    turn = np.pi * (1 + 5**0.5) * np.arange(count)
    flat = np.sqrt(1 - height**2)
    return np.stack([height, flat * np.cos(turn), flat * np.sin(turn)], axis=1)


def _distance_mm(shape: tuple[int, ...], centre: Triple, spacing_mm: Triple) -> Values:
    """Distance [k, j, i] of every voxel from a place."""
    squares = [((np.arange(size) - at) * step) ** 2 for size, at, step in zip(shape, centre, spacing_mm, strict=True)]
    total = squares[0][:, None, None] + squares[1][None, :, None] + squares[2][None, None, :]
    return np.sqrt(total).astype(np.float32)


def _connected(mask: Mask, start: NDArray[np.float64]) -> Mask:
    """The part of the mask that holds the place, or the nearest one to it."""
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    places = np.argwhere(mask)
    nearest = places[int(np.argmin(((places - start) ** 2).sum(axis=1)))]
    return np.asarray(labels == labels[tuple(nearest)])


def _whole(mask: Mask, around: Neighbourhood) -> Mask:
    """The mask with what it encloses; gaps of a ring of up to two voxels are bridged."""
    closed = ndimage.binary_closing(np.pad(mask, 2))[2:-2, 2:-2, 2:-2]
    return (mask | with_enclosed(closed)) & ~around.taken


def _without_necks(mask: Mask, start: NDArray[np.float64], spacing_mm: Triple) -> Mask:
    """The part of the mask around a place, up to where it narrows to a neck: an opening by a ball that suits the lesion's own width."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    part = np.pad(mask[box], 1)
    depth = ndimage.distance_transform_edt(part, sampling=spacing_mm)
    widest = _uphill(depth, start - [side.start - 1 for side in box], spacing_mm)
    radius = _NECK * float(depth[widest])
    core, _ = ndimage.label(depth >= radius)
    from_core = ndimage.distance_transform_edt(core != core[widest], sampling=spacing_mm)
    opened = part & (from_core <= radius + min(spacing_mm))  # one voxel more: opening by a ball takes corners off
    pieces, _ = ndimage.label(opened)
    result = np.zeros(mask.shape, dtype=bool)
    result[box] = (pieces == pieces[widest])[1:-1, 1:-1, 1:-1]
    return result


def _uphill(depth: NDArray[np.float64], start: NDArray[np.float64], spacing_mm: Triple) -> tuple[int, int, int]:
    """The deepest place that is reached from a place without crossing a neck."""
    places = np.argwhere(depth > 0)
    at = places[int(np.argmin(((places - start) ** 2).sum(axis=1)))]
    while True:
        here = float(depth[tuple(at)])
        away = (((places - at) * spacing_mm) ** 2).sum(axis=1)
        near = places[away <= max(here, 1.01 * max(spacing_mm)) ** 2]
        best = near[int(np.argmax(depth[tuple(near.T)]))]
        if depth[tuple(best)] <= here:
            return int(at[0]), int(at[1]), int(at[2])
        at = best
