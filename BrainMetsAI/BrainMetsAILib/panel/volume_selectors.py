"""What all selectors of volumes have in common: the network's maps are no images of a patient, and are not offered."""

from collections.abc import Iterable
from typing import Any

from BrainMetsAILib.scene.overlays import overlay_maps


def leave_out_maps(selectors: Iterable[Any]) -> None:
    """Offer no map of an examination; call it at each refresh, before the chosen nodes are shown.

    Parameters
    ----------
    selectors
        qMRMLNodeComboBoxes. Each filters its list anew only where it is told of other maps than before.
    """
    maps = sorted(volume.GetID() for volume in overlay_maps())
    for selector in selectors:
        selector.sortFilterProxyModel().hiddenNodeIDs = maps
