"""Small facts about a lesion's grid: crops, axial slices, voxel volume."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Matrix = NDArray[np.float64]

_SUPERIOR = 2
_TIE = 1e-6


class Crop(NamedTuple):
    """A box cut out of an array, with the matrix that places the box in the patient."""

    slices: tuple[slice, slice, slice]
    ijk_to_ras: Matrix


def bounding_crop(inside: Mask, ijk_to_ras: Matrix) -> Crop:
    """Smallest box around the mask.

    Parameters
    ----------
    inside
        Boolean array [k, j, i] with at least one voxel set.
    ijk_to_ras
        (4, 4) matrix of the whole array, voxel (i, j, k) to RAS mm.

    Raises
    ------
    ValueError
        If the mask is empty.
    """
    slices = []
    for axis in range(3):
        hit = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        if len(hit) == 0:
            raise ValueError("The lesion's mask is empty; there is nothing to measure.")
        slices.append(slice(int(hit[0]), int(hit[-1]) + 1))
    box = (slices[0], slices[1], slices[2])
    return Crop(box, cropped_matrix(ijk_to_ras, box))


def cropped_matrix(ijk_to_ras: Matrix, slices: tuple[slice, slice, slice]) -> Matrix:
    """Matrix of the box ``array[slices]`` (slices in the order k, j, i) from the matrix of the whole array."""
    first_kji = [part.start or 0 for part in slices]
    moved = np.array(ijk_to_ras, dtype=float)
    moved[:3, 3] += moved[:3, :3] @ np.array(first_kji[::-1], dtype=float)
    return moved


def axial_axis(ijk_to_ras: Matrix) -> int:
    """Array axis (0 = k, 1 = j, 2 = i) along which axial slices are stacked.

    It is the axis whose direction in the patient is closest to superior-inferior, so that a volume acquired in sagittal or
    coronal slices is still measured on (reformatted) axial ones; an oblique acquisition keeps its own tilted slices. Where
    two axes are equally close, k is preferred to j and j to i: slices are stacked along k in what scanners write.
    """
    steps = np.asarray(ijk_to_ras, dtype=float)[:3, :3]
    upward = np.abs(steps[_SUPERIOR]) / np.linalg.norm(steps, axis=0)
    by_array_axis = upward[::-1]
    return int(np.flatnonzero(by_array_axis >= by_array_axis.max() - _TIE)[0])


def voxel_ml(ijk_to_ras: Matrix) -> float:
    """Volume of one voxel in mL; right for oblique, sheared and left-handed grids too."""
    return float(abs(np.linalg.det(np.asarray(ijk_to_ras, dtype=float)[:3, :3]))) / 1000.0


def to_ras(kji: NDArray[np.floating], ijk_to_ras: Matrix) -> NDArray[np.float64]:
    """Points (n, 3) in array order [k, j, i] (fractions allowed) to RAS mm."""
    matrix = np.asarray(ijk_to_ras, dtype=float)
    moved: NDArray[np.float64] = np.asarray(kji, dtype=float)[:, ::-1] @ matrix[:3, :3].T + matrix[:3, 3]
    return moved
