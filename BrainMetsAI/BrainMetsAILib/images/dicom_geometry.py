"""Where the slices of a stack lie: order, distances, gaps, tilt.

Pure functions of positions and directions in LPS millimetres. The slice plane's axes are ``row`` (increasing column index, the image's
i), ``column`` (increasing row index, j) and their cross product ``normal`` (k).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from BrainMetsAILib.images.dicom_slices import Slice

Floats = npt.NDArray[np.float64]

# Positions are written with rounding: distances this alike (share of the middle distance, and mm) are the same.
_SAME_STEP, _SAME_STEP_MM = 0.05, 0.02
SAME_PLACE_MM = 0.01
# In-plane displacement that is left as it is, in pixels.
_SAME_PIXEL = 0.1


@dataclass(frozen=True)
class StackGeometry:
    """Layout of slices, sorted along the normal.

    Attributes
    ----------
    order
        Indices that sort the slices along ``normal``.
    origin
        Position of the first sorted slice's first pixel, LPS, mm.
    axes
        3×3, columns ``row``, ``column``, ``normal``.
    heights
        Place of each sorted slice along the normal from the first, mm, strictly increasing.
    shifts_mm
        ``(n, 2)``: displacement of each sorted slice along ``row`` and ``column`` from where a straight stack would have it.
    """

    order: tuple[int, ...]
    origin: Floats
    axes: Floats
    pixel_mm: tuple[float, float]
    heights: Floats
    shifts_mm: Floats

    @property
    def steps(self) -> Floats:
        """Distances between neighbouring slices, mm."""
        return np.diff(self.heights)

    @property
    def middle_step(self) -> float:
        """Median distance between neighbouring slices, mm."""
        return float(np.median(self.steps))

    @property
    def is_even(self) -> bool:
        """Whether all distances are alike."""
        return bool(np.all(np.abs(self.steps - self.middle_step) <= max(_SAME_STEP * self.middle_step, _SAME_STEP_MM)))

    @property
    def is_straight(self) -> bool:
        """Whether the slices lie straight above each other."""
        return bool(np.max(np.abs(self.shifts_mm) / np.array(self.pixel_mm)) <= _SAME_PIXEL)

    @property
    def tilt_degrees(self) -> float:
        """Angle between the direction from slice to slice and the slices' normal."""
        return float(np.degrees(np.arctan2(np.linalg.norm(self.shifts_mm[-1]), self.heights[-1])))

    @property
    def missing(self) -> int:
        """Number of slices missing inside the stack, if its uneven distances are multiples of the middle one; else 0."""
        ratios = self.steps / self.middle_step
        whole = np.rint(ratios)
        if self.is_even or np.any(whole < 1) or np.any(np.abs(ratios - whole) > 0.1 * whole):
            return 0
        return int(np.sum(whole - 1))

    @property
    def common_step(self) -> float:
        """The finest distance that at least a tenth of the neighbours share, mm."""
        for step in np.sort(self.steps):
            alike = np.abs(self.steps - step) <= max(_SAME_STEP * step, _SAME_STEP_MM)
            if np.count_nonzero(alike) >= 0.1 * len(self.steps):
                return float(np.median(self.steps[alike]))
        return self.middle_step


def same_places(slices: Sequence[Slice]) -> list[list[int]]:
    """Indices of slices grouped by place along the normal, from the lowest; every slice must have a position and directions."""
    heights = np.array([s.position for s in slices]) @ _axes(slices[0])[:, 2]
    places: list[list[int]] = []
    for index in np.argsort(heights, kind="stable"):
        if places and heights[index] - heights[places[-1][0]] <= SAME_PLACE_MM:
            places[-1].append(int(index))
        else:
            places.append([int(index)])
    return places


def stack_geometry(slices: Sequence[Slice]) -> StackGeometry:
    """Layout of at least two slices with one orientation, each at a place of its own."""
    axes = _axes(slices[0])
    positions = np.array([s.position for s in slices], dtype=np.float64)
    order = np.argsort(positions @ axes[:, 2], kind="stable")
    relative = positions[order] - positions[order[0]]
    return StackGeometry(
        order=tuple(int(i) for i in order),
        origin=positions[order[0]],
        axes=axes,
        pixel_mm=slices[0].pixel_mm,
        heights=relative @ axes[:, 2],
        shifts_mm=relative @ axes[:, :2],
    )


def _axes(slice_: Slice) -> Floats:
    """Orthonormal axes of a slice as columns; the header's rounding is taken out of them."""
    row = np.array(slice_.row, dtype=np.float64)
    row /= np.linalg.norm(row)
    column = np.array(slice_.column, dtype=np.float64)
    column -= row * (row @ column)
    column /= np.linalg.norm(column)
    return np.stack([row, column, np.cross(row, column)], axis=1)
