"""A comparison in the scene: the follow-up lies on the baseline, lesions share identity, nothing that is measured moves."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from BrainMetsAILib.exchange.response_csv import COLUMNS
from BrainMetsAILib.images.geometry import lps_to_ras
from BrainMetsAIResponseLib.report import summarise
from BrainMetsAIResponseLib.response import PatientResponse, compare
from BrainMetsAIResponseLib.response_words import HEADERS
from drawn_heads import BALLS, GRIDS, Ball, draw_finding, draw_head
from editor_history import EditorHistory

pytest.importorskip("slicer")

NEW = Ball((12.0, -28.0, 18.0), 5.0)


def move() -> sitk.Euler3DTransform:
    """Baseline points to follow-up points, LPS."""
    transform = sitk.Euler3DTransform()
    transform.SetCenter((3.0, -2.0, 5.0))
    transform.SetRotation(0.2, -0.1, 0.15)
    transform.SetTranslation((5.0, -3.0, 7.0))
    return transform


def moved(ball: Ball, radius: float) -> Ball:
    return Ball(tuple(lps_to_ras(move().TransformPoint(lps_to_ras(ball.centre).tolist())).tolist()), radius)


@pytest.fixture
def pair(scene: Any) -> tuple[Any, Any, PatientResponse]:
    """M01 shrinks, M02 grows, M03 vanishes, one is new."""
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.segments import read_lesions
    from BrainMetsAILib.scene.volumes import add_volume

    balls = (moved(BALLS[1], 9.0), moved(BALLS[0], 5.0), moved(NEW, NEW.radius_mm))
    baseline = write_review(add_volume(draw_head(GRIDS["plain"]), "Baseline T1c"), draw_finding(GRIDS["plain"]))
    grid = GRIDS["left-handed oblique"]
    follow_up = write_review(add_volume(draw_head(grid, balls), "Follow-up T1c"), draw_finding(grid, balls))
    response = compare(read_lesions(baseline.segmentation), read_lesions(follow_up.segmentation), move())
    return baseline, follow_up, response


def test_the_follow_up_lies_on_the_baseline(pair: tuple[Any, Any, PatientResponse]) -> None:
    from BrainMetsAILib.scene.layout import segment_centre
    from BrainMetsAILib.scene.segments import read_lesion_list
    from BrainMetsAIResponseLib.scene import write_response

    baseline, follow_up, response = pair
    before = read_lesion_list(follow_up.segmentation)
    nodes = write_response(baseline.segmentation, follow_up.segmentation, response)
    content = follow_up.segmentation.GetSegmentation()
    for index, ball in ((0, BALLS[1]), (1, BALLS[0]), (2, NEW)):
        world = [0.0, 0.0, 0.0]
        follow_up.segmentation.TransformPointToWorld(before[index].measurements.centroid_ras, world)
        assert np.abs(np.array(world) - ball.centre).max() < 0.4
        place = follow_up.segmentation.GetSegmentCenterRAS(content.GetNthSegmentID(index))  # up to half a voxel off by itself
        assert np.abs(np.array(place) - ball.centre).max() < 1.5
        assert np.abs(np.array(segment_centre(follow_up.segmentation, content.GetNthSegmentID(index))) - ball.centre).max() < 1.0
    for node in (follow_up.volume, follow_up.probability, follow_up.necrosis_probability, follow_up.segmentation):
        assert node.GetTransformNodeID() == nodes.transform.GetID()
    assert baseline.volume.GetTransformNodeID() is None
    for earlier, now in zip(before, read_lesion_list(follow_up.segmentation), strict=True):
        assert now.measurements == earlier.measurements, "measured in its own space"


def test_matched_lesions_share_tracking_uid_and_colour(pair: tuple[Any, Any, PatientResponse]) -> None:
    from BrainMetsAILib.scene.segments import read_lesion_list, segment_of
    from BrainMetsAIResponseLib.scene import write_response

    baseline, follow_up, response = pair
    uids = {lesion.name: lesion.lesion_uid for lesion in read_lesion_list(follow_up.segmentation)}
    write_response(baseline.segmentation, follow_up.segmentation, response)
    before = {lesion.name: lesion for lesion in read_lesion_list(baseline.segmentation)}
    after = {lesion.name: lesion for lesion in read_lesion_list(follow_up.segmentation)}
    assert {name: lesion.lesion_uid for name, lesion in after.items()} == uids, "the lesion UID never changes"
    for old, new in (("M02", "M01"), ("M01", "M02")):
        assert before[old].tracking_uid == after[new].tracking_uid

        def colour(segmentation: Any, lesion: Any) -> tuple[float, ...]:
            return tuple(segmentation.GetSegmentation().GetSegment(segment_of(segmentation, lesion.lesion_uid)).GetColor())

        assert colour(baseline.segmentation, before[old]) == colour(follow_up.segmentation, after[new])
    everyone = {lesion.tracking_uid for lesion in (*before.values(), *after.values())}
    assert len(everyone) == 4, "two shared, one vanished, one new"


def test_links_survive_the_undo_of_an_older_edit(pair: tuple[Any, Any, PatientResponse]) -> None:
    """A comparison is no step of undo: what is taken back is the edit before it, and the lesions stay the same ones."""
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.decisions import decide
    from BrainMetsAILib.scene.listing import list_lesions
    from BrainMetsAIResponseLib.scene import write_response

    baseline, follow_up, response = pair
    history = EditorHistory(follow_up.segmentation)
    first = list_lesions(follow_up.segmentation)[0].lesion.lesion_uid
    decide(follow_up.segmentation, [first], tags.ACCEPTED, history)
    write_response(baseline.segmentation, follow_up.segmentation, response)

    def links() -> dict[str, tuple[str, float | None]]:
        listed = list_lesions(follow_up.segmentation)
        return {entry.lesion.lesion_uid: (entry.lesion.tracking_uid, entry.change_percent) for entry in listed}

    compared = links()
    assert sum(change is not None for _, change in compared.values()) == 2

    for step, review in ((history.undo, tags.UNREVIEWED), (history.redo, tags.ACCEPTED)):
        step()
        assert list_lesions(follow_up.segmentation)[0].review == review
        assert links() == compared


def test_table_csv_and_library_say_the_same(pair: tuple[Any, Any, PatientResponse]) -> None:
    from BrainMetsAIResponseLib.scene import read_response, write_response

    baseline, follow_up, response = pair
    table = write_response(baseline.segmentation, follow_up.segmentation, response).table
    summary = summarise(response)
    assert {row.fate for row in summary.rows} == {"grown", "shrunk", "vanished", "new"}
    assert [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())] == list(HEADERS)
    written = dict(COLUMNS)
    for row, lesion in enumerate(summary.rows):
        cells = {header: table.GetTable().GetColumnByName(header).GetValue(row) for header in HEADERS}
        assert cells["Change"] == lesion.fate == written["fate"](lesion)
        assert cells["Tracking UID"] == lesion.tracking_uid == written["tracking_uid"](lesion)
        assert cells["Volumetric"] == lesion.volumetric_category == written["volumetric"](lesion)
        amount = cells["Enhancing volume at follow-up (mL)"]
        text = written["follow_up_enhancing_ml"](lesion)
        assert np.isnan(amount) if text == "" else amount == pytest.approx(float(text), abs=1e-3)
    assert read_response(follow_up.segmentation) == summary
    assert read_response(baseline.segmentation) is None


def test_comparing_again_writes_into_the_same_nodes(pair: tuple[Any, Any, PatientResponse]) -> None:
    import slicer

    from BrainMetsAILib.scene.segments import read_lesions
    from BrainMetsAIResponseLib.scene import write_response

    baseline, follow_up, response = pair
    first = write_response(baseline.segmentation, follow_up.segmentation, response)
    again = compare(read_lesions(baseline.segmentation), read_lesions(follow_up.segmentation), move())
    second = write_response(baseline.segmentation, follow_up.segmentation, again)
    assert second.transform is first.transform and second.table is first.table
    assert [lesion.fate for lesion in again.lesions] == [lesion.fate for lesion in response.lesions]
    assert len(slicer.util.getNodesByClass("vtkMRMLTableNode")) == 3


def test_a_third_date_and_a_swapped_pair_lie_on_the_first_too(pair: tuple[Any, Any, PatientResponse]) -> None:
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.segments import read_lesions
    from BrainMetsAILib.scene.volumes import add_volume
    from BrainMetsAIResponseLib.scene import write_response

    first, second, response = pair
    write_response(first.segmentation, second.segmentation, response)
    balls = (moved(BALLS[1], 9.0), moved(BALLS[0], 5.0))  # the head of the third date lies as that of the second
    grid = GRIDS["left-handed oblique"]
    third = write_review(add_volume(draw_head(grid, balls), "Third T1c"), draw_finding(grid, balls))

    def places(review: Any) -> np.ndarray:
        centres = []
        for lesion in read_lesions(review.segmentation).lesions[:2]:
            world = [0.0, 0.0, 0.0]
            review.segmentation.TransformPointToWorld(lesion.measurements.centroid_ras, world)
            centres.append(world)
        return np.array(centres)

    before = places(second)
    still = compare(read_lesions(second.segmentation), read_lesions(third.segmentation), sitk.Euler3DTransform())
    write_response(second.segmentation, third.segmentation, still)
    np.testing.assert_allclose(places(third), before, atol=0.5)
    back = compare(read_lesions(second.segmentation), read_lesions(first.segmentation), move().GetInverse())
    own = places(first)
    write_response(second.segmentation, first.segmentation, back)  # somebody noticed that the order was wrong
    np.testing.assert_allclose(places(first), own, atol=1e-3)


def test_it_all_survives_a_scene_file(pair: tuple[Any, Any, PatientResponse], tmp_path: Path) -> None:
    import slicer

    from BrainMetsAILib.scene.log import read_log
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb
    from BrainMetsAILib.scene.review import review_nodes, reviews
    from BrainMetsAILib.scene.segments import read_lesion_list
    from BrainMetsAIResponseLib.scene import BASELINE_ROLE, RESPONSE_ROLE, matrix_of, read_response, show_response, write_response

    baseline, follow_up, response = pair
    write_response(baseline.segmentation, follow_up.segmentation, response)
    tracked = [[lesion.tracking_uid for lesion in read_lesion_list(node.segmentation)] for node in (baseline, follow_up)]
    show_response(baseline, follow_up)
    save_mrb(tmp_path / "scene.mrb")
    load_mrb(tmp_path / "scene.mrb")
    first, second = reviews()
    assert [[lesion.tracking_uid for lesion in read_lesion_list(node)] for node in (first, second)] == tracked
    matrix = slicer.util.arrayFromTransformMatrix(second.GetParentTransformNode())
    np.testing.assert_allclose(matrix @ matrix_of(move()), np.eye(4), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(matrix), 1.0, atol=1e-6)
    assert second.GetNodeReference(BASELINE_ROLE) is first
    assert second.GetNodeReference(RESPONSE_ROLE).GetNumberOfRows() == 4
    assert read_response(second) == summarise(response)
    assert [entry["event"] for entry in read_log()] == ["found", "found", "compared"]
    backgrounds = {node.GetLayoutName(): node.GetBackgroundVolumeID() for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}
    for name in ("Red", "Green", "Yellow"):
        assert backgrounds[name] == review_nodes(first).volume.GetID()
        assert backgrounds[f"{name}+"] == review_nodes(second).volume.GetID()
    seen_in = [set(node.GetDisplayNode().GetViewNodeIDs()) for node in (first, second)]
    assert not seen_in[0] & seen_in[1] and "vtkMRMLSliceNodeRed+" in seen_in[1] and "vtkMRMLSliceNodeRed" in seen_in[0]
    by_name = {node.GetLayoutName(): node for node in slicer.util.getNodesByClass("vtkMRMLSliceNode")}
    for name in ("Red", "Green", "Yellow"):
        upper, lower = by_name[name].GetSliceToRAS(), by_name[f"{name}+"].GetSliceToRAS()
        assert all(upper.GetElement(i, j) == pytest.approx(lower.GetElement(i, j), abs=1e-4) for i in range(4) for j in range(4))
