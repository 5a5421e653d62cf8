"""What selectors of nodes have in common: how they tell of a choice, and what they do not offer."""

from collections.abc import Iterable
from typing import Any

from BrainMetsAILib.scene.overlays import overlay_maps
from BrainMetsAILib.scene.practice import truths

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
    _leave_out(selectors, overlay_maps())


def leave_out_truths(selectors: Iterable[Any]) -> None:
    """Offer no truth of a practice case, which is shown once a reading is submitted: it would be copied into the next one."""
    _leave_out(selectors, truths())


def _leave_out(selectors: Iterable[Any], nodes: Iterable[Any]) -> None:
    hidden = sorted(node.GetID() for node in nodes)
    for selector in selectors:
        selector.sortFilterProxyModel().hiddenNodeIDs = hidden
