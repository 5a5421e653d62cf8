"""Segments as boolean arrays: each cut out at its own box, on the grid of the examination's volume.

While a case is open each lesion sits in a small layer of its own, so that reading one costs a tenth of a millisecond; saving a scene merges
layers into few large ones, `own_layers` splits them again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from BrainMetsAILib.images.geometry import ijk_to_ras
from BrainMetsAILib.lesions.grid import voxel_ml
from BrainMetsAILib.scene.volumes import array_of_matrix, ijk_to_ras_of, vtk_matrix

REPRESENTATION = "Binary labelmap"

Mask = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.float64]
Box = tuple[slice, slice, slice]

# A voxel of one lattice is a voxel of another if its centre is this near, in voxels.
_SAME_PLACE = 0.05


@dataclass(frozen=True)
class Grid:
    """Where voxels lie: shape [k, j, i] and 4×4 matrix from (i, j, k) to RAS mm."""

    shape: tuple[int, int, int]
    ijk_to_ras: Matrix


def grid_of_image(image: sitk.Image) -> Grid:
    """The grid of a SimpleITK image."""
    width, height, depth = image.GetSize()
    return Grid((depth, height, width), ijk_to_ras(image))


@dataclass(frozen=True)
class MaskCrop:
    """A mask cut out at its bounding box: boolean [k, j, i], and the box in the grid's array."""

    mask: Mask
    box: Box


def grid_of(segmentation: Any) -> Grid:
    """The grid that a segmentation is measured on: its volume's, or without one the grid that it was made with.

    Raises
    ------
    ValueError
        If it has neither.
    """
    volume = segmentation.GetNodeReference(segmentation.GetReferenceImageGeometryReferenceRole())
    if volume is not None and volume.GetImageData():
        return Grid(_shape(volume.GetImageData().GetExtent()), ijk_to_ras_of(volume))
    return reference_grid(segmentation)


def reference_grid(segmentation: Any) -> Grid:
    """The grid that the segmentation carries itself and that its layers are parts of.

    It stays as it was made, while a left-handed volume comes back from a scene file with its slices reversed.

    Raises
    ------
    ValueError
        If the segmentation was never given one.
    """
    converter = slicer.vtkSegmentationConverter
    text = segmentation.GetSegmentation().GetConversionParameter(converter.GetReferenceImageGeometryParameterName())
    image = slicer.vtkOrientedImageData()
    if not text or not converter.DeserializeImageGeometry(text, image, False):
        raise ValueError(f"The segmentation “{segmentation.GetName()}” belongs to no image; choose its source volume first.")
    return Grid(_shape(image.GetExtent()), _matrix_of(image))


def segment_crop(segmentation: Any, segment_id: str, grid: Grid) -> MaskCrop | None:
    """The voxels of one segment on ``grid``, cut out at their box; ``None`` where it is empty or outside the grid."""
    segment = segmentation.GetSegmentation().GetSegment(segment_id)
    image = segment.GetRepresentation(REPRESENTATION)
    if image is None or image.GetNumberOfPoints() == 0 or image.GetPointData().GetScalars() is None:
        return None
    mapping = np.linalg.inv(grid.ijk_to_ras) @ _matrix_of(image)
    if not _same_lattice(mapping):
        return _resampled_crop(image, segment.GetLabelValue(), grid)
    extent = image.GetExtent()
    inside = _scalars(image) == segment.GetLabelValue()
    found = crop_of(inside)
    return found and _placed(_shifted(found, (extent[4], extent[2], extent[0])), np.rint(mapping).astype(int), grid)


def segment_ml(segmentation: Any, segment_id: str) -> float:
    """Volume of one segment in mL, as it is now."""
    grid = reference_grid(segmentation)
    crop = segment_crop(segmentation, segment_id, grid)
    return 0.0 if crop is None else int(crop.mask.sum()) * voxel_ml(grid.ijk_to_ras)


def moved_crop(crop: MaskCrop, origin: Grid, target: Grid) -> MaskCrop | None:
    """The same voxels in another index space over the same lattice (axes flipped or permuted).

    Raises
    ------
    ValueError
        If the two grids do not share their voxels.
    """
    mapping = np.linalg.inv(target.ijk_to_ras) @ origin.ijk_to_ras
    if not _same_lattice(mapping):
        raise ValueError("The two grids have different voxels; a mask is never resampled before it is measured.")
    return _placed(crop, np.rint(mapping).astype(int), target)


def share_voxels(one: Grid, other: Grid) -> bool:
    """Whether two index spaces have the same voxels, if in another order."""
    return _same_lattice(np.linalg.inv(other.ijk_to_ras) @ one.ijk_to_ras)


def shared_part(crop: MaskCrop, other: MaskCrop | None) -> Mask:
    """``other`` seen through the box of ``crop``: a mask of the same shape as ``crop.mask``."""
    result = np.zeros(crop.mask.shape, dtype=bool)
    both = None if other is None else common_box(crop, other)
    if other is not None and both is not None:
        result[both[0]] = other.mask[both[1]]
    return result


