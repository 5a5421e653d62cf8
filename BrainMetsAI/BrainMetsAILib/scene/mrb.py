"""Scene files (MRB) without the desktop, by the real scene writer and reader."""

from __future__ import annotations

import tempfile
from pathlib import Path

import slicer

from BrainMetsAILib.scene.masks import own_layers
from BrainMetsAILib.scene.review import reviews


def save_mrb(path: Path) -> None:
    """Write the whole scene as one file, in one move; the scene itself stays as it is.

    Raises
    ------
    OSError
        If it could not be written; a file that was there before is still there.
    """
    path = Path(path).resolve()
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        storage = node.GetStorageNode() or (node.AddDefaultStorageNode() and node.GetStorageNode())
        if storage is not None:
            storage.SetCompressionParameter("gzip_fastest")  # a third of the time, a tenth larger
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving_") as folder:
        written = Path(folder, path.name)
        if not slicer.mrmlScene.WriteToMRB(str(written)) or not written.is_file():
            raise OSError(f"The scene could not be written to {path}; check that there is space and permission to write.")
        written.replace(path)
    for segmentation in reviews():  # saving merged the layers
        own_layers(segmentation)


def load_mrb(path: Path) -> None:
    """Replace the scene by a scene file.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    messages = slicer.vtkMRMLMessageCollection()
    if not slicer.mrmlScene.ReadFromMRB(str(Path(path).resolve()), True, messages):
        raise OSError(f"The scene {path} cannot be read; it may be damaged or not a scene file.")
    for segmentation in reviews():
        own_layers(segmentation)
