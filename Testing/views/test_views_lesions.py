"""What a person sees of the selected lesion: its diameters as lines, its neighbours dimmed, candidates below the score not at all."""

from typing import Any

import numpy as np
import pytest

from drawn_heads import BALLS, Ball
from reviewed_scene import reviewed, segment, uids

pytest.importorskip("slicer")

NEIGHBOUR = Ball((8.0, 12.0, 14.0), 5.0)


@pytest.fixture
def segmentation(scene: Any) -> Any:
    import slicer

    from BrainMetsAILib.scene.layout import show_review

    nodes = reviewed(balls=(*BALLS, NEIGHBOUR))
    show_review(nodes, probability_opacity=0.0)
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        composite.SetForegroundOpacity(0.0)
    return nodes.segmentation


def coloured(picture: np.ndarray, colour: Any, tolerance: int = 40) -> np.ndarray:
    """[row, column] of the pixels of a colour (RGB from 0 to 1)."""
    return np.argwhere(np.abs(picture.astype(int) - np.array(colour) * 255).max(axis=2) < tolerance)


def test_diameters_run_from_end_to_end_in_the_axial_view_only(segmentation: Any) -> None:
    from BrainMetsAILib.scene.diameter_lines import DiameterLines, diameter_node
    from BrainMetsAILib.scene.focus import focus_lesion
    from BrainMetsAILib.scene.segments import read_lesion_list, segment_of
    from offscreen_views import SliceView

    views = {name: SliceView(name) for name in ("Red", "Yellow", "Green")}
    lesion = read_lesion_list(segmentation)[0]
    pair = lesion.measurements.whole
    lines = DiameterLines(lambda *_: None)
    lines.prepare()
    focus_lesion(segmentation, segment_of(segmentation, lesion.lesion_uid) or "", pair)
    without = {name: view.colours() for name, view in views.items()}
    lines.show(segmentation, pair)
    for name, ends in (("longest", pair.longest_ends_ras), ("perpendicular", pair.perpendicular_ends_ras)):
        colour = diameter_node(name).GetDisplayNode().GetSelectedColor()
        found = coloured(views["Red"].colours(), colour, 60)
        assert len(found) > 50
        for end in ends:
            nearest = np.linalg.norm(found - np.array(views["Red"].pixel(end)), axis=1).min()
            assert nearest < 4, f"the {name} diameter reaches its end"
    for other in ("Yellow", "Green"):
        changed = np.abs(views[other].colours().astype(int) - without[other]).max(axis=2) > 20
        assert changed.sum() < 60, "there lines would only be seen from their sides"
    lines.hide()
    np.testing.assert_array_equal(views["Red"].colours(), without["Red"])


def test_neighbours_are_dimmed_and_bright_again(segmentation: Any) -> None:
    from BrainMetsAILib.scene.focus import focus_lesion, unfocus
    from BrainMetsAILib.scene.segments import read_lesion_list, segment_of
    from offscreen_views import SliceView

    view = SliceView("Red")
    lesion = read_lesion_list(segmentation)[0]
    colour = segment(segmentation, uids(segmentation)[3]).GetColor()
    focus_lesion(segmentation, segment_of(segmentation, lesion.lesion_uid) or "", lesion.measurements.whole)
    assert len(coloured(view.colours(), colour)) == 0
    unfocus(segmentation)
    assert len(coloured(view.colours(), colour)) > 60


def test_candidates_below_the_score_and_rejected_lesions_are_not_seen(segmentation: Any) -> None:
    from BrainMetsAILib.scene.decisions import decide
    from BrainMetsAILib.scene.history import NoHistory
    from BrainMetsAILib.scene.visibility import set_least_score
    from offscreen_views import SliceView

    view = SliceView("Red")
    view.jump(NEIGHBOUR.centre, 60.0)  # scores: 0.9, …, 0.6 the neighbour's
    first, neighbour = (segment(segmentation, uids(segmentation)[place]).GetColor() for place in (0, 3))
    assert len(coloured(view.colours(), neighbour)) > 60 and len(coloured(view.colours(), first)) > 60
    set_least_score(0.65)
    assert len(coloured(view.colours(), neighbour)) == 0 and len(coloured(view.colours(), first)) > 60
    set_least_score(0.0)
    decide(segmentation, uids(segmentation)[:1], "rejected", NoHistory())
    assert len(coloured(view.colours(), neighbour)) > 60 and len(coloured(view.colours(), first)) == 0
