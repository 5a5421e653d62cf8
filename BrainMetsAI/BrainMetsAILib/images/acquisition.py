"""What a header and the names say about how a sequence was acquired, from DICOM, from a BIDS sidecar or from a file name."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from BrainMetsAILib.images.examination import Patient

# Names are pairs (what it is, its text), so that a reason can say where a word was found.
Named = tuple[str, str]

_NOT_HEAD = re.compile(
    r"spine|chest|thora|abdom|pelvi|heart|breast|prostat|liver|shoulder|elbow|wrist|hand|\bhip|knee|ankle|foot|extremity|\bleg|\barm"
)
_HEAD = re.compile(r"head|brain|skull|cerebr|crani|neuro|sch(?:ä|ae)del|kopf|hirn|t[êe]te|gamma ?knife|stereo|\bsrs\b|\biac\b|orbit|pituit")
_LONGEST_TEXT = 256
_NO_AGENT = {"", "0", "no", "none", "n", "na", "n/a", "nil", "without", "no contrast", "false", "-", "unknown"}


@dataclass(frozen=True)
class Acquisition:
    """Facts that roles are guessed from.

    Attributes
    ----------
    names
        Texts that name this sequence, most telling first: series description, protocol, sequence name, file name.
    context
        Texts that name the whole visit; they never say which sequence this is.
    contrast_agent
        The agent as the header gives it; ``""`` if it gives none.
    scanning
        DICOM Scanning Sequence: any of SE, IR, GR, EP, RM.
    echo_time_ms, repetition_time_ms, inversion_time_ms
        Milliseconds; None where not given.
    has_header
        Whether there was an acquisition header at all, so that silence about contrast means something.
    """

    names: tuple[Named, ...]
    context: tuple[Named, ...] = ()
    modality: str = ""
    contrast_agent: str = ""
    scanning: frozenset[str] = frozenset()
    image_type: tuple[str, ...] = ()
    acquired_contrast: str = ""
    echo_time_ms: float | None = None
    repetition_time_ms: float | None = None
    inversion_time_ms: float | None = None
    has_header: bool = False


def from_file_name(path: Path) -> Acquisition:
    """Facts of a volume file: its name, and its BIDS sidecar (same name, ``.json``) where there is one."""
    stem = file_stem(path)
    sidecar = path.with_name(f"{stem}.json")
    names: tuple[Named, ...] = (("file name", stem),)
    try:
        facts = json.loads(sidecar.read_text(encoding="utf-8")) if sidecar.is_file() else {}
    except (OSError, ValueError):
        facts = {}
    if not isinstance(facts, dict) or not facts:
        return Acquisition(names=names)
    described = tuple(
        (label, str(facts[key]))
        for key, label in (
            ("SeriesDescription", "series description"),
            ("ProtocolName", "protocol name"),
            ("PulseSequenceDetails", "pulse sequence"),
            ("SequenceName", "sequence name"),
        )
        if facts.get(key)
    )
    context = tuple(("procedure", str(facts[key])) for key in ("ProcedureStepDescription", "StudyDescription") if facts.get(key))
    return Acquisition(
        names=names + described,
        context=context,
        modality=str(facts.get("Modality", "")).upper(),
        contrast_agent=_agent(facts.get("ContrastBolusIngredient") or facts.get("ContrastBolusAgent")),
        scanning=frozenset(str(facts.get("ScanningSequence", "")).upper().replace("_", "\\").split("\\")) - {""},
        image_type=tuple(str(v) for v in facts.get("ImageType", ()) or ()),
        echo_time_ms=_seconds(facts.get("EchoTime")),
        repetition_time_ms=_seconds(facts.get("RepetitionTime")),
        inversion_time_ms=_seconds(facts.get("InversionTime")),
        has_header=any(key in facts for key in ("EchoTime", "RepetitionTime", "ScanningSequence")),
    )


def from_dicom(dataset: Any, folder_name: str = "") -> Acquisition:
    """Facts of a DICOM header (a pydicom dataset, classic or enhanced); the folder's name counts only where the header names nothing."""
    sequence_text = f"{text_of(dataset, 'SequenceName')} {text_of(dataset, 'PulseSequenceName')} {_ge_sequence(dataset)}".strip()
    names: list[Named] = [
        (label, text)
        for label, text in (
            ("series description", text_of(dataset, "SeriesDescription")),
            ("protocol name", text_of(dataset, "ProtocolName")),
            ("sequence name", sequence_text),
        )
        if text
    ]
    if not any(label != "sequence name" for label, _ in names) and folder_name:
        names.append(("folder name", folder_name))
    context = [
        ("procedure", text)
        for text in (text_of(dataset, "PerformedProcedureStepDescription"), text_of(dataset, "RequestedProcedureDescription"))
        if text
    ]
    study = text_of(dataset, "StudyDescription")
    if study:
        context.append(("study description", study))
    scanning = set(texts_of(dataset, "ScanningSequence"))
    # Enhanced MR says SPIN, GRADIENT or BOTH instead, and Inversion Recovery apart.
    enhanced = {"SPIN": {"SE"}, "GRADIENT": {"GR"}, "BOTH": {"SE", "GR"}}
    scanning |= enhanced.get(text_of(dataset, "EchoPulseSequence").upper(), set())
    if text_of(dataset, "InversionRecovery").upper() == "YES":
        scanning.add("IR")
    return Acquisition(
        names=tuple(names),
        context=tuple(context),
        modality=text_of(dataset, "Modality").upper(),
        contrast_agent=_dicom_agent(dataset),
        scanning=frozenset(scanning),
        image_type=tuple(value.upper() for value in texts_of(dataset, "ImageType")),
        acquired_contrast=text_of(dataset, "AcquisitionContrast").upper(),
        echo_time_ms=number_of(dataset, "EchoTime", functional_number(dataset, "MREchoSequence", "EffectiveEchoTime")),
        repetition_time_ms=number_of(
            dataset, "RepetitionTime", functional_number(dataset, "MRTimingAndRelatedParametersSequence", "RepetitionTime")
        ),
        inversion_time_ms=number_of(dataset, "InversionTime", functional_number(dataset, "MRModifierSequence", "InversionTimes")),
        has_header=True,
    )


