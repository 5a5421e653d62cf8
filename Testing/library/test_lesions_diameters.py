"""Diameters against analytic shapes, brute force and ITK, on every kind of grid."""

import time

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.distance import pdist

from analytic_shapes import GRIDS, ball, ellipsoid, grid
from BrainMetsAILib.images.geometry import image_from_ijk_to_ras
from BrainMetsAILib.lesions.diameters import diameter_3d_mm, enhancing_pair, whole_pair
from BrainMetsAILib.lesions.grid import axial_axis

CENTRE = (12.0, -34.0, 56.0)
IDENTITY = np.eye(4)


def in_plane_spacing(columns: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = columns
    spacing = np.linalg.norm(columns, axis=0)
    return np.delete(spacing, 2 - axial_axis(matrix))


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("radius", [4.0, 10.0, 16.0])
def test_ball_both_ends_within_half_a_voxel_of_the_surface(name: str, radius: float) -> None:
    columns = GRIDS[name]
    shape, matrix = grid(columns, CENTRE, radius + 2)
    pair = whole_pair(ball(shape, matrix, CENTRE, radius), matrix)
    half = in_plane_spacing(columns).max() / 2
    for end in pair.longest_ends_ras:
        assert abs(np.linalg.norm(np.array(end) - CENTRE) - radius) <= half + 1e-6
    # The slice nearest the centre is at most half a slice away, which shortens the chord.
    slice_mm = np.linalg.norm(columns, axis=0)[2 - axial_axis(matrix)]
    cap = 2 * np.sqrt(radius**2 - (slice_mm / 2) ** 2)
    assert cap - 2 * half <= pair.longest_mm <= 2 * radius + 2 * half
    assert cap - 2 * half <= pair.perpendicular_mm <= pair.longest_mm
    lengths = np.linalg.norm(np.subtract(*pair.longest_ends_ras)), np.linalg.norm(np.subtract(*pair.perpendicular_ends_ras))
    assert lengths == pytest.approx((pair.longest_mm, pair.perpendicular_mm), abs=1e-6)
    assert abs(np.dot(np.subtract(*pair.longest_ends_ras), np.subtract(*pair.perpendicular_ends_ras))) < 1e-6 * np.prod(lengths)


@pytest.mark.parametrize("name", GRIDS)
def test_ellipsoid_along_the_grid(name: str) -> None:
    columns = GRIDS[name]
    steps = columns / np.linalg.norm(columns, axis=0)
    half_axes = np.array([8.0, 8.0, 8.0])
    row, column = (axis for axis in range(3) if axis != axial_axis(np.block([[columns, np.zeros((3, 1))], [np.zeros(3), 1.0]])))
    half_axes[2 - row], half_axes[2 - column] = 12.0, 6.0
    shape, matrix = grid(columns, CENTRE, 14.0)
    pair = whole_pair(ellipsoid(shape, matrix, CENTRE, (half_axes[0], half_axes[1], half_axes[2]), steps), matrix)
    voxel = in_plane_spacing(columns).max()
    slice_mm = np.linalg.norm(columns, axis=0)[2 - axial_axis(matrix)]
    shrink = np.sqrt(1 - (slice_mm / 2 / 8.0) ** 2)
    assert 24.0 * shrink - voxel <= pair.longest_mm <= 24.0 + voxel
    assert 12.0 * shrink - voxel <= pair.perpendicular_mm <= 12.0 + voxel


def test_n_pixels_in_a_row_measure_n_pixels() -> None:
    line = np.zeros((3, 5, 14), dtype=bool)
    line[1, 2, 2:12] = True
    pair = whole_pair(line, np.diag([0.9, 0.7, 2.0, 1.0]))
    assert (pair.longest_mm, pair.perpendicular_mm, pair.slice_index) == pytest.approx((9.0, 0.7, 1), abs=1e-6)
    assert sorted(end[0] for end in pair.longest_ends_ras) == pytest.approx([1.5 * 0.9, 11.5 * 0.9])
    assert enhancing_pair(line, np.diag([0.9, 0.7, 2.0, 1.0])) is not None


def test_one_voxel_measures_its_pixel() -> None:
    voxel = np.ones((1, 1, 1), dtype=bool)
    pair = whole_pair(voxel, np.diag([1.0, 0.5, 3.0, 1.0]))
    assert (pair.longest_mm, pair.perpendicular_mm) == pytest.approx((1.0, 0.5), abs=1e-6)
    assert diameter_3d_mm(voxel, np.diag([1.0, 0.5, 3.0, 1.0])) == pytest.approx(3.0)


def test_pieces_of_a_slice_are_not_joined() -> None:
    two = np.zeros((2, 4, 30), dtype=bool)
    two[0, 1:3, 0:6] = True
    two[0, 1:3, 20:30] = True
    two[1, 1:3, :] = False
    pair = whole_pair(two, IDENTITY)
    assert pair.longest_mm < 11.0
    assert all(end[0] >= 19.0 for end in pair.longest_ends_ras)


def test_the_perpendicular_lies_in_the_piece_of_the_longest_line() -> None:
    two = np.zeros((1, 30, 40), dtype=bool)
    two[0, 3:5, 4:32] = True  # a thin bar, and a nodule beside it
    two[0, 12:24, 10:22] = True
    pair = enhancing_pair(two, IDENTITY)
    assert pair is not None and pair.longest_mm == pytest.approx(28.0, abs=0.2)
    assert pair.perpendicular_mm == pytest.approx(2.0, abs=0.2) and all(end[1] < 6 for end in pair.perpendicular_ends_ras)


def test_perpendicular_of_a_banana_is_no_hull() -> None:
    y, x = np.mgrid[-4:14:0.25, -22:22:0.25]
    banana = (np.abs(y - x**2 / 40.0) <= 1.5) & (np.abs(x) <= 20.0)
    pair = whole_pair(banana[None], np.diag([0.25, 0.25, 1.0, 1.0]))
    # From tip to tip 40 mm, 3 mm thick at every place; its hull is 11 mm thick in the middle.
    assert pair.longest_mm == pytest.approx(40.0, abs=0.6)
    assert pair.perpendicular_mm == pytest.approx(3.2, abs=0.4)


@pytest.mark.parametrize("name", ["isotropic", "fine", "anisotropic", "oblique left-handed", "sagittal"])
def test_ring_enhancing_lines_do_not_cross_the_core(name: str) -> None:
    outer, core = 15.0, 7.0
    shape, matrix = grid(GRIDS[name], CENTRE, outer + 2)
    lesion, dead = ball(shape, matrix, CENTRE, outer), ball(shape, matrix, CENTRE, core)
    pair = enhancing_pair(lesion & ~dead, matrix)
    assert pair is not None
    # The longest chord beside a core touches it, at any height: 2·√(outer² - core²). Half a voxel on either radius moves it by this much:
    chord = 2 * np.sqrt(outer**2 - core**2)
    half = in_plane_spacing(GRIDS[name]).max() / 2
    assert abs(pair.longest_mm - chord) <= 2 * half * (outer + core) / (chord / 2)
    assert whole_pair(lesion, matrix).longest_mm > pair.longest_mm + 2.0
    for ends in (pair.longest_ends_ras, pair.perpendicular_ends_ras):
        way = np.linspace(ends[0], ends[1], 200)
        inner = np.linalg.norm(way - CENTRE, axis=1).min()
        assert inner >= core - np.sqrt(2) * half * 1.5


def test_nothing_enhancing_has_no_pair() -> None:
    assert enhancing_pair(np.zeros((2, 2, 2), dtype=bool), IDENTITY) is None


def blob(seed: int, shape: tuple[int, int, int] = (6, 14, 12), threshold: float = 0.52) -> np.ndarray:
    """One irregular connected piece."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 1.2)
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    labels, count = ndimage.label(noise > threshold, structure=np.ones((3, 3, 3)))
    return np.asarray(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])) if count else noise >= noise.max()


def edge_points(mask: np.ndarray) -> np.ndarray:
    """Face middles of every voxel, by brute force."""
    halves = 0.5 * np.vstack([np.eye(mask.ndim), -np.eye(mask.ndim)])
    return (np.argwhere(mask)[:, None, :] + halves).reshape(-1, mask.ndim)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_longest_agree_with_brute_force(seed: int) -> None:
    mask = blob(seed)
    spacing_kji = np.array([2.0, 0.8, 0.6])
    matrix = np.diag([0.6, 0.8, 2.0, 1.0])
    assert diameter_3d_mm(mask, matrix) == pytest.approx(pdist(edge_points(mask) * spacing_kji).max())
    longest = 0.0
    for plane in mask:
        pieces, count = ndimage.label(plane, structure=np.ones((3, 3)))
        for number in range(1, count + 1):
            longest = max(longest, pdist(edge_points(pieces == number) * spacing_kji[1:]).max())
    assert whole_pair(mask, matrix).longest_mm == pytest.approx(longest)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_within_tissue_agrees_with_brute_force(seed: int) -> None:
    mask = blob(seed, (2, 12, 12), 0.45)
    pair = enhancing_pair(mask, np.diag([0.6, 0.8, 2.0, 1.0]))
    assert pair is not None
    best = 0.0
    for plane in mask:
        # An independent way: the mask ten times finer, each pair of outline points rasterised on it.
        padded = np.pad(plane, 1).astype(float)
        fine = 10
        rows, columns = (np.arange((size - 1) * fine + 1) / fine for size in padded.shape)
        r, c = np.meshgrid(rows, columns, indexing="ij")
        upsampled = ndimage.map_coordinates(padded, [r, c], order=1) >= 0.5 - 1e-6
        along_rows, along_columns = np.argwhere(padded[1:] != padded[:-1]), np.argwhere(padded[:, 1:] != padded[:, :-1])
        edges = np.vstack([along_rows + np.array([0.5, 0]), along_columns + np.array([0, 0.5])])
        for first, second in zip(*np.triu_indices(len(edges), 1), strict=True):
            length = float(np.linalg.norm((edges[first] - edges[second]) * [0.8, 0.6]))
            if length > best:
                steps = np.rint(np.linspace(edges[first], edges[second], 60) * fine).astype(int)
                if upsampled[steps[:, 0], steps[:, 1]].all():
                    best = length
    # The raster rounds to a tenth of a pixel, so that it lets a line pass, or stops it, where it grazes a corner.
    assert pair.longest_mm == pytest.approx(best, abs=0.5)
    assert pair.longest_mm <= whole_pair(mask, np.diag([0.6, 0.8, 2.0, 1.0])).longest_mm + 1e-9


@pytest.mark.parametrize("name", ["isotropic", "anisotropic", "oblique left-handed"])
def test_3d_diameter_and_itk_feret(name: str) -> None:
    shape, matrix = grid(GRIDS[name], CENTRE, 14.0)
    steps = GRIDS[name] / np.linalg.norm(GRIDS[name], axis=0)
    mask = ellipsoid(shape, matrix, CENTRE, (12.0, 6.0, 9.0), steps)
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.ComputeFeretDiameterOn()
    statistics.Execute(image_from_ijk_to_ras(mask.astype(np.uint8), matrix))
    between_centres = statistics.GetFeretDiameter(1)
    spacing = np.linalg.norm(GRIDS[name], axis=0)
    measured = diameter_3d_mm(mask, matrix)
    assert between_centres < measured <= between_centres + spacing.max() + 1e-6
    assert abs(measured - 24.0) <= spacing.max()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.permutations([0, 1, 2]), flips=st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_storage_order_does_not_matter(seed: int, order: list[int], flips: tuple[bool, bool, bool]) -> None:
    mask = blob(seed)
    matrix = np.diag([0.6, 0.8, 2.0, 1.0])
    matrix[:3, 3] = (5.0, -3.0, 8.0)
    other, other_matrix = mask, matrix.copy()
    for axis, flip in enumerate(flips):
        if flip:
            other = np.flip(other, axis)
            column = 2 - axis
            other_matrix[:3, 3] += other_matrix[:3, column] * (mask.shape[axis] - 1)
            other_matrix[:3, column] *= -1
    other = np.transpose(other, order)
    columns = other_matrix[:, :3][:, ::-1][:, order][:, ::-1]
    other_matrix = np.column_stack([columns, other_matrix[:, 3]])
    assert whole_pair(other, other_matrix).longest_mm == pytest.approx(whole_pair(mask, matrix).longest_mm)
    assert diameter_3d_mm(other, other_matrix) == pytest.approx(diameter_3d_mm(mask, matrix))
    within, expected = enhancing_pair(other, other_matrix), enhancing_pair(mask, matrix)
    assert within is not None and expected is not None
    assert within.longest_mm == pytest.approx(expected.longest_mm)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), quarter=st.integers(1, 3), shift=st.tuples(*[st.integers(0, 4)] * 3))
def test_turning_and_moving_do_not_matter(seed: int, quarter: int, shift: tuple[int, int, int]) -> None:
    mask = blob(seed)
    moved = np.pad(np.rot90(mask, quarter, axes=(1, 2)), [(part, 1) for part in shift])
    before, after = whole_pair(mask, IDENTITY), whole_pair(moved, IDENTITY)
    assert after.longest_mm == pytest.approx(before.longest_mm)
    assert diameter_3d_mm(moved, IDENTITY) == pytest.approx(diameter_3d_mm(mask, IDENTITY))


def test_large_lesion_is_quick() -> None:
    shape, matrix = grid(np.diag([0.4, 0.4, 0.4]), CENTRE, 21.0)
    enhancing = ball(shape, matrix, CENTRE, 20.0) & ~ball(shape, matrix, CENTRE, 12.0)
    start = time.process_time()
    enhancing_pair(enhancing, matrix)
    whole_pair(enhancing, matrix)
    diameter_3d_mm(enhancing, matrix)
    assert time.process_time() - start < 1.0  # 0.15 s on an idle core


def test_the_digits_that_a_scene_file_drops_do_not_choose_another_diameter() -> None:
    """Several diameters of this outline are equally long, with perpendiculars that are not."""
    mask = np.zeros((1, 9, 9), dtype=bool)
    mask[0, 1:8, 1:8] = True
    for j, i in ((1, 1), (1, 7), (7, 1), (7, 7), (1, 2), (2, 7), (4, 7)):
        mask[0, j, i] = False
    noise = np.random.default_rng(0)
    found = set()
    for _turn in range(40):
        matrix = np.eye(4)
        matrix[:3, :3] += noise.uniform(-1e-8, 1e-8, (3, 3))
        pair = whole_pair(mask, matrix)
        found.add((round(pair.longest_mm, 5), round(pair.perpendicular_mm, 5)))
    assert len(found) == 1
