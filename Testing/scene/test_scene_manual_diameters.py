"""Diameters that a person draws: kept in tags, reported everywhere, undone, saved, and taken back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reviewed_scene import reviewed, segment, uids

pytest.importorskip("slicer")

# Across the ball at (25, 10, 15): 14 mm along R, 11 mm along A, in its middle slice.
LONGEST = ((18.0, 10.0, 15.0), (32.0, 10.0, 15.0))
ACROSS = ((25.0, 4.5, 15.0), (25.0, 15.5, 15.0))


@pytest.fixture
def segmentation(scene: Any) -> Any:
    return reviewed().segmentation


def first_lesion(segmentation: Any) -> Any:
    from BrainMetsAILib.scene.segments import read_lesion_list

    return read_lesion_list(segmentation)[0]


def test_they_are_reported_everywhere_and_marked(segmentation: Any) -> None:
    from BrainMetsAILib.exchange.lesion_columns import column
    from BrainMetsAILib.scene.decisions import set_automatic_diameters, set_manual_diameters
    from BrainMetsAILib.scene.history import NoHistory
    from BrainMetsAILib.scene.log import read_log
    from BrainMetsAILib.scene.review import read_examination, review_nodes
    from BrainMetsAILib.scene.tables import lesion_table

    before = first_lesion(segmentation)
    uid = before.lesion_uid
    assert not before.measurements.whole.manual and column("diameters_by_hand").text(before) == "no"
    assert set_manual_diameters(segmentation, uid, ACROSS, LONGEST, NoHistory()), "whichever was dragged longer"
    lesion = first_lesion(segmentation)
    pair = lesion.measurements.whole
    assert pair.manual and (pair.longest_mm, pair.perpendicular_mm) == pytest.approx((14.0, 11.0))
    assert pair.longest_ends_ras == LONGEST and pair.slice_index == before.measurements.whole.slice_index
    assert lesion.measurements.measurability.measurable and "by hand" in lesion.measurements.measurability.reason
    assert lesion.measurements.volume_ml == before.measurements.volume_ml
    assert column("longest_diameter_mm").text(lesion) == "14.00" and column("diameters_by_hand").text(lesion) == "yes"
    assert read_examination(segmentation).lesions.lesions[0] == lesion
    table = lesion_table(segmentation, review_nodes(segmentation).table).GetTable()
    assert table.GetColumnByName("Longest diameter (mm)").GetValue(0) == pytest.approx(14.0)
    entry = read_log()[-1]
    assert entry["event"] == "manual diameters" and entry["lesion"] == "M01" and entry["before"] == ""
    assert set_automatic_diameters(segmentation, uid, NoHistory()) and first_lesion(segmentation) == before
    assert not set_automatic_diameters(segmentation, uid, NoHistory())


def test_a_person_decides_what_is_measurable(segmentation: Any) -> None:
    """RANO-BM counts what was measured: 9 mm by hand is not 10 mm, whatever the outline says."""
    from BrainMetsAILib.scene.decisions import set_manual_diameters
    from BrainMetsAILib.scene.history import NoHistory

    assert first_lesion(segmentation).measurements.measurability.measurable
    shorter = ((20.0, 10.0, 15.0), (29.0, 10.0, 15.0))
    set_manual_diameters(segmentation, uids(segmentation)[0], shorter, ((25.0, 7.0, 15.0), (25.0, 13.0, 15.0)), NoHistory())
    measurability = first_lesion(segmentation).measurements.measurability
    assert not measurability.measurable and "9.0 mm is below 10 mm" in measurability.reason and "by hand" in measurability.reason


def test_undo_redo_scene_file_and_a_second_run(segmentation: Any, tmp_path: Path) -> None:
    from BrainMetsAILib.scene.decisions import set_manual_diameters
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb
    from BrainMetsAILib.scene.review import review_nodes, reviews, write_review
    from drawn_heads import GRIDS, draw_finding
    from editor_history import EditorHistory

    history = EditorHistory(segmentation)
    automatic = first_lesion(segmentation)
    set_manual_diameters(segmentation, automatic.lesion_uid, LONGEST, ACROSS, history)
    drawn = first_lesion(segmentation)
    history.undo()
    assert first_lesion(segmentation) == automatic
    history.redo()
    assert first_lesion(segmentation) == drawn
    save_mrb(tmp_path / "scene.mrb")
    load_mrb(tmp_path / "scene.mrb")
    (loaded,) = reviews()
    again = first_lesion(loaded).measurements
    assert again.whole == drawn.measurements.whole and again.measurability == drawn.measurements.measurability
    write_review(review_nodes(loaded).volume, draw_finding(GRIDS["plain"]))
    assert first_lesion(loaded).measurements.whole.manual, "a second run touches no lesion that a person measured"


@pytest.mark.parametrize("text", ["", "nothing", "[1, 2]", '{"longest": [[0, 0, 0]], "perpendicular": 3}', '{"longest": null}'])
def test_a_tag_of_another_program_is_no_diameter(segmentation: Any, text: str) -> None:
    from BrainMetsAILib.scene import tags

    before = first_lesion(segmentation)
    tags.write_tag(segment(segmentation, before.lesion_uid), tags.MANUAL_DIAMETERS, text)
    assert first_lesion(segmentation) == before


def test_dragging_a_line_in_the_views(scene: Any) -> None:
    """Under a parent transform too: lines are drawn in the world, and kept in the segmentation's own space."""
    import slicer

    from BrainMetsAILib.scene.diameter_lines import LONGEST as LONGEST_LINE
    from BrainMetsAILib.scene.diameter_lines import DiameterLines, diameter_node

    segmentation = reviewed("oblique").segmentation
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = np.array([[0, -1, 0, 5], [1, 0, 0, -3], [0, 0, 1, 8], [0, 0, 0, 1]], dtype=float)
    slicer.util.updateTransformMatrixFromArray(transform, matrix)
    segmentation.SetAndObserveTransformNodeID(transform.GetID())
    drawn: list[Any] = []
    lines = DiameterLines(lambda *ends: drawn.append(ends))
    lines.prepare()
    pair = first_lesion(segmentation).measurements.whole
    lines.show(segmentation, pair)
    nodes = slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode")
    assert len(nodes) == 2 and all(node.GetDisplayNode().GetVisibility() for node in nodes)
    line = diameter_node(LONGEST_LINE)
    position = [0.0, 0.0, 0.0]
    for index in range(2):
        line.GetNthControlPointPositionWorld(index, position)
        np.testing.assert_allclose(position, (matrix @ [*pair.longest_ends_ras[index], 1.0])[:3], atol=1e-6)
    assert f"{pair.longest_mm:.1f} mm" in (line.GetNthControlPointLabel(0), line.GetNthControlPointLabel(1))

    line.InvokeEvent(line.PointEndInteractionEvent)
    assert drawn == [], "a click that moved nothing draws nothing"
    line.SetNthControlPointPositionWorld(1, *np.add(position, (0.0, 3.0, 0.0)))
    assert f"{pair.longest_mm:.1f} mm" not in (line.GetNthControlPointLabel(0), line.GetNthControlPointLabel(1)), "it tells while dragged"
    line.InvokeEvent(line.PointEndInteractionEvent)
    ((longest, across),) = drawn
    np.testing.assert_allclose(longest[0], pair.longest_ends_ras[0], atol=1e-6)
    np.testing.assert_allclose(longest[1], np.add(pair.longest_ends_ras[1], (3.0, 0.0, 0.0)), atol=1e-6)
    np.testing.assert_allclose(across, pair.perpendicular_ends_ras, atol=1e-6)

    slicer.mrmlScene.RemoveNode(line)  # a person deleted it
    lines.show(segmentation, pair)
    assert len(slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode")) == 2
    lines.hide()
    assert not any(node.GetDisplayNode().GetVisibility() for node in slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode"))
    lines.release()
    line = diameter_node(LONGEST_LINE)
    line.SetNthControlPointPositionWorld(0, 1.0, 2.0, 3.0)
    line.InvokeEvent(line.PointEndInteractionEvent)
    assert len(drawn) == 1, "released"


def test_lines_are_not_saved_with_the_scene(segmentation: Any, tmp_path: Path) -> None:
    import slicer

    from BrainMetsAILib.scene.diameter_lines import DiameterLines
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb

    lines = DiameterLines(lambda *_: None)
    lines.show(segmentation, first_lesion(segmentation).measurements.whole)
    save_mrb(tmp_path / "scene.mrb")
    lines.release()
    load_mrb(tmp_path / "scene.mrb")
    assert slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode") == []
