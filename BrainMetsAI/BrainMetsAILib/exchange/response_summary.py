"""How lesions and patient respond, as CSV, table and report show it: plain data, made from a comparison by the response library."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ResponseRow:
    """One lesion across two examinations; several on a side where lesions split or merged.

    Attributes
    ----------
    name
        What people call it: ``M03``, ``M02 + M04``.
    fate
        ``grown``, ``shrunk``, ``unchanged``, ``vanished``, ``new``, ``split``, ``merged``, ``undecided``.
    baseline_names, follow_up_names
        Empty where it does not exist there.
    baseline_enhancing_ml, follow_up_enhancing_ml
        Enhancing volume, mL; ``None`` where it does not exist.
    change_percent
        Of the enhancing volume; ``None`` where there is nothing to compare.
    baseline_longest_mm, follow_up_longest_mm
        Longest axial diameter of the whole outline, mm, several added up; ``None`` where there is none.
    diameter_change_percent
        Of that diameter.
    target
        Whether its diameter is in the sum of the diameter reading.
    diameter_category, volumetric_category
        ``CR``, ``PR``, ``SD``, ``PD``, ``new``, ``NE`` by each reading; ``""`` where none applies.
    diameter_reason, volumetric_reason
        Why, in words.
    gap_mm, overlap_percent
        How far apart the two are after registration, and how much of the smaller lies in the larger; ``None`` where there is one only.
    tracking_uid
        Shared by the lesion in both examinations.
    """

    name: str
    fate: str
    baseline_names: tuple[str, ...] = ()
    follow_up_names: tuple[str, ...] = ()
    baseline_enhancing_ml: float | None = None
    follow_up_enhancing_ml: float | None = None
    change_percent: float | None = None
    baseline_longest_mm: float | None = None
    follow_up_longest_mm: float | None = None
    diameter_change_percent: float | None = None
    target: bool = False
    diameter_category: str = ""
    volumetric_category: str = ""
    diameter_reason: str = ""
    volumetric_reason: str = ""
    gap_mm: float | None = None
    overlap_percent: float | None = None
    tracking_uid: str = ""


@dataclass(frozen=True)
class ResponseReading:
    """One way of reading the response of the patient: its name, category and reasons, a sentence each."""

    title: str
    category: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class ResponseSummary:
    """Two examinations compared.

    Attributes
    ----------
    rows
        One a lesion.
    readings
        Side by side: by diameters and by volume.
    notes
        Sentences about registration, identity and what was left out.
    """

    rows: tuple[ResponseRow, ...]
    readings: tuple[ResponseReading, ...]
    notes: tuple[str, ...] = ()
