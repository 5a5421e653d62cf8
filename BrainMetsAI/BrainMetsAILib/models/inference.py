"""Finding metastases in one contrast-enhanced T1 image with a bundled network."""

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of, image_like
from BrainMetsAILib.images.head import head_mask
from BrainMetsAILib.images.normalisation import normalise_intensity
from BrainMetsAILib.images.resampling import resample_like, resample_to_spacing
from BrainMetsAILib.models.brain_region import LEAST_SHARE, brain_region, near_region, shares_inside
from BrainMetsAILib.models.bundles import Bundle, BundleError, check_weights
from BrainMetsAILib.models.finding import Cancelled, Finding, FindingError, Provenance, Removed
from BrainMetsAILib.models.networks import build_network
from BrainMetsAILib.models.postprocess import MOST_CANDIDATES, Candidates, candidates, separated
from BrainMetsAILib.models.settings import RunSettings, run_settings
from BrainMetsAILib.models.sliding_windows import gaussian_weights, padded_box, windows_over

HEAD_MARGIN_VOXELS = 2
SURROUNDINGS_VOXELS = 8  # of what is searched: enough that its edge is not the edge of what the network sees
PREPARED, SEARCHED = 0.08, 0.9  # shares of the progress bar
LEFT_RIGHT = -1
ORIENTATION = "LPS"
"""Axes of the arrays the network was trained on: i to the left, j to the back, k to the top."""

Maps = tuple[NDArray[np.float32], NDArray[np.float32]]


