"""Slicer's own segment editor logic and undo history, driven as its effects drive it: paint, erase, set, undo, redo."""

from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy


class RealEditor:
    """The editor without its widget; also a `History`."""

    def __init__(self) -> None:
        self.logic = slicer.vtkSlicerSegmentEditorLogic()
        self.logic.SetMRMLScene(slicer.mrmlScene)
        self.logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self.history = slicer.vtkSegmentationHistory()
        self.logic.SetSegmentationHistory(self.history)

    def edit(self, node: Any, segmentation: Any, volume: Any) -> None:
        """Take up a segmentation with an editor node; None for none."""
        self.logic.SetSegmentEditorNode(node)
        self.logic.SetSegmentationNode(segmentation)
        self.history.SetSegmentation(segmentation.GetSegmentation() if segmentation else None)
        self.logic.SetSourceVolumeNode(volume)

    def save(self) -> None:
        """Keep the present state."""
        self.logic.SaveStateForUndo()

    def undo(self) -> None:
        """One step back."""
        self.logic.Undo()

    def redo(self) -> None:
        """One step forward."""
        self.logic.Redo()

    def ball(self, segment_id: str, ras: tuple[float, float, float], radius_mm: float, mode: str = "Add") -> None:
        """One stroke: a ball that is added to a segment, removed from it, or set as all of it, after the state was saved."""
        self.save()
        self.logic.SetCurrentSegmentID(segment_id)
        self.modify(segment_id, ras, radius_mm, mode)

    def modify(self, segment_id: str, ras: tuple[float, float, float], radius_mm: float, mode: str = "Add") -> None:
        """A stroke without saving the state."""
        assert self.logic.ResetModifierLabelmapToDefault()
        image = self.logic.GetModifierLabelmap()
        e = image.GetExtent()
        array = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(e[5] - e[4] + 1, e[3] - e[2] + 1, e[1] - e[0] + 1)
        matrix = vtk.vtkMatrix4x4()
        image.GetImageToWorldMatrix(matrix)
        m = np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
        centre = (np.linalg.inv(m) @ [*ras, 1.0])[:3]
        spacing = np.linalg.norm(m[:3, :3], axis=0)
        low = np.maximum(np.floor(centre - radius_mm / spacing), [e[0], e[2], e[4]]).astype(int)
        high = np.minimum(np.ceil(centre + radius_mm / spacing), [e[1], e[3], e[5]]).astype(int)
        i, j, k = (np.arange(a, b + 1) for a, b in zip(low, high, strict=True))
        part = array[k[0] - e[4] : k[-1] - e[4] + 1, j[0] - e[2] : j[-1] - e[2] + 1, i[0] - e[0] : i[-1] - e[0] + 1]
        grid = np.stack(np.meshgrid(k, j, i, indexing="ij"), axis=-1)[..., ::-1]
        part[np.linalg.norm((grid - centre) * spacing, axis=-1) <= radius_mm] = 1
        image.GetPointData().GetScalars().Modified()
        modes = {"Add": self.logic.ModificationModeAdd, "Remove": self.logic.ModificationModeRemove, "Set": self.logic.ModificationModeSet}
        segmentation = self.logic.GetSegmentationNode()
        extent = [int(low[0]), int(high[0]), int(low[1]), int(high[1]), int(low[2]), int(high[2])]
        if mode == "Set":
            self.logic.ModifySegmentByLabelmap(segmentation, segment_id, image, modes[mode], False, False)
        else:
            self.logic.ModifySegmentByLabelmap(segmentation, segment_id, image, modes[mode], extent, False, False)
