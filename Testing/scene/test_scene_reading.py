"""Reading layouts and overlays as state of the scene: right volumes in right views, linked, and the same after a scene file."""

from pathlib import Path
from typing import Any

import pytest

from BrainMetsAILib.images.examination import Role
from drawn_heads import GRIDS, draw_finding, draw_head

pytest.importorskip("slicer")

SEQUENCES = {Role.T1C: "t1c", Role.T1N: "t1n", Role.T2W: "t2w", Role.T2F: "flair"}


@pytest.fixture
def case(scene: Any) -> dict[Role, Any]:
    """A volume for every role."""
    from BrainMetsAILib.scene.case_volumes import choose_volume
    from BrainMetsAILib.scene.volumes import add_volume

    nodes = {}
    for seed, (role, name) in enumerate(SEQUENCES.items()):
        nodes[role] = add_volume(draw_head(GRIDS["plain"], seed=seed), name)
        choose_volume(role, nodes[role])
    return nodes


@pytest.fixture
def review(case: dict[Role, Any]) -> Any:
    from BrainMetsAILib.scene.layout import show_review
    from BrainMetsAILib.scene.review import write_review

    nodes = write_review(case[Role.T1C], draw_finding(GRIDS["plain"]))
    show_review(nodes)
    return nodes


def background(name: str) -> str:
    from BrainMetsAILib.scene.slice_views import composite_node

    node = slicer_node(composite_node(name).GetBackgroundVolumeID())
    return str(node.GetName()) if node is not None else ""


def slicer_node(node_id: str | None) -> Any:
    import slicer

    return slicer.mrmlScene.GetNodeByID(node_id or "")


def test_each_sequence_has_a_view_of_its_own_and_they_are_linked(case: dict[Role, Any]) -> None:
    import slicer

    from BrainMetsAILib.scene.reading_layouts import GROUP, apply_layout, shown_layout
    from BrainMetsAILib.scene.slice_views import COLUMNS, composite_node, slice_node

    apply_layout("sequences")
    assert shown_layout() == "sequences"
    assert [background(name) for name in COLUMNS] == list(SEQUENCES.values())
    assert [slice_node(name).GetLayoutLabel() for name in COLUMNS] == ["T1c", "T1", "T2", "FLAIR"]
    for name in COLUMNS:
        assert slice_node(name).GetOrientation() == "Axial" and slice_node(name).GetViewGroup() == GROUP
        assert composite_node(name).GetLinkedControl() and composite_node(name).GetHotLinkedControl()
    assert slice_node("Red").GetViewGroup() != GROUP, "the standard views are left alone"
    apply_layout("axial")
    assert shown_layout() == "axial" and background("Red") == "t1c"
    apply_layout("planes")
    assert shown_layout() == "planes"
    layout = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    assert layout.GetViewArrangement() == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView


def test_two_sequences_take_two_views_and_one_cannot_be_compared(case: dict[Role, Any]) -> None:
    from BrainMetsAILib.scene.case_volumes import choose_volume
    from BrainMetsAILib.scene.reading_layouts import apply_layout, sequences, shown_layout
    from BrainMetsAILib.scene.slice_views import slice_node

    choose_volume(Role.T1N, None)
    choose_volume(Role.T2W, None)
    apply_layout("sequences")
    assert [node.GetName() for node in sequences()] == ["t1c", "flair"]
    assert background("BrainMetsAI1") == "t1c" and background("BrainMetsAI2") == "flair" and slice_node("BrainMetsAI3") is None
    choose_volume(Role.T2F, None)
    with pytest.raises(ValueError, match="no other sequence"):
        apply_layout("sequences")
    assert shown_layout() == "sequences", "nothing changed"


