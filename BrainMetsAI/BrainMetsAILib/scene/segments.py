"""A lesion set as one segmentation node, and back: one segment a lesion, and one overlapping segment `Necrosis`."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of, image_from_ijk_to_ras
from BrainMetsAILib.lesions.grid import axial_axis, cropped_matrix
from BrainMetsAILib.lesions.lesion_list import Lesion, LesionSet, lesion_name, new_uid
from BrainMetsAILib.lesions.measurements import in_whole_array, measure_lesion
from BrainMetsAILib.models.finding import Provenance
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.colours import NECROSIS_COLOUR, lesion_colour
from BrainMetsAILib.scene.manual_diameters import with_manual
from BrainMetsAILib.scene.masks import (
    REPRESENTATION,
    Grid,
    MaskCrop,
    crop_of,
    empty_image,
    grid_of,
    grid_of_image,
    hash_within,
    mask_hash,
    moved_crop,
    oriented_image,
    reference_grid,
    segment_crop,
    shared_part,
    write_mask,
)
from BrainMetsAILib.scene.new_segments import LESION_TERMINOLOGY, NECROSIS_TERMINOLOGY, new_segment, write_provenance
from BrainMetsAILib.scene.settings import least_score
from BrainMetsAILib.scene.tracking import shared_tracking, tracking_uid
from BrainMetsAILib.scene.volumes import check_same_grid

NECROSIS_NAME = "Necrosis"

# Why a lesion does not count, beside `tags.REJECTED` (`left_out`).
TAKEN_OUT = "taken out"
BELOW_SCORE = "below score"
COUNTING = frozenset(("",))
ALL = frozenset(("", tags.REJECTED, TAKEN_OUT, BELOW_SCORE))


def write_lesions(volume_node: Any, lesions: LesionSet, provenance: Provenance | None, name: str) -> Any:
    """A new segmentation node with all lesions and their necrosis.

    Parameters
    ----------
    volume_node
        The image that was looked at; its grid is that of the label images.
    provenance
        What made them; ``None`` for lesions that no network made.
    name
        The node's name.

    Raises
    ------
    ValueError
        If the label image is not on the volume's grid.
    """
    check_same_grid(volume_node, lesions.labels)
    node = new_segmentation(volume_node, name)
    with slicer.util.NodeModify(node):  # one notification instead of one a lesion
        add_lesions(node, lesions, provenance)
        set_necrosis(node, crop_of(array_of(lesions.necrosis) != 0), provenance)
    return node


def new_segmentation(volume_node: Any, name: str) -> Any:
    """A segmentation node for the lesions of a volume, without a segment yet."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", slicer.mrmlScene.GenerateUniqueName(name))
    node.CreateDefaultDisplayNodes()
    node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)  # after the transform, which it takes into account
    display = node.GetDisplayNode()
    with slicer.util.NodeModify(display):
        display.SetOpacity2DFill(0.15)
        display.SetOpacity2DOutline(1.0)
        display.SetSliceIntersectionThickness(2)
    return node


def add_lesions(segmentation: Any, lesions: LesionSet, provenance: Provenance | None) -> list[str]:
    """Append lesions to a segmentation, each in a small layer of its own; returns their segment IDs."""
    labels = array_of(lesions.labels)
    boxes = ndimage.find_objects(labels)
    grid, own = grid_of_image(lesions.labels), reference_grid(segmentation)
    added = []
    for lesion in lesions.lesions:
        box = boxes[lesion.number - 1]
        crop = moved_crop(MaskCrop(labels[box] == lesion.number, box), grid, own)
        if crop is not None:
            added.append(_add_lesion(segmentation, lesion, crop, own, provenance))
    return added


