"""What an edit changed, and its line in the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from BrainMetsAILib.lesions.grid import voxel_ml
from BrainMetsAILib.scene.log import append_log
from BrainMetsAILib.scene.masks import MaskCrop, reference_grid
from BrainMetsAILib.scene.settling import Holdings


@dataclass(frozen=True)
class Change:
    """One lesion before and after an edit; a lesion that came or went has 0 mL before or after. `Necrosis` has no UID."""

    lesion: str
    name: str
    volume_before_ml: float
    volume_after_ml: float
    review_before: str
    review_after: str


def changes_between(segmentation: Any, before: Holdings, after: Holdings, with_reviews: bool = False) -> list[Change]:
    """The lesions whose voxels differ, and with ``with_reviews`` those whose review does."""
    voxel = voxel_ml(reference_grid(segmentation).ijk_to_ras)
    result = []
    for segment_id in (*before, *(segment_id for segment_id in after if segment_id not in before)):
        old, new = before.get(segment_id), after.get(segment_id)
        reviewed_alike = not with_reviews or (old is not None and new is not None and old.review == new.review)
        if old is not None and new is not None and reviewed_alike and _same(old.crop, new.crop):
            continue
        known = new or old
        assert known is not None
        before_ml, after_ml = (round(held.voxels * voxel, 6) if held else 0.0 for held in (old, new))
        was, is_now = (held.review if held else "" for held in (old, new))
        result.append(Change(known.lesion_uid, known.name, before_ml, after_ml, was, is_now))
    return result


def log_edit(event: str, changes: Sequence[Change], lesion_uid: str = "", **facts: object) -> None:
    """One line for an edit: the lesion that was meant, its volumes before and after, and what else changed with it.

    Parameters
    ----------
    event
        ``edited``, ``added``, ``split``, ``undone`` …
    changes
        All that changed; nothing is written where nothing did.
    lesion_uid
        The lesion that was meant; by default the first that changed.
    """
    if not changes:
        return
    meant = next((change for change in changes if lesion_uid and change.lesion == lesion_uid), changes[0])
    append_log(event, **facts, **_plain(meant), also=[_plain(change) for change in changes if change is not meant])


def _plain(change: Change) -> dict[str, object]:
    """What is worth a place in the log: reviews only where they changed."""
    facts = asdict(change)
    if change.review_before == change.review_after:
        del facts["review_before"], facts["review_after"]
    return facts


def _same(old: MaskCrop | None, new: MaskCrop | None) -> bool:
    if old is None or new is None or old is new:
        return old is new
    return old.box == new.box and bool(np.array_equal(old.mask, new.mask))