def common_box(crop: MaskCrop, other: MaskCrop) -> tuple[Box, Box] | None:
    """The part that two boxes share, in the array of each; ``None`` where they are apart."""
    low = [max(a.start, b.start) for a, b in zip(crop.box, other.box, strict=True)]
    high = [min(a.stop, b.stop) for a, b in zip(crop.box, other.box, strict=True)]
    if any(stop <= start for start, stop in zip(low, high, strict=True)):
        return None
    parts = []
    for box in (crop.box, other.box):
        k, j, i = (slice(start - side.start, stop - side.start) for start, stop, side in zip(low, high, box, strict=True))
        parts.append((k, j, i))
    return parts[0], parts[1]


def oriented_image(crop: MaskCrop, ijk_to_ras: Matrix) -> Any:
    """A small vtkOrientedImageData whose extent says which part of the grid it is."""
    image = slicer.vtkOrientedImageData()
    k, j, i = crop.box
    image.SetExtent(i.start, i.stop - 1, j.start, j.stop - 1, k.start, k.stop - 1)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    image.SetImageToWorldMatrix(vtk_matrix(ijk_to_ras))
    vtk_to_numpy(image.GetPointData().GetScalars())[:] = crop.mask.ravel()
    return image


def empty_image(ijk_to_ras: Matrix) -> Any:
    """What an empty segment holds."""
    image = slicer.vtkOrientedImageData()
    image.SetExtent(0, -1, 0, -1, 0, -1)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    image.SetImageToWorldMatrix(vtk_matrix(ijk_to_ras))
    return image


def crop_of(array: Mask) -> MaskCrop | None:
    """The bounding box of a full-size mask and what is in it."""
    part, sides = array, []
    for axis in range(3):  # several times faster than ndimage.find_objects, and every edit asks for every lesion
        hit = np.flatnonzero(part.any(axis=tuple(other for other in range(3) if other != axis)))
        if len(hit) == 0:
            return None
        sides.append(slice(int(hit[0]), int(hit[-1]) + 1))
        part = part[(slice(None),) * axis + (sides[-1],)]
    return MaskCrop(part.copy(), (sides[0], sides[1], sides[2]))


def tight(crop: MaskCrop) -> MaskCrop | None:
    """The same voxels in the smallest box; ``None`` where there are none."""
    found = crop_of(crop.mask)
    return found and _shifted(found, (crop.box[0].start, crop.box[1].start, crop.box[2].start))


def without(crop: MaskCrop, other: MaskCrop | None) -> MaskCrop | None:
    """The voxels of ``crop`` that are not in ``other``."""
    return tight(MaskCrop(crop.mask & ~shared_part(crop, other), crop.box))


def united(*crops: MaskCrop | None) -> MaskCrop | None:
    """The voxels of all."""
    there = [crop for crop in crops if crop is not None]
    if not there:
        return None
    low = [min(crop.box[axis].start for crop in there) for axis in range(3)]
    high = [max(crop.box[axis].stop for crop in there) for axis in range(3)]
    mask = np.zeros([stop - start for start, stop in zip(low, high, strict=True)], dtype=bool)
    for crop in there:
        k, j, i = (slice(part.start - start, part.stop - start) for part, start in zip(crop.box, low, strict=True))
        mask[k, j, i] |= crop.mask
    return MaskCrop(mask, (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])))


def mask_hash(crop: MaskCrop | None) -> str:
    """SHA-256 of which voxels of the segmentation's own grid a tight mask covers; ``None`` covers none."""
    if crop is None:
        return hashlib.sha256(b"").hexdigest()
    head = ",".join(f"{part.start}:{part.stop}" for part in crop.box)
    return hashlib.sha256(head.encode() + np.packbits(crop.mask).tobytes()).hexdigest()


def hash_within(crop: MaskCrop | None, other: MaskCrop | None) -> str:
    """Hash of what lies in both masks, which are on the segmentation's own grid."""
    return mask_hash(None if crop is None else tight(MaskCrop(shared_part(crop, other) & crop.mask, crop.box)))


def write_mask(segmentation: Any, segment_id: str, crop: MaskCrop | None) -> None:
    """Give a segment another mask, in its own layer; ``None`` empties it.

    Through Slicer's own logic, which updates what is derived of the segment: writing into the array would drop the surfaces of all.

    Parameters
    ----------
    crop
        On the segmentation's own grid (`reference_grid`).
    """
    if crop is None:  # an image without voxels is an error to the logic
        crop = MaskCrop(np.zeros((1, 1, 1), dtype=bool), (slice(0, 1), slice(0, 1), slice(0, 1)))
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    image = oriented_image(crop, reference_grid(segmentation).ijk_to_ras)
    logic.SetBinaryLabelmapToSegment(image, segmentation, segment_id, logic.MODE_REPLACE)


