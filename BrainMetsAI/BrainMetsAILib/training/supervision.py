"""What each network is taught, and at which resolutions."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from BrainMetsAILib.models.network import CompactUNet
from BrainMetsAILib.models.networks import Network, build_network
from BrainMetsAILib.training.loss import HARDEST, coarse_loss, segmentation_loss
from BrainMetsAILib.training.patches import IGNORE

COARSE_WEIGHT = 0.5  # of each coarser resolution against the next finer one


class Supervision(nn.Module):
    """A network with what only its training needs.

    Attributes
    ----------
    hardest
        In training, the share of voxels whose cross-entropy counts (`loss.hardest_share`); in evaluation it is always the last one, and
        small lesions weigh what their voxels do, so that losses can be compared.
    multi_scale
        Whether the coarser resolutions are taught too.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.hardest = HARDEST
        self.multi_scale = True
        coarse: list[nn.Module] = []
        if isinstance(network, CompactUNet):  # it has no heads of its own at coarser levels
            coarse = [nn.Conv3d(level.conv1.in_channels, 1, 1) for level in reversed(list(network.encoder)[1:])]
        self.coarse = nn.ModuleList(coarse)

    def forward(self, array: Tensor, classes: Tensor, weights: Tensor | None = None) -> Tensor:
        """The loss of windows (b, 1, k, j, i) against their classes (b, k, j, i); in training each voxel weighs (b, k, j, i)."""
        classes = classes.long()
        with torch.autocast(array.device.type, dtype=torch.bfloat16):
            if isinstance(self.network, CompactUNet):
                features = self.network.features(array)
                logits = self.network.head(features[-1])
                coarse = [head(level) for head, level in zip(self.coarse, features, strict=False)]
            else:
                maps = self.network.scales(array)
        hardest, weights = (self.hardest, weights) if self.training else (HARDEST, None)
        if isinstance(self.network, CompactUNet):
            loss = segmentation_loss(logits, classes, hardest, weights)
            return loss + coarse_loss(coarse, classes) if self.multi_scale else loss
        return multi_scale_loss(maps if self.multi_scale else maps[-1:], classes, hardest, weights)


def supervise(sizes: Mapping[str, Any]) -> Supervision:
    """A new network of these sizes (`networks.build_network`), supervised."""
    return Supervision(build_network(sizes))


def multi_scale_loss(maps: list[Tensor], classes: Tensor, hardest: float = HARDEST, weights: Tensor | None = None) -> Tensor:
    """Multi-scale highlighting foregrounds (Park et al., NeuroImage 2021): each resolution is taught with max-pooled truth.

    Parameters
    ----------
    maps
        Logits (b, 3, …) from the coarsest resolution to that of `classes`.
    classes
        (b, k, j, i), int64; 255 is left out.
    hardest, weights
        As in `segmentation_loss`; the weights at full resolution only, for pooling by the maximum makes small lesions larger.
    """
    total = torch.zeros((), device=classes.device)
    for distance, logits in enumerate(reversed(maps)):
        truth = max_pooled(classes, tuple(logits.shape[2:]))
        total = total + COARSE_WEIGHT**distance * segmentation_loss(logits, truth, hardest, None if distance else weights)
    return total


def max_pooled(classes: Tensor, size: tuple[int, ...]) -> Tensor:
    """Classes at a coarser resolution: enhancing wherever any voxel is, else necrosis, else left out, else background."""
    if tuple(classes.shape[1:]) == size:
        return classes
    pooled = torch.zeros((classes.shape[0], *size), dtype=classes.dtype, device=classes.device)
    for value in (IGNORE, 2, 1):
        there = functional.adaptive_max_pool3d((classes == value).float()[:, None], size)[:, 0] > 0
        pooled[there] = value
    return pooled
