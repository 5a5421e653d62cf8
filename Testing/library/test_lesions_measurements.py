"""Volumes, intervals, measurability and the lesion list."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from analytic_shapes import GRIDS, ball, ellipsoid, grid, label_image
from BrainMetsAILib.images.geometry import image_from_ijk_to_ras, voxel_volume_ml
from BrainMetsAILib.lesions.diameters import DiameterPair, drawn_pair
from BrainMetsAILib.lesions.grid import axial_axis, bounding_crop
from BrainMetsAILib.lesions.instances import label_instances
from BrainMetsAILib.lesions.lesion_list import lesion_set, total_enhancing_ml
from BrainMetsAILib.lesions.measurability import rano_bm_measurability
from BrainMetsAILib.lesions.measurements import measure_lesion, with_diameters
from BrainMetsAILib.lesions.volumes import surface_in_voxels, volume_interval

CENTRE = (-20.0, 15.0, 40.0)


@pytest.mark.parametrize("name", GRIDS)
def test_ball_volumes_and_centroid(name: str) -> None:
    shape, matrix = grid(GRIDS[name], CENTRE, 12.0)
    lesion, dead = ball(shape, matrix, CENTRE, 10.0), ball(shape, matrix, CENTRE, 6.0)
    measured = measure_lesion(lesion, dead, matrix)
    assert measured.volume_ml == pytest.approx(4 / 3 * np.pi * 1000 / 1000, rel=0.05)
    assert measured.necrotic_ml == pytest.approx(4 / 3 * np.pi * 216 / 1000, rel=0.1)
    assert measured.enhancing_ml + measured.necrotic_ml == pytest.approx(measured.volume_ml)
    assert measured.necrotic_fraction == pytest.approx(measured.necrotic_ml / measured.volume_ml)
    assert np.linalg.norm(np.array(measured.centroid_ras) - CENTRE) < 0.5 * np.linalg.norm(GRIDS[name], axis=0).min()
    assert measured.volume_low_ml < measured.volume_ml < measured.volume_high_ml


@pytest.mark.parametrize("name", GRIDS)
def test_agrees_with_itk(name: str) -> None:
    shape, matrix = grid(GRIDS[name], CENTRE, 12.0)
    lesion = ellipsoid(shape, matrix, CENTRE, (10.0, 6.0, 7.0), np.eye(3))
    image = image_from_ijk_to_ras(lesion.astype(np.uint8), matrix)
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(image)
    measured = measure_lesion(lesion, np.zeros_like(lesion), matrix)
    assert measured.volume_ml == pytest.approx(statistics.GetPhysicalSize(1) / 1000)
    assert measured.voxel_count == statistics.GetNumberOfPixels(1)
    assert measured.voxel_count * voxel_volume_ml(image) == pytest.approx(measured.volume_ml)
    x, y, z = statistics.GetCentroid(1)
    assert measured.centroid_ras == pytest.approx((-x, -y, z), abs=1e-6)


@pytest.mark.parametrize("radius_voxels", [2.0, 3.0, 5.0, 10.0, 20.0])
def test_interval_of_a_ball_is_half_a_voxel_on_its_radius(radius_voxels: float) -> None:
    shape, matrix = grid(np.eye(3), (0.0, 0.0, 0.0), radius_voxels + 1)
    interval = volume_interval(ball(shape, matrix, (0.0, 0.0, 0.0), radius_voxels), 0.001)
    radius = (interval.volume_ml * 1000 * 3 / 4 / np.pi) ** (1 / 3)
    assert (interval.low_ml * 1000 * 3 / 4 / np.pi) ** (1 / 3) == pytest.approx(radius - 0.5, abs=0.06)
    assert (interval.high_ml * 1000 * 3 / 4 / np.pi) ** (1 / 3) == pytest.approx(radius + 0.5, abs=0.06)


def test_interval_is_wider_across_thick_slices() -> None:
    half_axes = (10.0, 10.0, 10.0)
    shape, matrix = grid(np.diag([0.5, 0.5, 5.0]), (0.0, 0.0, 0.0), 12.0)
    thick = measure_lesion(ellipsoid(shape, matrix, (0, 0, 0), half_axes, np.eye(3)), np.zeros(shape, bool), matrix)
    # A ball of 10 mm is an ellipsoid of 20 × 20 × 2 voxels; half a voxel on each half-axis:
    low, high = (4 / 3 * np.pi * (20 + d) ** 2 * (2 + d) * 0.5 * 0.5 * 5 / 1000 for d in (-0.5, 0.5))
    assert thick.volume_low_ml == pytest.approx(low, rel=0.15)
    assert thick.volume_high_ml == pytest.approx(high, rel=0.15)


@given(st.integers(0, 2**20))
def test_interval_has_no_negative_volume(seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = random.random((4, 5, 6)) < random.random()
    interval = volume_interval(mask, 0.002)
    assert 0.0 <= interval.low_ml <= interval.volume_ml <= interval.high_ml
    if mask.any():
        assert interval.low_ml < interval.volume_ml < interval.high_ml
        assert surface_in_voxels(mask) >= (36 * np.pi * mask.sum() ** 2) ** (1 / 3) - 1e-9  # the isoperimetric inequality


def pair(longest: float, perpendicular: float) -> DiameterPair:
    nowhere = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    return DiameterPair(longest, perpendicular, 0, nowhere, nowhere)


@pytest.mark.parametrize(
    ("longest", "perpendicular", "slices", "measurable", "words"),
    [
        (10.0, 5.0, 2, True, "10.0 × 5.0 mm on 2 axial slices"),
        (9.99, 5.0, 2, False, "below 10 mm"),
        (10.0, 4.99, 2, False, "below 5 mm"),
        (30.0, 20.0, 1, False, "visible on 1 axial slice"),
        (4.0, 3.0, 1, False, "below 10 mm"),
    ],
)
def test_measurability(longest: float, perpendicular: float, slices: int, measurable: bool, words: str) -> None:
    verdict = rano_bm_measurability(pair(longest, perpendicular), pair(longest, perpendicular), slices)
    assert verdict.measurable is measurable
    assert words in verdict.reason


def test_measurability_says_when_only_the_core_makes_it_large() -> None:
    verdict = rano_bm_measurability(pair(20.0, 19.0), pair(8.7, 8.0), 10)
    assert verdict.measurable and "enhancing tissue alone reaches only 8.7 × 8.0 mm" in verdict.reason


@pytest.mark.parametrize(
    ("columns", "axis"),
    [
        (np.diag([1.0, 1.0, 3.0]), 0),
        (GRIDS["sagittal"], 1),
        (GRIDS["coronal"], 1),
        (np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), 2),
        (np.array([[1.0, 0.0, 0.0], [0.0, 1.0, -1.0], [0.0, 1.0, 1.0]]), 0),  # 45°: the acquisition's own slices
    ],
)
def test_axial_axis(columns: np.ndarray, axis: int) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = columns
    assert axial_axis(matrix) == axis


def test_slice_index_counts_in_the_whole_array() -> None:
    lesion = np.zeros((12, 9, 9), dtype=bool)
    lesion[7, 2:5, 3:8] = True
    lesion[8, 2:4, 3:5] = True
    measured = measure_lesion(lesion, np.zeros_like(lesion), np.eye(4))
    assert measured.whole.slice_index == 7 and measured.slice_count == 2
    assert all(end[2] == 7.0 for end in measured.whole.longest_ends_ras)
    labels = sitk.GetImageFromArray(lesion.astype(np.uint16))
    listed = lesion_set(labels, labels * 0).lesions[0].measurements
    assert listed.whole.slice_index == 7
    assert listed.whole.longest_mm == measured.whole.longest_mm


def test_necrosis_outside_does_not_count_and_wholly_necrotic_has_no_enhancing_pair() -> None:
    lesion = np.zeros((4, 6, 6), dtype=bool)
    lesion[1:3, 1:5, 1:5] = True
    outside = measure_lesion(lesion, ~lesion, np.eye(4))
    assert outside.necrotic_ml == 0 and outside.enhancing is not None
    inside = measure_lesion(lesion, np.ones_like(lesion), np.eye(4))
    assert inside.enhancing_ml == 0 and inside.enhancing is None and inside.necrotic_fraction == 1.0


def test_empty_or_mismatched_masks_are_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        bounding_crop(np.zeros((2, 2, 2), dtype=bool), np.eye(4))
    with pytest.raises(ValueError, match="same grid"):
        measure_lesion(np.ones((2, 2, 2), dtype=bool), np.ones((2, 2, 3), dtype=bool), np.eye(4))


def test_instances_by_size_then_position_and_26_connected() -> None:
    mask = np.zeros((6, 10, 10), dtype=np.uint8)
    mask[0, 0, 0] = mask[1, 1, 1] = 1  # touch at a corner: one piece of two voxels
    mask[4, 5, 0:5] = 1
    mask[0, 9, 9] = 1
    mask[5, 9, 9] = 1
    labels = sitk.GetArrayFromImage(label_instances(sitk.GetImageFromArray(mask)))
    assert labels.dtype == np.uint16 and labels.max() == 4
    assert labels[4, 5, 0] == 1 and labels[0, 0, 0] == labels[1, 1, 1] == 2
    assert labels[0, 9, 9] == 3 and labels[5, 9, 9] == 4
    assert sitk.GetArrayFromImage(label_instances(sitk.GetImageFromArray(mask), minimum_voxels=2)).max() == 2


def test_lesion_set_keeps_numbers_and_has_uids_of_its_own() -> None:
    shape, matrix = grid(GRIDS["left-handed"], (0.0, 0.0, 0.0), 40.0)
    labels = label_image({2: ((0.0, 0.0, 0.0), 8.0), 7: ((20.0, 10.0, -5.0), 5.0)}, matrix, shape)
    lesions = lesion_set(labels, labels == 7, {2: 0.9})
    assert [(lesion.number, lesion.name, lesion.score) for lesion in lesions.lesions] == [(2, "M02", 0.9), (7, "M07", None)]
    uids = [uid for lesion in lesions.lesions for uid in (lesion.lesion_uid, lesion.tracking_uid)]
    assert len(set(uids)) == 4 and all(uid.startswith("2.25.") and len(uid) <= 64 and uid[5:].isdigit() for uid in uids)
    assert lesions.lesions[1].measurements.necrotic_fraction == 1.0
    assert total_enhancing_ml(lesions.lesions) == pytest.approx(4 / 3 * np.pi * 0.512, rel=0.03)
    assert np.linalg.norm(np.array(lesions.lesions[1].measurements.centroid_ras) - (20.0, 10.0, -5.0)) < 0.2


def test_lesion_set_refuses_another_grid_and_takes_an_empty_one() -> None:
    labels = sitk.Image(5, 5, 5, sitk.sitkUInt16)
    moved = sitk.Image(labels)
    moved.SetOrigin((1.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="same grid"):
        lesion_set(labels, moved)
    assert lesion_set(labels, labels).lesions == ()


@pytest.mark.parametrize("name", GRIDS)
def test_diameters_drawn_by_hand_replace_those_of_the_outline_and_nothing_else(name: str) -> None:
    shape, matrix = grid(GRIDS[name], CENTRE, 12.0)
    mask = ball(shape, matrix, CENTRE, 9.0)
    measured = measure_lesion(mask, np.zeros_like(mask), matrix)
    automatic = measured.whole
    again = drawn_pair(automatic.perpendicular_ends_ras, automatic.longest_ends_ras, matrix)
    assert (again.longest_mm, again.perpendicular_mm) == pytest.approx((automatic.longest_mm, automatic.perpendicular_mm), abs=1e-6)
    assert again.slice_index == automatic.slice_index and again.manual and not automatic.manual
    r, a, s = measured.centroid_ras
    short = drawn_pair(((r, a, s), (r + 8.0, a, s)), ((r, a, s), (r, a + 6.0, s)), matrix)
    changed = with_diameters(measured, short)
    assert changed.whole == short and not changed.measurability.measurable and changed.measurability.reason.endswith("by hand")
    assert changed.volume_ml == measured.volume_ml and changed.enhancing == measured.enhancing
