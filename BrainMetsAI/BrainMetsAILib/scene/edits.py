"""The edits that Slicer's effects lack: add, split, merge, fill necrosis, delete. Each is one step of undo and one line of the log.

What an edit needs is worked out first, so that a refusal (`EditRefused`) changes nothing; then the state is saved, then changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import slicer

from BrainMetsAILib.lesions.grid import cropped_matrix
from BrainMetsAILib.lesions.growing import Triple
from BrainMetsAILib.lesions.necrotic_core import dark_core
from BrainMetsAILib.lesions.refusal import EditRefused
from BrainMetsAILib.lesions.splitting import (
    Parts,
    plane_across_longest_axis,
    plane_through_line,
    split_around_points,
    split_by_plane,
)
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.edit_log import changes_between, log_edit
from BrainMetsAILib.scene.growing import array_place, grown_crop
from BrainMetsAILib.scene.history import History
from BrainMetsAILib.scene.masks import (
    Grid,
    MaskCrop,
    grid_of,
    moved_crop,
    reference_grid,
    segment_crop,
    shared_part,
    tight,
    united,
    without,
    write_mask,
)
from BrainMetsAILib.scene.review import ReviewNodes
from BrainMetsAILib.scene.segments import add_drawn_lesion, counts, lesion_segment_ids, necrosis_segment_id, segment_of, set_necrosis
from BrainMetsAILib.scene.settling import held_by, settle
from BrainMetsAILib.scene.translation import tr as _

_ROOM = 3  # voxels around a lesion that its core is judged with


def add_lesion(nodes: ReviewNodes, ras: Triple, size_mm: float, history: History) -> str:
    """A new lesion grown around a place in the world (RAS mm), at most ``size_mm`` in diameter; returns its UID.

    Raises
    ------
    EditRefused
        If there is nothing to grow; see `growing.grown_crop`.
    """
    crop = grown_crop(nodes, ras, size_mm)
    made: list[str] = []

    def change() -> str:
        made.append(add_drawn_lesion(nodes.segmentation, crop))
        return _uid(nodes.segmentation, made[0])

    return _edit(nodes.segmentation, history, change, "added", at_ras=[round(x, 2) for x in ras], size_mm=size_mm)


def resize_added(nodes: ReviewNodes, lesion_uid: str, ras: Triple, size_mm: float) -> None:
    """Grow the lesion that was added last again, with another size, within the same step of undo.

    Raises
    ------
    EditRefused
        As `add_lesion`; the lesion then stays as it is.
    """
    segment_id = _segment(nodes.segmentation, lesion_uid)
    crop = grown_crop(nodes, ras, size_mm, apart_from=segment_id)

    def change() -> str:
        write_mask(nodes.segmentation, segment_id, crop)
        return lesion_uid

    _edit(nodes.segmentation, None, change, "resized", size_mm=size_mm)


def split_in_middle(segmentation: Any, lesion_uid: str, history: History) -> list[str]:
    """Split a lesion at right angles to its longest axis, in the middle; returns the UIDs of all parts, the one that keeps its own first.

    Raises
    ------
    EditRefused
        If it cannot be split.
    """

    def parts(crop: MaskCrop, grid: Grid) -> Parts:
        matrix = cropped_matrix(grid.ijk_to_ras, crop.box)
        return split_by_plane(crop.mask, matrix, plane_across_longest_axis(crop.mask, matrix))

    return _split(segmentation, lesion_uid, history, parts, "in the middle")


def split_along_line(segmentation: Any, lesion_uid: str, points: Sequence[Triple], view_normal: Triple, history: History) -> list[str]:
    """Split a lesion along a line that was drawn on a slice, at right angles to that slice.

    Parameters
    ----------
    points
        Two places in the world (RAS mm).
    view_normal
        Normal of the slice that they were clicked on, in the world.
    """
    first, second, above = (_local(segmentation, place) for place in (*points[:2], tuple(np.add(points[0], view_normal))))

    def parts(crop: MaskCrop, grid: Grid) -> Parts:
        return split_by_plane(crop.mask, cropped_matrix(grid.ijk_to_ras, crop.box), plane_through_line(first, second, above - first))

    return _split(segmentation, lesion_uid, history, parts, "along a line")


def split_by_points(segmentation: Any, lesion_uid: str, points: Sequence[Triple], history: History) -> list[str]:
    """Split a lesion into one part a point (places in the world, RAS mm); parts meet at necks."""

    def parts(crop: MaskCrop, grid: Grid) -> Parts:
        places = np.array([array_place(segmentation, grid, point) for point in points]).reshape(-1, 3)
        corner = [side.start for side in crop.box]
        return split_around_points(crop.mask, places - corner, _spacing(grid))

    return _split(segmentation, lesion_uid, history, parts, "by points")


def merge_lesions(segmentation: Any, lesion_uids: Sequence[str], history: History) -> str:
    """Make several lesions one, which keeps UIDs, number, name and review of the largest; returns its UID.

    Raises
    ------
    EditRefused
        If there are fewer than two that have voxels.
    """
    ids = [_segment(segmentation, uid) for uid in dict.fromkeys(lesion_uids)]
    grid = reference_grid(segmentation)
    crops = {segment_id: crop for segment_id in ids if (crop := segment_crop(segmentation, segment_id, grid)) is not None}
    if len(crops) < 2:
        raise EditRefused(_("Merging needs two lesions; choose another one to merge with."))
    largest = max(crops, key=lambda segment_id: int(crops[segment_id].mask.sum()))

    def change() -> str:
        for segment_id in crops:
            if segment_id != largest:
                segmentation.GetSegmentation().RemoveSegment(segment_id)
        write_mask(segmentation, largest, united(*crops.values()))
        _forget_diameters(segmentation, largest)
        return _uid(segmentation, largest)

    return _edit(segmentation, history, change, "merged")


def fill_necrosis(nodes: ReviewNodes, lesion_uid: str, history: History) -> str:
    """Mark the dark core that a lesion's rim encloses as necrosis; a hole in its outline there becomes part of the lesion; returns its UID.

    Raises
    ------
    EditRefused
        If there is no such core.
    """
    segmentation = nodes.segmentation
    segment_id = _segment(segmentation, lesion_uid)
    name = segmentation.GetSegmentation().GetSegment(segment_id).GetName()
    if nodes.volume is None or nodes.volume.GetImageData() is None:
        raise EditRefused(_("The volume of these lesions is no longer in the scene; load it again."))
    grid, own = grid_of(segmentation), reference_grid(segmentation)
    lesion = segment_crop(segmentation, segment_id, grid)
    if lesion is None:
        raise EditRefused(_("{name} is empty; paint it first.").format(name=name))
    k, j, i = (slice(max(side.start - _ROOM, 0), min(side.stop + _ROOM, size)) for side, size in zip(lesion.box, grid.shape, strict=True))
    box = (k, j, i)
    image = np.asarray(slicer.util.arrayFromVolume(nodes.volume)[box], np.float32)
    around = MaskCrop(np.zeros(image.shape, dtype=bool), box)
    core = dark_core(image, shared_part(around, lesion), _spacing(grid), name)
    for other in lesion_segment_ids(segmentation):
        if other != segment_id and counts(segmentation, other):  # the others yield
            core &= ~shared_part(around, segment_crop(segmentation, other, grid))
    found = tight(MaskCrop(core, box))
    placed = found and moved_crop(found, grid, own)
    if placed is None:
        sentence = _("The dark part of {name} belongs to another lesion; select that one and fill it there.")
        raise EditRefused(sentence.format(name=name))
    dead = necrosis_segment_id(segmentation)
    before = None if dead is None else segment_crop(segmentation, dead, own)

    def change() -> str:
        outline = segment_crop(segmentation, segment_id, own)
        if without(placed, outline) is not None:  # a hole in the outline
            write_mask(segmentation, segment_id, united(outline, placed))
        write_mask(segmentation, dead or set_necrosis(segmentation, None), united(before, placed))
        return lesion_uid

    return _edit(segmentation, history, change, "necrosis filled")


def delete_lesion(segmentation: Any, lesion_uid: str, history: History) -> str:
    """Take a lesion out of the scene, its necrosis with it; only undo brings it back. To keep it listed, reject it instead.

    Returns an empty text: there is no lesion to go on with.
    """
    segment_id = _segment(segmentation, lesion_uid)

    def change() -> str:
        segmentation.GetSegmentation().RemoveSegment(segment_id)
        return lesion_uid

    _edit(segmentation, history, change, "deleted")
    return ""


def lesion_at(segmentation: Any, ras: Triple) -> str:
    """UID of the lesion at a place in the world (RAS mm); empty where there is none. Visible ones count only."""
    grid, display = reference_grid(segmentation), segmentation.GetDisplayNode()
    k, j, i = (round(at) for at in array_place(segmentation, grid, ras))
    place = MaskCrop(np.ones((1, 1, 1), dtype=bool), (slice(k, k + 1), slice(j, j + 1), slice(i, i + 1)))
    for segment_id in lesion_segment_ids(segmentation):
        shown = display is None or display.GetSegmentVisibility(segment_id)
        if shown and shared_part(place, segment_crop(segmentation, segment_id, grid)).any():
            return _uid(segmentation, segment_id)
    return ""


def _split(segmentation: Any, lesion_uid: str, history: History, divide: Callable[[MaskCrop, Grid], Parts], how: str) -> list[str]:
    """Split one lesion; the largest part stays it, the others become new lesions that nobody has judged."""
    segment_id, grid = _segment(segmentation, lesion_uid), reference_grid(segmentation)
    crop = segment_crop(segmentation, segment_id, grid)
    if crop is None:
        raise EditRefused(_("The lesion is empty; paint it first."))
    parts = divide(crop, grid)
    pieces = [piece for number in range(1, int(parts.max()) + 1) if (piece := tight(MaskCrop(parts == number, crop.box))) is not None]
    if len(pieces) < 2:
        raise EditRefused(_("This leaves one part only; choose other points."))
    pieces.sort(key=lambda piece: -int(piece.mask.sum()))
    uids = [lesion_uid]

    def change() -> str:
        write_mask(segmentation, segment_id, pieces[0])
        _forget_diameters(segmentation, segment_id)
        location = tags.read_tag(segmentation.GetSegmentation().GetSegment(segment_id), tags.LOCATION)
        for piece in pieces[1:]:
            added = add_drawn_lesion(segmentation, piece)
            if location:
                tags.write_tag(segmentation.GetSegmentation().GetSegment(added), tags.LOCATION, location)
            uids.append(_uid(segmentation, added))
        return lesion_uid

    _edit(segmentation, history, change, "split", how=how)
    return uids


def _forget_diameters(segmentation: Any, segment_id: str) -> None:
    """Lines that a person drew across the lesion that it was are not those of what it has become."""
    segment = segmentation.GetSegmentation().GetSegment(segment_id)
    if tags.read_tag(segment, tags.MANUAL_DIAMETERS):
        tags.write_tag(segment, tags.MANUAL_DIAMETERS, "")


def _edit(segmentation: Any, history: History | None, change: Callable[[], str], event: str, **facts: object) -> str:
    """Save, change, settle, log; returns what ``change`` returned: the UID of the lesion that was meant."""
    before = held_by(segmentation)
    if history is not None:
        history.save()
    with slicer.util.NodeModify(segmentation):
        lesion_uid = change()
        after = settle(segmentation, before)
    log_edit(segmentation, event, changes_between(segmentation, before, after), lesion_uid, **facts)
    return lesion_uid


def _segment(segmentation: Any, lesion_uid: str) -> str:
    segment_id = segment_of(segmentation, lesion_uid) if lesion_uid else None
    if segment_id is None:
        raise EditRefused(_("Select a lesion in the table first."))
    return segment_id


def _uid(segmentation: Any, segment_id: str) -> str:
    return tags.read_tag(segmentation.GetSegmentation().GetSegment(segment_id), tags.LESION_UID)


def _local(segmentation: Any, ras: Sequence[float]) -> np.ndarray:
    """A place in the world (RAS mm) in the segmentation's own space."""
    local = [0.0, 0.0, 0.0]
    segmentation.TransformPointFromWorld([float(x) for x in ras], local)
    return np.array(local)


def _spacing(grid: Grid) -> Triple:
    k, j, i = np.linalg.norm(grid.ijk_to_ras[:3, :3], axis=0)[::-1]
    return float(k), float(j), float(i)
