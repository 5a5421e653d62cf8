"""The second lesion renderer, reserved for testing: it is independent, its truth is what it drew, its physics has the right signs."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from Benchmarks.real_cases import filled_contours
from Benchmarks.second_renderer import physics
from Benchmarks.second_renderer.blobs import block_mean, grow_blob, hollow, to_fine
from Benchmarks.second_renderer.head import Head, smooth_field
from Benchmarks.second_renderer.lesion_plan import EDGES, SIZES_MM, plan_lesions
from Benchmarks.second_renderer.membranes import midline
from Benchmarks.second_renderer.painting import paint_lesions
from Benchmarks.second_renderer.physics import PulseSequence, black_blood, gradient_echo
from Benchmarks.second_renderer.vessel_tree import FINE, Branch, filled_shares, grow_tree
from Benchmarks.second_renderer.volume import BLACK_BLOOD, GRADIENT_ECHO, STRIPPED, VolumeSpec, finish_volume
from Benchmarks.synthetic_test_set import QUICK, RESERVED, VALIDATION, chosen, write_volume
from shared_data import shared_volume

RENDERER = Path(__file__).resolve().parents[1] / "Benchmarks" / "second_renderer"
TRAINING = Path(__file__).resolve().parents[2] / "BrainMetsAI"
SPACING = np.array([2.0, 2.0, 2.0])


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


def toy_head(sequence: PulseSequence) -> Head:
    """Nested ellipsoids at 2 mm: fluid around grey around white matter, two ventricles, a sinus on top."""
    grid = sitk.Image([80, 94, 76], sitk.sitkUInt8)
    grid.SetSpacing((2.0, 2.0, 2.0))
    grid.SetOrigin((-79.0, -93.0, -75.0))
    k, j, i = np.meshgrid(*[np.arange(n) * 2.0 - (n - 1) for n in (76, 94, 80)], indexing="ij")

    def ellipsoid(a: float, b: float, c: float, x: float = 0.0) -> np.ndarray:
        return np.asarray(((i - x) / a) ** 2 + (j / b) ** 2 + (k / c) ** 2 < 1)

    hull, grey, white = ellipsoid(68, 82, 64), ellipsoid(65, 79, 61), ellipsoid(57, 71, 53)
    ventricles = ellipsoid(6, 26, 9, -9) | ellipsoid(6, 26, 9, 9)
    fluid = (hull & ~grey) | ventricles | (hull & (np.abs(i) < 1.5) & (k > 15))
    white &= ~fluid
    sinus = ellipsoid(72, 86, 68) & ~hull & (np.abs(i) < 4) & (k > 0)
    signal = np.zeros(hull.shape, np.float32)
    for mask, tissue in ((hull, physics.FLUID), (grey, physics.CORTEX), (white, physics.WHITE), (fluid, physics.FLUID)):
        signal[mask] = float(sequence.signal(tissue))
    nothing = np.zeros(hull.shape, bool)
    return Head(
        grid, sequence, signal, hull, hull & ~fluid, white, fluid, ventricles, sinus, nothing, ventricles, (0.0, -20.0, -45.0), nothing
    )


def test_lesions_at_edges_reach_beyond_tissue() -> None:
    rng = np.random.default_rng(3)
    head = toy_head(gradient_echo(rng))
    planned = plan_lesions(head, EDGES, rng)
    truth = paint_lesions(head.signal.copy(), head, planned, rng)
    assert len(planned) == len(truth.lesions) >= 4  # at 2 mm the smallest find no place so near to an edge
    beyond = [np.mean((head.ventricles | ~head.hull)[truth.labels == number]) for number in range(1, len(planned) + 1)]
    assert all(share < 0.8 for share in beyond) and np.count_nonzero(np.array(beyond) > 0.1) >= 2
    usual = paint_lesions(head.signal.copy(), head, plan_lesions(head, "usual", rng), rng)
    assert not (head.ventricles & (usual.labels > 0)).any(), "those of the other plans stay out of ventricles"


def test_it_shares_nothing_with_the_first_renderer() -> None:
    allowed = {"BrainMetsAILib.synthesis.truth", "BrainMetsAILib.images.brain"}
    for path in RENDERER.glob("*.py"):
        assert {name for name in imported(path) if name.startswith("BrainMetsAILib")} <= allowed, path.name
    for path in TRAINING.rglob("*.py"):
        assert not any("second_renderer" in name or name.startswith("Benchmarks") for name in imported(path)), path


def test_the_sets_keep_to_the_split() -> None:
    split = json.loads(shared_volume("split.json").read_text())
    reserved = {f"labelmaps/training_seg_{n}" for n in range(17, 21)} | {"t1/seg3d_t1", "t1/datalad_t1"}
    assert {spec.background for spec in RESERVED} == reserved
    assert {spec.background for spec in VALIDATION} == {"labelmaps/training_seg_15", "labelmaps/training_seg_16"}
    assert {"t1/seg3d_t1", "t1/datalad_t1", "labelmaps/training_seg_17..20"} <= set(split["reserved for evaluation, never trained on"])
    everything = (*RESERVED, *VALIDATION)
    assert len({spec.name for spec in everything}) == len({spec.seed for spec in everything}) == len(everything)
    for specs in (RESERVED, VALIDATION, chosen(quick=True)):
        assert {(spec.contrast, spec.skull) for spec in specs} >= {(GRADIENT_ECHO, "on"), (BLACK_BLOOD, "on"), (BLACK_BLOOD, STRIPPED)}
    assert [spec.name for spec in chosen(quick=True)] == [spec.name for spec in RESERVED if spec.name in QUICK]
    with pytest.raises(SystemExit, match="no volume called nobody"):
        chosen(only=["nobody"])


@pytest.mark.parametrize("make", [gradient_echo, black_blood])
def test_signals_have_the_right_order(make: object) -> None:
    for seed in range(10):
        sequence = (gradient_echo if make is gradient_echo else black_blood)(np.random.default_rng(seed))
        fluid, grey, white = (float(sequence.signal(t)) for t in (physics.FLUID, physics.CORTEX, physics.WHITE))
        assert fluid < 0.6 * grey and grey < white == 1.0
        levels = sequence.signal(physics.TUMOUR, np.array([0.0, 0.15, 0.3, 0.6]))
        assert np.all(np.diff(levels) > 0) and levels[0] < 1 and levels[2] > 1.2
        assert float(sequence.signal(physics.NECROSIS, 0.02)) < (0.9 * white if sequence.black_blood else 0.75 * grey)
        assert (sequence.blood() < 0.1) if sequence.black_blood else (sequence.blood() > 1.6)


@pytest.mark.parametrize("diameter", [2.0, 4.0, 9.0, 15.0])
def test_blobs_have_their_volume_in_one_piece(diameter: float) -> None:
    spacing = np.array([1.5, 1.0, 0.8])
    for seed in range(4):
        centre = np.array([20.3, 30.6, 37.2])
        blob = grow_blob(centre, diameter, (40, 60, 75), spacing, np.random.default_rng(seed))
        assert blob.whole.sum() * np.prod(spacing / FINE) == pytest.approx(np.pi / 6 * diameter**3, rel=0.08)
        assert ndimage.label(blob.whole)[1] == 1
        middle = (np.array(ndimage.center_of_mass(blob.whole)) + 0.5) / FINE - 0.5 + [s.start for s in blob.box]
        assert np.linalg.norm((middle - centre) * spacing) < 0.35 * diameter
    if diameter > 8:
        cored = hollow(blob, 0.4, 1.0, spacing, np.random.default_rng(1))
        depth = ndimage.distance_transform_edt(np.pad(cored.whole, 1), sampling=spacing / FINE)[1:-1, 1:-1, 1:-1]
        assert np.all(depth[cored.core] > 1.0) and 0.1 < cored.core.sum() / cored.whole.sum() < 0.45
        assert not hollow(blob, 0.4, 50.0, spacing, np.random.default_rng(1)).core.any()


def test_partial_volumes_are_block_means() -> None:
    rng = np.random.default_rng(0)
    coarse = rng.random((3, 4, 5)) > 0.5
    assert np.array_equal(block_mean(to_fine(coarse)), coarse.astype(np.float32))
    fine = rng.random((8, 8, 12))
    assert block_mean(fine)[1, 0, 2] == pytest.approx(fine[4:8, 0:4, 8:12].mean())


def test_fields_are_smooth_and_random() -> None:
    field = smooth_field((50, 60, 70), 8.0, np.array([1.0, 1.0, 1.0]), np.random.default_rng(3))
    assert field.mean() == pytest.approx(0, abs=1e-4) and field.std() == pytest.approx(1, abs=1e-4)
    assert np.abs(np.diff(field, axis=0)).mean() < 0.25
    far = np.corrcoef(field[:-40].ravel(), field[40:].ravel())[0, 1]
    near = np.corrcoef(field[:-1].ravel(), field[1:].ravel())[0, 1]
    assert near > 0.9 and abs(far) < 0.35


def test_vessels_run_where_they_may_and_widen_towards_the_root() -> None:
    ways = np.zeros((40, 40, 40), bool)
    ways[18:22] = True
    roots = np.zeros_like(ways)
    roots[18:22, :, :2] = True
    branches = grow_tree(ways, roots, np.ones(3), 12, 0.4, 1.2, np.random.default_rng(0))
    assert branches
    for branch in branches:
        assert np.all(np.diff(branch.radius_mm) >= -1e-9) and branch.radius_mm.max() <= 1.2
        assert np.all((branch.points[:, 0] > 16) & (branch.points[:, 0] < 23))
    assert min(branch.points[:, 2].min() for branch in branches) < 3
    assert grow_tree(ways, np.zeros_like(roots), np.ones(3), 5, 0.4, 1.0, np.random.default_rng(0)) == []


def test_a_straight_vessel_fills_its_cylinder() -> None:
    points = np.stack([np.full(101, 10.2), np.full(101, 9.7), np.linspace(5, 35, 101)], axis=1)
    share = filled_shares([Branch(points, np.full(101, 1.5), 1.0)], (20, 20, 40), np.ones(3))
    assert share[:, :, 10:30].sum() == pytest.approx(np.pi * 1.5**2 * 20, rel=0.08)
    assert share.max() == 1.0 and share[0].max() == 0.0


def test_truth_is_what_was_drawn() -> None:
    rng = np.random.default_rng(7)
    head = toy_head(gradient_echo(rng))
    signal = head.signal.copy()
    planned = plan_lesions(head, "usual", rng)
    assert len(planned) >= len(SIZES_MM["usual"]) - 1
    truth = paint_lesions(signal, head, planned, rng)
    assert {int(n) for n in np.unique(truth.labels)} - {0} == set(range(1, len(truth.lesions) + 1))
    assert not np.any(truth.necrosis & (truth.labels == 0)) and not np.any(truth.labels[head.ventricles])
    assert np.mean(ndimage.binary_dilation(head.hull)[truth.labels > 0]) == 1.0
    for number, painted in enumerate(truth.lesions, start=1):
        mask = truth.labels == number
        lesion = painted.lesion
        assert painted.volume_mm3 <= 1.1 * np.pi / 6 * lesion.diameter_mm**3
        if lesion.diameter_mm > 9:
            assert mask.sum() * 8.0 == pytest.approx(painted.volume_mm3, rel=0.2)
            assert (truth.necrosis & mask).sum() * 8.0 == pytest.approx(painted.necrotic_mm3, rel=0.5, abs=150)
            rim = mask & ~truth.necrosis & ~ndimage.binary_dilation(~mask)
            if rim.any() and lesion.kind != "faint":
                assert np.median(signal[rim]) > 1.15  # brighter than white matter
    untouched = ~ndimage.binary_dilation(truth.labels > 0, iterations=12)
    assert np.array_equal(signal[untouched], head.signal[untouched])


@pytest.mark.parametrize(("contrast", "skull"), [(GRADIENT_ECHO, "on"), (BLACK_BLOOD, STRIPPED)])
def test_whole_volumes(contrast: str, skull: str, tmp_path: Path) -> None:
    def made(seed: int, plan: str = "usual") -> object:
        rng = np.random.default_rng(seed)
        head = toy_head((black_blood if contrast == BLACK_BLOOD else gradient_echo)(rng))
        return finish_volume(VolumeSpec("toy", "labelmaps/toy", contrast, skull, seed, (2.0, 2.0, 2.0), plan), head, rng)

    one, again, free = made(1), made(1), made(1, "none")
    image = sitk.GetArrayFromImage(one.image)  # type: ignore[attr-defined]
    assert np.array_equal(image, sitk.GetArrayFromImage(again.image))  # type: ignore[attr-defined]
    assert not sitk.GetArrayFromImage(free.labels).any() and not free.lesions  # type: ignore[attr-defined]
    hull = toy_head(gradient_echo(np.random.default_rng(0))).hull
    sinus = toy_head(gradient_echo(np.random.default_rng(0))).blood_roots
    white = np.median(image[hull])
    if skull == STRIPPED:
        assert np.mean(image[~ndimage.binary_dilation(hull, iterations=3)] == 0) == 1.0
    else:
        assert np.median(image[ndimage.binary_erosion(sinus)]) > 1.4 * white
    write_volume(one, tmp_path / "toy")  # type: ignore[arg-type]
    assert {p.name for p in (tmp_path / "toy").iterdir()} == {
        f"toy_{part}" for part in ("t1c.nii.gz", "labels.nii.gz", "necrosis.nii.gz", "truth.csv", "tags.json")
    }
    assert not list(tmp_path.glob(".*"))


def test_the_midline_of_a_tilted_head() -> None:
    head = toy_head(gradient_echo(np.random.default_rng(0)))
    tilted = np.stack([np.roll(plane, round(0.1 * n), axis=1) for n, plane in enumerate(head.hull)])
    assert midline(tilted)[1] == pytest.approx(0.1, abs=0.02)


def test_contours_fill_their_area_and_cut_holes() -> None:
    image = sitk.Image([60, 50, 5], sitk.sitkUInt8)
    image.SetSpacing((0.5, 0.5, 1.5))
    image.SetOrigin((3.0, -4.0, 10.0))
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)

    def circle(radius: float) -> np.ndarray:
        return np.stack([18.1 + radius * np.cos(angle), 8.2 + radius * np.sin(angle), np.full(200, 13.0)], axis=1)

    mask = filled_contours([circle(8.0)], image)
    assert mask[2].sum() * 0.25 == pytest.approx(np.pi * 64, rel=0.02) and mask.sum() == mask[2].sum()
    ring = filled_contours([circle(8.0), circle(4.0)], image)
    assert ring.sum() * 0.25 == pytest.approx(np.pi * 48, rel=0.02)
