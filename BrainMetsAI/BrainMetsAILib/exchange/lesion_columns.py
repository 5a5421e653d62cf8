"""What is reported of a lesion: one list of columns for the CSV file, the table in the scene and the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from BrainMetsAILib.lesions.diameters import DiameterPair
from BrainMetsAILib.lesions.lesion_list import Lesion

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Column:
    """One figure of a lesion.

    Attributes
    ----------
    key
        Name of the CSV column, unit included: ``volume_ml``.
    title, unit
        What people read: ``Volume``, ``mL``; unit ``""`` where there is none.
    decimals
        Digits after the point that the measurement is worth; ``None`` where it is no decimal number.
    value
        Takes a lesion and gives its value; ``None`` where there is none.
    """

    key: str
    title: str
    unit: str
    decimals: int | None
    value: Callable[[Lesion], Value]

    @property
    def heading(self) -> str:
        """Title with its unit: ``Volume (mL)``."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def text(self, lesion: Lesion, missing: str = "") -> str:
        """The value with as many digits as it is worth."""
        value = self.value(lesion)
        if value is None:
            return missing
        if isinstance(value, bool):
            return "yes" if value else "no"
        return f"{value:.{self.decimals}f}" if self.decimals is not None else str(value)


def _longest(pair: DiameterPair | None) -> float | None:
    return None if pair is None else pair.longest_mm


def _perpendicular(pair: DiameterPair | None) -> float | None:
    return None if pair is None else pair.perpendicular_mm


# A tenth of a microlitre and a hundredth of a millimetre: finer than any voxel, so that nothing is lost by writing a table.
_ML = 4
_MM = 2

COLUMNS: tuple[Column, ...] = (
    Column("lesion", "Lesion", "", None, lambda lesion: lesion.name),
    Column("number", "Label value", "", None, lambda lesion: lesion.number),
    Column("location", "Location", "", None, lambda lesion: lesion.location),
    Column("volume_ml", "Volume", "mL", _ML, lambda lesion: lesion.measurements.volume_ml),
    Column("volume_low_ml", "Volume, low", "mL", _ML, lambda lesion: lesion.measurements.volume_low_ml),
    Column("volume_high_ml", "Volume, high", "mL", _ML, lambda lesion: lesion.measurements.volume_high_ml),
    Column("enhancing_ml", "Enhancing", "mL", _ML, lambda lesion: lesion.measurements.enhancing_ml),
    Column("necrotic_ml", "Necrotic", "mL", _ML, lambda lesion: lesion.measurements.necrotic_ml),
    Column("necrotic_fraction", "Necrotic fraction", "", 3, lambda lesion: lesion.measurements.necrotic_fraction),
    Column("longest_diameter_mm", "Longest diameter", "mm", _MM, lambda lesion: lesion.measurements.whole.longest_mm),
    Column("perpendicular_diameter_mm", "Perpendicular", "mm", _MM, lambda lesion: lesion.measurements.whole.perpendicular_mm),
    Column("diameters_by_hand", "Diameters by hand", "", None, lambda lesion: lesion.measurements.whole.manual),
    Column("enhancing_longest_diameter_mm", "Enhancing longest", "mm", _MM, lambda lesion: _longest(lesion.measurements.enhancing)),
    Column("enhancing_perpendicular_mm", "Enhancing perpendicular", "mm", _MM, lambda le: _perpendicular(le.measurements.enhancing)),
    Column("diameter_3d_mm", "3D diameter", "mm", _MM, lambda lesion: lesion.measurements.diameter_3d_mm),
    Column("centroid_r_mm", "Centroid R", "mm", _MM, lambda lesion: lesion.measurements.centroid_ras[0]),
    Column("centroid_a_mm", "Centroid A", "mm", _MM, lambda lesion: lesion.measurements.centroid_ras[1]),
    Column("centroid_s_mm", "Centroid S", "mm", _MM, lambda lesion: lesion.measurements.centroid_ras[2]),
    Column("voxels", "Voxels", "", None, lambda lesion: lesion.measurements.voxel_count),
    Column("slices", "Axial slices", "", None, lambda lesion: lesion.measurements.slice_count),
    Column("rano_bm_measurable", "Measurable (RANO-BM)", "", None, lambda lesion: lesion.measurements.measurability.measurable),
    Column("measurability_reason", "Reason", "", None, lambda lesion: lesion.measurements.measurability.reason),
    Column("score", "Score", "", 3, lambda lesion: lesion.score),
    Column("lesion_uid", "Lesion UID", "", None, lambda lesion: lesion.lesion_uid),
    Column("tracking_uid", "Tracking UID", "", None, lambda lesion: lesion.tracking_uid),
)


def column(key: str) -> Column:
    """The column of that key."""
    return next(entry for entry in COLUMNS if entry.key == key)
