"""Which lesion is which: every kind of match, with the grids turned and the registration a little off."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from analytic_shapes import GRIDS, grid, label_image, turned
from BrainMetsAILib.lesions.lesion_list import LesionSet, lesion_set
from BrainMetsAIResponseLib.response import compare
from BrainMetsAIResponseLib.response_words import HEADERS, response_rows, response_summary
from BrainMetsAIResponseLib.rigid import lps_matrix, ras_matrix, rotation_degrees, transform_from_lps, transform_from_ras
from BrainMetsAIResponseLib.tracking import MatchKind, match_lesions

Balls = dict[int, tuple[tuple[float, float, float], float]]
MOTION = np.block([[turned((4.0, -6.0, 9.0)), np.array([[6.0], [-9.0], [4.0]])], [np.zeros(3), 1.0]])


def lesions(balls: Balls, name: str = "isotropic", motion: np.ndarray | None = None, reach_mm: float = 48.0) -> LesionSet:
    """Balls (centre RAS of the baseline, radius) drawn where a head moved by ``motion`` has them, on a grid of its own."""
    moved = np.eye(4) if motion is None else motion
    placed = {}
    for number, (centre, radius) in balls.items():
        r, a, s = (moved @ np.array([*centre, 1.0]))[:3]
        placed[number] = ((float(r), float(a), float(s)), radius)
    shape, matrix = grid(GRIDS[name], (0.0, 0.0, 0.0), reach_mm)
    labels = label_image(placed, matrix, shape)
    return lesion_set(labels, sitk.Image(labels) * 0)


BASELINE: Balls = {
    1: ((0.0, 0.0, 0.0), 10.0),  # shrinks to 6 mm at its edge
    2: ((30.0, 0.0, 0.0), 4.0),  # vanishes, 4 mm from number 3
    3: ((30.0, 11.0, 0.0), 3.0),  # unchanged
    4: ((-30.0, 0.0, 0.0), 1.2),  # tiny, unchanged
    5: ((0.0, 30.0, 10.0), 7.0),  # splits
    6: ((-8.0, -30.0, 0.0), 4.0),  # these two merge
    7: ((4.0, -30.0, 0.0), 4.0),
}
FOLLOW_UP: Balls = {
    1: ((0.0, -30.0, 0.0), 4.0),
    11: ((5.0, 4.0, 0.0), 3.0),
    12: ((30.0, 11.0, 0.0), 3.0),
    13: ((-30.0, 0.0, 0.0), 1.2),
    14: ((0.0, 25.0, 10.0), 3.0),
    15: ((0.0, 36.0, 10.0), 3.5),
    16: ((-2.0, -30.0, 0.0), 9.5),
    17: ((-25.0, 25.0, -15.0), 2.0),  # new
    18: ((-30.0, 7.5, 0.0), 2.0),  # new, 4.3 mm from the tiny one
}
EXPECTED = {
    ((1,), (11,)): MatchKind.ONE_TO_ONE,
    ((2,), ()): MatchKind.VANISHED,
    ((3,), (12,)): MatchKind.ONE_TO_ONE,
    ((4,), (13,)): MatchKind.ONE_TO_ONE,
    ((5,), (14, 15)): MatchKind.SPLIT,
    ((6, 7), (16,)): MatchKind.MERGED,
    ((), (17,)): MatchKind.NEW,
    ((), (18,)): MatchKind.NEW,
}


@pytest.mark.parametrize(
    ("before", "after"), [("isotropic", "isotropic"), ("LPS order", "oblique left-handed"), ("sagittal", "left-handed")]
)
@pytest.mark.parametrize("off_mm", [0.0, 1.5])
def test_every_kind_of_match(before: str, after: str, off_mm: float) -> None:
    follow_up = {number: entry for number, entry in FOLLOW_UP.items() if number != 1}
    error = np.eye(4)
    error[:3, 3] = off_mm * np.array([0.6, -0.48, 0.64])
    matches = match_lesions(lesions(BASELINE, before), lesions(follow_up, after, MOTION), transform_from_ras(error @ MOTION))
    assert {(match.baseline, match.follow_up): match.kind for match in matches} == EXPECTED
    by_kind = {match.baseline: match for match in matches}
    assert np.isnan(by_kind[(2,)].distance_mm) and by_kind[(1,)].overlap > 0.9 - off_mm / 3
    assert by_kind[(3,)].distance_mm == 0.0


def test_gap_without_overlap_is_gated() -> None:
    one: Balls = {1: ((0.0, 0.0, 0.0), 1.5)}
    for gap, matched in ((1.0, True), (2.0, True), (4.5, False)):
        moved: Balls = {1: ((3.0 + gap, 0.0, 0.0), 1.5)}
        matches = match_lesions(lesions(one), lesions(moved), sitk.Transform(3, sitk.sitkIdentity))
        assert (matches[0].kind is MatchKind.ONE_TO_ONE) is matched
        if matched:
            assert matches[0].distance_mm == pytest.approx(gap, abs=0.8)


def test_a_chain_of_neighbours_is_matched_by_overlap_not_by_count() -> None:
    # Number 2 vanished; a new one lies close to number 1, which stayed. Two near misses would match more lesions, wrongly.
    before = lesions({1: ((0.0, 0.0, 0.0), 3.0), 2: ((-8.0, 0.0, 0.0), 3.0)})
    after = lesions({1: ((0.0, 0.0, 0.0), 3.0), 2: ((8.5, 0.0, 0.0), 3.0)})
    matches = match_lesions(before, after, sitk.Transform(3, sitk.sitkIdentity))
    assert {(match.baseline, match.follow_up) for match in matches} == {((1,), (1,)), ((2,), ()), ((), (2,))}


def test_empty_examinations() -> None:
    none, one = lesions({}), lesions({3: ((0.0, 0.0, 0.0), 3.0)})
    still = sitk.Transform(3, sitk.sitkIdentity)
    assert match_lesions(none, none, still) == ()
    assert [match.kind for match in match_lesions(one, none, still)] == [MatchKind.VANISHED]
    assert [match.kind for match in match_lesions(none, one, still)] == [MatchKind.NEW]
    assert response_summary(compare(none, none, still))[0] == "No lesion in either examination."


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_every_lesion_appears_exactly_once(seed: int) -> None:
    random = np.random.default_rng(seed)

    def some() -> LesionSet:
        count = int(random.integers(0, 9))
        places = {n + 1: (tuple(random.uniform(-16, 16, 3)), float(random.uniform(1.5, 7))) for n in range(count)}
        return lesions(places, reach_mm=18.0)

    before, after = some(), some()
    matches = match_lesions(before, after, sitk.Transform(3, sitk.sitkIdentity))
    assert sorted(number for match in matches for number in match.baseline) == [lesion.number for lesion in before.lesions]
    assert sorted(number for match in matches for number in match.follow_up) == [lesion.number for lesion in after.lesions]
    for match in matches:
        if match.baseline and match.follow_up:
            assert 0.0 <= match.overlap <= 1.0 and 0.0 <= match.distance_mm <= 3.0


def test_matrices_of_rigid_transforms() -> None:
    transform = transform_from_ras(MOTION)
    assert ras_matrix(transform) == pytest.approx(MOTION)
    point = (1.0, 2.0, 3.0)
    assert transform_from_lps(lps_matrix(transform)).TransformPoint(point) == pytest.approx(transform.TransformPoint(point))
    x, y, z = transform.TransformPoint((-10.0, -20.0, 30.0))
    assert (-x, -y, z) == pytest.approx(tuple((MOTION @ [10.0, 20.0, 30.0, 1.0])[:3]))
    assert rotation_degrees(transform_from_ras(np.block([[turned((0, 0, 33)), np.zeros((3, 1))], [np.zeros(3), 1]]))) == pytest.approx(33)
    for bad in (np.diag([1.0, 1.1, 1.0, 1.0]), np.diag([-1.0, 1.0, 1.0, 1.0])):
        with pytest.raises(ValueError, match="rigid"):
            transform_from_ras(bad)


def test_comparison_of_a_whole_patient() -> None:
    follow_up = {number: entry for number, entry in FOLLOW_UP.items() if number != 1}
    baseline, later = lesions(BASELINE), lesions(follow_up, "LPS order", MOTION)
    response = compare(baseline, later, transform_from_ras(MOTION))
    fates = {lesion.name: str(lesion.fate) for lesion in response.lesions}
    assert fates == {
        "M01": "shrunk",
        "M02": "vanished",
        "M03": "unchanged",
        "M04": "unchanged",
        "M05": "split",
        "M06 + M07": "merged",
        "M17 (new)": "new",
        "M18 (new)": "new",
    }
    one = response.lesions[0]
    assert one.enhancing_change == pytest.approx(0.027 - 1, abs=0.01)
    assert (one.volumetric.category, one.diameter.category) == ("PR", "PR")
    assert one.diameter_change == pytest.approx(-0.7, abs=0.05)
    assert response.lesions[5].target is False  # 8 mm each: not measurable
    assert response.diameter_reading.targets == ("M01", "M05")
    assert response.diameter_reading.category == response.volumetric_reading.category == "PD"
    assert response.diameter_reading.reasons[0] == "2 new lesions: M17 (new), M18 (new)."
    total = sum(lesion.measurements.enhancing_ml for lesion in later.lesions)
    assert response.follow_up_enhancing_ml == pytest.approx(total)
    by_lesion = sum(lesion.follow_up_enhancing_ml or 0.0 for lesion in response.lesions)
    assert by_lesion == pytest.approx(total)

    rows = response_rows(response)
    assert len(rows) == 8 and all(tuple(row) == HEADERS for row in rows)
    assert rows[4]["At follow-up"] == "M14 + M15" and rows[1]["At follow-up"] == "" and rows[1]["Change of enhancing volume (%)"] == -100.0
    assert rows[6]["Enhancing volume at baseline (mL)"] == "" and rows[6]["Volumetric"] == "new"
    summary = " ".join(response_summary(response))
    assert "2 new, 2 unchanged, 1 shrunk, 1 vanished, 1 split, 1 merged" in summary and "RANO-BM (diameters): PD." in summary


def test_at_most_five_targets_the_largest_measurable() -> None:
    balls: Balls = {n: ((-40.0 + 20.0 * (n % 5), -20.0 + 40.0 * (n // 5), 0.0), 5.5 + 0.3 * n) for n in range(8)}
    balls = {n + 1: entry for n, entry in balls.items()} | {9: ((0.0, 0.0, 25.0), 3.0)}
    same = lesions(balls)
    response = compare(same, same, sitk.Transform(3, sitk.sitkIdentity))
    assert set(response.diameter_reading.targets) == {"M04", "M05", "M06", "M07", "M08"}
    assert response.diameter_reading.category == response.volumetric_reading.category == "SD"
    assert len(response.volumetric_reading.targets) == 9
    assert all(lesion.fate == "unchanged" for lesion in response.lesions)


def test_what_the_other_image_does_not_show_is_neither_gone_nor_new() -> None:
    seen: Balls = {1: ((0.0, 0.0, 0.0), 8.0)}
    low: Balls = {2: ((0.0, 20.0, -42.0), 5.0)}
    whole, cut = lesions({**seen, **low}), lesions(seen, reach_mm=30.0)
    for before, after, when in ((whole, cut, "follow-up"), (cut, whole, "baseline")):
        response = compare(before, after, sitk.Euler3DTransform())
        row = next(one for one in response.lesions if not (one.baseline and one.follow_up))
        assert row.fate == "undecided" and row.volumetric.reasons == (f"outside the field of view at {when}",)
        assert {str(row.diameter.category), str(row.volumetric.category)} == {"NE"}
        for reading in (response.diameter_reading, response.volumetric_reading):
            assert reading.category == "SD" and any("M02" in reason for reason in reading.reasons)
        assert "1 undecided" in response_summary(response)[0]
    gone = compare(whole, lesions(seen), sitk.Euler3DTransform())
    assert [str(one.volumetric.category) for one in gone.lesions] == ["SD", "CR"], "in view and not there"


def test_a_candidate_below_the_score_makes_a_lesion_neither_gone_nor_new() -> None:
    both: Balls = {1: ((0.0, 0.0, 0.0), 8.0), 2: ((20.0, 10.0, 5.0), 6.0)}
    one: Balls = {1: both[1]}
    doubtful = lesions({7: ((21.0, 10.0, 5.0), 5.0), 8: ((-20.0, 10.0, 5.0), 6.0)})
    still = sitk.Euler3DTransform()
    vanished = compare(lesions(both), lesions(one), still, doubtful_follow_up=doubtful)
    appeared = compare(lesions(one), lesions(both), still, doubtful_baseline=doubtful)
    for response, when in ((vanished, "follow-up"), (appeared, "baseline")):
        assert [row.fate for row in response.lesions] == ["unchanged", "undecided"]
        assert f"a candidate that does not count lies there at {when} (M07" in response.lesions[1].diameter.reasons[0]
        assert response.diameter_reading.category == response.volumetric_reading.category == "SD"
    elsewhere = lesions({8: ((-20.0, 10.0, 5.0), 6.0)})
    assert compare(lesions(both), lesions(one), still, doubtful_follow_up=elsewhere).lesions[1].fate == "vanished"


def test_lesions_that_are_told_apart_again_have_uids_of_their_own() -> None:
    both: Balls = {1: ((0.0, 0.0, 0.0), 8.0), 2: ((20.0, 10.0, 5.0), 6.0)}
    before, after = lesions(both), lesions(both)
    alike = replace(before, lesions=tuple(replace(one, tracking_uid="1.2.3") for one in before.lesions))  # as if compared before as merged
    uids = [row.tracking_uid for row in compare(alike, after, sitk.Euler3DTransform()).lesions]
    assert uids[0] == "1.2.3" and uids[1] == after.lesions[1].tracking_uid


def test_half_a_voxel_of_a_thin_rim_is_most_of_it() -> None:
    shape, matrix = grid(GRIDS["isotropic"], (0.0, 0.0, 0.0), 20.0)
    ball, core = (label_image({1: ((0.0, 0.0, 0.0), radius)}, matrix, shape) for radius in (14.0, 12.5))
    rim = lesion_set(ball, core).lesions[0].measurements
    edge = float(np.cbrt(abs(np.linalg.det(matrix[:3, :3]))))
    outer, inner = (4 / 3 * np.pi * (radius + side * edge / 2) ** 3 / 1000 for radius, side in ((14.0, 1), (12.5, -1)))
    assert rim.enhancing_high_ml == pytest.approx(outer - inner, rel=0.08)
    assert rim.enhancing_low_ml <= 0.6 * rim.enhancing_ml
    solid = lesion_set(ball, sitk.Image(ball) * 0).lesions[0].measurements
    assert (solid.enhancing_low_ml, solid.enhancing_high_ml) == (solid.volume_low_ml, solid.volume_high_ml)
