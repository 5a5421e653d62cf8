"""Finding twice in the same volume: what a person did stays, everything else is brought up to date."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from BrainMetsAILib.images.geometry import array_of
from drawn_heads import BALLS, GRIDS, Ball, draw_finding, draw_head

pytest.importorskip("slicer")

GRID = GRIDS["left-handed oblique"]
NEW_BALL = Ball((20.0, -25.0, -15.0), 5.0, 2.5)


def write(volume: Any, balls: tuple[Ball, ...]) -> Any:
    from BrainMetsAILib.scene.review import write_review

    return write_review(volume, draw_finding(GRID, balls))


@pytest.fixture
def volume(scene: Any) -> Any:
    from BrainMetsAILib.scene.volumes import add_volume

    return add_volume(draw_head(GRID), "T1c")


def by_name(segmentation: Any) -> dict[str, Any]:
    from BrainMetsAILib.scene.segments import read_lesion_list

    return {lesion.name: lesion for lesion in read_lesion_list(segmentation, include_rejected=True)}


def test_the_same_finding_twice_changes_nothing(volume: Any) -> None:
    import slicer

    first = by_name(write(volume, BALLS).segmentation)
    nodes = write(volume, BALLS)
    assert by_name(nodes.segmentation) == first
    assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == 1
    assert len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == 3
    assert len(slicer.util.getNodesByClass("vtkMRMLTableNode")) == 1
    assert nodes.table.GetNumberOfRows() == 3


def test_a_volume_that_was_turned_since_keeps_its_lesions(volume: Any) -> None:
    import vtk

    segmentation = write(volume, BALLS).segmentation
    before = by_name(segmentation)
    turn = vtk.vtkTransform()
    turn.RotateZ(20.0)
    volume.ApplyTransform(turn)
    finding = draw_finding(GRID, BALLS)
    from BrainMetsAILib.images.geometry import array_of
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.volumes import volume_image

    moved = volume_image(volume)
    for part in ("labels", "necrosis_mask", "enhancing", "necrosis"):
        getattr(finding, part).CopyInformation(moved)
    assert array_of(finding.labels).any()
    with pytest.raises(ValueError, match="moved or turned since"):
        write_review(volume, finding)
    assert segmentation.GetSegmentation().GetNumberOfSegments() == len(before) + 1  # and the necrosis


def test_untouched_lesions_follow_the_new_finding_and_keep_their_identity(volume: Any) -> None:
    first = by_name(write(volume, BALLS).segmentation)
    grown = (BALLS[2], Ball(BALLS[0].centre, 11.0, 5.0), NEW_BALL)
    nodes = write(volume, grown)
    second = by_name(nodes.segmentation)
    assert set(second) == {"M01", "M03", "M04"}, "M02 was not found again; the new one has a number of its own"
    assert second["M01"].lesion_uid == first["M01"].lesion_uid and second["M01"].tracking_uid == first["M01"].tracking_uid
    assert second["M01"].measurements.volume_ml > 1.5 * first["M01"].measurements.volume_ml
    assert second["M03"].lesion_uid == first["M03"].lesion_uid
    assert np.abs(np.array(second["M04"].measurements.centroid_ras) - NEW_BALL.centre).max() < 0.7
    assert second["M04"].measurements.necrotic_ml > 0
    assert second["M04"].lesion_uid not in {lesion.lesion_uid for lesion in first.values()}


def test_judged_edited_and_drawn_lesions_stay_exactly(volume: Any) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.masks import MaskCrop, oriented_image, reference_grid, segment_crop
    from BrainMetsAILib.scene.segments import lesion_segment_ids, origin_of

    nodes = write(volume, BALLS)
    content = nodes.segmentation.GetSegmentation()
    ids = lesion_segment_ids(nodes.segmentation)
    tags.set_review(content.GetSegment(ids[0]), tags.ACCEPTED)
    tags.set_review(content.GetSegment(ids[2]), tags.REJECTED)
    own = reference_grid(nodes.segmentation)
    crop = segment_crop(nodes.segmentation, ids[1], own)
    assert crop is not None
    smaller = crop.mask.copy()
    smaller[0] = False
    content.GetSegment(ids[1]).AddRepresentation("Binary labelmap", oriented_image(MaskCrop(smaller, crop.box), own.ijk_to_ras))
    assert [origin_of(nodes.segmentation, segment_id) for segment_id in ids] == ["AI", "AI, edited", "AI"]
    first = by_name(nodes.segmentation)

    shifted = tuple(Ball(tuple(np.array(ball.centre) + 1.5), ball.radius_mm + 2, ball.core_mm) for ball in BALLS)
    second = by_name(write(volume, (*shifted, NEW_BALL)).segmentation)
    for name in ("M01", "M02", "M03"):
        assert second[name] == first[name]
    assert set(second) == {"M01", "M02", "M03", "M04"}
    assert second["M04"].measurements.necrotic_ml > 0
    rejected = segment_crop(nodes.segmentation, ids[2], own)
    assert rejected is not None and tags.read_tag(content.GetSegment(ids[2]), tags.REVIEW) == tags.REJECTED


def test_necrosis_says_who_drew_it_after_a_second_run(volume: Any) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.masks import reference_grid, segment_crop, write_mask
    from BrainMetsAILib.scene.review import begin_review
    from BrainMetsAILib.scene.segments import lesion_segment_ids, necrosis_segment_id
    from BrainMetsAILib.scene.settling import held_by, settle

    def kind() -> tuple[str, str]:
        dead = segmentation.GetSegmentation().GetSegment(necrosis_segment_id(segmentation))
        return tags.read_tag(dead, tags.ALGORITHM_TYPE), tags.read_tag(dead, tags.MODEL)

    segmentation = begin_review(volume).segmentation
    assert kind() == ("MANUAL", "")
    write(volume, BALLS)
    assert kind() == ("AUTOMATIC", "drawn")
    before, lesion = held_by(segmentation), lesion_segment_ids(segmentation)[0]
    write_mask(segmentation, str(necrosis_segment_id(segmentation)), segment_crop(segmentation, lesion, reference_grid(segmentation)))
    settle(segmentation, before)
    assert kind()[0] == "SEMIAUTOMATIC"
    tags.set_review(segmentation.GetSegmentation().GetSegment(lesion), tags.ACCEPTED)
    write(volume, BALLS)
    assert kind()[0] == "SEMIAUTOMATIC", "a person’s part is still in it"
    tags.set_review(segmentation.GetSegmentation().GetSegment(lesion), tags.UNREVIEWED)
    painted = by_name(segmentation)["M01"].measurements.necrotic_ml
    write(volume, BALLS)
    assert kind()[0] == "SEMIAUTOMATIC" and by_name(segmentation)["M01"].measurements.necrotic_ml == painted, "unjudged, but edited"


def test_lesions_never_overlap_after_a_second_run(volume: Any) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.masks import grid_of, segment_crop
    from BrainMetsAILib.scene.segments import lesion_segment_ids

    nodes = write(volume, BALLS)
    tags.set_review(nodes.segmentation.GetSegmentation().GetSegment(lesion_segment_ids(nodes.segmentation)[0]), tags.ACCEPTED)
    nodes = write(volume, (Ball(tuple(np.array(BALLS[0].centre) + 8.0), 8.0), BALLS[1], NEW_BALL))
    grid = grid_of(nodes.segmentation)
    count = np.zeros(grid.shape, int)
    for segment_id in lesion_segment_ids(nodes.segmentation):
        crop = segment_crop(nodes.segmentation, segment_id, grid)
        assert crop is not None
        count[crop.box] += crop.mask
    assert count.max() == 1


def test_a_second_run_after_loading_a_left_handed_scene(volume: Any, tmp_path: Path) -> None:
    """The volume comes back right-handed with its slices reversed; the segmentation does not."""
    from BrainMetsAILib.images.geometry import ijk_to_ras, image_from_ijk_to_ras
    from BrainMetsAILib.models.finding import Finding
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb
    from BrainMetsAILib.scene.review import read_examination, review_nodes, reviews, write_review
    from BrainMetsAILib.scene.volumes import ijk_to_ras_of, volume_image

    first = by_name(write(volume, BALLS).segmentation)
    save_mrb(tmp_path / "scene.mrb")
    load_mrb(tmp_path / "scene.mrb")
    (segmentation,) = reviews()
    loaded = review_nodes(segmentation).volume
    assert np.linalg.det(ijk_to_ras(GRID)) * np.linalg.det(ijk_to_ras_of(loaded)) < 0
    image = volume_image(loaded)
    on_loaded_grid = draw_finding(image_from_ijk_to_ras(array_of(image), ijk_to_ras_of(loaded)))
    assert isinstance(on_loaded_grid, Finding)
    second = by_name(write_review(loaded, on_loaded_grid).segmentation)
    for name, lesion in first.items():
        assert second[name].lesion_uid == lesion.lesion_uid
        assert second[name].measurements.volume_ml == pytest.approx(lesion.measurements.volume_ml, rel=1e-6)
        np.testing.assert_allclose(second[name].measurements.centroid_ras, lesion.measurements.centroid_ras, atol=1e-4)
    np.testing.assert_array_equal(array_of(read_examination(segmentation).lesions.labels), array_of(on_loaded_grid.labels))
