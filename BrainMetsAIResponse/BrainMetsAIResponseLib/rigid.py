"""Rigid transforms as matrices, in SimpleITK's frame (LPS) and in Slicer's (RAS)."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

_LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def lps_matrix(transform: sitk.Transform) -> Matrix:
    """(4, 4) matrix of a linear transform of points, LPS mm."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    for axis, unit in enumerate(np.eye(3)):
        matrix[:3, axis] = np.array(transform.TransformPoint(unit.tolist())) - origin
    matrix[:3, 3] = origin
    return matrix


def ras_matrix(transform: sitk.Transform) -> Matrix:
    """(4, 4) matrix of a linear transform of points, RAS mm, as Slicer's transform nodes hold it."""
    return _LPS_RAS @ lps_matrix(transform) @ _LPS_RAS


def transform_from_lps(matrix: Matrix) -> sitk.Transform:
    """SimpleITK transform from a rigid (4, 4) matrix of points, LPS mm.

    Raises
    ------
    ValueError
        If the matrix is not rigid: it scales, shears or mirrors by more than a ten-thousandth.
    """
    rotation = np.asarray(matrix, dtype=float)[:3, :3]
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-4) or np.linalg.det(rotation) < 0:
        raise ValueError(f"A registration between examinations must be rigid, this matrix is not: {np.asarray(matrix).tolist()}")
    left, _, right = np.linalg.svd(rotation)
    rigid = sitk.Euler3DTransform()
    rigid.SetMatrix((left @ right).ravel().tolist(), 1e-6)
    rigid.SetTranslation(np.asarray(matrix, dtype=float)[:3, 3].tolist())
    return rigid


def transform_from_ras(matrix: Matrix) -> sitk.Transform:
    """SimpleITK transform from a rigid (4, 4) matrix of points, RAS mm."""
    return transform_from_lps(_LPS_RAS @ np.asarray(matrix, dtype=float) @ _LPS_RAS)


def rotation_degrees(transform: sitk.Transform) -> float:
    """Angle of a rigid transform about its axis, degrees from 0 to 180."""
    trace = float(np.trace(lps_matrix(transform)[:3, :3]))
    return float(np.degrees(np.arccos(np.clip((trace - 1.0) / 2.0, -1.0, 1.0))))
