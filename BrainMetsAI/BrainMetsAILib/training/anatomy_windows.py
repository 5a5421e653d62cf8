"""Random training windows of the anatomy network: a whole head at 2 mm with random shape, contrast, disease and coverage.

The idea is SynthSeg's (Billot et al., Med Image Anal 2023;86:102789, doi:10.1016/j.media.2023.102789): a network that has seen label
maps in every contrast needs no images of the scanner it will meet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch.nn import functional

from BrainMetsAILib.images.normalisation import normalise_intensity
from BrainMetsAILib.lesions.anatomy_regions import FIRST_OF_BRAIN, FIRST_OF_TISSUE, Region, mirrored
from BrainMetsAILib.synthesis.acquisition import acquire, in_slices
from BrainMetsAILib.synthesis.lesion_sampling import draw_lesion
from BrainMetsAILib.synthesis.rendering import render_lesions
from BrainMetsAILib.synthesis.shapes import Grid
from BrainMetsAILib.training.anatomy_contrast import real_levels, rendered_levels, smooth_noise
from BrainMetsAILib.training.anatomy_labels import AnatomyHead

WINDOW = (96, 112, 96)
SPACING_MM = 2.0
# Four points of each voxel, a quarter of it from its middle in every direction: their mean is its partial volume.
_CORNERS = 0.5 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
MIRROR = np.array([mirrored(region) for region in Region], np.uint8)
NO_HEAD_SHARE = 0.04


@dataclass(frozen=True)
class Choices:
    """How often each thing happens to a window; tests set some to 0 or 1."""

    no_head: float = NO_HEAD_SHARE
    far: float = 0.2
    mirror: float = 0.5
    strip: float = 0.4
    deface: float = 0.15
    cut: float = 0.25
    thick: float = 0.4
    disease: float = 0.6


def draw_window(
    heads: Sequence[AnatomyHead],
    weights: NDArray[np.floating],
    rng: np.random.Generator,
    choices: Choices | None = None,
    window: tuple[int, int, int] = WINDOW,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """One window at 2 mm, LPS axes.

    Returns
    -------
    tuple of ndarray
        Normalised intensities float32 [k, j, i], and `Region` uint8 [k, j, i].
    """
    how = choices or Choices()
    if rng.random() < how.no_head:
        return _no_head(window, rng)
    head = heads[int(rng.choice(len(heads), p=weights))]
    places = _places(head, window, rng, how)
    regions = _taken(head.regions, places)
    if head.labels is not None:
        levels = rendered_levels(head.label_ids, rng)
        array = np.mean([levels.means[_taken(head.labels, places + corner[:, None, None, None])] for corner in _CORNERS], axis=0)
        array = array.astype(np.float32) + levels.texture(regions, array, rng)
    else:
        assert head.array is not None
        array = np.mean([_taken(head.array, places + corner[:, None, None, None]) for corner in _CORNERS], axis=0).astype(np.float32)
        levels = real_levels(array, regions)
    array = np.maximum(levels.enhanced(array, regions, rng), 0)
    if rng.random() < how.disease:
        _draw_disease(array, regions, levels.fluid, levels.white, rng)
    array = _thick(array, rng) if rng.random() < how.thick else array
    array = acquire(array, levels.white, rng, float(rng.uniform(0.0, 0.06)), float(rng.choice([0.0, rng.uniform(0.2, 0.9)])), _bias(rng))
    if rng.random() < 0.3:
        array = np.float32(array.max()) * (array / max(float(array.max()), 1e-6)) ** np.float32(rng.uniform(0.7, 1.4))
    if not head.stripped and rng.random() < how.strip:
        array, regions = _stripped(array, regions, rng)
    elif not head.stripped and rng.random() < how.deface:
        array, regions = _defaced(array, regions, rng)
    if rng.random() < how.cut:
        array, regions = _cut(array, regions, rng)
    if rng.random() < how.mirror:
        array, regions = array[:, :, ::-1], MIRROR[regions[:, :, ::-1]]
    return _normalised(array, regions > Region.BACKGROUND, rng), np.ascontiguousarray(regions)


def _places(head: AnatomyHead, window: tuple[int, int, int], rng: np.random.Generator, how: Choices) -> NDArray[np.float32]:
    """Where each voxel of the window lies in the head's voxels, (3, k, j, i): turn, scale, shear, and a smooth deformation."""
    inside = np.argwhere(head.regions[::4, ::4, ::4] >= FIRST_OF_TISSUE) * 4
    centre = (inside.min(axis=0) + inside.max(axis=0)) / 2
    centre = centre + (rng.uniform(-90, 90, 3) if rng.random() < how.far else rng.normal(0, 9, 3))
    angles = np.radians(rng.normal(0, 9 if rng.random() < 0.85 else 22, 3))
    matrix = SPACING_MM * _turn(angles) @ (np.diag(np.exp(rng.normal(0, 0.03, 3)) / rng.uniform(0.85, 1.17)) + rng.normal(0, 0.025, (3, 3)))
    axes = [np.arange(n, dtype=np.float32) - (n - 1) / 2 for n in window]
    grid = np.stack(np.meshgrid(*axes, indexing="ij")).reshape(3, -1)
    places = (matrix.astype(np.float32) @ grid + centre.astype(np.float32)[:, None]).reshape(3, *window)
    for points, strength_mm in ((5, rng.uniform(0, 5)), (10, rng.uniform(0, 2.5))):
        nodes = torch.from_numpy(rng.normal(0, strength_mm, (1, 3, points, points, points)).astype(np.float32))
        places += functional.interpolate(nodes, window, mode="trilinear", align_corners=True)[0].numpy()
    return places


