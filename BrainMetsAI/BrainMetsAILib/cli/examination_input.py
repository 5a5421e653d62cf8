"""Reading what a review is asked to look at, and refusing what makes no sense, before anything is computed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from BrainMetsAILib.cli.refusal import Refused
from BrainMetsAILib.exchange.examined import ExaminationFacts, facts_of
from BrainMetsAILib.images.examination import Role, Sequence
from BrainMetsAILib.images.geometry import same_grid
from BrainMetsAILib.images.reading import read_sequence
from BrainMetsAILib.images.suitability import ThickSlices, check_head_mr


@dataclass(frozen=True)
class ExaminationInput:
    """An examination that was read and may be searched.

    Attributes
    ----------
    path
        As given.
    sequence
        Its contrast-enhanced T1.
    facts
        What CSV, scene and report say of it.
    """

    path: Path
    sequence: Sequence
    facts: ExaminationFacts


def read_examination_input(path: Path, title: str, role: Role | None = None, accept_thick: bool = False) -> ExaminationInput:
    """Read one examination and check that lesions can be sought on it.

    Raises
    ------
    ImageRefused
        With one sentence: unreadable, no usable geometry, not MR of a head, or slices above 5 mm without `accept_thick`.
    """
    sequence = read_sequence(path, role)
    try:
        warnings = check_head_mr(sequence, accept_thick)
    except ThickSlices as refusal:
        raise ThickSlices(f"{path.name}: {refusal}") from refusal
    return ExaminationInput(path, sequence, facts_of(sequence, title, warnings, synthetic=is_practice_volume(path)))


def is_practice_volume(path: Path) -> bool:
    """Whether `brainmets practice` made this file: its truth lies beside it. The report then says that the lesions are synthetic."""
    name, _, rest = path.name.partition("_t1c")
    return bool(rest) and (path.parent / f"{name}_truth.csv").is_file() and (path.parent / "fates.csv").is_file()


def check_pair(baseline: ExaminationInput, follow_up: ExaminationInput) -> ExaminationInput:
    """The follow-up with what is odd about the pair among its warnings.

    Raises
    ------
    Refused
        If both are the same image.
    """
    one, other = baseline.sequence, follow_up.sequence
    if one.series_uid and one.series_uid == other.series_uid:
        raise Refused("Baseline and follow-up are the same DICOM series: give the series of two dates.")
    if _same_voxels(one.image, other.image):
        raise Refused("Baseline and follow-up hold the same image: give the images of two dates.")
    if one.study_date and other.study_date and other.study_date < one.study_date:
        warning = f"The follow-up was examined ({other.study_date}) before the baseline ({one.study_date}): check their order."
        return ExaminationInput(follow_up.path, other, _with_warning(follow_up.facts, warning))
    return follow_up


def check_paths(t1c: Path, follow_up: Path | None) -> None:
    """Raise Refused where a path does not exist or both are the same; cheap, so that nobody waits for it."""
    for path in (t1c, follow_up):
        if path is not None and not path.exists():
            raise Refused(f"{path} does not exist: check the name.")
    if follow_up is not None and follow_up.resolve() == t1c.resolve():
        raise Refused("Baseline and follow-up are the same file or folder: give those of two dates.")


def _same_voxels(one: sitk.Image, other: sitk.Image) -> bool:
    return same_grid(one, other) and np.array_equal(sitk.GetArrayViewFromImage(one), sitk.GetArrayViewFromImage(other))


def _with_warning(facts: ExaminationFacts, warning: str) -> ExaminationFacts:
    return ExaminationFacts(
        facts.title, facts.patient, facts.study_date, facts.description, (*facts.warnings, warning), facts.synthetic, facts.series_uid
    )