def layers_are_merged(segmentation: Any) -> bool:
    """Whether segments share layers: a scene file was loaded or saved."""
    content = segmentation.GetSegmentation()
    return bool(content.GetNumberOfLayers() < content.GetNumberOfSegments())


def split_merged_layers(segmentation: Any) -> None:
    """`own_layers` where layers are merged; nothing otherwise."""
    if layers_are_merged(segmentation):
        own_layers(segmentation)


def own_layers(segmentation: Any) -> None:
    """Give each segment a small layer of its own again, as measuring and editing want it."""
    with slicer.util.NodeModify(segmentation):
        for segment_id in segmentation.GetSegmentation().GetSegmentIDs():
            segment = segmentation.GetSegmentation().GetSegment(segment_id)
            image = segment.GetRepresentation(REPRESENTATION)
            if image is None or image.GetNumberOfPoints() == 0:
                continue
            extent = image.GetExtent()
            found = crop_of(_scalars(image) == segment.GetLabelValue())
            if found is None:
                segment.AddRepresentation(REPRESENTATION, empty_image(_matrix_of(image)))
                continue
            placed = _shifted(found, (extent[4], extent[2], extent[0]))
            segment.AddRepresentation(REPRESENTATION, oriented_image(placed, _matrix_of(image)))
            segment.SetLabelValue(1)


def _scalars(image: Any) -> npt.NDArray[Any]:
    """View [k, j, i] of an image's voxels."""
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(_shape(image.GetExtent()))


def _shape(extent: tuple[int, ...]) -> tuple[int, int, int]:
    return extent[5] - extent[4] + 1, extent[3] - extent[2] + 1, extent[1] - extent[0] + 1


def _matrix_of(image: Any) -> Matrix:
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    return array_of_matrix(matrix)


def _same_lattice(mapping: Matrix) -> bool:
    """Whether a matrix between two index spaces only permutes, flips and shifts by whole voxels."""
    steps = mapping[:3, :3]
    whole = np.rint(steps)
    one_each = np.all(np.abs(whole).sum(axis=0) == 1) and np.all(np.abs(whole).sum(axis=1) == 1)
    # Over 500 voxels the steps must not drift by more than the tolerance.
    drift = max(np.abs(steps - whole).max() * 500, np.abs(mapping[:3, 3] - np.rint(mapping[:3, 3])).max())
    return bool(one_each and drift < _SAME_PLACE)


def _shifted(crop: MaskCrop, start_kji: tuple[int, int, int]) -> MaskCrop:
    """The same mask with its box counted from another corner."""
    k, j, i = (slice(part.start + start, part.stop + start) for part, start in zip(crop.box, start_kji, strict=True))
    return MaskCrop(crop.mask, (k, j, i))


def _placed(crop: MaskCrop, mapping: npt.NDArray[np.int_], grid: Grid) -> MaskCrop | None:
    """Flip and permute a crop by an integer matrix between (i, j, k) index spaces, and clip it to the grid."""
    steps = mapping[:3, :3]
    # Row of `steps` = axis of the grid; its non-zero column = axis of the crop; in [k, j, i] order both are reversed.
    source = [2 - int(np.flatnonzero(steps[2 - axis])[0]) for axis in range(3)]
    flips = tuple(slice(None, None, -1) if steps[2 - axis].sum() < 0 else slice(None) for axis in range(3))
    turned = np.transpose(crop.mask, source)[flips]
    corner = steps @ [part.start for part in crop.box[::-1]] + mapping[:3, 3]
    opposite = steps @ [part.stop - 1 for part in crop.box[::-1]] + mapping[:3, 3]
    start = np.minimum(corner, opposite)[::-1]
    low = np.maximum(start, 0)
    high = np.minimum(start + turned.shape, grid.shape)
    if np.any(high <= low):
        return None
    kept = turned[tuple(slice(int(a - s), int(b - s)) for a, b, s in zip(low, high, start, strict=True))]
    k, j, i = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return MaskCrop(np.ascontiguousarray(kept), (k, j, i)) if kept.any() else None


def _resampled_crop(image: Any, label: int, grid: Grid) -> MaskCrop | None:
    """A segment drawn on another grid (an imported one): nearest neighbour onto this one."""
    only = slicer.vtkOrientedImageData()
    only.DeepCopy(image)
    values = vtk_to_numpy(only.GetPointData().GetScalars())
    values[:] = values == label
    reference = slicer.vtkOrientedImageData()
    reference.SetExtent(0, grid.shape[2] - 1, 0, grid.shape[1] - 1, 0, grid.shape[0] - 1)
    reference.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    reference.SetImageToWorldMatrix(vtk_matrix(grid.ijk_to_ras))
    result = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(only, reference, result, False, False)
    return crop_of(_scalars(result) != 0)
