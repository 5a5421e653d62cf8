"""The large veins of every head: sagittal, straight and transverse sinus, and the inner cerebral veins, from the hull's shape."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from Benchmarks.second_renderer.head import Mask
from Benchmarks.second_renderer.membranes import midline
from Benchmarks.second_renderer.vessel_tree import Branch

CONFLUENCE_DEGREES = -8.0
"""Direction from the hull's middle to the confluence of the sinuses: behind and a little below (0 is straight back, 90 up)."""
FRONT_DEGREES = 158.0


def large_veins(
    hull: Mask, ventricles: Mask, spacing_kji: NDArray[np.floating], rng: np.random.Generator, transverse: bool = True
) -> list[Branch]:
    """Tubes of the large veins, front to back.

    Parameters
    ----------
    hull, ventricles
        [k, j, i]; k to the top, j to the back.
    spacing_kji
        Voxel edges in mm.
    rng
        Source of chance: how wide they are, which side is the larger.
    transverse
        Whether the transverse sinuses are wanted: not where they are known better.
    """
    spacing = np.asarray(spacing_kji, float)
    plane = midline(hull)
    middle = np.array(ndimage.center_of_mass(hull))
    angles = np.radians(np.linspace(FRONT_DEGREES, CONFLUENCE_DEGREES, 120))
    rim = [_rim_point(hull, middle, plane, float(angle), spacing, float(rng.normal(0, 0.15))) for angle in angles]
    line = [point for point in rim if point is not None]
    if len(line) < 20:
        return []
    sagittal = np.array(line)
    widest = float(rng.uniform(2.6, 3.8))
    branches = [_tube(sagittal, np.linspace(0.8, widest, len(sagittal)), spacing)]
    confluence = sagittal[-1]
    deep = np.argwhere(ventricles).mean(axis=0) if ventricles.any() else middle
    galen = deep + np.array([-4.0, 24.0, 0.0]) / spacing
    galen[2] = plane @ (1.0, galen[0], galen[1])
    branches.append(_tube(np.linspace(galen, confluence, 12), np.linspace(1.6, 2.4, 12) * float(rng.uniform(0.8, 1.1)), spacing))
    for side in (-1.0, 1.0):
        front = galen + np.array([2.0, -26.0, side * 2.0]) / spacing
        branches.append(_tube(np.linspace(front, galen, 10), np.full(10, float(rng.uniform(0.7, 1.1))), spacing))
        if transverse:
            branches.append(_transverse(hull, confluence, middle, side, float(rng.uniform(1.2, 3.2)), spacing))
    return [branch for branch in branches if len(branch.points) > 1]


def tentorial_veins(
    hull: Mask, cerebellum: Mask, cerebrum: Mask, depth_mm: NDArray[np.floating], spacing_kji: NDArray[np.floating]
) -> Mask:
    """Transverse sinuses where they are: at the hull's surface, where cerebrum and cerebellum both come near."""
    if not cerebellum.any() or not cerebrum.any():
        return np.zeros_like(hull)
    near = [ndimage.distance_transform_edt(~mask, sampling=spacing_kji) < 6.5 for mask in (cerebellum, cerebrum)]
    places = near[0] & near[1] & (depth_mm < 1.5) & (depth_mm > -3.5)
    back = np.argwhere(cerebellum)[:, 1].mean()
    places[:, : int(back)] = False
    return np.asarray(places)


def _rim_point(
    hull: Mask, middle: NDArray[np.float64], plane: NDArray[np.float64], angle: float, spacing: NDArray[np.float64], wobble_mm: float
) -> NDArray[np.float64] | None:
    """Just outside the hull in the midplane; up is k, back is j."""
    steps = np.arange(10.0, 140.0, 0.5)
    k = middle[0] + steps * np.sin(angle) / spacing[0]
    j = middle[1] + steps * np.cos(angle) / spacing[1]
    i = plane[0] + plane[1] * k + plane[2] * j
    index = np.rint(np.stack([k, j, i], axis=1)).astype(int)
    inside = np.all((index >= 0) & (index < hull.shape), axis=1)
    index = np.clip(index, 0, np.array(hull.shape) - 1)
    # The fissure between the hemispheres may be open: look a little to both sides.
    hit = np.zeros(len(steps), bool)
    for shift in (-5, -3, 0, 3, 5):
        aside = np.clip(index[:, 2] + round(shift / spacing[2]), 0, hull.shape[2] - 1)
        hit |= inside & hull[index[:, 0], index[:, 1], aside]
    last = np.flatnonzero(hit)
    if not len(last):
        return None
    reach = steps[last[-1]] + 1.0
    point = middle[:2] + reach * np.array([np.sin(angle), np.cos(angle)]) / spacing[:2]
    return np.array([point[0], point[1], plane @ (1.0, point[0], point[1]) + wobble_mm / spacing[2]])


def _transverse(
    hull: Mask, confluence: NDArray[np.float64], middle: NDArray[np.float64], side: float, radius: float, spacing: NDArray[np.float64]
) -> Branch:
    """Along the hull's surface at the height of the confluence, to the side."""
    height = int(np.clip(round(float(confluence[0])), 0, hull.shape[0] - 1))
    section = hull[height]
    points = []
    for angle in np.radians(np.linspace(2.0, 68.0, 40)):
        steps = np.arange(10.0, 130.0, 0.5)
        j = middle[1] + steps * np.cos(angle) / spacing[1]
        i = middle[2] + side * steps * np.sin(angle) / spacing[2]
        index = np.rint(np.stack([j, i], axis=1)).astype(int)
        inside = np.all((index >= 0) & (index < section.shape), axis=1)
        index = np.clip(index, 0, np.array(section.shape) - 1)
        last = np.flatnonzero(inside & section[index[:, 0], index[:, 1]])
        if len(last):
            points.append(np.array([height, j[last[-1]], i[last[-1]]]))
    if len(points) < 5:
        return Branch(np.zeros((0, 3)), np.zeros(0), 1.0)
    return _tube(np.array(points), np.full(len(points), radius), spacing)


def _tube(line: NDArray[np.float64], radius: NDArray[np.float64], spacing: NDArray[np.float64]) -> Branch:
    smooth = ndimage.gaussian_filter1d(line, 2.0, axis=0, mode="nearest")
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(smooth, axis=0) * spacing, axis=1))])
    samples = np.arange(0.0, along[-1], 0.4)
    points = np.stack([np.interp(samples, along, smooth[:, axis]) for axis in range(3)], axis=1)
    return Branch(points, np.interp(samples, along, radius), 1.0)
