"""Balls and ellipsoids with known truth on grids of every kind."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from BrainMetsAILib.images.geometry import image_from_ijk_to_ras

Matrix = NDArray[np.float64]


def grid(columns: Matrix, centre_ras: tuple[float, float, float], reach_mm: float) -> tuple[tuple[int, int, int], Matrix]:
    """Shape [k, j, i] and IJK-to-RAS matrix of a grid with these step vectors (columns i, j, k) around a point."""
    spacing = np.linalg.norm(columns, axis=0)
    size = np.ceil(2 * reach_mm / spacing).astype(int) + 3
    matrix = np.eye(4)
    matrix[:3, :3] = columns
    matrix[:3, 3] = np.array(centre_ras) - columns @ ((size - 1) / 2.0 + np.array([0.13, -0.21, 0.3]))
    return (int(size[2]), int(size[1]), int(size[0])), matrix


def turned(degrees: tuple[float, float, float]) -> Matrix:
    """Rotation about x, y, z by degrees."""
    return np.asarray(Rotation.from_euler("xyz", degrees, degrees=True).as_matrix())


GRIDS: dict[str, Matrix] = {
    "isotropic": np.diag([1.0, 1.0, 1.0]),
    "fine": np.diag([0.4, 0.4, 0.4]),
    "anisotropic": np.diag([0.5, 0.5, 3.0]),
    "LPS order": np.diag([-0.8, -0.9, 1.5]),
    "left-handed": np.diag([-0.8, 0.9, 1.5]),
    "oblique": turned((12.0, -7.0, 20.0)) @ np.diag([0.7, 0.7, 1.2]),
    "oblique left-handed": turned((-9.0, 14.0, -30.0)) @ np.diag([0.7, -0.9, 1.2]),
    "sagittal": np.array([[0.0, 0.0, 1.2], [0.8, 0.0, 0.0], [0.0, -0.8, 0.0]]),
    "coronal": np.array([[-0.8, 0.0, 0.0], [0.0, 0.0, 1.2], [0.0, -0.8, 0.0]]),
}


def positions_ras(shape: tuple[int, ...], matrix: Matrix) -> Matrix:
    """RAS mm of every voxel's centre: (k, j, i, 3)."""
    k, j, i = np.indices(shape)
    return np.asarray(np.stack([i, j, k], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3])


def ball(shape: tuple[int, ...], matrix: Matrix, centre_ras: tuple[float, float, float], radius_mm: float) -> NDArray[np.bool_]:
    """Voxels whose centres lie in a ball."""
    return np.asarray(((positions_ras(shape, matrix) - np.array(centre_ras)) ** 2).sum(axis=-1) <= radius_mm**2)


def ellipsoid(
    shape: tuple[int, ...], matrix: Matrix, centre_ras: tuple[float, float, float], half_axes_mm: tuple[float, float, float], axes: Matrix
) -> NDArray[np.bool_]:
    """Voxels whose centres lie in an ellipsoid whose half-axes point along the columns of ``axes``."""
    along = (positions_ras(shape, matrix) - np.array(centre_ras)) @ axes / np.array(half_axes_mm)
    return np.asarray((along**2).sum(axis=-1) <= 1.0)


def label_image(balls: dict[int, tuple[tuple[float, float, float], float]], matrix: Matrix, shape: tuple[int, int, int]) -> sitk.Image:
    """uint16 labels: number → (centre RAS, radius mm); a later ball covers an earlier one."""
    values = np.zeros(shape, dtype=np.uint16)
    spacing_ijk = np.linalg.norm(matrix[:3, :3], axis=0)
    for number, (centre, radius) in balls.items():
        middle = (np.linalg.inv(matrix) @ [*centre, 1.0])[:3]
        low = np.maximum(np.floor(middle - radius / spacing_ijk), 0).astype(int)[::-1]
        high = (np.ceil(middle + radius / spacing_ijk) + 1).astype(int)[::-1]
        box = values[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        placed = matrix.copy()
        placed[:3, 3] += matrix[:3, :3] @ low[::-1]
        box[ball(box.shape, placed, centre, radius)] = number
    return image_from_ijk_to_ras(values, matrix)
