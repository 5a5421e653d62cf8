"""Lesions that touch over a wide area: one piece of a mask becomes two where a plane cuts it at a waist.

A ball that fits into the neck says little where the neck is nearly as wide as the smaller lesion (`touching.py`). The area of the cut, and
how much the hulls shrink by it, say more: two convex bodies side by side leave a groove between them, a single one has none.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from BrainMetsAILib.lesions.touching import divided

MOST_STEPS = 3
"""Normals are all directions of whole numbers up to this along the axes: 145, at most 19 degrees from the next. The set is the same however
the axes are permuted and flipped, so that the same lesions come out of the same head stored in another orientation."""
STEP_MM, BLUR_STEPS = 0.5, 1.2
"""Along each direction the area of the cut is taken every `STEP_MM`, and smoothed against the roughness of voxels."""
LEAST_MM3 = 60.0
"""Of each part: a lesion of 5 mm."""
WAIST, CONTACT, GAIN, COMPACT = 0.9, 1.0, 0.1, 0.75
"""A piece is divided where the cut is at most `WAIST` of the largest cut on the narrower side and `CONTACT` of the great circle of the ball
of the smaller part's volume, the hulls of the parts are smaller than that of the whole by `GAIN` of it, and each part fills `COMPACT` of
its own. Of 16 pieces with two lesions in tuning volumes 10 are divided then (8 by necks and doubt alone), of 115 with one none; of lesions
as drawn for training none of 480 single ones, 192 of them ragged or infiltrative (by necks 7), and 227 of 240 touching pairs (216)."""
COARSEST_MM = 3.25
"""Slices up to which this is asked: two or three thick ones do not show the form of a small lesion, and one of 9 mm in slices of 6.5 mm
was cut in two."""
POINT_MM, MANY_POINTS = 0.5, 100_000
"""Each voxel stands for points about so far apart, evenly over it, or fewer where they would become so many: centres of voxels alone are a
comb along the slices, and a comb has waists."""
_TOUCHING = np.ones((3, 3, 3), dtype=bool)

Vectors = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class _Cut:
    """The plane of the points p with p @ normal = at_mm, and its area: in mm², and against the largest one on the narrower side."""

    normal: Vectors
    at_mm: float
    area_mm2: float
    waist: float


def split_at_waists(pieces: NDArray[np.integer], spacing_mm: tuple[float, float, float]) -> NDArray[np.int32]:
    """Divide numbered pieces that have a waist.

    Parameters
    ----------
    pieces
        [k, j, i]: 0 outside, otherwise the piece's number.
    spacing_mm
        Along k, j and i.

    Returns
    -------
    ndarray
        The same voxels inside. The largest part keeps its piece's number, the others have numbers that were free. In slices thicker than
        `COARSEST_MM` nothing is divided.
    """
    if max(spacing_mm) > COARSEST_MM:
        return pieces.astype(np.int32)
    spacing = np.array(spacing_mm)
    return divided(pieces, lambda inside, box: _parts(inside, spacing))


def _parts(inside: Mask, spacing_mm: Vectors) -> NDArray[np.int32]:
    """Parts of one piece, numbered from 1 by falling size."""
    waiting, whole = [inside], []
    while waiting:
        piece = waiting.pop()
        halves = _halves(piece, spacing_mm)
        if halves:
            waiting.extend(halves)
        else:
            whole.append(piece)
    numbers = np.zeros(inside.shape, np.int32)
    for number, part in enumerate(sorted(whole, key=np.count_nonzero, reverse=True), start=1):
        numbers[part] = number
    return numbers


def _halves(inside: Mask, spacing_mm: Vectors) -> tuple[Mask, Mask] | None:
    """The two sides of a piece's waist, each of them one part; None where it has no waist."""
    places = np.argwhere(inside)
    voxel_mm3 = float(np.prod(spacing_mm))
    if len(places) * voxel_mm3 < 2 * LEAST_MM3:
        return None
    points = _points(places, spacing_mm)
    point_mm3 = len(places) * voxel_mm3 / len(points)
    cut = _narrowest(points, point_mm3)
    if cut is None or cut.waist > WAIST:
        return None
    beyond = points @ cut.normal > cut.at_mm
    sizes_mm3 = np.array([beyond.sum(), (~beyond).sum()]) * point_mm3
    hulls_mm3 = np.array([_hull_mm3(points[beyond]), _hull_mm3(points[~beyond])])
    circle_mm2 = np.pi * (0.75 * sizes_mm3.min() / np.pi) ** (2 / 3)
    if cut.area_mm2 > CONTACT * circle_mm2 or hulls_mm3.sum() > (1.0 - GAIN) * _hull_mm3(points) or (sizes_mm3 < COMPACT * hulls_mm3).any():
        return None
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    return _two_parts(inside, places[((places - middle) * spacing_mm) @ cut.normal > cut.at_mm])


