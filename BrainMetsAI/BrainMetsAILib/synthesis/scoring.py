"""How found lesions compare with a known truth, one to one."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from BrainMetsAILib.images.geometry import array_of, same_grid

MINIMUM_IOU = 0.1


@dataclass(frozen=True)
class Hit:
    """A found lesion, the true lesion it is counted for, and their overlap (intersection over union)."""

    number: int
    true_number: int
    iou: float


@dataclass(frozen=True)
class Score:
    """Hits, the numbers of true lesions that were missed, and those of found ones that are none."""

    hits: tuple[Hit, ...]
    missed: tuple[int, ...]
    false: tuple[int, ...]


def match_to_truth(labels: sitk.Image, truth: sitk.Image, minimum_iou: float = MINIMUM_IOU) -> Score:
    """Pair found and true lesions one to one, so that the summed overlap is greatest.

    Parameters
    ----------
    labels, truth
        Lesion number a voxel, 0 elsewhere; on the same grid.
    minimum_iou
        Pairs that overlap less do not count.

    Raises
    ------
    ValueError
        Where the grids differ.
    """
    common, iou = _overlaps(labels, truth, minimum_iou)
    pairs = [(int(a), int(b)) for a, b in zip(*linear_sum_assignment(-iou), strict=True) if iou[a, b] > 0]
    hits = tuple(Hit(a + 1, b + 1, float(iou[a, b])) for a, b in pairs)
    return Score(hits, _absent(common.sum(axis=0), {h.true_number for h in hits}), _absent(common.sum(axis=1), {h.number for h in hits}))


def match_by_score(labels: sitk.Image, truth: sitk.Image, scores: Mapping[int, float], minimum_iou: float = MINIMUM_IOU) -> tuple[Hit, ...]:
    """Pair found and true lesions one to one, the surest first, each with the free true lesion that it overlaps most.

    What counts above a score then does not depend on what was found below it, so that one matching serves every score.

    Parameters
    ----------
    labels, truth, minimum_iou
        As in `match_to_truth`.
    scores
        Of every found lesion, by number.
    """
    _, iou = _overlaps(labels, truth, minimum_iou)
    hits = []
    for number in sorted(scores, key=lambda n: (-scores[n], n)):
        row = iou[number - 1] if 0 < number <= len(iou) else np.zeros(0)
        if row.size and row.max() > 0:
            best = int(row.argmax())
            hits.append(Hit(number, best + 1, float(row[best])))
            iou[:, best] = 0.0
    return tuple(hits)


def _overlaps(labels: sitk.Image, truth: sitk.Image, minimum_iou: float) -> tuple[NDArray[np.integer], NDArray[np.floating]]:
    """Voxels in common by number, background included; intersection over union without it, 0 below the least."""
    if not same_grid(labels, truth):
        raise ValueError("the found lesions and the truth lie on different grids; score them on the examination's own grid")
    found, true = array_of(labels), array_of(truth)
    somewhere = (found != 0) | (true != 0)  # the rest is most of the volume, and says nothing
    found, true = found[somewhere].astype(np.int64), true[somewhere].astype(np.int64)
    rows, columns = int(found.max(initial=0)) + 1, int(true.max(initial=0)) + 1
    common = np.bincount(found * columns + true, minlength=rows * columns).reshape(rows, columns)
    sizes = common.sum(axis=1, keepdims=True) + common.sum(axis=0, keepdims=True) - common
    iou = common[1:, 1:] / np.maximum(sizes[1:, 1:], 1)
    iou[iou < minimum_iou] = 0.0
    return common, iou


def _absent(voxels: np.ndarray, counted: set[int]) -> tuple[int, ...]:
    return tuple(int(n) for n in range(1, len(voxels)) if voxels[n] > 0 and n not in counted)
