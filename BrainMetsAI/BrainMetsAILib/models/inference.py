"""Finding metastases in one contrast-enhanced T1 image with a bundled network."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import SimpleITK as sitk
import torch

from BrainMetsAILib.images.geometry import array_of, same_grid
from BrainMetsAILib.images.head import head_mask, with_dark_background
from BrainMetsAILib.images.resampling import resample_like, resample_to_spacing
from BrainMetsAILib.models.anatomy import Anatomy
from BrainMetsAILib.models.anatomy_inference import find_anatomy
from BrainMetsAILib.models.brain_region import near_region, outlined_brain
from BrainMetsAILib.models.bundles import Bundle
from BrainMetsAILib.models.candidate_brightness import UNENHANCING, unenhancing
from BrainMetsAILib.models.candidate_places import brain_with_margin, places_of, reasons_to_remove
from BrainMetsAILib.models.devices import choose_device
from BrainMetsAILib.models.finding import Cancelled, Finding, FindingError, Provenance, Removed
from BrainMetsAILib.models.lesion_search import load_network
from BrainMetsAILib.models.postprocess import MOST_CANDIDATES, candidates, separated
from BrainMetsAILib.models.scales import ScaleSearch, on_grid_of
from BrainMetsAILib.models.settings import BRAIN, ORIENTATION, balanced_score, operating_points, run_settings

ANATOMY_KNOWN, SEARCH_FROM, SEARCHED = 0.06, 0.08, 0.9  # shares of the progress bar


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
    Axes are permuted and flipped to `ORIENTATION` without interpolation, and back in the end, so the same head stored in another
    orientation gives the same lesions; then resampled to the network's spacing, with smoothing along axes that become coarser. The maps
    come back by linear interpolation, and outlines are made from them in the image's own voxels. Where the bundle names coarser spacings,
    searches at them complete large lesions (`scales.py`). Candidates away from the brain, on its surface, in the choroid plexus and without
    enhancement are taken out, and kept with that reason.
    """
    began = time.monotonic()
    settings = run_settings(bundle)
    place = choose_device(device)
    if threads:
        torch.set_num_threads(threads)
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    progress(0.0, "preparing the image")
    oriented = sitk.DICOMOrient(with_dark_background(sitk.Cast(image, sitk.sitkFloat32)), ORIENTATION)
    working = resample_to_spacing(oriented, settings.spacing_mm, smooth=True)
    head = head_mask(working)
    if not array_of(head).any():
        raise FindingError("There is no head in this image (all its voxels are alike); choose another image.")
    regions = None
    if anatomy is not None:
        regions = find_anatomy(image, anatomy, device, lambda share, text: progress(share * ANATOMY_KNOWN, text), cancelled)
        if not regions.is_head:
            raise FindingError(regions.reason)
    brain = outlined_brain(working, head, regions) if settings.brain_only or settings.normalised_by == BRAIN else None
    near_brain = _near_brain(brain, regions) if settings.brain_only else None
    _stop_if(cancelled)
    progress(ANATOMY_KNOWN, "loading the network")
    network = load_network(bundle, settings, place)
    progress(SEARCH_FROM, "searching")

    def report(share: float, text: str) -> None:
        _stop_if(cancelled)
        progress(SEARCH_FROM + (SEARCHED - SEARCH_FROM) * share, text)

    maps = ScaleSearch(oriented, brain, near_brain, network, settings, place, report).maps(working, head)
    _stop_if(cancelled)
    progress(SEARCHED, "outlining")
    enhancing = on_grid_of(oriented, maps[0], working)
    _stop_if(cancelled)
    progress(0.94, "outlining")
    necrosis = on_grid_of(oriented, maps[1], working)
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
    elif near_brain is not None and brain is not None:
        dark = dict.fromkeys(unenhancing(oriented, found.labels, found.necrosis_mask, brain), UNENHANCING)
        found, removed = separated(found, dark | reasons_to_remove(found.labels, near_brain, regions))
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
    if removed is not None:
        removed = replace(removed, labels=_as_stored(removed.labels, image))
    enhancing, necrosis, labels, dead = (_as_stored(part, image) for part in (enhancing, necrosis, found.labels, found.necrosis_mask))
    progress(1.0, "done")
    return Finding(enhancing, necrosis, labels, dead, found.scores, provenance, notes, removed, locations)


def _as_stored(part: sitk.Image, image: sitk.Image) -> sitk.Image:
    """What lies on the image's grid with axes permuted and flipped, in the order in which the image has its voxels."""
    return part if same_grid(part, image) else resample_like(part, image, None, sitk.sitkNearestNeighbor)


def _near_brain(brain: sitk.Image | None, regions: Anatomy | None) -> sitk.Image | None:
    """Where a metastasis of the brain can be, uint8; None where no brain can be told."""
    if regions is not None:
        return brain_with_margin(regions)
    return None if brain is None else near_region(brain)


def _words_of(removed: Removed | None) -> tuple[str, ...]:
    """What to tell a person of the candidates that were taken out."""
    if removed is None:
        return ()
    counted = sorted(Counter(removed.reasons.values()).items())
    what = ", ".join(f"{count} {reason}" for reason, count in counted)
    return (f"Candidates taken out: {what}. They stay in the scene, hidden (in Slicer's list of lesions under “Taken out”).",)


def _stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Cancelled
