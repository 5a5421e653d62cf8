"""Irregular lesion shapes with a necrotic core, and how much of each voxel they fill."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Vector = tuple[float, float, float]
_FIBONACCI = 600
NEAR = 3.0
"""Half diagonals of a voxel from a surface within which voxels are divided. Levels are distances along the radius, which may change three
times as fast; ripples add half the steepness that all their waves together could have, which was never reached in a hundred lesions."""
CREST = 2.5


@dataclass(frozen=True)
class Lobe:
    """A bump (or dent) of the surface: relative height, sharpness and unit direction."""

    height: float
    sharpness: float
    direction: Vector


@dataclass(frozen=True)
class Ripples:
    """Roughness of a surface: the sum of plane waves, which carries it outwards and inwards and makes it leave the form of a star.

    Attributes
    ----------
    height
        Root mean square, as a share of the lesion's radius; nowhere more than `CREST` times that.
    waves
        Of each wave the vector, in radians a radius, and the phase.
    """

    height: float
    waves: tuple[tuple[Vector, float], ...]

    @property
    def steepness(self) -> float:
        """Most that the height can change over a distance, relative to that distance."""
        return float(self.height * (2 / len(self.waves)) ** 0.5 * sum(np.linalg.norm(vector) for vector, _ in self.waves))

    def at(self, points: NDArray[np.floating]) -> NDArray[np.floating]:
        """Height as a share of the radius, (...), at points (..., 3) in radii from the lesion's centre."""
        close = points.astype(np.float32)  # cosines of them are several times faster
        total = np.zeros(points.shape[:-1], np.float32)
        for vector, phase in self.waves:  # one by one: all at once would need much memory
            total += np.cos(close @ np.asarray(vector, np.float32) + np.float32(phase))
        return np.asarray(self.height * np.clip(total * (2 / len(self.waves)) ** 0.5, -CREST, CREST))