def _turn(angles: NDArray[np.floating]) -> NDArray[np.floating]:
    (sa, sb, sc), (ca, cb, cc) = np.sin(angles), np.cos(angles)
    x = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    y = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    z = np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]])
    return np.asarray(x @ y @ z)


def _taken(volume: NDArray[Any], places: NDArray[np.floating]) -> NDArray[Any]:
    """The nearest voxel of each place; 0 outside the volume."""
    index = np.rint(places).astype(np.int32)
    outside = np.zeros(index.shape[1:], bool)
    flat = np.zeros(index.shape[1:], np.int32)
    for axis, size in enumerate(volume.shape):
        outside |= (index[axis] < 0) | (index[axis] >= size)
        flat = flat * size + np.clip(index[axis], 0, size - 1)
    found = volume.reshape(-1)[flat]
    found[outside] = 0
    return found


def _draw_disease(array: NDArray[np.float32], regions: NDArray[np.uint8], fluid: float, white: float, rng: np.random.Generator) -> None:
    """Tumours, swellings and cavities where the brain is; the regions under them stay what they were."""
    brain = np.argwhere(regions >= FIRST_OF_TISSUE)
    if not len(brain):
        return
    lesions = []
    for _ in range(int(rng.integers(1, 7))):
        k, j, i = brain[int(rng.integers(len(brain)))] * SPACING_MM
        size = float(rng.uniform(4, 25) if rng.random() < 0.75 else rng.uniform(25, 55))
        lesions.append(draw_lesion(rng, (float(i), float(j), float(k)), size))
    where = regions >= FIRST_OF_BRAIN
    render_lesions(array, Grid(array.shape, np.diag([SPACING_MM] * 3 + [1.0])), lesions, fluid, white, rng, 1, where)
    for _ in range(int(rng.random() < 0.3)):  # a cavity, filled with fluid
        centre = brain[int(rng.integers(len(brain)))]
        half = rng.uniform(4, 14, 3)
        apart = [((np.arange(n) - c) / h) ** 2 for n, c, h in zip(array.shape, centre, half, strict=True)]
        hole = (apart[0][:, None, None] + apart[1][None, :, None] + apart[2][None, None, :] < 1) & where
        array[hole] = fluid + rng.normal(0, 0.02 * white, int(hole.sum()))
    np.maximum(array, 0, out=array)


