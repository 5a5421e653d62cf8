"""A lesion grown around a clicked point, from the image and the probability of lesion around it. Arrays and millimetres only."""

from dataclasses import dataclass, replace

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
_CONTRAST = 0.06  # of the brightness at the click: less is texture
_RISE = 0.25  # of the way down: where it goes up again by this much, the surroundings have other things in them
_SLOW = 0.4  # of the steepest fall: here the surroundings begin
_SLACK = 1.3  # a lesion may be this much longer than its middle width
_THIN_SIDE = 25  # percentile over the ring: half of its mean brightness would break it where it is thin
_LEVEL = 75  # percentile of the brightness at the click: the highest value is noise
_ALIKE = (0.6, 1.4)  # radius of a lesion by its volume, to that by the spheres around its middle
_SAME_TISSUE = 0.3  # of the contrast
_PASSES = 4
_RAY_STEP_MM = 0.5
_LEAST_PROBABILITY = 0.2
_NECK = 0.6  # what is thinner than this share of the lesion is a neck or a vessel

_NOTHING = "Nothing here is brighter than its surroundings; click on the brightest part of the lesion, or paint it."


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
    taken
        Voxels of other lesions.
    probability
        Of lesion, 0 to 1; ``None`` where no network looked.
    """

    image: Values
    spacing_mm: Triple
    seed: Triple
    taken: Mask
    probability: Values | None = None


@dataclass(frozen=True)
class _Target:
    """What stands out at the click: a place on it [k, j, i], its brightness and that of the tissue around it, and about how far it goes."""

    start: NDArray[np.float64]
    level: float
    background: float
    radius_mm: float
    ring: bool


def growth_box(shape: tuple[int, ...], seed: Triple, spacing_mm: Triple, size_mm: float) -> Box:
    """The part of an array [k, j, i] that growing up to a diameter of ``size_mm`` around ``seed`` looks at."""
    half = [int(np.ceil((max(size_mm / 2, _LEAST_REACH_MM) + _MARGIN_MM) / step)) for step in spacing_mm]
    low = [max(round(at) - reach, 0) for at, reach in zip(seed, half, strict=True)]
    high = [min(round(at) + reach + 1, size) for at, reach, size in zip(seed, half, shape, strict=True)]
    return slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])


def grow_lesion(around: Neighbourhood, size_mm: float) -> Mask:
    """The lesion at the click.

    It reaches down to halfway between the brightness of the lesion and that of the tissue around (where the network has seen something
    too, its probability has half a say), keeps one connected part, fills what it encloses, and ends at necks: vessels and touching
    lesions stay out. A click into the dark core of a ring gives the whole ring. Where a faint lesion hangs together with tissue as
    bright as itself, it ends a little beyond where the spheres around the click have become dark.

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
    target, evidence = _evidence(around, smooth, size_mm)
    inside = (evidence > 0.5) & ~around.taken
    grown = _grown(inside, around, target.start, size_mm / 2, with_core=True)
    likely = _SLACK * target.radius_mm + 1.0
    if likely < size_mm / 2 and not _stands_out(grown, around, smooth, target, size_mm):  # it has leaked into other bright tissue
        grown = _grown(inside, around, target.start, likely, with_core=target.ring, passes=1)
    return _whole(grown, around.taken)


def _grown(
    inside: Mask, around: Neighbourhood, start: NDArray[np.float64], reach_mm: float, with_core: bool, passes: int = _PASSES
) -> Mask:
    """The lesion within a ball, from where the evidence is; with what a ring encloses, or bright tissue only."""
    centre = around.seed
    grown = np.zeros(inside.shape, dtype=bool)
    for _ in range(passes):  # each time around the lesion's own middle: a click need not hit that
        grown = _connected(inside & (_distance_mm(inside.shape, centre, around.spacing_mm) <= reach_mm), start)
        if not grown.any():
            raise EditRefused(_NOTHING)
        grown = _without_necks(_whole(grown, around.taken) if with_core else grown, start, around.spacing_mm)
        before, centre = centre, ndimage.center_of_mass(grown)
        if np.linalg.norm(np.subtract(centre, before) * around.spacing_mm) < min(around.spacing_mm):
            break
    return grown


def _stands_out(mask: Mask, around: Neighbourhood, smooth: Values, target: _Target, size_mm: float) -> bool:
    """Whether what has grown is a bright spot or ring of that size, in the same surroundings, seen from its own middle too."""
    middle = ndimage.center_of_mass(mask)
    seen = _target(replace(around, seed=middle), smooth, _near(around, middle), size_mm)
    radius = (3 * np.count_nonzero(mask) * np.prod(around.spacing_mm) / (4 * np.pi)) ** (1 / 3)
    if seen is None or abs(seen.background - target.background) > _SAME_TISSUE * (target.level - target.background):
        return False
    if not (seen.ring or seen.radius_mm <= 2 * target.radius_mm + _AIM_MM):  # only a click on the rim of a ring sees so little of it
        return False
    return bool(_ALIKE[0] * seen.radius_mm <= radius <= _ALIKE[1] * seen.radius_mm)


def _near(around: Neighbourhood, place: Triple) -> Mask:
    """What a click at a place may have meant."""
    aim = max(_AIM_MM, 0.75 * max(around.spacing_mm))
    return (_distance_mm(around.image.shape, place, around.spacing_mm) <= aim) & ~around.taken


