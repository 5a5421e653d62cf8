"""Which two examinations are compared: kept on the settings node, filled in from what BrainMetsAI found in the scene."""

from dataclasses import dataclass
from typing import Any

import slicer

from BrainMetsAILib.scene.review import review_nodes, review_of, reviews
from BrainMetsAILib.scene.settings import read_facts, settings_node

# Roles of the settings node's references.
BASELINE_VOLUME, BASELINE_LESIONS = "BrainMetsAI.BaselineVolume", "BrainMetsAI.BaselineLesions"
FOLLOW_UP_VOLUME, FOLLOW_UP_LESIONS = "BrainMetsAI.FollowUpVolume", "BrainMetsAI.FollowUpLesions"
ROLES = (BASELINE_VOLUME, BASELINE_LESIONS, FOLLOW_UP_VOLUME, FOLLOW_UP_LESIONS)


@dataclass(frozen=True)
class Pair:
    """The chosen nodes; None where nothing is chosen."""

    baseline_volume: Any
    baseline_lesions: Any
    follow_up_volume: Any
    follow_up_lesions: Any

    @property
    def complete(self) -> bool:
        """Whether all four are chosen."""
        return None not in (self.baseline_volume, self.baseline_lesions, self.follow_up_volume, self.follow_up_lesions)

    @property
    def distinct(self) -> bool:
        """Whether baseline and follow-up are different nodes."""
        return self.baseline_volume is not self.follow_up_volume and self.baseline_lesions is not self.follow_up_lesions

    @property
    def present(self) -> bool:
        """Whether all four are still in the scene."""
        nodes = (self.baseline_volume, self.baseline_lesions, self.follow_up_volume, self.follow_up_lesions)
        return all(node is not None and slicer.mrmlScene.IsNodePresent(node) for node in nodes)


def chosen_pair() -> Pair:
    """What the settings node holds."""
    settings = settings_node()
    return Pair(*(settings.GetNodeReference(role) for role in ROLES))


def choose(role: str, node: Any) -> None:
    """Keep a choice; choosing a volume chooses its lesions too, and those of another volume no longer."""
    settings = settings_node()
    _refer(role, node)
    lesions = {BASELINE_VOLUME: BASELINE_LESIONS, FOLLOW_UP_VOLUME: FOLLOW_UP_LESIONS}.get(role)
    if lesions and node is not None:
        found = review_of(node) or _lesions_on(node)
        chosen = settings.GetNodeReference(lesions)
        drawn_on = None if chosen is None else review_nodes(chosen).volume
        if found is not None or drawn_on not in (None, node):
            _refer(lesions, found)


def choose_if_obvious() -> None:
    """Fill in the earliest and the latest examination in which BrainMetsAI found lesions, where nothing is chosen yet."""
    settings = settings_node()
    if any(settings.GetNodeReference(role) for role in ROLES):
        return
    found = [node for node in reviews() if review_nodes(node).volume is not None]
    if all(read_facts(node).study_date for node in found):  # otherwise the order in which they were made
        found.sort(key=lambda node: read_facts(node).study_date)
    if len(found) >= 2:
        for volume_role, lesions_role, node in (
            (BASELINE_VOLUME, BASELINE_LESIONS, found[0]),
            (FOLLOW_UP_VOLUME, FOLLOW_UP_LESIONS, found[-1]),
        ):
            _refer(volume_role, review_nodes(node).volume)
            _refer(lesions_role, node)


def _refer(role: str, node: Any) -> None:
    settings_node().SetNodeReferenceID(role, node.GetID() if node is not None else None)


def _lesions_on(volume: Any) -> Any:
    """A visible segmentation that was drawn on the volume."""
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        shown = node.GetDisplayNode() is not None and node.GetDisplayNode().GetVisibility()
        if shown and review_nodes(node).volume is volume:
            return node
    return None
