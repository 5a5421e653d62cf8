"""What a person sees in the reading layouts and under the overlay: colours at known places in real offscreen views."""

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from BrainMetsAILib.images.examination import Role
from BrainMetsAILib.images.geometry import array_of, image_like
from drawn_heads import BALLS, GRIDS, draw_finding, draw_head

pytest.importorskip("slicer")

BALL = BALLS[1]  # no core, 6 mm


@pytest.fixture
def case(scene: Any) -> Any:
    """T1c with bright balls, FLAIR with the same head in reverse, and the finding."""
    from BrainMetsAILib.scene.case_volumes import choose_volume
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.volumes import add_volume

    head = draw_head(GRIDS["plain"])
    flair = image_like(np.where(array_of(head) > 0, 700.0 - array_of(head), 0).clip(0).astype(np.float32), head)
    choose_volume(Role.T1C, add_volume(head, "t1c"))
    choose_volume(Role.T2F, add_volume(flair, "flair"))
    from BrainMetsAILib.scene.case_volumes import chosen_volume

    return write_review(chosen_volume(), draw_finding(GRIDS["plain"]))


def brightness(view: Any, ras: tuple[float, float, float]) -> float:
    return float(view.colours()[view.pixel(ras)].astype(float).mean())


def is_grey(colour: np.ndarray) -> bool:
    return int(np.ptp(colour.astype(int))) <= 6


@pytest.mark.parametrize("view_slice_mm", [1.0, 1.5, 4.0])
def test_a_slab_is_as_thick_as_it_says(case: Any, view_slice_mm: float) -> None:
    from BrainMetsAILib.scene.reading_layouts import apply_layout, set_slab
    from offscreen_views import SliceView

    case.segmentation.GetDisplayNode().SetVisibility(False)
    apply_layout("axial")
    for composite in _composites():
        composite.SetForegroundOpacity(0.0)
    view = SliceView("Red")
    beside = (BALL.centre[0], BALL.centre[1], BALL.centre[2] + 10.0)  # 4 mm above the ball
    view.node.SetFieldOfView(60.0, 60.0, view_slice_mm)
    view.jump(beside, 60.0)
    tissue = brightness(view, beside)
    assert 60 < tissue < 170
    set_slab(6.0)
    assert brightness(view, beside) == pytest.approx(tissue, abs=35), "3 mm to either side do not reach it"
    set_slab(15.0)
    assert brightness(view, beside) > 220, "7.5 mm do: by its own default Slicer would show half of that"
    view.jump((beside[0], beside[1], beside[2] + 5.0), 60.0)
    assert brightness(view, (beside[0], beside[1], beside[2] + 5.0)) == pytest.approx(tissue, abs=45), "9 mm away it is out of reach"
    view.jump(beside, 60.0)
    set_slab(0.0)
    assert brightness(view, beside) == pytest.approx(tissue, abs=2)


def test_sequences_side_by_side_show_the_same_place(case: Any) -> None:
    from BrainMetsAILib.scene.reading_layouts import apply_layout
    from offscreen_views import SliceView

    case.segmentation.GetDisplayNode().SetVisibility(False)
    apply_layout("sequences")
    for composite in _composites():
        composite.SetForegroundOpacity(0.0)
    left, right = SliceView("BrainMetsAI1", (320, 400)), SliceView("BrainMetsAI2", (320, 400))
    for view in (left, right):
        view.jump(BALL.centre, 60.0)
    beside = (BALL.centre[0] + 15.0, *BALL.centre[1:])
    assert brightness(left, BALL.centre) > brightness(left, beside) + 60, "bright on T1c"
    assert brightness(right, BALL.centre) < brightness(right, beside) - 60, "dark on the other"
    assert left.pixel(beside) == right.pixel(beside)


def test_opacity_threshold_and_toggle_are_seen(case: Any) -> None:
    from BrainMetsAILib.scene import overlays
    from BrainMetsAILib.scene.layout import show_review
    from offscreen_views import SliceView

    show_review(case)
    case.segmentation.GetDisplayNode().SetVisibility(False)
    view = SliceView("Red")
    view.jump(BALL.centre, 60.0)

    def warmth() -> int:
        colour = view.colours()[view.pixel(BALL.centre)].astype(int)
        return int(colour[0] - colour[2])

    faint = warmth()
    overlays.set_opacity(case.segmentation, 0.8)
    assert warmth() > faint + 60
    overlays.set_threshold(case.segmentation, 0.95)  # the drawn map is 0.9 in the ball
    assert warmth() <= 6
    overlays.set_threshold(case.segmentation, 0.5)
    assert warmth() > faint + 60
    overlays.toggle_overlay(case.segmentation)
    assert is_grey(view.colours()[view.pixel(BALL.centre)])
    overlays.toggle_overlay(case.segmentation)
    assert warmth() > faint + 60


def test_the_legend_is_small_and_can_be_taken_away(case: Any) -> None:
    from BrainMetsAILib.scene import overlays
    from BrainMetsAILib.scene.layout import show_review
    from offscreen_views import SliceView

    view = SliceView("Red")  # a legend is drawn in views that are there already
    show_review(case)
    case.segmentation.GetDisplayNode().SetVisibility(False)
    overlays.set_threshold(case.segmentation, 0.95)  # only the legend is coloured
    view.jump((0.0, 0.0, BALL.centre[2]), 130.0)

    def coloured() -> float:
        picture = view.colours().astype(int)
        return float(np.mean(picture.max(axis=2) - picture.min(axis=2) > 40))

    assert 0.005 < coloured() < 0.06
    overlays.set_legend(case.segmentation, False)
    assert coloured() == 0
    overlays.set_legend(case.segmentation, True)
    assert coloured() > 0.005


def test_prior_contours_are_drawn_where_they_were(case: Any) -> None:
    import slicer

    from BrainMetsAILib.images.geometry import ijk_to_ras
    from BrainMetsAILib.scene.layout import show_review
    from BrainMetsAILib.scene.prior import take_over
    from BrainMetsAILib.scene.review import review_nodes
    from BrainMetsAILib.scene.segments import lesion_segment_ids
    from BrainMetsAILib.scene.volumes import add_volume, vtk_matrix
    from drawn_heads import distance_mm
    from offscreen_views import SliceView

    place = (5.0, -40.0, 0.0)
    oblique = GRIDS["left-handed oblique"]
    volume = add_volume(sitk.Image(draw_head(GRIDS["plain"])), "other")
    labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "old")
    labels.SetIJKToRASMatrix(vtk_matrix(ijk_to_ras(oblique)))
    slicer.util.updateVolumeFromArray(labels, (distance_mm(oblique, place) < 6.0).astype(np.uint8))
    view = SliceView("Red")
    taken = take_over(labels, volume)
    show_review(review_nodes(taken.segmentation))
    case.segmentation.GetDisplayNode().SetVisibility(False)
    taken.segmentation.GetDisplayNode().SetOpacity2DFill(0.0)
    view.jump(place, 40.0)
    picture = view.colours().astype(int)
    (lesion,) = lesion_segment_ids(taken.segmentation)  # the empty segment Necrosis comes first
    expected = np.array(taken.segmentation.GetSegmentation().GetSegment(lesion).GetColor()) * 255
    outline = np.argwhere(np.abs(picture - expected).max(axis=2) < 40)
    radius_mm = np.hypot(*(outline - view.pixel(place)).T) * 40.0 / 500
    assert len(outline) > 100 and abs(np.median(radius_mm) - 6.0) < 1.2


def _composites() -> list[Any]:
    import slicer

    return list(slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"))