def test_a_lesion_click_moves_every_view_and_leaves_the_sequences_in_them(case: dict[Role, Any], review: Any) -> None:
    import slicer

    from BrainMetsAILib.scene.layout import segment_centre, show_lesion, show_review
    from BrainMetsAILib.scene.reading_layouts import apply_layout, fit_views, place_of_views
    from BrainMetsAILib.scene.segments import lesion_segment_ids
    from BrainMetsAILib.scene.slice_views import COLUMNS, composite_node, slice_node

    apply_layout("sequences")
    show_review(review)
    assert [background(name) for name in COLUMNS] == list(SEQUENCES.values())
    for name in COLUMNS:
        assert slicer_node(composite_node(name).GetForegroundVolumeID()) is review.probability
    legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(review.probability)
    assert [legend.IsDisplayableInView(slice_node(name).GetID()) for name in ("Red", *COLUMNS[:2])] == [True, True, False]
    lesion = lesion_segment_ids(review.segmentation)[2]
    centre = segment_centre(review.segmentation, lesion)
    show_lesion(review.segmentation, lesion)
    for name in (*COLUMNS, "Red"):
        assert slice_node(name).GetSliceToRAS().GetElement(2, 3) == pytest.approx(centre[2], abs=1e-3)
    place = place_of_views()
    assert place == pytest.approx(centre, abs=1e-3)
    apply_layout("axial")
    fit_views(place)
    assert slice_node("Red").GetSliceToRAS().GetElement(2, 3) == pytest.approx(centre[2], abs=1e-3), "the place is kept"


def test_sequences_show_the_same_part_though_their_fields_of_view_differ(case: dict[Role, Any]) -> None:
    from BrainMetsAILib.scene.case_volumes import choose_volume
    from BrainMetsAILib.scene.reading_layouts import apply_layout, fit_views
    from BrainMetsAILib.scene.slice_views import COLUMNS, slice_node
    from BrainMetsAILib.scene.volumes import add_volume

    whole = draw_head(GRIDS["plain"])
    choose_volume(Role.T2F, add_volume(whole[20:60, 10:70, :], "cropped flair"))
    apply_layout("sequences")
    slice_node(COLUMNS[0]).SetFieldOfView(90.0, 90.0, 1.0)
    fit_views((5.0, 0.0, 7.0))
    heights = [slice_node(name).GetFieldOfView()[1] for name in COLUMNS]
    assert heights == pytest.approx([heights[0]] * 4)
    for name in COLUMNS:
        matrix, first = slice_node(name).GetSliceToRAS(), slice_node(COLUMNS[0]).GetSliceToRAS()
        assert [matrix.GetElement(row, 3) for row in range(3)] == pytest.approx([first.GetElement(row, 3) for row in range(3)])
        assert matrix.GetElement(2, 3) == pytest.approx(7.0)


def test_the_slab_is_the_axial_views_own(case: dict[Role, Any]) -> None:
    from BrainMetsAILib.scene.reading_layouts import apply_layout, set_slab, slab_mm
    from BrainMetsAILib.scene.slice_views import slice_node

    assert slab_mm() == 0
    set_slab(10.0)
    apply_layout("sequences")
    set_slab(slab_mm())
    for name in ("Red", "BrainMetsAI1", "BrainMetsAI4"):
        node = slice_node(name)
        assert node.GetSlabReconstructionEnabled() and node.GetSlabReconstructionThickness() == 10
        assert node.GetSlabReconstructionTypeAsString(node.GetSlabReconstructionType()) == "Max"
    assert not slice_node("Green").GetSlabReconstructionEnabled()
    set_slab(99.0)
    assert slab_mm() == 15
    set_slab(0.0)
    assert slab_mm() == 0 and not slice_node("BrainMetsAI1").GetSlabReconstructionEnabled()


