"""Sizes in which lesions are counted: diameter of the sphere with the lesion's volume."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SizeBin:
    """Lesions from `low_mm` (included) to `high_mm` (left out)."""

    name: str
    low_mm: float
    high_mm: float

    def holds(self, diameter_mm: float) -> bool:
        """Whether a lesion of that diameter is counted here."""
        return self.low_mm <= diameter_mm < self.high_mm


SIZE_BINS = (
    SizeBin("< 3 mm", 0.0, 3.0),
    SizeBin("3–5 mm", 3.0, 5.0),
    SizeBin("5–10 mm", 5.0, 10.0),
    SizeBin("≥ 10 mm", 10.0, float("inf")),
)
ALL_SIZES = SizeBin("all", 0.0, float("inf"))


def sphere_diameter_mm(volume_ml: float) -> float:
    """Diameter of the sphere with this volume."""
    return float(np.cbrt(6000.0 * volume_ml / np.pi))
