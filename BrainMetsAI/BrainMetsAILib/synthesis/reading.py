"""How a person's reading of an examination with known truth went, lesion by lesion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from BrainMetsAILib.images.geometry import array_of
from BrainMetsAILib.lesions.lesion_list import LesionSet
from BrainMetsAILib.lesions.sizes import ALL_SIZES, SizeBin, sphere_diameter_mm
from BrainMetsAILib.synthesis.scoring import match_to_truth
from BrainMetsAILib.synthesis.truth import TrueLesion

FOUND, MISSED, FALSE_CALL = "found", "missed", "false call"


@dataclass(frozen=True)
class Outcome:
    """One true lesion, or one call that is none.

    Attributes
    ----------
    result
        `FOUND`, `MISSED` or `FALSE_CALL`.
    true_number, true_name, kind
        The true lesion; 0 and empty for a false call.
    name, lesion_uid
        The reader's outline; empty for a missed lesion.
    diameter_mm
        Of the sphere with the true lesion's volume; for a false call, with the outline's.
    true_ml, outlined_ml
        Voxels inside each outline; 0 where there is none.
    dice
        Overlap of both outlines, 0 to 1; 0 where one is missing.
    """

    result: str
    true_number: int
    true_name: str
    kind: str
    name: str
    lesion_uid: str
    diameter_mm: float
    true_ml: float
    outlined_ml: float
    dice: float

    @property
    def volume_error(self) -> float | None:
        """How much of the true volume the outline is too large (above 0) or too small; ``None`` unless found."""
        return self.outlined_ml / self.true_ml - 1.0 if self.result == FOUND else None


@dataclass(frozen=True)
class Reading:
    """All outcomes: true lesions in the order of their numbers, then false calls."""

    outcomes: tuple[Outcome, ...]

    def of(self, result: str) -> tuple[Outcome, ...]:
        """Those with one result."""
        return tuple(outcome for outcome in self.outcomes if outcome.result == result)

    def counted(self, size: SizeBin = ALL_SIZES) -> tuple[int, int]:
        """How many true lesions of a size were found, and how many there are."""
        true = [outcome for outcome in self.outcomes if outcome.true_number and size.holds(outcome.diameter_mm)]
        return sum(outcome.result == FOUND for outcome in true), len(true)

    @property
    def mean_dice(self) -> float | None:
        """Over the found lesions; ``None`` where none was found."""
        found = self.of(FOUND)
        return float(np.mean([outcome.dice for outcome in found])) if found else None

    @property
    def mean_volume_error(self) -> float | None:
        """Mean of the volume errors' sizes, whatever their sign; ``None`` where nothing was found."""
        errors = [abs(outcome.volume_error) for outcome in self.outcomes if outcome.volume_error is not None]
        return float(np.mean(errors)) if errors else None


def score_reading(calls: LesionSet, truth: sitk.Image, table: Sequence[TrueLesion]) -> Reading:
    """Compare a reader's calls with the truth, one to one, from an intersection over union of 0.1 (`scoring`).

    Parameters
    ----------
    calls
        What the reader says are lesions.
    truth
        True lesions' numbers a voxel, 0 elsewhere, on the grid of the calls. Lesions without a voxel do not count: nobody can see them.
    table
        The same lesions as they were drawn.

    Raises
    ------
    ValueError
        If the grids differ.
    """
    score = match_to_truth(calls.labels, truth)
    voxel_ml = float(np.prod(truth.GetSpacing())) / 1000.0
    values = array_of(truth)
    voxels = np.bincount(values[values != 0])
    by_number = {lesion.number: lesion for lesion in calls.lesions}
    hits = {hit.true_number: hit for hit in score.hits}
    outcomes = []
    for true in sorted(table, key=lambda lesion: lesion.number):
        hit = hits.get(true.number)
        if hit is None and true.number not in score.missed:
            continue
        call = by_number[hit.number] if hit else None
        outcomes.append(
            Outcome(
                result=FOUND if hit else MISSED,
                true_number=true.number,
                true_name=true.name,
                kind=true.kind,
                name=call.name if call else "",
                lesion_uid=call.lesion_uid if call else "",
                diameter_mm=true.diameter_mm,
                true_ml=float(voxels[true.number]) * voxel_ml,
                outlined_ml=call.measurements.voxel_count * voxel_ml if call else 0.0,
                dice=2.0 * hit.iou / (1.0 + hit.iou) if hit else 0.0,
            )
        )
    for number in score.false:
        call = by_number[number]
        volume = call.measurements.volume_ml
        outcomes.append(Outcome(FALSE_CALL, 0, "", "", call.name, call.lesion_uid, sphere_diameter_mm(volume), 0.0, volume, 0.0))
    return Reading(tuple(outcomes))
