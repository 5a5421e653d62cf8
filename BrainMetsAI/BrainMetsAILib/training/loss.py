"""What training minimises."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from BrainMetsAILib.training.patches import IGNORE

HARDEST = 0.05
"""Share of voxels that the cross-entropy is averaged over in the end: nearly all background is easy and teaches nothing any more."""

SMALL_VOXELS = 500.0
"""Lesions of fewer voxels (10 mm across at 1 mm) count for more in training than their voxels do."""
MOST_WEIGHT = 4.0


def hardest_share(done: float) -> float:
    """Share of voxels that count when a share of the training is done: all at first, `HARDEST` from the middle on.

    Among the hardest twentieth there is as much bright background as there is lesion, so a new network that sees no more than them
    learns nothing from a lesion's being bright: in 240 steps the Dice of the compact network came to 0.06, with all voxels to 0.35.
    """
    return float(HARDEST ** min(1.0, 2.0 * done))


def weights_of_small_lesions(classes: NDArray[np.integer]) -> NDArray[np.float32]:
    """Weight of each voxel: 1, and in a lesion of few voxels the root of how many times `SMALL_VOXELS` it is smaller, up to `MOST_WEIGHT`.

    A lesion of 3 mm has thirty voxels beside thousands of a large one: missed, it hardly changes a mean over voxels or a Dice of all. After
    Kofler et al., blob loss, IPMI 2023, arXiv:2205.08209, whose idea is that each lesion should count.

    Parameters
    ----------
    classes
        [k, j, i] of one window: 1 enhancing, 2 necrosis.
    """
    pieces, _ = ndimage.label((classes == 1) | (classes == 2), np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = SMALL_VOXELS
    return np.clip(np.sqrt(SMALL_VOXELS / np.maximum(sizes, 1)), 1, MOST_WEIGHT).astype(np.float32)[pieces]


def segmentation_loss(logits: Tensor, classes: Tensor, hardest: float = HARDEST, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy of the hardest voxels plus soft Dice over the batch, of the lesion and of its necrosis.

    Parameters
    ----------
    logits
        (b, 3, k, j, i).
    classes
        (b, k, j, i), int64; 255 is left out.
    hardest
        Share of voxels, those with the highest cross-entropy, over which it is averaged.
    weights
        Of each voxel's cross-entropy; all alike if None.

    Notes
    -----
    Dice is summed over the batch, so that windows without lesions punish false calls and do not divide by zero.
    """
    logits = logits.float()
    each = functional.cross_entropy(logits, classes, ignore_index=IGNORE, reduction="none")
    each = (each if weights is None else each * weights).flatten()
    entropy = each.topk(max(1, int(hardest * each.numel()))).values.mean()
    counted = (classes != IGNORE).float()
    shares = torch.softmax(logits, dim=1) * counted[:, None]
    lesion = _dice(shares[:, 1] + shares[:, 2], ((classes == 1) | (classes == 2)).float())
    enhancing, necrosis = _dice(shares[:, 1], (classes == 1).float()), _dice(shares[:, 2], (classes == 2).float())
    return entropy + lesion + 0.5 * enhancing + 0.5 * necrosis


def _dice(share: Tensor, truth: Tensor, smooth: float = 20.0) -> Tensor:
    return 1 - (2 * (share * truth).sum() + smooth) / (share.sum() + truth.sum() + smooth)


def coarse_loss(maps: Sequence[Tensor], classes: Tensor) -> Tensor:
    """What the coarser levels are taught: whether any lesion voxel lies under each of their voxels.

    Parameters
    ----------
    maps
        One logit a voxel, (b, 1, k, j, i) each, at 1/8, 1/4, 1/2 of the resolution of `classes`.
    classes
        (b, k, j, i), int64.

    Notes
    -----
    The truth is max-pooled, so that the smallest lesions survive at every level (multi-scale highlighting foregrounds: Park et al.,
    NeuroImage 2021).
    """
    lesion = ((classes == 1) | (classes == 2)).float()[:, None]
    total = torch.zeros((), device=classes.device)
    for coarse in maps:
        pooled = functional.adaptive_max_pool3d(lesion, coarse.shape[2:])
        share = torch.sigmoid(coarse.float())
        entropy = functional.binary_cross_entropy_with_logits(coarse.float(), pooled, pos_weight=torch.tensor(2.0, device=coarse.device))
        total = total + entropy + _dice(share, pooled, smooth=2.0)
    return total / len(maps)
