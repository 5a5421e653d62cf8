"""The response as a CSV file (RFC 4180, UTF-8): one row a lesion, units in the column names, no totals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from BrainMetsAILib.exchange.lesion_csv import write_rows
from BrainMetsAILib.exchange.response_summary import ResponseRow, ResponseSummary


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


# Name of the column and text of a row.
COLUMNS: tuple[tuple[str, Callable[[ResponseRow], str]], ...] = (
    ("lesion", lambda row: row.name),
    ("fate", lambda row: row.fate),
    ("baseline_lesions", lambda row: " ".join(row.baseline_names)),
    ("follow_up_lesions", lambda row: " ".join(row.follow_up_names)),
    ("baseline_enhancing_ml", lambda row: _number(row.baseline_enhancing_ml, 4)),
    ("follow_up_enhancing_ml", lambda row: _number(row.follow_up_enhancing_ml, 4)),
    ("enhancing_change_percent", lambda row: _number(row.change_percent, 1)),
    ("baseline_longest_diameter_mm", lambda row: _number(row.baseline_longest_mm, 2)),
    ("follow_up_longest_diameter_mm", lambda row: _number(row.follow_up_longest_mm, 2)),
    ("diameter_change_percent", lambda row: _number(row.diameter_change_percent, 1)),
    ("target_lesion", lambda row: "yes" if row.target else "no"),
    ("rano_bm_diameter", lambda row: row.diameter_category),
    ("volumetric", lambda row: row.volumetric_category),
    ("rano_bm_diameter_reason", lambda row: row.diameter_reason),
    ("volumetric_reason", lambda row: row.volumetric_reason),
    ("gap_mm", lambda row: _number(row.gap_mm, 2)),
    ("overlap_percent", lambda row: _number(row.overlap_percent, 1)),
    ("tracking_uid", lambda row: row.tracking_uid),
)


def write_response_csv(path: Path, summary: ResponseSummary) -> None:
    """Write the lesions in the order of the summary."""
    write_rows(path, [key for key, _ in COLUMNS], ([text(row) for _, text in COLUMNS] for row in summary.rows))
