"""A finding written into a real MRML scene: right places, tags, overlap, tables, on every kind of grid."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from BrainMetsAILib.images.geometry import array_of, ijk_to_ras, lps_to_ras
from BrainMetsAILib.lesions.lesion_list import lesion_set, total_enhancing_ml
from drawn_heads import BALLS, GRIDS, PROVENANCE, draw_finding, draw_head
from shared_data import shared_volume

pytest.importorskip("slicer")

EVERY_GRID = pytest.mark.parametrize("grid", list(GRIDS))


def review(image: sitk.Image, finding: Any, name: str = "Baseline T1c") -> Any:
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.volumes import add_volume

    return write_review(add_volume(image, name), finding)


def world_points(mask: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """RAS of the voxels of a mask [k, j, i], by plain arithmetic."""
    kji = np.argwhere(mask)
    return np.c_[kji[:, ::-1], np.ones(len(kji))] @ matrix.T


@EVERY_GRID
def test_slicers_own_export_of_each_segment_lies_where_the_ball_is(scene: Any, grid: str) -> None:
    import slicer

    nodes = review(draw_head(GRIDS[grid]), draw_finding(GRIDS[grid]))
    spacing = np.array(GRIDS[grid].GetSpacing())
    matrix = ijk_to_ras(GRIDS[grid])
    segmentation = nodes.segmentation.GetSegmentation()
    for index, ball in enumerate(BALLS):
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(nodes.segmentation, segmentation.GetNthSegmentID(index), nodes.volume) > 0
        points = world_points(mask, matrix)[:, :3]
        assert np.abs(points.mean(axis=0) - ball.centre).max() < 0.5 * spacing.max()
        assert len(points) * np.prod(spacing) == pytest.approx(4 / 3 * np.pi * ball.radius_mm**3, rel=0.15)
        assert np.linalg.norm(points - ball.centre, axis=1).max() < ball.radius_mm


@EVERY_GRID
def test_live_measurements_agree_with_an_independent_computation(scene: Any, grid: str) -> None:
    from BrainMetsAILib.scene.segments import read_lesion_list, read_lesions

    finding = draw_finding(GRIDS[grid])
    nodes = review(draw_head(GRIDS[grid]), finding)
    labels, dead = array_of(finding.labels), array_of(finding.necrosis_mask) > 0
    voxel_ml = float(np.prod(GRIDS[grid].GetSpacing())) / 1000
    matrix = ijk_to_ras(GRIDS[grid])
    lesions = read_lesion_list(nodes.segmentation)
    assert [lesion.name for lesion in lesions] == ["M01", "M02", "M03"]
    for lesion in lesions:
        mask = labels == lesion.number
        measured = lesion.measurements
        assert measured.voxel_count == mask.sum()
        assert measured.volume_ml == pytest.approx(mask.sum() * voxel_ml, rel=1e-9)
        assert measured.necrotic_ml == pytest.approx((mask & dead).sum() * voxel_ml, abs=1e-9)
        assert measured.enhancing_ml == pytest.approx((mask & ~dead).sum() * voxel_ml, rel=1e-9)
        np.testing.assert_allclose(measured.centroid_ras, world_points(mask, matrix).mean(axis=0)[:3], atol=1e-6)
    whole = read_lesions(nodes.segmentation)
    np.testing.assert_array_equal(array_of(whole.labels), labels)
    np.testing.assert_array_equal(array_of(whole.necrosis) > 0, dead)
    assert whole.lesions == lesions


def test_the_scene_has_the_librarys_numbers_and_uids(scene: Any) -> None:
    from BrainMetsAILib.scene.review import read_examination, write_review
    from BrainMetsAILib.scene.volumes import add_volume

    finding = draw_finding(GRIDS["oblique"])
    lesions = lesion_set(finding.labels, finding.necrosis_mask, finding.scores)
    nodes = write_review(add_volume(draw_head(GRIDS["oblique"]), "T1c"), finding, lesions)
    again = read_examination(nodes.segmentation)
    assert again.lesions.lesions == lesions.lesions
    assert again.provenance == PROVENANCE
    np.testing.assert_array_equal(array_of(again.image), array_of(draw_head(GRIDS["oblique"])))
    assert total_enhancing_ml(again.lesions.lesions) == total_enhancing_ml(lesions.lesions)


def test_the_table_shows_the_library_numbers(scene: Any) -> None:
    from BrainMetsAILib.exchange.lesion_columns import COLUMNS
    from BrainMetsAILib.scene.segments import read_lesion_list

    nodes = review(draw_head(GRIDS["plain"]), draw_finding(GRIDS["plain"]))
    table = nodes.table
    lesions = read_lesion_list(nodes.segmentation)
    assert table.GetNumberOfRows() == len(lesions)
    for index, entry in enumerate(COLUMNS):
        assert table.GetColumnName(index) == entry.heading
        for row, lesion in enumerate(lesions):
            cell, value = table.GetTable().GetValue(row, index), entry.value(lesion)
            if isinstance(value, float):
                assert cell.ToDouble() == pytest.approx(value, abs=0.51 * 10.0**-entry.decimals)  # type: ignore[operator]
            elif isinstance(value, bool):
                assert cell.ToString() == ("yes" if value else "no")
            else:
                assert cell.ToString() == (str(value) or "–")
    assert table.GetTable().GetColumnByName("Review").GetValue(0) == "unreviewed"
    assert table.GetTable().GetColumnByName("Origin").GetValue(0) == "AI"


def test_segments_carry_what_is_known_of_them(scene: Any) -> None:
    import slicer

    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.segments import LESION_TERMINOLOGY, NECROSIS_TERMINOLOGY, necrosis_segment_id

    nodes = review(draw_head(GRIDS["plain"]), draw_finding(GRIDS["plain"]))
    content = nodes.segmentation.GetSegmentation()
    uids, tracking, colours = set(), set(), set()
    for index in range(3):
        segment = content.GetNthSegment(index)
        uids.add(tags.read_tag(segment, tags.LESION_UID))
        tracking.add(tags.read_tag(segment, tags.TRACKING_UID))
        colours.add(segment.GetColor())
        assert tags.read_tag(segment, tags.REVIEW) == tags.UNREVIEWED
        assert float(tags.read_tag(segment, tags.SCORE)) == pytest.approx(1 - (index + 1) / 10)
        assert tags.read_tag(segment, tags.MODEL_SHA256) == PROVENANCE.sha256
        assert segment.GetTerminology() == LESION_TERMINOLOGY
        assert slicer.vtkSlicerSegmentationsModuleLogic.GetSegmentStatus(segment) == slicer.vtkSlicerSegmentationsModuleLogic.NotStarted
    dead = content.GetSegment(necrosis_segment_id(nodes.segmentation))
    assert dead.GetTerminology() == NECROSIS_TERMINOLOGY
    assert len(uids) == len(tracking) == 3 and not uids & tracking
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in uids | tracking)
    assert len(colours | {dead.GetColor()}) == 4
    tags.set_review(content.GetNthSegment(0), tags.ACCEPTED)
    assert (
        slicer.vtkSlicerSegmentationsModuleLogic.GetSegmentStatus(content.GetNthSegment(0))
        == slicer.vtkSlicerSegmentationsModuleLogic.Completed
    )
    with pytest.raises(ValueError, match="perhaps"):
        tags.set_review(content.GetNthSegment(0), "perhaps")


def test_rejected_lesions_stay_out_of_totals_and_in_the_table(scene: Any) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.segments import read_lesion_list, read_lesions
    from BrainMetsAILib.scene.tables import lesion_table

    nodes = review(draw_head(GRIDS["plain"]), draw_finding(GRIDS["plain"]))
    tags.set_review(nodes.segmentation.GetSegmentation().GetNthSegment(0), tags.REJECTED)
    assert [lesion.name for lesion in read_lesion_list(nodes.segmentation)] == ["M02", "M03"]
    assert len(read_lesion_list(nodes.segmentation, include_rejected=True)) == 3
    whole = read_lesions(nodes.segmentation)
    assert set(np.unique(array_of(whole.labels))) == {0, 2, 3}
    assert not array_of(whole.necrosis).any(), "the necrosis was inside the rejected lesion"
    table = lesion_table(nodes.segmentation, nodes.table)
    assert table is nodes.table
    assert [table.GetTable().GetColumnByName("Review").GetValue(row) for row in range(3)] == ["rejected", "unreviewed", "unreviewed"]


def test_a_segment_copied_from_another_examination_gets_a_number_of_its_own(scene: Any) -> None:
    from BrainMetsAILib.scene.segments import lesion_segment_ids, read_lesions

    one, other = (review(draw_head(GRIDS["plain"]), draw_finding(GRIDS["plain"]), name) for name in ("before", "after"))
    source = one.segmentation.GetSegmentation()
    copied = lesion_segment_ids(one.segmentation)[0]
    assert other.segmentation.GetSegmentation().CopySegmentFromSegmentation(source, copied)
    lesions = read_lesions(other.segmentation).lesions
    assert [(lesion.number, lesion.name) for lesion in lesions] == [(1, "M01"), (2, "M02"), (3, "M03"), (4, "M04")]
    assert len({lesion.lesion_uid for lesion in lesions}) == len({lesion.tracking_uid for lesion in lesions}) == 4
    assert not {lesion.lesion_uid for lesion in lesions[3:]} & {lesion.lesion_uid for lesion in read_lesions(one.segmentation).lesions}


def test_candidates_below_the_score_are_doubtful_until_a_person_has_judged_them(scene: Any) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.segments import read_doubtful_lesions, read_lesions
    from BrainMetsAILib.scene.visibility import set_least_score

    nodes = review(draw_head(GRIDS["plain"]), draw_finding(GRIDS["plain"]))
    assert not read_doubtful_lesions(nodes.segmentation).lesions
    set_least_score(1.0)
    doubtful = read_doubtful_lesions(nodes.segmentation)
    assert [lesion.name for lesion in doubtful.lesions] == ["M01", "M02", "M03"] and not read_lesions(nodes.segmentation).lesions
    assert set(np.unique(array_of(doubtful.labels))) == {0, 1, 2, 3}
    content = nodes.segmentation.GetSegmentation()
    for place, review_tag in enumerate((tags.REJECTED, tags.ACCEPTED)):
        tags.set_review(content.GetNthSegment(place), review_tag)
    assert [lesion.name for lesion in read_doubtful_lesions(nodes.segmentation).lesions] == ["M03"]


def test_what_post_processing_took_out_is_kept_hidden_with_its_reason(scene: Any, tmp_path: Path) -> None:
    from BrainMetsAILib.models.postprocess import Candidates, separated
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb
    from BrainMetsAILib.scene.review import read_examination, review_nodes, reviews
    from BrainMetsAILib.scene.segments import lesion_segment_ids, read_lesion_list, read_lesions
    from BrainMetsAILib.scene.tables import lesion_table
    from BrainMetsAILib.worker.payload import read_finding, write_finding

    image, whole = draw_head(GRIDS["plain"]), draw_finding(GRIDS["plain"])
    kept, removed = separated(Candidates(whole.labels, whole.necrosis_mask, whole.scores), {1: "choroid plexus"})
    finding = replace(whole, labels=kept.labels, scores=kept.scores, necrosis_mask=kept.necrosis_mask, removed=removed)
    nodes = review(image, read_finding(write_finding(tmp_path, finding), image))
    content = nodes.segmentation.GetSegmentation()
    ids = lesion_segment_ids(nodes.segmentation)
    assert [content.GetSegment(i).GetName() for i in ids] == ["M01", "M02", "M03"]
    assert [tags.read_tag(content.GetSegment(i), tags.REMOVED) for i in ids] == ["", "", "choroid plexus"]
    display = nodes.segmentation.GetDisplayNode()
    assert [display.GetSegmentVisibility(i) for i in ids] == [True, True, False]
    assert [lesion.name for lesion in read_lesion_list(nodes.segmentation)] == ["M01", "M02"]
    assert not array_of(read_lesions(nodes.segmentation).necrosis).any(), "the only necrosis lies in what was taken out"
    table = lesion_table(nodes.segmentation, nodes.table).GetTable()
    assert [table.GetColumnByName("Removed").GetValue(row) for row in range(3)] == ["–", "–", "choroid plexus"]

    save_mrb(tmp_path / "removed.mrb")
    load_mrb(tmp_path / "removed.mrb")
    segmentation = review_nodes(reviews()[0]).segmentation
    assert len(read_examination(segmentation).lesions.lesions) == 2
    ids = lesion_segment_ids(segmentation)
    assert [segmentation.GetDisplayNode().GetSegmentVisibility(i) for i in ids] == [True, True, False]
    tags.set_review(segmentation.GetSegmentation().GetSegment(ids[2]), tags.ACCEPTED)  # a person takes it back
    lesions = read_examination(segmentation).lesions
    assert len(lesions.lesions) == 3 and array_of(lesions.necrosis).any()


def test_a_parent_transform_moves_what_is_seen_and_not_what_is_measured(scene: Any) -> None:
    import slicer

    from BrainMetsAILib.scene.layout import segment_centre
    from BrainMetsAILib.scene.review import review_nodes
    from BrainMetsAILib.scene.segments import read_lesion_list
    from BrainMetsAILib.scene.volumes import volume_image

    nodes = review(draw_head(GRIDS["left-handed"]), draw_finding(GRIDS["left-handed"]))
    before = read_lesion_list(nodes.segmentation)
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = np.array([[0, -1, 0, 5], [1, 0, 0, -3], [0, 0, 1, 8], [0, 0, 0, 1]], dtype=float)
    slicer.util.updateTransformMatrixFromArray(transform, matrix)
    for node in (nodes.volume, nodes.segmentation, nodes.probability):
        node.SetAndObserveTransformNodeID(transform.GetID())
    assert read_lesion_list(nodes.segmentation) == before
    np.testing.assert_allclose(ijk_to_ras(volume_image(nodes.volume)), ijk_to_ras(GRIDS["left-handed"]), atol=1e-9)
    segment_id = nodes.segmentation.GetSegmentation().GetNthSegmentID(0)
    moved = (matrix @ [*BALLS[0].centre, 1.0])[:3]
    assert np.abs(np.array(segment_centre(nodes.segmentation, segment_id)) - moved).max() < 1.6
    np.testing.assert_allclose(segment_centre(nodes.segmentation, segment_id), nodes.segmentation.GetSegmentCenterRAS(segment_id), atol=0.8)
    assert review_nodes(nodes.segmentation).volume is nodes.volume


def test_views_show_the_volume_with_its_overlay_and_the_table(scene: Any) -> None:
    import slicer

    from BrainMetsAILib.scene.layout import show_for_file, show_lesion

    nodes = review(draw_head(GRIDS["plain"]), draw_finding(GRIDS["plain"]))
    show_for_file(nodes)
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert len(composites) == 3
    for composite in composites:
        assert composite.GetBackgroundVolumeID() == nodes.volume.GetID()
        assert composite.GetForegroundVolumeID() == nodes.probability.GetID()
    selection = slicer.app.applicationLogic().GetSelectionNode()
    assert selection.GetActiveVolumeID() == nodes.volume.GetID()
    assert selection.GetActiveTableID() == nodes.table.GetID()
    show_lesion(nodes.segmentation, nodes.segmentation.GetSegmentation().GetNthSegmentID(1))
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        to_ras = node.GetSliceToRAS()
        assert np.abs(np.array([to_ras.GetElement(row, 3) for row in range(3)]) - BALLS[1].centre).max() < 1.0
        assert node.GetFieldOfView()[0] == pytest.approx(60.0)


def test_no_lesion_at_all_is_a_review_too(scene: Any) -> None:
    from BrainMetsAILib.scene.layout import show_for_file
    from BrainMetsAILib.scene.review import read_examination

    nodes = review(draw_head(GRIDS["plain"], ()), draw_finding(GRIDS["plain"], ()))
    show_for_file(nodes)
    assert nodes.segmentation.GetSegmentation().GetNumberOfSegments() == 1
    assert read_examination(nodes.segmentation).lesions.lesions == ()
    assert nodes.table.GetNumberOfRows() == 0


def test_a_finding_on_another_grid_is_refused(scene: Any) -> None:
    with pytest.raises(ValueError, match="not on the grid of the volume"):
        review(draw_head(GRIDS["plain"]), draw_finding(GRIDS["oblique"]))


@pytest.mark.parametrize("relative", ["t1/datalad_t1.nii.gz", "t1c/mr_gd.nii.gz"])
def test_real_head_with_drawn_in_lesions(scene: Any, relative: str) -> None:
    from BrainMetsAILib.scene.segments import read_lesion_list
    from drawn_heads import Ball

    image = sitk.ReadImage(str(shared_volume(relative)), sitk.sitkFloat32)
    middle = lps_to_ras(image.TransformContinuousIndexToPhysicalPoint([n / 2 for n in image.GetSize()]))
    balls = (Ball(tuple(middle + np.array([25.0, 5.0, 20.0])), 11.0, 5.0), Ball(tuple(middle + np.array([-30.0, -10.0, 25.0])), 3.0))
    nodes = review(image, draw_finding(image, balls))
    first, second = read_lesion_list(nodes.segmentation)
    for lesion, ball in ((first, balls[0]), (second, balls[1])):
        assert np.abs(np.array(lesion.measurements.centroid_ras) - ball.centre).max() < 0.5
        assert lesion.measurements.volume_ml == pytest.approx(4 / 3 * np.pi * ball.radius_mm**3 / 1000, rel=0.1)
    assert first.measurements.necrotic_ml == pytest.approx(4 / 3 * np.pi * 5.0**3 / 1000, rel=0.1)
    display = nodes.volume.GetDisplayNode()
    low, high = display.GetWindowLevelMin(), display.GetWindowLevelMax()
    tissue = array_of(image)[array_of(image) > 0.1 * np.percentile(array_of(image), 99)]
    assert low < np.percentile(tissue, 5) and np.percentile(tissue, 98) < high <= tissue.max()
