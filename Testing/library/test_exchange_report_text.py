"""The text for the radiology report: says what was measured, what nobody looked at, and what it is not for."""

import re
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from BrainMetsAILib.exchange.examined import ExaminationFacts
from BrainMetsAILib.exchange.report_text import LISTED, ReportContent, report_text
from BrainMetsAILib.exchange.response_summary import ResponseReading, ResponseRow, ResponseSummary
from BrainMetsAILib.lesions.lesion_list import Lesion, lesion_set
from drawn_heads import PROVENANCE


def boxes(count: int, necrosis: bool = True) -> tuple[Lesion, ...]:
    """Lesion n is 2n by n by 4 mm, in voxels of 1 mm; the first slice of each is necrotic."""
    labels = np.zeros((8, 80, 40 * count), np.uint8)
    for number in range(1, count + 1):
        labels[2:6, 10 : 10 + number, 40 * (number - 1) + 2 : 40 * (number - 1) + 2 + 2 * number] = number
    dead = (labels > 0) & (np.arange(8)[:, None, None] == 2) & necrosis
    return lesion_set(sitk.GetImageFromArray(labels), sitk.GetImageFromArray(dead.astype(np.uint8))).lesions


def content(lesions: tuple[Lesion, ...], **other: object) -> ReportContent:
    facts = ExaminationFacts(study_date="20260131", description="t1 mpr | gd")
    return replace(ReportContent(facts, (1.0, 1.0, 1.0), lesions, PROVENANCE), **other)  # type: ignore[arg-type]


def test_it_says_what_was_measured() -> None:
    first, second, third = boxes(3)
    lesions = (first, second, replace(third, location="left frontal lobe"))
    text = report_text(content(lesions))
    assert "Technique: contrast-enhanced T1-weighted MRI of the head (2026-01-31, t1 mpr | gd, voxels 1.0 x 1.0 x 1.0 mm)." in text
    assert "network drawn, version 0.1" in text
    # 2n·n·4 mm³, a quarter of it necrotic: 8 + 32 + 72 mm³.
    assert "Findings: 3 lesions, 0.084 mL enhancing in total (0.028 mL of necrosis excluded); none measurable by RANO-BM." in text
    size = f"{third.measurements.whole.longest_mm:.1f} x {third.measurements.whole.perpendicular_mm:.1f} mm"
    assert f"Largest: M03 in the left frontal lobe, {size}, 0.054 mL enhancing." in text
    rows = re.findall(r"^M\d\d .*$", text, re.MULTILINE)
    assert [row[:3] for row in rows] == ["M03", "M02", "M01"], "the largest first"
    assert rows[0] == f"M03  {size}  0.054 mL  0.018 mL  left frontal lobe"
    assert rows[1].endswith("0.024 mL  0.008 mL  location not known")
    assert text.endswith("finding none says nothing about them.") and "for research, not for clinical decisions" in text


def test_long_lists_are_cut_and_added_up() -> None:
    lesions = boxes(LISTED + 5, necrosis=False)
    text = report_text(content(lesions))
    assert len(re.findall(r"^M\d\d .*no necrosis", text, re.MULTILINE)) == LISTED
    rest = sum(8 * number**2 for number in range(1, 6)) / 1000
    longest = lesions[4].measurements.whole.longest_mm
    assert f"and 5 more, each at most {longest:.1f} mm long, {rest:.2f} mL enhancing together." in text
    assert "necrosis excluded)" in text and "of necrosis excluded" not in text


def test_nothing_found_is_no_all_clear() -> None:
    text = report_text(content((), provenance=None, spacing_mm=None))
    assert "Findings: no lesion outlined. That does not mean that there is none." in text
    assert "Largest" not in text and "reviewed by a person" not in text and "voxels" not in text


def test_what_nobody_looked_at_is_named() -> None:
    lesions = boxes(3)
    uids = [lesion.lesion_uid for lesion in lesions]
    unfinished = report_text(content(lesions, unreviewed=[uids[0], uids[2]]))
    assert "NOT REVIEWED by a person: 2 of 3 lesions (M01, M03). Not signed off." in unfinished
    signed = content(lesions, signed="Dr. Änne Müller, 2026-02-01 10:30")
    assert "Review: All lesions were reviewed by a person. Signed off by Dr. Änne Müller, 2026-02-01 10:30." in report_text(signed)
    changed = report_text(replace(signed, changed_since_signed=True))
    assert "CHANGED since it was signed by Dr. Änne Müller" in changed and "Signed off" not in changed


def test_classes_are_named_once_they_differ() -> None:
    lesions = boxes(3)
    uids = [lesion.lesion_uid for lesion in lesions]
    assert "class" not in report_text(content(lesions, classes={uids[0]: "metastasis", uids[1]: ""}))
    text = report_text(content(lesions, classes={uids[0]: "metastasis", uids[2]: "vascular"}))
    assert re.search(r"^M03 .*\[vascular\]$", text, re.MULTILINE) and "[metastasis]" not in text
    assert "By class: 1 vascular, 1 not classified, 1 metastasis." in text


def test_the_response_is_summed_up() -> None:
    rows = (ResponseRow("M01", "grown"), ResponseRow("M02", "new"), ResponseRow("M03", "grown"))
    readings = (ResponseReading("RANO-BM (diameters)", "SD", ("because",)), ResponseReading("Volumetric", "PD"))
    compared = content(boxes(1), response=ResponseSummary(rows, readings), baseline_date="20250701")
    text = report_text(compared)
    assert "Response, compared with the examination of 2025-07-01" in text
    assert "RANO-BM (diameters): SD; Volumetric: PD. Lesions: 2 grown, 1 new." in text
    assert "OUTDATED" not in text and "OUTDATED" in report_text(replace(compared, changed_since_compared=True))


@pytest.mark.parametrize("synthetic", [True, False])
def test_made_up_lesions_and_limits_are_told(synthetic: bool) -> None:
    facts = ExaminationFacts(synthetic=synthetic, warnings=("Slices ≥ 3 mm – “thick”.", "No contrast?"))
    text = report_text(replace(content(boxes(1)), facts=facts))
    assert text.startswith("SYNTHETIC") == synthetic
    assert 'Limits: Slices >= 3 mm - "thick". No contrast?' in text
    assert text.isascii(), "old reporting systems know nothing else"
    assert "\n\n\n" not in text and not any(line.endswith(" ") for line in text.splitlines())
