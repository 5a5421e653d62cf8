"""Where a network runs."""

from functools import cache

import torch

from BrainMetsAILib.models.finding import FindingError
from BrainMetsAILib.models.large_kernel import LargeKernelConv


def choose_device(wish: str = "auto") -> torch.device:
    """The device for a wish (``auto``, ``cpu``, ``cuda``, ``mps``); raises FindingError where the machine has none that can be used."""
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wish == "auto":
        wish = next(name for name, there in present.items() if there and _runs(name))
    if wish not in present:
        raise FindingError(f"There is no device called {wish}; choose auto, cpu, cuda or mps.")
    if not present[wish]:
        raise FindingError(f"The device {wish} was asked for but PyTorch finds none on this machine; choose auto or cpu.")
    if not _runs(wish):
        raise FindingError(f"PyTorch cannot run the networks on the device {wish} of this machine; choose auto or cpu.")
    return torch.device(wish)


@cache
def _runs(device: str) -> bool:
    """Whether the networks' layers run there, and say what they say on the processor.

    Before 2.8 PyTorch lacks transposed convolutions for MPS, it drops old cards, and not every device knows the Fourier transforms of
    large kernels.
    """
    if device == "cpu":
        return True
    layers = (torch.nn.Conv3d(1, 2, 3, padding=1), torch.nn.GroupNorm(2, 2), LargeKernelConv(2), torch.nn.ConvTranspose3d(2, 1, 2, 2))
    network, window = torch.nn.Sequential(*layers), torch.arange(64.0).reshape(1, 1, 4, 4, 4).sin()
    try:
        with torch.inference_mode():
            expected = network(window)
            found = network.to(device)(window.to(device)).cpu()
    except (RuntimeError, NotImplementedError, AssertionError):
        return False
    return bool(torch.allclose(found, expected, atol=0.01))
