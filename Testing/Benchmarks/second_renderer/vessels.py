"""Vessels of a head, bright or void."""

import numpy as np
from scipy import ndimage

from Benchmarks.second_renderer import physics
from Benchmarks.second_renderer.head import Head, Values, smooth_field
from Benchmarks.second_renderer.sinuses import large_veins
from Benchmarks.second_renderer.vessel_tree import Branch, filled_shares, grow_tree

SLOW_SHARE = (0.03, 0.1)
"""Of the veins that a black-blood sequence does not suppress."""


def paint_vessels(signal: Values, head: Head, rng: np.random.Generator) -> None:
    """Draw veins, arteries and medullary veins into `signal`, in place."""
    spacing, depth = head.spacing_kji, head.depth_mm
    large = large_veins(head.hull, head.ventricles, spacing, rng, transverse=not head.blood_roots.any())
    lumen = filled_shares(large, signal.shape, spacing)
    sinuses = np.maximum(lumen, ndimage.gaussian_filter(head.blood_roots.astype(np.float32), 0.45))
    roads = (head.fluid & ~head.ventricles & (depth < 30.0)) | (np.abs(depth) < 1.2)
    veins = grow_tree(roads, sinuses > 0.5, spacing, int(rng.integers(130, 240)), float(rng.uniform(0.38, 0.55)), 1.8, rng)
    cisterns = head.fluid & ~head.ventricles
    arteries = grow_tree(cisterns, head.arteries, spacing, int(rng.integers(35, 75)), float(rng.uniform(0.38, 0.5)), 1.7, rng, 170.0)
    walls = ndimage.binary_dilation(head.ventricles, iterations=2) & ~head.ventricles
    medullary = grow_tree(
        head.white | walls, head.ventricles, spacing, int(rng.integers(25, 60)), float(rng.uniform(0.16, 0.26)), 0.7, rng, 45.0
    )
    blood = head.sequence.blood()
    if not head.sequence.black_blood:
        _fill_sinuses(signal, sinuses, head, blood, rng)
        _mix(signal, filled_shares([*veins, *arteries, *medullary], signal.shape, spacing), blood)
        return
    slow_share = float(rng.uniform(*SLOW_SHARE))
    slow = [rng.random() < slow_share for _ in veins]
    void = [branch for branch, is_slow in zip(veins, slow, strict=True) if not is_slow]
    left = [_piece(branch, rng) for branch, is_slow in zip(veins, slow, strict=True) if is_slow]
    _fill_sinuses(signal, sinuses, head, blood, rng)
    _mix(signal, filled_shares([*void, *arteries], signal.shape, spacing), blood)
    bright = float(head.sequence.signal(physics.BLOOD, head.sequence.blood_mmol)) * float(rng.uniform(0.6, 1.0))
    if left:
        _mix(signal, filled_shares(left, signal.shape, spacing), bright)
    # Blood that lingers along the wall of a sinus stays bright.
    lingering = np.clip(smooth_field(signal.shape, 6.0, spacing, rng) - 1.2, 0, 1) * sinuses
    _mix(signal, lingering, bright)


def _fill_sinuses(signal: Values, share: Values, head: Head, blood: float, rng: np.random.Generator) -> None:
    """Flow makes the sinuses uneven."""
    flow = np.clip(0.85 + 0.12 * smooth_field(signal.shape, 15.0, head.spacing_kji, rng), 0.3, 1.1)
    signal += share * (blood * flow - signal)


def _piece(branch: Branch, rng: np.random.Generator) -> Branch:
    """A short stretch of a vein, up to 12 mm."""
    length = min(len(branch.points), int(rng.integers(8, 40)))
    start = int(rng.integers(0, len(branch.points) - length + 1))
    part = slice(start, start + length)
    return Branch(branch.points[part], np.maximum(branch.radius_mm[part], 0.5), 1.0)


def _mix(signal: Values, share: Values, level: float) -> None:
    signal += share * (level - signal)
