"""Editing with Slicer's own editor logic and undo history: lesions never overlap, necrosis stays inside, one undo takes one edit back."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import vtk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from BrainMetsAILib.images.geometry import array_of, ijk_to_ras
from BrainMetsAILib.lesions.refusal import EditRefused
from drawn_heads import Ball, distance_mm
from editing_review import BALLS, EVERY_GRID, LONE, NEIGHBOUR, RING, Review, check_invariant, entries

pytest.importorskip("slicer")


@EVERY_GRID
def test_painting_over_a_neighbour_leaves_it_as_it_was(scene: Any, grid: str) -> None:
    review = Review(grid)
    before = {name: review.mask(name) for name in review.names()}
    review.stroke("M02", (11.0, 8.0, 10.0), 5.0)
    painted = np.asarray(distance_mm(review.image, (11.0, 8.0, 10.0)) <= 5.0)
    assert (painted & before["M01"]).sum() > 20, "the stroke went over the neighbour"
    np.testing.assert_array_equal(review.mask("M01"), before["M01"])
    np.testing.assert_array_equal(review.mask("M02"), before["M02"] | painted & ~before["M01"])
    np.testing.assert_array_equal(review.mask("Necrosis"), before["Necrosis"])
    check_invariant(review)


def test_painting_over_necrosis_keeps_it_and_erasing_drops_it(scene: Any) -> None:
    review = Review("plain")
    dead = review.mask("Necrosis")
    review.stroke("M01", RING.centre, 3.0)
    np.testing.assert_array_equal(review.mask("Necrosis"), dead)
    review.stroke("M01", (RING.centre[0] + 5.0, *RING.centre[1:]), 5.0, "Remove")
    erased = np.asarray(distance_mm(review.image, (RING.centre[0] + 5.0, *RING.centre[1:])) <= 5.0)
    assert (erased & dead).any()
    np.testing.assert_array_equal(review.mask("Necrosis"), dead & ~erased)
    review.editor.undo()
    review.watch.settle()
    np.testing.assert_array_equal(review.mask("Necrosis"), dead)


def test_an_effect_that_empties_a_segment_before_it_fills_it_keeps_the_necrosis(scene: Any) -> None:
    import slicer

    review = Review("oblique")
    dead = review.mask("Necrosis")
    content, seen = review.segmentation.GetSegmentation(), []

    def written(caller: Any, event: str) -> None:
        seen.append(review.mask("M01").sum())
        review.watch.while_drawing(review.id("M01"))

    content.AddObserver(slicer.vtkSegmentation.SourceRepresentationModified, written)
    review.editor.ball(review.id("M01"), RING.centre, 8.0, "Set")
    review.watch.settle()
    assert min(seen) == 0, "this is what the test is about"
    np.testing.assert_array_equal(review.mask("Necrosis"), dead)
    np.testing.assert_array_equal(review.mask("M01"), np.asarray(distance_mm(review.image, RING.centre) <= 8.0))


def test_necrosis_painted_outside_lesions_is_dropped(scene: Any) -> None:
    review = Review("left-handed oblique")
    before = review.mask("Necrosis")
    review.stroke("Necrosis", NEIGHBOUR.centre, 8.0)
    painted = np.asarray(distance_mm(review.image, NEIGHBOUR.centre) <= 8.0)
    lesions = review.mask("M01") | review.mask("M02") | review.mask("M03")
    np.testing.assert_array_equal(review.mask("Necrosis"), before | painted & lesions)
    assert painted[~lesions].any()


def test_rejected_and_hidden_lesions_give_way(scene: Any) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.segments import counts
    from BrainMetsAILib.scene.visibility import set_least_score

    for state in ("rejected", "hidden", "hidden but accepted", "hidden but edited"):
        review = Review("plain")
        if state == "rejected":
            tags.set_review(review.segment("M01"), tags.REJECTED)
        else:
            set_least_score(1.0)
        if state == "hidden but accepted":
            tags.set_review(review.segment("M01"), tags.ACCEPTED)
        elif state == "hidden but edited":
            review.stroke("M01", (28.0, 8.0, 10.0), 3.0)
        before = review.mask("M01")
        review.stroke("M02", (11.0, 8.0, 10.0), 5.0)
        painted = np.asarray(distance_mm(review.image, (11.0, 8.0, 10.0)) <= 5.0)
        gives_way = state in ("rejected", "hidden")
        assert (review.mask("M02") & before).any() == gives_way, state
        np.testing.assert_array_equal(review.mask("M01"), before & ~painted if gives_way else before, err_msg=state)
        check_invariant(review)
        assert counts(review.segmentation, review.id("M01")) != gives_way, f"{state}: losing voxels makes nothing count"
        if gives_way:
            review.editor.undo()
            review.watch.settle()
            np.testing.assert_array_equal(review.mask("M01"), before, err_msg=state)


def test_undo_and_redo_three_deep_give_identical_masks_and_tags(scene: Any) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.edits import add_lesion
    from BrainMetsAILib.scene.segments import identify

    review = Review("oblique", head=(*BALLS, Ball((-20.0, 25.0, 15.0), 5.0)))
    states = [review.state()]
    review.stroke("M02", (11.0, 8.0, 10.0), 5.0)
    states.append(review.state())
    review.editor.save()
    tags.set_review(review.segment("M03"), tags.ACCEPTED)
    review.watch.settle()
    states.append(review.state())
    add_lesion(review.nodes, (-20.0, 25.0, 15.0), 16.0, review.editor)
    review.watch.settle()
    states.append(review.state())
    assert len({str(state) for state in states}) == 4
    for expected in states[-2::-1]:
        review.editor.undo()
        review.watch.settle()
        identify(review.segmentation)
        assert review.state() == expected
    assert not review.editor.logic.CanUndo()
    for expected in states[1:]:
        assert review.editor.logic.CanRedo()
        review.editor.redo()
        review.watch.settle()
        assert review.state() == expected
    assert not review.editor.logic.CanRedo()


def test_redo_survives_looking_around(scene: Any) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.layout import show_lesion, show_review
    from BrainMetsAILib.scene.segments import read_lesion_list

    review = Review("plain")
    review.stroke("M02", (11.0, 8.0, 10.0), 5.0)
    after = review.state()
    review.editor.undo()
    review.watch.settle()
    show_review(review.nodes)
    display = review.segmentation.GetDisplayNode()
    for name in ("M03", "M01"):
        show_lesion(review.segmentation, review.id(name))
        review.editor.logic.SetCurrentSegmentID(review.id(name))
        display.SetSegmentOpacity2DFill(review.id(name), 0.1)
        display.SetSegmentVisibility(review.id(name), False)
        display.SetSegmentVisibility(review.id(name), True)
        tags.set_review(review.segment(name), tags.UNREVIEWED)
    read_lesion_list(review.segmentation)
    review.watch.settle()
    assert review.editor.logic.CanRedo()
    review.editor.redo()
    assert review.state() == after


def test_the_dicom_tag_follows_who_drew_an_outline(scene: Any) -> None:
    """AUTOMATIC as the network made it, SEMIAUTOMATIC once a person edited it, MANUAL where a person drew it; undo and redo included."""
    from BrainMetsAILib.scene.edits import add_lesion

    def kinds() -> dict[str, str]:
        value = vtk.reference("")
        found = {}
        for name in review.names():
            assert review.segment(name).GetTag("DICOM.SegmentAlgorithmType", value)
            found[name] = str(value)
        return found

    review = Review("plain", head=(*BALLS, Ball((-20.0, 25.0, 10.0), 6.0)))
    made = dict.fromkeys(review.names(), "AUTOMATIC")
    assert kinds() == made
    review.stroke("M02", (3.0, 8.0, 4.0), 3.0)
    assert kinds() == made | {"M02": "SEMIAUTOMATIC"}
    review.stroke("Necrosis", RING.centre, 6.0)
    edited = made | {"M02": "SEMIAUTOMATIC", "Necrosis": "SEMIAUTOMATIC"}
    assert kinds() == edited
    for _ in range(2):
        review.editor.undo()
        review.watch.settle()
    assert kinds() == made
    for _ in range(2):
        assert review.editor.logic.CanRedo(), "nothing was written after the undo"
        review.editor.redo()
        review.watch.settle()
    assert kinds() == edited
    add_lesion(review.nodes, (-20.0, 25.0, 10.0), 12.0, review.editor)
    assert kinds() == edited | {"M04": "MANUAL"}


def test_strokes_are_logged_once_with_volumes(scene: Any) -> None:
    from BrainMetsAILib.scene.edit_log import log_edit

    review = Review("plain")
    voxel_ml = float(np.prod(review.image.GetSpacing())) / 1000
    before = int(review.mask("M02").sum()) * voxel_ml
    review.stroke("M02", (11.0, 8.0, 10.0), 5.0)
    log_edit(review.segmentation, "edited", review.changes, review.uid("M02"), effect="Paint")
    (entry,) = entries("edited")
    assert entry["lesion_uid"] == review.uid("M02") and entry["lesion"] == "M02" and entry["effect"] == "Paint" and entry["also"] == []
    assert entry["volume_before_ml"] == pytest.approx(before, abs=1e-6)
    assert entry["volume_after_ml"] == pytest.approx(int(review.mask("M02").sum()) * voxel_ml, abs=1e-6)
    assert entry["volume_after_ml"] > before
    assert review.watch.settle() == [], "told once"
    review.stroke("M02", RING.centre, 2.0)  # all of it belongs to the neighbour
    assert review.changes == []
    log_edit(review.segmentation, "edited", review.changes, review.uid("M02"), effect="Paint")
    assert len(entries("edited")) == 1


def test_numbers_agree_with_the_librarys_after_edits(scene: Any) -> None:
    from BrainMetsAILib.scene.segments import read_lesions

    review = Review("oblique")
    review.stroke("M02", (11.0, 8.0, 10.0), 5.0)
    lesions = read_lesions(review.segmentation)
    for lesion in lesions.lesions:
        np.testing.assert_array_equal(array_of(lesions.labels) == lesion.number, review.mask(lesion.name))
    np.testing.assert_allclose(ijk_to_ras(lesions.labels), ijk_to_ras(review.image), atol=1e-6)


PLACES = [(11.0, 8.0, 10.0), RING.centre, NEIGHBOUR.centre, (24.0, 8.0, 13.0), LONE.centre, (-10.0, -3.0, 5.0)]
MODES = ["Add", "Remove", "Set"]
STEP = st.one_of(
    st.tuples(st.just("stroke"), st.integers(0, 3), st.sampled_from(PLACES), st.sampled_from([3.0, 6.0, 9.0]), st.sampled_from(MODES)),
    st.tuples(st.sampled_from(["undo", "redo"])),
    st.tuples(st.sampled_from(["reject", "accept", "hide", "show", "split", "delete", "fill"]), st.integers(0, 3)),
    st.tuples(st.just("merge"), st.integers(0, 3), st.integers(0, 3)),
    st.tuples(st.just("add"), st.sampled_from(PLACES)),
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEP, min_size=3, max_size=9))
def test_whatever_a_person_does_lesions_never_overlap_and_necrosis_stays_inside(steps: list[tuple]) -> None:
    from BrainMetsAILib.scene.headless import headless_scene

    headless_scene()
    review = Review("plain")
    for step in steps:
        _do(review, step)
        review.watch.settle()
        check_invariant(review)
        held = review.state()
        assert review.watch.settle() == [] and review.state() == held, "the rule is idempotent"


def _do(review: Review, step: tuple) -> None:
    from BrainMetsAILib.scene import edits, tags

    names = review.names()
    lesions = [name for name in names if name != "Necrosis"]
    kind = step[0]
    if kind == "stroke":
        review.stroke(names[step[1] % len(names)], *step[2:])
    elif kind == "undo" and review.editor.logic.CanUndo():
        review.editor.undo()
    elif kind == "redo" and review.editor.logic.CanRedo():
        review.editor.redo()
    if kind in ("stroke", "undo", "redo") or not lesions:
        return
    which = lesions[step[1] % len(lesions)] if isinstance(step[1], int) else ""
    segmentation, history = review.segmentation, review.editor
    jobs: dict[str, Callable[[], Any]] = {
        "hide": lambda: segmentation.GetDisplayNode().SetSegmentVisibility(review.id(which), False),
        "show": lambda: segmentation.GetDisplayNode().SetSegmentVisibility(review.id(which), True),
        "split": lambda: edits.split_in_middle(segmentation, review.uid(which), history),
        "delete": lambda: edits.delete_lesion(segmentation, review.uid(which), history),
        "fill": lambda: edits.fill_necrosis(review.nodes, review.uid(which), history),
        "merge": lambda: edits.merge_lesions(segmentation, [review.uid(which), review.uid(lesions[step[2] % len(lesions)])], history),
        "add": lambda: edits.add_lesion(review.nodes, step[1], 20.0, history),
    }
    if kind in ("reject", "accept"):
        history.save()
        tags.set_review(review.segment(which), tags.REJECTED if kind == "reject" else tags.ACCEPTED)
        return
    try:
        jobs[kind]()
    except EditRefused as refusal:
        assert str(refusal).endswith(".")


def test_no_tag_of_who_drew_is_written_after_an_undo(scene: Any) -> None:
    """Also where an effect changed another lesion than the one that is drawn, and where a scene of an older version says AUTOMATIC."""
    from BrainMetsAILib.scene import tags

    review = Review("plain")
    review.editor.ball(review.id("M02"), (3.0, 8.0, 4.0), 3.0)
    review.watch.while_drawing(review.id("M01"))
    review.watch.settle()
    assert tags.read_tag(review.segment("M02"), tags.ALGORITHM_TYPE) == tags.SEMIAUTOMATIC
    tags.write_tag(review.segment("M02"), tags.ALGORITHM_TYPE, tags.AUTOMATIC)
    review.stroke("M03", (11.0, 8.0, 10.0), 5.0)
    after = review.state()
    review.editor.undo()
    review.watch.settle(True)
    assert review.editor.logic.CanRedo()
    review.editor.redo()
    review.watch.settle(True)
    assert review.state() == after
