"""Lesions that are added, split, merged, filled and deleted: each in one step that one undo takes back."""

from typing import Any

import numpy as np
import pytest

from BrainMetsAILib.lesions.refusal import EditRefused
from drawn_heads import Ball
from editing_review import BALLS, EVERY_GRID, LONE, RING, Point, Review, check_invariant, entries, inside

pytest.importorskip("slicer")


@EVERY_GRID
def test_a_lesion_is_added_where_it_is(scene: Any, grid: str) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.edits import add_lesion
    from BrainMetsAILib.scene.segments import LESION_TERMINOLOGY, origin_of

    new = Ball((-18.0, 25.0, 12.0), 6.0)
    review = Review(grid, head=(*BALLS, new))
    before = review.state()
    uid = add_lesion(review.nodes, tuple(np.add(new.centre, (2.0, -1.5, 1.0))), 20.0, review.editor)
    assert review.names() == ["M01", "M02", "M03", "Necrosis", "M04"]
    added, truth = review.mask("M04"), inside(review, new)
    assert 2 * (added & truth).sum() / (added.sum() + truth.sum()) > 0.8
    segment = review.segment("M04")
    assert tags.read_tag(segment, tags.LESION_UID) == uid and tags.read_tag(segment, tags.TRACKING_UID) not in ("", uid)
    assert tags.read_tag(segment, tags.REVIEW) == tags.UNREVIEWED and tags.read_tag(segment, tags.NUMBER) == "4"
    assert origin_of(review.segmentation, review.id("M04")) == "manual"
    assert segment.GetTerminology() == LESION_TERMINOLOGY
    assert {name: review.state()[name] for name in before} == before, "the others are as they were"
    (entry,) = entries("added")
    assert entry["lesion_uid"] == uid and entry["volume_before_ml"] == 0 and entry["volume_after_ml"] > 0.3
    review.editor.undo()
    assert review.state() == before


def test_a_transformed_volume_is_clicked_where_it_is_seen(scene: Any) -> None:
    import slicer

    from BrainMetsAILib.scene.edits import add_lesion, lesion_at

    new = Ball((-18.0, 25.0, 12.0), 6.0)
    review = Review("left-handed", head=(*BALLS, new))
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = np.array([[0, -1, 0, 5], [1, 0, 0, -3], [0, 0, 1, 8], [0, 0, 0, 1]], dtype=float)
    slicer.util.updateTransformMatrixFromArray(transform, matrix)
    for node in (review.nodes.volume, review.segmentation, review.nodes.probability):
        node.SetAndObserveTransformNodeID(transform.GetID())
    seen = (matrix @ [*new.centre, 1.0])[:3]
    uid = add_lesion(review.nodes, tuple(seen), 20.0, review.editor)
    added, truth = review.mask("M04"), inside(review, new)
    assert 2 * (added & truth).sum() / (added.sum() + truth.sum()) > 0.8
    assert lesion_at(review.segmentation, tuple(seen)) == uid
    assert lesion_at(review.segmentation, (0.0, -40.0, 0.0)) == ""


def test_after_a_scene_file_a_left_handed_volume_still_is_clicked_right(scene: Any, tmp_path: Any) -> None:
    from BrainMetsAILib.scene.edits import add_lesion
    from BrainMetsAILib.scene.history import NoHistory
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb
    from BrainMetsAILib.scene.review import review_nodes, reviews
    from BrainMetsAILib.scene.segments import read_lesion_list

    new = Ball((-18.0, 25.0, 12.0), 6.0)
    Review("left-handed", head=(*BALLS, new))
    save_mrb(tmp_path / "scene.mrb")
    load_mrb(tmp_path / "scene.mrb")
    nodes = review_nodes(reviews()[0])
    add_lesion(nodes, new.centre, 20.0, NoHistory())
    lesion = read_lesion_list(nodes.segmentation)[-1]
    assert lesion.name == "M04"
    assert np.linalg.norm(np.subtract(lesion.measurements.centroid_ras, new.centre)) < 0.8
    assert lesion.measurements.volume_ml == pytest.approx(4 / 3 * np.pi * 0.6**3, rel=0.25)


def test_an_added_lesion_is_resized_within_its_own_step(scene: Any) -> None:
    from BrainMetsAILib.scene.edits import add_lesion, resize_added

    new = Ball((-18.0, 25.0, 12.0), 7.0)
    review = Review("plain", head=(*BALLS, new))
    before = review.state()
    uid = add_lesion(review.nodes, new.centre, 20.0, review.editor)
    whole = review.mask("M04").sum()
    resize_added(review.nodes, uid, new.centre, 8.0)
    assert 0 < review.mask("M04").sum() < 0.5 * whole
    resize_added(review.nodes, uid, new.centre, 20.0)
    assert review.mask("M04").sum() == whole and review.uid("M04") == uid
    review.editor.undo()
    assert review.state() == before


