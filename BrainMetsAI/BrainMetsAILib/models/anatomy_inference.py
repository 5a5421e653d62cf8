"""Regions of one image by the bundled anatomy network."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of, image_like
from BrainMetsAILib.images.head import head_mask, with_dark_background
from BrainMetsAILib.images.normalisation import normalise_intensity
from BrainMetsAILib.images.resampling import block_average, resample_to_spacing
from BrainMetsAILib.lesions.anatomy_regions import FIRST_OF_BRAIN, FIRST_OF_TISSUE, Region
from BrainMetsAILib.models.anatomy import Anatomy, judged
from BrainMetsAILib.models.anatomy_network import AnatomyUNet
from BrainMetsAILib.models.bundles import Bundle, BundleError, check_weights
from BrainMetsAILib.models.devices import choose_device
from BrainMetsAILib.models.finding import Cancelled
from BrainMetsAILib.models.settings import ORIENTATION
from BrainMetsAILib.models.sliding_windows import Box, padded_box
from BrainMetsAILib.models.window_search import kept_network, mean_over_windows, window_probabilities

REGION_NAMES = tuple(region.name.lower() for region in Region)
MARGIN_VOXELS = 2
PREPARED = 0.2
TRIM_SHARE = 0.12
"""A window of 224 mm from front to back and 192 mm from side to side holds any brain; a head with nose and ears may be a little larger."""
WHOLE_BRAIN_ML = 500.0
"""From so much brain that has ended above, what lies below is neck."""


@dataclass(frozen=True)
class AnatomySettings:
    """How the network is run: its widths, grid (mm), window (voxels [k, j, i]) and what neighbouring windows share."""

    widths: tuple[int, ...]
    spacing_mm: float = 2.0
    patch: tuple[int, int, int] = (96, 112, 96)
    overlap: float = 0.25


def anatomy_settings(bundle: Bundle) -> AnatomySettings:
    """Settings of an anatomy bundle.

    Raises
    ------
    BundleError
        Where they are incomplete or the network's classes are not the regions of this version.
    """
    content = bundle.settings
    try:
        network = content["network"]
        widths = tuple(int(width) for width in network["widths"])
        k, j, i = (int(size) for size in content.get("patch", AnatomySettings.patch))
        spacing, overlap = (
            float(content.get("spacing_mm", AnatomySettings.spacing_mm)),
            float(content.get("overlap", AnatomySettings.overlap)),
        )
        divisor = 2 ** len(widths)
        if min(k, j, i) < divisor or k % divisor or j % divisor or i % divisor:
            raise ValueError(f"the patch {k}, {j}, {i} is not divisible by {divisor}")
        if not (0.5 <= spacing <= 5.0 and 0.0 <= overlap < 1.0):
            raise ValueError("spacing or overlap are out of range")
        if tuple(network["classes"]) != REGION_NAMES:
            raise ValueError("its classes are not this version's regions")
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"The settings of the network {bundle.name} cannot be used ({error}); reinstall the extension.") from error
    return AnatomySettings(widths, spacing, (k, j, i), overlap)


def find_anatomy(
    image: sitk.Image,
    bundle: Bundle,
    device: str = "auto",
    progress: Callable[[float, str], None] = lambda fraction, message: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Anatomy:
    """Regions of the brain in one T1 or contrast-enhanced T1.

    Parameters
    ----------
    image
        Any orientation and spacing, skull on or off.
    bundle
        The anatomy network.
    device
        As in `inference.find_lesions`.
    progress
        Called with a share from 0 to 1, never falling, and what is being done.
    cancelled
        Asked before each window.

    Returns
    -------
    Anatomy
        On a grid of the network's spacing over the image's field of view, in the image's physical space (axes permuted and flipped to
        LPS, not turned). An image without any head is no error: it says so.

    Raises
    ------
    Cancelled
        If `cancelled` said so.
    FindingError, BundleError
        With a sentence for a person.
    """
    began = time.monotonic()
    settings = anatomy_settings(bundle)
    place = choose_device(device)
    progress(0.0, "preparing the image")
    oriented = sitk.DICOMOrient(with_dark_background(sitk.Cast(image, sitk.sitkFloat32)), ORIENTATION)
    # Fine grids are averaged first: smoothing half a billion voxels for a grid of 2 mm would take longer than the network.
    working = resample_to_spacing(block_average(oriented, settings.spacing_mm / 2), settings.spacing_mm, smooth=True)
    tissue = head_mask(working)
    head = array_of(tissue).astype(bool)
    if not head.any():
        empty = image_like(np.zeros(head.shape, np.uint8), working)
        return Anatomy(empty, 0.0, False, "There is no head in this image (all its voxels are alike): give an MR that shows the brain.")
    _stop_if(cancelled)
    network = load_anatomy_network(bundle, settings, place)
    progress(PREPARED, "finding the brain")
    shares = _shares(array_of(working), head, network, settings, place, progress, cancelled)
    found = regions_of_shares(shares)
    progress(1.0, f"found the brain in {time.monotonic() - began:.1f} s")
    return judged(image_like(found, working), tissue)


def load_anatomy_network(bundle: Bundle, settings: AnatomySettings, device: torch.device) -> torch.nn.Module:
    """The network on a device, ready to run; kept, so that a warm worker loads it once."""
    check_weights(bundle)
    return kept_network(bundle, device, lambda: AnatomyUNet(settings.widths, len(Region)))


def _shares(
    array: NDArray[np.float32],
    head: NDArray[np.bool_],
    network: torch.nn.Module,
    settings: AnatomySettings,
    device: torch.device,
    progress: Callable[[float, str], None],
    cancelled: Callable[[], bool],
) -> NDArray[np.float32]:
    """Probability of each region (classes, k, j, i) on the working grid; background where no window lies."""
    box = _trimmed(padded_box(head, MARGIN_VOXELS), settings.patch)

    def begin(number: int, count: int) -> None:
        _stop_if(cancelled)
        progress(PREPARED + (1 - PREPARED) * (number - 1) / count, f"finding the brain, window {number} of {count}")

    # Below the brain there is only neck, which need not be looked at.
    means = mean_over_windows(
        normalise_intensity(array, head)[box],
        head[box],
        settings.patch,
        settings.overlap,
        len(Region),
        lambda window: window_probabilities(network, window, device),
        begin,
        lambda sums, total, slice_: _brain_has_ended(sums, total, slice_, settings),
    )
    found = np.zeros((len(Region), *array.shape), np.float32)
    found[Region.BACKGROUND], found[Region.HEAD] = ~head, head
    found[(slice(None), *box)][:, means.seen] = means.values[:, means.seen]
    return found


def _trimmed(box: Box, patch: Sequence[int]) -> Box:
    """The box [k, j, i] cut to one window from side to side and from front to back where it is a little larger: ears and nose."""
    k, *others = box
    cut = []
    for extent, size in zip(others, patch[1:], strict=True):
        over = extent.stop - extent.start - size
        keep = 0 < over <= TRIM_SHARE * size
        cut.append(slice(extent.start + over // 2, extent.start + over // 2 + size) if keep else extent)
    return k, cut[0], cut[1]


def _brain_has_ended(sums: torch.Tensor, total: torch.Tensor, lowest: int, settings: AnatomySettings) -> bool:
    """Whether the windows from this slice up show a brain that does not reach down to it."""
    shown = slice(lowest, None)
    brain = sums[FIRST_OF_BRAIN:, shown].sum(dim=0) > 0.5 * total[shown].clamp(min=1e-6)
    enough = float(brain.sum()) * settings.spacing_mm**3 / 1000.0 >= WHOLE_BRAIN_ML
    return enough and not bool(brain[: max(1, settings.patch[0] // 8)].any())


def regions_of_shares(shares: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The regions [k, j, i] of probabilities (classes, k, j, i): one connected brain without holes.

    Whether a voxel is brain is asked before which part of it: at borders of several lobes the brain would lose against one outside.
    """
    brain = shares[FIRST_OF_BRAIN:].sum(axis=0) > 0.5
    pieces, count = ndimage.label(brain)
    if count > 1:
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        brain = pieces == sizes.argmax()
    filled = ndimage.binary_fill_holes(brain)
    part = shares[FIRST_OF_BRAIN:].argmax(axis=0).astype(np.uint8) + np.uint8(FIRST_OF_BRAIN)
    outside = shares[:FIRST_OF_BRAIN].argmax(axis=0).astype(np.uint8)
    found = np.where(brain, part, outside)
    holes = filled & ~brain
    if holes.any():
        tissue = (found >= FIRST_OF_TISSUE) & brain
        where = ndimage.distance_transform_edt(~tissue, return_distances=False, return_indices=True)
        found = np.where(holes, found[tuple(where)], found)
    return np.asarray(found, np.uint8)


def _stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Cancelled
