"""What the views show: an examination with its overlay, and one lesion in the middle."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from BrainMetsAILib.scene.masks import reference_grid, segment_crop
from BrainMetsAILib.scene.review import ReviewNodes
from BrainMetsAILib.scene.segments import lesion_segment_ids
from BrainMetsAILib.scene.volumes import show_legend

FIELD_MM = 60.0


def show_review(nodes: ReviewNodes, probability_opacity: float = 0.25) -> None:
    """The volume in all slice views with its lesion probability over it, slices through the largest lesion, the table chosen.

    Slice views that are made later (another layout) do not take this over: call it again after a layout change.
    """
    application = slicer.app.applicationLogic()
    selection = application.GetSelectionNode()
    if nodes.volume is not None:
        selection.SetActiveVolumeID(nodes.volume.GetID())
        selection.SetSecondaryVolumeID(nodes.probability.GetID() if nodes.probability else None)
        slicer.util.setSliceViewerLayers(
            background=nodes.volume, foreground=nodes.probability, foregroundOpacity=probability_opacity if nodes.probability else 0.0
        )
        application.FitSliceToBackground()
    if nodes.probability is not None:
        show_legend(nodes.probability)
    if nodes.table is not None:
        selection.SetActiveTableID(nodes.table.GetID())
        application.PropagateTableSelection()
    ids = lesion_segment_ids(nodes.segmentation)
    if ids:
        largest = max(ids, key=lambda segment_id: _voxels(nodes.segmentation, segment_id))
        centre = segment_centre(nodes.segmentation, largest)
        slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *centre, slicer.vtkMRMLSliceNode.OffsetJumpSlice)


def show_lesion(segmentation: Any, segment_id: str, field_mm: float = FIELD_MM) -> None:
    """Every slice view to the middle of one lesion, with a field of view of that many millimetres; all redraws in one go."""
    slicer.app.pauseRender()
    try:
        centre = segment_centre(segmentation, segment_id)
        slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *centre, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
        for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            x, y, z = node.GetFieldOfView()
            if x > 0:
                node.SetFieldOfView(field_mm, field_mm * y / x, z)
    finally:
        slicer.app.resumeRender()


def show_for_file(nodes: ReviewNodes) -> None:
    """How a scene file opens: three slice views, a 3D view with the lesions' surfaces, and the lesion table."""
    layout = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if layout is not None:
        layout.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpTableView)
    nodes.segmentation.CreateClosedSurfaceRepresentation()
    show_review(nodes)


def segment_centre(segmentation: Any, segment_id: str) -> tuple[float, float, float]:
    """Middle of a segment's box in the world (RAS mm), parent transform applied; the origin where the segment is empty.

    From the segment's own layer: 0.1 ms, where Slicer's `GetSegmentCenterRAS` needs 13–20 ms.
    """
    grid = reference_grid(segmentation)
    crop = segment_crop(segmentation, segment_id, grid)
    if crop is None:
        return 0.0, 0.0, 0.0
    middle = [(part.start + part.stop - 1) / 2 for part in crop.box[::-1]]
    local = (grid.ijk_to_ras @ np.array([*middle, 1.0]))[:3]
    world = [0.0, 0.0, 0.0]
    segmentation.TransformPointToWorld(local.tolist(), world)
    return world[0], world[1], world[2]


def _voxels(segmentation: Any, segment_id: str) -> int:
    crop = segment_crop(segmentation, segment_id, reference_grid(segmentation))
    return 0 if crop is None else int(crop.mask.sum())
