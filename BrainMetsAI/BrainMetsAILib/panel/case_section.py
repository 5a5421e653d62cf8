"""The section in which the examination is chosen."""

from collections.abc import Callable
from typing import Any

import slicer

from BrainMetsAILib.panel.volume_facts import thickness_warning
from BrainMetsAILib.scene.review import reviews
from BrainMetsAILib.scene.settings import settings_node

VOLUME_ROLE = "BrainMetsAI.Volume"  # of the settings node: the volume that the panel works on


def chosen_volume() -> Any:
    """The volume that the panel works on; None where none is chosen."""
    return settings_node().GetNodeReference(VOLUME_ROLE)


class CaseSection:
    """Chooses the volume and keeps the choice on the settings node.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAICase.ui.
    on_change
        Called when the volume changed.
    """

    def __init__(self, ui: Any, on_change: Callable[[], None]) -> None:
        self.ui, self._on_change = ui, on_change
        self._updating = False
        ui.volumeSelector.connect("nodeAboutToBeRemoved(vtkMRMLNode*)", self._on_leaving)
        ui.volumeSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._on_volume)

    def refresh(self) -> None:
        """Show what the settings node holds."""
        self._updating = True
        volume = chosen_volume()
        try:
            self.ui.volumeSelector.setCurrentNode(volume)
        finally:
            self._updating = False
        warning = thickness_warning(volume) if volume else ""
        self.ui.warningLabel.text = warning
        self.ui.warningLabel.setVisible(bool(warning))

    def release(self) -> None:
        """At exit and reload: what the selector says no longer counts."""
        self._updating = True

    def choose_if_obvious(self) -> None:
        """Take the only volume there is, or the one that was reviewed last, when nothing is chosen."""
        if chosen_volume() is None:
            shown = [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if _may_be_chosen(node)]
            if len(shown) == 1 and not reviews():
                self._choose(shown[0])

    def _choose(self, volume: Any) -> None:
        settings_node().SetNodeReferenceID(VOLUME_ROLE, volume.GetID() if volume else None)

    def _on_leaving(self, node: Any) -> None:
        """The selector is about to move to a neighbour that nobody chose; the refresh that follows the removal shows none."""
        if node is not None and node is chosen_volume():
            self._updating = True

    def _on_volume(self, volume: Any) -> None:
        scene = slicer.mrmlScene
        if not (self._updating or scene.IsClosing() or scene.IsImporting()):  # then the selector moves by itself
            self._choose(volume)
            self._on_change()


def _may_be_chosen(node: Any) -> bool:
    return node.GetClassName() == "vtkMRMLScalarVolumeNode" and not node.GetHideFromEditors()
