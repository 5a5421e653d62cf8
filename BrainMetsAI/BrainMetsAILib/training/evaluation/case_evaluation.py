"""From the network's finding and the truth of one case to its result."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of, same_grid
from BrainMetsAILib.lesions.sizes import sphere_diameter_mm
from BrainMetsAILib.models.finding import Finding
from BrainMetsAILib.synthesis.scoring import Hit, match_by_score
from BrainMetsAILib.training.evaluation.calibration import voxel_bins
from BrainMetsAILib.training.evaluation.case_result import Candidate, CaseResult, TrueLesion, Volumes
from BrainMetsAILib.training.evaluation.lesionwise import LesionWise, lesion_wise
from BrainMetsAILib.training.evaluation.surfaces import Overlap, overlap
from BrainMetsAILib.training.evaluation.truth import Truth

Mask = NDArray[np.bool_]


def evaluate_case(name: str, finding: Finding, truth: Truth, threshold: float = 0.5, tags: Mapping[str, str] | None = None) -> CaseResult:
    """Compare a finding with the truth.

    Parameters
    ----------
    name, tags
        Of the case; see `CaseResult`.
    finding
        Every candidate above the network's floor, whatever its score.
    truth
        On the same grid.
    threshold
        Lesion score for the BraTS scores, which cannot be changed afterwards; everything else is kept for every score.

    Raises
    ------
    ValueError
        Where the grids differ.
    """
    for image in (truth.labels, truth.necrosis, truth.ignore):
        if image is not None and not same_grid(finding.labels, image):
            raise ValueError(f"the truth of {name} lies on another grid than the image; resample it to the image first")
    parts = _Parts(finding, truth)
    hits = match_by_score(finding.labels, truth.labels, finding.scores)
    return CaseResult(
        name=name,
        tags=dict(tags or {}),
        lesions=_true_lesions(parts, truth, finding.scores, {hit.true_number: hit for hit in hits}),
        candidates=_candidates(parts, parts.found, finding.scores, {hit.number: hit.true_number for hit in hits}),
        true=parts.volumes(parts.true > 0, parts.true_necrosis),
        lesion_wise=_lesion_wise(parts, finding.scores, threshold),
        threshold=threshold,
        voxel_bins=voxel_bins(parts.probability(), parts.true > 0, parts.not_shown()),
        seconds=finding.provenance.seconds,
        notes=finding.notes,
        removed=_removed(parts, finding, truth),
    )


class _Parts:
    """The arrays of a case, [k, j, i]."""

    def __init__(self, finding: Finding, truth: Truth) -> None:
        self.finding = finding
        self.spacing_kji: tuple[float, ...] = tuple(reversed(finding.labels.GetSpacing()))
        self.voxel_ml = float(np.prod(self.spacing_kji)) / 1000.0
        self.found = array_of(finding.labels).astype(np.int32)
        self.found_necrosis: Mask = array_of(finding.necrosis_mask) > 0
        self.true = array_of(truth.labels).astype(np.int32)
        self.true_necrosis: Mask | None = None if truth.necrosis is None else (array_of(truth.necrosis) > 0) & (self.true > 0)
        self.ignore: Mask | None = None if truth.ignore is None else array_of(truth.ignore) > 0

    def probability(self) -> NDArray[np.float32]:
        return np.asarray(array_of(self.finding.enhancing) + array_of(self.finding.necrosis), np.float32)

    def not_shown(self) -> Mask | None:
        """Where the truth knows nothing, and what post-processing took out: nobody sees probabilities there."""
        if self.finding.removed is None:
            return self.ignore
        taken = array_of(self.finding.removed.labels) > 0
        return taken if self.ignore is None else taken | self.ignore

    def volumes(self, whole: Mask, necrosis: Mask | None) -> Volumes:
        total = float(np.count_nonzero(whole)) * self.voxel_ml
        if necrosis is None:
            return Volumes(total, None, None)
        dead = float(np.count_nonzero(whole & necrosis)) * self.voxel_ml
        return Volumes(total, total - dead, dead)


def _true_lesions(parts: _Parts, truth: Truth, scores: Mapping[int, float], hits: Mapping[int, Hit]) -> tuple[TrueLesion, ...]:
    lesions = []
    found_boxes = ndimage.find_objects(parts.found)
    for number, box in enumerate(ndimage.find_objects(parts.true), start=1):
        if box is None:
            continue
        mask = parts.true[box] == number
        volumes = parts.volumes(mask, None if parts.true_necrosis is None else parts.true_necrosis[box])
        kind = truth.kinds.get(number, "")
        diameter = truth.diameters_mm.get(number, sphere_diameter_mm(volumes.whole_ml))
        hit = hits.get(number)
        if hit is None:
            lesions.append(TrueLesion(number, kind, diameter, volumes))
            continue
        both = tuple(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(box, found_boxes[hit.number - 1], strict=True))
        whole, enhancing, necrosis = _agreement(parts, both, hit)
        lesions.append(TrueLesion(number, kind, diameter, volumes, hit.number, scores[hit.number], hit.iou, whole, enhancing, necrosis))
    return tuple(lesions)


def _agreement(parts: _Parts, box: tuple[slice, ...], hit: Hit) -> tuple[Overlap | None, Overlap | None, Overlap | None]:
    """Of the whole, the enhancing and the necrotic tissue."""
    found, true = parts.found[box] == hit.number, parts.true[box] == hit.true_number
    whole = overlap(found, true, parts.spacing_kji)
    if parts.true_necrosis is None:
        return whole, None, None
    dead_found, dead_true = parts.found_necrosis[box] & found, parts.true_necrosis[box]
    return (
        whole,
        overlap(found & ~dead_found, true & ~dead_true, parts.spacing_kji),
        overlap(found & dead_found, true & dead_true, parts.spacing_kji),
    )


def _removed(parts: _Parts, finding: Finding, truth: Truth) -> tuple[Candidate, ...]:
    """What post-processing took out."""
    if finding.removed is None:
        return ()
    matched = {hit.number: hit.true_number for hit in match_by_score(finding.removed.labels, truth.labels, finding.removed.scores)}
    found = _candidates(parts, array_of(finding.removed.labels).astype(np.int32), finding.removed.scores, matched)
    return tuple(replace(candidate, reason=finding.removed.reasons[candidate.number]) for candidate in found)


def _candidates(
    parts: _Parts, numbers: NDArray[np.int32], scores: Mapping[int, float], true_numbers: Mapping[int, int]
) -> tuple[Candidate, ...]:
    candidates = []
    for number, box in enumerate(ndimage.find_objects(numbers), start=1):
        if box is None:
            continue
        mask, dead = numbers[box] == number, parts.found_necrosis[box]
        volumes = parts.volumes(mask, dead)
        lesion = mask & (parts.true[box] > 0)
        common = Volumes(float(np.count_nonzero(lesion)) * parts.voxel_ml, None, None)
        if parts.true_necrosis is not None:
            truly_dead = parts.true_necrosis[box]
            common = Volumes(
                common.whole_ml,
                float(np.count_nonzero(lesion & ~dead & ~truly_dead)) * parts.voxel_ml,
                float(np.count_nonzero(lesion & dead & truly_dead)) * parts.voxel_ml,
            )
        true_number = true_numbers.get(number)
        ignored = true_number is None and parts.ignore is not None and bool(np.mean(parts.ignore[box][mask]) >= 0.5)
        diameter = sphere_diameter_mm(volumes.whole_ml)
        candidates.append(Candidate(number, float(scores[number]), diameter, volumes, common, true_number, ignored))
    return tuple(candidates)


def _lesion_wise(parts: _Parts, scores: Mapping[int, float], threshold: float) -> dict[str, LesionWise]:
    kept = [number for number, score in scores.items() if score >= threshold]
    found = np.isin(parts.found, kept) if kept else np.zeros(parts.found.shape, bool)
    true = parts.true > 0
    if parts.ignore is not None:
        found &= ~parts.ignore
    # What lies far from every mask cannot matter: score the box around them.
    box = _shared_box(found | true)
    pairs: list[tuple[str, Mask, Mask]] = [("TC", found[box], true[box])]
    if parts.true_necrosis is not None:
        pairs.append(("ET", found[box] & ~parts.found_necrosis[box], true[box] & ~parts.true_necrosis[box]))
    return {tissue: lesion_wise(a, b, parts.spacing_kji) for tissue, a, b in pairs}


def _shared_box(mask: Mask, margin: int = 2) -> tuple[slice, ...]:
    if not mask.any():
        return (slice(0, 1),) * mask.ndim
    spans: Sequence[NDArray[np.intp]] = [
        np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis))) for axis in range(mask.ndim)
    ]
    return tuple(slice(max(int(s[0]) - margin, 0), int(s[-1]) + 1 + margin) for s in spans)
