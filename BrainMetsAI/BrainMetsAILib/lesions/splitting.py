"""One lesion into parts: by a plane, or around points."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.lesions.grid import Mask, Matrix, to_ras
from BrainMetsAILib.lesions.refusal import EditRefused

Vector = NDArray[np.float64]
Parts = NDArray[np.uint8]

_NEAR_MM = 3.0  # a click beside the lesion is taken for one on its edge
_OUTSIDE = 0.05  # how much slower than at its edge the way is outside the lesion: only for pieces that hang together nowhere


@dataclass(frozen=True)
class Plane:
    """A plane in the patient: a point on it (RAS mm) and its normal."""

    point: Vector
    normal: Vector


def plane_across_longest_axis(lesion: Mask, ijk_to_ras: Matrix) -> Plane:
    """The plane at right angles to the lesion's longest axis, through the middle between its two ends."""
    points = to_ras(np.argwhere(lesion).astype(float), ijk_to_ras)
    centred = points - points.mean(axis=0)
    axis = np.linalg.svd(centred, full_matrices=False)[2][0] if len(points) > 1 else np.array([0.0, 0.0, 1.0])
    along = centred @ axis
    return Plane(points.mean(axis=0) + axis * (along.min() + along.max()) / 2, axis)


def plane_through_line(first: Vector, second: Vector, view_normal: Vector) -> Plane:
    """The plane through a line that was drawn on a slice, at right angles to that slice.

    Raises
    ------
    EditRefused
        If the two points are one.
    """
    normal = np.cross(np.asarray(second) - first, view_normal)
    length = float(np.linalg.norm(normal))
    if length < 1e-6:
        raise EditRefused("The two points lie on top of each other; click two different ones.")
    return Plane(np.asarray(first, dtype=float), normal / length)


def split_by_plane(lesion: Mask, ijk_to_ras: Matrix, plane: Plane) -> Parts:
    """Part 1 on one side of the plane, part 2 on the other, 0 outside the lesion.

    Raises
    ------
    EditRefused
        If all of the lesion is on one side.
    """
    places = np.argwhere(lesion)
    beyond = (to_ras(places.astype(float), ijk_to_ras) - plane.point) @ plane.normal > 0
    if beyond.all() or not beyond.any():
        raise EditRefused("The plane does not cut the lesion; draw the line across it.")
    parts = np.zeros(lesion.shape, np.uint8)
    parts[tuple(places.T)] = 1 + beyond
    return parts


def split_around_points(lesion: Mask, points_kji: NDArray[np.float64], spacing_mm: tuple[float, float, float]) -> Parts:
    """Each voxel of the lesion to the point that is nearest on a way inside the lesion; narrow ways are long, so parts meet at necks.

    Parameters
    ----------
    lesion
        Boolean [k, j, i].
    points_kji
        (n, 3) places in the array, two or more.
    spacing_mm
        Of the axes k, j, i.

    Raises
    ------
    EditRefused
        If there are fewer than two points, one is not on the lesion, or two fall on one voxel.
    """
    if len(points_kji) < 2:
        raise EditRefused("Splitting needs two points or more; click one in each part.")
    padded = np.pad(lesion, 1)
    places = np.argwhere(padded)
    seeds = []
    for point in np.asarray(points_kji) + 1:
        away = np.linalg.norm((places - point) * spacing_mm, axis=1)
        if away.min() > _NEAR_MM:
            raise EditRefused("A point lies outside the lesion; click all points inside it.")
        seeds.append(places[int(np.argmin(away))])
    if len({tuple(seed) for seed in seeds}) < len(seeds):
        raise EditRefused("Two points lie on the same place; click one in each part.")
    depth = ndimage.distance_transform_edt(padded, sampling=spacing_mm)
    speed = sitk.GetImageFromArray(np.where(padded, depth, _OUTSIDE * min(spacing_mm)))
    speed.SetSpacing([float(step) for step in reversed(spacing_mm)])
    arrivals = [sitk.GetArrayFromImage(sitk.FastMarching(speed, [[int(at) for at in reversed(seed)]])) for seed in seeds]
    parts = np.where(padded, 1 + np.argmin(arrivals, axis=0), 0).astype(np.uint8)
    return parts[1:-1, 1:-1, 1:-1]
