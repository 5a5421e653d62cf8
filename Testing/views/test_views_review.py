"""What a person sees after a review: asserted on colours at known places in real offscreen views."""

from typing import Any

import numpy as np
import pytest

from drawn_heads import BALLS, GRIDS, draw_finding, draw_head

pytest.importorskip("slicer")


@pytest.fixture
def reviewed(scene: Any) -> Any:
    from BrainMetsAILib.scene.layout import show_for_file
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.volumes import add_volume

    def make(grid: str) -> Any:
        nodes = write_review(add_volume(draw_head(GRIDS[grid]), "Baseline T1c"), draw_finding(GRIDS[grid]))
        show_for_file(nodes)
        return nodes

    return make


def _is_grey(colour: np.ndarray) -> bool:
    return int(np.ptp(colour.astype(int))) <= 6


@pytest.mark.parametrize("grid", ["plain", "left-handed oblique", "sagittal anisotropic"])
def test_outline_lies_on_the_balls_edge_in_every_plane(reviewed: Any, grid: str) -> None:
    from offscreen_views import SliceView

    nodes = reviewed(grid)
    for composite in _composites():
        composite.SetForegroundOpacity(0.0)
    nodes.segmentation.GetDisplayNode().SetOpacity2DFill(0.0)
    ball = BALLS[1]
    expected = np.array(nodes.segmentation.GetSegmentation().GetNthSegment(1).GetColor()) * 255
    spacing = max(GRIDS[grid].GetSpacing())
    for name in ("Red", "Yellow", "Green"):
        view = SliceView(name)
        view.jump(ball.centre, 40.0)
        picture = view.colours()
        row, column = view.pixel(ball.centre)
        assert _is_grey(picture[row, column]) and picture[row, column, 0] > 150, "the ball is bright and not covered"
        coloured = np.argwhere(np.abs(picture.astype(int) - expected).max(axis=2) < 40)
        assert len(coloured) > 100, f"no outline in {name}"
        radius_mm = np.hypot(*(coloured - (row, column)).T) * 40.0 / 500
        assert abs(np.median(radius_mm) - ball.radius_mm) < 0.75 * spacing


def test_heat_shows_over_the_lesion_and_nowhere_else(reviewed: Any) -> None:
    from offscreen_views import SliceView

    reviewed("plain")
    view = SliceView("Red")
    view.jump(BALLS[1].centre, 60.0)
    over = view.colours()
    inside = over[view.pixel(BALLS[1].centre)]
    outside_place = (BALLS[1].centre[0] + 18.0, *BALLS[1].centre[1:])
    assert int(inside[0]) - int(inside[2]) > 20, "warm colours over the lesion"
    assert _is_grey(over[view.pixel(outside_place)]), "probability below the display threshold is not drawn"


def test_necrosis_is_filled_in_its_own_colour(reviewed: Any) -> None:
    from offscreen_views import SliceView

    nodes = reviewed("plain")
    for composite in _composites():
        composite.SetForegroundOpacity(0.0)
    nodes.segmentation.GetDisplayNode().SetOpacity2DFill(0.6)
    view = SliceView("Red")
    view.jump(BALLS[0].centre, 40.0)
    picture = view.colours().astype(int)
    core = picture[view.pixel(BALLS[0].centre)]
    rim = picture[view.pixel((BALLS[0].centre[0] + 6.5, *BALLS[0].centre[1:]))]
    assert core[2] > core[0] + 20, "the core is bluish"
    assert rim[0] > rim[2] + 20, "the rim has the lesion's colour"


def test_air_is_black_brain_is_grey_and_lesion_is_not_clipped_away(reviewed: Any) -> None:
    from offscreen_views import SliceView

    nodes = reviewed("plain")
    for composite in _composites():
        composite.SetForegroundOpacity(0.0)
    nodes.segmentation.GetDisplayNode().SetVisibility(False)
    view = SliceView("Red")
    view.jump((0.0, 0.0, BALLS[1].centre[2]), 125.0)
    picture = view.colours()
    corner = picture[view.pixel((50.0, 60.0, BALLS[1].centre[2]))]
    brain = picture[view.pixel((20.0, -20.0, BALLS[1].centre[2]))]
    lesion = picture[view.pixel(BALLS[1].centre)]
    assert corner[0] < 10
    assert 60 < brain[0] < 170
    assert lesion[0] > 220


def test_three_d_view_shows_every_lesion_in_its_colour(reviewed: Any) -> None:
    from offscreen_views import ThreeDView

    nodes = reviewed("oblique")
    picture = ThreeDView().colours().astype(float)
    for index in range(3):
        colour = np.array(nodes.segmentation.GetSegmentation().GetNthSegment(index).GetColor())
        # Shading scales a colour and keeps its direction.
        direction = picture / np.maximum(np.linalg.norm(picture, axis=2, keepdims=True), 1)
        alike = direction @ (colour / np.linalg.norm(colour)) > 0.985
        assert np.count_nonzero(alike & (picture.max(axis=2) > 60)) > 80


def _composites() -> list[Any]:
    import slicer

    return list(slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"))