@dataclass(frozen=True)
class LesionShape:
    """An ellipsoid with lobes and perhaps ripples, and a core of the same kind inside.

    Attributes
    ----------
    centre_mm
        LPS, in the frame of the head it was made for.
    diameter_mm
        Of the sphere with the same volume (ripples change the volume by some hundredths).
    axes
        Relative half-axes; their product is 1.
    rotation
        3x3 rotation, row by row: columns are the ellipsoid's axes in LPS.
    lobes
        Of the surface.
    core
        Share of the radius that is necrotic, 0 for a solid lesion.
    core_lobes
        Of the core's surface.
    core_offset
        Shift of the core, as a share of the radius.
    ripples, core_ripples
        Of the two surfaces.
    least_rim
        Thinnest place of the rim, as a share of its mean thickness; at 0 the core may reach the surface.
    """

    centre_mm: Vector
    diameter_mm: float
    axes: Vector = (1.0, 1.0, 1.0)
    rotation: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    lobes: tuple[Lobe, ...] = ()
    core: float = 0.0
    core_lobes: tuple[Lobe, ...] = ()
    core_offset: Vector = (0.0, 0.0, 0.0)
    ripples: Ripples | None = None
    core_ripples: Ripples | None = None
    least_rim: float = 0.35

    @property
    def reach_mm(self) -> float:
        """Radius of a ball around the centre that certainly holds the lesion."""
        swelling = max(max(self.axes) * (1 + sum(max(lobe.height, 0.0) for lobe in self.lobes)), 1.0)
        roughness = max(self.axes) * CREST * self.ripples.height if self.ripples else 0.0
        return 0.5 * self.diameter_mm * self._scale() * (swelling + roughness)

    def _scale(self) -> float:
        """Factor that gives the lobed body the volume of its nominal sphere."""
        return float(np.mean(_surface(_sphere_directions(), self.lobes) ** 3) ** (-1 / 3))

    def levels(self, points_mm: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Signed distances, approximately in mm, to the surface and to the core's surface.

        Parameters
        ----------
        points_mm
            (..., 3), LPS, the head's frame.

        Returns
        -------
        tuple of ndarray
            (...), negative inside; the core's are +1e3 everywhere for a solid lesion.
        """
        radius = 0.5 * self.diameter_mm * self._scale()
        local = (points_mm - np.asarray(self.centre_mm)) @ np.asarray(self.rotation).reshape(3, 3) / np.asarray(self.axes)
        outer = _level(local, radius, self.lobes)
        if self.ripples:
            outer += radius * self.ripples.at(local / radius)
        if self.core <= 0:
            return outer, np.full(outer.shape, 1e3)
        inner = _level(local - np.asarray(self.core_offset) * radius, radius * self.core, self.core_lobes)
        if self.core_ripples:
            inner += radius * self.core_ripples.at(local / radius)
        return outer, np.maximum(inner, outer + self.least_rim * (1 - self.core) * radius)

    def resized(self, volume_ratio: float) -> "LesionShape":
        """The same shape with `volume_ratio` times the volume."""
        return replace(self, diameter_mm=self.diameter_mm * volume_ratio ** (1 / 3))


def _sphere_directions() -> NDArray[np.floating]:
    n = np.arange(_FIBONACCI) + 0.5
    polar, turn = np.arccos(1 - 2 * n / _FIBONACCI), np.pi * (1 + 5**0.5) * n
    return np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], axis=-1)


def _surface(directions: NDArray[np.floating], lobes: tuple[Lobe, ...]) -> NDArray[np.floating]:
    """Relative radius of the surface in each unit direction (..., 3)."""
    factor = np.ones(directions.shape[:-1])
    for lobe in lobes:
        factor += lobe.height * np.exp(lobe.sharpness * (directions @ np.asarray(lobe.direction) - 1))
    return np.maximum(factor, 0.3)


def _level(local: NDArray[np.floating], radius: float, lobes: tuple[Lobe, ...]) -> NDArray[np.floating]:
    distance = np.linalg.norm(local, axis=-1)
    directions = local / np.maximum(distance, 1e-6)[..., None]
    return distance - radius * _surface(directions, lobes)


@dataclass(frozen=True)
class Grid:
    """Voxels in space: shape [k, j, i] and the 4x4 from (i, j, k) to the LPS frame of the lesions, in mm."""

    shape: tuple[int, int, int]
    to_lps: NDArray[np.floating]

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel."""
        return float(abs(np.linalg.det(self.to_lps[:3, :3])))

    def centres(self, box: tuple[slice, slice, slice]) -> NDArray[np.floating]:
        """Centres of the voxels of a box, (k, j, i, 3), LPS in mm."""
        k, j, i = np.meshgrid(*[np.arange(extent.start, extent.stop) for extent in box], indexing="ij")
        return np.asarray(np.stack([i, j, k], axis=-1) @ self.to_lps[:3, :3].T + self.to_lps[:3, 3])

    def box_around(self, centre_mm: Vector, reach_mm: float) -> tuple[slice, slice, slice] | None:
        """Slices [k, j, i] of the voxels that a ball touches; None where it misses the grid."""
        inverse = np.linalg.inv(self.to_lps)
        middle = (inverse @ np.array([*centre_mm, 1.0]))[:3]
        half = reach_mm * np.linalg.norm(inverse[:3, :3], axis=1) + 1.5
        low = np.maximum(np.floor(middle - half), 0).astype(int)
        high = np.minimum(np.ceil(middle + half) + 1, self.shape[::-1]).astype(int)
        if np.any(high <= low):
            return None
        return slice(low[2], high[2]), slice(low[1], high[1]), slice(low[0], high[0])


@dataclass(frozen=True)
class Coverage:
    """How much of each voxel of `box` a lesion fills (0 to 1, [k, j, i]): the whole, and its necrotic core."""

    box: tuple[slice, slice, slice]
    whole: NDArray[np.float32]
    core: NDArray[np.float32]


def coverage(shape: LesionShape, grid: Grid, samples: int = 3) -> Coverage | None:
    """Share of every voxel that a lesion fills, with `samples`³ points a voxel.

    The remaining step of each point is softened by its signed distance, so that volumes converge well below a voxel.
    """
    box = grid.box_around(shape.centre_mm, shape.reach_mm)
    if box is None:
        return None
    sizes = tuple(extent.stop - extent.start for extent in box)
    step = grid.voxel_mm3 ** (1 / 3) / samples
    # Far from every surface a voxel is full or empty, as its centre says.
    centres = grid.centres(box).reshape(-1, 3)
    levels = shape.levels(centres)
    half_diagonal = 0.5 * float(np.linalg.norm(np.linalg.norm(grid.to_lps[:3, :3], axis=0)))
    steepness = NEAR + max((0.5 * ripples.steepness for ripples in (shape.ripples, shape.core_ripples) if ripples), default=0.0)
    near = np.flatnonzero(np.minimum(*np.abs(levels)) < steepness * half_diagonal)
    offsets = (np.arange(samples) + 0.5) / samples - 0.5
    k, j, i = np.meshgrid(offsets, offsets, offsets, indexing="ij")
    within = np.stack([i, j, k], axis=-1).reshape(-1, 3) @ grid.to_lps[:3, :3].T
    finer = shape.levels((centres[near, None] + within).reshape(-1, 3))
    shares = []
    for level, fine in zip(levels, finer, strict=True):
        share = np.where(level < 0, np.float32(1), np.float32(0))
        share[near] = np.clip(0.5 - fine / step, 0, 1).astype(np.float32).reshape(-1, samples**3).mean(axis=1)
        shares.append(share.reshape(sizes))
    return Coverage(box, shares[0], np.minimum(shares[1], shares[0]))
