"""What the views show: an examination with its overlay, and one lesion in the middle."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from BrainMetsAILib.scene.case_volumes import chosen_volume
from BrainMetsAILib.scene.masks import reference_grid, segment_crop, segment_ml
from BrainMetsAILib.scene.overlays import show_overlay
from BrainMetsAILib.scene.reading_layouts import fill_views, keep_slab
from BrainMetsAILib.scene.review import ReviewNodes, review_nodes, review_of, reviews
from BrainMetsAILib.scene.segments import counting_segment_ids
from BrainMetsAILib.scene.slice_views import composite_node, copy_view, slice_node
from BrainMetsAILib.scene.volumes import show_legend

FIELD_MM = 60.0

# Slice views of the built-in layout of three over three, by plane.
BASELINE_VIEWS = ("Red", "Green", "Yellow")
FOLLOW_UP_VIEWS = ("Red+", "Green+", "Yellow+")


def show_review(nodes: ReviewNodes, probability_opacity: float | None = None) -> None:
    """The volume in all slice views with the chosen overlay over it, slices through the largest lesion, the table chosen.

    The lesions of other examinations are hidden: they lie in other volumes. Sequences side by side keep their own volumes. Slice views
    that are made later (another layout) do not take this over: call it again after a layout change. With `probability_opacity` the lesion
    probability is the overlay, whatever was chosen.
    """
    slicer.app.pauseRender()  # else every step draws every view: three times the work
    try:
        nodes.segmentation.GetDisplayNode().RemoveAllViewNodeIDs()  # a comparison shows it in a few views only
        _hide_other_lesions(nodes.segmentation)
        application = slicer.app.applicationLogic()
        selection = application.GetSelectionNode()
        if nodes.volume is not None:
            selection.SetActiveVolumeID(nodes.volume.GetID())
            slicer.util.setSliceViewerLayers(background=nodes.volume, foreground=None)
            if probability_opacity is None:
                show_overlay(nodes.segmentation)
                if nodes.volume is chosen_volume():
                    fill_views()
            elif nodes.probability is not None:
                selection.SetSecondaryVolumeID(nodes.probability.GetID())
                slicer.util.setSliceViewerLayers(foreground=nodes.probability, foregroundOpacity=probability_opacity)
                show_legend(nodes.probability)
            application.FitSliceToBackground()
            keep_slab()
        if nodes.table is not None:
            selection.SetActiveTableID(nodes.table.GetID())
            application.PropagateTableSelection()
        ids = counting_segment_ids(nodes.segmentation)
        if ids:
            largest = max(ids, key=lambda segment_id: segment_ml(nodes.segmentation, segment_id))
            centre = segment_centre(nodes.segmentation, largest)
            slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *centre, slicer.vtkMRMLSliceNode.OffsetJumpSlice)
    finally:
        slicer.app.resumeRender()


def show_case() -> None:
    """The chosen T1c in the views, with its lesions and overlay where it has them; nothing where none is chosen."""
    volume = chosen_volume()
    if volume is None:
        return
    review = review_of(volume)
    if review is not None:
        show_review(review_nodes(review))
    else:
        show_volume(volume)


def show_volume(volume: Any) -> None:
    """A volume alone in every slice view, whole, without any lesions; sequences side by side keep their own volumes."""
    slicer.app.pauseRender()
    try:
        _hide_other_lesions(None)
        slicer.app.applicationLogic().GetSelectionNode().SetActiveVolumeID(volume.GetID())
        slicer.util.setSliceViewerLayers(background=volume, foreground=None)
        if volume is chosen_volume():
            fill_views()
        slicer.app.applicationLogic().FitSliceToBackground()
        keep_slab()
    finally:
        slicer.app.resumeRender()


def show_lesion(segmentation: Any, segment_id: str, field_mm: float = FIELD_MM) -> None:
    """Every slice view to the middle of one lesion, with a field of view of that many millimetres; all redraws in one go."""
    show_place(segment_centre(segmentation, segment_id), field_mm)


def show_place(centre: tuple[float, float, float], field_mm: float) -> None:
    """Every slice view to a place (RAS mm in the world), with a field of view of that many millimetres; all redraws in one go."""
    slicer.app.pauseRender()
    try:
        slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *centre, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
        for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            x, y, z = node.GetFieldOfView()
            if x > 0:
                node.SetFieldOfView(field_mm, field_mm * y / x, z)
    finally:
        slicer.app.resumeRender()


def show_pair(baseline: ReviewNodes, follow_up: ReviewNodes, probability_opacity: float = 0.0) -> None:
    """Baseline above, follow-up below, axial, coronal and sagittal, at the same places; each row shows its own lesions only."""
    layout = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    show_review(baseline, probability_opacity)
    if layout is not None:
        layout.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutThreeOverThreeView)
    for upper, lower in zip(BASELINE_VIEWS, FOLLOW_UP_VIEWS, strict=True):
        above, below = slice_node(upper), slice_node(lower)
        if above is None or below is None:
            continue
        copy_view(above, below)
        for name, nodes in ((upper, baseline), (lower, follow_up)):
            composite = composite_node(name)
            composite.SetLinkedControl(False)  # else every volume goes into every view
            composite.SetBackgroundVolumeID(nodes.volume.GetID() if nodes.volume else None)
            composite.SetForegroundVolumeID(nodes.probability.GetID() if nodes.probability else None)
            composite.SetForegroundOpacity(probability_opacity)
    _only_in(baseline.segmentation, [*BASELINE_VIEWS], also=("vtkMRMLViewNode1",))
    _only_in(follow_up.segmentation, [*FOLLOW_UP_VIEWS])


def show_for_file(nodes: ReviewNodes, follow_up: ReviewNodes | None = None) -> None:
    """How a scene file opens, with the lesions' surfaces made.

    One examination: three slice views, a 3D view and the lesion table. Two: baseline above follow-up, as `show_pair` says.
    """
    layout = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if layout is not None:
        layout.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpTableView)
    nodes.segmentation.CreateClosedSurfaceRepresentation()
    if follow_up is None:
        show_review(nodes)
    else:
        follow_up.segmentation.CreateClosedSurfaceRepresentation()
        show_pair(nodes, follow_up)


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


def _hide_other_lesions(shown: Any) -> None:
    """The lesions of this segmentation are seen, those of all other reviews are not; None for none."""
    for segmentation in reviews():
        display = segmentation.GetDisplayNode()
        if display is not None:
            display.SetVisibility(segmentation is shown)


def _only_in(segmentation: Any, view_names: list[str], also: tuple[str, ...] = ()) -> None:
    display = segmentation.GetDisplayNode()
    with slicer.util.NodeModify(display):
        display.SetVisibility(True)
        display.RemoveAllViewNodeIDs()
        for name in view_names:
            node = slice_node(name)
            if node is not None:
                display.AddViewNodeID(node.GetID())
        for node_id in also:
            display.AddViewNodeID(node_id)
