"""What a person sees after edits: outlines at the edge of what was added, necrosis filled in its colour, marks of clicked points."""

from typing import Any

import numpy as np
import pytest

from drawn_heads import GRIDS, Ball, draw_finding, draw_head

pytest.importorskip("slicer")

RING, MISSED = Ball((20.0, 8.0, 10.0), 11.0, 6.0), Ball((-20.0, 15.0, 5.0), 7.0)


@pytest.fixture
def nodes(scene: Any) -> Any:
    from BrainMetsAILib.scene.layout import show_review
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.volumes import add_volume

    image = draw_head(GRIDS["oblique"], (RING, MISSED))
    nodes = write_review(add_volume(image, "T1c"), draw_finding(GRIDS["oblique"], (Ball(RING.centre, RING.radius_mm),)))
    show_review(nodes, probability_opacity=0.0)
    return nodes


def coloured(picture: np.ndarray, colour: tuple[float, float, float]) -> np.ndarray:
    """(n, 2) rows and columns of the pixels of that colour."""
    return np.argwhere(np.abs(picture.astype(int) - np.array(colour) * 255).max(axis=2) < 40)


@pytest.mark.parametrize("name", ["Red", "Yellow", "Green"])
def test_the_outline_of_an_added_lesion_lies_on_its_edge(nodes: Any, name: str) -> None:
    from BrainMetsAILib.scene.edits import add_lesion
    from BrainMetsAILib.scene.history import NoHistory
    from BrainMetsAILib.scene.segments import segment_of
    from offscreen_views import SliceView

    nodes.segmentation.GetDisplayNode().SetOpacity2DFill(0.0)
    view = SliceView(name)
    view.jump(MISSED.centre, 40.0)
    before = view.colours()
    uid = add_lesion(nodes, MISSED.centre, 20.0, NoHistory())
    segment = nodes.segmentation.GetSegmentation().GetSegment(segment_of(nodes.segmentation, uid))
    outline = coloured(view.colours(), segment.GetColor())
    assert len(coloured(before, segment.GetColor())) == 0 and len(outline) > 100
    radius_mm = np.hypot(*(outline - view.pixel(MISSED.centre)).T) * 40.0 / 500
    assert abs(np.median(radius_mm) - MISSED.radius_mm) < 0.75 * max(GRIDS["oblique"].GetSpacing())


def test_filled_necrosis_and_a_split_show(nodes: Any) -> None:
    from BrainMetsAILib.scene.colours import lesion_colour
    from BrainMetsAILib.scene.edits import fill_necrosis, split_along_line
    from BrainMetsAILib.scene.history import NoHistory
    from BrainMetsAILib.scene.segments import read_lesion_list
    from offscreen_views import SliceView

    (ring,) = read_lesion_list(nodes.segmentation)
    nodes.segmentation.GetDisplayNode().SetOpacity2DFill(0.6)
    view = SliceView("Red")
    view.jump(RING.centre, 40.0)
    before = view.colours()[view.pixel(RING.centre)].astype(int)
    fill_necrosis(nodes, ring.lesion_uid, NoHistory())
    after = view.colours()[view.pixel(RING.centre)].astype(int)
    assert before[2] < before[0] and after[2] > after[0] + 20, "the core has turned blue"
    right, left = (tuple(np.add(RING.centre, (shift, 0.0, 0.0))) for shift in (8.0, -8.0))
    line = [tuple(np.add(RING.centre, (0.0, shift, 0.0))) for shift in (-9.0, 9.0)]
    split_along_line(nodes.segmentation, ring.lesion_uid, line, (0.0, 0.0, 1.0), NoHistory())
    picture = view.colours().astype(float)
    sides = [picture[view.pixel(place)] for place in (right, left)]
    wanted = [np.array(lesion_colour(number)) for number in (1, 2)]
    likeness = [[float(side @ colour / np.linalg.norm(side) / np.linalg.norm(colour)) for colour in wanted] for side in sides]
    assert {int(np.argmax(row)) for row in likeness} == {0, 1}, "one colour a side"


def test_clicked_points_are_seen_until_they_are_used(nodes: Any) -> None:
    import slicer

    from BrainMetsAILib.scene.click_points import show_click_points

    show_click_points([RING.centre, MISSED.centre])
    show_click_points([RING.centre, MISSED.centre, (0.0, 0.0, 0.0)])
    (node,) = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    assert node.GetNumberOfControlPoints() == 3 and node.GetNthControlPointLabel(2) == "3"
    np.testing.assert_allclose(node.GetNthControlPointPositionWorld(1), MISSED.centre, atol=1e-9)
    assert node.GetDisplayNode().GetVisibility() and not node.GetSaveWithScene()
    show_click_points([])
    assert not slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
