"""What a review leaves in its folder: tables, pictures, report, label images, and the scene."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import SimpleITK as sitk

from BrainMetsAILib.exchange.examined import ReviewedExamination
from BrainMetsAILib.exchange.lesion_files import LESION_FILES, lesion_file_steps, write_image
from BrainMetsAILib.exchange.pictures import review_pictures, write_pictures
from BrainMetsAILib.exchange.report import write_report
from BrainMetsAILib.exchange.response_csv import write_response_csv
from BrainMetsAILib.exchange.response_summary import ResponseSummary

if TYPE_CHECKING:
    from collections.abc import Callable

    from BrainMetsAILib.models.finding import Finding

EXAMINATION_FILES = (*LESION_FILES, "probability.nii.gz")
FOLLOW_UP = "followup_"
REVIEW_FILES = (
    "scene.mrb",
    "report.html",
    "pictures",
    "response.csv",
    *EXAMINATION_FILES,
    *(f"{FOLLOW_UP}{name}" for name in EXAMINATION_FILES),
)


@dataclass(frozen=True)
class Comparison:
    """Two examinations compared: what tables say, and where the baseline lies in the follow-up (LPS, mm)."""

    summary: ResponseSummary
    baseline_to_follow_up: sitk.Transform


def write_examination_files(folder: Path, examination: ReviewedExamination, finding: Finding, prefix: str = "") -> None:
    """The table and the images of one examination, all in its own grid.

    Beside what `exchange.lesion_files` writes, ``probability`` is that of lesion (enhancing + necrosis).
    """
    for _step in lesion_file_steps(folder, examination.lesions, prefix):
        pass
    # Rounding may lift the sum of two shares a ten-millionth above one.
    probability = sitk.Minimum(sitk.Add(finding.enhancing, finding.necrosis), 1.0)
    write_image(probability, folder / f"{prefix}probability.nii.gz")


def write_review_files(
    folder: Path,
    examination: ReviewedExamination,
    follow_up: ReviewedExamination | None,
    comparison: Comparison | None,
    progress: Callable[[float, str], None],
) -> None:
    """Pictures and report, and with a follow-up the response table."""
    summary = comparison.summary if comparison else None
    transform = comparison.baseline_to_follow_up if comparison else None
    pictures = review_pictures(examination, follow_up, summary, transform, progress)
    write_pictures(folder / "pictures", pictures)
    write_report(folder / "report.html", examination, pictures, follow_up, summary)
    if summary is not None:
        write_response_csv(folder / "response.csv", summary)
