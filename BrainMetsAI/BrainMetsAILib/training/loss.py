"""What training minimises."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from BrainMetsAILib.training.patches import IGNORE

HARDEST = 0.05
"""Share of voxels that the cross-entropy is averaged over in the end: nearly all background is easy and teaches nothing any more."""


def hardest_share(done: float) -> float:
    """Share of voxels that count when a share of the training is done: all at first, `HARDEST` from the middle on.

    Among the hardest twentieth there is as much bright background as there is lesion, so a new network that sees no more than them
    learns nothing from a lesion's being bright: in 240 steps the Dice of the compact network came to 0.06, with all voxels to 0.35.
    """
    return float(HARDEST ** min(1.0, 2.0 * done))


def segmentation_loss(logits: Tensor, classes: Tensor, hardest: float = HARDEST) -> Tensor:
    """Cross-entropy of the hardest voxels plus soft Dice over the batch, of the lesion and of its necrosis.

    Parameters
    ----------
    logits
        (b, 3, k, j, i).
    classes
        (b, k, j, i), int64; 255 is left out.
    hardest
        Share of voxels, those with the highest cross-entropy, over which it is averaged.

    Notes
    -----
    Dice is summed over the batch, so that windows without lesions punish false calls and do not divide by zero.
    """
    logits = logits.float()
    each = functional.cross_entropy(logits, classes, ignore_index=IGNORE, reduction="none").flatten()
    entropy = each.topk(int(hardest * each.numel())).values.mean()
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
