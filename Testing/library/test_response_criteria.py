"""Published thresholds at, above and below their values, with their reasons."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from BrainMetsAIResponseLib.criteria import Amount, Category, Observation, judge_lesion, judge_patient
from BrainMetsAIResponseLib.fates import Fate, fate_of
from BrainMetsAIResponseLib.profiles import RANO_BM, VOLUMETRIC, sphere_equivalent
from BrainMetsAIResponseLib.tracking import MatchKind


def amount(value: float | None, spread: float = 0.0) -> Amount | None:
    return None if value is None else Amount(value, value * (1 - spread), value * (1 + spread))


def lesion(
    baseline: float | None, follow_up: float | None, target: bool = True, name: str = "M01", nadir: float | None = None, spread: float = 0.0
) -> Observation:
    smallest = baseline if nadir is None else nadir
    return Observation(name, amount(baseline, spread), amount(smallest, spread), amount(follow_up, spread), target and baseline is not None)


def test_published_thresholds() -> None:
    assert (RANO_BM.response_change, RANO_BM.progression_change, RANO_BM.least_increase, RANO_BM.most_targets) == (-0.30, 0.20, 5.0, 5)
    assert VOLUMETRIC.progression_change == pytest.approx(0.728)
    assert VOLUMETRIC.response_change == pytest.approx(-0.657)


@given(st.floats(-0.99, 3.0), st.floats(0.5, 80.0))
def test_sphere_equivalent_is_what_spheres_do(change: float, diameter: float) -> None:
    assert diameter**3 * (1 + sphere_equivalent(change)) == pytest.approx((diameter * (1 + change)) ** 3)


@pytest.mark.parametrize(
    ("baseline", "follow_up", "category"),
    [
        (30.0, 21.0, Category.PR),  # exactly -30 %
        (30.0, 21.01, Category.SD),
        (30.0, 36.0, Category.PD),  # exactly +20 %, +6 mm
        (30.0, 35.99, Category.SD),
        (25.0, 30.0, Category.PD),  # exactly +20 % and exactly +5 mm
        (20.0, 24.99, Category.SD),  # +25 % but less than 5 mm
        (20.0, 25.0, Category.PD),
        (30.0, 30.0, Category.SD),
        (10.0, None, Category.CR),
    ],
)
def test_rano_bm_one_target(baseline: float, follow_up: float | None, category: Category) -> None:
    one = lesion(baseline, follow_up)
    assert judge_patient(RANO_BM, [one]).category is category
    assert judge_lesion(RANO_BM, one).category is category


def test_five_millimetres_in_one_lesion_not_in_the_sum() -> None:
    spread_out = [lesion(12.0, 15.0, name=f"M{n:02d}") for n in range(1, 4)]
    reading = judge_patient(RANO_BM, spread_out)
    assert reading.category is Category.SD and "no lesion has grown by 5 mm" in reading.reasons[0]
    assert reading.change_from_nadir == pytest.approx(0.25)
    assert judge_patient(RANO_BM, [*spread_out[:2], lesion(12.0, 17.0)]).category is Category.PD


def test_progression_is_from_nadir_response_from_baseline() -> None:
    regrown = lesion(40.0, 27.0, nadir=20.0)
    reading = judge_patient(RANO_BM, [regrown], nadir_sum=20.0)
    assert reading.category is Category.PD  # -32.5 % from baseline, +35 % and +7 mm from nadir
    assert reading.change_from_baseline == pytest.approx(-0.325)
    assert reading.change_from_nadir == pytest.approx(0.35)
    assert judge_patient(RANO_BM, [regrown]).category is Category.PR
    assert judge_patient(RANO_BM, [lesion(40.0, 40.0)], nadir_sum=50.0).nadir_sum == 40.0  # the baseline counts as smallest, too


def test_a_new_lesion_is_progression_whatever_the_sum_does() -> None:
    reading = judge_patient(RANO_BM, [lesion(30.0, 10.0), lesion(None, 3.0, name="M07 (new)")])
    assert reading.category is Category.PD and reading.reasons == ("A new lesion: M07 (new).",)
    assert judge_lesion(RANO_BM, lesion(None, 3.0)).category is Category.NEW


def test_what_is_not_summed_can_progress_too() -> None:
    small = lesion(9.0, 31.0, target=False, name="M02")
    for summed, others in (([lesion(15.0, 15.0)], [small]), ([lesion(15.0, 9.0)], [small]), ([], [small])):
        reading = judge_patient(RANO_BM, [*summed, *others])
        assert reading.category is Category.PD and reading.reasons == ("Unequivocal progression of non-target lesions: M02.",)
    assert judge_patient(RANO_BM, [lesion(15.0, 9.0), lesion(9.0, 13.9, target=False)]).category is Category.PR  # less than 5 mm


def test_what_cannot_be_judged_is_neither_gone_nor_new_nor_summed() -> None:
    unseen = lesion(40.0, None, name="M02"), lesion(None, 9.0, name="M03")
    gone, new = (replace(one, undecided="not in view") for one in unseen)
    for profile in (RANO_BM, VOLUMETRIC):
        assert judge_lesion(profile, gone).category is judge_lesion(profile, new).category is Category.NE
        reading = judge_patient(profile, [lesion(20.0, 20.0), gone, new])
        assert (reading.category, reading.baseline_sum, reading.targets) == (Category.SD, 20.0, ("M01",))
        assert reading.reasons[1:] == ("Not judged: M02 (not in view).", "Not judged: M03 (not in view).")
        assert judge_patient(profile, [gone]).category is Category.NE
        assert judge_patient(profile, [lesion(20.0, None), gone]).category is Category.PR, "no complete response"
        assert judge_patient(profile, [lesion(20.0, 40.0), gone]).category is Category.PD


def test_complete_response_needs_every_lesion_gone() -> None:
    assert judge_patient(RANO_BM, [lesion(12.0, None), lesion(6.0, None, target=False)]).category is Category.CR
    left = judge_patient(RANO_BM, [lesion(12.0, None), lesion(6.0, 6.0, target=False, name="M02")])
    assert left.category is Category.PR and "M02" in left.reasons[0]


def test_nothing_measurable_and_nothing_at_all() -> None:
    small = judge_patient(RANO_BM, [lesion(6.0, 6.0, target=False)])
    assert small.category is Category.NE and "measurable" in small.reasons[0]
    assert judge_patient(RANO_BM, [lesion(6.0, None, target=False)]).category is Category.CR
    assert judge_patient(RANO_BM, []).category is Category.NE
    assert judge_patient(VOLUMETRIC, [lesion(None, 1.0)]).category is Category.PD


@pytest.mark.parametrize(
    ("baseline", "follow_up", "category"),
    [
        (1.0, 1.728, Category.PD),
        (1.0, 1.727, Category.SD),
        (1.0, 0.343, Category.PR),
        (1.0, 0.344, Category.SD),
        (1.0, 0.0, Category.CR),
        (1.0, None, Category.CR),
    ],
)
def test_volumetric_thresholds(baseline: float, follow_up: float | None, category: Category) -> None:
    one = lesion(baseline, follow_up, spread=0.1)
    assert judge_patient(VOLUMETRIC, [one]).category is category
    assert judge_lesion(VOLUMETRIC, one).category is category


def test_volumetric_change_within_half_a_voxel_does_not_count() -> None:
    tiny_grown, tiny_shrunk = lesion(0.010, 0.020, spread=1.5), lesion(0.020, 0.005, spread=0.9)
    for one in (tiny_grown, tiny_shrunk):
        assert judge_lesion(VOLUMETRIC, one).category is Category.SD
        assert "half a voxel" in judge_lesion(VOLUMETRIC, one).reasons[0]
        reading = judge_patient(VOLUMETRIC, [one])
        assert reading.category is Category.SD and "half a voxel" in reading.reasons[0]
    assert judge_patient(VOLUMETRIC, [tiny_grown, lesion(1.0, 2.0, spread=0.1)]).category is Category.PD


def test_wholly_necrotic_lesions_give_no_change_by_volume() -> None:
    assert judge_lesion(VOLUMETRIC, lesion(0.0, 1.0)).category is Category.NE
    assert judge_lesion(VOLUMETRIC, lesion(0.0, 0.0)).category is Category.NE
    assert judge_lesion(VOLUMETRIC, lesion(1.0, 0.0)).category is Category.CR


@given(
    st.lists(st.tuples(st.floats(10.0, 60.0), st.floats(0.1, 90.0)), min_size=1, max_size=5),
    st.floats(1.0, 3.0),
)
def test_more_tumour_is_never_a_better_category(sizes: list[tuple[float, float]], factor: float) -> None:
    order = [Category.CR, Category.PR, Category.SD, Category.PD]
    now = judge_patient(RANO_BM, [lesion(before, after) for before, after in sizes])
    more = judge_patient(RANO_BM, [lesion(before, after * factor) for before, after in sizes])
    assert order.index(more.category) >= order.index(now.category)
    assert all(reason.endswith(".") for reason in now.reasons)


@pytest.mark.parametrize(
    ("before", "after", "fate"),
    [
        (1.0, 1.41, Fate.GROWN),
        (1.0, 1.39, Fate.UNCHANGED),
        (1.41, 1.0, Fate.SHRUNK),
        (1.39, 1.0, Fate.UNCHANGED),
        (1.0, 0.0, Fate.SHRUNK),
        (0.004, 0.007, Fate.UNCHANGED),  # 4 → 7 voxels of 1 mm³: chance
        (0.004, 0.010, Fate.GROWN),
    ],
)
def test_names_of_change(before: float, after: float, fate: Fate) -> None:
    assert fate_of(MatchKind.ONE_TO_ONE, before, after, 0.001, 0.001) is fate


def test_names_of_change_that_tracking_knows() -> None:
    for kind in (MatchKind.SPLIT, MatchKind.MERGED, MatchKind.VANISHED, MatchKind.NEW):
        assert fate_of(kind, 1.0, 1.0, 0.001, 0.001).value == kind.value
