"""How far two outlines lie apart: surface Dice and 95th percentile of the surface distance, on MONAI's surface elements."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from monai.metrics import compute_surface_dice
from monai.metrics.utils import get_edge_surface_distance
from numpy.typing import NDArray

TOLERANCE_MM = 1.0


@dataclass(frozen=True)
class Overlap:
    """Agreement of one tissue of a found lesion with the true one.

    Attributes
    ----------
    dice
        2 |A ∩ B| / (|A| + |B|).
    surface_dice
        Share of both surfaces that lies within 1 mm of the other (Nikolov et al., J Med Internet Res 2021;23:e26151).
    hd95_mm
        Larger of the two directed 95th percentiles of the surface distance; infinite where only one of the two has this tissue.
    """

    dice: float
    surface_dice: float
    hd95_mm: float


def overlap(found: NDArray[np.bool_], true: NDArray[np.bool_], spacing_kji: Sequence[float]) -> Overlap | None:
    """Agreement of two masks [k, j, i]; None where both are empty: there is nothing to agree on.

    Parameters
    ----------
    found, true
        Masks on one grid.
    spacing_kji
        Voxel edges in mm, in the order of the array's axes.
    """
    sizes = int(np.count_nonzero(found)), int(np.count_nonzero(true))
    if not any(sizes):
        return None
    if not all(sizes):
        return Overlap(0.0, 0.0, float("inf"))
    box = box_around(found | true)
    found, true = np.pad(found[box], 1), np.pad(true[box], 1)
    dice = 2.0 * float(np.count_nonzero(found & true)) / sum(sizes)
    return Overlap(dice, surface_dice(found, true, spacing_kji), hd95_mm(found, true, spacing_kji))


def surface_dice(
    found: NDArray[np.bool_], true: NDArray[np.bool_], spacing_kji: Sequence[float], tolerance_mm: float = TOLERANCE_MM
) -> float:
    """Surface Dice of two masks that are not empty, weighted by the area of the surface elements."""
    masks = [torch.from_numpy(np.ascontiguousarray(mask))[None, None] for mask in (found, true)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # MONAI 1.5 and 1.6 warn of their own call
        result = compute_surface_dice(
            masks[0], masks[1], [tolerance_mm], include_background=True, spacing=[float(s) for s in spacing_kji], use_subvoxels=True
        )
    return float(result[0, 0])


def hd95_mm(found: NDArray[np.bool_], true: NDArray[np.bool_], spacing_kji: Sequence[float], percent: float = 95.0) -> float:
    """Robust Hausdorff distance of two masks; 0 where both are empty, infinite where one is.

    The percentile is taken over surface area, as in DeepMind's ``surface-distance``, which the BraTS challenges use.
    """
    if not found.any() or not true.any():
        return 0.0 if not found.any() and not true.any() else float("inf")
    masks = [torch.from_numpy(np.ascontiguousarray(mask)) for mask in (found, true)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        (edges_found, edges_true), (to_true, to_found), (areas_found, areas_true) = get_edge_surface_distance(
            masks[0], masks[1], spacing=[float(s) for s in spacing_kji], use_subvoxels=True, symmetric=True
        )
    return max(_percentile(to_true, areas_found[edges_found], percent), _percentile(to_found, areas_true[edges_true], percent))


def _percentile(distances: torch.Tensor, areas: torch.Tensor, percent: float) -> float:
    order = torch.argsort(distances)
    share = torch.cumsum(areas[order].double(), 0)
    share = share / share[-1]
    place = int(torch.searchsorted(share, torch.tensor(percent / 100.0, dtype=share.dtype)))
    return float(distances[order][min(place, len(order) - 1)])


def box_around(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    """Smallest box around a mask [k, j, i] that is not empty."""
    spans = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    return tuple(slice(int(span[0]), int(span[-1]) + 1) for span in spans)
