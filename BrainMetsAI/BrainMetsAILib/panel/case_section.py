"""The section in which the examination is chosen."""

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from BrainMetsAILib.images.examination import Role
from BrainMetsAILib.panel.case_words import case_sentences
from BrainMetsAILib.panel.volume_selectors import CHOSEN, leave_out_maps
from BrainMetsAILib.scene.case_volumes import KnownVolumes, choose_volume, chosen_volume, fill_roles, reason_of
from BrainMetsAILib.scene.case_warnings import VoxelWarnings
from BrainMetsAILib.scene.layout import show_case

__all__ = ["CaseSection", "chosen_volume"]


class CaseSection:
    """Chooses the volumes by role and keeps the choice on the settings node.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAICase.ui.
    on_change
        Called when a volume changed.
    """

    def __init__(self, ui: Any, on_change: Callable[[], None]) -> None:
        self.ui, self._on_change = ui, on_change
        self._updating = False
        self._known, self._voxels = KnownVolumes(), VoxelWarnings()
        self._seen: set[str] = set()
        self._selectors = {Role.T1C: ui.volumeSelector, Role.T1N: ui.t1nSelector, Role.T2W: ui.t2wSelector, Role.T2F: ui.t2fSelector}
        self._hints = {role: selector.toolTip for role, selector in self._selectors.items()}
        self._look_later = qt.QTimer()  # the voxels are looked at when nothing else waits
        self._look_later.setSingleShot(True)
        self._look_later.setInterval(0)
        self._look_later.connect("timeout()", self._look)
        for role, selector in self._selectors.items():
            selector.connect("nodeAboutToBeRemoved(vtkMRMLNode*)", lambda node, role=role: self._on_leaving(role, node))
            for signal in CHOSEN:
                selector.connect(signal, lambda node, role=role: self._on_volume(role, node))

    def refresh(self) -> None:
        """Show what the settings node holds; a volume that came is offered, and chosen where no person decided."""
        present = {facts.node.GetID() for facts in self._known.all()}
        if present - self._seen:
            fill_roles(self._known)
        self._seen = present
        self._updating = True
        try:
            leave_out_maps(self._selectors.values())
            for role, selector in self._selectors.items():
                selector.setCurrentNode(chosen_volume(role))
                reason = reason_of(role)
                chosen = _("Chosen because: {reason}.").format(reason=reason) if reason else ""
                selector.toolTip = "\n\n".join(text for text in (chosen, self._hints[role]) if text)
        finally:
            self._updating = False
        self._show_warnings()

    def release(self) -> None:
        """At exit and reload: what the selectors say no longer counts."""
        self._updating = True
        self._look_later.stop()

    def choose_if_obvious(self) -> None:
        """The module is opened: fill the roles about which no person decided."""
        fill_roles(self._known)

    def _show_warnings(self) -> None:
        volume = chosen_volume()
        sentences: list[str] = []
        if volume is not None:
            voxels = self._voxels.known(volume)
            sentences = case_sentences(self._known.of(volume), voxels or ())
            if voxels is None:
                self._look_later.start()
        self.ui.warningLabel.text = "\n".join(sentences)
        self.ui.warningLabel.setVisible(bool(sentences))

    def _look(self) -> None:
        volume = chosen_volume()
        if volume is not None and not slicer.mrmlScene.IsClosing():
            self._voxels.look(volume)
            self._show_warnings()

    def _on_leaving(self, role: Role, node: Any) -> None:
        """The selector is about to move to a neighbour that nobody chose; the refresh that follows the removal shows none."""
        if node is not None and node is chosen_volume(role):
            self._updating = True

    def _on_volume(self, role: Role, volume: Any) -> None:
        scene = slicer.mrmlScene
        if self._updating or scene.IsClosing() or scene.IsImporting():
            return  # the selector moves by itself
        if volume is not chosen_volume(role):  # from 5.12 on the selector also speaks when the chosen volume gets another name
            choose_volume(role, volume)
            if role is Role.T1C:
                fill_roles(self._known)  # the sequences that belong to it
                show_case()
            self._on_change()

