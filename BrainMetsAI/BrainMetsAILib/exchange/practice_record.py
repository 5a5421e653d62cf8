"""The running record of practice: one row a case in a CSV file (RFC 4180, UTF-8) that is only ever appended to.

| column | what |
|---|---|
| ``time`` | when the reading was submitted, UTC, ISO 8601 |
| ``reader`` | who read, as the panel knows it (`scene.reader`); empty where nobody is known |
| ``head``, ``seed`` | the head the case was made from (`scene.practice_case`: never a name that could be a patient's), and its number |
| ``examination`` | ``baseline`` or ``follow-up`` |
| ``with_network`` | ``yes`` where a network's finding was in the scene before submission |
| ``network`` | that network and its version; empty without |
| ``seconds`` | reading time: while the module was open and somebody was there |
| ``lesions``, ``found``, ``missed`` | true lesions, and what became of them |
| ``false_calls`` | calls that are no lesion |
| ``lesions_under_3_mm``, ``found_under_3_mm`` … | the same by diameter of the sphere with the true lesion's volume |
| ``mean_dice`` | overlap of outlines, over the found lesions; empty where none was found |
| ``mean_absolute_volume_error_percent`` | likewise |
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from BrainMetsAILib.exchange.lesion_csv import shielded

FILE_NAME = "BrainMetsAI_practice.csv"
LAST = 10

_SIZE_KEYS = ("under_3_mm", "3_to_5_mm", "5_to_10_mm", "from_10_mm")  # of `lesions.sizes.SIZE_BINS`, in their order
COLUMNS = (
    "time",
    "reader",
    "head",
    "seed",
    "examination",
    "with_network",
    "network",
    "seconds",
    "lesions",
    "found",
    "missed",
    "false_calls",
    *(f"{counted}_{key}" for key in _SIZE_KEYS for counted in ("lesions", "found")),
    "mean_dice",
    "mean_absolute_volume_error_percent",
)


class RecordUnusable(Exception):
    """The record cannot be read or written; the message is for a person, who sees the folder beside it (a path widens a panel)."""


@dataclass(frozen=True)
class PracticeRow:
    """One submitted case.

    Attributes
    ----------
    by_size
        Found and true lesions of each of `lesions.sizes.SIZE_BINS`.
    mean_dice, mean_volume_error
        Over the found lesions (the error as a share); ``None`` where none was found.
    network
        Empty where none helped.
    """

    time: str
    reader: str
    head: str
    seed: int
    examination: str
    network: str
    seconds: float
    lesions: int
    found: int
    false_calls: int
    by_size: tuple[tuple[int, int], ...]
    mean_dice: float | None
    mean_volume_error: float | None


@dataclass(frozen=True)
class Tally:
    """Several cases together; `mean_dice` is over cases in which something was found."""

    cases: int
    with_network: int
    lesions: int
    found: int
    false_calls: int
    mean_dice: float | None
    mean_seconds: float


def append_row(folder: Path, row: PracticeRow) -> Path:
    """Add a case to the record in a folder; returns the record's path.

    Raises
    ------
    RecordUnusable
        If it cannot be written, or is not such a record; what is there stays.
    """
    path = folder / FILE_NAME
    try:
        earlier = path.read_bytes() if path.exists() else b""
        if earlier:
            _check_header(path, _lines(earlier))
        text = io.StringIO()
        writer = csv.writer(text)
        if not earlier:
            writer.writerow(COLUMNS)
        elif not earlier.endswith(b"\n"):  # somebody's editor took the last line end away
            text.write("\r\n")
        writer.writerow([shielded(cell) for cell in _cells(row)])
        with path.open("ab") as file:
            file.write(text.getvalue().encode())
    except (OSError, UnicodeDecodeError) as error:
        raise RecordUnusable(_unusable(path, "written", error)) from error
    return path


def last_cases(folder: Path, reader: str, count: int = LAST) -> Tally | None:
    """The reader's last cases together; ``None`` where the record has none.

    Raises
    ------
    RecordUnusable
        If there is a record and it cannot be read.
    """
    path = folder / FILE_NAME
    try:
        if not path.exists():
            return None
        lines = _lines(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise RecordUnusable(_unusable(path, "read", error)) from error
    if not lines:
        return None
    _check_header(path, lines)
    rows = [row for row in csv.DictReader(lines) if row["reader"] == shielded(reader)][-count:]
    try:
        dice = [float(row["mean_dice"]) for row in rows if row["mean_dice"]]
        if not rows:
            return None
        return Tally(
            cases=len(rows),
            with_network=sum(row["with_network"] == "yes" for row in rows),
            lesions=sum(int(row["lesions"]) for row in rows),
            found=sum(int(row["found"]) for row in rows),
            false_calls=sum(int(row["false_calls"]) for row in rows),
            mean_dice=sum(dice) / len(dice) if dice else None,
            mean_seconds=sum(float(row["seconds"]) for row in rows) / len(rows),
        )
    except (TypeError, ValueError) as error:
        raise RecordUnusable(f"{path.name} has a row that is no practice case; correct it, or choose another folder.") from error


def _cells(row: PracticeRow) -> list[str]:
    sizes = [str(number) for found, lesions in row.by_size for number in (lesions, found)]
    return [
        row.time,
        row.reader,
        row.head,
        str(row.seed),
        row.examination,
        "yes" if row.network else "no",
        row.network,
        f"{row.seconds:.0f}",
        str(row.lesions),
        str(row.found),
        str(row.lesions - row.found),
        str(row.false_calls),
        *sizes,
        "" if row.mean_dice is None else f"{row.mean_dice:.3f}",
        "" if row.mean_volume_error is None else f"{100.0 * row.mean_volume_error:.1f}",
    ]


def _lines(content: bytes) -> list[str]:
    return list(io.StringIO(content.decode("utf-8-sig"), newline=""))  # a spreadsheet may have added a byte order mark


def _check_header(path: Path, lines: Sequence[str]) -> None:
    if next(csv.reader(lines[:1])) != list(COLUMNS):
        raise RecordUnusable(f"{path.name} has other columns than a practice record; choose another folder, or rename that file.")


def _unusable(path: Path, done: str, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not text"
    return f"{path.name} cannot be {done} ({reason}); close it where it is open, or choose another folder."
