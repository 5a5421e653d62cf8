"""The metastasis network over a whole head, at one resolution."""

from collections.abc import Callable

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of
from BrainMetsAILib.images.normalisation import BRAIN_PERCENTILES, HEAD_PERCENTILES, normalise_intensity
from BrainMetsAILib.images.resampling import resample_like
from BrainMetsAILib.models.brain_region import brain_or_head
from BrainMetsAILib.models.bundles import Bundle, check_weights
from BrainMetsAILib.models.large_lesions import Maps
from BrainMetsAILib.models.networks import build_network
from BrainMetsAILib.models.settings import BRAIN, RunSettings
from BrainMetsAILib.models.sliding_windows import padded_box
from BrainMetsAILib.models.window_search import kept_network, mean_over_windows, window_probabilities

HEAD_MARGIN_VOXELS = 2
SURROUNDINGS_VOXELS = 8  # of what is searched: enough that its edge is not the edge of what the network sees
LEFT_RIGHT = -1
SECOND_LOOK = 0.1
"""Probability of lesion from which a window is seen mirrored too. The mean with a view that saw less could hardly become a candidate."""


def load_network(bundle: Bundle, settings: RunSettings, device: torch.device) -> torch.nn.Module:
    """The bundle's network on a device, ready to run; kept, so that a warm worker loads it once."""
    check_weights(bundle)
    network = kept_network(bundle, device, lambda: build_network(settings.network))
    network.merge()  # does nothing the second time
    return network


def search(
    working: sitk.Image,
    head_image: sitk.Image,
    near_brain: sitk.Image | None,
    brain: sitk.Image | None,
    network: torch.nn.Module,
    settings: RunSettings,
    device: torch.device,
    begin: Callable[[int, int], None],
) -> Maps:
    """Probability of enhancing and of necrosis a voxel of the working grid, float32 [k, j, i]; 0 away from the head.

    Parameters
    ----------
    working
        The image in `settings.ORIENTATION`, at the resolution to search at.
    head_image
        The head in it, on its grid.
    near_brain
        Where a metastasis can be, on any grid: windows are laid over it, with a little of its surroundings. None for the whole head.
    brain
        The brain, on any grid, for a network that wants intensities normalised by it. None where it is not known: the head stands in.
    network, settings, device
        What to search with.
    begin
        Called before each window with its number from 1 and how many there are; it may raise to stop.
    """
    array, head = array_of(working), array_of(head_image).astype(bool)
    wanted = head if near_brain is None else head & _on_grid(near_brain, working)
    box = padded_box(wanted, SURROUNDINGS_VOXELS)
    by_brain = settings.normalised_by == BRAIN
    where, percentiles = (brain_or_head(brain, head_image), BRAIN_PERCENTILES) if by_brain else (head, HEAD_PERCENTILES)
    means = mean_over_windows(
        normalise_intensity(array, where, percentiles)[box],
        wanted[box],
        settings.patch,
        settings.overlap,
        2,
        lambda window: lesion_probability(network, window, device, settings.mirrored),
        begin,
    )
    near_head = ndimage.binary_dilation(head[box], iterations=HEAD_MARGIN_VOXELS)
    maps = []
    for values in means.values:
        found = np.zeros(array.shape, dtype=np.float32)
        found[box] = values * near_head
        maps.append(np.clip(found, 0.0, 1.0, out=found))
    return maps[0], maps[1]


def lesion_probability(network: torch.nn.Module, window: torch.Tensor, device: torch.device, mirrored: bool) -> torch.Tensor:
    """(2, k, j, i) on the CPU: probability of enhancing and of necrosis in one window, which is seen mirrored too where anything shows."""
    found = window_probabilities(network, window, device)[1:]
    if not mirrored or float(found.sum(dim=0).max()) < SECOND_LOOK:
        return found
    mirrored_view = window_probabilities(network, window.flip(LEFT_RIGHT), device)[1:]
    return (found + mirrored_view.flip(LEFT_RIGHT)) / 2


def _on_grid(mask: sitk.Image, grid: sitk.Image) -> NDArray[np.bool_]:
    """A mask on another image's grid [k, j, i]."""
    return array_of(resample_like(mask, grid, None, sitk.sitkNearestNeighbor)).astype(bool)
