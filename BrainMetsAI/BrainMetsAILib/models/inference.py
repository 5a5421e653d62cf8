"""Finding metastases in one contrast-enhanced T1 image with a bundled network."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of, image_like
from BrainMetsAILib.images.head import head_mask
from BrainMetsAILib.images.normalisation import normalise_intensity
from BrainMetsAILib.images.resampling import resample_like, resample_to_spacing
from BrainMetsAILib.models.anatomy import Anatomy
from BrainMetsAILib.models.anatomy_inference import find_anatomy
from BrainMetsAILib.models.brain_region import brain_region, near_region
from BrainMetsAILib.models.bundles import Bundle, check_weights
from BrainMetsAILib.models.candidate_places import brain_with_margin, places_of, reasons_to_remove
from BrainMetsAILib.models.devices import choose_device
from BrainMetsAILib.models.finding import Cancelled, Finding, FindingError, Provenance, Removed
from BrainMetsAILib.models.networks import build_network
from BrainMetsAILib.models.postprocess import MOST_CANDIDATES, candidates, separated
from BrainMetsAILib.models.settings import ORIENTATION, RunSettings, balanced_score, operating_points, run_settings
from BrainMetsAILib.models.sliding_windows import padded_box
from BrainMetsAILib.models.window_search import kept_network, mean_over_windows

HEAD_MARGIN_VOXELS = 2
SURROUNDINGS_VOXELS = 8  # of what is searched: enough that its edge is not the edge of what the network sees
ANATOMY_KNOWN, SEARCH_FROM, SEARCHED = 0.06, 0.08, 0.9  # shares of the progress bar
LEFT_RIGHT = -1
SECOND_LOOK = 0.1
"""Probability of lesion from which a window is seen mirrored too. The mean with a view that saw less could hardly become a candidate."""

Maps = tuple[NDArray[np.float32], NDArray[np.float32]]


def find_lesions(
    image: sitk.Image,
    bundle: Bundle,
    anatomy: Bundle | None = None,
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
    anatomy
        The network that tells the regions of the brain (`anatomy_inference.py`). Without it the brain is outlined roughly, candidates on
        its surface and in the choroid plexus stay, and no location is known.
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
    interpolation, and outlines are made from them in the image's own grid. Candidates away from the brain, on
    its surface and in the choroid plexus are taken out, and kept with that reason.
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
    regions = None
    if anatomy is not None:
        regions = find_anatomy(image, anatomy, device, lambda share, text: progress(share * ANATOMY_KNOWN, text), cancelled)
        if not regions.is_head:
            raise FindingError(regions.reason)
    near_brain = _near_brain(working, head_image, regions) if settings.brain_only else None
    place_to_search = head if near_brain is None else head & _on_grid(near_brain, working)
    _stop_if(cancelled)
    progress(ANATOMY_KNOWN, "loading the network")
    network = load_network(bundle, settings, place)
    progress(SEARCH_FROM, "searching")
    maps = _search(array_of(working), head, place_to_search, network, settings, place, progress, cancelled)
    _stop_if(cancelled)
    progress(SEARCHED, "outlining")
    enhancing = _in_grid_of(image, maps[0], working)
    _stop_if(cancelled)
    progress(0.94, "outlining")
    necrosis = _in_grid_of(image, maps[1], working)
    _stop_if(cancelled)
    progress(0.97, "outlining")
    balanced = balanced_score(operating_points(bundle))
    found = candidates(
        enhancing,
        necrosis,
        settings.voxel_threshold,
        settings.score_floor,
        settings.minimum_voxels,
        settings.minimum_mm3,
        balanced,
    )
    notes: tuple[str, ...] = ()
    if found.left_out:
        notes = (f"All but the {MOST_CANDIDATES} surest candidates were left out: this image is unlike what the network knows.",)
    removed = None
    if settings.brain_only and near_brain is None:
        notes = (*notes, "The brain could not be told from the rest of the head, so candidates outside it were kept.")
    elif near_brain is not None:
        found, removed = separated(found, reasons_to_remove(found.labels, near_brain, regions))
        notes = (*notes, *_words_of(removed))
    provenance = Provenance(
        model=bundle.name,
        version=bundle.version,
        sha256=bundle.sha256,
        device=place.type,
        voxel_threshold=settings.voxel_threshold,
        seconds=round(time.monotonic() - began, 2),
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
        anatomy="" if anatomy is None else f"{anatomy.name} {anatomy.version}",
        balanced_score=balanced,
    )
    locations: dict[int, str] = {}
    if regions is not None:
        everything = found.labels if removed is None else sitk.Add(found.labels, removed.labels)
        locations = dict(places_of(everything, regions))
    progress(1.0, "done")
    return Finding(enhancing, necrosis, found.labels, found.necrosis_mask, found.scores, provenance, notes, removed, locations)


def load_network(bundle: Bundle, settings: RunSettings, device: torch.device) -> torch.nn.Module:
    """The bundle's network on a device, ready to run; kept, so that a warm worker loads it once."""
    check_weights(bundle)
    network = kept_network(bundle, device, lambda: build_network(settings.network))
    network.merge()  # does nothing the second time
    return network


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

    def begin(number: int, count: int) -> None:
        _stop_if(cancelled)
        progress(SEARCH_FROM + (SEARCHED - SEARCH_FROM) * (number - 1) / count, f"window {number} of {count}")

    means = mean_over_windows(
        normalise_intensity(array, head)[box],
        wanted[box],
        settings.patch,
        settings.overlap,
        2,
        lambda window: _lesion_probability(network, window, device, settings.mirrored),
        begin,
    )
    near_head = ndimage.binary_dilation(head[box], iterations=HEAD_MARGIN_VOXELS)
    maps = []
    for values in means.values:
        found = np.zeros(array.shape, dtype=np.float32)
        found[box] = values * near_head
        maps.append(np.clip(found, 0.0, 1.0, out=found))
    return maps[0], maps[1]


def _lesion_probability(network: torch.nn.Module, window: torch.Tensor, device: torch.device, mirrored: bool) -> torch.Tensor:
    """(2, k, j, i) on the CPU: probability of enhancing and of necrosis in one window, which is seen mirrored too where anything shows."""
    found = _probability(network, window, device)
    if not mirrored or float(found.sum(dim=0).max()) < SECOND_LOOK:
        return found
    return (found + _probability(network, window.flip(LEFT_RIGHT), device).flip(LEFT_RIGHT)) / 2


def _probability(network: torch.nn.Module, window: torch.Tensor, device: torch.device) -> torch.Tensor:
    with torch.autocast("cuda", enabled=device.type == "cuda"):
        logits = network(window[None, None].to(device))
    return torch.softmax(logits.float(), dim=1)[0, 1:].cpu()


def _near_brain(working: sitk.Image, head: sitk.Image, regions: Anatomy | None) -> sitk.Image | None:
    """Where a metastasis of the brain can be, uint8; None where no brain can be told."""
    if regions is not None:
        return brain_with_margin(regions)
    rough = brain_region(working, head)
    return None if rough is None else near_region(rough)


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
