"""Slice views by their names: their nodes, and what lies in them."""

from __future__ import annotations

from typing import Any

import slicer

COLUMNS = ("BrainMetsAI1", "BrainMetsAI2", "BrainMetsAI3", "BrainMetsAI4")  # axial views of sequences side by side


def slice_node(name: str) -> Any:
    """The slice node of a view; None where there is no such view (yet)."""
    nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    return next((node for node in nodes if node.GetLayoutName() == name), None)


def composite_node(name: str) -> Any:
    """The view's composite node; without the desktop, where no widget made one, it is made here with the name the desktop looks for."""
    nodes = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    found = next((node for node in nodes if node.GetLayoutName() == name), None)
    if found is None:
        found = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSliceCompositeNode")
        found.UnRegister(None)
        found.SetSingletonTag(name)
        found.SetLayoutName(name)
        found = slicer.mrmlScene.AddNode(found)
    return found


def composites() -> list[Any]:
    """The composite nodes of all slice views, shown or not."""
    return list(slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"))


def copy_view(source: Any, target: Any) -> None:
    """Make one slice view show the same slice as another, equally large; the two need not have the same shape."""
    target.GetSliceToRAS().DeepCopy(source.GetSliceToRAS())
    target.UpdateMatrices()
    _x, height_mm, thickness = source.GetFieldOfView()
    columns, rows, _depth = target.GetDimensions()
    if rows > 0:
        target.SetFieldOfView(height_mm * columns / rows, height_mm, thickness)