def _points(places: NDArray[np.integer], spacing_mm: Vectors) -> Vectors:
    """Points spread evenly over voxels, (n, 3) in mm along k, j and i, with the middle of the piece at 0."""
    volume_mm3 = len(places) * float(np.prod(spacing_mm))
    apart_mm = max(POINT_MM, (volume_mm3 / MANY_POINTS) ** (1 / 3))
    counts = np.maximum(1, np.ceil(spacing_mm / apart_mm - 1e-6)).astype(int)
    offsets = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / n - 0.5 for n in counts], indexing="ij"), axis=-1).reshape(-1, 3)
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    return np.asarray((((places - middle)[:, None] + offsets) * spacing_mm).reshape(-1, 3))


def _narrowest(points: Vectors, point_mm3: float) -> _Cut | None:
    """The plane with the smallest area against the larger areas on either side of it; None where no plane leaves two parts."""
    best: _Cut | None = None
    for normal in _directions():
        along = points @ normal
        middle = (along.min() + along.max()) / 2  # steps are counted from here, so that a mirrored piece is cut at the same place
        steps = np.rint((along - middle) / STEP_MM).astype(int)
        counts = np.bincount(steps - steps.min()).astype(float)
        areas = ndimage.gaussian_filter1d(counts, BLUR_STEPS, mode="constant") * point_mm3 / STEP_MM
        before = np.cumsum(areas) * STEP_MM
        narrower = np.minimum(np.maximum.accumulate(areas), np.maximum.accumulate(areas[::-1])[::-1])
        two_parts = (before >= LEAST_MM3) & (before[-1] - before >= LEAST_MM3)
        waists = np.where(two_parts, areas / np.maximum(narrower, 1e-6), np.inf)
        at = int(waists.argmin())
        if two_parts.any() and (best is None or waists[at] < best.waist):
            best = _Cut(normal, float(middle + (at + steps.min()) * STEP_MM), float(areas[at]), float(waists[at]))
    return best


def _two_parts(inside: Mask, beyond: NDArray[np.integer]) -> tuple[Mask, Mask] | None:
    """The piece in two, each of which hangs together: what a side has besides its largest part goes to the other one."""
    side = np.zeros(inside.shape, dtype=bool)
    side[tuple(beyond.T)] = True
    one, other = _largest(side), _largest(inside & ~side)
    rest, count = ndimage.label(inside & ~one & ~other, _TOUCHING)
    for number in range(1, count + 1):
        loose = rest == number
        (other if (side & loose).any() else one)[loose] = True
    return one, other


def _largest(mask: Mask) -> Mask:
    pieces, _ = ndimage.label(mask, _TOUCHING)
    return np.asarray(pieces == np.bincount(pieces.ravel())[1:].argmax() + 1)


def _hull_mm3(points: Vectors) -> float:
    """Volume of the convex hull; 0 where the points lie in a plane."""
    try:
        return float(ConvexHull(points).volume)
    except (QhullError, ValueError):
        return 0.0


def _directions() -> Vectors:
    """Unit vectors (n, 3), one of each two that point opposite ways."""
    steps = range(-MOST_STEPS, MOST_STEPS + 1)
    whole = [way for way in product(steps, repeat=3) if way > (0, 0, 0) and np.gcd.reduce(way) == 1]
    vectors = np.array(whole, dtype=float)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