def _thick(array: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Thick slices along one axis, averaged and interpolated back: 2.5 to 7 mm."""
    axis, step = int(rng.integers(3)), float(rng.uniform(2.5, 7.0)) / SPACING_MM
    return in_slices(array, axis, step, float(rng.uniform(0, step)))


def _bias(rng: np.random.Generator) -> float:
    return float(rng.uniform(0, 0.4))


def _stripped(
    array: NDArray[np.float32], regions: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Brain extraction: exact, too wide, smoothed, without the outer fluid, or too tight."""
    way = rng.random()
    kept = regions >= FIRST_OF_BRAIN
    if way < 0.4:
        kept = ndimage.binary_dilation(kept, iterations=int(rng.integers(1, 3)))
    elif way < 0.55:
        kept = ndimage.binary_opening(kept, iterations=2)
    elif way < 0.7:
        kept = ndimage.binary_closing(regions >= FIRST_OF_TISSUE)
    elif way < 0.8:
        kept = ndimage.binary_erosion(kept)
    # A fluid that was cut away still lies within the brain's outline; brain that was cut away is gone.
    gone = ~kept & (regions != Region.FLUID)
    return array * kept, np.where(gone, np.uint8(Region.BACKGROUND), regions)


def _defaced(
    array: NDArray[np.float32], regions: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """The face cut off by an oblique plane before and below the brain."""
    brain = np.argwhere(regions[::2, ::2, ::2] >= FIRST_OF_TISSUE) * 2
    if not len(brain):
        return array, regions
    normal = np.array([-1.0, -rng.uniform(0.3, 2.5), rng.normal(0, 0.05)])  # down and forward in (k, j, i)
    reach = float((brain @ normal).max()) + float(rng.uniform(1, 8))
    k, j, i = (np.arange(n) * a for n, a in zip(array.shape, normal, strict=True))
    gone = (k[:, None, None] + j[None, :, None] + i[None, None, :] > reach) & (regions < FIRST_OF_TISSUE)
    return np.where(gone, np.float32(0), array), np.where(gone, np.uint8(Region.BACKGROUND), regions)


def _cut(array: NDArray[np.float32], regions: NDArray[np.uint8], rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """A field of view that ends inside the head at one to three faces."""
    shown = np.ones(array.shape, bool)
    for _ in range(int(rng.integers(1, 4))):
        axis = int(rng.choice(3, p=[0.6, 0.2, 0.2]))
        depth = int(rng.uniform(0.08, 0.5) * array.shape[axis])
        lost = slice(0, depth) if rng.random() < 0.5 else slice(array.shape[axis] - depth, None)
        shown[(slice(None),) * axis + (lost,)] = False
    if (regions[shown] > 0).mean() < 0.05:
        return array, regions
    return array * shown, np.where(shown, regions, np.uint8(Region.BACKGROUND))


def _no_head(window: tuple[int, int, int], rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Smooth random bodies in random contrasts: whatever they are, they are no brain."""
    axes = [np.linspace(-1, 1, n, dtype=np.float32) for n in window]
    k, j, i = np.meshgrid(*axes, indexing="ij", sparse=True)
    a, b, c = rng.uniform(0.4, 1.3, 3)
    body = np.sqrt((k / a) ** 2 + (j / b) ** 2 + (i / c) ** 2) + 0.25 * smooth_noise(window, int(rng.integers(4, 12)), rng) < 1
    inner = sum(smooth_noise(window, int(rng.integers(4, 24)), rng) for _ in range(2))
    steps = np.digitize(inner, np.sort(rng.normal(0, 1.2, int(rng.integers(1, 8)))))
    array = rng.uniform(0.05, 1.3, 9)[steps].astype(np.float32) * body
    array = acquire(array, 1.0, rng, float(rng.uniform(0.0, 0.1)), float(rng.uniform(0.3, 1.2)), _bias(rng))
    return _normalised(array, body, rng), np.where(body, np.uint8(Region.HEAD), np.uint8(Region.BACKGROUND))


def _normalised(array: NDArray[np.float32], head: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float32]:
    """As in use, where the outline of the head is rougher than the labels know it."""
    if rng.random() < 0.5:
        head = head | ndimage.binary_dilation(head, iterations=2)
    scaled = normalise_intensity(array, head) if head.any() else array
    return np.ascontiguousarray(scaled * np.float32(rng.uniform(0.85, 1.18)) + np.float32(rng.normal(0, 0.07)))
