"""Masks between index spaces, layers and foreign segments."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawn_heads import BALLS, GRIDS, draw_finding, draw_head

pytest.importorskip("slicer")


@settings(max_examples=60, deadline=None)
@given(
    order=st.permutations([0, 1, 2]),
    signs=st.tuples(*[st.sampled_from([-1, 1])] * 3),
    seed=st.integers(0, 2**16),
    shape=st.tuples(*[st.integers(1, 7)] * 3),
)
def test_a_mask_keeps_its_places_through_flipped_and_permuted_axes(
    order: list[int], signs: tuple[int, ...], seed: int, shape: tuple[int, ...]
) -> None:
    from BrainMetsAILib.scene.masks import Grid, crop_of, moved_crop

    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < 0.4
    mask.flat[rng.integers(mask.size)] = True
    matrix = np.array([[0.9, -0.2, 0.1, 3], [0.2, 1.1, 0.3, -5], [0.1, 0.2, -2.0, 7], [0, 0, 0, 1]])
    origin = Grid((shape[0], shape[1], shape[2]), matrix)
    size_ijk = np.array(shape[::-1])
    step = np.zeros((4, 4))  # from the target's (i, j, k) to the origin's
    step[3, 3] = 1
    for axis, (source, sign) in enumerate(zip(order, signs, strict=True)):
        step[source, axis] = sign
        if sign < 0:
            step[source, 3] = size_ijk[source] - 1
    target_shape = tuple(int(size_ijk[source]) for source in order)[::-1]
    target = Grid((target_shape[0], target_shape[1], target_shape[2]), matrix @ step)
    crop = crop_of(mask)
    assert crop is not None
    moved = moved_crop(crop, origin, target)
    assert moved is not None

    def places(entry: Any, grid: Grid) -> set[tuple[float, ...]]:
        kji = np.argwhere(entry.mask) + [part.start for part in entry.box]
        return {tuple(point) for point in (np.c_[kji[:, ::-1], np.ones(len(kji))] @ grid.ijk_to_ras.T)[:, :3].round(6).tolist()}

    assert places(moved, target) == places(crop, origin)
    back = moved_crop(moved, target, origin)
    assert back is not None and back.box == crop.box and np.array_equal(back.mask, crop.mask)


def test_masks_are_never_resampled_silently() -> None:
    from BrainMetsAILib.scene.masks import Grid, MaskCrop, moved_crop

    crop = MaskCrop(np.ones((1, 1, 1), bool), (slice(0, 1), slice(0, 1), slice(0, 1)))
    shifted = np.eye(4)
    shifted[0, 3] = 0.5
    with pytest.raises(ValueError, match="different voxels"):
        moved_crop(crop, Grid((4, 4, 4), np.eye(4)), Grid((4, 4, 4), shifted))


def review(grid: str) -> Any:
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.volumes import add_volume

    return write_review(add_volume(draw_head(GRIDS[grid]), "T1c"), draw_finding(GRIDS[grid]))


def test_merged_layers_measure_the_same_and_split_again(scene: Any) -> None:
    from BrainMetsAILib.scene.masks import own_layers
    from BrainMetsAILib.scene.segments import lesion_segment_ids, origin_of, read_lesion_list

    nodes = review("left-handed")
    content = nodes.segmentation.GetSegmentation()
    before = read_lesion_list(nodes.segmentation)
    content.CollapseBinaryLabelmaps(False)
    assert content.GetNumberOfLayers() < content.GetNumberOfSegments()
    assert read_lesion_list(nodes.segmentation) == before
    own_layers(nodes.segmentation)
    assert content.GetNumberOfLayers() == content.GetNumberOfSegments() == 4
    assert read_lesion_list(nodes.segmentation) == before
    assert {origin_of(nodes.segmentation, segment_id) for segment_id in lesion_segment_ids(nodes.segmentation)} == {"AI"}
    smallest = content.GetSegment(lesion_segment_ids(nodes.segmentation)[2]).GetRepresentation("Binary labelmap")
    assert smallest.GetNumberOfPoints() < 1000, "a small layer, not the whole head"


def test_a_segment_drawn_by_a_person_joins_the_list_once(scene: Any) -> None:
    import slicer

    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.segments import lesion_segment_ids, origin_of, read_lesion_list

    nodes = review("plain")
    drawn = nodes.segmentation.GetSegmentation().AddEmptySegment()
    assert len(read_lesion_list(nodes.segmentation)) == 3, "an empty segment is no lesion yet"
    array = np.zeros(GRIDS["plain"].GetSize()[::-1], np.uint8)
    array[20:24, 30:35, 40:46] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, nodes.segmentation, drawn, nodes.volume)
    lesions = read_lesion_list(nodes.segmentation)
    assert [lesion.name for lesion in lesions] == ["M01", "M02", "M03", "M04"]
    assert lesions[3].measurements.voxel_count == 4 * 5 * 6 and lesions[3].score is None
    assert lesions[3] == read_lesion_list(nodes.segmentation)[3], "its UIDs are made once"
    assert origin_of(nodes.segmentation, drawn) == "manual"

    copy = slicer.vtkSegment()
    copy.DeepCopy(nodes.segmentation.GetSegmentation().GetNthSegment(0))
    nodes.segmentation.GetSegmentation().AddSegment(copy, "copied")
    uids = [lesion.lesion_uid for lesion in read_lesion_list(nodes.segmentation)]
    assert len(uids) == len(set(uids)) == 5, "a duplicated segment is another lesion"
    assert tags.read_tag(copy, tags.NUMBER) == "5"
    assert "copied" in lesion_segment_ids(nodes.segmentation)


def test_a_segment_on_a_foreign_grid_is_measured_on_the_volumes(scene: Any) -> None:
    import slicer

    from BrainMetsAILib.scene.segments import read_lesion_list
    from BrainMetsAILib.scene.volumes import add_volume

    nodes = review("plain")
    other = add_volume(draw_head(GRIDS["oblique"]), "other")
    mask = (array := np.asarray(slicer.util.arrayFromVolume(other))) * 0
    from drawn_heads import distance_mm

    mask[distance_mm(GRIDS["oblique"], (0.0, 0.0, 0.0)) < 8.0] = 1
    assert mask.shape == array.shape
    drawn = nodes.segmentation.GetSegmentation().AddEmptySegment()
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask.astype(np.uint8), nodes.segmentation, drawn, other)
    lesion = read_lesion_list(nodes.segmentation)[3]
    assert lesion.measurements.volume_ml == pytest.approx(4 / 3 * np.pi * 8.0**3 / 1000, rel=0.05)
    assert np.abs(lesion.measurements.centroid_ras).max() < 0.6


def test_measuring_reads_small_layers_quickly(scene: Any) -> None:
    import time

    from BrainMetsAILib.scene.masks import reference_grid, segment_crop
    from BrainMetsAILib.scene.segments import lesion_segment_ids

    nodes = review("plain")
    grid = reference_grid(nodes.segmentation)
    ids = lesion_segment_ids(nodes.segmentation)
    started = time.perf_counter()
    for _ in range(20):
        for segment_id in ids:
            assert segment_crop(nodes.segmentation, segment_id, grid) is not None
    assert (time.perf_counter() - started) / (20 * len(ids)) < 0.02
    assert len(ids) == len(BALLS)
