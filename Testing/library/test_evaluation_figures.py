"""Figures of many cases: counted by hand, against MONAI and SciPy, and properties that hold for any cases."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("monai", reason="evaluation needs the packages of the extra `training`")
pytest.importorskip("matplotlib", reason="evaluation needs the packages of the extra `training`")

from monai.metrics import compute_froc_curve_data

from BrainMetsAILib.lesions.sizes import ALL_SIZES, SIZE_BINS, sphere_diameter_mm
from BrainMetsAILib.training.evaluation.agreement import agreement
from BrainMetsAILib.training.evaluation.bootstrap import bootstrap
from BrainMetsAILib.training.evaluation.calibration import lesion_calibration, voxel_bins, voxel_calibration
from BrainMetsAILib.training.evaluation.case_result import Candidate, CaseResult, TrueLesion, Volumes
from BrainMetsAILib.training.evaluation.detection import counts, froc, froc_score, operating_points
from BrainMetsAILib.training.evaluation.evaluation_files import EVALUATION_FILES, read_cases, write_evaluation
from BrainMetsAILib.training.evaluation.figures import case_dice, detection_figures
from BrainMetsAILib.training.evaluation.lesionwise import LesionWise
from BrainMetsAILib.training.evaluation.result_tables import markdown
from BrainMetsAILib.training.evaluation.summary import summarise
from BrainMetsAILib.training.evaluation.surfaces import Overlap

BALL = Volumes(0.5, 0.4, 0.1)


def case(hits: list[float], missed: int, false: list[float], diameter_mm: float = 8.0, **tags: str) -> CaseResult:
    """A case with lesions found at these scores, some missed, and false positives at these scores."""
    lesions = [
        TrueLesion(n, "solid", diameter_mm, BALL, n, s, 0.5, Overlap(0.8, 0.9, 1.0), Overlap(0.7, 0.8, 1.5), None)
        for n, s in enumerate(hits, start=1)
    ]
    lesions += [TrueLesion(len(hits) + 1 + n, "faint", diameter_mm, BALL) for n in range(missed)]
    found = [Candidate(n, s, 8.0, BALL, Volumes(0.4, 0.3, 0.05), n) for n, s in enumerate(hits, start=1)]
    found += [Candidate(len(hits) + 1 + n, s, 4.0, BALL, Volumes(0.0, 0.0, 0.0), None) for n, s in enumerate(false)]
    total = Volumes(0.5 * len(lesions), 0.4 * len(lesions), 0.1 * len(lesions))
    return CaseResult("case", tags, tuple(lesions), tuple(found), total, {"TC": LesionWise(0.5, 10.0, 1, 0, 0)}, 0.5)


SCORES = st.lists(st.floats(0.01, 1.0).map(lambda s: round(s, 3)), max_size=6)
CASES = st.lists(st.builds(case, SCORES, st.integers(0, 3), SCORES, st.floats(1.5, 30.0)), min_size=1, max_size=6)


def test_counting_by_hand() -> None:
    cases = [case([0.9, 0.6], 1, [0.7]), case([], 0, [0.3, 0.8]), case([0.4], 0, [], diameter_mm=2.5)]
    half = counts(cases, 0.5)
    assert (half.found, half.lesions, half.false, half.scans) == (2, 4, 2, 3)
    assert (half.sensitivity, half.precision) == (0.5, 0.5) and half.false_a_scan == pytest.approx(2 / 3)
    assert half.f1 == pytest.approx(0.5)
    assert counts(cases, 0.3, SIZE_BINS[0]).sensitivity == 1.0 and counts(cases, 0.5, SIZE_BINS[0]).sensitivity == 0.0
    assert np.isnan(counts(cases, 0.5, SIZE_BINS[3]).sensitivity)


def test_sizes_leave_no_gap() -> None:
    for diameter in (0.1, 2.99, 3.0, 4.999, 5.0, 10.0, 500.0):
        assert sum(size.holds(diameter) for size in SIZE_BINS) == 1
    assert sphere_diameter_mm(np.pi / 6) == pytest.approx(10.0)  # a ball of 10 mm holds 0.52 mL


@given(CASES)
@settings(max_examples=40, deadline=None)
def test_froc_rises_and_agrees_with_monai(cases: list[CaseResult]) -> None:
    points = froc(cases)
    lesions = sum(len(one.lesions) for one in cases)
    assert [p.false_a_scan for p in points] == sorted(p.false_a_scan for p in points)
    if not lesions:
        assert np.isnan(froc_score(points))
        return
    assert [p.sensitivity for p in points] == sorted(p.sensitivity for p in points)
    assert 0.0 <= froc_score(points) <= 1.0
    for p in points:
        counted = counts(cases, p.threshold)
        assert counted.sensitivity == pytest.approx(p.sensitivity) and counted.false_a_scan == pytest.approx(p.false_a_scan)
    hits = np.array([x.score for one in cases for x in one.lesions if x.score is not None])
    false = np.array([c.score for one in cases for c in one.candidates if c.true_number is None])
    if len(hits) + len(false):
        reference = {(float(a), float(b)) for a, b in zip(*compute_froc_curve_data(false, hits, lesions, len(cases)), strict=True)}
        assert reference <= {(p.false_a_scan, p.sensitivity) for p in points}


@given(CASES)
@settings(max_examples=60, deadline=None)
def test_operating_points_keep_their_promise(cases: list[CaseResult]) -> None:
    most = {"many": 2.0, "one": 1.0, "none": 0.0}
    chosen = operating_points(cases, most)
    assert chosen["many"] <= chosen["one"] <= chosen["none"]
    for name, threshold in chosen.items():
        assert counts(cases, threshold).false_a_scan <= most[name] or threshold == 1.0
        # A lower score would break it, or lose nothing: nothing that counts lies below where too few were allowed.
        lower = counts(cases, threshold - 0.0021)
        assert lower.false_a_scan > most[name] or lower.found == counts(cases, 0.0).found or threshold == 1.0


def test_calibration_of_known_probabilities() -> None:
    # Of ten candidates at 0.75 six are lesions, of ten at 0.25 none is.
    cases = [case([0.75] * 6, 0, [0.75] * 4 + [0.25] * 10)]
    calibration = lesion_calibration(cases)
    assert [(b.count, b.observed) for b in calibration.bins] == [(10, 0.0), (10, 0.6)]
    assert calibration.ece == pytest.approx(0.5 * 0.15 + 0.5 * 0.25)
    assert np.isnan(lesion_calibration([case([], 1, [])]).ece)
    rng = np.random.default_rng(0)
    probability = rng.uniform(0, 1, (40, 40, 40)).astype(np.float32)
    bins = voxel_bins(probability, rng.uniform(0, 1, probability.shape) < probability)
    honest = CaseResult("a", {}, (), (), Volumes(0, 0, 0), {}, 0.5, bins)
    assert voxel_calibration([honest, honest]).ece < 0.01
    assert sum(b.count for b in voxel_calibration([honest]).bins) == pytest.approx((probability >= 0.05).sum())


def test_agreement_of_known_volumes() -> None:
    true = np.array([0.1, 0.5, 1.0, 4.0, 9.0])
    off = agreement(true * 1.2 + 0.3, true)
    assert off.pearson == pytest.approx(1.0) and off.concordance < 0.99
    assert off.bias_ml == pytest.approx(np.mean(0.2 * true + 0.3))
    assert off.high_ml - off.bias_ml == pytest.approx(1.96 * np.std(0.2 * true, ddof=1))
    assert agreement(true, true).concordance == pytest.approx(1.0) and agreement(true, true).median_error == 0.0
    assert agreement([], []).pairs == 0 and np.isnan(agreement([1.0], [1.0]).pearson)


def test_dice_of_a_case_counts_what_was_missed_and_what_is_false() -> None:
    one = case([0.9], 1, [0.6])
    assert case_dice(one, "whole", 0.5) == pytest.approx(2 * 0.4 / (1.0 + 1.0))
    assert case_dice(one, "whole", 0.7) == pytest.approx(2 * 0.4 / (0.5 + 1.0))
    assert case_dice(one, "necrosis", 0.95) == 0.0
    assert np.isnan(case_dice(case([], 0, []), "whole", 0.5))


def test_bootstrap_covers_a_mean_and_survives_empty_draws() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(40):
        cases = [case([0.9] * int(k), 4 - int(k), []) for k in rng.binomial(4, 0.7, 30)]
        found = bootstrap(cases, lambda drawn: {"s": counts(drawn, 0.5).sensitivity}, resamples=200, seed=trial)["s"]
        assert found.low <= found.value <= found.high
        covered += found.low <= 0.7 <= found.high
    assert covered >= 33  # 95 % intervals of 40 trials: fewer than 33 has a chance below one in a thousand
    mixed = [case([0.9], 0, []), case([], 0, []), case([], 0, [])]
    sometimes = bootstrap(mixed, lambda drawn: {"s": counts(drawn, 0.5).sensitivity}, resamples=50)["s"]
    assert (sometimes.value, sometimes.low, sometimes.high) == (1.0, 1.0, 1.0)
    assert np.isnan(bootstrap(mixed[1:], lambda drawn: {"s": counts(drawn, 0.5).sensitivity}, resamples=50)["s"].value)


def test_nothing_found_and_no_cases_are_no_errors() -> None:
    for cases in ([], [case([], 0, [])], [case([], 2, [])], [case([], 0, [0.9])]):
        summary = summarise(cases, 0.5, {"balanced": 0.5}, resamples=20)
        text = markdown(summary)
        assert "nan" not in text.lower()
        assert np.isnan(detection_figures(cases, 0.5)["sensitivity, ≥ 10 mm"])


def test_groups_and_files(tmp_path: Path) -> None:
    cases = [
        case([0.9, 0.8], 1, [0.6], 12.0, contrast="gradient-echo", skull="on"),
        case([0.7], 0, [], 4.0, contrast="black-blood", skull="on"),
        case([], 0, [0.9], contrast="gradient-echo", skull="on"),
    ]
    summary = summarise(cases, 0.5, {"balanced": 0.65}, resamples=50)
    names = [group.name for group in summary.groups]
    assert names == ["all cases", "contrast: gradient-echo", "contrast: black-blood"]  # every case is "skull: on"
    assert summary.groups[1].counts[ALL_SIZES.name].lesions == 3 and summary.groups[1].lesion_free == 1
    write_evaluation(tmp_path, cases, summary, {"model": "test"})
    assert {path.name for path in tmp_path.iterdir()} == set(EVALUATION_FILES)
    assert read_cases(tmp_path / "metrics.json") == tuple(cases)
    assert json.loads((tmp_path / "metrics.json").read_text())["summary"]["at_points"]["all cases"]["balanced"][1]["all"]["found"] == 3
    text = (tmp_path / "tables.md").read_text(encoding="utf-8")
    assert "2/3 = 67 %" in text and "| all cases | balanced | 3 | 0.650 |" in text
    assert "| contrast: black-blood | balanced | 1 | 0.650 | 1/1 |" in text
    with (tmp_path / "lesions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 and rows[0]["dice_whole"] == "0.8" and rows[2]["candidate"] == ""
    for picture in ("froc.png", "volumes.png", "reliability.png"):
        assert (tmp_path / picture).read_bytes()[:4] == b"\x89PNG"
    write_evaluation(tmp_path, [], summarise([], resamples=5), {})