def _add_lesion(segmentation: Any, lesion: Lesion, crop: MaskCrop, own: Grid, provenance: Provenance | None) -> str:
    segment = new_segment(lesion.name, lesion_colour(lesion.number), LESION_TERMINOLOGY, provenance)
    segment.AddRepresentation(REPRESENTATION, oriented_image(crop, own.ijk_to_ras))
    tags.write_tag(segment, tags.KIND, tags.KIND_LESION)
    tags.write_tag(segment, tags.LESION_UID, lesion.lesion_uid)
    tags.write_tag(segment, tags.TRACKING_UID, lesion.tracking_uid)
    tags.write_tag(segment, tags.NUMBER, str(lesion.number))
    tags.write_tag(segment, tags.SCORE, "" if lesion.score is None else repr(float(lesion.score)))
    if provenance is not None:
        tags.write_tag(segment, tags.MASK_SHA256, mask_hash(crop))
    tags.set_review(segment, tags.UNREVIEWED)
    if lesion.location:
        tags.write_tag(segment, tags.LOCATION, lesion.location)
    if lesion.removed:
        tags.write_tag(segment, tags.REMOVED, lesion.removed)
    segment_id = segmentation.GetSegmentation().GenerateUniqueSegmentID("Lesion")
    segmentation.GetSegmentation().AddSegment(segment, segment_id)
    return str(segment_id)


def add_drawn_lesion(segmentation: Any, crop: MaskCrop) -> str:
    """Append a lesion that a person made (on the segmentation's own grid), with UIDs, number and name of its own; returns its ID."""
    content = segmentation.GetSegmentation()
    segment = new_segment("", NECROSIS_COLOUR, LESION_TERMINOLOGY, None)
    segment.AddRepresentation(REPRESENTATION, oriented_image(crop, reference_grid(segmentation).ijk_to_ras))
    segment_id = str(content.GenerateUniqueSegmentID("Lesion"))
    content.AddSegment(segment, segment_id)
    identify(segmentation)
    segment = content.GetSegment(segment_id)
    segment.SetColor(*lesion_colour(int(tags.read_tag(segment, tags.NUMBER))))
    return segment_id


def set_necrosis(segmentation: Any, crop: MaskCrop | None, provenance: Provenance | None = None, edited: bool = False) -> str:
    """Make the one segment `Necrosis`, or give it another mask (on the segmentation's own grid); returns its ID.

    Parameters
    ----------
    provenance
        The network that made the mask; ``None`` where none did.
    edited
        A person drew a part of it.
    """
    segment_id = necrosis_segment_id(segmentation)
    if segment_id is None:
        matrix = reference_grid(segmentation).ijk_to_ras
        image = empty_image(matrix) if crop is None else oriented_image(crop, matrix)
        segment = new_segment(NECROSIS_NAME, NECROSIS_COLOUR, NECROSIS_TERMINOLOGY, None)
        segment.AddRepresentation(REPRESENTATION, image)
        tags.write_tag(segment, tags.KIND, tags.KIND_NECROSIS)
        segment_id = segmentation.GetSegmentation().GenerateUniqueSegmentID(NECROSIS_NAME)
        segmentation.GetSegmentation().AddSegment(segment, segment_id)
    else:
        write_mask(segmentation, segment_id, crop)
    if provenance is not None:
        segment = segmentation.GetSegmentation().GetSegment(segment_id)
        write_provenance(segment, provenance, tags.SEMIAUTOMATIC if edited else tags.AUTOMATIC)
        tags.write_tag(segment, tags.MASK_SHA256, mask_hash(None if edited else crop))
        _remember_necrosis(segmentation, crop)
    return str(segment_id)


def _remember_necrosis(segmentation: Any, dead: MaskCrop | None) -> None:
    """Say in each lesion that a network has just made which necrosis it had."""
    content, own = segmentation.GetSegmentation(), reference_grid(segmentation)
    for segment_id in lesion_segment_ids(segmentation):
        segment = content.GetSegment(segment_id)
        if tags.read_tag(segment, tags.MASK_SHA256) and not tags.read_tag(segment, tags.NECROSIS_SHA256):
            tags.write_tag(segment, tags.NECROSIS_SHA256, hash_within(segment_crop(segmentation, segment_id, own), dead))


def lesion_segment_ids(segmentation: Any) -> list[str]:
    """IDs of the lesions' segments, those drawn by a person included, in the order of the segments table."""
    necrosis = necrosis_segment_id(segmentation)
    return [str(segment_id) for segment_id in segmentation.GetSegmentation().GetSegmentIDs() if segment_id != necrosis]


