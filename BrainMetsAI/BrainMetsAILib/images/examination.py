"""What an examination is made of: sequences, their roles, the patient they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import SimpleITK as sitk


class ImageRefused(ValueError):
    """An image that cannot be used; the message is one sentence for a person: why, and what to do."""


class Role(StrEnum):
    """What a sequence is for; the names are those of the BraTS challenges."""

    T1C = "t1c"
    T1N = "t1n"
    T2W = "t2w"
    T2F = "t2f"
    CT = "ct"
    OTHER = "other"


class BloodSignal(StrEnum):
    """How flowing blood looks on a sequence.

    Black-blood sequences (spin echo, with or without preparation pulses) suppress vessels, gradient echoes show them bright
    after contrast. It matters because vessels are the main source of false positives on gradient echoes.
    """

    BLACK = "black-blood"
    GRADIENT_ECHO = "gradient-echo"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class RoleGuess:
    """A role and a kind of blood signal, each with its reason in words."""

    role: Role
    reason: str
    blood: BloodSignal = BloodSignal.UNKNOWN
    blood_reason: str = ""


@dataclass(frozen=True)
class Patient:
    """Who was examined, as the header says; ``""`` where it does not; dates are YYYYMMDD."""

    patient_id: str = ""
    name: str = ""
    birth_date: str = ""
    sex: str = ""


@dataclass(frozen=True)
class Sequence:
    """One three-dimensional image and what is known about it.

    Attributes
    ----------
    image
        float32, three-dimensional, at least two voxels along every axis, LPS, mm, all values finite.
    guess
        Role and blood signal with their reasons.
    source
        The file or the DICOM folder that it was read from.
    description
        Series description, or the file's name.
    modality
        ``"MR"``, ``"CT"``, another DICOM modality, or ``""`` where the format does not say.
    notes
        Sentences for a person about anything that reading changed or noticed.
    body_part
        What the header says was examined, if that is not the head; ``""`` otherwise.
    """

    image: sitk.Image
    guess: RoleGuess
    source: Path
    description: str = ""
    modality: str = ""
    patient: Patient = field(default_factory=Patient)
    study_date: str = ""
    series_uid: str = ""
    notes: tuple[str, ...] = ()
    body_part: str = ""


@dataclass(frozen=True)
class Examination:
    """The contrast-enhanced T1 of one visit and the sequences that came with it."""

    t1c: Sequence
    others: Mapping[Role, Sequence] = field(default_factory=dict)
