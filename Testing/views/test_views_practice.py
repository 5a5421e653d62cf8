"""The truth of a practice case in real offscreen views: not a pixel before submission, outlines in their own colour after it."""

from typing import Any

import numpy as np
import pytest

from drawn_heads import GRIDS
from reading_cases import TRUE_BALLS, practice_case, read_by_hand

pytest.importorskip("slicer")


def magenta(picture: np.ndarray) -> np.ndarray:
    """Where a picture has the colour of true outlines: (row, column) of each pixel."""
    red, green, blue = (picture[..., channel].astype(int) for channel in range(3))
    return np.argwhere((red > 200) & (green < 60) & (blue > 200))


@pytest.mark.parametrize("grid", ["plain", "left-handed oblique"])
def test_truth_is_seen_only_after_submission(scene: Any, grid: str) -> None:
    from BrainMetsAILib.scene.layout import show_lesion, show_volume
    from BrainMetsAILib.scene.practice import TRUTH_ROLE, add_practice_case, practice_of, true_segment
    from BrainMetsAILib.scene.practice_reading import reveal, submit
    from offscreen_views import SliceView, ThreeDView

    volume, _follow_up = add_practice_case(practice_case(grid))
    show_volume(volume)
    read_by_hand(volume, ((TRUE_BALLS[0],),), GRIDS[grid])
    practice, ball = practice_of(volume), TRUE_BALLS[1]
    views = [SliceView(name) for name in ("Red", "Yellow", "Green")]
    for view in views:
        view.jump(ball.centre, 40.0)
        picture = view.colours()
        assert picture[view.pixel(ball.centre)].min() > 150, "the lesion itself is there"
        assert len(magenta(picture)) == 0
    assert len(magenta(ThreeDView().colours())) == 0

    submit(practice)
    truth = practice.GetNodeReference(TRUTH_ROLE)
    second = true_segment(truth, 2)
    assert second is not None
    show_lesion(truth, second, 40.0)
    for view in views:
        picture = view.colours()
        edge = magenta(picture)
        assert len(edge) > 100
        radius_mm = np.hypot(*(edge - view.pixel(ball.centre)).T) * 40.0 / 500
        assert abs(np.median(radius_mm) - ball.radius_mm) < 0.75 * max(GRIDS[grid].GetSpacing())
        red, green, blue = picture[view.pixel(ball.centre)].astype(int)
        assert red - green > 15 and blue - green > 15 and green > 120, "missed: lightly filled, and seen through it"

    for view in views:
        view.jump(TRUE_BALLS[0].centre, 40.0)
        red, green, blue = view.colours()[view.pixel(TRUE_BALLS[0].centre)].astype(int)
        assert not (red - green > 15 and blue - green > 15), "found: not filled"
    reveal(practice, False)
    assert len(magenta(views[0].colours())) == 0
