"""How an examination responded, as the scene keeps it: the seam by which this library reads what BrainMetsAI Response wrote.

A comparison is kept with the follow-up's segmentation: the summary as a parameter of the settings node, and a node reference to the
baseline's segmentation. Hashes of both tell whether lesions were changed after they were compared.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from BrainMetsAILib.exchange.response_summary import ResponseReading, ResponseRow, ResponseSummary
from BrainMetsAILib.scene.settings import read_record, write_record
from BrainMetsAILib.scene.sign_off import outlines_sha256

RECORD = "Response"
BASELINE_ROLE = "BrainMetsAI.Baseline"  # of the follow-up's segmentation


def write_response_summary(baseline: Any, follow_up: Any, summary: ResponseSummary) -> None:
    """Keep a comparison of two segmentation nodes."""
    follow_up.SetNodeReferenceID(BASELINE_ROLE, baseline.GetID())
    compared = {"baseline": outlines_sha256(baseline), "follow_up": outlines_sha256(follow_up)}
    write_record(follow_up, RECORD, {**asdict(summary), "compared": compared})


def read_response_summary(follow_up: Any) -> ResponseSummary | None:
    """The comparison of a follow-up with its baseline; ``None`` where it was not compared."""
    stored = read_record(follow_up, RECORD)
    if stored is None:
        return None
    rows = [
        {**row, "baseline_names": tuple(row["baseline_names"]), "follow_up_names": tuple(row["follow_up_names"])} for row in stored["rows"]
    ]
    readings = [{**reading, "reasons": tuple(reading["reasons"])} for reading in stored["readings"]]
    return ResponseSummary(
        rows=tuple(ResponseRow(**row) for row in rows),
        readings=tuple(ResponseReading(**reading) for reading in readings),
        notes=tuple(stored["notes"]),
    )


def changed_since_compared(follow_up: Any) -> bool:
    """Whether outlines of either examination were changed after the comparison, or the baseline is gone."""
    stored = read_record(follow_up, RECORD)
    compared = (stored or {}).get("compared")
    if not compared:
        return False
    baseline = follow_up.GetNodeReference(BASELINE_ROLE)
    return baseline is None or [outlines_sha256(node) for node in (baseline, follow_up)] != [compared["baseline"], compared["follow_up"]]
