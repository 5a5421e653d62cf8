"""The metastasis network over a whole head at every resolution that its bundle names, joined into one pair of maps."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray

from BrainMetsAILib.images.geometry import array_of, image_like
from BrainMetsAILib.images.head import head_mask
from BrainMetsAILib.images.resampling import resample_like, resample_to_spacing
from BrainMetsAILib.models.brain_region import brain_or_head
from BrainMetsAILib.models.large_lesions import LARGE_MM, Maps, around_large_lesions, with_large_lesions
from BrainMetsAILib.models.lesion_search import search
from BrainMetsAILib.models.settings import RunSettings

COARSE_DONE, BETWEEN_DONE = 0.08, 0.14  # shares of the whole search
LARGE = "large lesions, "
SHARPENED_MM = 0.5 * LARGE_MM
"""Least diameter of what the searches in between have left of a lesion that the coarse search saw large: sharper, it is smaller."""


@dataclass(frozen=True)
class ScaleSearch:
    """A network and the head that it searches.

    Attributes
    ----------
    oriented
        The image in `settings.ORIENTATION`.
    brain
        The brain, on any grid; None where it is not known.
    near_brain
        Where a metastasis can be, on any grid; None for the whole head.
    network, settings, device
        What to search with.
    report
        Called before each window with a share from 0 to 1, never falling, and what is done; it may raise to stop.
    """

    oriented: sitk.Image
    brain: sitk.Image | None
    near_brain: sitk.Image | None
    network: torch.nn.Module
    settings: RunSettings
    device: torch.device
    report: Callable[[float, str], None]

    def maps(self, working: sitk.Image, head: sitk.Image) -> Maps:
        """Probability of enhancing and of necrosis on the working grid, float32 [k, j, i], from all searches.

        Parameters
        ----------
        working
            `oriented` at `settings.spacing_mm`.
        head
            The head in it, on its grid.
        """
        if not self.settings.coarse_spacing_mm:
            return self._searched(working, head, self.near_brain, "", 0.0, 1.0)
        inside = None if self.brain is None else brain_or_head(self.brain, head)
        threshold, spacing = self.settings.voxel_threshold, self.settings.spacing_mm
        large = self._at(self.settings.coarse_spacing_mm, working, self.near_brain, 0.0, COARSE_DONE)
        least_mm = LARGE_MM
        if self.settings.between_spacings_mm:
            around = around_large_lesions(large, threshold, spacing, inside)
            if around.any():
                large, least_mm = self._sharpened(working, large, around), SHARPENED_MM
        fine = self._searched(working, head, self.near_brain, "", BETWEEN_DONE, 1.0)
        return with_large_lesions(fine, large, threshold, spacing, inside, least_mm)

    def _sharpened(self, working: sitk.Image, coarse: Maps, around: NDArray[np.bool_]) -> Maps:
        """The coarse maps, there alone where large lesions lie, with outline and tissue from the mean with the searches in between.

        Where that mean says lesion it is as sure as the coarse search was: a finer one that does not survey the whole is no doubt about it.
        """
        where, spacings = image_like(around.astype(np.uint8), working), self.settings.between_spacings_mm
        step, share = (BETWEEN_DONE - COARSE_DONE) / len(spacings), np.float32(1 / (len(spacings) + 1))
        means = (coarse[0] * around * share, coarse[1] * around * share)
        for number, spacing in enumerate(spacings):
            since = COARSE_DONE + number * step
            for mean, part in zip(means, self._at(spacing, working, where, since, since + step), strict=True):
                mean[around] += part[around] * share
        likely, coarsely = means[0] + means[1], coarse[0] + coarse[1]
        surer = (likely >= np.float32(self.settings.voxel_threshold)) & (coarsely > likely)
        for mean in means:
            mean[surer] *= coarsely[surer] / likely[surer]
        return means

    def _at(self, spacing_mm: float, working: sitk.Image, where: sitk.Image | None, since: float, until: float) -> Maps:
        """What a search at that resolution finds, on the working grid."""
        grid = resample_to_spacing(self.oriented, spacing_mm, smooth=True)
        found = self._searched(grid, head_mask(grid), where, LARGE, since, until)
        enhancing, necrosis = (array_of(on_grid_of(working, part, grid)) for part in found)
        return enhancing, necrosis

    def _searched(self, grid: sitk.Image, head: sitk.Image, where: sitk.Image | None, what: str, since: float, until: float) -> Maps:
        def begin(number: int, count: int) -> None:
            self.report(since + (until - since) * (number - 1) / count, f"{what}window {number} of {count}")

        return search(grid, head, where, self.brain, self.network, self.settings, self.device, begin)


def on_grid_of(image: sitk.Image, array: NDArray[np.float32], grid: sitk.Image) -> sitk.Image:
    """A map [k, j, i] of one grid on an image's grid, by linear interpolation."""
    return resample_like(image_like(array, grid), image, None, sitk.sitkLinear, 0.0)