@pytest.mark.parametrize(
    ("ras", "sentence"),
    [
        ((0.0, 0.0, 400.0), "outside the volume"),
        ((53.0, 63.0, 0.0), "in air"),
        (RING.centre, "M01 is here already"),
        ((-10.0, -35.0, -10.0), "brighter than its surroundings"),
    ],
)
def test_useless_clicks_change_nothing(scene: Any, ras: Point, sentence: str) -> None:
    from BrainMetsAILib.scene.edits import add_lesion

    review = Review("plain")
    before = review.state()
    with pytest.raises(EditRefused, match=sentence):
        add_lesion(review.nodes, ras, 20.0, review.editor)
    assert review.state() == before and not review.editor.logic.CanUndo() and not entries("added")


def test_growing_stops_at_a_neighbour_and_takes_a_hidden_candidate(scene: Any) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.edits import add_lesion

    touching = Ball((20.0, -6.5, 10.0), 6.0)  # touches the ring, and nobody has found it
    for rejected in (False, True):
        review = Review("plain", balls=(RING, Ball((20.0, -9.0, 10.0), 3.0)), head=(RING, touching))
        ring = review.mask("M01")
        if rejected:
            tags.set_review(review.segment("M02"), tags.REJECTED)
            add_lesion(review.nodes, touching.centre, 20.0, review.editor)
            assert not review.mask("M02").any(), "all of it was taken over"
        else:
            with pytest.raises(EditRefused, match="M02 is here already"):
                add_lesion(review.nodes, (20.0, -9.0, 10.0), 20.0, review.editor)
            add_lesion(review.nodes, (20.0, -4.0, 10.0), 20.0, review.editor)
        np.testing.assert_array_equal(review.mask("M01"), ring)
        check_invariant(review)


def dumb_bell() -> Review:
    """Two balls of 9 and 6 mm that were found as one lesion."""
    return Review("oblique", balls=(Ball((20.0, 0.0, 10.0), 9.0), LONE), head=(Ball((20.0, 0.0, 10.0), 9.0), LONE))


@pytest.mark.parametrize("how", ["middle", "line", "points"])
def test_split(scene: Any, how: str) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.edits import split_along_line, split_by_points, split_in_middle
    from BrainMetsAILib.scene.segments import origin_of

    review = dumb_bell()
    review.stroke("M01", (20.0, 14.0, 10.0), 6.0)
    review.editor.save()
    tags.set_review(review.segment("M01"), tags.ACCEPTED)
    tags.write_tag(review.segment("M01"), tags.MANUAL_DIAMETERS, "drawn across both")
    before, whole, uid = review.state(), review.mask("M01"), review.uid("M01")
    if how == "middle":
        uids = split_in_middle(review.segmentation, uid, review.editor)
    elif how == "line":
        uids = split_along_line(review.segmentation, uid, [(5.0, 8.5, 10.0), (35.0, 8.5, 10.0)], (0.0, 0.0, 1.0), review.editor)
    else:
        uids = split_by_points(review.segmentation, uid, [(20.0, 0.0, 10.0), (20.0, 15.0, 10.0)], review.editor)
    assert uids == [uid, review.uid("M03")] and uids[1] not in ("", uid)
    first, second = review.mask("M01"), review.mask("M03")
    np.testing.assert_array_equal(first | second, whole)
    assert not (first & second).any() and first.sum() > second.sum() > 0
    if how != "middle":  # the larger part is the larger ball
        assert (first & inside(review, Ball((20.0, 0.0, 10.0), 9.0))).sum() > 0.93 * first.sum()
    tracking = [tags.read_tag(review.segment(name), tags.TRACKING_UID) for name in ("M01", "M03")]
    assert tracking[0] == before["M01"][1][tags.TRACKING_UID] != tracking[1]
    assert tags.read_tag(review.segment("M01"), tags.REVIEW) == tags.ACCEPTED
    assert tags.read_tag(review.segment("M03"), tags.REVIEW) == tags.UNREVIEWED
    assert not tags.read_tag(review.segment("M01"), tags.MANUAL_DIAMETERS), "the lines lay across what it was"
    assert [origin_of(review.segmentation, review.id(name)) for name in ("M01", "M03")] == ["AI, edited", "manual"]
    (entry,) = entries("split")
    assert entry["lesion_uid"] == uid
    assert entry["volume_before_ml"] == pytest.approx(entry["volume_after_ml"] + entry["also"][0]["volume_after_ml"], abs=1e-5)
    review.editor.undo()
    assert review.state() == before


def test_split_that_cuts_nothing_changes_nothing(scene: Any) -> None:
    from BrainMetsAILib.scene.edits import split_along_line, split_by_points

    review = dumb_bell()
    before, uid = review.state(), review.uid("M01")
    with pytest.raises(EditRefused, match="does not cut"):
        split_along_line(review.segmentation, uid, [(5.0, 30.0, 10.0), (35.0, 30.0, 10.0)], (0.0, 0.0, 1.0), review.editor)
    with pytest.raises(EditRefused, match="outside the lesion"):
        split_by_points(review.segmentation, uid, [(20.0, 0.0, 10.0), (20.0, 40.0, 10.0)], review.editor)
    assert review.state() == before and not review.editor.logic.CanUndo()


