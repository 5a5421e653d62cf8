"""Small pure functions between voxel indices, LPS (SimpleITK) and RAS (Slicer) millimetres.

Arrays are indexed ``[k, j, i]``; matrices act on column vectors ``(i, j, k, 1)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

Array = npt.NDArray[Any]

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def ijk_to_lps(image: sitk.Image) -> npt.NDArray[np.float64]:
    """4×4 matrix from voxel indices ``(i, j, k)`` to LPS millimetres."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def ijk_to_ras(image: sitk.Image) -> npt.NDArray[np.float64]:
    """4×4 matrix from voxel indices ``(i, j, k)`` to RAS millimetres, as Slicer's volume nodes hold it."""
    return np.asarray(_LPS_TO_RAS @ ijk_to_lps(image), dtype=np.float64)


def ras_to_ijk(image: sitk.Image) -> npt.NDArray[np.float64]:
    """4×4 matrix from RAS millimetres to (continuous) voxel indices ``(i, j, k)``."""
    return np.asarray(np.linalg.inv(ijk_to_ras(image)), dtype=np.float64)


def lps_to_ras(points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Points of shape ``(..., 3)`` from LPS to RAS millimetres, or back: the change is its own inverse."""
    return np.asarray(points, dtype=np.float64) * np.array([-1.0, -1.0, 1.0])


def voxel_volume_ml(image: sitk.Image) -> float:
    """Volume of one voxel in millilitres."""
    return float(np.prod(image.GetSpacing())) / 1000.0


def array_of(image: sitk.Image) -> Array:
    """Copy of the voxels, shape ``[k, j, i]``."""
    return sitk.GetArrayFromImage(image)


def image_like(array: Array, reference: sitk.Image) -> sitk.Image:
    """Image of an array ``[k, j, i]`` on the grid of ``reference``; booleans become uint8.

    Raises
    ------
    ValueError
        If the array's shape is not that of the grid.
    """
    expected = tuple(reversed(reference.GetSize()))
    if array.shape != expected:
        raise ValueError(f"array of shape {array.shape} does not fit a grid of shape {expected} [k, j, i]")
    image = sitk.GetImageFromArray(array.astype(np.uint8) if array.dtype == bool else array)
    image.CopyInformation(reference)
    return image


def image_from_ijk_to_ras(array: Array, matrix: npt.ArrayLike) -> sitk.Image:
    """Image of an array ``[k, j, i]`` placed by a 4×4 IJK-to-RAS matrix (RAS, mm).

    Oblique and left-handed matrices are kept as they are: ITK's direction may hold a reflection.

    Raises
    ------
    ValueError
        If the matrix is not finite, has a zero column, or is sheared (axes more than 0.1° from perpendicular): ITK holds no shear.
    """
    lps = _LPS_TO_RAS @ np.asarray(matrix, dtype=np.float64)
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    if not np.all(np.isfinite(lps)) or np.any(spacing <= 0):
        raise ValueError(f"not a usable IJK-to-RAS matrix: {np.asarray(matrix).tolist()}")
    direction = lps[:3, :3] / spacing
    shear = float(np.max(np.abs(direction.T @ direction - np.eye(3))))
    if shear > np.sin(np.radians(0.1)):
        raise ValueError(f"the axes of the IJK-to-RAS matrix are not perpendicular (cosine {shear:.3f}); resample the image first")
    image = sitk.GetImageFromArray(array.astype(np.uint8) if array.dtype == bool else array)
    image.SetSpacing(spacing.tolist())
    image.SetDirection(direction.flatten().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    return image


def nearest_voxels(labels: sitk.Image, image: sitk.Image) -> tuple[Array, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the voxels of labels lie in another image of any grid.

    Returns
    -------
    numbers : (n,)
        Value of each voxel of the labels that is not 0.
    places : (3, n)
        Nearest voxel [k, j, i] of the image, held in its grid.
    beyond : (n,)
        How many of the image's voxels the place lies outside its grid; 0 inside.
    """
    numbers = sitk.GetArrayViewFromImage(labels)
    k, j, i = np.nonzero(numbers)
    to_image = np.linalg.inv(ijk_to_lps(image)) @ ijk_to_lps(labels)
    at = np.rint(to_image[:3, :3] @ np.stack([i, j, k]) + to_image[:3, 3:]).astype(np.int64)
    held = np.clip(at, 0, np.array(image.GetSize())[:, None] - 1)
    return numbers[k, j, i], held[::-1], np.abs(at - held).max(axis=0, initial=0)


def same_grid(a: sitk.Image, b: sitk.Image, tolerance_mm: float = 1e-3) -> bool:
    """Whether two images have the same size and every corner voxel within ``tolerance_mm`` of the other's."""
    if a.GetSize() != b.GetSize():
        return False
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in a.GetSize()], [1])).reshape(4, -1)
    return bool(np.max(np.abs((ijk_to_lps(a) - ijk_to_lps(b)) @ corners)) <= tolerance_mm)


def slice_axis(image: sitk.Image) -> int:
    """Axis (0 = i, 1 = j, 2 = k) across the slices: the one with the widest spacing, k where all are alike (within 10 %)."""
    spacing = np.array(image.GetSpacing())
    return 2 if spacing[2] >= 0.9 * spacing.max() else int(np.argmax(spacing))
