"""What a person decides about lesions: tags, visibility, log, and one undo history with the real editor logic."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reviewed_scene import reviewed, seen, segment, uids

pytest.importorskip("slicer")

HARD_TEXT = "gross | kaum, 50 % „sicher“\nzweite Zeile; {x} ☂"


@pytest.fixture
def nodes(scene: Any) -> Any:
    return reviewed()


@pytest.fixture
def history(nodes: Any) -> Any:
    from editor_history import EditorHistory

    return EditorHistory(nodes.segmentation)


def reviews_of(segmentation: Any) -> list[str]:
    from BrainMetsAILib.scene import tags

    return [tags.read_tag(segment(segmentation, uid), tags.REVIEW) for uid in uids(segmentation)]


def names(segmentation: Any) -> list[str]:
    from BrainMetsAILib.scene.segments import read_lesion_list

    return [lesion.name for lesion in read_lesion_list(segmentation)]


def last_entry() -> dict[str, Any]:
    from BrainMetsAILib.scene.log import read_log

    return read_log()[-1]


def necrotic_voxels(segmentation: Any) -> int:
    from BrainMetsAILib.scene.masks import reference_grid, segment_crop
    from BrainMetsAILib.scene.segments import necrosis_segment_id

    segment_id = necrosis_segment_id(segmentation)
    assert segment_id is not None
    crop = segment_crop(segmentation, segment_id, reference_grid(segmentation))
    return 0 if crop is None else int(crop.mask.sum())


def test_reject_and_take_back(nodes: Any, history: Any) -> None:
    from BrainMetsAILib.scene.decisions import decide, take_back
    from BrainMetsAILib.scene.segments import read_lesion_list

    segmentation = nodes.segmentation
    first = uids(segmentation)[0]
    volume_ml = read_lesion_list(segmentation)[0].measurements.volume_ml
    assert decide(segmentation, [first], "rejected", history) == 1
    assert reviews_of(segmentation) == ["rejected", "unreviewed", "unreviewed"]
    assert seen(segmentation) == [False, True, True] and names(segmentation) == ["M02", "M03"]
    entry = last_entry()
    assert (entry["event"], entry["lesion"], entry["lesion_uid"]) == ("decided", "M01", first)
    assert (entry["review_before"], entry["review_after"]) == ("unreviewed", "rejected")
    assert entry["volume_ml"] == pytest.approx(volume_ml, abs=1e-4)
    assert "who" in entry and entry["examination"] == segmentation.GetAttribute("BrainMetsAI.ExaminationUID")

    assert decide(segmentation, [first], "rejected", history) == 0 and history.saved == 1, "nothing changed, nothing saved"
    assert take_back(segmentation, [first, uids(segmentation)[1]], history) == 1
    assert reviews_of(segmentation) == ["unreviewed"] * 3 and seen(segmentation) == [True] * 3
    assert len(names(segmentation)) == 3


def test_what_post_processing_took_out_comes_back_only_by_a_persons_word(scene: Any) -> None:
    from BrainMetsAILib.scene.decisions import decide, take_back
    from BrainMetsAILib.scene.history import NoHistory

    segmentation = reviewed(removed={1: "choroid plexus"}).segmentation
    assert seen(segmentation) == [True, True, False]
    out = uids(segmentation)[2]
    assert take_back(segmentation, [out], NoHistory()) == 1
    assert reviews_of(segmentation)[2] == "accepted" and seen(segmentation) == [True] * 3 and len(names(segmentation)) == 3
    decide(segmentation, [out], "unreviewed", NoHistory())
    assert seen(segmentation) == [True, True, False], "the reason holds again"


def test_bulk_accept_takes_what_counts_as_one_step(nodes: Any, history: Any) -> None:
    from BrainMetsAILib.scene.decisions import accept_all, decide
    from BrainMetsAILib.scene.visibility import set_least_score

    segmentation = nodes.segmentation  # scores 0.9, 0.8, 0.7
    decide(segmentation, uids(segmentation)[:1], "rejected", history)
    set_least_score(0.75)
    saved = history.saved
    assert accept_all(segmentation, uids(segmentation), history) == 1
    assert reviews_of(segmentation) == ["rejected", "accepted", "unreviewed"]
    assert history.saved == saved + 1
    set_least_score(0.0)
    assert accept_all(segmentation, uids(segmentation), history) == 1
    history.undo()
    assert reviews_of(segmentation) == ["rejected", "accepted", "unreviewed"]


def test_class_and_comment(nodes: Any, history: Any, tmp_path: Path) -> None:
    from BrainMetsAILib.scene.decisions import set_class, set_comment
    from BrainMetsAILib.scene.listing import list_lesions
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb
    from BrainMetsAILib.scene.review import reviews
    from BrainMetsAILib.scene.segments import is_untouched, segment_of

    segmentation = nodes.segmentation
    first, second, _ = uids(segmentation)
    assert set_class(segmentation, first, " vascular ", history) and not set_class(segmentation, first, "vascular", history)
    assert set_comment(segmentation, second, HARD_TEXT, history)
    assert history.saved == 2 and (last_entry()["event"], last_entry()["after"]) == ("comment", HARD_TEXT)
    assert not is_untouched(segmentation, segment_of(segmentation, first) or "")
    assert not set_comment(segmentation, "2.25.1", "no such lesion", history)
    save_mrb(tmp_path / "scene.mrb")
    load_mrb(tmp_path / "scene.mrb")
    listed = list_lesions(reviews()[0])
    assert [entry.lesion_class for entry in listed] == ["vascular", "", ""]
    assert listed[1].comment == HARD_TEXT


def test_one_history_covers_paint_and_decisions_and_redo_survives_looking_around(nodes: Any, history: Any) -> None:
    from vtk.util.numpy_support import vtk_to_numpy

    from BrainMetsAILib.scene.decisions import decide, set_comment
    from BrainMetsAILib.scene.diameter_lines import DiameterLines
    from BrainMetsAILib.scene.focus import focus_lesion, overview, toggle_outlines
    from BrainMetsAILib.scene.listing import list_lesions
    from BrainMetsAILib.scene.overlays import toggle_overlay
    from BrainMetsAILib.scene.segments import read_lesion_list, segment_of
    from BrainMetsAILib.scene.shown import show_counted
    from BrainMetsAILib.scene.visibility import set_least_score

    segmentation = nodes.segmentation
    first, second, third = uids(segmentation)
    segment_id = segment_of(segmentation, second) or ""

    def state() -> Any:
        return [(entry.lesion, entry.review, entry.comment, entry.origin) for entry in list_lesions(segmentation)]

    states = [state()]
    decide(segmentation, [first], "accepted", history)
    states.append(state())
    history.save()  # a stroke: the editor saves its state first
    history.logic.SetCurrentSegmentID(segment_id)
    history.logic.SetSourceVolumeNode(nodes.volume)
    history.logic.UpdateReferenceGeometryImage()
    history.logic.ResetModifierLabelmapToDefault()
    brush = history.logic.GetModifierLabelmap()
    vtk_to_numpy(brush.GetPointData().GetScalars()).reshape(brush.GetDimensions()[::-1])[2:5, 2:6, 2:6] = 1
    history.logic.ModifySegmentByLabelmap(segmentation, segment_id, brush, history.logic.ModificationModeAdd, False, False)
    states.append(state())
    assert states[2][1][3] == "AI, edited" and states[1][1][3] == "AI"
    set_comment(segmentation, second, "seen", history)
    states.append(state())
    decide(segmentation, [third], "rejected", history)
    states.append(state())
    for expected in reversed(states[:-1]):
        history.undo()
        show_counted(segmentation)  # as the panel does when segments changed
        assert state() == expected
    assert seen(segmentation) == [True] * 3

    lesion = read_lesion_list(segmentation)[1]
    lines = DiameterLines(lambda *_: None)
    for _ in range(2):
        focus_lesion(segmentation, segment_id, lesion.measurements.whole)
        lines.show(segmentation, lesion.measurements.whole)
        lines.hide()
        overview(segmentation)
        toggle_outlines(segmentation)
        toggle_overlay(segmentation)
    set_least_score(0.95)
    set_least_score(0.0)
    show_counted(segmentation)
    lines.release()
    for expected in states[1:]:
        assert history.can_redo
        history.redo()
        show_counted(segmentation)
        assert state() == expected
    assert seen(segmentation) == [True, True, False]


def test_masks_never_change_by_a_decision(nodes: Any, history: Any) -> None:
    from BrainMetsAILib.images.geometry import array_of
    from BrainMetsAILib.scene.decisions import accept_all, decide, set_class, set_comment, take_back
    from BrainMetsAILib.scene.segments import read_lesions

    segmentation = nodes.segmentation
    labels = array_of(read_lesions(segmentation, include_rejected=True).labels).copy()
    first, second, _ = uids(segmentation)
    decide(segmentation, [first, second], "rejected", history)
    take_back(segmentation, [first], history)
    set_class(segmentation, second, "cyst", history)
    set_comment(segmentation, second, "x", history)
    accept_all(segmentation, uids(segmentation), history)
    np.testing.assert_array_equal(array_of(read_lesions(segmentation, include_rejected=True).labels), labels)
