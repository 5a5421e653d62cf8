"""What enhances in every head besides vessels: dura, falx, choroid plexus, pituitary gland, cavernous sinus, mucosa."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from Benchmarks.second_renderer import physics
from Benchmarks.second_renderer.head import Head, Mask, Values, smooth_field


def paint_membranes(signal: Values, head: Head, rng: np.random.Generator) -> None:
    """Draw them into `signal`, in place."""
    spacing = head.spacing_kji
    depth = head.depth_mm
    patchy = np.clip(0.45 + 0.4 * smooth_field(signal.shape, 16.0, spacing, rng), 0, 1)
    thickness = float(rng.uniform(0.55, 0.9))
    dura = np.exp(-(((depth + 0.9) / thickness) ** 2)) * float(rng.uniform(0.15, 0.6)) * patchy
    falx = _falx(head, depth) * float(rng.uniform(0.15, 0.55)) * patchy
    _mix(signal, np.maximum(dura, falx), float(head.sequence.signal(physics.DURA, rng.uniform(0.4, 0.9))))
    lumps = smooth_field(signal.shape, 3.0, spacing, rng) - float(rng.uniform(-0.6, 0.3))
    plexus = np.clip(0.5 + 1.4 * lumps, 0, 1) * ndimage.gaussian_filter(head.plexus.astype(np.float32), 0.5)
    _mix(signal, plexus * float(rng.uniform(0.6, 1.0)), float(head.sequence.signal(physics.PLEXUS, rng.uniform(0.35, 0.9))))
    mucosa = ndimage.gaussian_filter(head.mucosa.astype(np.float32), 0.5) * np.clip(
        0.5 + 0.5 * smooth_field(signal.shape, 5.0, spacing, rng), 0, 1
    )
    _mix(signal, mucosa, float(head.sequence.signal(physics.MUCOSA, rng.uniform(0.3, 0.7))))
    if head.gland_mm is not None:
        _paint_gland(signal, head, head.gland_mm, rng)


def midline(hull: Mask) -> NDArray[np.float64]:
    """Plane between the hemispheres: i = a + b k + c j, from the hull's width row by row."""
    k, j = np.nonzero(hull.any(axis=2))
    chosen = slice(None, None, 17)
    k, j = k[chosen], j[chosen]
    rows = hull[k, j]
    middle = 0.5 * (rows.argmax(axis=1) + rows.shape[1] - 1 - rows[:, ::-1].argmax(axis=1))
    terms = np.stack([np.ones(len(k)), k, j], axis=1)
    plane = np.linalg.lstsq(terms, middle, rcond=None)[0]
    near = np.abs(terms @ plane - middle) < 6.0
    return np.asarray(np.linalg.lstsq(terms[near], middle[near], rcond=None)[0])


def _falx(head: Head, depth: Values) -> Values:
    plane = midline(head.hull)
    k, j, i = (np.arange(n, dtype=np.float32) for n in head.hull.shape)
    away = (i[None, None, :] - (plane[0] + plane[1] * k[:, None, None] + plane[2] * j[None, :, None])) * head.spacing_kji[2]
    height = float(np.argwhere(head.ventricles)[:, 0].mean()) if head.ventricles.any() else 0.5 * head.hull.shape[0]
    sheet = np.exp(-((away / 0.8) ** 2)) * (head.fluid & ~head.ventricles & (depth < 32.0))
    sheet[: int(height)] = 0.0
    return np.asarray(sheet, np.float32)


def _paint_gland(signal: Values, head: Head, centre_mm: tuple[float, float, float], rng: np.random.Generator) -> None:
    """The gland and the sinuses beside it."""
    gland = float(head.sequence.signal(physics.MUCOSA, rng.uniform(0.4, 0.8)))
    slow = max(head.sequence.blood(), float(head.sequence.signal(physics.BLOOD, 0.25)) * (0.6 if head.sequence.black_blood else 1.0))
    parts = [((0.0, 0.0, 0.0), (5.5, 4.0, 3.2), 0.95, gland), ((0.0, 1.0, 6.0), (0.9, 0.9, 5.0), 0.8, gland)]
    parts += [((side * 11.0, 2.0, -1.0), (3.5, 8.0, 4.5), 0.55, slow) for side in (-1.0, 1.0)]
    for offset, radii, strength, level in parts:
        point = [c + o for c, o in zip(centre_mm, offset, strict=True)]
        centre = np.array(head.grid.TransformPhysicalPointToContinuousIndex(point))[::-1]
        reach = (np.array(radii[::-1]) + 2.0) / head.spacing_kji
        low = np.maximum(np.floor(centre - reach).astype(int), 0)
        high = np.minimum(np.ceil(centre + reach).astype(int) + 1, signal.shape)
        if np.any(high <= low):
            continue
        mesh = np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij")
        reduced = np.sqrt(sum(((m - c) * s / r) ** 2 for m, c, s, r in zip(mesh, centre, head.spacing_kji, radii[::-1], strict=True)))
        box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        share = np.clip((1.0 - reduced) * float(np.mean(radii)) + 0.5, 0, 1) * strength
        part = signal[box]
        _mix(part, share * ~head.brain[box], level)


def _mix(signal: Values, share: NDArray[np.floating], level: float) -> None:
    signal += (share * (level - signal)).astype(np.float32)
