"""Straight lines across an outline, perpendicular to another or staying inside the tissue.

All of it happens in one slice. Positions are in pixels [row, column]; ``basis`` (2, 2) turns them into millimetres in the
slice's plane (row vector times basis), so that oblique, sheared and left-handed grids need no special case. "Inside" is
where the linearly interpolated mask is at least one half, the same edge as in `outline`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.lesions.grid import Mask
from BrainMetsAILib.lesions.outline import Points, edge_midpoints

_INSIDE = 0.5 - 1e-6
_STEP_PIXELS = 0.25
_OFFSET_PIXELS = 0.1
# Fractions of the way along a candidate line that are looked at first: most lines across a necrotic core fail in the middle.
_EARLY_CHECKS = (0.5, 0.3, 0.7, 0.15, 0.85, 0.4, 0.6)


@dataclass(frozen=True)
class Chord:
    """A straight line in a slice: its ends in pixels [row, column] and its length in mm."""

    start: tuple[float, float]
    end: tuple[float, float]
    length_mm: float


def longest_perpendicular(inside: Mask, along: Chord, basis: NDArray[np.float64], stay_inside: bool) -> Chord:
    """Longest chord of a slice perpendicular to another line.

    Lines perpendicular to ``along`` are laid through every point of the outline. On each, the chord reaches from the first
    point inside to the last one; with ``stay_inside`` it is the longest stretch that never leaves the tissue.

    Parameters
    ----------
    inside
        Boolean slice [row, column].
    along
        The line to be perpendicular to, in the same slice; not of length zero.
    basis
        (2, 2): pixel [row, column] to millimetres in the plane.
    stay_inside
        Whether the chord may cross what is not in the mask.
    """
    to_pixels = np.linalg.inv(basis)
    forward = (np.array(along.end) - np.array(along.start)) @ basis
    forward /= np.linalg.norm(forward)
    sideways = np.array([-forward[1], forward[0]])
    outline_mm = edge_midpoints(inside) @ basis
    pixel_mm = float(np.linalg.norm(basis, axis=1).min())

    offsets = np.unique(np.round((outline_mm @ forward) / (_OFFSET_PIXELS * pixel_mm))) * (_OFFSET_PIXELS * pixel_mm)
    across = outline_mm @ sideways
    step = _STEP_PIXELS * pixel_mm
    positions = np.arange(across.min() - 2 * step, across.max() + 3 * step, step)
    points_mm = offsets[:, None, None] * forward + positions[None, :, None] * sideways
    values = _interpolated(inside.astype(np.float32), points_mm @ to_pixels)

    line, first, last = _longest_stretch(values >= _INSIDE, stay_inside)
    low = _crossing(positions, values[line], first, -1)
    high = _crossing(positions, values[line], last, +1)
    ends = (offsets[line] * forward + np.array([[low], [high]]) * sideways) @ to_pixels
    return Chord((float(ends[0, 0]), float(ends[0, 1])), (float(ends[1, 0]), float(ends[1, 1])), float(high - low))


def longest_inside(inside: Mask, basis: NDArray[np.float64], longer_than_mm: float, most_points: int) -> Chord | None:
    """Longest straight line between two points of the outline that never leaves the tissue.

    Parameters
    ----------
    inside
        Boolean slice [row, column].
    basis
        (2, 2): pixel [row, column] to millimetres in the plane.
    longer_than_mm
        Shorter lines are of no interest (an earlier slice has a longer one).
    most_points
        Where the outline has more points than this, an even selection of them is tried; otherwise every pair.

    Returns
    -------
    Chord or None
        None where no line is longer than ``longer_than_mm``.
    """
    field = inside.astype(np.float32)
    outline = edge_midpoints(inside)
    if len(outline) > most_points:
        outline = outline[np.linspace(0, len(outline) - 1, most_points).round().astype(int)]
    outline_mm = outline @ basis
    first, second = np.triu_indices(len(outline), k=1)
    lengths = np.hypot(*(outline_mm[first] - outline_mm[second]).T)
    keep = np.flatnonzero(lengths > longer_than_mm + 1e-9)
    for fraction in _EARLY_CHECKS:
        points = outline[first[keep]] * (1 - fraction) + outline[second[keep]] * fraction
        keep = keep[_interpolated(field, points) >= _INSIDE]
    keep = keep[np.argsort(-lengths[keep], kind="stable")]
    # Longest first, in growing portions: usually the first few decide.
    portion, start = 64, 0
    while start < len(keep):
        part = keep[start : start + portion]
        visible = _stays_inside(field, outline[first[part]], outline[second[part]])
        if visible.any():
            best = part[int(np.argmax(visible))]
            begin, end = outline[first[best]], outline[second[best]]
            return Chord((float(begin[0]), float(begin[1])), (float(end[0]), float(end[1])), float(lengths[best]))
        start, portion = start + portion, min(portion * 2, 2048)
    return None


def _stays_inside(field: NDArray[np.float32], starts: Points, ends: Points) -> NDArray[np.bool_]:
    """Which of the lines (n, 2) → (n, 2) have every point on the way inside, looked at four times a pixel."""
    reach = float(np.abs(ends - starts).max())
    fractions = np.linspace(0.0, 1.0, max(int(np.ceil(reach / _STEP_PIXELS)), 2) + 1)
    points = starts[:, None, :] + fractions[None, :, None] * (ends - starts)[:, None, :]
    return np.asarray((_interpolated(field, points) >= _INSIDE).all(axis=1), dtype=bool)


def _interpolated(field: NDArray[np.float32], points: NDArray[np.float64]) -> NDArray[np.float32]:
    """Linearly interpolated mask (1 inside, 0 outside and beyond the array) at points (..., 2) in pixels."""
    values: NDArray[np.float32] = ndimage.map_coordinates(
        field, np.moveaxis(points, -1, 0), order=1, mode="grid-constant", cval=0.0, prefilter=False
    )
    return values


def _longest_stretch(hit: NDArray[np.bool_], unbroken: bool) -> tuple[int, int, int]:
    """Row and first and last column of the longest stretch of True in an array (lines, positions)."""
    if not unbroken:
        first = np.argmax(hit, axis=1)
        last = hit.shape[1] - 1 - np.argmax(hit[:, ::-1], axis=1)
        line = int(np.argmax(np.where(hit.any(axis=1), last - first, -1)))
        return line, int(first[line]), int(last[line])
    flat = np.pad(hit, ((0, 0), (1, 1))).ravel().astype(np.int8)
    changes = np.diff(flat)
    starts, stops = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)
    best = int(np.argmax(stops - starts))
    width = hit.shape[1] + 2
    return int(starts[best]) // width, int(starts[best]) % width, int(stops[best]) % width - 1


def _crossing(positions: NDArray[np.float64], values: NDArray[np.float32], place: int, step: int) -> float:
    """Position at which the interpolated mask passes one half just beyond ``place``, walking by ``step``."""
    inside, outside = float(values[place]), float(values[place + step])
    share = 0.0 if inside <= outside else min(max((inside - 0.5) / (inside - outside), 0.0), 1.0)
    return float(positions[place] + share * (positions[place + step] - positions[place]))
