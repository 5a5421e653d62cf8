"""What enhances in every healthy head: vessels, sinuses, choroid plexus, dura, mucosa. None of it may be called a lesion."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.brain import SPACING_MM
from BrainMetsAILib.images.geometry import ijk_to_lps, image_like
from BrainMetsAILib.synthesis.shapes import Grid
from BrainMetsAILib.synthesis.tissue import Tissue

STEP_MM = 0.8
Field = Callable[[NDArray[np.floating]], NDArray[np.floating]]


@dataclass(frozen=True)
class Tube:
    """A vessel: centre line (n, 3) in LPS mm, radius (n,) in mm, and how strongly it enhances (1 is the head's vessels)."""

    points_mm: NDArray[np.floating]
    radius_mm: NDArray[np.floating]
    strength: float


@dataclass(frozen=True)
class NormalEnhancement:
    """Vessels as tubes; dura, falx and mucosa as shares (0 to 1) on the tissue map's grid."""

    tubes: tuple[Tube, ...]
    membranes: sitk.Image


def draw_normal_enhancement(tissue: Tissue, rng: np.random.Generator, vessels: int | None = None) -> NormalEnhancement:
    """Random vessels and membranes for one head.

    Parameters
    ----------
    tissue
        Where brain, fluid and ventricles are.
    rng
        Source of chance.
    vessels
        Number of superficial vessels; 40 to 110 if None.
    """
    count = int(rng.integers(40, 111)) if vessels is None else vessels
    walker = _Walker(tissue, rng)
    surface = _points_where(np.abs(tissue.depth_mm) < 2.0, tissue, rng, count)
    tubes = [
        walker.walk(p, float(rng.uniform(10, 70)), float(rng.uniform(0.4, 1.2)), -1.0 if rng.random() < 0.75 else float(rng.uniform(4, 18)))
        for p in surface
    ]
    for p in _points_where(tissue.dark & (tissue.depth_mm > 2.0), tissue, rng, count // 2):
        tubes.append(walker.walk(p, float(rng.uniform(8, 40)), float(rng.uniform(0.5, 1.6)), None))
    for p in _points_where(tissue.ventricles, tissue, rng, int(rng.integers(3, 9)) if tissue.ventricles.any() else 0):
        tubes.append(walker.walk(p, float(rng.uniform(5, 25)), float(rng.uniform(0.9, 2.2)), None, field="ventricles"))
    tubes += _sinuses(tissue, rng)
    return NormalEnhancement(tuple(tubes), _membranes(tissue, rng))


class _Walker:
    """Random walks that follow the brain's surface, its sulci or its ventricles."""

    def __init__(self, tissue: Tissue, rng: np.random.Generator) -> None:
        self.rng = rng
        self.from_lps = np.linalg.inv(ijk_to_lps(tissue.reference))
        self.to_lps = ijk_to_lps(tissue.reference)
        self.depth = tissue.depth_mm
        self.slopes = {
            "depth": np.stack(np.gradient(ndimage.gaussian_filter(tissue.depth_mm, 1.5)), axis=-1)[..., ::-1],
            "sulci": np.stack(np.gradient(ndimage.gaussian_filter(tissue.dark.astype(np.float32), 1.2)), axis=-1)[..., ::-1],
            "ventricles": np.stack(np.gradient(ndimage.gaussian_filter(tissue.ventricles.astype(np.float32), 1.2)), axis=-1)[..., ::-1],
        }

    def _index(self, point: NDArray[np.floating]) -> tuple[int, int, int]:
        i, j, k = np.rint(self.from_lps[:3, :3] @ point + self.from_lps[:3, 3]).astype(int)
        shape = self.depth.shape
        return min(max(k, 0), shape[0] - 1), min(max(j, 0), shape[1] - 1), min(max(i, 0), shape[2] - 1)

    def walk(self, start: NDArray[np.floating], length_mm: float, radius_mm: float, depth_mm: float | None, field: str = "sulci") -> Tube:
        """One tube; it keeps to a depth, or climbs in `field` where `depth_mm` is None."""
        rng, point = self.rng, start.astype(float)
        direction = rng.normal(size=3)
        points = [point]
        for _ in range(int(length_mm / STEP_MM)):
            at = self._index(point)
            if depth_mm is None:
                pull = self.slopes[field][at] * 6.0
            else:
                slope = self.slopes["depth"][at]
                slope = slope / max(float(np.linalg.norm(slope)), 1e-3)
                pull = slope * np.clip((depth_mm - self.depth[at]) / 3.0, -1.5, 1.5)
                direction = direction - slope * float(direction @ slope) * 0.6
            direction = 0.9 * direction / max(float(np.linalg.norm(direction)), 1e-6) + 0.28 * rng.normal(size=3) + 0.35 * pull
            direction /= max(float(np.linalg.norm(direction)), 1e-6)
            point = point + STEP_MM * direction
            points.append(point)
        n = len(points)
        taper = np.linspace(1.0, float(rng.uniform(0.4, 1.0)), n)
        pulse = 1 + 0.25 * np.interp(np.arange(n), np.linspace(0, n - 1, 6), rng.normal(size=6))
        return Tube(np.array(points), np.maximum(radius_mm * taper * pulse, 0.25), float(rng.uniform(0.6, 1.0)))


def _points_where(mask: NDArray[np.bool_], tissue: Tissue, rng: np.random.Generator, count: int) -> NDArray[np.floating]:
    places = np.argwhere(mask)
    if not count or not len(places):
        return np.zeros((0, 3))
    chosen = places[rng.integers(0, len(places), count)][:, ::-1] + rng.uniform(-0.5, 0.5, (count, 3))
    matrix = ijk_to_lps(tissue.reference)
    return np.asarray(chosen @ matrix[:3, :3].T + matrix[:3, 3])


def _rim(
    tissue: Tissue, angles: NDArray[np.floating], plane: str, origin: NDArray[np.floating], outwards_mm: float
) -> NDArray[np.floating]:
    """Points just outside the hull along rays from `origin` (k, j, i) in the sagittal or axial plane; LPS mm."""
    radii = np.arange(0, 130 / SPACING_MM, 0.5)
    points = []
    for angle in angles:
        a, b = np.cos(angle), np.sin(angle)
        ray = np.array([b, a, 0.0]) if plane == "sagittal" else np.array([0.0, a, b])
        track = np.rint(origin + radii[:, None] * ray).astype(int)
        ok = np.all((track >= 0) & (track < tissue.hull.shape), axis=1)
        hits = np.flatnonzero(ok & tissue.hull[tuple(np.clip(track, 0, np.array(tissue.hull.shape) - 1).T)])
        if len(hits):
            points.append((origin + (radii[hits[-1]] + outwards_mm / SPACING_MM) * ray)[::-1])
    matrix = ijk_to_lps(tissue.reference)
    return np.asarray(points).reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def _sinuses(tissue: Tissue, rng: np.random.Generator) -> list[Tube]:
    """Superior sagittal, transverse and straight sinus, roughly (LPS: j grows to the back, k to the head)."""
    centre = np.array(ndimage.center_of_mass(tissue.hull))
    tubes = []
    sagittal = _rim(tissue, np.radians(np.linspace(165, -12, 90)), "sagittal", centre, 2.0)
    if len(sagittal) > 10:
        tubes.append(_smooth_tube(sagittal, np.linspace(0.8, float(rng.uniform(2.5, 4.5)), len(sagittal)), rng))
    low = centre - np.array([12 / SPACING_MM, 0, 0])
    for side in (-1, 1):
        transverse = _rim(tissue, np.radians(np.linspace(0, side * 70, 45)), "axial", low, 1.0)
        if len(transverse) > 10:
            transverse[:, 2] -= np.linspace(0, float(rng.uniform(2, 14)), len(transverse)) + float(rng.uniform(-4, 4))
            tubes.append(_smooth_tube(transverse, np.full(len(transverse), float(rng.uniform(1.0, 4.0))), rng))
    if rng.random() < 0.8 and len(sagittal) > 10:
        matrix = ijk_to_lps(tissue.reference)
        inner = matrix[:3, :3] @ (centre + np.array([2.0, 14.0, 0.0]))[::-1] + matrix[:3, 3]
        line = np.linspace(sagittal[-1], inner, 40) + rng.normal(size=3)
        tubes.append(_smooth_tube(line, np.full(40, float(rng.uniform(0.8, 2.2))), rng))
    return tubes


def _smooth_tube(points: NDArray[np.floating], radius: NDArray[np.floating], rng: np.random.Generator) -> Tube:
    smooth = ndimage.gaussian_filter1d(points, 3.0, axis=0, mode="nearest")
    step = np.linalg.norm(np.diff(smooth, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(step)])
    samples = np.arange(0, along[-1], STEP_MM)
    fine = np.stack([np.interp(samples, along, smooth[:, n]) for n in range(3)], axis=-1)
    return Tube(fine, np.interp(samples, along, radius), float(rng.uniform(0.7, 1.0)))


def _membranes(tissue: Tissue, rng: np.random.Generator) -> sitk.Image:
    """Dura in patches, falx and mucosa."""
    patchy = ndimage.gaussian_filter(rng.normal(size=tissue.hull.shape), 6.0)
    patchy = np.clip(patchy / max(float(patchy.std()), 1e-9) * 0.5 + float(rng.uniform(-0.2, 0.7)), 0, 1)
    off = -float(rng.uniform(1.5, 4.0))
    dura = np.exp(-(((tissue.depth_mm - off) / 0.9) ** 2)) * tissue.head
    middle = ndimage.center_of_mass(tissue.hull)[2]
    falx = np.exp(-(((np.arange(tissue.hull.shape[2]) - middle) * SPACING_MM / 0.9) ** 2))[None, None, :]
    falx = falx * (tissue.dark & (tissue.depth_mm < 30)) * float(rng.uniform(0, 0.8))
    mucosa = ndimage.gaussian_filter(tissue.mucosa.astype(np.float32), 0.7) * float(rng.uniform(0.2, 1.0))
    share = np.maximum(np.maximum(dura * patchy * float(rng.uniform(0.1, 0.9)), falx * patchy), mucosa)
    return image_like(np.clip(share, 0, 1).astype(np.float32), tissue.reference)


def tube_share(tubes: tuple[Tube, ...], grid: Grid) -> NDArray[np.float32]:
    """Share of each voxel [k, j, i] (0 to 1, times its strength) that vessels fill."""
    share = np.zeros(grid.shape, np.float32)
    inverse = np.linalg.inv(grid.to_lps)
    voxel = grid.voxel_mm3 ** (1 / 3)
    metric = grid.to_lps[:3, :3]
    for tube in tubes:
        centres = tube.points_mm @ inverse[:3, :3].T + inverse[:3, 3]
        for centre, radius in zip(centres, tube.radius_mm, strict=True):
            half = (radius + voxel) * np.linalg.norm(inverse[:3, :3], axis=1)
            low = np.maximum(np.ceil(centre - half), 0).astype(int)
            high = np.minimum(np.floor(centre + half) + 1, grid.shape[::-1]).astype(int)
            if np.any(high <= low):
                continue
            i, j, k = (np.arange(a, b) - c for a, b, c in zip(low, high, centre, strict=True))
            offset = i[None, None, :, None] * metric[:, 0] + j[None, :, None, None] * metric[:, 1] + k[:, None, None, None] * metric[:, 2]
            distance = np.sqrt(np.einsum("kjix,kjix->kji", offset, offset))
            # A tube thinner than a voxel fills only part of it.
            filled = np.clip(0.5 - (distance - radius) / voxel, 0, min(1.0, 0.35 + np.pi * radius**2 / voxel**2))
            view = share[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
            np.maximum(view, (filled * tube.strength).astype(np.float32), out=view)
    return share