def test_a_scene_file_brings_layout_slab_and_overlay_back(case: dict[Role, Any], review: Any, tmp_path: Path) -> None:
    import slicer

    from BrainMetsAILib.scene import overlays
    from BrainMetsAILib.scene.case_volumes import chosen_volume, reason_of
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb
    from BrainMetsAILib.scene.reading_layouts import GROUP, apply_layout, fill_views, register_layouts, set_slab, shown_layout, slab_mm
    from BrainMetsAILib.scene.review import reviews
    from BrainMetsAILib.scene.slice_views import COLUMNS, composite_node, slice_node

    apply_layout("sequences")
    set_slab(8.0)
    overlays.set_opacity(review.segmentation, 0.6)
    overlays.set_threshold(review.segmentation, 0.4)
    overlays.choose_overlay(review.segmentation, "necrosis")
    overlays.set_legend(review.segmentation, False)
    save_mrb(tmp_path / "scene.mrb")
    slicer.mrmlScene.Clear(False)
    load_mrb(tmp_path / "scene.mrb")
    register_layouts()
    fill_views()
    (segmentation,) = reviews()
    assert shown_layout() == "sequences" and slab_mm() == 8
    assert {role: chosen_volume(role).GetName() for role in SEQUENCES} == SEQUENCES and reason_of(Role.T2W) == "you chose it"
    shown = overlays.shown_overlay(segmentation)
    assert shown is not None and shown.key == "necrosis" and overlays.opacity() == 0.6 and not overlays.legend_wanted()
    for name, title in zip(COLUMNS, SEQUENCES.values(), strict=True):
        assert background(name) == title and slice_node(name).GetViewGroup() == GROUP
        composite = composite_node(name)
        assert slicer_node(composite.GetForegroundVolumeID()) is overlays.overlay_map(segmentation)
        assert composite.GetForegroundOpacity() == pytest.approx(0.6)
    overlays.choose_overlay(segmentation, "probability")
    assert overlays.threshold(segmentation) == pytest.approx(0.4)


def test_overlays_without_a_map_are_not_offered(case: dict[Role, Any], review: Any) -> None:
    import slicer

    from BrainMetsAILib.scene import overlays

    assert [overlay.key for overlay in overlays.offered(review.segmentation)] == ["probability", "necrosis"]
    slicer.mrmlScene.RemoveNode(review.necrosis_probability)
    assert [overlay.key for overlay in overlays.offered(review.segmentation)] == ["probability"]
    slicer.mrmlScene.RemoveNode(review.probability)
    assert overlays.offered(review.segmentation) == [] and overlays.offered(None) == []
    overlays.toggle_overlay(review.segmentation)  # nothing to show, nothing happens
    assert overlays.shown_overlay(review.segmentation) is None and overlays.threshold(review.segmentation) == 0


def test_a_deleted_colour_table_comes_back(case: dict[Role, Any], review: Any) -> None:
    import slicer

    from BrainMetsAILib.scene import overlays
    from BrainMetsAILib.scene.volumes import COLOURS_ATTRIBUTE

    slicer.mrmlScene.RemoveNode(review.probability.GetDisplayNode().GetColorNode())
    assert review.probability.GetDisplayNode().GetColorNode() is None
    overlays.show_overlay(review.segmentation)
    assert review.probability.GetDisplayNode().GetColorNode().GetAttribute(COLOURS_ATTRIBUTE)


def test_toggling_takes_the_overlay_off_and_puts_the_same_one_back(case: dict[Role, Any], review: Any) -> None:
    import slicer

    from BrainMetsAILib.scene import overlays
    from BrainMetsAILib.scene.layout import show_review
    from BrainMetsAILib.scene.log import read_log
    from BrainMetsAILib.scene.slice_views import composite_node

    legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(review.probability)
    assert legend.GetVisibility() and legend.GetSize() == pytest.approx((0.08, 0.4))
    overlays.choose_overlay(review.segmentation, "necrosis")
    assert not legend.GetVisibility()
    overlays.toggle_overlay(review.segmentation)
    assert composite_node("Red").GetForegroundVolumeID() is None
    show_review(review)
    assert composite_node("Red").GetForegroundVolumeID() is None, "what a person took off stays off"
    overlays.toggle_overlay(review.segmentation)
    assert slicer_node(composite_node("Red").GetForegroundVolumeID()) is review.necrosis_probability
    assert [entry["shown"] for entry in read_log() if entry["event"] == "overlay"] == ["necrosis", "none", "necrosis"]