def necrosis_segment_id(segmentation: Any) -> str | None:
    """ID of the segment `Necrosis`; by its tag, and by its name where a person made it."""
    content = segmentation.GetSegmentation()
    named = None
    for segment_id in content.GetSegmentIDs():
        segment = content.GetSegment(segment_id)
        if tags.read_tag(segment, tags.KIND) == tags.KIND_NECROSIS:
            return str(segment_id)
        if segment.GetName() == NECROSIS_NAME and not tags.read_tag(segment, tags.LESION_UID):
            named = str(segment_id)
    return named


def segment_of(segmentation: Any, lesion_uid: str) -> str | None:
    """ID of the segment of one lesion; segment IDs themselves are random and mean nothing."""
    return segments_by_uid(segmentation).get(lesion_uid) if lesion_uid else None


def segments_by_uid(segmentation: Any) -> dict[str, str]:
    """IDs of the lesions' segments by lesion UID, for work on many of them."""
    content = segmentation.GetSegmentation()
    ids = lesion_segment_ids(segmentation)
    return {tags.read_tag(content.GetSegment(segment_id), tags.LESION_UID): segment_id for segment_id in reversed(ids)}


def read_lesion_list(segmentation: Any, include_rejected: bool = False) -> tuple[Lesion, ...]:
    """Measure every lesion from its live mask, through its own crop: no full-size array is made.

    Segments that a person drew get their UIDs and number here, once. Empty segments are left out, as are lesions that do not count
    (`left_out`) unless asked for.
    """
    return tuple(lesion for lesion, _ in _measured(segmentation, grid_of(segmentation), ALL if include_rejected else COUNTING))


def read_lesions(segmentation: Any, include_rejected: bool = False) -> LesionSet:
    """The lesions of a segmentation with their masks, on the grid of its volume; see `read_lesion_list`."""
    return _lesion_set(segmentation, ALL if include_rejected else COUNTING)


def read_doubtful_lesions(segmentation: Any) -> LesionSet:
    """Candidates that do not count although nobody has rejected them: below the score, or taken out by post-processing."""
    return _lesion_set(segmentation, frozenset((TAKEN_OUT, BELOW_SCORE)))


def _lesion_set(segmentation: Any, wanted: frozenset[str]) -> LesionSet:
    grid = grid_of(segmentation)
    labels = np.zeros(grid.shape, np.uint16)
    necrosis = np.zeros(grid.shape, np.uint8)
    lesions = []
    for lesion, crop in _measured(segmentation, grid, wanted):
        labels[crop.box][crop.mask] = lesion.number
        lesions.append(lesion)
    dead = necrosis_crop(segmentation, grid)
    if dead is not None:
        necrosis[dead.box] = dead.mask & (labels[dead.box] > 0)  # necrosis counts only inside lesions
    return LesionSet(image_from_ijk_to_ras(labels, grid.ijk_to_ras), image_from_ijk_to_ras(necrosis, grid.ijk_to_ras), tuple(lesions))


def left_out(segmentation: Any, segment_id: str) -> str:
    """Why a lesion is no part of what is seen, of totals and exports.

    Returns
    -------
    str
        `tags.REJECTED` by a person; `TAKEN_OUT` by post-processing and not accepted since; `BELOW_SCORE` where its score is below the least
        one that was chosen and a person neither judged nor edited it; ``""`` where it counts.
    """
    segment = segmentation.GetSegmentation().GetSegment(segment_id)
    review = tags.read_tag(segment, tags.REVIEW)
    if review == tags.ACCEPTED:
        return ""
    if review == tags.REJECTED:
        return review
    if tags.read_tag(segment, tags.REMOVED):
        return TAKEN_OUT
    score = tags.read_tag(segment, tags.SCORE)
    return BELOW_SCORE if score and float(score) < least_score() and is_untouched(segmentation, segment_id) else ""


def counts(segmentation: Any, segment_id: str) -> bool:
    """Whether a lesion is part of what is seen, of totals and exports: the one rule that tables, files and views follow."""
    return not left_out(segmentation, segment_id)


def counting_segment_ids(segmentation: Any) -> list[str]:
    """IDs of the segments of the lesions that count."""
    return [segment_id for segment_id in lesion_segment_ids(segmentation) if counts(segmentation, segment_id)]


