"""A head without lesions: its signal and where things are."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from Benchmarks.second_renderer.physics import PulseSequence

Mask = NDArray[np.bool_]
Values = NDArray[np.float32]


@dataclass(frozen=True)
class Head:
    """One head on one grid; arrays [k, j, i], LPS-like axes (i to the left, j to the back, k to the top).

    Attributes
    ----------
    grid
        An image whose grid this is.
    sequence
        What the signal was made for.
    signal
        White matter is 1.
    hull
        Brain with its fluid.
    brain, white, fluid, ventricles
        Tissues inside the hull; `fluid` is all dark fluid, ventricles included.
    blood_roots, arteries
        Sinuses into which veins flow; arteries at the base. Bright or void, depending on the sequence.
    plexus
        Where choroid plexus hangs.
    gland_mm
        LPS position of the pituitary gland, or None where unknown.
    mucosa
        Of the nose.
    """

    grid: sitk.Image
    sequence: PulseSequence
    signal: Values
    hull: Mask
    brain: Mask
    white: Mask
    fluid: Mask
    ventricles: Mask
    blood_roots: Mask
    arteries: Mask
    plexus: Mask
    gland_mm: tuple[float, float, float] | None
    mucosa: Mask

    @property
    def spacing_kji(self) -> NDArray[np.float64]:
        """Voxel edges in mm."""
        return np.array(self.grid.GetSpacing()[::-1], float)

    @cached_property
    def depth_mm(self) -> Values:
        """Distance to the hull's surface, positive inside, negative outside."""
        return signed_depth_mm(self.hull, self.spacing_kji)


def signed_depth_mm(mask: Mask, spacing_kji: NDArray[np.floating]) -> Values:
    """Distance to the surface of a mask in mm, positive inside, negative outside."""
    inside = ndimage.distance_transform_edt(mask, sampling=spacing_kji)
    return np.asarray(inside - ndimage.distance_transform_edt(~mask, sampling=spacing_kji), np.float32)


def smooth_field(shape: tuple[int, ...], scale_mm: float, spacing_kji: NDArray[np.floating], rng: np.random.Generator) -> Values:
    """Smooth random numbers of mean 0 and standard deviation 1 that vary over about `scale_mm`: a cubic B-spline of white noise."""
    weights = [_spline_weights(n, float(s) / scale_mm, float(rng.random())) for n, s in zip(shape, spacing_kji, strict=True)]
    nodes = rng.standard_normal([w.shape[1] for w in weights], dtype=np.float32)
    field = np.einsum("abc,kc->abk", nodes, weights[2], optimize=True)
    field = np.einsum("abk,jb->ajk", field, weights[1], optimize=True)
    field = np.tensordot(weights[0], field, axes=(1, 0))
    return np.asarray((field - field.mean()) / max(float(field.std()), 1e-9), np.float32)


def _spline_weights(count: int, step: float, start: float) -> Values:
    """Weights (count, nodes) of the cubic B-spline at `start`, `start` + `step`, …, in units of the distance between nodes."""
    places = start + step * np.arange(count)
    first = np.floor(places).astype(int)
    t = places - first
    weights = np.zeros((count, int(first[-1]) + 4), np.float32)
    for n, value in enumerate(((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)):
        weights[np.arange(count), first + n] = value / 6
    return weights
