"""The response as a CSV file (RFC 4180, UTF-8): one row a lesion, units in the column names, no totals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from BrainMetsAILib.exchange.lesion_csv import write_rows
from BrainMetsAILib.exchange.response_summary import ResponseRow, ResponseSummary


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


# Key of the CSV column, heading for people, text of a row.
COLUMNS: tuple[tuple[str, str, Callable[[ResponseRow], str]], ...] = (
    ("lesion", "Lesion", lambda row: row.name),
    ("fate", "Fate", lambda row: row.fate),
    ("baseline_lesions", "Baseline lesions", lambda row: " ".join(row.baseline_names)),
    ("follow_up_lesions", "Follow-up lesions", lambda row: " ".join(row.follow_up_names)),
    ("baseline_enhancing_ml", "Baseline enhancing (mL)", lambda row: _number(row.baseline_enhancing_ml, 4)),
    ("follow_up_enhancing_ml", "Follow-up enhancing (mL)", lambda row: _number(row.follow_up_enhancing_ml, 4)),
    ("change_percent", "Change (%)", lambda row: _number(row.change_percent, 1)),
    ("baseline_longest_mm", "Baseline longest (mm)", lambda row: _number(row.baseline_longest_mm, 2)),
    ("follow_up_longest_mm", "Follow-up longest (mm)", lambda row: _number(row.follow_up_longest_mm, 2)),
    ("category", "Category", lambda row: row.category),
    ("reason", "Reason", lambda row: row.reason),
    ("tracking_uid", "Tracking UID", lambda row: row.tracking_uid),
)


def write_response_csv(path: Path, summary: ResponseSummary) -> None:
    """Write the lesions in the order of the summary."""
    write_rows(path, [key for key, _, _ in COLUMNS], ([text(row) for _, _, text in COLUMNS] for row in summary.rows))
