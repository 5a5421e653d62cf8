"""From probabilities to candidates, in the image's own grid. Needs no torch. This is where the volume threshold acts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.geometry import image_like, voxel_volume_ml
from BrainMetsAILib.lesions.instances import label_instances, numbered_by_size
from BrainMetsAILib.lesions.touching import split_at_necks, split_where_unsure
from BrainMetsAILib.models.finding import Finding, Removed
from BrainMetsAILib.models.sliding_windows import padded_box

MOST_CANDIDATES = 300
"""More than any patient has: a network that finds more sees noise, and the scene should stay usable."""


@dataclass(frozen=True)
class Candidates:
    """Lesions with their necrosis and scores.

    Attributes
    ----------
    labels
        uint16 on the image's grid: 1…n without holes, numbered by falling size.
    necrosis_mask
        uint8: 1 where a lesion is necrotic, 0 elsewhere.
    scores
        Number → score from 0 to 1.
    left_out
        How many candidates were dropped because there were more than `MOST_CANDIDATES`.
    """

    labels: sitk.Image
    necrosis_mask: sitk.Image
    scores: Mapping[int, float]
    left_out: int = 0


def candidates(
    enhancing: sitk.Image,
    necrosis: sitk.Image,
    voxel_threshold: float = 0.5,
    score_floor: float = 0.0,
    minimum_voxels: int = 3,
    minimum_mm3: float = 2.0,
    balanced: float = 0.0,
) -> Candidates:
    """Candidates of two probability images on one grid.

    Parameters
    ----------
    enhancing, necrosis
        Probability of each class, float32.
    voxel_threshold
        A voxel belongs to a lesion where enhancing + necrosis reaches this.
    score_floor
        Candidates with a lower score are left out.
    minimum_voxels, minimum_mm3
        Smaller candidates are left out.
    balanced
        Candidates from this score on are numbered first, so that a list without the others has no gaps.

    Returns
    -------
    Candidates
        Pieces that share a face, an edge or a corner are one candidate, unless a neck or doubt divides them (`lesions/touching.py`). What
        a candidate encloses belongs to it: where the network says enhancing there, as enhancing tissue, otherwise as necrosis. Within a
        candidate a voxel is necrotic where that is the likelier of the two classes.
    """
    enhancing_array, necrosis_array = sitk.GetArrayViewFromImage(enhancing), sitk.GetArrayViewFromImage(necrosis)
    # Room of one voxel around the foreground: all that follows then costs what the lesions cost, not what the image costs.
    box = padded_box(enhancing_array + necrosis_array >= np.float32(voxel_threshold), margin=1)
    enhancing_part, necrosis_part = enhancing_array[box], necrosis_array[box]
    probability = enhancing_part + necrosis_part
    mask = _filled(probability >= np.float32(voxel_threshold))
    voxel_mm3 = 1000.0 * voxel_volume_ml(enhancing)
    smallest = max(minimum_voxels, int(np.ceil(minimum_mm3 / voxel_mm3 - 1e-6)))
    whole = sitk.GetArrayFromImage(label_instances(sitk.GetImageFromArray(mask.astype(np.uint8)), smallest))
    spacing_mm = tuple(reversed(enhancing.GetSpacing()))
    pieces = numbered_by_size(split_where_unsure(split_at_necks(whole, spacing_mm), probability, spacing_mm))
    # An enclosed cavity belongs to a lesion, but says nothing of how sure the network is: a thin rim around it would count for little.
    scores = component_scores(probability, np.where(probability >= np.float32(voxel_threshold), pieces, 0))
    kept = [number for number, score in scores.items() if score >= score_floor]
    left_out = max(0, len(kept) - MOST_CANDIDATES)
    if left_out:
        best = sorted(kept, key=lambda number: -scores[number])[:MOST_CANDIDATES]
        kept = sorted(best)
    kept = [*(n for n in kept if scores[n] >= balanced), *(n for n in kept if scores[n] < balanced)]
    renumbering = np.zeros(int(pieces.max(initial=0)) + 1, dtype=np.uint16)
    renumbering[kept] = np.arange(1, len(kept) + 1)
    numbered = renumbering[pieces]
    labels = np.zeros(enhancing_array.shape, dtype=np.uint16)
    labels[box] = numbered
    dead = np.zeros(enhancing_array.shape, dtype=np.uint8)
    dead[box] = (numbered > 0) & _is_necrotic(enhancing_part, necrosis_part, voxel_threshold)
    return Candidates(
        image_like(labels, enhancing),
        image_like(dead, enhancing),
        {new: scores[old] for new, old in enumerate(kept, start=1)},
        left_out,
    )


def with_score_at_least(finding: Finding, least_score: float) -> Finding:
    """The finding with only the candidates of that score or more, numbered anew in the same order; the probability maps stay."""
    removed = finding.removed
    scores = {**finding.scores, **(removed.scores if removed else {})}
    labels = finding.labels if removed is None else sitk.Add(finding.labels, removed.labels)
    wanted = [number for number, score in sorted(scores.items()) if score >= least_score]
    if len(wanted) == len(scores):
        return finding
    reasons = {number: reason for number, reason in (removed.reasons if removed else {}).items() if number in wanted}
    found = Candidates(labels, finding.necrosis_mask, scores)
    kept, gone = separated(_only(wanted, found), {wanted.index(number) + 1: reason for number, reason in reasons.items()})
    # Those that stay keep their order, and what was taken out comes behind them: as they were numbered before.
    locations = {new: finding.locations[old] for new, old in enumerate(wanted, start=1) if old in finding.locations}
    return replace(finding, labels=kept.labels, necrosis_mask=kept.necrosis_mask, scores=kept.scores, removed=gone, locations=locations)


def separated(found: Candidates, reasons: Mapping[int, str]) -> tuple[Candidates, Removed | None]:
    """Take candidates out, without forgetting them.

    Parameters
    ----------
    found
        All candidates.
    reasons
        Number → why it is taken out.

    Returns
    -------
    tuple
        What stays, numbered anew from 1 in the same order, with the necrosis of all; and what was taken out, with the next numbers.
    """
    if not reasons:
        return found, None
    order = [*(n for n in sorted(found.scores) if n not in reasons), *sorted(reasons)]
    every = _only(order, found)
    last = len(order) - len(reasons)
    numbers = sitk.GetArrayViewFromImage(every.labels)
    kept = replace(
        every,
        labels=image_like(np.where(numbers <= last, numbers, 0).astype(np.uint16), every.labels),
        scores={number: score for number, score in every.scores.items() if number <= last},
    )
    gone = Removed(
        labels=image_like(np.where(numbers > last, numbers, 0).astype(np.uint16), every.labels),
        scores={number: score for number, score in every.scores.items() if number > last},
        reasons={last + place: reasons[number] for place, number in enumerate(sorted(reasons), start=1)},
    )
    return kept, gone


def _only(wanted: Sequence[int], found: Candidates) -> Candidates:
    """The candidates of those numbers, numbered from 1 in that order."""
    renumbering = np.zeros(max(found.scores, default=0) + 1, dtype=np.uint16)
    renumbering[list(wanted)] = np.arange(1, len(wanted) + 1)
    numbered = renumbering[sitk.GetArrayViewFromImage(found.labels)]
    dead = (sitk.GetArrayViewFromImage(found.necrosis_mask) > 0) & (numbered > 0)
    scores = {new: found.scores[old] for new, old in enumerate(wanted, start=1)}
    return replace(found, labels=image_like(numbered, found.labels), necrosis_mask=image_like(dead, found.labels), scores=scores)


def component_scores(probability: NDArray[np.float32], labels: NDArray[np.integer]) -> dict[int, float]:
    """Score of each numbered piece: the mean foreground probability of its surer half.

    The mean over a whole piece punishes small ones, all of whose voxels lie at the blurred edge; the maximum is one voxel's opinion.

    Parameters
    ----------
    probability, labels
        [k, j, i]; labels 1…n.
    """
    scores = {}
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            values = np.sort(probability[box][labels[box] == number])
            scores[number] = float(min(1.0, values[len(values) // 2 :].mean()))
    return scores


def _filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask with its enclosed cavities: background that the outside reaches through no face."""
    outside, count = ndimage.label(~mask)
    if count <= 1:
        return mask
    # The box around the foreground may end at the image's own faces: what touches those faces is open, never a cavity.
    open_numbers = np.unique(np.concatenate([np.take(outside, end, axis).ravel() for axis in range(3) for end in (0, -1)]))
    return mask | ~np.isin(outside, open_numbers) & (outside > 0)


def _is_necrotic(enhancing: NDArray[np.float32], necrosis: NDArray[np.float32], voxel_threshold: float) -> NDArray[np.bool_]:
    below = enhancing + necrosis < np.float32(voxel_threshold)  # inside a lesion: an enclosed cavity
    return (necrosis > enhancing) | (below & (enhancing < 0.5 * np.float32(voxel_threshold)))
