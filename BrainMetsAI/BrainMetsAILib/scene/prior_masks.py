"""Contours that were there before, as masks on the grid of a volume: segmentations and label maps, on any grid, moved or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from scipy import ndimage

from BrainMetsAILib.images.examination import ImageRefused
from BrainMetsAILib.scene.masks import REPRESENTATION, Box, Grid, MaskCrop, Matrix, oriented_image, own_layers, segment_crop
from BrainMetsAILib.scene.translation import tr as _
from BrainMetsAILib.scene.volumes import array_of_matrix, ijk_to_ras_of, vtk_matrix

MOST_PARTS = 300
HIGHEST_LABEL = 65535


@dataclass(frozen=True)
class PriorPart:
    """A segment or a label value: its name, and its mask on the volume's grid; None where nothing of it lies there."""

    name: str
    crop: MaskCrop | None


def count_parts(source: Any) -> int:
    """How many segments a segmentation has, or label values a label map; raises ImageRefused for values that are no labels."""
    if source.IsA("vtkMRMLSegmentationNode"):
        return int(source.GetSegmentation().GetNumberOfSegments())
    return len(_labels(source)) if source.GetImageData() else 0


def read_prior(source: Any, volume: Any) -> tuple[PriorPart, ...]:
    """Every part of a segmentation or label map on the grid of a volume, transforms of both applied; the source stays as it is.

    Raises
    ------
    ImageRefused
        If the source is empty, has too many parts to be lesions, or lies under a transform that is not linear.
    """
    count = count_parts(source)
    if count == 0:
        raise ImageRefused(_("“{name}” is empty; choose another.").format(name=source.GetName()))
    if count > MOST_PARTS:
        sentence = _("“{name}” has {count} parts, too many to be lesions; choose a segmentation of lesions.")
        raise ImageRefused(sentence.format(name=source.GetName(), count=count))
    grid = _grid_seen_from(source, volume)
    content = _own_copy(source, grid)
    ids = content.GetSegmentation().GetSegmentIDs()
    return tuple(PriorPart(content.GetSegmentation().GetSegment(part).GetName(), _crop(content, part, grid)) for part in ids)


def _grid_seen_from(source: Any, volume: Any) -> Grid:
    """The volume's grid in the source's own coordinates."""
    matrix = vtk.vtkMatrix4x4()
    between = slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes
    if not between(volume.GetParentTransformNode(), source.GetParentTransformNode(), matrix):
        sentence = _("“{name}” or the volume is under a transform that bends; harden it in the module Transforms first.")
        raise ImageRefused(sentence.format(name=source.GetName()))
    width, height, depth = volume.GetImageData().GetDimensions()
    return Grid((depth, height, width), array_of_matrix(matrix) @ ijk_to_ras_of(volume))


def _own_copy(source: Any, grid: Grid) -> Any:
    """A segmentation node outside the scene with one small binary layer a part."""
    copy = slicer.vtkMRMLSegmentationNode()
    content = copy.GetSegmentation()
    if source.IsA("vtkMRMLSegmentationNode"):
        content.DeepCopy(source.GetSegmentation())
        if not content.ContainsRepresentation(REPRESENTATION):  # surfaces or planar contours, as radiotherapy structure sets bring them
            converter = slicer.vtkSegmentationConverter
            depth, height, width = grid.shape
            geometry = converter.SerializeImageGeometry(vtk_matrix(grid.ijk_to_ras), [0, width - 1, 0, height - 1, 0, depth - 1])
            content.SetConversionParameter(converter.GetReferenceImageGeometryParameterName(), geometry)
            if not content.CreateRepresentation(REPRESENTATION):
                sentence = _("“{name}” cannot be turned into voxels; export it as a label map first.")
                raise ImageRefused(sentence.format(name=source.GetName()))
    else:
        _add_labels(content, source)
    own_layers(copy)
    return copy


def _add_labels(content: Any, label_map: Any) -> None:
    array, matrix = slicer.util.arrayFromVolume(label_map), ijk_to_ras_of(label_map)
    colours = label_map.GetDisplayNode().GetColorNode() if label_map.GetDisplayNode() else None
    for value, box in _labels(label_map).items():
        segment = slicer.vtkSegment()
        segment.SetName((colours.GetColorName(value) if colours is not None else "") or str(value))
        segment.SetLabelValue(1)
        segment.AddRepresentation(REPRESENTATION, oriented_image(MaskCrop(array[box] == value, box), matrix))
        content.AddSegment(segment, f"Label_{value}")


def _labels(label_map: Any) -> dict[int, Box]:
    """The values of a label map above 0 and the box of each."""
    array = slicer.util.arrayFromVolume(label_map)
    if array.dtype.kind not in "iu":
        array = array.astype(np.int32)
    highest = int(array.max())
    if highest > HIGHEST_LABEL:
        sentence = _("“{name}” has values up to {highest}; choose a label map of lesions.")
        raise ImageRefused(sentence.format(name=label_map.GetName(), highest=highest))
    return {value: box for value, box in enumerate(ndimage.find_objects(array), start=1) if box is not None}


def _crop(content: Any, segment_id: str, grid: Grid) -> MaskCrop | None:
    """A part on the grid, worked out only where its own box lies."""
    image = content.GetSegmentation().GetSegment(segment_id).GetRepresentation(REPRESENTATION)
    extent = image.GetExtent() if image is not None else (0, -1, 0, -1, 0, -1)
    if extent[0] > extent[1]:
        return None
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    corners = np.array(np.meshgrid(*[(extent[2 * a] - 0.5, extent[2 * a + 1] + 0.5) for a in range(3)], [1.0])).reshape(4, -1)
    seen = (np.linalg.inv(grid.ijk_to_ras) @ array_of_matrix(matrix) @ corners)[2::-1]  # k, j, i
    low = np.maximum(np.floor(seen.min(axis=1)), 0).astype(int)
    high = np.minimum(np.ceil(seen.max(axis=1)) + 1, grid.shape).astype(int)
    if np.any(high <= low):
        return None
    k, j, i = (int(size) for size in high - low)
    found = segment_crop(content, segment_id, Grid((k, j, i), grid.ijk_to_ras @ shift(low)))
    return moved_box(found, low) if found is not None else None


def shift(start_kji: np.ndarray) -> Matrix:
    """Matrix that turns indices (i, j, k) of a part of a grid into those of the whole."""
    matrix = np.eye(4)
    matrix[:3, 3] = start_kji[::-1]
    return matrix


def moved_box(crop: MaskCrop, start_kji: np.ndarray) -> MaskCrop:
    """A mask with its box counted from another corner."""
    k, j, i = (slice(part.start + int(start), part.stop + int(start)) for part, start in zip(crop.box, start_kji, strict=True))
    return MaskCrop(crop.mask, (k, j, i))
