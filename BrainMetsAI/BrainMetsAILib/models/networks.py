"""The metastasis networks by name, as a bundle's settings or a training asks for them."""

from collections.abc import Mapping
from typing import Any

from BrainMetsAILib.models.network import CLASSES, CompactUNet
from BrainMetsAILib.models.plain_conv import PlainConvNet
from BrainMetsAILib.models.rlk_unet import RLKUNet

Network = CompactUNet | RLKUNet | PlainConvNet

STANDARD: Mapping[str, Mapping[str, Any]] = {
    "compact": {"name": "compact", "widths": [16, 32, 48, 80]},
    "rlk_unet": {"name": "rlk_unet", "widths": [14, 28, 56, 112], "blocks": [2, 2, 2, 4], "kernel": 13, "small": 5},
    # The paper's base line: the same network with ordinary kernels.
    "rlk_unet_3": {"name": "rlk_unet", "widths": [14, 28, 56, 112], "blocks": [2, 2, 2, 4], "kernel": 3, "small": 0},
    "plain_conv_unet": {"name": "plain_conv_unet", "widths": [32, 64, 128, 256]},
}
"""Sizes by which a training starts."""


def build_network(sizes: Mapping[str, Any]) -> Network:
    """An untrained network.

    Parameters
    ----------
    sizes
        ``name`` (``compact`` where it is absent, ``rlk_unet`` or ``plain_conv_unet``) and the network's own sizes; ``classes``, if given,
        must be those of `network.CLASSES` in their order.

    Raises
    ------
    ValueError
        For an unknown name, other classes, or a package that is not installed.
    """
    wanted = dict(sizes)
    classes = wanted.pop("classes", list(CLASSES))
    if tuple(classes) != CLASSES:
        raise ValueError(f"the classes {classes} are not {list(CLASSES)}")
    name = wanted.pop("name", "compact")
    if name == "compact":
        return CompactUNet(**wanted)
    if name == "rlk_unet":
        return RLKUNet(**wanted)
    if name == "plain_conv_unet":
        return PlainConvNet(**wanted)
    raise ValueError(f"there is no network called {name}")
