"""The two diameters of the selected lesion as lines in the views, which a person can drag.

Two markups nodes are used again and again: creating one costs 160 ms, moving one 0.7 ms (editing.md). They show what tags and outline
say and are not saved with the scene.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import slicer

from BrainMetsAILib.lesions.diameters import DiameterPair, Ends, Point
from BrainMetsAILib.lesions.grid import axial_axis
from BrainMetsAILib.scene.masks import reference_grid

ATTRIBUTE = "BrainMetsAI.Diameter"
LONGEST, PERPENDICULAR = "longest", "perpendicular"
_NAMES = {LONGEST: "Longest", PERPENDICULAR: "Perpendicular"}
_COLOURS = {LONGEST: (1.0, 1.0, 0.4), PERPENDICULAR: (0.6, 1.0, 1.0)}
_MOVED_MM = 0.01


class DiameterLines:
    """Shows the diameters of one lesion at a time.

    Parameters
    ----------
    on_drawn
        Called after a person dragged a line, with the ends of both (longest and perpendicular as they were shown) in the segmentation's
        own space, RAS mm.
    """

    def __init__(self, on_drawn: Callable[[Ends, Ends], None]) -> None:
        self._on_drawn = on_drawn
        self._observed: list[tuple[Any, int]] = []
        self._segmentation: Any = None
        self._shown: dict[str, Ends] = {}

    def prepare(self) -> None:
        """Make the two nodes, so that the first click on a lesion need not wait for them."""
        for name in _NAMES:
            self._node(name)

    def show(self, segmentation: Any, pair: DiameterPair) -> None:
        """Put the lines where a lesion's diameters are."""
        self._segmentation = segmentation
        self._shown = {LONGEST: pair.longest_ends_ras, PERPENDICULAR: pair.perpendicular_ends_ras}
        tilted = _is_tilted(segmentation)
        for name, ends in self._shown.items():
            node = self._node(name)
            _move(node, tuple(_to_world(segmentation, end) for end in ends))
            display = node.GetDisplayNode()
            with slicer.util.NodeModify(display):
                display.SetSliceProjection(tilted)  # lines in tilted slices meet an axial view in points only
                display.SetVisibility(True)

    def hide(self) -> None:
        """Show none."""
        self._segmentation = None
        for name in _NAMES:
            node = diameter_node(name)
            if node is not None and node.GetDisplayNode() is not None:
                node.GetDisplayNode().SetVisibility(False)

    def release(self) -> None:
        """Let go of the nodes, before the scene closes and at exit."""
        self.hide()
        for node, number in self._observed:
            node.RemoveObserver(number)
        self._observed = []

    def _node(self, name: str) -> Any:
        """The node of one line, made where there is none (a person may have deleted it), and observed."""
        node = diameter_node(name)
        if node is None:
            node = _new_node(name)
        if not any(observed is node for observed, _ in self._observed):
            self._observed = [(observed, number) for observed, number in self._observed if slicer.mrmlScene.IsNodePresent(observed)]
            self._observed.append((node, node.AddObserver(node.PointEndInteractionEvent, self._dragged)))
            self._observed.append((node, node.AddObserver(node.PointModifiedEvent, _label)))
        return node

    def _dragged(self, caller: Any, event: str) -> None:
        if self._segmentation is None or not slicer.mrmlScene.IsNodePresent(self._segmentation):
            return
        drawn = {}
        for name in _NAMES:
            node = diameter_node(name)
            if node is None or node.GetNumberOfDefinedControlPoints() != 2:
                return
            drawn[name] = (_from_world(self._segmentation, node, 0), _from_world(self._segmentation, node, 1))
        if max(float(np.abs(np.subtract(drawn[name], self._shown[name])).max()) for name in _NAMES) > _MOVED_MM:
            self._shown = dict(drawn)
            self._on_drawn(drawn[LONGEST], drawn[PERPENDICULAR])


def diameter_node(name: str) -> Any:
    """The scene's node for `LONGEST` or `PERPENDICULAR`; None where there is none."""
    nodes = slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode")
    return next((node for node in nodes if node.GetAttribute(ATTRIBUTE) == name), None)


def _new_node(name: str) -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", _NAMES[name])
    node.SetAttribute(ATTRIBUTE, name)
    node.SetSaveWithScene(False)
    node.SetHideFromEditors(True)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetSaveWithScene(False)
    with slicer.util.NodeModify(display):
        display.SetVisibility(False)
        display.SetColor(*_COLOURS[name])
        display.SetSelectedColor(*_COLOURS[name])
        display.SetVisibility3D(False)  # inside a surface nobody sees them
        display.SetPointLabelsVisibility(True)  # at an end: in the middle the two lengths would cover each other and the lesion
        display.SetPropertiesLabelVisibility(False)
        display.SetTextScale(2.5)
        display.SetGlyphScale(1.2)
        display.SetSliceProjectionUseFiducialColor(True)
        display.SetSliceProjectionOpacity(0.8)
    for _ in range(2):
        node.AddControlPoint(0.0, 0.0, 0.0)
    node.SetFixedNumberOfControlPoints(True)  # the Delete key over a point would leave half a line
    return node


def _move(node: Any, ends: tuple[Point, ...]) -> None:
    """Write positions only where they differ."""
    with slicer.util.NodeModify(node):
        for index, end in enumerate(ends):
            position = [0.0, 0.0, 0.0]
            node.GetNthControlPointPositionWorld(index, position)
            if max(abs(a - b) for a, b in zip(position, end, strict=True)) > _MOVED_MM / 10:
                node.SetNthControlPointPositionWorld(index, *end)


def _label(node: Any, event: str = "") -> None:
    """The length at the end that lies to the right in an axial view, also while a person drags."""
    first, second = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
    node.GetNthControlPointPositionWorld(0, first)
    node.GetNthControlPointPositionWorld(1, second)
    length = f"{float(np.linalg.norm(np.subtract(first, second))):.1f} mm"
    labels = ("", length) if second[0] < first[0] else (length, "")
    for index, label in enumerate(labels):
        if node.GetNthControlPointLabel(index) != label:
            node.SetNthControlPointLabel(index, label)


def _to_world(segmentation: Any, point: Point) -> Point:
    world = [0.0, 0.0, 0.0]
    segmentation.TransformPointToWorld(list(point), world)
    return world[0], world[1], world[2]


def _from_world(segmentation: Any, node: Any, index: int) -> Point:
    world, own = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
    node.GetNthControlPointPositionWorld(index, world)
    segmentation.TransformPointFromWorld(world, own)
    return own[0], own[1], own[2]


def _is_tilted(segmentation: Any) -> bool:
    """Whether the slices that diameters lie in are not axial in the world."""
    matrix = reference_grid(segmentation).ijk_to_ras
    step = matrix[:3, 2 - axial_axis(matrix)]
    origin, tip = (_to_world(segmentation, point) for point in ((0.0, 0.0, 0.0), (float(step[0]), float(step[1]), float(step[2]))))
    moved = np.subtract(tip, origin)
    return bool(abs(moved[2]) < 0.9999 * float(np.linalg.norm(moved)))
