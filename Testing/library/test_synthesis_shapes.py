"""Synthetic lesions: sizes, shapes and how much of each voxel they fill."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from BrainMetsAILib.synthesis.acquisition import bias_field
from BrainMetsAILib.synthesis.lesion_sampling import Enhancement, SyntheticLesion, draw_diameter, draw_lesion, draw_ripples, draw_rotation
from BrainMetsAILib.synthesis.rendering import render_enhancing, render_lesions
from BrainMetsAILib.synthesis.shapes import CREST, Grid, LesionShape, coverage
from BrainMetsAILib.synthesis.varieties import ROUGH, as_variety, draw_varied_lesion

PLAIN = Enhancement(contrast=1.0, texture=0.0, core=0.0, oedema=0.0, oedema_mm=1.0)


def oblique_grid(spacing: tuple[float, float, float], seed: int, left_handed: bool) -> Grid:
    rotation = np.array(draw_rotation(np.random.default_rng(seed))).reshape(3, 3)
    matrix = np.eye(4)
    matrix[:3, :3] = rotation @ np.diag([-spacing[0] if left_handed else spacing[0], spacing[1], spacing[2]])
    shape = tuple(int(60 / s) for s in spacing[::-1])
    middle = matrix[:3, :3] @ (np.array(shape[::-1]) - 1) / 2
    matrix[:3, 3] = -middle
    return Grid((shape[0], shape[1], shape[2]), matrix)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 0.5, 3.0), (0.4, 0.9, 1.5)])
@pytest.mark.parametrize("left_handed", [False, True])
@pytest.mark.parametrize("diameter", [3.0, 8.3, 20.0])
def test_volume_is_that_of_the_sphere(spacing: tuple[float, float, float], left_handed: bool, diameter: float) -> None:
    part = coverage(LesionShape((0.3, -0.4, 0.1), diameter), oblique_grid(spacing, 3, left_handed))
    assert part is not None
    measured = part.whole.sum() * np.prod(spacing)
    assert measured == pytest.approx(np.pi / 6 * diameter**3, rel=0.06 if diameter < 5 else 0.015)


def test_lobes_and_axes_keep_the_nominal_volume() -> None:
    grid = oblique_grid((0.5, 0.5, 0.5), 0, False)
    for seed in range(12):
        lesion = draw_lesion(np.random.default_rng(seed), (0.0, 0.0, 0.0), 14.0)
        part = coverage(lesion.shape, grid, samples=2)
        assert part is not None
        assert part.whole.sum() * 0.125 == pytest.approx(np.pi / 6 * 14.0**3, rel=0.05)


@pytest.mark.parametrize("seed", range(12))
def test_every_voxel_holds_the_mean_of_its_points(seed: int) -> None:
    """Voxels away from any surface are not divided: they must come out as if they had been."""
    rng = np.random.default_rng(seed)
    lesion = draw_varied_lesion(rng, (float(rng.uniform(-9, 9)), 2.0, -3.0), float(rng.uniform(2, 34)))
    spacing = ((1.0, 1.0, 1.0), (0.5, 0.5, 3.0), (0.4, 0.9, 1.5))[seed % 3]
    grid, samples = oblique_grid(spacing, seed, bool(seed % 2)), 1 + seed % 3
    part = coverage(lesion.shape, grid, samples)
    assert part is not None
    k, j, i = np.indices(part.whole.shape)
    start = np.array([extent.start for extent in part.box])
    whole, core = np.zeros(k.shape), np.zeros(k.shape)
    offsets = (np.arange(samples) + 0.5) / samples - 0.5
    step = float(np.prod(spacing)) ** (1 / 3) / samples
    for dk, dj, di in itertools.product(offsets, repeat=3):
        points = np.stack([i + start[2] + di, j + start[1] + dj, k + start[0] + dk], axis=-1)
        outer, inner = lesion.shape.levels(points @ grid.to_lps[:3, :3].T + grid.to_lps[:3, 3])
        whole += np.clip(0.5 - outer / step, 0, 1) / samples**3
        core += np.clip(0.5 - inner / step, 0, 1) / samples**3
    assert np.allclose(part.whole, whole, atol=1e-5) and np.allclose(part.core, np.minimum(core, whole), atol=1e-5)
    assert part.whole.max() > 0.05


@pytest.mark.parametrize("seed", range(4))
def test_ripples_are_as_high_as_they_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ripples, points = draw_ripples(rng, 0.1, 0.3, 1.2), rng.uniform(-5, 5, (20_000, 3))
    heights = ripples.at(points)
    assert float(np.sqrt(np.mean(heights**2))) == pytest.approx(0.1, rel=0.15)
    assert np.abs(heights).max() <= CREST * 0.1 + 1e-6
    waves = sum(np.cos(v[0] * points[:, 0] + v[1] * points[:, 1] + v[2] * points[:, 2] + phase) for v, phase in ripples.waves)
    assert np.allclose(heights, np.clip(0.1 * waves / np.sqrt(len(ripples.waves) / 2), -0.25, 0.25), atol=1e-4)
    lengths = [2 * np.pi / np.linalg.norm(vector) for vector, _ in ripples.waves]
    assert min(lengths) >= 0.3 and max(lengths) <= 1.2
    beside = points + rng.normal(0, 1e-3, points.shape)
    slopes = np.abs(ripples.at(beside) - heights) / np.linalg.norm(beside - points, axis=1)
    assert 0.2 * ripples.steepness < slopes.max() <= ripples.steepness * 1.05


@pytest.mark.parametrize("variety", ROUGH)
def test_rough_lesions_stay_within_reach_and_near_their_volume(variety: str) -> None:
    grid = oblique_grid((1.0, 1.0, 1.0), 4, False)
    middle = np.indices(grid.shape)[::-1].reshape(3, -1).T @ grid.to_lps[:3, :3].T + grid.to_lps[:3, 3]
    for seed in range(5):
        rng = np.random.default_rng(seed)
        shape = as_variety(draw_lesion(rng, (0.0, 0.0, 0.0), 16.0), variety, rng).shape
        outer, inner = shape.levels(middle)
        assert np.linalg.norm(middle[outer < 0], axis=1).max() < shape.reach_mm
        assert np.all(outer[inner < 0] <= 1e-9), "the core is inside"
        assert np.count_nonzero(outer < 0) == pytest.approx(np.pi / 6 * 16.0**3, rel=0.2)


def test_core_lies_inside_and_leaves_a_rim() -> None:
    grid = oblique_grid((0.5, 0.5, 0.5), 1, False)
    rings = [draw_lesion(np.random.default_rng(s), (0.0, 0.0, 0.0), 18.0).shape for s in range(30)]
    rings = [s for s in rings if s.core > 0]
    assert len(rings) > 10
    for shape in rings:
        part = coverage(shape, grid, samples=2)
        assert part is not None
        assert np.all(part.core <= part.whole + 1e-6)
        assert 0 < part.core.sum() < 0.8 * part.whole.sum()


def test_resizing_scales_the_volume() -> None:
    shape = draw_lesion(np.random.default_rng(5), (0.0, 0.0, 0.0), 12.0).shape
    grid = oblique_grid((0.5, 0.5, 0.5), 2, False)
    before, after = coverage(shape, grid, 2), coverage(shape.resized(0.2), grid, 2)
    assert before is not None and after is not None
    assert after.whole.sum() / before.whole.sum() == pytest.approx(0.2, rel=0.02)


def test_sizes_follow_the_specified_distribution() -> None:
    rng = np.random.default_rng(0)
    sizes = np.array([draw_diameter(rng) for _ in range(20_000)])
    assert sizes.min() >= 2.0 and sizes.max() <= 40.0
    assert np.median(sizes) == pytest.approx(5.2, abs=0.5)
    assert np.mean(sizes <= 10.0) == pytest.approx(0.8, abs=0.05)


def test_truth_is_what_fills_half_a_voxel_and_brightens_it() -> None:
    grid = Grid((40, 40, 40), np.eye(4))
    array = np.full(grid.shape, 100.0, np.float32)
    lesions = [SyntheticLesion(LesionShape((12.0, 20.0, 20.0), 10.0), PLAIN), SyntheticLesion(LesionShape((28.0, 20.0, 20.0), 6.0), PLAIN)]
    rendered = render_lesions(array, grid, lesions, fluid_level=40.0, white_level=140.0, rng=np.random.default_rng(0))
    k, j, i = np.indices(grid.shape)
    for number, (centre, radius) in enumerate([((12, 20, 20), 5.0), ((28, 20, 20), 3.0)], start=1):
        distance = np.sqrt((i - centre[0]) ** 2 + (j - centre[1]) ** 2 + (k - centre[2]) ** 2)
        assert np.all(rendered.labels[distance < radius - 0.9] == number)
        assert not np.any(rendered.labels[(distance > radius + 0.9) & (distance < radius + 4)] == number)
        assert array[centre[2], centre[1], centre[0]] == pytest.approx(200.0, abs=2.0)
        assert rendered.volumes_mm3[number - 1] == pytest.approx(np.pi / 6 * (2 * radius) ** 3, rel=0.03)
    far = np.sqrt((i - 12) ** 2 + (j - 20) ** 2 + (k - 20) ** 2) > 9
    far &= np.sqrt((i - 28) ** 2 + (j - 20) ** 2 + (k - 20) ** 2) > 7
    assert np.all(array[far] == 100.0)


def test_a_lesion_thinner_than_a_slice_still_has_a_voxel() -> None:
    grid = Grid((9, 30, 30), np.diag([1.0, 1.0, 6.5, 1.0]))
    array = np.full(grid.shape, 100.0, np.float32)
    rendered = render_lesions(
        array, grid, [SyntheticLesion(LesionShape((15.0, 15.0, 29.0), 2.0), PLAIN)], 40.0, 140.0, np.random.default_rng(0)
    )
    assert (rendered.labels == 1).sum() >= 1


def test_oedema_darkens_around_and_stays_in_the_brain() -> None:
    grid = Grid((40, 40, 40), np.eye(4))
    array = np.full(grid.shape, 100.0, np.float32)
    brain = np.zeros(grid.shape, bool)
    brain[:, :, :24] = True
    look = Enhancement(contrast=0.5, texture=0.0, core=0.0, oedema=0.3, oedema_mm=6.0)
    render_lesions(
        array,
        grid,
        [SyntheticLesion(LesionShape((20.0, 20.0, 20.0), 6.0), look)],
        40.0,
        140.0,
        np.random.default_rng(0),
        oedema_where=brain,
    )
    assert array[20, 20, 15] < 95.0
    assert array[20, 20, 26] == 100.0


def test_normal_enhancement_never_darkens() -> None:
    rng = np.random.default_rng(0)
    array = rng.uniform(0, 300, (8, 8, 8)).astype(np.float32)
    before = array.copy()
    render_enhancing(array, rng.uniform(0, 1, array.shape).astype(np.float32), 150.0)
    assert np.all(array >= before)
    assert np.all(array[before > 150] == before[before > 150])


@pytest.mark.parametrize("shape", [(64, 64, 64), (50, 61, 37)])
def test_a_bias_field_is_linear_between_its_nodes_and_smooth(shape: tuple[int, int, int]) -> None:
    """In one go in three dimensions, which takes longer."""
    field = bias_field(shape, 0.25, np.random.default_rng(3))
    nodes = np.random.default_rng(3).normal(0.0, 0.25, size=(4, 4, 4)).astype(np.float32)
    whole = ndimage.zoom(nodes, [n / 4 for n in shape], order=1, mode="nearest", grid_mode=True)
    whole = ndimage.uniform_filter(whole, [n // 4 for n in shape], mode="nearest")
    assert field.dtype == np.float32 and np.allclose(field, np.exp(whole), atol=1e-5)
