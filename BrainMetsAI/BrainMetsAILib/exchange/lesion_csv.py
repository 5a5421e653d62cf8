"""The lesion list as a CSV file (RFC 4180, UTF-8): one row a lesion, units in the column names, no totals."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from BrainMetsAILib.exchange.lesion_columns import COLUMNS
from BrainMetsAILib.lesions.lesion_list import Lesion


def write_lesions_csv(path: Path, lesions: Sequence[Lesion]) -> None:
    """Write the lesions in the order given; the columns and their order are those of `lesion_columns.COLUMNS`.

    Empty cells mean that there is no such value (nothing enhances, no network made the lesion).
    """
    write_rows(path, [entry.key for entry in COLUMNS], ([entry.text(lesion) for entry in COLUMNS] for lesion in lesions))


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """One CSV file: CRLF line ends, quotes only where needed; text is shielded from being run as a formula by a spreadsheet."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for row in rows:
            writer.writerow([shielded(cell) for cell in row])


def shielded(cell: str) -> str:
    """A name like ``=1+1`` would be computed by a spreadsheet; numbers are left as they are."""
    if not cell.startswith(("=", "+", "-", "@")):
        return cell
    try:
        float(cell.rstrip("%"))
    except ValueError:
        return f"'{cell}"
    return cell