def test_merge_keeps_the_larger_ones_identity(scene: Any) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.edits import merge_lesions
    from BrainMetsAILib.scene.segments import origin_of

    review = Review("left-handed")
    tags.write_tag(review.segment("M01"), tags.MANUAL_DIAMETERS, "drawn across the smaller one")
    before, both, uid = review.state(), review.mask("M01") | review.mask("M02"), review.uid("M01")
    dead = review.mask("Necrosis")
    assert merge_lesions(review.segmentation, [review.uid("M02"), uid], review.editor) == uid
    assert review.names() == ["M01", "M03", "Necrosis"]
    np.testing.assert_array_equal(review.mask("M01"), both)
    np.testing.assert_array_equal(review.mask("Necrosis"), dead)
    assert tags.read_tag(review.segment("M01"), tags.TRACKING_UID) == before["M01"][1][tags.TRACKING_UID]
    assert not tags.read_tag(review.segment("M01"), tags.MANUAL_DIAMETERS)
    assert origin_of(review.segmentation, review.id("M01")) == "AI, edited"
    (entry,) = entries("merged")
    assert entry["also"][0]["volume_after_ml"] == 0
    review.editor.undo()
    assert review.state() == before
    with pytest.raises(EditRefused, match="two lesions"):
        merge_lesions(review.segmentation, [uid, uid], review.editor)


@EVERY_GRID
@pytest.mark.parametrize("outline", ["whole", "rim only"])
def test_necrosis_is_filled_inside_a_ring(scene: Any, grid: str, outline: str) -> None:
    from BrainMetsAILib.scene.edits import fill_necrosis

    ring = Ball((20.0, 8.0, 10.0), 11.0, 7.0)
    review = Review(grid, balls=(Ball(ring.centre, ring.radius_mm), LONE), head=(ring, LONE))
    if outline == "rim only":
        review.stroke("M01", ring.centre, 6.0, "Remove")
    assert not review.mask("Necrosis").any()
    before = review.state()
    fill_necrosis(review.nodes, review.uid("M01"), review.editor)
    dead, core = review.mask("Necrosis"), inside(review, ring, ring.core_mm)
    assert 2 * (dead & core).sum() / (dead.sum() + core.sum()) > 0.85
    assert (review.mask("M01") & core).sum() > 0.97 * core.sum()
    check_invariant(review)
    (entry,) = entries("necrosis filled")
    assert entry["also" if outline == "rim only" else "lesion"]
    review.editor.undo()
    assert review.state() == before
    with pytest.raises(EditRefused, match="no dark core in M02"):
        fill_necrosis(review.nodes, review.uid("M02"), review.editor)


def test_a_lesion_whose_necrosis_was_edited_is_an_edited_one(scene: Any) -> None:
    from BrainMetsAILib.scene.segments import is_untouched

    review = Review("oblique")
    names = ("M01", "M02", "M03")

    def untouched() -> list[bool]:
        return [is_untouched(review.segmentation, review.id(name)) for name in names]

    assert untouched() == [True] * 3 and (review.mask("M01") & review.mask("Necrosis")).any()
    review.stroke("Necrosis", RING.centre, 3.0, "Remove")
    assert untouched() == [False, True, True], "a second run and the score slider leave it alone"
    review.editor.undo()
    review.watch.settle(with_judgements=True)
    assert untouched() == [True] * 3


def test_a_rejected_candidate_in_the_core_yields_to_necrosis(scene: Any) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.edits import fill_necrosis

    ring, speck = Ball((20.0, 8.0, 10.0), 11.0, 7.0), Ball((20.0, 8.0, 10.0), 5.0)
    review = Review("plain", balls=(ring, speck), head=(ring,))
    tags.set_review(review.segment("M02"), tags.REJECTED)
    dead = review.mask("Necrosis")
    review.stroke("Necrosis", ring.centre, 8.0, "Remove")
    assert dead.any() and not review.mask("Necrosis").any()
    fill_necrosis(review.nodes, review.uid("M01"), review.editor)
    core = inside(review, ring, ring.core_mm)
    assert (review.mask("Necrosis") & core).sum() > 0.7 * core.sum()


def test_delete_takes_the_necrosis_along_and_undo_brings_both_back(scene: Any) -> None:
    from BrainMetsAILib.scene.edits import delete_lesion

    review = Review("plain")
    before = review.state()
    delete_lesion(review.segmentation, review.uid("M01"), review.editor)
    assert review.names() == ["M02", "M03", "Necrosis"] and not review.mask("Necrosis").any()
    (entry,) = entries("deleted")
    assert entry["lesion"] == "M01" and entry["volume_after_ml"] == 0 < entry["volume_before_ml"]
    review.editor.undo()
    assert review.state() == before
    with pytest.raises(EditRefused, match="Select a lesion"):
        delete_lesion(review.segmentation, "", review.editor)
