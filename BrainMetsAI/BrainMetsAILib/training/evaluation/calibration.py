"""Whether a probability means what it says: of candidates with a score of 0.8, four in five should be lesions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from BrainMetsAILib.training.evaluation.case_result import CaseResult

BINS = 10
LEAST_VOXEL_PROBABILITY = 0.05
"""Voxels below are sure background, thousands of times more than all others: with them any network looks calibrated."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Predictions of similar probability: how many, their mean probability, and the share that was right."""

    count: float
    predicted: float
    observed: float


@dataclass(frozen=True)
class Calibration:
    """Reliability diagram and its summary.

    Attributes
    ----------
    bins
        Ten of equal width from 0 to 1; empty ones are left out.
    ece
        Expected calibration error: mean of |predicted - observed| over the bins, weighted by their counts (Naeini et al., AAAI 2015). NaN
        without predictions.
    """

    bins: tuple[ReliabilityBin, ...]
    ece: float


def lesion_calibration(cases: Sequence[CaseResult]) -> Calibration:
    """Of the candidates: score against the share that are lesions."""
    judged = [c for case in cases for c in case.candidates if not c.ignored]
    scores = np.array([c.score for c in judged], float)
    right = np.array([c.true_number is not None for c in judged], float)
    places = np.minimum((scores * BINS).astype(int), BINS - 1)
    return _calibration(
        [(float(np.sum(places == b)), float(scores[places == b].sum()), float(right[places == b].sum())) for b in range(BINS)]
    )


def voxel_calibration(cases: Sequence[CaseResult]) -> Calibration:
    """Of the voxels with a probability of at least 0.05: probability against the share that are lesion."""
    sums = [case.voxel_bins for case in cases if case.voxel_bins]
    totals = np.sum(np.array(sums, float), axis=0) if sums else np.zeros((BINS, 3))
    return _calibration([(float(a), float(b), float(c)) for a, b, c in totals])


def voxel_bins(
    probability: NDArray[np.float32], lesion: NDArray[np.bool_], ignore: NDArray[np.bool_] | None = None
) -> tuple[tuple[float, float, float], ...]:
    """Number of voxels, sum of probability and number of lesion voxels in each bin; arrays [k, j, i]."""
    counted = probability >= LEAST_VOXEL_PROBABILITY
    if ignore is not None:
        counted &= ~ignore
    values = np.clip(probability[counted].astype(float), 0.0, 1.0)
    places = np.minimum((values * BINS).astype(int), BINS - 1)
    columns = [np.bincount(places, weights, BINS) for weights in (np.ones_like(values), values, lesion[counted].astype(float))]
    return tuple((float(a), float(b), float(c)) for a, b, c in zip(*columns, strict=True))


def _calibration(sums: Sequence[tuple[float, float, float]]) -> Calibration:
    bins = tuple(ReliabilityBin(n, p / n, right / n) for n, p, right in sums if n > 0)
    total = sum(b.count for b in bins)
    ece = sum(b.count * abs(b.predicted - b.observed) for b in bins) / total if total else float("nan")
    return Calibration(bins, ece)
