"""How well volumes agree."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class Agreement:
    """Found against true volumes.

    Attributes
    ----------
    pairs
        How many.
    pearson, concordance
        Pearson's r, and Lin's concordance (Biometrics 1989;45:255), which also punishes what is off by a factor or an offset. NaN below two
        pairs or where one side is constant.
    bias_ml, low_ml, high_ml
        Mean of found minus true, and the limits of agreement: bias ± 1.96 SD (Bland and Altman, Lancet 1986;1:307).
    median_error
        Median of |found - true| / true.
    """

    pairs: int
    pearson: float
    concordance: float
    bias_ml: float
    low_ml: float
    high_ml: float
    median_error: float


def agreement(found_ml: ArrayLike, true_ml: ArrayLike) -> Agreement:
    """Agreement of volumes pair by pair; everything is NaN without pairs."""
    found, true = np.asarray(found_ml, float), np.asarray(true_ml, float)
    nan = float("nan")
    if not len(found):
        return Agreement(0, nan, nan, nan, nan, nan, nan)
    difference = found - true
    bias = float(difference.mean())
    spread = 1.96 * float(difference.std(ddof=1)) if len(found) > 1 else nan
    varied = len(found) > 1 and np.ptp(found) > 1e-9 and np.ptp(true) > 1e-9
    pearson = float(stats.pearsonr(found, true).statistic) if varied else nan
    concordance = float(2 * np.cov(found, true, ddof=0)[0, 1] / (found.var() + true.var() + bias**2)) if varied else nan
    error = float(np.median(np.abs(difference[true > 0]) / true[true > 0])) if np.any(true > 0) else nan
    return Agreement(len(found), pearson, concordance, bias, bias - spread, bias + spread, error)
