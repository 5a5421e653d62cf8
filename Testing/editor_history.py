"""The real Segment Editor's undo history without its widget, as the panel has it."""

from typing import Any

import slicer


class EditorHistory:
    """Undo and redo of one segmentation by Slicer's own editor logic."""

    def __init__(self, segmentation: Any) -> None:
        self.saved = 0
        self.logic = slicer.vtkSlicerSegmentEditorLogic()
        self.logic.SetMRMLScene(slicer.mrmlScene)
        self.logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self.logic.SetSegmentEditorNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
        self.logic.SetSegmentationNode(segmentation)
        self.logic.SetMaximumNumberOfUndoStates(20)
        history = slicer.vtkSegmentationHistory()
        history.SetMaximumNumberOfStates(20)
        self.logic.SetSegmentationHistory(history)
        history.SetSegmentation(segmentation.GetSegmentation())

    def save(self) -> None:
        self.saved += 1
        self.logic.SaveStateForUndo()

    def undo(self) -> None:
        assert self.logic.CanUndo()
        self.logic.Undo()

    def redo(self) -> None:
        assert self.logic.CanRedo()
        self.logic.Redo()

    @property
    def can_redo(self) -> bool:
        return bool(self.logic.CanRedo())
