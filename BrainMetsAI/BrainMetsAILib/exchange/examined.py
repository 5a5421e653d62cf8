"""One examination as CSV, pictures, report and scene share it: plain data, no slicer, no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import SimpleITK as sitk

from BrainMetsAILib.images.examination import Patient, Sequence
from BrainMetsAILib.lesions.lesion_list import LesionSet
from BrainMetsAILib.models.finding import Provenance


@dataclass(frozen=True)
class ExaminationFacts:
    """What is known of an examination beside its image.

    Attributes
    ----------
    title
        ``Examination``, ``Baseline``, ``Follow-up``.
    patient
        ``""`` where not known.
    study_date
        YYYYMMDD, ``""`` where not known.
    description
        Series description or file name.
    warnings
        Sentences for a person: from reading, suitability and finding.
    synthetic
        Whether lesions in it were put there by a computer; then the report says so.
    series_uid
        DICOM series, ``""`` where not known.
    """

    title: str = "Examination"
    patient: Patient = field(default_factory=Patient)
    study_date: str = ""
    description: str = ""
    warnings: tuple[str, ...] = ()
    synthetic: bool = False
    series_uid: str = ""


@dataclass(frozen=True)
class ReviewedExamination:
    """An examination with what was found in it.

    Attributes
    ----------
    facts
        What is known of it.
    image
        The contrast-enhanced T1 (LPS, mm).
    lesions
        On the image's grid.
    provenance
        What made the lesions; ``None`` where no network did.
    """

    facts: ExaminationFacts
    image: sitk.Image
    lesions: LesionSet
    provenance: Provenance | None = None


def facts_of(sequence: Sequence, title: str = "Examination", warnings: Iterable[str] = (), synthetic: bool = False) -> ExaminationFacts:
    """The facts of a sequence that was read; its reading notes come before the other warnings."""
    return ExaminationFacts(
        title=title,
        patient=sequence.patient,
        study_date=sequence.study_date,
        description=sequence.description or sequence.source.name,
        warnings=(*sequence.notes, *warnings),
        synthetic=synthetic,
        series_uid=sequence.series_uid,
    )
