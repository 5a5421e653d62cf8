"""Slicer's own Segment Editor inside the panel, with the one undo history of the review."""

from typing import Any

import slicer

from BrainMetsAILib.scene.editor_node import editor_node

EFFECTS = ("Paint", "Draw", "Erase", "Scissors", "Islands", "Margin", "Smoothing", "Threshold")
UNDO_STATES = 20

# Lesions are chosen in the panel's own table; nothing is overwritten or masked.
_HIDDEN = ("SegmentsTableResizableFrame", "UndoRedoGroupBox")
_OFF = (
    "segmentationNodeSelectorVisible",
    "sourceVolumeNodeSelectorVisible",
    "switchToSegmentationsButtonVisible",
    "unorderedEffectsVisible",
    "addRemoveSegmentButtonsVisible",
    "specifyGeometryButtonVisible",
    "show3DButtonVisible",
)


class EmbeddedEditor:
    """The editor widget: effects on one segment of one segmentation, undo and redo.

    Implements `scene.history.History`.

    Parameters
    ----------
    widget
        The qMRMLSegmentEditorWidget of the .ui file.
    """

    def __init__(self, widget: Any) -> None:
        self._widget = widget
        self._open = self._taken = False
        widget.setMaximumNumberOfUndoStates(UNDO_STATES)
        widget.setEffectNameOrder(list(EFFECTS))
        widget.autoShowSourceVolumeNode = False  # else overlays vanish
        for name in _OFF:
            setattr(widget, name, False)
        for name in _HIDDEN:
            slicer.util.findChild(widget, name).setVisible(False)
        self._undo, self._redo = (slicer.util.findChild(widget, name) for name in ("UndoButton", "RedoButton"))

    def edit(self, segmentation: Any, volume: Any) -> None:
        """Take up a segmentation; its history begins anew."""
        self._taken = True
        self._widget.setMRMLSegmentEditorNode(editor_node())  # the node first, then the scene
        self._widget.maskingSectionVisible = False  # without a node Slicer would log an error
        self._widget.setMRMLScene(slicer.mrmlScene)
        self._widget.setSegmentationNode(segmentation)
        self._widget.setSourceVolumeNode(volume)
        if self._open:
            self._widget.setupViewObservations()

    def choose(self, segment_id: str) -> None:
        """Edit this segment from now on; empty for none."""
        self._widget.setCurrentSegmentID(segment_id)
        self._widget.setVisible(bool(segment_id))  # disabled, its hidden buttons would not tell whether there is a step to undo
        if not segment_id:
            self.pause()

    @property
    def segment_id(self) -> str:
        """The segment that is edited."""
        return str(editor_node().GetSelectedSegmentID() or "")

    @property
    def effect(self) -> str:
        """Name of the active effect; empty where there is none."""
        return str(editor_node().GetActiveEffectName() or "")

    def pause(self) -> None:
        """No effect is active."""
        self._widget.setActiveEffect(None)

    def open(self) -> None:
        """The module was opened: effects hear the views."""
        self._open = True
        self._widget.setupViewObservations()

    def close(self) -> None:
        """The module was left: nothing hears views and keys any more."""
        self._open = False
        self.pause()
        self._widget.uninstallKeyboardShortcuts()
        self._widget.removeViewObservations()

    def release(self) -> None:
        """Let go of all nodes: closing the scene with an effect at work crashes the application otherwise."""
        self._widget.setVisible(False)
        if not self._taken:
            return
        self._taken = False
        self.pause()
        self._widget.setSegmentationNode(None)
        self._widget.setSourceVolumeNode(None)
        self._widget.removeViewObservations()

    def save(self) -> None:
        """Keep the present state as one step of undo."""
        self._widget.saveStateForUndo()

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._undo.enabled)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to bring again."""
        return bool(self._redo.enabled)

    def undo(self) -> None:
        """Take the last step back."""
        self._widget.undo()

    def redo(self) -> None:
        """Bring it again."""
        self._widget.redo()
