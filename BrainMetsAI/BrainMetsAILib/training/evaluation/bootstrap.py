"""Confidence intervals from the cases themselves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from BrainMetsAILib.training.evaluation.case_result import CaseResult

RESAMPLES = 1000
LEVEL = 0.95
Figures = Callable[[Sequence[CaseResult]], Mapping[str, float]]
T = TypeVar("T")


@dataclass(frozen=True)
class Estimate:
    """A figure with its confidence interval; NaN where it is not defined."""

    value: float
    low: float
    high: float


def bootstrap(
    cases: Sequence[CaseResult], figures: Figures, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> dict[str, Estimate]:
    """Percentile intervals of figures by drawing cases with replacement (Efron and Tibshirani, 1993).

    Whole cases are drawn, for the lesions of one head are not independent. Draws in which a figure is not defined (no lesion of a
    size) are left out of its interval. With few cases, or where every lesion was found, intervals are too narrow; the tables show counts.

    Parameters
    ----------
    cases
        At least none: without cases every figure is what `figures` makes of an empty list.
    figures
        Cases to named figures.
    resamples, level, seed
        Number of draws, share that the interval covers, source of chance.
    """
    values = dict(figures(cases))
    if len(cases) < 2 or resamples < 1:
        return {name: Estimate(value, float("nan"), float("nan")) for name, value in values.items()}
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in values}
    for chosen in rng.integers(0, len(cases), (resamples, len(cases))):
        for name, value in figures([cases[n] for n in chosen]).items():
            if not np.isnan(value):
                drawn[name].append(value)
    tails = (100 * (1 - level) / 2, 100 * (1 + level) / 2)
    return {name: Estimate(value, *_interval(drawn[name], tails)) for name, value in values.items()}


def _interval(values: Sequence[float], tails: tuple[float, float]) -> tuple[float, float]:
    if not values:
        return float("nan"), float("nan")
    low, high = np.percentile(values, tails)
    return float(low), float(high)
