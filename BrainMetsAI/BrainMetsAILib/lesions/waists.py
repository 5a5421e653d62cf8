"""Lesions that touch over a wide area: one piece of a mask becomes two where a plane cuts it at a waist.

A ball that fits into the neck says little where the neck is nearly as wide as the smaller lesion (`touching.py`). The area of the cut, and
how much the hulls shrink by it, say more: two convex bodies side by side leave a groove between them, a single one has none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from BrainMetsAILib.lesions.touching import divided

DIRECTIONS = 120
"""Spread evenly over half a sphere: planes about 8 degrees apart."""
STEP_MM, BLUR_STEPS = 0.5, 1.2
"""Along each direction the area of the cut is taken every `STEP_MM`, and smoothed against the roughness of voxels."""
LEAST_MM3 = 60.0
"""Of each part: a lesion of 5 mm."""
WAIST, CONTACT, GAIN, COMPACT = 0.92, 1.05, 0.08, 0.75
"""A piece is divided where the cut is at most `WAIST` of the largest cut on the narrower side and `CONTACT` of the great circle of the ball
of the smaller part's volume, the hulls of the parts are smaller than that of the whole by `GAIN` of it, and each part fills `COMPACT` of
its own. Of 16 pieces with two lesions in tuning volumes 11 are divided then (8 by necks and doubt alone), of 115 with one none; of lesions
as drawn for training none of 480 single ones, half of them ragged or infiltrative (by necks 7), and 231 of 240 touching pairs (216)."""
COARSEST_MM = 3.0
"""Slices up to which this is asked: two or three thick ones do not show the form of a small lesion, and one of 9 mm in slices of 6.5 mm
was cut in two."""
MOST_POINTS = 40_000
_CORNERS = np.array([[k, j, i] for k in (-0.25, 0.25) for j in (-0.25, 0.25) for i in (-0.25, 0.25)])
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
    # Eight points a voxel smooth the areas of small pieces; of a large one some of its voxels do.
    few = places[:: -(-len(places) // MOST_POINTS)]
    points = ((few[:, None] + _CORNERS) if 8 * len(few) <= MOST_POINTS else few).reshape(-1, 3) * spacing_mm
    point_mm3 = len(places) * voxel_mm3 / len(points)
    cut = _narrowest(points, point_mm3, spacing_mm)
    if cut is None or cut.waist > WAIST:
        return None
    beyond = points @ cut.normal > cut.at_mm
    sizes_mm3 = np.array([beyond.sum(), (~beyond).sum()]) * point_mm3
    hulls_mm3 = np.array([_hull_mm3(points[beyond]), _hull_mm3(points[~beyond])])
    circle_mm2 = np.pi * (0.75 * sizes_mm3.min() / np.pi) ** (2 / 3)
    if cut.area_mm2 > CONTACT * circle_mm2 or hulls_mm3.sum() > (1.0 - GAIN) * _hull_mm3(points) or (sizes_mm3 < COMPACT * hulls_mm3).any():
        return None
    return _two_parts(inside, places[(places * spacing_mm) @ cut.normal > cut.at_mm])


def _narrowest(points: Vectors, point_mm3: float, spacing_mm: Vectors) -> _Cut | None:
    """The plane with the smallest area against the larger areas on either side of it; None where no plane leaves two parts."""
    best: _Cut | None = None
    for normal in _directions():
        along = points @ normal
        start = along.min()
        blur = max(BLUR_STEPS, 0.35 * float(np.abs(normal) @ spacing_mm) / STEP_MM)  # thick slices are rough over their thickness
        counts = np.bincount(((along - start) / STEP_MM).astype(int)).astype(float)
        areas = ndimage.gaussian_filter1d(counts, blur, mode="constant") * point_mm3 / STEP_MM
        before = np.cumsum(areas) * STEP_MM
        narrower = np.minimum(np.maximum.accumulate(areas), np.maximum.accumulate(areas[::-1])[::-1])
        two_parts = (before >= LEAST_MM3) & (before[-1] - before >= LEAST_MM3)
        waists = np.where(two_parts, areas / np.maximum(narrower, 1e-6), np.inf)
        at = int(waists.argmin())
        if two_parts.any() and (best is None or waists[at] < best.waist):
            best = _Cut(normal, float(start + (at + 0.5) * STEP_MM), float(areas[at]), float(waists[at]))
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
    """Unit vectors (n, 3), spread over half a sphere by the golden angle."""
    steps = np.arange(DIRECTIONS) + 0.5
    tilt, turn = np.arccos(1 - steps / DIRECTIONS), np.pi * (1 + 5**0.5) * steps
    return np.stack([np.cos(tilt), np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn)], axis=1)
