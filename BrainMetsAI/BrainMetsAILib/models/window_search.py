"""Running a network over a volume window by window, and loading its weights: what both bundled networks share."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from BrainMetsAILib.models.bundles import Bundle, BundleError
from BrainMetsAILib.models.finding import FindingError
from BrainMetsAILib.models.sliding_windows import Box, gaussian_weights, windows_over

MOST_KEPT = 3
_KEPT: dict[tuple[str, str, str], torch.nn.Module] = {}


@dataclass(frozen=True)
class WindowMeans:
    """Means over all windows that saw a voxel.

    Attributes
    ----------
    values
        float32 (channels, k, j, i); 0 where no window lay.
    seen
        bool [k, j, i]: where a window lay.
    """

    values: NDArray[np.float32]
    seen: NDArray[np.bool_]


def mean_over_windows(
    array: NDArray[np.float32],
    wanted: NDArray[np.bool_],
    patch: Sequence[int],
    overlap: float,
    channels: int,
    predict: Callable[[torch.Tensor], torch.Tensor],
    begin: Callable[[int, int], None],
    enough: Callable[[torch.Tensor, torch.Tensor, int], bool] | None = None,
) -> WindowMeans:
    """What a network says of a volume, from the top down.

    Parameters
    ----------
    array
        Normalised intensities [k, j, i]; where it is smaller than a window it is widened by its least value.
    wanted
        Windows are laid over this part of it.
    patch, overlap
        Size of a window in voxels [k, j, i], and the share that neighbours have in common.
    channels
        Of what `predict` gives.
    predict
        One window (k, j, i) to (channels, k, j, i) on the CPU, without gradients.
    begin
        Called before each window with its number from 1 and how many there are; it may raise to stop.
    enough
        Asked when all windows that begin in a slice are done, with the weighted sums, the weights and that slice: whether those below
        need not be looked at.
    """
    lacking = [max(0, size - extent) for size, extent in zip(patch, array.shape, strict=True)]
    widening = [(short // 2, short - short // 2) for short in lacking]
    inside = tuple(slice(before, before + extent) for (before, _), extent in zip(widening, array.shape, strict=True))
    volume = torch.from_numpy(np.pad(array, widening, constant_values=float(array.min())))
    boxes: list[Box] = sorted(windows_over(np.pad(wanted, widening), patch, overlap), key=lambda window: -window[0].start)
    weights = torch.from_numpy(gaussian_weights(patch))
    sums, total = torch.zeros((channels, *volume.shape)), torch.zeros(volume.shape)
    with torch.inference_mode():
        for number, window in enumerate(boxes, start=1):
            above = boxes[number - 2][0].start if number > 1 else window[0].start
            if enough is not None and window[0].start != above and enough(sums, total, above):
                break
            begin(number, len(boxes))
            sums[(slice(None), *window)] += predict(volume[window]) * weights
            total[window] += weights
    seen = total.numpy() > 0
    for channel in sums:  # in place and map by map: a large head has tens of millions of voxels
        channel /= total.clamp(min=1e-6)
    return WindowMeans(sums.numpy()[(slice(None), *inside)], seen[inside])


def window_probabilities(network: torch.nn.Module, window: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Probability of each class in one window (k, j, i), as (classes, k, j, i) on the CPU.

    Half precision where there is CUDA, and single precision for a window whose numbers are too large for it.

    Raises
    ------
    FindingError
        Where the network gives no numbers all the same: they would be taken for no lesion.
    """
    array = window[None, None].to(device)
    with torch.autocast("cuda", enabled=device.type == "cuda"):
        found = torch.softmax(network(array).float(), dim=1)
    if device.type == "cuda" and not bool(torch.isfinite(found).all()):
        found = torch.softmax(network(array).float(), dim=1)
    if not bool(torch.isfinite(found).all()):
        way = "" if device.type == "cpu" else " compute on the processor (device cpu) instead, and if it happens there too,"
        raise FindingError(f"The network gave no numbers for a part of this image:{way} look for voxels of the image that are no numbers.")
    return found[0].cpu()


def kept_network(bundle: Bundle, device: torch.device, build: Callable[[], torch.nn.Module]) -> torch.nn.Module:
    """A bundle's network on a device, ready to run; the last few are kept, so that a warm worker loads each once.

    Parameters
    ----------
    bundle
        Its weights must have been checked.
    build
        Makes the network without its weights.

    Raises
    ------
    BundleError
        Where the weights do not fit the network.
    """
    key = (bundle.sha256, json.dumps(bundle.settings.get("network")), str(device))
    network = _KEPT.pop(key, None) or _loaded(bundle, build).to(device)
    _KEPT[key] = network  # the last one used is the last one in
    while len(_KEPT) > MOST_KEPT:
        del _KEPT[next(iter(_KEPT))]
    return network


def _loaded(bundle: Bundle, build: Callable[[], torch.nn.Module]) -> torch.nn.Module:
    try:
        network = build()
        network.load_state_dict({key: value.float() for key, value in load_file(str(bundle.weights)).items()})
    except Exception as error:  # safetensors has an error class of its own, which is no ValueError
        raise BundleError(f"The weights of the network {bundle.name} do not fit the network ({error}); reinstall the extension.") from error
    return network.eval().requires_grad_(False)
