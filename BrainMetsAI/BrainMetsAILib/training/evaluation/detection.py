"""Found, missed and false, at one score and at every score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from BrainMetsAILib.lesions.sizes import ALL_SIZES, SizeBin
from BrainMetsAILib.training.evaluation.case_result import CaseResult

FROC_AT = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False positives a scan at which the sensitivity is averaged (as LUNA16: Setio et al., Med Image Anal 2017;42:1)."""
MOST_FALSE_A_SCAN: Mapping[str, float] = {"high sensitivity": 4.0, "balanced": 1.0, "high precision": 0.25}
"""Each operating point is the lowest score at which the false positives a scan stay within this. The goal for the balanced point is 1.5:
the rest is room for heads that were not tuned on."""


@dataclass(frozen=True)
class Counts:
    """Lesions found of those there are, and false positives, at one score."""

    found: int
    lesions: int
    false: int
    scans: int

    @property
    def sensitivity(self) -> float:
        """NaN without lesions."""
        return self.found / self.lesions if self.lesions else float("nan")

    @property
    def precision(self) -> float:
        """NaN where nothing was found."""
        return self.found / (self.found + self.false) if self.found + self.false else float("nan")

    @property
    def false_a_scan(self) -> float:
        """NaN without scans."""
        return self.false / self.scans if self.scans else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of sensitivity and precision; NaN without lesions and candidates."""
        whole = self.lesions + self.found + self.false
        return 2.0 * self.found / whole if whole else float("nan")


@dataclass(frozen=True)
class FrocPoint:
    """Sensitivity and false positives a scan when candidates below `threshold` do not count."""

    threshold: float
    sensitivity: float
    false_a_scan: float


def counts(cases: Sequence[CaseResult], threshold: float, size: SizeBin = ALL_SIZES) -> Counts:
    """Count at one score; `size` restricts the true lesions, never the false positives."""
    lesions = [lesion for case in cases for lesion in case.lesions if size.holds(lesion.diameter_mm)]
    return Counts(
        found=sum(lesion.found_at(threshold) for lesion in lesions),
        lesions=len(lesions),
        false=sum(case.false_at(threshold) for case in cases),
        scans=len(cases),
    )


def sensitivity(cases: Sequence[CaseResult], threshold: float, size: SizeBin = ALL_SIZES) -> float:
    """Share of the true lesions of a size that is found; NaN without such lesions."""
    found = [lesion.found_at(threshold) for case in cases for lesion in case.lesions if size.holds(lesion.diameter_mm)]
    return sum(found) / len(found) if found else float("nan")


def froc(cases: Sequence[CaseResult], size: SizeBin = ALL_SIZES) -> tuple[FrocPoint, ...]:
    """The curve from the highest score to the lowest, beginning where nothing counts.

    Every distinct score is a point, the lowest included (MONAI's ``compute_froc_curve_data`` leaves that one out). Sensitivities are NaN
    without lesions.
    """
    lesions = [lesion for case in cases for lesion in case.lesions if size.holds(lesion.diameter_mm)]
    hits = np.sort([lesion.score for lesion in lesions if lesion.score is not None])
    false = np.sort([c.score for case in cases for c in case.candidates if c.true_number is None and not c.ignored])
    thresholds = np.unique(np.concatenate([hits, false]))[::-1]
    found = len(hits) - np.searchsorted(hits, thresholds)
    wrong = (len(false) - np.searchsorted(false, thresholds)) / max(len(cases), 1)
    share = found / len(lesions) if lesions else np.full(len(thresholds), np.nan)
    first = FrocPoint(float("inf"), 0.0 if lesions else float("nan"), 0.0)
    return (first, *(FrocPoint(float(t), float(s), float(w)) for t, s, w in zip(thresholds, share, wrong, strict=True)))


def froc_score(points: Sequence[FrocPoint], at: Sequence[float] = FROC_AT) -> float:
    """Mean sensitivity at given false positives a scan: at each the best that the curve reaches without exceeding it."""
    if not points or np.isnan(points[0].sensitivity):
        return float("nan")
    return float(np.mean([max(p.sensitivity for p in points if p.false_a_scan <= most) for most in at]))


def operating_points(cases: Sequence[CaseResult], most_false: Mapping[str, float] = MOST_FALSE_A_SCAN) -> dict[str, float]:
    """Lesion score for each operating point; to be chosen on cases that are not the test set.

    The lowest score at which the false positives a scan stay within the point's limit, rounded up to a thousandth; 1 where there are
    no candidates at all.
    """
    false = np.sort([c.score for case in cases for c in case.candidates if c.true_number is None and not c.ignored])
    known = np.sort([c.score for case in cases for c in case.candidates])
    chosen = {}
    for name, most in most_false.items():
        allowed = int(np.floor(most * len(cases) + 1e-9))
        if not len(known):
            chosen[name] = 1.0
        elif len(false) <= allowed:
            chosen[name] = float(np.floor(known[0] * 1000) / 1000)
        else:  # just above the first false positive that is too many, counted from the surest
            chosen[name] = min(1.0, float(np.floor(false[len(false) - allowed - 1] * 1000) / 1000) + 0.001)
    return chosen