def patient_of(dataset: Any) -> Patient:
    """Identity as the header gives it, without anything added."""
    return Patient(
        patient_id=text_of(dataset, "PatientID"),
        name=text_of(dataset, "PatientName").split("=")[0].strip("^ "),
        birth_date=text_of(dataset, "PatientBirthDate"),
        sex=text_of(dataset, "PatientSex").upper(),
    )


def other_body_part(dataset: Any) -> str:
    """Body part that the header names, if it is clearly not the head and nothing else in the header speaks of one; else ``""``."""
    part = text_of(dataset, "BodyPartExamined")
    described = ("SeriesDescription", "ProtocolName", "StudyDescription", "PerformedProcedureStepDescription")
    told = " ".join(text_of(dataset, keyword) for keyword in described)
    # The field is often left as the last examination set it.
    return part if _NOT_HEAD.search(part.lower()) and not _HEAD.search(f"{part} {told}".lower()) else ""


def study_date_of(dataset: Any) -> str:
    """Date of the examination, YYYYMMDD: of the study, else of the acquisition or series; ``""`` where none is given."""
    dates = (text_of(dataset, keyword) for keyword in ("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate"))
    return next((date for date in dates if date), "")


def file_stem(path: Path) -> str:
    """Name without its image suffix: ``t1c`` of ``t1c.nii.gz``."""
    name = path.name
    lower = name.lower()
    for suffix in (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr", ".img", ".dcm", ".ima"):
        if lower.endswith(suffix):
            return name[: -len(suffix)]
    return name


def text_of(dataset: Any, keyword: str) -> str:
    """Text of an element, stripped; ``""`` where it is absent or cannot be decoded."""
    return " ".join(texts_of(dataset, keyword))


def element_of(dataset: Any, keyword: str | tuple[int, int]) -> Any:
    """Value of an element (the element itself for a tag); None where it is absent or cannot be decoded."""
    try:
        return dataset.get(keyword)
    except Exception:  # pydicom decodes on access, and damaged elements raise errors of a dozen unrelated classes
        return None


def texts_of(dataset: Any, keyword: str) -> tuple[str, ...]:
    """Texts of an element with any number of values; empty where it is absent or cannot be decoded."""
    value = element_of(dataset, keyword)
    if value is None or value == "":
        return ()
    values = value if isinstance(value, list | tuple) or type(value).__name__ == "MultiValue" else [value]
    # A damaged length makes an element swallow what follows: neither control characters nor pages of it may reach a person.
    texts = ("".join(c for c in str(item)[:_LONGEST_TEXT] if c.isprintable()).strip() for item in values)
    return tuple(text for text in texts if text)


def number_of(dataset: Any, keyword: str, default: float | None = None) -> float | None:
    """First number of an element, or ``default`` where it is absent, not a number or not finite."""
    for item in texts_of(dataset, keyword):
        try:
            number = float(item)
        except ValueError:
            return default
        return number if math.isfinite(number) else default
    return default


def functional_number(dataset: Any, group: str, keyword: str) -> float | None:
    """A number of an enhanced (multi-frame) header's functional groups: the shared one, else the first frame's."""
    for top in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        frames = element_of(dataset, top)
        if frames:
            items = element_of(frames[0], group)
            if items:
                found = number_of(items[0], keyword)
                if found is not None:
                    return found
    return None


def _ge_sequence(dataset: Any) -> str:
    # GE keeps the pulse sequence's name in a private element (0019,xx9C) or its internal name (0019,xx9E).
    creator = element_of(dataset, (0x0019, 0x0010))
    if creator is None or not str(creator.value).startswith("GEMS_ACQU"):
        return ""
    found = (element_of(dataset, (0x0019, element)) for element in (0x109C, 0x109E))
    return " ".join(item.value for item in found if item is not None and isinstance(item.value, str))


def _dicom_agent(dataset: Any) -> str:
    agent = _agent(text_of(dataset, "ContrastBolusAgent"))
    if agent:
        return agent
    items = element_of(dataset, "ContrastBolusAgentSequence")
    return _agent(text_of(items[0], "CodeMeaning")) if items else ""


def _agent(value: Any) -> str:
    text = str(value or "").strip()
    return "" if text.lower() in _NO_AGENT else text


def _seconds(value: Any) -> float | None:
    """Milliseconds of a BIDS time in seconds."""
    return float(value) * 1000.0 if isinstance(value, int | float) and math.isfinite(value) else None
