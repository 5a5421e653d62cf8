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
from drawn_heads import GRIDS, Ball, distance_mm, draw_finding, draw_head

pytest.importorskip("slicer")

# A ring with a necrotic core, a neighbour 2 mm beside it, one by itself, and a dumb-bell far off.
RING, NEIGHBOUR, LONE = Ball((20.0, 8.0, 10.0), 9.0, 4.0), Ball((3.0, 8.0, 10.0), 6.0), Ball((-25.0, -15.0, 0.0), 6.0)
BALLS = (RING, NEIGHBOUR, LONE)
EVERY_GRID = pytest.mark.parametrize("grid", list(GRIDS))
Point = tuple[float, float, float]


class Review:
    """One examination with its editor, and the watch that the panel keeps."""

    def __init__(self, grid: str, balls: tuple[Ball, ...] = BALLS, head: tuple[Ball, ...] | None = None) -> None:
        from BrainMetsAILib.scene.edit_watch import EditWatch
        from BrainMetsAILib.scene.editor_node import editor_node
        from BrainMetsAILib.scene.review import write_review
        from BrainMetsAILib.scene.volumes import add_volume
        from real_editor import RealEditor

        self.image = GRIDS[grid]
        self.nodes = write_review(add_volume(draw_head(self.image, head or balls), "T1c"), draw_finding(self.image, balls))
        self.segmentation = self.nodes.segmentation
        self.editor = RealEditor()
        self.editor.edit(editor_node(), self.segmentation, self.nodes.volume)
        self.editor.logic.SetMaximumNumberOfUndoStates(20)
        self.watch = EditWatch(self.segmentation)

    def segment(self, name: str) -> Any:
        content = self.segmentation.GetSegmentation()
        return content.GetSegment(content.GetSegmentIdBySegmentName(name))

    def id(self, name: str) -> str:
        return str(self.segmentation.GetSegmentation().GetSegmentIdBySegmentName(name))

    def uid(self, name: str) -> str:
        from BrainMetsAILib.scene import tags

        return tags.read_tag(self.segment(name), tags.LESION_UID)

    def mask(self, name: str) -> np.ndarray:
        """Full size on the volume's grid, by the project's reader."""
        from BrainMetsAILib.scene.masks import grid_of, segment_crop

        result = np.zeros(grid_of(self.segmentation).shape, bool)
        crop = segment_crop(self.segmentation, self.id(name), grid_of(self.segmentation))
        if crop is not None:
            result[crop.box] = crop.mask
        return result

    def names(self) -> list[str]:
        content = self.segmentation.GetSegmentation()
        return [content.GetSegment(segment_id).GetName() for segment_id in content.GetSegmentIDs()]

    def state(self) -> dict[str, tuple]:
        """Masks and tags of all segments."""
        result = {}
        for name in self.names():
            tags: Any = _all_tags(self.segment(name))
            result[name] = (np.packbits(self.mask(name)).tobytes(), tags)
        return result

    def stroke(self, name: str, ras: Point, radius: float, mode: str = "Add") -> None:
        """A stroke as the panel sees it: the layer is written, then the event loop comes round."""
        self.editor.ball(self.id(name), ras, radius, mode)
        self.watch.while_drawing(self.id(name))
        self.changes = self.watch.settle()


def _all_tags(segment: Any) -> dict[str, str]:
    from BrainMetsAILib.scene import tags

    keys = [value for key, value in vars(tags).items() if key.isupper() and isinstance(value, str) and value.startswith(tags.PREFIX)]
    return {key: tags.read_tag(segment, key) for key in keys if segment.HasTag(key)}


def inside(review: Review, ball: Ball, radius: float | None = None) -> np.ndarray:
    return np.asarray(distance_mm(review.image, ball.centre) < (radius or ball.radius_mm))


def entries(event: str) -> list[dict[str, Any]]:
    from BrainMetsAILib.scene.log import read_log

    return [entry for entry in read_log() if entry["event"] == event]


def check_invariant(review: Review) -> None:
    lesions = np.zeros(review.mask("Necrosis").shape, np.int8)
    for name in review.names():
        if name != "Necrosis":
            lesions += review.mask(name)
    assert lesions.max() <= 1, "lesions overlap"
    assert not (review.mask("Necrosis") & (lesions == 0)).any(), "necrosis outside lesions"


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
    before, both, uid = review.state(), review.mask("M01") | review.mask("M02"), review.uid("M01")
    dead = review.mask("Necrosis")
    assert merge_lesions(review.segmentation, [review.uid("M02"), uid], review.editor) == uid
    assert review.names() == ["M01", "M03", "Necrosis"]
    np.testing.assert_array_equal(review.mask("M01"), both)
    np.testing.assert_array_equal(review.mask("Necrosis"), dead)
    assert tags.read_tag(review.segment("M01"), tags.TRACKING_UID) == before["M01"][1][tags.TRACKING_UID]
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
