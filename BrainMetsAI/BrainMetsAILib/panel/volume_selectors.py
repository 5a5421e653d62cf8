"""What all selectors of volumes have in common: how they tell of a choice, and that the network's maps are not offered."""

from collections.abc import Iterable
from typing import Any

from BrainMetsAILib.scene.overlays import overlay_maps

CHOSEN = ("currentNodeChanged(vtkMRMLNode*)", "nodeActivated(vtkMRMLNode*)")
"""Signals of a selector after a choice. Under Qt 6 the first stays away where the node before has the same name, and only the second,
which a person's choice sends, tells; under 5.12 the first comes also where the chosen node gets another name: compare before acting."""


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
