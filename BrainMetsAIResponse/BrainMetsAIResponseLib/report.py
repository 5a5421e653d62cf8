"""A comparison as the plain summary that CSV file, pictures and report are made from."""

from math import isnan

from BrainMetsAILib.exchange.response_summary import ResponseReading, ResponseRow, ResponseSummary
from BrainMetsAIResponseLib.criteria import Reading
from BrainMetsAIResponseLib.response import LesionResponse, PatientResponse


def summarise(response: PatientResponse) -> ResponseSummary:
    """The comparison without the objects of this library: rows in the same order, both readings, all notes."""
    return ResponseSummary(
        rows=tuple(_row(lesion) for lesion in response.lesions),
        readings=(_reading(response.diameter_reading), _reading(response.volumetric_reading)),
        notes=tuple(note for note in response.notes if note),
    )


def _reading(reading: Reading) -> ResponseReading:
    return ResponseReading(title=reading.profile.title, category=str(reading.category), reasons=tuple(reading.reasons))


def _row(lesion: LesionResponse) -> ResponseRow:
    both = bool(lesion.baseline and lesion.follow_up)
    return ResponseRow(
        name=lesion.name,
        fate=str(lesion.fate),
        baseline_names=tuple(one.name for one in lesion.baseline),
        follow_up_names=tuple(one.name for one in lesion.follow_up),
        baseline_enhancing_ml=lesion.baseline_enhancing_ml,
        follow_up_enhancing_ml=lesion.follow_up_enhancing_ml,
        change_percent=_percent(lesion.enhancing_change),
        baseline_longest_mm=lesion.baseline_longest_mm,
        follow_up_longest_mm=lesion.follow_up_longest_mm,
        diameter_change_percent=_percent(lesion.diameter_change),
        target=lesion.target,
        diameter_category=str(lesion.diameter.category),
        volumetric_category=str(lesion.volumetric.category),
        diameter_reason="; ".join(lesion.diameter.reasons),
        volumetric_reason="; ".join(lesion.volumetric.reasons),
        gap_mm=lesion.match.distance_mm if both and not isnan(lesion.match.distance_mm) else None,
        overlap_percent=_percent(lesion.match.overlap) if both else None,
        tracking_uid=lesion.tracking_uid,
    )


def _percent(share: float | None) -> float | None:
    return None if share is None or isnan(share) else 100.0 * share