def find_lesions(
    image: sitk.Image,
    bundle: Bundle,
    device: str = "auto",
    threads: int | None = None,
    progress: Callable[[float, str], None] = lambda fraction, message: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Finding:
    """Find metastases.

    Parameters
    ----------
    image
        Contrast-enhanced T1 of a head or brain; any orientation and spacing. Whether it is suitable is asked elsewhere
        (`images/suitability.py`).
    bundle
        The network.
    device
        ``auto`` (CUDA, else Apple's MPS, else CPU), ``cpu``, ``cuda`` or ``mps``.
    threads
        Cores to use; None leaves what is set.
    progress
        Called with a share from 0 to 1, never falling, and what is being done.
    cancelled
        Asked before each window.

    Returns
    -------
    Finding
        On the image's own grid.

    Raises
    ------
    Cancelled
        If `cancelled` said so.
    FindingError, BundleError
        With a sentence for a person.

    Notes
    -----
    Axes are permuted and flipped to `ORIENTATION` without interpolation, so the same head stored in another orientation gives the same
    lesions; then resampled to the network's spacing, with smoothing along axes that become coarser. The maps come back by linear
    interpolation, and outlines are made from them in the image's own grid. Candidates away from the brain are
    taken out, and kept with that reason.
    """
    began = time.monotonic()
    settings = run_settings(bundle)
    place = choose_device(device)
    if threads:
        torch.set_num_threads(threads)
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    progress(0.0, "preparing the image")
    working = resample_to_spacing(sitk.DICOMOrient(sitk.Cast(image, sitk.sitkFloat32), ORIENTATION), settings.spacing_mm, smooth=True)
    head_image = head_mask(working)
    head = array_of(head_image).astype(bool)
    if not head.any():
        raise FindingError("There is no head in this image (all its voxels are alike); choose another image.")
    region = brain_region(working, head_image) if settings.brain_only else None
    near_brain = None if region is None else near_region(region)
    place_to_search = head if near_brain is None else head & _on_grid(near_brain, working)
    _stop_if(cancelled)
    progress(PREPARED / 2, "loading the network")
    network = load_network(bundle, settings, place)
    progress(PREPARED, "searching")
    maps = _search(array_of(working), head, place_to_search, network, settings, place, progress, cancelled)
    _stop_if(cancelled)
    progress(SEARCHED, "outlining")
    enhancing = _in_grid_of(image, maps[0], working)
    _stop_if(cancelled)
    progress(0.94, "outlining")
    necrosis = _in_grid_of(image, maps[1], working)
    _stop_if(cancelled)
    progress(0.97, "outlining")
    found = candidates(enhancing, necrosis, settings.voxel_threshold, settings.score_floor, settings.minimum_voxels, settings.minimum_mm3)
    notes: tuple[str, ...] = ()
    if found.left_out:
        notes = (f"All but the {MOST_CANDIDATES} surest candidates were left out: this image is unlike what the network knows.",)
    removed = None
    if settings.brain_only and near_brain is None:
        notes = (*notes, "The brain could not be told from the rest of the head, so candidates outside it were kept.")
    elif near_brain is not None:
        found, removed = separated(found, _outside(found, near_brain))
        notes = (*notes, *_words_of(removed))
    provenance = Provenance(
        model=bundle.name,
        version=bundle.version,
        sha256=bundle.sha256,
        device=place.type,
        voxel_threshold=settings.voxel_threshold,
        seconds=round(time.monotonic() - began, 2),
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
    )
    progress(1.0, "done")
    return Finding(enhancing, necrosis, found.labels, found.necrosis_mask, found.scores, provenance, notes, removed)


def choose_device(wish: str = "auto") -> torch.device:
    """The device for a wish (``auto``, ``cpu``, ``cuda``, ``mps``); raises FindingError where the machine has no such device."""
    if wish == "auto":
        wish = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wish not in present:
        raise FindingError(f"There is no device called {wish}; choose auto, cpu, cuda or mps.")
    if not present[wish]:
        raise FindingError(f"The device {wish} was asked for but PyTorch finds none on this machine; choose auto or cpu.")
    return torch.device(wish)


def load_network(bundle: Bundle, settings: RunSettings, device: torch.device) -> torch.nn.Module:
    """The bundle's network on a device, ready to run; kept, so that a warm worker loads it once."""
    check_weights(bundle)
    return _loaded(bundle.name, bundle.weights, bundle.sha256, json.dumps(settings.network), device)


@lru_cache(maxsize=2)
def _loaded(name: str, weights: Path, sha256: str, sizes: str, device: torch.device) -> torch.nn.Module:
    try:
        network = build_network(json.loads(sizes))
        stored = {key: value.float() for key, value in load_file(str(weights)).items()}
        network.load_state_dict(stored)
        network.merge()
    except Exception as error:  # safetensors has an error class of its own, which is no ValueError
        raise BundleError(f"The weights of the network {name} do not fit the network ({error}); reinstall the extension.") from error
    return network.eval().requires_grad_(False).to(device)


def _search(
    array: NDArray[np.float32],
    head: NDArray[np.bool_],
    wanted: NDArray[np.bool_],
    network: torch.nn.Module,
    settings: RunSettings,
    device: torch.device,
    progress: Callable[[float, str], None],
    cancelled: Callable[[], bool],
) -> Maps:
    """Probability of enhancing and of necrosis a voxel [k, j, i] of the working grid; 0 away from the head.

    Windows are laid over what is `wanted`, a part of the head, with a little of its surroundings.
    """
    box = padded_box(wanted, SURROUNDINGS_VOXELS)
    normalised = normalise_intensity(array, head)[box]
    near_head = ndimage.binary_dilation(head[box], iterations=HEAD_MARGIN_VOXELS)
    lacking = [max(0, size - extent) for size, extent in zip(settings.patch, normalised.shape, strict=True)]
    widening = [(short // 2, short - short // 2) for short in lacking]
    inside = tuple(slice(before, before + extent) for (before, _), extent in zip(widening, normalised.shape, strict=True))
    padded = np.pad(normalised, widening, constant_values=float(normalised.min()))
    boxes = windows_over(np.pad(wanted[box], widening), settings.patch, settings.overlap)

    volume = torch.from_numpy(padded)
    weights = torch.from_numpy(gaussian_weights(settings.patch))
    sums = torch.zeros((2, *padded.shape))
    total = torch.zeros(padded.shape)
    with torch.inference_mode():
        for number, window in enumerate(boxes, start=1):
            _stop_if(cancelled)
            share = PREPARED + (SEARCHED - PREPARED) * (number - 1) / len(boxes)
            progress(share, f"window {number} of {len(boxes)}")
            sums[(slice(None), *window)] += _lesion_probability(network, volume[window], device, settings.mirrored) * weights
            total[window] += weights
    # Done in place and map by map: a large head has tens of millions of voxels.
    total.clamp_(min=1e-6)
    maps = []
    for channel in sums:
        channel /= total
        found = np.zeros(array.shape, dtype=np.float32)
        found[box] = channel.numpy()[inside] * near_head
        maps.append(np.clip(found, 0.0, 1.0, out=found))
    return maps[0], maps[1]


def _lesion_probability(network: torch.nn.Module, window: torch.Tensor, device: torch.device, mirrored: bool) -> torch.Tensor:
    """(2, k, j, i) on the CPU: probability of enhancing and of necrosis in one window."""
    views = [window, window.flip(LEFT_RIGHT)] if mirrored else [window]
    with torch.autocast("cuda", enabled=device.type == "cuda"):
        logits = network(torch.stack(views)[:, None].to(device))
    shares = torch.softmax(logits.float(), dim=1)[:, 1:].cpu()
    return (shares[0] + shares[1].flip(LEFT_RIGHT)) / 2 if mirrored else shares[0]


def _outside(found: Candidates, near_brain: sitk.Image) -> dict[int, str]:
    """The candidates away from the brain, with the reason to take them out."""
    shares = shares_inside(found.labels, near_brain)
    return {number: "outside the brain" for number in found.scores if shares[number] < LEAST_SHARE}


def _words_of(removed: Removed | None) -> tuple[str, ...]:
    """What to tell a person of the candidates that were taken out."""
    if removed is None:
        return ()
    said = []
    for reason, count in sorted(Counter(removed.reasons.values()).items()):
        what = f"1 candidate {reason} was" if count == 1 else f"{count} candidates {reason} were"
        said.append(f"{what} taken out; the scene keeps what was taken out as hidden segments.")
    return tuple(said)


def _on_grid(mask: sitk.Image, grid: sitk.Image) -> NDArray[np.bool_]:
    """A mask on another image's grid [k, j, i]."""
    return array_of(resample_like(mask, grid, None, sitk.sitkNearestNeighbor)).astype(bool)


def _in_grid_of(image: sitk.Image, array: NDArray[np.float32], working: sitk.Image) -> sitk.Image:
    """A map of the working grid on the image's own grid, by linear interpolation."""
    return resample_like(image_like(array, working), image, None, sitk.sitkLinear, 0.0)


def _stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Cancelled
