"""The compact network: a small residual 3D U-Net."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = ("background", "enhancing", "necrosis")
GROUPS = 4


class ResidualBlock(nn.Module):
    """Two 3³ convolutions, each after group normalisation and activation, beside an identity (or 1³) path."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(1 if inputs % GROUPS else GROUPS, inputs)
        self.conv1 = nn.Conv3d(inputs, outputs, 3, padding=1)
        self.norm2 = nn.GroupNorm(GROUPS, outputs)
        self.conv2 = nn.Conv3d(outputs, outputs, 3, padding=1)
        self.skip = nn.Identity() if inputs == outputs else nn.Conv3d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(b, inputs, k, j, i) to (b, outputs, k, j, i)."""
        y = self.conv1(functional.relu(self.norm1(x)))
        y = self.conv2(functional.relu(self.norm2(y)))
        return y + self.skip(x)


class CompactUNet(nn.Module):
    """Residual U-Net with one block a level.

    Parameters
    ----------
    widths
        Channels at full, half, quarter … resolution; multiples of 4.
    classes
        Channels of the output.
    inputs
        Channels of the input.

    Notes
    -----
    Group instead of batch normalisation, so that a single window behaves in training as in use.
    """

    def __init__(self, widths: Sequence[int] = (12, 24, 48, 96), classes: int = len(CLASSES), inputs: int = 1) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.stem = nn.Conv3d(inputs, widths[0], 3, padding=1)
        self.encoder = nn.ModuleList([ResidualBlock(w, w) for w in widths])
        self.down = nn.ModuleList([nn.Conv3d(a, b, 2, stride=2) for a, b in pairs])
        self.up = nn.ModuleList([nn.ConvTranspose3d(b, a, 2, stride=2) for a, b in pairs])
        self.decoder = nn.ModuleList([ResidualBlock(2 * a, a) for a, _ in pairs])
        self.head = nn.Conv3d(widths[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the classes.

        Parameters
        ----------
        x
            (b, inputs, k, j, i), normalised intensities; k, j and i divisible by 2 to the number of levels less one.

        Returns
        -------
        Tensor
            (b, classes, k, j, i); of a metastasis network background, enhancing, necrosis.
        """
        return self.head(self.features(x)[-1])

    def merge(self) -> None:
        """Nothing to merge: its kernels are single ones."""

    def features(self, x: Tensor) -> list[Tensor]:
        """Feature maps from the coarsest to full resolution; the coarser ones let training supervise every level."""
        x = self.stem(x)
        kept: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(x)
            if level < len(self.down):
                kept.append(x)
                x = self.down[level](x)
        found = [x]
        for level in reversed(range(len(self.up))):
            x = self.decoder[level](torch.cat([kept[level], self.up[level](x)], dim=1))
            found.append(x)
        return found
