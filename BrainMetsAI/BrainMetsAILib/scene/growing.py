"""A lesion grown around a place in the patient, as a mask of an examination's segmentation."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from scipy import ndimage

from BrainMetsAILib.images.head import air_threshold
from BrainMetsAILib.lesions.growing import Box, Neighbourhood, Triple, grow_lesion, growth_box
from BrainMetsAILib.lesions.refusal import EditRefused
from BrainMetsAILib.scene.masks import Grid, MaskCrop, crop_of, grid_of, moved_crop, reference_grid, segment_crop, shared_part
from BrainMetsAILib.scene.review import ReviewNodes
from BrainMetsAILib.scene.segments import counts, lesion_segment_ids
from BrainMetsAILib.scene.translation import tr as _
from BrainMetsAILib.scene.volumes import ijk_to_ras_of

_AIR_AROUND_MM = 4.0
_MOST_SAMPLES = 30_000
_SLAB_STEP_MM = 0.5


def grown_crop(nodes: ReviewNodes, ras: Triple, size_mm: float, apart_from: str = "") -> MaskCrop:
    """The lesion at a place, on the segmentation's own grid, clear of all lesions that count.

    Parameters
    ----------
    nodes
        The examination; its probability helps where it is there.
    ras
        A place in the world (RAS mm), as a view gives it; parent transforms of the volume are taken into account.
    size_mm
        Largest diameter.
    apart_from
        ID of a segment that does not count as another lesion.

    Raises
    ------
    EditRefused
        If the place is outside the volume or the head, in a lesion that is there already, or not brighter than what is around it.
    """
    volume = nodes.volume
    if volume is None or volume.GetImageData() is None:
        raise EditRefused(_("The volume of these lesions is no longer in the scene; load it again."))
    array = slicer.util.arrayFromVolume(volume)
    if array.ndim != 3:
        raise EditRefused(_("The volume “{name}” is not one grey value a voxel; choose another.").format(name=volume.GetName()))
    grid = grid_of(nodes.segmentation)
    seed = array_place(volume, grid, ras)
    if any(not -0.5 <= at <= size - 0.5 for at, size in zip(seed, grid.shape, strict=True)):
        raise EditRefused(_("This place is outside the volume; click inside the head."))
    steps = np.linalg.norm(grid.ijk_to_ras[:3, :3], axis=0)[::-1]
    spacing = (float(steps[0]), float(steps[1]), float(steps[2]))
    box = growth_box(grid.shape, seed, spacing, size_mm)
    local = tuple(at - side.start for at, side in zip(seed, box, strict=True))
    inside = (local[0], local[1], local[2])
    image = np.asarray(array[box], np.float32)
    air = _air(array)
    if _share_of_air(image, inside, spacing, air) > 0.5:
        raise EditRefused(_("This place is in air, outside the head; click inside the head."))
    taken = _taken(nodes.segmentation, grid, box, inside, apart_from)
    around = Neighbourhood(image, spacing, inside, taken, _probability(nodes, grid, box))
    found = crop_of(grow_lesion(around, size_mm))
    assert found is not None
    k, j, i = (slice(side.start + part.start, side.start + part.stop) for side, part in zip(box, found.box, strict=True))
    crop = moved_crop(MaskCrop(found.mask, (k, j, i)), grid, reference_grid(nodes.segmentation))
    if crop is None:
        raise EditRefused(_("This place is outside the part of the volume in which lesions were looked for; click inside it."))
    return crop


def brightest_in_slab(volume: Any, ras: Triple, normal: Triple, thickness_mm: float) -> Triple:
    """The brightest place of a volume on the line through a slab where it was clicked: the lesion may lie some slices beside the middle.

    Parameters
    ----------
    volume
        What is no volume of one grey value a voxel leaves the place as it is.
    ras
        The place in the middle of the slab, in the world (RAS mm).
    normal
        Unit normal of the slab, in the world.
    thickness_mm
        Of the slab; 0 for none. Slicer shows as many of the volume's slices as fit into it, so the line is one slice shorter.
    """
    if thickness_mm <= 0 or volume is None or volume.GetImageData() is None:
        return ras
    array = slicer.util.arrayFromVolume(volume)
    if array.ndim != 3:
        return ras
    grid = Grid(array.shape, ijk_to_ras_of(volume))
    middle, beyond = (np.array(array_place(volume, grid, place)) for place in (ras, _along(ras, normal, 1.0)))
    per_mm = beyond - middle
    steps = np.linalg.norm(grid.ijk_to_ras[:3, :3], axis=0)[::-1]
    half = int(max(0.0, thickness_mm - steps[np.argmax(np.abs(per_mm * steps))]) / 2 / _SLAB_STEP_MM)
    depths = np.array(sorted(range(-half, half + 1), key=abs)) * _SLAB_STEP_MM  # of equal values the one nearest to the middle
    values = ndimage.map_coordinates(array, middle[:, None] + np.outer(per_mm, depths), np.float32, order=1, cval=-np.inf)
    return _along(ras, normal, float(depths[np.argmax(np.where(np.isnan(values), -np.inf, values))]))


def _along(ras: Triple, normal: Triple, depth_mm: float) -> Triple:
    x, y, z = (at + depth_mm * towards for at, towards in zip(ras, normal, strict=True))
    return x, y, z


def array_place(node: Any, grid: Grid, ras: Triple) -> Triple:
    """A place in the world (RAS mm) as fractional indices [k, j, i] of a grid in the node's own space."""
    local = [0.0, 0.0, 0.0]
    node.TransformPointFromWorld(list(ras), local)
    i, j, k = (np.linalg.inv(grid.ijk_to_ras) @ [*local, 1.0])[:3]
    return float(k), float(j), float(i)


