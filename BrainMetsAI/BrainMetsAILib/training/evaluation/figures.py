"""The figures of a set of cases at one lesion score, each with a name."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from BrainMetsAILib.lesions.sizes import ALL_SIZES, SIZE_BINS
from BrainMetsAILib.training.evaluation.agreement import agreement
from BrainMetsAILib.training.evaluation.calibration import lesion_calibration, voxel_calibration
from BrainMetsAILib.training.evaluation.case_result import CaseResult, TrueLesion, Volumes
from BrainMetsAILib.training.evaluation.detection import counts, froc, froc_score, sensitivity
from BrainMetsAILib.training.evaluation.surfaces import Overlap

TISSUES = ("whole", "enhancing", "necrosis")
_VOLUME: Mapping[str, Callable[[Volumes], float | None]] = {
    "whole": lambda volumes: volumes.whole_ml,
    "enhancing": lambda volumes: volumes.enhancing_ml,
    "necrosis": lambda volumes: volumes.necrotic_ml,
}


def detection_figures(cases: Sequence[CaseResult], threshold: float) -> dict[str, float]:
    """Sensitivity by size, precision, F1, false positives a scan, FROC score."""
    found = counts(cases, threshold)
    figures = {f"sensitivity, {size.name}": sensitivity(cases, threshold, size) for size in (ALL_SIZES, *SIZE_BINS)}
    return {
        **figures,
        "precision": found.precision,
        "F1": found.f1,
        "false positives a scan": found.false_a_scan,
        "FROC score": froc_score(froc(cases)),
    }


def outline_figures(cases: Sequence[CaseResult], threshold: float) -> dict[str, float]:
    """Dice by size, surface Dice and HD95 of the lesions found, tissue by tissue; and Dice of all tissue of a case."""
    figures: dict[str, float] = {}
    found = [lesion for case in cases for lesion in case.lesions if lesion.found_at(threshold)]
    by_size = {size.name: [lesion for lesion in found if size.holds(lesion.diameter_mm)] for size in (ALL_SIZES, *SIZE_BINS)}
    for tissue in TISSUES:
        for name, lesions in by_size.items():
            figures[f"Dice, {tissue}, {name}"] = _mean(one.dice for one in _agreed(lesions, tissue))
        agreed = _agreed(found, tissue)
        figures[f"surface Dice 1 mm, {tissue}, all"] = _mean(one.surface_dice for one in agreed)
        # Infinite where one of the two lacks the tissue: Dice and surface Dice count that, a mean of distances cannot.
        figures[f"HD95 mm, {tissue}, all"] = _mean(one.hd95_mm for one in agreed if np.isfinite(one.hd95_mm))
        figures[f"Dice of a case, {tissue}"] = _mean(case_dice(case, tissue, threshold) for case in cases)
    return figures


def volume_figures(cases: Sequence[CaseResult], threshold: float) -> dict[str, float]:
    """Correlation and Bland-Altman of the volumes of found lesions, whole and enhancing."""
    figures: dict[str, float] = {}
    for tissue in ("whole", "enhancing"):
        agreed = agreement(*volume_pairs(cases, threshold, tissue))
        figures[f"volume r, {tissue}"] = agreed.pearson
        figures[f"volume concordance, {tissue}"] = agreed.concordance
        figures[f"volume bias mL, {tissue}"] = agreed.bias_ml
        figures[f"lower limit of agreement mL, {tissue}"] = agreed.low_ml
        figures[f"upper limit of agreement mL, {tissue}"] = agreed.high_ml
        figures[f"median volume error, {tissue}"] = agreed.median_error
    return figures


def lesion_wise_figures(cases: Sequence[CaseResult]) -> dict[str, float]:
    """Means over cases of the BraTS scores, at the score they were computed with."""
    figures: dict[str, float] = {}
    for tissue in ("TC", "ET"):
        scored = [case.lesion_wise[tissue] for case in cases if tissue in case.lesion_wise]
        figures[f"BraTS lesion-wise Dice, {tissue}"] = _mean(one.dice for one in scored)
        figures[f"BraTS lesion-wise HD95 mm, {tissue}"] = _mean(one.hd95_mm for one in scored)
    return figures


def calibration_figures(cases: Sequence[CaseResult]) -> dict[str, float]:
    """Expected calibration errors of lesion scores and of voxels; they depend on no threshold."""
    return {"ECE of lesion scores": lesion_calibration(cases).ece, "ECE of voxels": voxel_calibration(cases).ece}


def case_dice(case: CaseResult, tissue: str, threshold: float) -> float:
    """Dice of all tissue of a case with the candidates that count; NaN where neither has any, or the truth does not know the tissue."""
    volume = _VOLUME[tissue]
    true = volume(case.true)
    if true is None:
        return float("nan")
    kept = [c for c in case.candidates if c.score >= threshold and not c.ignored]
    found = sum(volume(c.volumes) or 0.0 for c in kept)
    common = sum(volume(c.common) or 0.0 for c in kept)
    return 2.0 * common / (found + true) if found + true > 0 else float("nan")


def volume_pairs(cases: Sequence[CaseResult], threshold: float, tissue: str) -> tuple[list[float], list[float]]:
    """Found and true volumes (mL) of the lesions found whose truth knows the tissue."""
    volume = _VOLUME[tissue]
    found, true = [], []
    for case in cases:
        by_number = {c.number: c for c in case.candidates}
        for lesion in case.lesions:
            known = volume(lesion.volumes)
            if lesion.candidate is not None and lesion.found_at(threshold) and known is not None:
                found.append(volume(by_number[lesion.candidate].volumes) or 0.0)
                true.append(known)
    return found, true


def _agreed(lesions: Iterable[TrueLesion], tissue: str) -> list[Overlap]:
    agreed: list[Overlap | None] = [getattr(lesion, tissue) for lesion in lesions]
    return [one for one in agreed if one is not None]


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
