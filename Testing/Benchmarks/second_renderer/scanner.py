"""What coils and electronics add: unevenness, blur, noise; and brain extraction."""

import numpy as np
from scipy import ndimage

from Benchmarks.second_renderer.head import Head, Mask, Values, smooth_field


def scan(signal: Values, head: Head, rng: np.random.Generator) -> Values:
    """Intensities as a scanner writes them, [k, j, i], not negative; noise of white matter is 2 to 6 % of its signal."""
    spacing = head.spacing_kji
    blurred = ndimage.gaussian_filter(signal, float(rng.uniform(0.35, 0.6)) / np.maximum(spacing, 0.6))
    coils = _coils(head, rng)
    noise = float(rng.uniform(0.022, 0.055) if head.sequence.black_blood else rng.uniform(0.018, 0.045))
    sd = noise / np.sqrt(max(float(np.prod(spacing)), 0.5)) / np.sqrt(coils)
    uneven = np.maximum(blurred, 0) * coils
    real = uneven + sd * rng.standard_normal(signal.shape, dtype=np.float32)
    return np.asarray(np.hypot(real, sd * rng.standard_normal(signal.shape, dtype=np.float32)) * float(rng.uniform(250, 900)), np.float32)


def extracted(values: Values, head: Head, rng: np.random.Generator) -> Values:
    """Without skull: cut a little outside the hull, a little unevenly, and exactly 0 elsewhere."""
    margin = float(rng.uniform(0.3, 1.2)) + 0.5 * smooth_field(values.shape, 12.0, head.spacing_kji, rng)
    keep: Mask = head.depth_mm > -margin
    parts, count = ndimage.label(keep)
    if count > 1:
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        keep = parts == int(sizes.argmax())
    return np.asarray(np.where(ndimage.binary_fill_holes(keep), values, 0.0), np.float32)


def _coils(head: Head, rng: np.random.Generator) -> Values:
    """Sensitivity of eight receivers around the head, most of it corrected by the scanner; the mean over the brain is 1."""
    shape, spacing = head.signal.shape, head.spacing_kji
    middle = 0.5 * np.array(shape) * spacing
    points = [(np.arange(n, dtype=np.float32) * s) for n, s in zip(shape, spacing, strict=True)]
    total = np.zeros(shape, np.float32)
    start = float(rng.uniform(0, 2 * np.pi))
    for number in range(8):
        angle = start + 2 * np.pi * number / 8
        place = middle + np.array([float(rng.uniform(-30, 60)), 125 * np.cos(angle), 115 * np.sin(angle)])
        k, j, i = ((p - c) ** 2 for p, c in zip(points, place, strict=True))
        total += float(rng.uniform(0.7, 1.3)) / (1.0 + (k[:, None, None] + j[None, :, None] + i[None, None, :]) / 80.0**2) ** 2
    total /= float(total[head.hull].mean())
    return np.asarray(total ** float(rng.uniform(0.1, 0.6)), np.float32)
