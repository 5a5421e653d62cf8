"""Practice cases in a real scene: what is hidden stays hidden, what counts as a call, and everything survives a scene file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from BrainMetsAILib.images.geometry import array_of
from drawn_heads import GRIDS, draw_finding
from reading_cases import ELSEWHERE, TRUE_BALLS, practice_case, read_by_hand

pytest.importorskip("slicer")

ALL = tuple((ball,) for ball in TRUE_BALLS)


@pytest.fixture
def baseline(scene: Any) -> Any:
    from BrainMetsAILib.scene.practice import add_practice_case

    return add_practice_case(practice_case())[0]


def practice_of(volume: Any) -> Any:
    from BrainMetsAILib.scene.practice import practice_of as found

    return found(volume)


def results(reading: Any) -> list[tuple[str, str]]:
    return [(outcome.true_name, outcome.result) for outcome in reading.outcomes]


def nodes_of(kind: str) -> list[Any]:
    import slicer

    return list(slicer.util.getNodesByClass(kind))


def test_nothing_of_the_truth_can_be_come_across_before_submission(baseline: Any) -> None:
    import slicer

    from BrainMetsAILib.scene.review import review_of, reviews

    assert nodes_of("vtkMRMLSegmentationNode") == [] and nodes_of("vtkMRMLLabelMapVolumeNode") == []
    assert reviews() == [] and review_of(baseline) is None
    practices = [node for node in nodes_of("vtkMRMLNode") if node.GetAttribute("BrainMetsAI.Practice")]
    assert len(practices) == 2
    for node in practices:
        assert node.GetHideFromEditors() and not node.IsA("vtkMRMLDisplayableNode")
        text = " ".join(str(node.GetParameter(name)) for name in node.GetParameterNames()) + node.GetName()
        assert "T01" not in text and "solid" not in text and "centroid" not in text
    # Slicer leaves nodes that are hidden from editors out of the subject hierarchy; nothing here puts them in.
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    assert not any(hierarchy.GetItemByDataNode(node) for node in practices)
    # One examination has four lesions, the other three: the nodes look alike.
    follow_up = next(node for node in nodes_of("vtkMRMLScalarVolumeNode") if node is not baseline)
    assert sorted(practice_of(baseline).GetParameterNames()) == sorted(practice_of(follow_up).GetParameterNames())


def test_the_truth_is_refused_before_submission(baseline: Any) -> None:
    from BrainMetsAILib.scene.practice_reading import reveal

    with pytest.raises(ValueError, match="stays hidden until the reading is submitted"):
        reveal(practice_of(baseline), True)
    assert nodes_of("vtkMRMLSegmentationNode") == []


def test_perfect_reader_by_hand(baseline: Any) -> None:
    from BrainMetsAILib.scene.log import read_log
    from BrainMetsAILib.scene.practice_reading import read_reading, record_row, submit, write_seconds
    from BrainMetsAILib.scene.reader import set_reader_name

    read_by_hand(baseline, ALL, GRIDS["plain"])
    practice = practice_of(baseline)
    write_seconds(practice, 61.25)
    set_reader_name("Ayla")
    try:
        reading = submit(practice)
    finally:
        set_reader_name("")
    assert results(reading) == [("T01", "found"), ("T02", "found"), ("T03", "found"), ("T04", "found")]
    assert reading.mean_dice == 1.0
    assert read_reading(practice) == reading, "kept in the scene"
    row = record_row(practice)
    assert (row.network, row.lesions, row.found, row.false_calls, row.seed, row.head) == ("", 4, 4, 0, 7, "head_t1.nii.gz")
    assert row.reader == "Ayla" and row.examination == "baseline" and row.seconds == pytest.approx(61.2, abs=0.1)
    write_seconds(practice, 999.0)
    assert record_row(practice).seconds == row.seconds, "the clock stands still after submission"
    entry = read_log()[-1]
    assert entry["event"] == "practice submitted" and entry["found"] == 4 and entry["seed"] == 7
    with pytest.raises(ValueError, match="submitted before"):
        submit(practice)


def test_reader_who_marks_nothing(baseline: Any) -> None:
    from BrainMetsAILib.scene.practice_reading import call_segment_ids, submit

    assert call_segment_ids(baseline) == []
    assert {result for _, result in results(submit(practice_of(baseline)))} == {"missed"}


def test_only_counting_outlines_are_calls(baseline: Any) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.practice_reading import call_segment_ids, submit, unjudged_calls

    segmentation = read_by_hand(baseline, (*ALL, (ELSEWHERE,)), GRIDS["plain"])
    content = segmentation.GetSegmentation()
    first, second, third, fourth, wrong = (str(content.GetNthSegmentID(index)) for index in range(5))
    tags.set_review(content.GetSegment(first), tags.ACCEPTED)
    tags.set_review(content.GetSegment(wrong), tags.REJECTED)
    tags.write_tag(content.GetSegment(third), tags.REMOVED, "touches the skull")
    assert call_segment_ids(baseline) == [first, second, fourth]
    assert unjudged_calls(baseline) == 2
    reading = submit(practice_of(baseline))
    assert results(reading) == [("T01", "found"), ("T02", "found"), ("T03", "missed"), ("T04", "found")], "no false call"


def test_the_networks_help_is_noticed_and_not_forgotten(baseline: Any) -> None:
    import slicer

    from BrainMetsAILib.scene.practice_reading import note_network, record_row, submit
    from BrainMetsAILib.scene.review import write_review

    practice = practice_of(baseline)
    assert note_network(practice) == ""
    nodes = write_review(baseline, draw_finding(GRIDS["plain"], TRUE_BALLS[:2]))
    assert note_network(practice) == "drawn 0.1"
    slicer.mrmlScene.RemoveNode(nodes.segmentation)
    submit(practice)
    assert record_row(practice).network == "drawn 0.1"


def test_a_network_that_found_nothing_helped_too(baseline: Any) -> None:
    from BrainMetsAILib.scene.practice_reading import call_segment_ids, note_network
    from BrainMetsAILib.scene.review import write_review

    write_review(baseline, draw_finding(GRIDS["plain"], ()))
    assert call_segment_ids(baseline) == []
    assert note_network(practice_of(baseline)) == "drawn 0.1"


def test_a_finding_after_submission_is_no_help(baseline: Any) -> None:
    from BrainMetsAILib.scene.practice_reading import note_network, submit
    from BrainMetsAILib.scene.review import write_review

    submit(practice_of(baseline))
    write_review(baseline, draw_finding(GRIDS["plain"], TRUE_BALLS))
    assert note_network(practice_of(baseline)) == ""


def test_submitted_truth_is_shown_in_its_own_colour_and_stays_out_of_reviews(baseline: Any) -> None:
    from BrainMetsAILib.scene.practice import TRUTH_COLOUR, show_truth_of_only, true_segment
    from BrainMetsAILib.scene.practice_reading import reveal, submit
    from BrainMetsAILib.scene.review import review_of, reviews
    from BrainMetsAILib.scene.segments import lesion_segment_ids

    mine = read_by_hand(baseline, ALL[:2], GRIDS["plain"])
    practice = practice_of(baseline)
    submit(practice)
    (truth,) = [node for node in nodes_of("vtkMRMLSegmentationNode") if node is not mine]
    assert reviews() == [mine] and review_of(baseline) is mine
    content, display = truth.GetSegmentation(), truth.GetDisplayNode()
    assert display.GetVisibility()
    ids = lesion_segment_ids(truth)
    assert [content.GetSegment(segment_id).GetName() for segment_id in ids] == ["T01", "T02", "T03", "T04"]
    assert all(np.allclose(content.GetSegment(segment_id).GetColor(), TRUTH_COLOUR) for segment_id in ids)
    assert [display.GetSegmentOpacity2DFill(segment_id) > 0 for segment_id in ids] == [False, False, True, True], "missed ones are filled"
    assert not any(content.GetSegment(segment_id).GetRepresentation("Closed surface") for segment_id in ids)
    assert true_segment(truth, 3) == ids[2]

    import slicer

    show_truth_of_only(None)
    assert not display.GetVisibility(), "another volume is looked at"
    show_truth_of_only(baseline)
    assert display.GetVisibility()
    assert reveal(practice, False) is truth and not display.GetVisibility()
    show_truth_of_only(baseline)
    assert not display.GetVisibility(), "the person switched it off"
    slicer.mrmlScene.RemoveNode(truth)
    assert reveal(practice, False) is None
    again = reveal(practice, True)
    assert len(lesion_segment_ids(again)) == 4, "deleted behind the module's back, it is made again"


@pytest.mark.parametrize("grid", ["plain", "left-handed oblique", "sagittal anisotropic"])
def test_scene_file_before_submission(scene: Any, tmp_path: Path, grid: str) -> None:
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb
    from BrainMetsAILib.scene.practice import add_practice_case, unsealed_truth
    from BrainMetsAILib.scene.practice_reading import is_submitted, read_seconds, submit, write_seconds

    volume = add_practice_case(practice_case(grid))[0]
    read_by_hand(volume, ALL[1:3], GRIDS[grid])
    write_seconds(practice_of(volume), 42.0)
    before = array_of(unsealed_truth(practice_of(volume)).labels).copy()
    assert np.array_equal(before, array_of(practice_case(grid).baseline.labels))
    save_mrb(tmp_path / "scene.mrb")
    load_mrb(tmp_path / "scene.mrb")
    volume = next(node for node in nodes_of("vtkMRMLScalarVolumeNode") if node.GetName() == "Practice baseline")
    practice = practice_of(volume)
    assert len(nodes_of("vtkMRMLSegmentationNode")) == 1, "the truth came back hidden"
    assert practice.GetHideFromEditors() and not is_submitted(practice)
    assert read_seconds(practice) == pytest.approx(42.0)
    after = array_of(unsealed_truth(practice).labels)
    flipped = after[::-1] if "left-handed" in grid else after
    assert np.array_equal(flipped, before)
    reading = submit(practice)
    assert results(reading) == [("T01", "missed"), ("T02", "found"), ("T03", "found"), ("T04", "missed")]
    assert reading.mean_dice == 1.0


def test_scene_file_after_submission(baseline: Any, tmp_path: Path) -> None:
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb
    from BrainMetsAILib.scene.practice import TRUTH_ROLE, true_segment
    from BrainMetsAILib.scene.practice_reading import is_recorded, is_submitted, mark_recorded, read_reading, record_row, reveal, submit

    read_by_hand(baseline, (ALL[0], (ELSEWHERE,)), GRIDS["plain"])
    reading = submit(practice_of(baseline))
    row = record_row(practice_of(baseline))
    mark_recorded(practice_of(baseline))
    save_mrb(tmp_path / "scene.mrb")
    load_mrb(tmp_path / "scene.mrb")
    volume = next(node for node in nodes_of("vtkMRMLScalarVolumeNode") if node.GetName() == "Practice baseline")
    practice = practice_of(volume)
    assert is_submitted(practice) and is_recorded(practice)
    assert read_reading(practice) == reading and record_row(practice) == row
    truth = practice.GetNodeReference(TRUTH_ROLE)
    assert reveal(practice, True) is truth and true_segment(truth, 4)


def test_a_volume_that_is_gone_and_a_damaged_truth_are_said(scene: Any) -> None:
    import slicer

    from BrainMetsAILib.scene.practice import SEALED, add_practice_case
    from BrainMetsAILib.scene.practice_reading import is_submitted, signs_of_life, submit

    baseline, follow_up = add_practice_case(practice_case())
    damaged, orphan = practice_of(follow_up), practice_of(baseline)
    for text in ("", "nonsense", "e30="):
        damaged.SetParameter(SEALED, text)
        with pytest.raises(ValueError, match="damaged; make the case with the number 7 again"):
            submit(damaged)
    assert not is_submitted(damaged)
    slicer.mrmlScene.RemoveNode(baseline)
    with pytest.raises(ValueError, match="no longer in the scene"):
        submit(orphan)
    assert signs_of_life(None), "a clock that still ticks finds no error"
    assert practice_of(None) is None


def test_signs_of_life_are_scrolling_and_editing(baseline: Any) -> None:
    import slicer

    from BrainMetsAILib.scene.practice_reading import signs_of_life

    segmentation = read_by_hand(baseline, ALL, GRIDS["plain"])
    before = signs_of_life(baseline)
    assert signs_of_life(baseline) == before
    node = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    node.SetSliceOffset(node.GetSliceOffset() + 3.0)
    scrolled = signs_of_life(baseline)
    assert scrolled != before
    segmentation.GetSegmentation().GetNthSegment(0).SetTag("a", "b")
    assert signs_of_life(baseline) != scrolled
