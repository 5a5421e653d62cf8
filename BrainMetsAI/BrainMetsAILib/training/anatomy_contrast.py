"""Random contrasts for the anatomy network's heads: what each tissue looks like, and what a contrast agent does to it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch.nn import functional

from BrainMetsAILib.lesions.anatomy_regions import FIRST_OF_BRAIN, FIRST_OF_TISSUE, Region
from BrainMetsAILib.training.backgrounds import FIRST_EXTRACEREBRAL, FLUID, WHITE

ANY_CONTRAST_SHARE = 0.3
ENHANCED_SHARE = 0.5
# FreeSurfer's numbers of the right that do not lie a fixed step from those of the left; both sides always look alike.
_LEFT_OF = {number: number - 39 for number in (41, 42, 43, 44, 46, 47, 49, 50, 51, 52)} | {53: 17, 54: 18, 57: 25, 58: 26}
_LEFT_OF |= {60: 28, 62: 30, 163: 136, 164: 137}
_PLEXUS, _FLUID = (136, 137), (*FLUID, 72)


def smooth_noise(shape: Sequence[int], points: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A smooth random field of SD about 1, [k, j, i], between `points`³ random nodes."""
    nodes = torch.from_numpy(rng.normal(0, 1, (1, 1, points, points, points)).astype(np.float32))
    field = functional.interpolate(nodes, tuple(shape), mode="trilinear", align_corners=True)[0, 0].numpy()
    return np.asarray(field / max(float(field.std()), 1e-6), np.float32)


@dataclass(frozen=True)
class Levels:
    """Intensities of one head.

    Attributes
    ----------
    means
        Of each compact label; empty for a real volume.
    fluid, white
        Of dark fluid and of white matter.
    """

    means: NDArray[np.float32]
    fluid: float
    white: float

    def texture(self, regions: NDArray[np.uint8], array: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float32]:
        """Unevenness within tissues: fine grain, and broad shades that differ inside and outside the brain."""
        fine = rng.normal(0, 1, array.shape).astype(np.float32)
        size = float(rng.uniform(0.0, 1.5))
        if size > 0.4:
            fine = ndimage.gaussian_filter(fine, size)
            fine /= max(float(fine.std()), 1e-6)
        broad = smooth_noise(array.shape, int(rng.integers(6, 16)), rng)
        brain = regions >= FIRST_OF_BRAIN
        strength = np.where(brain, np.float32(rng.uniform(0.0, 0.06)), np.float32(rng.uniform(0.0, 0.15)))
        tissue = regions > Region.BACKGROUND
        return np.asarray(tissue * strength * (fine + broad * np.where(brain, 0.5, 1.5)) * max(self.white, 0.3), np.float32)

    def enhanced(self, array: NDArray[np.float32], regions: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
        """Vessels in the sulci, dura and choroid plexus brightened, half of the time."""
        if rng.random() > ENHANCED_SHARE:
            return array
        unit = max(self.white - self.fluid, 0.2 * self.white)
        brain = regions >= FIRST_OF_BRAIN
        edge = ndimage.binary_dilation(brain, iterations=2) & ~ndimage.binary_erosion(brain)
        speckle = ndimage.gaussian_filter(rng.normal(0, 1, array.shape).astype(np.float32), 0.7)
        speckle /= max(float(speckle.std()), 1e-6)
        vessels = ((regions == Region.FLUID) | edge) & (speckle > rng.uniform(1.0, 2.2))
        dura = edge & ~brain & (smooth_noise(array.shape, 12, rng) > rng.uniform(0.0, 2.0))
        plexus = (regions == Region.CHOROID_PLEXUS) & (speckle > rng.uniform(-2.0, 0.5))
        level = self.fluid + np.float32(rng.uniform(0.8, 2.3)) * unit
        bright = ndimage.gaussian_filter((vessels | dura | plexus).astype(np.float32), 0.4)
        return np.maximum(array, array + bright * (level - array))


def rendered_levels(label_ids: Sequence[int], rng: np.random.Generator) -> Levels:
    """Means of every label: mostly like a T1, else anything; left and right alike."""
    ids = np.array([_LEFT_OF.get(number, number) for number in label_ids])
    means = np.zeros(len(ids), np.float32)
    anything = rng.random() < ANY_CONTRAST_SHARE
    fluid, grey = float(rng.uniform(0.03, 0.4)), float(rng.uniform(0.5, 0.95))
    outside = float(rng.choice([1.0, 0.5]))
    for number in np.unique(ids):
        if number == 0:
            mean = float(rng.uniform(0.0, 0.04))
        elif number >= FIRST_EXTRACEREBRAL:
            mean = float(rng.uniform(0.01, 1.5)) * outside
        elif anything:
            mean = float(rng.uniform(0.02, 1.2))
        elif number in _PLEXUS:
            mean = float(rng.uniform(fluid, grey))
        elif number in WHITE:
            mean = 1.0 + float(rng.normal(0, 0.04))
        elif number in _FLUID:
            mean = fluid * float(rng.uniform(0.85, 1.15))
        elif number == 25:
            mean = float(rng.uniform(grey, 1.0))
        else:
            mean = grey + float(rng.normal(0, 0.06))
        means[ids == number] = mean
    white = float(np.max(means[np.isin(ids, (2, 3))], initial=0.3)) if anything else 1.0
    return Levels(means, min(fluid, 0.5 * white), white)


def real_levels(array: NDArray[np.float32], regions: NDArray[np.uint8]) -> Levels:
    """Rough levels of a real volume from its own regions."""
    tissue, fluid = array[regions >= FIRST_OF_TISSUE], array[regions == Region.VENTRICLES]
    white = float(np.percentile(tissue, 80)) if tissue.size else max(float(array.max()), 1e-3)
    return Levels(np.zeros(0, np.float32), float(np.median(fluid)) if fluid.size > 20 else 0.3 * white, max(white, 1e-3))
