"""The rule that holds after each edit: lesions never overlap, and necrosis lies inside lesions.

Contested voxels go back to the lesion that had them; necrosis outside lesions is dropped. Where nothing is contested nothing is written:
a change of a segment after an undo destroys redo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.masks import (
    REPRESENTATION,
    MaskCrop,
    common_box,
    hash_within,
    mask_hash,
    reference_grid,
    segment_crop,
    shared_part,
    tight,
    without,
    write_mask,
)
from BrainMetsAILib.scene.segments import counts, lesion_segment_ids, necrosis_segment_id, origin_of

_ALGORITHM_TYPES = {"AI": tags.AUTOMATIC, "AI, edited": tags.SEMIAUTOMATIC, "manual": tags.MANUAL}
_JUDGEMENT = {"review": tags.REVIEW, "class": tags.CLASS, "comment": tags.COMMENT, "diameters": tags.MANUAL_DIAMETERS}


@dataclass(frozen=True)
class Held:
    """What one segment covers at one moment, and what it is called.

    Attributes
    ----------
    crop
        On the segmentation's own grid; ``None`` where the segment is empty.
    stamp
        Of the segment's layer: the same stamp, the same voxels.
    lesion_uid, name
        Of the lesion; the UID of the segment `Necrosis` is empty.
    judgement
        What a person says of it: review, class, comment and drawn diameters, each ``""`` where nothing was said.
    """

    crop: MaskCrop | None
    stamp: tuple[int, int]
    lesion_uid: str
    name: str
    judgement: Mapping[str, str]

    @property
    def voxels(self) -> int:
        """How many."""
        return 0 if self.crop is None else int(np.count_nonzero(self.crop.mask))


Holdings = Mapping[str, Held]  # segment ID → what it covers


def held_by(segmentation: Any, known: Holdings | None = None) -> dict[str, Held]:
    """What each segment covers now; layers that did not change since ``known`` are not read again."""
    content, grid = segmentation.GetSegmentation(), reference_grid(segmentation)
    result = {}
    for segment_id in content.GetSegmentIDs():
        segment = content.GetSegment(segment_id)
        image = segment.GetRepresentation(REPRESENTATION)
        stamp = (0 if image is None else int(image.GetMTime()), int(segment.GetLabelValue()))
        before = (known or {}).get(segment_id)
        crop = before.crop if before is not None and before.stamp == stamp else segment_crop(segmentation, segment_id, grid)
        judgement = {name: tags.read_tag(segment, key) for name, key in _JUDGEMENT.items()}
        result[str(segment_id)] = Held(crop, stamp, tags.read_tag(segment, tags.LESION_UID), segment.GetName(), judgement)
    return result


def give_back(segmentation: Any, before: Holdings, edited: str | None = None) -> dict[str, Held]:
    """Give voxels that two lesions hold back to the one that had them; one that does not count (`segments.counts`) loses them.

    Parameters
    ----------
    before
        What the segments held before the edit.
    edited
        The segment that was edited; by default all that have changed.

    Returns
    -------
    dict
        What the segments hold now.
    """
    now = held_by(segmentation, before)
    lesions = lesion_segment_ids(segmentation)
    for segment_id in [edited] if edited is not None else lesions:
        if segment_id in lesions and segment_id in now and (segment_id not in before or before[segment_id].stamp != now[segment_id].stamp):
            now = _settled(segmentation, before, now, segment_id, lesions)
    return now


def _settled(segmentation: Any, before: Holdings, now: dict[str, Held], edited: str, lesions: list[str]) -> dict[str, Held]:
    """Settle what one edited lesion has gained from the others."""
    whole = now[edited].crop
    had = before[edited].crop if edited in before else None
    gained = None if whole is None else without(whole, had)
    kept = whole
    for other in lesions:
        theirs = now[other].crop
        if other == edited or gained is None or theirs is None:
            continue
        contested = gained.mask & shared_part(gained, theirs)
        if not contested.any():
            continue
        part = MaskCrop(contested, gained.box)
        if not counts(segmentation, other):
            _give_way(segmentation, other, without(theirs, part))
        else:
            gained, kept = without(gained, part), None if kept is None else without(kept, part)
    if kept is not whole:
        write_mask(segmentation, edited, kept)
    return held_by(segmentation, now)


def _give_way(segmentation: Any, segment_id: str, rest: MaskCrop | None) -> None:
    """Leave a lesion that does not count the rest of its voxels; one that nobody touched would count from now on as edited otherwise."""
    as_made = origin_of(segmentation, segment_id) == "AI"
    write_mask(segmentation, segment_id, rest)
    if as_made:
        segment, dead = segmentation.GetSegmentation().GetSegment(segment_id), necrosis_segment_id(segmentation)
        left = None if dead is None else segment_crop(segmentation, dead, reference_grid(segmentation))
        tags.write_tag(segment, tags.MASK_SHA256, mask_hash(rest))
        if tags.read_tag(segment, tags.NECROSIS_SHA256) and not tags.read_tag(segment, tags.NECROSIS_EDITED):
            tags.write_tag(segment, tags.NECROSIS_SHA256, hash_within(rest, left))


def drop_stray_necrosis(segmentation: Any, now: Holdings) -> dict[str, Held]:
    """Drop necrosis that lies outside every lesion (rejected and hidden ones keep theirs, for they may come back)."""
    segment_id = necrosis_segment_id(segmentation)
    dead = now[segment_id].crop if segment_id is not None and segment_id in now else None
    if segment_id is None or dead is None:
        return dict(now)
    stray = dead.mask.copy()
    for lesion in lesion_segment_ids(segmentation):
        crop = now[lesion].crop if lesion in now else None
        part = None if crop is None else common_box(dead, crop)
        if crop is not None and part is not None:
            stray[part[0]] &= ~crop.mask[part[1]]
    if not stray.any():
        return dict(now)
    write_mask(segmentation, segment_id, tight(MaskCrop(dead.mask & ~stray, dead.box)))
    return held_by(segmentation, now)


def settle(segmentation: Any, before: Holdings, restored: bool = False, told: Holdings | None = None) -> dict[str, Held]:
    """Apply the whole rule after an edit; returns what the segments hold then.

    It belongs to the same step of undo as the edit, for the state was saved before that.

    Parameters
    ----------
    before
        What the segments held before the edit.
    restored
        Whether an undo or redo made the change: then no tag is written, for that would end the redo.
    told
        What they held when the rule was last applied as a whole, where that is not `before`.
    """
    now = drop_stray_necrosis(segmentation, give_back(segmentation, before))
    if not restored:
        _say_who_drew(segmentation, before if told is None else told, now)
    return now


def _say_who_drew(segmentation: Any, before: Holdings, now: Holdings) -> None:
    """Keep the tag from which Slicer's DICOM export tells the network's outlines from those that a person edited or drew, and the one that
    says in which lesions a person changed the necrosis.

    They follow from the masks, and an undo brings both back.
    """
    content = segmentation.GetSegmentation()
    for segment_id, held in now.items():
        if segment_id not in before or before[segment_id].stamp != held.stamp:
            kind = _ALGORITHM_TYPES[origin_of(segmentation, segment_id)]
            tags.write_tag(content.GetSegment(segment_id), tags.ALGORITHM_TYPE, kind)
    dead = necrosis_segment_id(segmentation)
    if dead is None or dead not in now or (dead in before and before[dead].stamp == now[dead].stamp):
        return
    for segment_id in lesion_segment_ids(segmentation):
        segment = content.GetSegment(segment_id)
        made = tags.read_tag(segment, tags.NECROSIS_SHA256)
        edited = "yes" if made and segment_id in now and hash_within(now[segment_id].crop, now[dead].crop) != made else ""
        if tags.read_tag(segment, tags.NECROSIS_EDITED) != edited:
            tags.write_tag(segment, tags.NECROSIS_EDITED, edited)
