"""The sign-off of a review: who, when, and a hash of what was signed, so that a later change can be told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.log import append_log
from BrainMetsAILib.scene.masks import mask_hash, reference_grid, segment_crop, shared_part
from BrainMetsAILib.scene.reader import reader_name
from BrainMetsAILib.scene.review_counts import review_counts
from BrainMetsAILib.scene.segments import lesion_segment_ids, necrosis_crop
from BrainMetsAILib.scene.settings import EXAMINATION_UID, read_record, write_record
from BrainMetsAILib.scene.translation import tr as _

RECORD = "SignOff"

# Comparing two examinations gives lesions a shared tracking UID, and Slicer's editor sets its status by itself: nothing that was judged.
NOT_SIGNED = frozenset((tags.TRACKING_UID, tags.STATUS))


@dataclass(frozen=True)
class SignOff:
    """What was signed.

    Attributes
    ----------
    reader
        The name.
    time
        ISO 8601 with zone.
    lesions, unreviewed
        How many lesions counted, and how many of them nobody had reviewed.
    sha256
        `content_sha256` at that time.
    """

    reader: str
    time: str
    lesions: int
    unreviewed: int
    sha256: str


def sign_off(segmentation: Any) -> SignOff:
    """Sign a review as it is now; recorded with the settings of the examination and in the log.

    Raises
    ------
    ValueError
        If no reader's name is known.
    """
    reader = reader_name()
    if not reader:
        raise ValueError(_("No name is known to sign with: type the reader's name first."))
    counts = review_counts(segmentation)
    signed = SignOff(
        reader=reader,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        lesions=len(counts.counting),
        unreviewed=len(counts.unreviewed),
        sha256=content_sha256(segmentation),
    )
    write_record(segmentation, RECORD, asdict(signed))
    append_log("signed off", examination=segmentation.GetAttribute(EXAMINATION_UID), **asdict(signed))
    return signed


def read_sign_off(segmentation: Any) -> SignOff | None:
    """The last sign-off of a review; ``None`` where it was never signed."""
    stored = read_record(segmentation, RECORD)
    return SignOff(**stored) if stored else None


def changed_since(segmentation: Any, signed: SignOff) -> bool:
    """Whether a counting lesion, its tags or its necrosis differ from what was signed."""
    return content_sha256(segmentation) != signed.sha256


def content_sha256(segmentation: Any) -> str:
    """SHA-256 over all that is known of the counting lesions: names, tags, voxels, and the necrosis within them.

    Order of segments, layers and colours do not matter, and a scene file changes nothing.
    """
    return _sha256(segmentation, lambda segment: [segment.GetName(), _judgements(segment)])


def outlines_sha256(segmentation: Any) -> str:
    """SHA-256 over what is measured: which lesions count, their voxels, the necrosis within them, and diameters drawn by hand."""

    def known(segment: Any) -> list[Any]:
        return [value for key in (tags.LESION_UID, tags.MANUAL_DIAMETERS) if (value := tags.read_tag(segment, key))]

    return _sha256(segmentation, known)


def _judgements(segment: Any) -> list[tuple[str, str]]:
    return sorted((key, value) for key, value in tags.read_all(segment).items() if key not in NOT_SIGNED)


def _sha256(segmentation: Any, known: Callable[[Any], list[Any]]) -> str:
    """SHA-256 over the counting lesions: what is known of each, its voxels and its necrosis."""
    counting = set(review_counts(segmentation).counting)
    grid = reference_grid(segmentation)
    content = segmentation.GetSegmentation()
    dead = necrosis_crop(segmentation, grid)
    parts = []
    for segment_id in lesion_segment_ids(segmentation):
        segment = content.GetSegment(segment_id)
        crop = segment_crop(segmentation, segment_id, grid)
        if crop is None or tags.read_tag(segment, tags.LESION_UID) not in counting:
            continue
        necrotic = hashlib.sha256(np.packbits(shared_part(crop, dead) & crop.mask).tobytes()).hexdigest()
        parts.append(json.dumps([*known(segment), mask_hash(crop), necrotic]))
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()
