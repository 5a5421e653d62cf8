"""Depthwise convolution with a large and a small kernel in parallel, which merge into one.

Re-parameterised large kernels: Ding et al., CVPR 2022 (RepLKNet, doi:10.1109/CVPR52688.2022.01166). Without batch normalisation
between kernel and sum the two branches are one convolution: the small kernel, padded with zeros, is added to the large one.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Path = Literal["fft", "direct"]
"""How a large kernel is computed. Direct convolution costs kernel³ a voxel; its backward pass at 32³ takes a hundred times as long as the
Fourier transform's on a CPU."""

DIRECT_UP_TO = 5
"""Edge of kernels that are computed directly whatever the path where no gradient is wanted: 14 channels of 64³ with 3³ then take 0.01 s
instead of 0.07 s on a CPU."""


class LargeKernelConv(nn.Module):
    """Depthwise convolution: the sum of a large and a small kernel, same size out as in.

    Parameters
    ----------
    channels
        In and out.
    kernel
        Edge of the large kernel in voxels, odd.
    small
        Edge of the kernel beside it, odd; 0 for none.

    Attributes
    ----------
    path
        ``fft`` (default) or ``direct``; both give the same numbers to about 1e-5.
    """

    def __init__(self, channels: int, kernel: int = 13, small: int = 5) -> None:
        super().__init__()
        if kernel % 2 == 0 or (small and (small % 2 == 0 or small > kernel)):
            raise ValueError(f"kernels must be odd and the small one not larger than the large one, not {kernel} and {small}")
        self.large = nn.Conv3d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.small = nn.Conv3d(channels, channels, small, padding=small // 2, groups=channels) if small else None
        self.path: Path = "fft"

    def merged_kernel(self) -> tuple[Tensor, Tensor]:
        """Weight (channels, 1, kernel³) and bias (channels,) of the one convolution that both branches are."""
        weight, bias = self.large.weight, self.large.bias
        assert bias is not None
        if self.small is None:
            return weight, bias
        assert self.small.bias is not None
        rim = (weight.shape[-1] - self.small.weight.shape[-1]) // 2
        return weight + functional.pad(self.small.weight, (rim,) * 6), bias + self.small.bias

    def merge(self) -> None:
        """Turn both branches into one convolution, for use."""
        if self.small is None:
            return
        weight, bias = self.merged_kernel()
        with torch.no_grad():
            self.large.weight.copy_(weight)
            assert self.large.bias is not None
            self.large.bias.copy_(bias)
        self.small = None

    def forward(self, x: Tensor) -> Tensor:
        """(b, channels, k, j, i) to the same shape."""
        if self.path == "direct" or (self.large.weight.shape[-1] <= DIRECT_UP_TO and not torch.is_grad_enabled()):
            return self.large(x) if self.small is None else self.large(x) + self.small(x)
        weight, bias = self.merged_kernel()
        return depthwise_by_fourier(x, weight, bias)


def depthwise_by_fourier(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Depthwise cross-correlation with zero padding ("same") by the Fourier transform; differentiable once.

    Parameters
    ----------
    x
        (b, c, k, j, i).
    weight
        (c, 1, n, n, n), n odd.
    bias
        (c,).

    Notes
    -----
    Computed in single precision whatever autocast says: half precision has too short a mantissa for the transform.
    """
    with torch.autocast(x.device.type, enabled=False):
        found = _Correlation.apply(x.float(), weight.float()[:, 0])
        return (found + bias.float().view(1, -1, 1, 1, 1)).to(x.dtype)


class _Correlation(torch.autograd.Function):
    """y[p] = sum over q of x[p + q - reach] w[q]. Its gradients are transforms of real arrays too, which autograd does not know.

    With `reach` zeros before x, everything sought lies in one piece: y[p] = sum of x'[p + q] w[q]. The transforms are periodic, and what
    comes round falls onto those zeros or before the part that is taken.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        sizes, kernel = tuple(x.shape[2:]), weight.shape[-1]
        reach = kernel // 2
        period = [_quick_size(max(size, reach + 1) + reach) for size in sizes]
        of_x, of_weight = _spectrum(functional.pad(x, (reach, 0) * 3), period), _spectrum(weight, period)
        ctx.save_for_backward(of_x, of_weight)
        ctx.sizes, ctx.kernel, ctx.period = sizes, kernel, period
        return _inverse(of_x * of_weight.conj(), period, 0, sizes)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        of_x, of_weight = ctx.saved_tensors
        arriving = _spectrum(grad, ctx.period)
        to_x = to_weight = None
        if ctx.needs_input_grad[0]:
            to_x = _inverse(arriving * of_weight, ctx.period, ctx.kernel // 2, ctx.sizes)
        if ctx.needs_input_grad[1]:
            to_weight = _inverse((of_x * arriving.conj()).sum(dim=0), ctx.period, 0, (ctx.kernel,) * 3)
        return to_x, to_weight


def _spectrum(x: Tensor, period: Sequence[int]) -> Tensor:
    return torch.fft.rfftn(x, s=list(period), dim=(-3, -2, -1))


def _inverse(spectrum: Tensor, period: Sequence[int], start: int, sizes: Sequence[int]) -> Tensor:
    """`sizes` voxels of the array from `start` on along every axis."""
    k, j, i = (slice(start, start + size) for size in sizes)
    return torch.fft.irfftn(spectrum, s=list(period), dim=(-3, -2, -1))[..., k, j, i]


def _quick_size(size: int) -> int:
    """The next size whose only prime factors are 2, 3 and 5: the ones that a fast Fourier transform likes."""
    while True:
        rest = size
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return size
        size += 1
