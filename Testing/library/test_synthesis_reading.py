"""How a reading is scored and timed: readers whose result is known beforehand."""

import numpy as np
import pytest

from BrainMetsAILib.images.geometry import array_of, image_like
from BrainMetsAILib.lesions.sizes import SIZE_BINS
from BrainMetsAILib.synthesis.reading import FALSE_CALL, FOUND, MISSED, Reading, score_reading
from BrainMetsAILib.synthesis.reading_clock import IDLE_AFTER_S, ReadingClock, ticked
from drawn_heads import Ball
from reading_cases import ELSEWHERE, TRUE_BALLS, examination, outlines

CASE = examination()


def read(*pieces: tuple[Ball, ...]) -> Reading:
    return score_reading(outlines(CASE.image, pieces), CASE.labels, CASE.truth)


def test_perfect_reader() -> None:
    reading = read(*((ball,) for ball in TRUE_BALLS))
    assert [outcome.result for outcome in reading.outcomes] == [FOUND] * 4
    assert [outcome.true_name for outcome in reading.outcomes] == ["T01", "T02", "T03", "T04"]
    assert reading.mean_dice == 1.0 and reading.mean_volume_error == pytest.approx(0.0, abs=1e-9)
    assert [reading.counted(size) for size in SIZE_BINS] == [(0, 0), (0, 0), (2, 2), (2, 2)]
    for outcome, ball in zip(reading.outcomes, TRUE_BALLS, strict=True):
        assert outcome.true_ml == pytest.approx(4.18879e-3 * ball.radius_mm**3, rel=0.1)


def test_empty_reader() -> None:
    reading = read()
    assert [outcome.result for outcome in reading.outcomes] == [MISSED] * 4
    assert reading.counted() == (0, 4)
    assert reading.mean_dice is None and reading.mean_volume_error is None


def test_one_false_call() -> None:
    reading = read((TRUE_BALLS[0],), (ELSEWHERE,))
    (false,) = reading.of(FALSE_CALL)
    assert (false.name, false.true_number, false.true_ml) == ("M02", 0, 0.0)
    assert false.diameter_mm == pytest.approx(2 * ELSEWHERE.radius_mm, rel=0.05)
    assert len(reading.of(FOUND)) == 1 and len(reading.of(MISSED)) == 3


def test_merged_outline_counts_for_one_lesion_only() -> None:
    reading = read((TRUE_BALLS[2], TRUE_BALLS[3]))
    (found,) = reading.of(FOUND)
    assert found.true_name == "T03", "the larger one overlaps more"
    assert "T04" in [outcome.true_name for outcome in reading.of(MISSED)] and not reading.of(FALSE_CALL)
    volumes = [outcome.true_ml for outcome in reading.outcomes[2:4]]
    assert found.volume_error == pytest.approx(volumes[1] / volumes[0])
    assert found.dice == pytest.approx(2 * volumes[0] / (2 * volumes[0] + volumes[1]))


def test_two_outlines_in_one_lesion_are_one_hit_and_one_false_call() -> None:
    x, y, z = TRUE_BALLS[0].centre
    reading = read((Ball((x - 5, y, z), 4.0),), (Ball((x + 4, y, z), 4.8),))
    assert [outcome.name for outcome in reading.of(FOUND)] == ["M02"], "the one that overlaps more"
    assert len(reading.of(FALSE_CALL)) == 1


def test_overlap_below_a_tenth_is_a_miss_and_a_false_call() -> None:
    (x, y, z), radius = TRUE_BALLS[1].centre, TRUE_BALLS[1].radius_mm
    reading = read((Ball((x + 1.6 * radius, y, z), radius),))
    assert len(reading.of(FALSE_CALL)) == 1 and not reading.of(FOUND)


def test_lesion_without_a_voxel_does_not_count() -> None:
    labels = np.where(array_of(CASE.labels) == 4, 0, array_of(CASE.labels)).astype(np.uint16)
    reading = score_reading(outlines(CASE.image, ()), image_like(labels, CASE.labels), CASE.truth)
    assert [outcome.true_number for outcome in reading.outcomes] == [1, 2, 3]


def test_clock_counts_while_somebody_is_there() -> None:
    clock = ReadingClock(10.0, 1000.0)
    for second in range(1, 61):
        clock = ticked(clock, 1000.0 + second, alive=True)
    assert clock.seconds == pytest.approx(70.0) and not clock.idle


def test_clock_stands_still_after_two_quiet_minutes_and_goes_on_with_a_sign_of_life() -> None:
    clock = ReadingClock(0.0, 0.0)
    for second in range(1, 601):
        clock = ticked(clock, float(second), alive=False)
    assert clock.seconds == pytest.approx(IDLE_AFTER_S) and clock.idle
    clock = ticked(clock, 601.0, alive=True)
    clock = ticked(clock, 603.0, alive=False)
    assert clock.seconds == pytest.approx(IDLE_AFTER_S + 2.0) and not clock.idle


def test_a_sleeping_machine_counts_two_minutes_at_most_and_time_never_goes_back() -> None:
    clock = ticked(ReadingClock(5.0, 0.0), 8 * 3600.0, alive=True)
    assert clock.seconds == pytest.approx(5.0 + IDLE_AFTER_S)
    assert ticked(clock, 0.0, alive=True).seconds == clock.seconds
