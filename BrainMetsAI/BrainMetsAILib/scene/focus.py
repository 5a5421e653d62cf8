"""The selected lesion in the middle of every view, the others dimmed; outlines and overlay off and on.

Changes of display only: redo survives them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from BrainMetsAILib.lesions.diameters import DiameterPair, Point
from BrainMetsAILib.scene.layout import FIELD_MM, segment_centre, show_place
from BrainMetsAILib.scene.segments import lesion_segment_ids

_FIELD_SHARE = 2.5  # of the view, a large lesion takes up no more than one part in this
_DIM_FILL, _DIM_OUTLINE, _DIM_SURFACE = 0.2, 0.35, 0.3
_BRIGHT = 1.0


def focus_lesion(segmentation: Any, segment_id: str, diameters: DiameterPair) -> None:
    """Every slice view and the 3D view to one lesion, zoomed to it, the others dimmed; all redraws in one go.

    Parameters
    ----------
    diameters
        The lesion's: the axial views show their slice, and all views at least 60 mm, and two and a half times the longest.
    """
    field_mm = max(FIELD_MM, _FIELD_SHARE * diameters.longest_mm)
    centre = segment_centre(segmentation, segment_id)
    middle = [0.0, 0.0, 0.0]
    segmentation.TransformPointToWorld(np.mean(diameters.longest_ends_ras, axis=0).tolist(), middle)
    slicer.app.pauseRender()
    try:
        show_place((centre[0], centre[1], middle[2]), field_mm)
        _dim(segmentation, segment_id)
        for camera in slicer.util.getNodesByClass("vtkMRMLCameraNode"):
            _aim(camera, centre, field_mm)
    finally:
        slicer.app.resumeRender()


def unfocus(segmentation: Any) -> None:
    """All lesions alike again; the views stay where they are."""
    slicer.app.pauseRender()
    try:
        _dim(segmentation, None)
    finally:
        slicer.app.resumeRender()


def overview(segmentation: Any) -> None:
    """All lesions alike, and the whole head in the slice views."""
    slicer.app.pauseRender()
    try:
        _dim(segmentation, None)
        slicer.app.applicationLogic().FitSliceToBackground()
    finally:
        slicer.app.resumeRender()


def toggle_outlines(segmentation: Any) -> None:
    """Lesions in the slice views off, or on again."""
    display = segmentation.GetDisplayNode()
    if display is not None:
        display.SetVisibility2D(not display.GetVisibility2D())


def _dim(segmentation: Any, but: str | None) -> None:
    """Dim all lesions but one; none where none is named."""
    display = segmentation.GetDisplayNode()
    if display is None:
        return
    surfaces = segmentation.GetSegmentation().ContainsRepresentation("Closed surface")  # else 3D shows nothing that could be dimmed
    with slicer.util.NodeModify(display):  # 1 ms, one by one up to 220 (editing.md)
        for segment_id in lesion_segment_ids(segmentation):
            bright = but in (None, segment_id)
            display.SetSegmentOpacity2DFill(segment_id, _BRIGHT if bright else _DIM_FILL)
            display.SetSegmentOpacity2DOutline(segment_id, _BRIGHT if bright else _DIM_OUTLINE)
            surface = _BRIGHT if bright or not surfaces else _DIM_SURFACE
            if display.GetSegmentOpacity3D(segment_id) != surface:
                display.SetSegmentOpacity3D(segment_id, surface)


def _aim(camera: Any, centre: Point, field_mm: float) -> None:
    """Look at a place from the same side as before, from so far that the field fills the view."""
    position, focal = np.zeros(3), np.zeros(3)
    camera.GetPosition(position)
    camera.GetFocalPoint(focal)
    back = position - focal
    length = float(np.linalg.norm(back))
    if length == 0:
        return
    angle = np.radians(camera.GetViewAngle())
    target = np.asarray(centre) + back / length * (field_mm / (2 * np.tan(angle / 2)))
    with slicer.util.NodeModify(camera):
        camera.SetFocalPoint(*centre)
        camera.SetPosition(*target)
    camera.ResetClippingRange()