def test_an_overlay_keeps_to_its_own_examination(case: dict[Role, Any], review: Any) -> None:
    from BrainMetsAILib.scene import overlays
    from BrainMetsAILib.scene.layout import show_pair
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.slice_views import composite_node
    from BrainMetsAILib.scene.volumes import add_volume

    other = write_review(add_volume(draw_head(GRIDS["plain"], seed=9), "follow-up"), draw_finding(GRIDS["plain"]))
    show_pair(review, other)
    overlays.toggle_overlay(review.segmentation)
    overlays.toggle_overlay(review.segmentation)
    assert slicer_node(composite_node("Red").GetForegroundVolumeID()) is review.probability
    assert slicer_node(composite_node("Red+").GetForegroundVolumeID()) is other.probability


def test_a_comparison_gives_way_to_the_layout_from_before(case: dict[Role, Any], review: Any) -> None:
    from BrainMetsAILib.scene.layout import show_pair
    from BrainMetsAILib.scene.reading_layouts import apply_layout, comparison_shown, leave_comparison, remember_layout, shown_layout
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.volumes import add_volume

    other = write_review(add_volume(draw_head(GRIDS["plain"], seed=9), "follow-up"), draw_finding(GRIDS["plain"]))
    apply_layout("axial")
    remember_layout()
    assert not leave_comparison() and shown_layout() == "axial"
    show_pair(review, other)
    assert comparison_shown() and shown_layout() == ""
    remember_layout()  # leaving while the comparison is on must not make it the one to come back to
    assert leave_comparison() and shown_layout() == "axial"
    from BrainMetsAILib.scene.layout import show_review

    show_review(review)
    show_review(other)
    assert not comparison_shown()


def test_the_lesions_of_the_other_examination_are_not_drawn_over_this_one(case: dict[Role, Any], review: Any) -> None:
    from BrainMetsAILib.scene.layout import show_pair, show_review, show_volume
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.volumes import add_volume

    volume = add_volume(draw_head(GRIDS["plain"], seed=9), "follow-up")
    other = write_review(volume, draw_finding(GRIDS["plain"]))

    def seen() -> list[bool]:
        return [bool(nodes.segmentation.GetDisplayNode().GetVisibility()) for nodes in (review, other)]

    show_review(review)
    assert seen() == [True, False]
    show_review(other)
    assert seen() == [False, True]
    show_pair(review, other)
    assert seen() == [True, True], "each in its own row of views"
    show_volume(add_volume(draw_head(GRIDS["plain"], seed=10), "another"))
    assert seen() == [False, False]


def test_an_examination_is_drawn_once_when_it_is_shown(case: dict[Role, Any], review: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change of a view draws it anew unless drawing is paused: 0.5 s instead of 0.15 s in the desktop."""
    import slicer

    from BrainMetsAILib.scene.layout import show_review, show_volume
    from BrainMetsAILib.scene.slice_views import composite_node

    pauses, seen = [0], []
    monkeypatch.setattr(slicer.app, "pauseRender", lambda: pauses.append(pauses[-1] + 1), raising=False)
    monkeypatch.setattr(slicer.app, "resumeRender", lambda: pauses.append(pauses[-1] - 1), raising=False)
    composite = composite_node("Red")
    number = composite.AddObserver("ModifiedEvent", lambda caller, event: seen.append(pauses[-1]))
    for show in (lambda: show_volume(review.volume), lambda: show_review(review)):
        seen.clear()
        show()
        assert seen and min(seen) > 0, "drawn between two changes"
        assert pauses[-1] == 0, "drawing stays paused"
    composite.RemoveObserver(number)
