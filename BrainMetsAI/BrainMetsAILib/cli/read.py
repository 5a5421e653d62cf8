"""`brainmets read FOLDER`: what is in a folder or file, which role each sequence has, and why."""

from __future__ import annotations

import argparse
import json
import textwrap
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from BrainMetsAILib.cli.progress import Progress
from BrainMetsAILib.images.examination import ImageRefused, Patient, Role
from BrainMetsAILib.images.reading import read_each
from BrainMetsAILib.images.suitability import check_head_mr
from BrainMetsAILib.images.survey import Candidate, Named, survey

NOTHING_READABLE = 2
_WIDTH = 118
_SHOWN_ALIKE = 4


@dataclass(frozen=True)
class ReadSequence:
    """What is told of one sequence; the image itself is not kept, so that a whole archive fits into memory."""

    name: str
    source: str
    description: str
    role: str
    reason: str
    blood: str
    blood_reason: str
    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    modality: str
    patient: Patient
    study_date: str
    series_uid: str
    notes: tuple[str, ...]
    finding: tuple[str, ...]
    review_takes_it: bool = False


def add_parser(subparsers: Any) -> None:
    """Add the command to those of `brainmets`."""
    parser = subparsers.add_parser(
        "read",
        help="say what is in a folder or file: sequences, their roles, and why",
        description="Say what is in a folder (with its subfolders) or in one file: each sequence with its role (t1c, t1n, t2w, t2f, ct), "
        "whether a T1 is black-blood or gradient-echo, the reason for both, its size and spacing, patient and date, "
        "and what was refused or ignored.",
        epilog="Exit code: 0 if anything could be read, 2 if nothing.",
    )
    parser.add_argument("path", metavar="FOLDER", type=Path, help="folder of DICOM, NIfTI, NRRD or MHA files, or one such file")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a text for people")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read and print; returns the exit code.

    Raises
    ------
    ImageRefused
        If the path does not exist or cannot be opened.
    """
    path: Path = args.path
    progress = Progress()
    readable: list[tuple[Candidate, ReadSequence]] = []
    refused: list[Named] = []
    try:
        found = survey(path, progress.stage("Looking through the files"))
        for candidate, outcome in read_each(found, progress.stage("Reading the sequences")):
            if isinstance(outcome, ImageRefused):
                refused.append((candidate.name, str(outcome)))
            else:
                readable.append((candidate, _told(candidate, outcome)))
    finally:
        progress.clear()
    sequences = _marked(readable)
    if args.json:
        told = {
            "path": str(path),
            "sequences": [asdict(sequence) for sequence in sequences],
            "refused": [{"name": name, "reason": reason} for name, reason in refused],
            "ignored": [{"name": name, "reason": reason} for name, reason in found.ignored],
        }
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_text(path, sequences, refused, found.ignored)))
    return 0 if sequences else NOTHING_READABLE


def _told(candidate: Candidate, sequence: Any) -> ReadSequence:
    image, guess = sequence.image, sequence.guess
    finding: tuple[str, ...] = ()
    if guess.role is Role.T1C:
        try:
            finding = check_head_mr(sequence)
        except ImageRefused as refusal:
            finding = (str(refusal),)
    return ReadSequence(
        name=candidate.name,
        source=str(sequence.source),
        description=sequence.description,
        role=str(guess.role),
        reason=guess.reason,
        blood=str(guess.blood),
        blood_reason=guess.blood_reason,
        size=image.GetSize(),
        spacing_mm=tuple(round(s, 4) for s in image.GetSpacing()),
        modality=sequence.modality,
        patient=sequence.patient,
        study_date=sequence.study_date,
        series_uid=sequence.series_uid,
        notes=sequence.notes,
        finding=finding,
    )


def _marked(readable: list[tuple[Candidate, ReadSequence]]) -> list[ReadSequence]:
    """The sequences with the one marked that `brainmets review` would take from this folder, if there is no doubt about it."""
    t1c = [pair for pair in readable if pair[1].role == Role.T1C]
    if len({candidate.visit for candidate, _ in t1c}) != 1:
        return [sequence for _, sequence in readable]
    best = min(t1c, key=lambda pair: pair[0].coarseness)[1]
    return [ReadSequence(**{**vars(sequence), "review_takes_it": sequence is best}) for _, sequence in readable]


def _text(path: Path, sequences: list[ReadSequence], refused: list[Named], ignored: tuple[Named, ...]) -> list[str]:
    lines = [f"{path}: {_count(len(sequences), 'sequence')}, {len(refused)} refused, {_count(len(ignored), 'file')} ignored"]
    for visit in dict.fromkeys(_visit(sequence) for sequence in sequences):
        of_visit = [sequence for sequence in sequences if _visit(sequence) == visit]
        lines += ["", visit or "No patient or date is given (not DICOM)"]
        for sequence in of_visit:
            lines += _block(sequence)
    for title, entries in (("Refused", refused), ("Ignored", _gathered(ignored))):
        if entries:
            lines += ["", title]
            for name, reason in entries:
                # A refusal already begins with the name.
                lines += _wrapped("  ", reason if reason.startswith(Path(name).name) else f"{name}: {reason}")
    return lines


def _block(sequence: ReadSequence) -> list[str]:
    size = " × ".join(str(n) for n in sequence.size)
    spacing = " × ".join(f"{s:.2f}" for s in sequence.spacing_mm)
    lines = [f"  {sequence.role:<5}  {sequence.name}", f"         {size} voxels of {spacing} mm"]
    lines += _wrapped("         role:  ", sequence.reason)
    if sequence.role in (Role.T1C, Role.T1N):
        lines += _wrapped("         blood: ", f"{sequence.blood}, {sequence.blood_reason}" if sequence.blood_reason else sequence.blood)
    for note in sequence.notes:
        lines += _wrapped("         note:  ", note)
    for warning in sequence.finding:
        lines += _wrapped("         finding: ", warning)
    if sequence.review_takes_it:
        lines.append("         → brainmets review takes this one")
    return lines


def _visit(sequence: ReadSequence) -> str:
    patient, date = sequence.patient, sequence.study_date
    name = patient.name.replace("^", " ").strip()
    known = [name, f"ID {patient.patient_id}" if patient.patient_id and patient.patient_id != name else "", patient.sex]
    known.append(f"born {_date(patient.birth_date)}" if patient.birth_date else "")
    parts = [part for part in known if part]
    parts += [f"examined {_date(date)}"] if date else []
    return ("Patient " if any(known) else "") + ", ".join(parts) if parts else ""


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) == 8 and text.isdigit() else text


def _gathered(entries: tuple[Named, ...]) -> list[Named]:
    """Entries with one reason on one line where they are many."""
    gathered: list[Named] = []
    for reason in dict.fromkeys(reason for _, reason in entries):
        names = [name for name, why in entries if why == reason]
        if len(names) <= _SHOWN_ALIKE:
            gathered += [(name, reason) for name in names]
        else:
            gathered.append((f"{', '.join(names[: _SHOWN_ALIKE - 1])} and {len(names) - _SHOWN_ALIKE + 1} more", reason))
    return gathered


def _wrapped(lead: str, text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead), break_long_words=False) or [lead]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
