"""Prior contours taken over as lesions: right places on any grid, no overlap, and a sentence where it cannot be done."""

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from BrainMetsAILib.images.examination import ImageRefused
from BrainMetsAILib.images.geometry import array_of, ijk_to_ras, image_from_ijk_to_ras, image_like
from drawn_heads import BALLS, GRIDS, Ball, distance_mm, draw_finding, draw_head, grid

pytest.importorskip("slicer")

FINE = grid(np.diag([-1.0, -1.0, 1.0]), (0.8, 0.8, 0.9))


def volume_on(name: str = "plain") -> Any:
    from BrainMetsAILib.scene.volumes import add_volume

    return add_volume(draw_head(GRIDS[name]), "T1c")


def ball_labels(on: sitk.Image, balls: tuple[Ball, ...] = BALLS, one: bool = False) -> np.ndarray:
    labels = np.zeros(on.GetSize()[::-1], np.uint8)
    for number, ball in enumerate(balls, start=1):
        labels[distance_mm(on, ball.centre) < ball.radius_mm] = 1 if one else number
    return labels


def label_map(on: sitk.Image, labels: np.ndarray, name: str = "old contours") -> Any:
    import slicer

    from BrainMetsAILib.scene.volumes import vtk_matrix

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", name)
    node.SetIJKToRASMatrix(vtk_matrix(ijk_to_ras(on)))
    slicer.util.updateVolumeFromArray(node, labels)
    return node