def _air(array: np.ndarray) -> float:
    """Intensity below which there is air, from a sample of the whole volume."""
    step = max(1, round((array.size / _MOST_SAMPLES) ** (1 / 3)))
    level = air_threshold(np.asarray(array[::step, ::step, ::step], np.float32))
    if level is None:
        raise EditRefused(_("The volume has the same grey value everywhere; choose another."))
    return level


def _share_of_air(image: np.ndarray, seed: Triple, spacing: Triple, air: float) -> float:
    part = tuple(
        slice(max(0, round(at - _AIR_AROUND_MM / step)), round(at + _AIR_AROUND_MM / step) + 1)
        for at, step in zip(seed, spacing, strict=True)
    )
    return float(np.mean(image[part] <= air))


def _taken(segmentation: Any, grid: Grid, box: Box, seed: Triple, apart_from: str) -> np.ndarray:
    """Voxels of the box that belong to lesions which count."""
    taken = np.zeros([side.stop - side.start for side in box], dtype=bool)
    at = tuple(min(max(round(place), 0), size - 1) for place, size in zip(seed, taken.shape, strict=True))
    for segment_id in lesion_segment_ids(segmentation):
        if segment_id == apart_from:
            continue
        crop = segment_crop(segmentation, segment_id, grid)
        theirs = shared_part(MaskCrop(taken, box), crop)
        if not theirs.any() or not counts(segmentation, segment_id):
            continue
        if theirs[at]:
            name = segmentation.GetSegmentation().GetSegment(segment_id).GetName()
            raise EditRefused(_("{name} is here already; select it and paint, or click beside it.").format(name=name))
        taken |= theirs
    return taken


def _probability(nodes: ReviewNodes, grid: Grid, box: Box) -> np.ndarray | None:
    """The probability of lesion in the box; ``None`` where there is none on the volume's grid."""
    node = nodes.probability
    if node is None or node.GetImageData() is None:
        return None
    array = slicer.util.arrayFromVolume(node)
    if array.shape != grid.shape or not np.allclose(ijk_to_ras_of(node), grid.ijk_to_ras, atol=1e-3):
        return None
    return np.asarray(array[box], np.float32)
