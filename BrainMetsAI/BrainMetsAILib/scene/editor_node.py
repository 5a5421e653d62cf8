"""The parameters of the panel's Segment Editor, which protect lesions from each other."""

from __future__ import annotations

from typing import Any

import slicer

SINGLETON_TAG = "BrainMetsAIEditor"


def editor_node() -> Any:
    """The scene's one editor node, with nothing overwritten and nothing masked. Fetch it each time a segmentation is taken up.

    Closing the scene resets it, and a person may change the modes in other ways.
    """
    kind = "vtkMRMLSegmentEditorNode"
    node = slicer.mrmlScene.GetSingletonNode(SINGLETON_TAG, kind)
    if node is None:
        node = slicer.mrmlScene.CreateNodeByClass(kind)
        node.UnRegister(None)
        node.SetSingletonTag(SINGLETON_TAG)
        node.SetName(SINGLETON_TAG)
        node.SetSaveWithScene(False)  # nothing of it is worth keeping
        node = slicer.mrmlScene.AddNode(node)
    node.SetOverwriteMode(node.OverwriteNone)
    node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere)
    node.SetSourceVolumeIntensityMask(False)
    return node
