"""RLK-UNet: a 3D U-Net with re-parameterised large kernels and supervision at every scale.

Son et al., Front Oncol 2024;13:1273013, doi:10.3389/fonc.2023.1273013. What the paper leaves open (activation, decoder blocks) is our
choice; the third class, necrosis, is our addition.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from BrainMetsAILib.models.large_kernel import LargeKernelConv
from BrainMetsAILib.models.network import CLASSES

GROUPS = 7
EXPANSION = 4  # of the inverted MLP


class DropPath(nn.Module):
    """Leaves a residual branch out at random, a sample at a time, in training (stochastic depth: Huang et al., ECCV 2016)."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """The branch, or zeros; scaled so that its mean stays."""
        if not self.training or self.share == 0:
            return x
        kept = torch.rand((x.shape[0], 1, 1, 1, 1), device=x.device) >= self.share
        return x * kept.to(x.dtype) / (1 - self.share)


class LargeKernelBlock(nn.Module):
    """1³ → depthwise large ∥ small → 1³, residual; then an inverted 1³ MLP, residual. Normalisation and activation before convolutions."""

    def __init__(self, channels: int, kernel: int, small: int, drop_path: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(GROUPS, channels) for _ in range(3)])
        self.into = nn.Conv3d(channels, channels, 1)
        self.large = LargeKernelConv(channels, kernel, small)
        self.out = nn.Conv3d(channels, channels, 1)
        self.mlp_norm = nn.GroupNorm(GROUPS, channels)
        self.widen = nn.Conv3d(channels, EXPANSION * channels, 1)
        self.narrow = nn.Conv3d(EXPANSION * channels, channels, 1)
        self.drop = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """(b, channels, k, j, i) to the same shape."""
        y = self.into(functional.relu(self.norms[0](x)))
        y = self.large(functional.relu(self.norms[1](y)))
        y = self.out(functional.relu(self.norms[2](y)))
        x = x + self.drop(y)
        return x + self.drop(self.narrow(functional.gelu(self.widen(self.mlp_norm(x)))))


class Before(nn.Sequential):
    """Normalisation and activation, then a convolution."""

    def __init__(self, convolution: nn.Module, channels: int) -> None:
        super().__init__(nn.GroupNorm(GROUPS, channels), nn.ReLU(), convolution)


class DecoderBlock(nn.Module):
    """Two 3³ convolutions after the skip connection was joined."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.join = Before(nn.Conv3d(2 * channels, channels, 3, padding=1), 2 * channels)
        self.refine = Before(nn.Conv3d(channels, channels, 3, padding=1), channels)

    def forward(self, skipped: Tensor, below: Tensor) -> Tensor:
        """Two maps (b, channels, k, j, i) to one."""
        x = self.join(torch.cat([skipped, below], dim=1))
        return x + self.refine(x)


class RLKUNet(nn.Module):
    """The network.

    Parameters
    ----------
    widths
        Channels at full, half, quarter and eighth resolution; multiples of 7.
    blocks
        Large-kernel blocks at each resolution.
    kernel, small
        Edges of the two parallel depthwise kernels; ``kernel=3, small=0`` is the paper's base line.
    dropout
        Before the heads and at the bottom.
    drop_path
        Of the last encoder block; it rises linearly from 0.
    """

    def __init__(
        self,
        widths: Sequence[int] = (14, 28, 56, 112),
        blocks: Sequence[int] = (2, 2, 2, 4),
        kernel: int = 13,
        small: int = 5,
        dropout: float = 0.3,
        drop_path: float = 0.5,
    ) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        first = widths[0]
        self.stem = nn.Sequential(
            nn.Conv3d(1, first, 1),
            Before(nn.Conv3d(first, first, 3, padding=1), first),
            Before(LargeKernelConv(first, 3, small=0), first),
            Before(nn.Conv3d(first, first, 1), first),
            Before(LargeKernelConv(first, 3, small=0), first),
        )
        rising = iter(torch.linspace(0, drop_path, sum(blocks)).tolist())
        self.encoder = nn.ModuleList(
            [
                nn.Sequential(*[LargeKernelBlock(width, kernel, small, next(rising)) for _ in range(count)])
                for width, count in zip(widths, blocks, strict=True)
            ]
        )
        self.down = nn.ModuleList(
            [
                nn.Sequential(
                    Before(nn.Conv3d(a, a, 3, stride=2, padding=1, groups=a), a),
                    Before(nn.Conv3d(a, b, 1), a),
                )
                for a, b in pairs
            ]
        )
        self.up = nn.ModuleList([Before(nn.ConvTranspose3d(b, a, 2, stride=2), b) for a, b in pairs])
        self.decoder = nn.ModuleList([DecoderBlock(a) for a, _ in pairs])
        self.dropout = nn.Dropout3d(dropout)
        # Plain, without normalisation and activation before them: with these, 120 steps on twelve windows brought the loss from 3.4 to 2.65
        # (it calls nothing anything), without them to 1.65.
        self.heads = nn.ModuleList([nn.Conv3d(width, len(CLASSES), 1) for width in reversed(widths)])

    def forward(self, x: Tensor) -> Tensor:
        """Logits (b, 3, k, j, i) of background, enhancing and necrosis; x (b, 1, k, j, i), sizes divisible by 8."""
        return self.heads[-1](self._features(x)[-1])

    def scales(self, x: Tensor) -> list[Tensor]:
        """Logits at 1/8, 1/4, 1/2 and full resolution: multi-scale highlighting foregrounds (Park et al., NeuroImage 2021)."""
        return [head(self.dropout(features)) for head, features in zip(self.heads, self._features(x), strict=True)]

    def merge(self) -> None:
        """Merge every pair of kernels, for use; the output stays the same."""
        for module in self.modules():
            if isinstance(module, LargeKernelConv):
                module.merge()

    def _features(self, x: Tensor) -> list[Tensor]:
        """Feature maps from the coarsest to full resolution."""
        x = self.stem(x)
        kept: list[Tensor] = []
        for level, stage in enumerate(self.encoder):
            x = stage(x)
            if level < len(self.down):
                kept.append(x)
                x = self.down[level](x)
        x = self.dropout(x)
        found = [x]
        for level in reversed(range(len(self.up))):
            x = self.decoder[level](kept[level], self.up[level](x))
            found.append(x)
        return found
