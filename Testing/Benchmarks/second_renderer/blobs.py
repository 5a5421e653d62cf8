"""Shapes of lesions: metaballs roughened by a smooth random field, cut so that the volume is the wanted one; on a fine grid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from Benchmarks.second_renderer.head import Mask, Values, smooth_field
from Benchmarks.second_renderer.vessel_tree import FINE


@dataclass(frozen=True)
class Blob:
    """A lesion's shape in a box of the image.

    Attributes
    ----------
    box
        Slices of the image, [k, j, i].
    whole, core
        On the grid four times finer than the box: the lesion, and what of it does not enhance.
    """

    box: tuple[slice, slice, slice]
    whole: Mask
    core: Mask


def grow_blob(
    centre: NDArray[np.floating], diameter_mm: float, shape: tuple[int, ...], spacing_kji: NDArray[np.floating], rng: np.random.Generator
) -> Blob:
    """A solid blob with the volume of a sphere of that diameter.

    Parameters
    ----------
    centre
        Voxels (k, j, i), any fraction.
    diameter_mm
        Of the sphere.
    shape, spacing_kji
        Of the image.
    rng
        Source of chance.
    """
    reach = (0.95 * diameter_mm + 0.8) / spacing_kji
    low = np.maximum(np.floor(centre - reach).astype(int), 0)
    high = np.minimum(np.ceil(centre + reach).astype(int) + 1, np.array(shape))
    box = (slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2])))
    fine = spacing_kji / FINE
    points = [
        ((np.arange(FINE * (b - a)) + 0.5) / FINE - 0.5 + a - c) * s for a, b, c, s in zip(low, high, centre, spacing_kji, strict=True)
    ]
    k, j, i = (axis.astype(np.float32) for axis in points)
    size = (len(k), len(j), len(i))
    field = np.zeros(size, np.float32)
    balls = 1 + int(rng.integers(0, 2)) if diameter_mm < 4 else int(rng.integers(2, 7))
    for number in range(balls):
        offset = (rng.normal(0, 0.2, 3) if number else np.zeros(3)) * diameter_mm
        stretch = np.exp(rng.normal(0, 0.13, 3))
        radius = diameter_mm * float(rng.uniform(0.24, 0.42))
        square = ((k - offset[0]) / stretch[0])[:, None, None] ** 2
        square = square + ((j - offset[1]) / stretch[1])[None, :, None] ** 2 + ((i - offset[2]) / stretch[2])[None, None, :] ** 2
        field += (1.0 / (1.0 + square / radius**2) ** 2).astype(np.float32)
    field *= 1.0 + float(rng.uniform(0.05, 0.2)) * smooth_field(size, max(0.3 * diameter_mm, 0.8), fine, rng)
    wanted = round(np.pi / 6 * diameter_mm**3 / float(np.prod(fine)))
    away = k[:, None, None] ** 2 + j[None, :, None] ** 2 + i[None, None, :] ** 2
    field[away > (0.95 * diameter_mm) ** 2] = -1.0
    whole = _one_piece(field, max(wanted, 1))
    return Blob(box, whole, np.zeros_like(whole))


def hollow(blob: Blob, share: float, least_rim_mm: float, spacing_kji: NDArray[np.floating], rng: np.random.Generator) -> Blob:
    """The blob with a core that does not enhance: about `share` of its volume, uneven, never nearer to the surface than the rim."""
    fine = spacing_kji / FINE
    depth = ndimage.distance_transform_edt(np.pad(blob.whole, 1), sampling=fine)[1:-1, 1:-1, 1:-1]
    deepest = float(depth.max())
    if deepest <= least_rim_mm:
        return blob
    uneven = depth + 0.18 * deepest * smooth_field(depth.shape, max(0.9 * deepest, 0.8), fine, rng)
    allowed = depth > least_rim_mm
    wanted = min(int(share * np.count_nonzero(blob.whole)), int(np.count_nonzero(allowed)))
    if wanted < 1:
        return blob
    level = np.partition(uneven[allowed], -wanted)[-wanted]
    return Blob(blob.box, blob.whole, allowed & (uneven >= level))


def block_mean(fine: NDArray[np.generic]) -> Values:
    """Mean over blocks of the fine grid: what a voxel of the image holds."""
    a, b, c = (n // FINE for n in fine.shape)
    return np.asarray(fine.reshape(a, FINE, b, FINE, c, FINE).mean(axis=(1, 3, 5), dtype=np.float32))


def to_fine(mask: Mask) -> Mask:
    """A mask of the image on the fine grid."""
    return np.asarray(mask.repeat(FINE, 0).repeat(FINE, 1).repeat(FINE, 2))


def _one_piece(field: Values, wanted: int) -> Mask:
    """The largest piece of the highest voxels; more of them are taken until the piece is large enough."""
    count = wanted
    for _ in range(4):
        count = min(count, field.size - 1)
        mask = field >= np.partition(field.ravel(), -count)[-count]
        parts, number = ndimage.label(mask)
        if number > 1:
            sizes = np.bincount(parts.ravel())
            sizes[0] = 0
            mask = parts == int(sizes.argmax())
        have = int(np.count_nonzero(mask))
        if have >= 0.95 * wanted:
            break
        count = int(count * wanted / max(have, 1))
    return np.asarray(mask)