def segmentation(on: sitk.Image, masks: dict[str, np.ndarray], name: str = "old contours") -> Any:
    """A segmentation as Slicer makes it, with a reference geometry of its own."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    for title, mask in masks.items():
        temporary = label_map(on, mask.astype(np.uint8), title)
        assert slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(temporary, node)
        node.GetSegmentation().GetNthSegment(node.GetSegmentation().GetNumberOfSegments() - 1).SetName(title)
        slicer.mrmlScene.RemoveNode(temporary)
    return node


def check_balls(taken: Any, tolerance_mm: float, balls: tuple[Ball, ...] = BALLS) -> None:
    from BrainMetsAILib.scene.segments import read_lesion_list

    lesions = read_lesion_list(taken.segmentation)
    assert len(lesions) == len(balls)
    for ball in balls:
        nearest = min(lesions, key=lambda lesion: float(np.linalg.norm(np.array(lesion.measurements.centroid_ras) - ball.centre)))
        assert np.linalg.norm(np.array(nearest.measurements.centroid_ras) - ball.centre) < tolerance_mm
        assert nearest.measurements.volume_ml == pytest.approx(4 / 3 * np.pi * ball.radius_mm**3 / 1000, rel=0.2)
        assert nearest.measurements.necrotic_ml == 0


@pytest.mark.parametrize("volume_grid", ["plain", "left-handed", "oblique", "sagittal anisotropic"])
@pytest.mark.parametrize("source_grid", ["left-handed oblique", "plain"])
def test_a_label_map_on_any_grid_becomes_lesions(scene: Any, volume_grid: str, source_grid: str) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.log import read_log
    from BrainMetsAILib.scene.prior import take_over
    from BrainMetsAILib.scene.review import review_of
    from BrainMetsAILib.scene.segments import lesion_segment_ids, origin_of

    volume = volume_on(volume_grid)
    source = label_map(GRIDS[source_grid], ball_labels(GRIDS[source_grid]))
    taken = take_over(source, volume)
    assert taken.added == 3 and (taken.outside, taken.there, taken.specks, taken.shared_voxels) == (0, 0, 0, 0)
    assert taken.segmentation is review_of(volume)
    check_balls(taken, max(GRIDS[volume_grid].GetSpacing()))
    content = taken.segmentation.GetSegmentation()
    for number, segment_id in enumerate(lesion_segment_ids(taken.segmentation), start=1):
        segment = content.GetSegment(segment_id)
        assert origin_of(taken.segmentation, segment_id) == "manual"
        assert tags.read_tag(segment, tags.REVIEW) == tags.UNREVIEWED and tags.read_tag(segment, tags.LESION_UID)
        assert segment.GetName() == f"M{number:02d}" and tags.read_tag(segment, tags.COMMENT) == str(number)
    entry = next(entry for entry in read_log() if entry["event"] == "prior contour taken over")
    assert entry["source"] == "old contours" and len(entry["lesions"]) == 3


def test_one_mask_falls_into_its_pieces_when_a_person_says_so(scene: Any) -> None:
    from BrainMetsAILib.scene.prior import take_over
    from BrainMetsAILib.scene.prior_masks import count_parts

    mask = ball_labels(FINE, one=True)
    mask[5, 5, 5] = 1  # a speck
    source = segmentation(FINE, {"mets": mask})
    assert count_parts(source) == 1
    taken = take_over(source, volume_on("oblique"), pieces=True)
    assert taken.added == 3
    check_balls(taken, 1.0)
    scene.Clear(False)
    whole = take_over(segmentation(FINE, {"mets": mask}), volume_on("oblique"))
    assert whole.added == 1, "without it a segment is a lesion"


def test_segments_that_overlap_are_told_apart(scene: Any) -> None:
    from BrainMetsAILib.scene.prior import take_over
    from BrainMetsAILib.scene.segments import read_lesions

    on = GRIDS["plain"]
    ball = BALLS[0]
    outer, inner = distance_mm(on, ball.centre) < 9.0, distance_mm(on, (ball.centre[0] + 3, *ball.centre[1:])) < 4.0
    taken = take_over(segmentation(on, {"outer": outer, "inner": inner}), volume_on())
    lesions = read_lesions(taken.segmentation)
    labels = array_of(lesions.labels)
    assert taken.shared_voxels == np.count_nonzero(outer & inner) > 0
    np.testing.assert_array_equal(labels == 2, inner, "the smaller one is whole")
    np.testing.assert_array_equal(labels == 1, outer & ~inner)


def test_transforms_of_both_are_applied(scene: Any) -> None:
    import slicer
    import vtk

    from BrainMetsAILib.scene.prior import take_over
    from BrainMetsAILib.scene.segments import read_lesion_list

    move = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 12.0)
    move.SetMatrixTransformToParent(matrix)
    shifted = tuple(Ball((ball.centre[0] - 12.0, *ball.centre[1:]), ball.radius_mm) for ball in BALLS)
    source = segmentation(GRIDS["plain"], {"mets": ball_labels(GRIDS["plain"], shifted, one=True)})
    source.SetAndObserveTransformNodeID(move.GetID())
    check_balls(take_over(source, volume_on("oblique"), pieces=True), 1.0)
    scene.Clear(False)
    # The other way round the volume was moved: lesions live in its own space.
    move = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    move.SetMatrixTransformToParent(matrix)
    volume = volume_on("oblique")
    volume.SetAndObserveTransformNodeID(move.GetID())
    taken = take_over(segmentation(GRIDS["plain"], {"mets": ball_labels(GRIDS["plain"], one=True)}), volume, pieces=True)
    places = np.array([lesion.measurements.centroid_ras for lesion in read_lesion_list(taken.segmentation)])
    assert np.linalg.norm(places + np.array([12.0, 0, 0]) - BALLS[0].centre, axis=1).min() < 1.0


def test_surfaces_are_turned_into_voxels_and_stay_surfaces(scene: Any) -> None:
    from BrainMetsAILib.scene.prior import take_over

    source = segmentation(FINE, {str(n): ball_labels(FINE) == n for n in (1, 2, 3)})
    source.CreateClosedSurfaceRepresentation()
    content = source.GetSegmentation()
    content.SetSourceRepresentationName("Closed surface")
    content.RemoveRepresentation("Binary labelmap")
    check_balls(take_over(source, volume_on("oblique")), 1.0)
    assert not content.ContainsRepresentation("Binary labelmap")


def test_lesions_that_are_there_stay_and_hidden_ones_yield(scene: Any) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.prior import take_over
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.segments import lesion_segment_ids, read_lesions

    class Saved:
        times = 0

        def save(self) -> None:
            self.times += 1
            assert segmentation_node.GetSegmentation().GetNumberOfSegments() == 4, "saved before anything changes"

    on = GRIDS["left-handed"]
    volume = volume_on("left-handed")
    segmentation_node = write_review(volume, draw_finding(on)).segmentation
    content = segmentation_node.GetSegmentation()
    rejected = lesion_segment_ids(segmentation_node)[1]
    tags.set_review(content.GetSegment(rejected), tags.REJECTED)
    before = array_of(read_lesions(segmentation_node).labels)
    history = Saved()
    new = Ball((BALLS[1].centre[0] + 4.0, *BALLS[1].centre[1:]), 6.0)
    taken = take_over(label_map(on, ball_labels(on, (BALLS[0], new))), volume, history=history)
    assert (taken.added, taken.there, history.times) == (1, 1, 1)
    after = array_of(read_lesions(segmentation_node).labels)
    np.testing.assert_array_equal(after == 1, before == 1)
    np.testing.assert_array_equal(after == 4, distance_mm(on, new.centre) < new.radius_mm)
    hidden = array_of(read_lesions(segmentation_node, include_rejected=True).labels) == 2
    old = distance_mm(on, BALLS[1].centre) < BALLS[1].radius_mm
    np.testing.assert_array_equal(hidden, old & (after != 4))
    assert hidden.any()


def test_refusals_are_one_sentence_and_change_nothing(scene: Any) -> None:
    import slicer

    from BrainMetsAILib.scene.prior import take_over
    from BrainMetsAILib.scene.review import review_of

    volume = volume_on()
    on = GRIDS["plain"]
    far = image_from_ijk_to_ras(np.zeros((8, 8, 8), np.float32), np.array([[1, 0, 0, 500.0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
    sources = {
        "does not overlap": label_map(far, np.ones((8, 8, 8), np.uint8)),
        "is empty": label_map(on, np.zeros(on.GetSize()[::-1], np.uint8)),
        "too many": label_map(on, np.random.default_rng(0).integers(0, 900, on.GetSize()[::-1]).astype(np.int16)),
        "bends": segmentation(on, {"mets": ball_labels(on, one=True)}),
    }
    bent = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode")
    bent.SetAndObserveTransformFromParent(_spline())
    sources["bends"].SetAndObserveTransformNodeID(bent.GetID())
    for words, source in sources.items():
        with pytest.raises(ImageRefused, match=words) as refusal:
            take_over(source, volume)
        assert str(refusal.value).count("\n") == 0
        assert review_of(volume) is None
    taken = take_over(label_map(on, ball_labels(on)), volume)
    with pytest.raises(ImageRefused, match="already"):
        take_over(taken.segmentation, volume)
    with pytest.raises(ImageRefused, match="overlap lesions that are there already"):
        take_over(label_map(on, ball_labels(on)), volume)


def _spline() -> Any:
    import slicer
    import vtk

    spline = slicer.vtkOrientedBSplineTransform()
    grid = vtk.vtkImageData()
    grid.SetDimensions(5, 5, 5)
    grid.SetOrigin(-100, -100, -100)
    grid.SetSpacing(50, 50, 50)
    grid.AllocateScalars(vtk.VTK_DOUBLE, 3)
    for component in range(3):
        grid.GetPointData().GetScalars().FillComponent(component, 1.5)
    spline.SetCoefficientData(grid)
    return spline


def test_taken_over_lesions_survive_a_second_run_of_the_network(scene: Any) -> None:
    from BrainMetsAILib.scene.prior import take_over
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.segments import read_lesions

    on = GRIDS["plain"]
    volume = volume_on()
    taken = take_over(label_map(on, ball_labels(on, BALLS[:1])), volume)
    mine = read_lesions(taken.segmentation)
    again = write_review(volume, draw_finding(on)).segmentation
    assert again is taken.segmentation
    found = read_lesions(again)
    kept = next(lesion for lesion in found.lesions if lesion.lesion_uid == mine.lesions[0].lesion_uid)
    np.testing.assert_array_equal(array_of(found.labels) == kept.number, array_of(mine.labels) == 1)
    assert len(found.lesions) == 3
    assert image_like(array_of(found.labels), on).GetSize() == on.GetSize()
