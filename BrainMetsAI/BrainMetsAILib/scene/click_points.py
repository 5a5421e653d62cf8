"""Points that a person has clicked for an edit, shown in the views until it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer

_ATTRIBUTE = "BrainMetsAI.ClickPoints"


def show_click_points(points: Sequence[tuple[float, float, float]]) -> None:
    """Show places in the world (RAS mm) as small numbered marks; none takes the marks away."""
    node = _node()
    if not points:
        if node is not None:
            slicer.mrmlScene.RemoveNode(node)
        return
    if node is None:
        node = _new_node()
    with slicer.util.NodeModify(node):
        node.RemoveAllControlPoints()
        for number, point in enumerate(points, start=1):
            node.AddControlPointWorld(*point)
            node.SetNthControlPointLabel(number - 1, str(number))
        node.SetLocked(True)


def _node() -> Any:
    return next((node for node in slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode") if node.GetAttribute(_ATTRIBUTE)), None)


def _new_node() -> Any:
    node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLMarkupsFiducialNode")
    node.UnRegister(None)
    node.SetName("BrainMetsAI points")
    node.SetAttribute(_ATTRIBUTE, "1")
    node.SetSaveWithScene(False)
    node.SetHideFromEditors(True)
    node = slicer.mrmlScene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetSaveWithScene(False)
    display.SetGlyphScale(2.0)
    display.SetTextScale(3.0)
    display.SetSelectedColor(1.0, 1.0, 0.2)
    return node