def is_untouched(segmentation: Any, segment_id: str) -> bool:
    """Whether a lesion and its necrosis are still what a network made, and nobody has judged, commented or measured it."""
    segment = segmentation.GetSegmentation().GetSegment(segment_id)
    judged = tags.read_tag(segment, tags.REVIEW) not in ("", tags.UNREVIEWED)
    written = any(tags.read_tag(segment, key) for key in (tags.COMMENT, tags.CLASS, tags.MANUAL_DIAMETERS, tags.NECROSIS_EDITED))
    return not judged and not written and origin_of(segmentation, segment_id) == "AI"


def origin_of(segmentation: Any, segment_id: str) -> str:
    """``AI``, ``AI, edited`` or ``manual``: whether the mask still is what the network made."""
    made = tags.read_tag(segmentation.GetSegmentation().GetSegment(segment_id), tags.MASK_SHA256)
    if not made:
        return "manual"
    crop = segment_crop(segmentation, segment_id, reference_grid(segmentation))
    return "AI" if mask_hash(crop) == made else "AI, edited"


def necrosis_crop(segmentation: Any, grid: Grid) -> MaskCrop | None:
    """The voxels of the segment `Necrosis` on ``grid``, wherever they lie; ``None`` where there are none."""
    segment_id = necrosis_segment_id(segmentation)
    return segment_crop(segmentation, segment_id, grid) if segment_id else None


def _measured(segmentation: Any, grid: Grid, wanted: frozenset[str]) -> list[tuple[Lesion, MaskCrop]]:
    """Lesions for which `left_out` says one of these, with their masks on the grid, in the order of their numbers."""
    identify(segmentation)
    dead = necrosis_crop(segmentation, grid)
    axis = axial_axis(grid.ijk_to_ras)
    shared = shared_tracking(segmentation)
    found = []
    for segment_id in lesion_segment_ids(segmentation):
        segment = segmentation.GetSegmentation().GetSegment(segment_id)
        if left_out(segmentation, segment_id) not in wanted:
            continue
        crop = segment_crop(segmentation, segment_id, grid)
        if crop is None:
            continue
        measured = measure_lesion(crop.mask, shared_part(crop, dead), cropped_matrix(grid.ijk_to_ras, crop.box))
        score = tags.read_tag(segment, tags.SCORE)
        lesion = Lesion(
            number=int(tags.read_tag(segment, tags.NUMBER)),
            name=segment.GetName(),
            lesion_uid=tags.read_tag(segment, tags.LESION_UID),
            tracking_uid=tracking_uid(segment, shared),
            score=float(score) if score else None,
            measurements=with_manual(in_whole_array(measured, crop.box[axis].start), segment, grid),
            removed=tags.read_tag(segment, tags.REMOVED),
            location=tags.read_tag(segment, tags.LOCATION),
        )
        found.append((lesion, crop))
    return sorted(found, key=lambda pair: pair[0].number)


def highest_number(segmentation: Any) -> int:
    """The highest number that a lesion has; 0 where none has one. New lesions are counted on from there."""
    content = segmentation.GetSegmentation()
    segments = (content.GetSegment(segment_id) for segment_id in lesion_segment_ids(segmentation))
    return max((int(tags.read_tag(segment, tags.NUMBER) or 0) for segment in segments), default=0)


def identify(segmentation: Any) -> None:
    """Give UIDs, a number and a review state to segments that have none or share another's (drawn or duplicated by a person)."""
    content = segmentation.GetSegmentation()
    segments = [content.GetSegment(segment_id) for segment_id in lesion_segment_ids(segmentation)]
    known, numbers = set[str](), set[str]()
    highest = highest_number(segmentation)
    for segment in segments:
        uid, number = tags.read_tag(segment, tags.LESION_UID), tags.read_tag(segment, tags.NUMBER)
        if uid and uid not in known and number and number not in numbers:  # one copied from another examination brings its own number
            known.add(uid)
            numbers.add(number)
            continue
        highest += 1
        tags.write_tag(segment, tags.KIND, tags.KIND_LESION)
        tags.write_tag(segment, tags.LESION_UID, new_uid())
        tags.write_tag(segment, tags.TRACKING_UID, new_uid())
        tags.write_tag(segment, tags.NUMBER, str(highest))
        if not tags.read_tag(segment, tags.REVIEW):
            tags.set_review(segment, tags.UNREVIEWED)
        if not uid or (number and segment.GetName() == lesion_name(int(number))):
            segment.SetName(lesion_name(highest))
