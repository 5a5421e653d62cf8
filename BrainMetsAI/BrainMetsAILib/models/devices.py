"""Where a network runs."""

import torch

from BrainMetsAILib.models.finding import FindingError


def choose_device(wish: str = "auto") -> torch.device:
    """The device for a wish (``auto``, ``cpu``, ``cuda``, ``mps``); raises FindingError where the machine has no such device."""
    if wish == "auto":
        wish = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wish not in present:
        raise FindingError(f"There is no device called {wish}; choose auto, cpu, cuda or mps.")
    if not present[wish]:
        raise FindingError(f"The device {wish} was asked for but PyTorch finds none on this machine; choose auto or cpu.")
    return torch.device(wish)
