"""What an edit changed, and its line in the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from BrainMetsAILib.lesions.grid import voxel_ml
from BrainMetsAILib.scene.log import append_log
from BrainMetsAILib.scene.masks import MaskCrop, reference_grid
from BrainMetsAILib.scene.settings import EXAMINATION_UID
from BrainMetsAILib.scene.settling import Holdings


@dataclass(frozen=True)
class Change:
    """One lesion before and after an edit; a lesion that came or went has 0 mL before or after. `Necrosis` has no UID."""

    lesion_uid: str
    lesion: str
    volume_before_ml: float
    volume_after_ml: float
    judged_before: Mapping[str, str]
    judged_after: Mapping[str, str]


def changes_between(segmentation: Any, before: Holdings, after: Holdings, with_judgements: bool = False) -> list[Change]:
    """The lesions whose voxels differ, and with ``with_judgements`` those of which a person now says something else."""
    voxel = voxel_ml(reference_grid(segmentation).ijk_to_ras)
    result = []
    for segment_id in (*before, *(segment_id for segment_id in after if segment_id not in before)):
        old, new = before.get(segment_id), after.get(segment_id)
        judged_alike = not with_judgements or (old is not None and new is not None and old.judgement == new.judgement)
        if old is not None and new is not None and judged_alike and _same(old.crop, new.crop):
            continue
        known = new or old
        assert known is not None
        before_ml, after_ml = (round(held.voxels * voxel, 6) if held else 0.0 for held in (old, new))
        was, is_now = (held.judgement if held else {} for held in (old, new))
        result.append(Change(known.lesion_uid, known.name, before_ml, after_ml, was, is_now))
    return result


def log_edit(segmentation: Any, event: str, changes: Sequence[Change], lesion_uid: str = "", **facts: object) -> None:
    """One line for an edit: the lesion that was meant, its volumes before and after, and what else changed with it.

    Parameters
    ----------
    segmentation
        Of the examination.
    event
        ``edited``, ``added``, ``split``, ``undone`` …
    changes
        All that changed; nothing is written where nothing did.
    lesion_uid
        The lesion that was meant; by default the first that changed.
    """
    if not changes:
        return
    meant = next((change for change in changes if lesion_uid and change.lesion_uid == lesion_uid), changes[0])
    also = [_plain(change) for change in changes if change is not meant]
    append_log(event, examination=segmentation.GetAttribute(EXAMINATION_UID), **facts, **_plain(meant), also=also)


def _plain(change: Change) -> dict[str, object]:
    """What is worth a place in the log: of what a person says only what changed."""
    facts: dict[str, object] = {
        "lesion": change.lesion,
        "lesion_uid": change.lesion_uid,
        "volume_before_ml": change.volume_before_ml,
        "volume_after_ml": change.volume_after_ml,
    }
    for name in {**change.judged_before, **change.judged_after}:
        was, is_now = change.judged_before.get(name, ""), change.judged_after.get(name, "")
        if was != is_now:
            facts |= {f"{name}_before": was, f"{name}_after": is_now}
    return facts


def _same(old: MaskCrop | None, new: MaskCrop | None) -> bool:
    if old is None or new is None or old is new:
        return old is new
    return old.box == new.box and bool(np.array_equal(old.mask, new.mask))
