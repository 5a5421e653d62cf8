"""Volumes, and how far they would move if the outline were half a voxel off."""

from dataclasses import dataclass

import numpy as np

from BrainMetsAILib.lesions.grid import Mask

_SHIFT_VOXELS = 0.5

# The 13 directions between neighbouring voxels and their weights in the Cauchy-Crofton integral on a cubic lattice
# (Legland, Kiêu and Devaux, Image Anal Stereol 2007, doi 10.5566/ias.v26.p83-92): each stands for a line and its reverse.
_AXES = ((0, 0, 1), (0, 1, 0), (1, 0, 0))
_FACE_DIAGONALS = ((0, 1, 1), (0, 1, -1), (1, 0, 1), (1, 0, -1), (1, 1, 0), (1, -1, 0))
_SPACE_DIAGONALS = ((1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1))
_DIRECTION_WEIGHTS = (
    *((step, 2 * 0.04577789120476) for step in _AXES),
    *((step, 2 * 0.03698062787608) for step in _FACE_DIAGONALS),
    *((step, 2 * 0.03519563978232) for step in _SPACE_DIAGONALS),
)


@dataclass(frozen=True)
class VolumeInterval:
    """A volume in mL with what it would be if the outline lay half a voxel further in (low) or out (high)."""

    volume_ml: float
    low_ml: float
    high_ml: float


def volume_interval(inside: Mask, voxel_ml: float) -> VolumeInterval:
    """Volume of a mask with the interval from half a voxel of boundary shift.

    The shift is half a voxel along each axis of the grid, so it is wider across thick slices. In voxel units a body of
    volume V and surface S has the mean radius r = 3 V / S, and moving its surface by d turns V into V (1 ± d / r)³: exact for
    spheres, close for ellipsoids, and wider for ragged or thin shapes, whose surface is larger. S comes from the
    Cauchy-Crofton formula and is never taken below that of a sphere of the same volume, which is the least there can be.

    Parameters
    ----------
    inside
        Boolean array [k, j, i]; what lies beyond it is outside.
    voxel_ml
        Volume of one voxel in mL.

    Returns
    -------
    VolumeInterval
        All zero for an empty mask; the lower bound is never negative.
    """
    voxels = int(np.count_nonzero(inside))
    if voxels == 0:
        return VolumeInterval(0.0, 0.0, 0.0)
    mean_radius = 3.0 * voxels / surface_in_voxels(inside)
    shift = _SHIFT_VOXELS / mean_radius
    volume = voxels * voxel_ml
    return VolumeInterval(volume, volume * max(0.0, 1.0 - shift) ** 3, volume * (1.0 + shift) ** 3)


def surface_in_voxels(inside: Mask) -> float:
    """Surface area of a mask on a grid of unit cubes (Cauchy-Crofton: four times its mean shadow)."""
    padded = np.pad(inside, 1)
    shadow = 0.0
    for step, weight in _DIRECTION_WEIGHTS:
        here = tuple(slice(max(0, -part), padded.shape[axis] - max(0, part)) for axis, part in enumerate(step))
        there = tuple(slice(max(0, part), padded.shape[axis] - max(0, -part)) for axis, part in enumerate(step))
        entries = int(np.count_nonzero(~padded[here] & padded[there]))
        shadow += weight * entries / float(np.linalg.norm(step))
    volume = float(np.count_nonzero(inside))
    return float(max(4.0 * shadow, (36.0 * np.pi * volume**2) ** (1.0 / 3.0)))