def _evidence(around: Neighbourhood, smooth: Values, size_mm: float) -> tuple[_Target, Values]:
    """What was clicked, and how much each voxel is lesion, 0 to 1 with the outline at 0.5."""
    near = _near(around, around.seed)
    if not near.any():
        raise EditRefused(_NOTHING)
    target = _target(around, smooth, near, size_mm)
    sure = None
    if around.probability is not None and (seen := float(around.probability[near].max())) >= _LEAST_PROBABILITY:
        sure = np.clip(around.probability / np.float32(seen), 0.0, 1.0)
    if target is None:
        if sure is None:
            raise EditRefused(_NOTHING)
        # It does not enhance: the network's word has to do.
        return _Target(_brightest(sure, near), 1.0, 0.0, size_mm, False), sure
    bright = np.clip((smooth - target.background) / np.float32(target.level - target.background), 0.0, 1.0)
    return target, bright if sure is None else 0.5 * (bright + sure)


def _target(around: Neighbourhood, smooth: Values, near: Mask, size_mm: float) -> _Target | None:
    """The bright spot or the ring at the click, by the brightness of ever larger spheres around it; ``None`` where there is neither.

    Medians over spheres pass over vessels, skull and fluid as long as they fill less than half of one.
    """
    reach = max(size_mm / 2, _LEAST_REACH_MM) + _MARGIN_MM
    if not near.any():
        return None
    for centre in (np.asarray(around.seed), _brightest(smooth, near)):
        rays = _rays(smooth, centre, around.spacing_mm, reach)
        spheres = ndimage.convolve1d(np.median(rays, axis=0), [0.25, 0.5, 0.25], mode="nearest")
        contrast = _CONTRAST * max(abs(float(spheres[0])), 1e-6)
        peak = _top(spheres, contrast)
        bottom = None if peak is None else _foot(spheres, peak, contrast)
        if peak is None or bottom is None or peak * _RAY_STEP_MM > size_mm / 2:
            continue
        background = float(spheres[bottom])
        halfway = np.flatnonzero(spheres[peak:bottom] > 0.5 * (spheres[peak] + background))
        radius = (peak + int(halfway[-1]) + 1) * _RAY_STEP_MM
        if peak * _RAY_STEP_MM <= 2 * _AIM_MM and spheres[0] - background > contrast:
            target = _Target(_brightest(smooth, near), float(np.percentile(smooth[near], _LEVEL)), background, radius, False)
        else:
            tops = rays[:, :bottom].max(axis=1)
            if not np.any(tops > background + contrast):
                continue
            level = float(np.percentile(tops[tops > background + contrast], _THIN_SIDE))
            ray = int(np.argmin(np.abs(tops - level)))
            start = centre + _directions()[ray] * int(np.argmax(rays[ray, :bottom])) * _RAY_STEP_MM / np.asarray(around.spacing_mm)
            target = _Target(start, level, background, radius, True)
        if target.level - background > contrast:
            return target
    return None


def _top(spheres: NDArray[np.float64], contrast: float) -> int | None:
    """Where the brightness is highest before it goes down by the contrast, walking outwards."""
    best = 0
    for place, value in enumerate(spheres):
        if value > spheres[best]:
            best = place
        elif spheres[best] - value > contrast:
            return best
    return None


def _foot(spheres: NDArray[np.float64], peak: int, contrast: float) -> int | None:
    """Where the brightness has come down from the peak: beyond the steepest place, where it falls slowly or goes up again."""
    lowest = peak
    for place in range(peak, len(spheres)):
        if spheres[place] < spheres[lowest]:
            lowest = place
        elif spheres[place] - spheres[lowest] > max(contrast, _RISE * (spheres[peak] - spheres[lowest])):
            break
    if lowest == peak:
        return None
    falls = -np.diff(spheres[peak : lowest + 1])
    steepest = int(np.argmax(falls))
    slow = np.flatnonzero(falls[steepest:] < _SLOW * falls[steepest])
    return peak + steepest + int(slow[0]) if len(slow) else lowest


def _rays(smooth: Values, centre: NDArray[np.float64], spacing_mm: Triple, reach_mm: float) -> NDArray[np.float64]:
    """Brightness along straight ways from a place, [direction, step]."""
    steps = np.arange(0.0, reach_mm, _RAY_STEP_MM)
    places = centre[:, None, None] + (_directions() / np.asarray(spacing_mm)).T[:, :, None] * steps
    return np.asarray(ndimage.map_coordinates(smooth, places, order=1, mode="nearest", output=np.float64))


def _brightest(values: Values, near: Mask) -> NDArray[np.float64]:
    places = np.argwhere(near)
    return np.asarray(places[int(np.argmax(values[near]))], dtype=np.float64)


def _directions() -> NDArray[np.float64]:
    """Unit vectors (n, 3) evenly over the sphere (Fibonacci's spiral)."""
    count = 100
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


def _whole(mask: Mask, taken: Mask) -> Mask:
    """The mask with what it encloses; gaps of a ring of up to two voxels are bridged."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    result = mask.copy()
    result[box] |= with_enclosed(ndimage.binary_closing(np.pad(mask[box], 2)))[2:-2, 2:-2, 2:-2]
    return result & ~taken


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
