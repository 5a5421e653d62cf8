"""What training minimises."""

import torch
from torch import Tensor
from torch.nn import functional

from BrainMetsAILib.training.patches import IGNORE

CLASS_WEIGHTS = (1.0, 3.0, 4.0)


def segmentation_loss(logits: Tensor, classes: Tensor) -> Tensor:
    """Weighted cross-entropy plus soft Dice over the batch, of the lesion and of its necrosis.

    Parameters
    ----------
    logits
        (b, 3, k, j, i).
    classes
        (b, k, j, i), int64; 255 is left out.

    Notes
    -----
    Dice is summed over the batch, so that windows without lesions punish false calls and do not divide by zero.
    """
    logits = logits.float()
    weight = torch.tensor(CLASS_WEIGHTS, device=logits.device)
    entropy = functional.cross_entropy(logits, classes, weight=weight, ignore_index=IGNORE)
    counted = (classes != IGNORE).float()
    shares = torch.softmax(logits, dim=1) * counted[:, None]
    lesion = _dice(shares[:, 1] + shares[:, 2], ((classes == 1) | (classes == 2)).float())
    enhancing, necrosis = _dice(shares[:, 1], (classes == 1).float()), _dice(shares[:, 2], (classes == 2).float())
    return entropy + lesion + 0.5 * enhancing + 0.5 * necrosis


def _dice(share: Tensor, truth: Tensor, smooth: float = 20.0) -> Tensor:
    return 1 - (2 * (share * truth).sum() + smooth) / (share.sum() + truth.sum() + smooth)
