"""Images as volume nodes and back, with a window that shows a brain and colours that show a probability."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
import slicer
import vtk

from BrainMetsAILib.exchange.grey_window import grey_window
from BrainMetsAILib.images.examination import ImageRefused
from BrainMetsAILib.images.geometry import array_of, ijk_to_ras, image_from_ijk_to_ras
from BrainMetsAILib.scene.translation import tr as _

PROBABILITY_COLOURS = "BrainMetsAI probability"
COLOURS_ATTRIBUTE = "BrainMetsAI.Colours"

Matrix = npt.NDArray[np.float64]


def add_volume(image: sitk.Image, name: str) -> Any:
    """A new scalar volume node with the image's voxels and geometry.

    Parameters
    ----------
    image
        Three-dimensional, LPS, mm. Left-handed and oblique grids are kept as they are (a scene file written and read again turns
        left-handed ones into right-handed ones with the slices reversed: same places in the patient).
    name
        What people see, for instance ``Baseline T1c``.

    Returns
    -------
    vtkMRMLScalarVolumeNode
        With its window set for a head.
    """
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", slicer.mrmlScene.GenerateUniqueName(name))
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().AutoWindowLevelOff()  # before the voxels: Slicer's own window costs 0.2 s
    fill_volume(node, image)
    set_window(node)
    return node


def fill_volume(node: Any, image: sitk.Image) -> None:
    """Put an image's voxels and geometry into a volume node; whole numbers are kept in 16 bits, which halves the scene file."""
    array = array_of(image)
    if array.dtype.kind == "f" and array.size and np.abs(array).max() < 32768 and np.array_equal(array, np.rint(array)):
        array = array.astype(np.int16)
    node.SetIJKToRASMatrix(vtk_matrix(ijk_to_ras(image)))
    slicer.util.updateVolumeFromArray(node, array)


def volume_image(node: Any) -> sitk.Image:
    """The volume as a float32 image (LPS, mm) in the node's own space: a parent transform is not applied.

    Raises
    ------
    ImageRefused
        If the volume is empty, not one number a voxel, or sheared.
    """
    array = slicer.util.arrayFromVolume(node) if node.GetImageData() else None
    if array is None or array.ndim != 3 or array.size == 0:
        sentence = _("The volume “{name}” is not one grey value a voxel in three dimensions; choose another.")
        raise ImageRefused(sentence.format(name=node.GetName()))
    try:
        return image_from_ijk_to_ras(array.astype(np.float32), ijk_to_ras_of(node))
    except ValueError as error:
        raise ImageRefused(_("The volume “{name}” cannot be used: {reason}.").format(name=node.GetName(), reason=error)) from error


def ijk_to_ras_of(node: Any) -> Matrix:
    """The node's own 4×4 IJK-to-RAS matrix, without parent transforms."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return array_of_matrix(matrix)


def vtk_matrix(matrix: npt.ArrayLike) -> Any:
    """4×4 array → vtkMatrix4x4."""
    result = vtk.vtkMatrix4x4()
    result.DeepCopy(np.asarray(matrix, dtype=np.float64).ravel().tolist())
    return result


def array_of_matrix(matrix: Any) -> Matrix:
    """The 4×4 array of a vtkMatrix4x4."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def set_window(node: Any) -> None:
    """Grey from the darkest to nearly the brightest tissue, instead of Slicer's automatic window, which bright fat upsets."""
    low, high = grey_window(slicer.util.arrayFromVolume(node))
    display = node.GetDisplayNode()
    with slicer.util.NodeModify(display):
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(low, high)
        display.SetInterpolate(True)


def add_probability(image: sitk.Image, name: str, node: Any = None) -> Any:
    """A probability map as an overlay: its own colours, fixed from 0 to 1, hidden below 0.1.

    Parameters
    ----------
    image
        float, 0 to 1. Kept to three decimals: what lies behind them is noise, and costs most of a scene file.
    node
        A probability node of an earlier run to write into.
    """
    rounded = np.round(array_of(image).astype(np.float32, copy=False), 3)
    if node is None:
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", slicer.mrmlScene.GenerateUniqueName(name))
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.AutoWindowLevelOff()  # else the colours rescale with the data
    node.SetIJKToRASMatrix(vtk_matrix(ijk_to_ras(image)))
    slicer.util.updateVolumeFromArray(node, rounded)
    with slicer.util.NodeModify(display):
        display.SetAndObserveColorNodeID(probability_colours().GetID())
        display.SetWindowLevelMinMax(0.0, 1.0)
        display.SetThreshold(0.1, 1e9)
        display.SetApplyThreshold(True)
    return node


def probability_colours() -> Any:
    """The one colour table of the scene's probability maps, from dark red over orange to yellow."""
    for node in slicer.util.getNodesByClass("vtkMRMLColorTableNode"):
        if node.GetAttribute(COLOURS_ATTRIBUTE):
            return node
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", PROBABILITY_COLOURS)
    table.SetTypeToUser()
    table.SetAttribute(COLOURS_ATTRIBUTE, "probability")
    table.SetHideFromEditors(False)
    table.SetNumberOfColors(256)
    for index in range(256):
        x = index / 255.0
        table.SetColor(index, f"{x:.2f}", min(1.0, 0.3 + 1.4 * x), max(0.0, 1.5 * x - 0.5), max(0.0, 2.0 * x - 1.8), 1.0)
    return table


def show_legend(volume: Any, title: str = "Lesion probability") -> Any:
    """A small colour legend; call it after the volume is shown in a view, else it does not appear (views-and-worker.md, 3)."""
    logic = slicer.modules.colors.logic()
    legend = logic.GetColorLegendDisplayNode(volume)
    if legend is None:
        legend = logic.AddDefaultColorLegendDisplayNode(volume)
    legend.SetTitleText(title)
    legend.SetNumberOfLabels(3)
    legend.SetSize(0.08, 0.4)
    axial = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    if axial is not None and legend.GetNumberOfViewNodeIDs() == 0:
        legend.AddViewNodeID(axial.GetID())  # one view is enough
    legend.SetVisibility(True)
    return legend


def check_same_grid(volume_node: Any, image: sitk.Image) -> None:
    """Refuse labels that do not fit the volume."""
    same_shape = tuple(volume_node.GetImageData().GetDimensions()) == image.GetSize()
    if not same_shape or not np.allclose(ijk_to_ras_of(volume_node), ijk_to_ras(image), atol=1e-3):
        sentence = _("The lesions are not on the grid of the volume “{name}”; find them in that volume.")
        raise ValueError(sentence.format(name=volume_node.GetName()))
