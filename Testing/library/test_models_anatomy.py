"""Masks, distances and the check of the head against drawn brains; the network's run against one whose output is known by hand."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from analytic_bundle import write_bundle
from anatomy_by_hand import write_anatomy_by_hand
from BrainMetsAILib.images.geometry import array_of, image_like
from BrainMetsAILib.lesions.anatomy_regions import Region
from BrainMetsAILib.models import anatomy_inference
from BrainMetsAILib.models.anatomy import Anatomy, judged
from BrainMetsAILib.models.anatomy_inference import REGION_NAMES, anatomy_settings, find_anatomy, regions_of_shares
from BrainMetsAILib.models.anatomy_network import AnatomyUNet, joined, split
from BrainMetsAILib.models.bundles import Bundle, BundleError, find_bundle
from BrainMetsAILib.models.finding import Cancelled
from drawn_regions import BRAIN_MM, draw_regions, ellipsoid, empty_grid, lps_points

REGIONS = draw_regions(empty_grid())
HEAD = image_like(array_of(REGIONS) > 0, REGIONS)
BRAIN_ML = 4 / 3 * np.pi * np.prod(BRAIN_MM) / 1000


def volume_ml(mask: sitk.Image) -> float:
    return float(array_of(mask).astype(bool).sum() * np.prod(mask.GetSpacing()) / 1000)


def test_brain_mask_and_judgement_of_a_head() -> None:
    anatomy = judged(REGIONS, HEAD)
    assert anatomy.is_head and not anatomy.reason
    assert volume_ml(anatomy.brain_mask()) == pytest.approx(BRAIN_ML, rel=0.02)
    grown = np.prod([h + 10 for h in BRAIN_MM]) / np.prod(BRAIN_MM)
    assert anatomy.brain_share == pytest.approx(1 / grown, rel=0.02)


def test_surface_distance_is_the_distance_to_a_sphere() -> None:
    grid = empty_grid(2.0, half_mm=50.0)
    points = lps_points(grid)
    regions = image_like(np.where(ellipsoid(points, (0, 0, 0), 40.0), np.uint8(Region.FRONTAL_LEFT), np.uint8(0)), grid)
    distance = array_of(Anatomy(regions, 1.0, True).surface_distance_mm())
    truth = 40.0 - np.sqrt((points**2).sum(axis=0))
    assert np.abs(distance - truth).max() < 1.8 and abs(float((distance - truth).mean())) < 0.4
    assert np.array_equal(distance > 0, array_of(regions) > 0)


def test_faces_of_the_field_of_view_are_no_surface() -> None:
    grid = empty_grid(2.0, half_mm=20.0)
    cut = np.zeros((20, 20, 20), np.uint8)
    cut[10:] = Region.PARIETAL_LEFT  # the brain goes on above the last slice
    distance = array_of(Anatomy(image_like(cut, grid), 1.0, True).surface_distance_mm())
    assert distance[-1].min() == pytest.approx(19.0) and distance[0].max() == pytest.approx(-19.0)
    everywhere = Anatomy(image_like(np.full((20, 20, 20), Region.PARIETAL_LEFT, np.uint8), grid), 1.0, True)
    assert np.all(np.isposinf(array_of(everywhere.surface_distance_mm())))
    nowhere = Anatomy(image_like(np.zeros((20, 20, 20), np.uint8), grid), 0.0, False)
    assert np.all(np.isneginf(array_of(nowhere.surface_distance_mm())))


def test_choroid_region_grows_by_its_margin() -> None:
    anatomy = Anatomy(REGIONS, 0.5, True)
    ball = 4 / 3 * np.pi / 1000
    assert volume_ml(anatomy.choroid_region()) == pytest.approx(2 * ball * 4**3, rel=0.3)
    assert volume_ml(anatomy.choroid_region(6.0)) == pytest.approx(2 * ball * 10**3, rel=0.15)
    assert not array_of(Anatomy(image_like(np.zeros_like(array_of(REGIONS)), REGIONS), 0, False).choroid_region(5.0)).any()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda a: np.where(a >= 2, 1, a), "only 0 mL", id="no brain"),
        pytest.param(lambda a: np.where(a >= 2, 3, a), "no parts of one", id="all one lobe"),
        pytest.param(lambda a: np.where(np.arange(a.shape[0])[:, None, None] < 76, np.minimum(a, 1), a), "only", id="a crumb of brain"),
        pytest.param(lambda a: np.maximum(a, 3), "more than any has", id="everything is brain"),
    ],
)
def test_what_is_no_head_is_said(change: object, words: str) -> None:
    anatomy = judged(image_like(change(array_of(REGIONS)).astype(np.uint8), REGIONS), HEAD)  # type: ignore[operator]
    assert not anatomy.is_head and words in anatomy.reason and anatomy.reason.endswith("give an MR that shows the brain.")


def test_little_brain_in_much_tissue_is_no_head() -> None:
    little = np.where(lps_points(REGIONS)[2] > 20, array_of(REGIONS), np.minimum(array_of(REGIONS), 1)).astype(np.uint8)
    everything = image_like(np.ones_like(little), REGIONS)
    part = judged(image_like(little, REGIONS), everything)
    assert part.brain_share == pytest.approx(np.count_nonzero(little >= 2) / little.size)
    assert part.is_head == (part.brain_share >= 0.08)


def test_brain_is_decided_before_its_parts() -> None:
    shares = np.zeros((len(Region), 5, 5, 5), np.float32)
    shares[0] = 1.0
    lobes = [Region.FRONTAL_LEFT, Region.PARIETAL_LEFT, Region.TEMPORAL_LEFT]
    shares[:, 1:4, 1:4, 1:4] = 0.0
    shares[Region.HEAD, 1:4, 1:4, 1:4] = 0.4
    shares[[int(lobe) for lobe in lobes], 1:4, 1:4, 1:4] = np.array([0.15, 0.25, 0.2])[:, None, None, None]
    found = regions_of_shares(shares)
    assert np.all(found[1:4, 1:4, 1:4] == Region.PARIETAL_LEFT) and found.sum() == 27 * Region.PARIETAL_LEFT


def test_blocks_come_apart_and_together() -> None:
    x = torch.arange(2 * 4 * 6 * 8).float().reshape(2, 1, 4, 6, 8)
    cells = split(x)
    assert cells.shape == (2, 8, 2, 3, 4)
    assert torch.equal(cells[1, 5], x[1, 0, 1::2, 0::2, 1::2]), "cell 5 is voxel (1, 0, 1) of each block"
    assert torch.equal(joined(cells[:, None]), x)


def test_one_brain_without_holes() -> None:
    shares = np.zeros((len(Region), 12, 12, 12), np.float32)
    shares[0] = 1.0

    def put(box: tuple[slice, slice, slice], region: Region) -> None:
        shares[(slice(None), *box)] = 0.0
        shares[(int(region), *box)] = 1.0

    put((slice(2, 8),) * 3, Region.FRONTAL_RIGHT)
    put((slice(4, 6),) * 3, Region.HEAD)  # a tumour taken for something else
    put((slice(10, 11),) * 3, Region.OCCIPITAL_LEFT)  # a speck elsewhere
    found = regions_of_shares(shares)
    assert np.all(found[2:8, 2:8, 2:8] == Region.FRONTAL_RIGHT)
    assert np.count_nonzero(found >= Region.FLUID) == 6**3


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return find_bundle(str(write_anatomy_by_hand(tmp_path / "anatomy", 32)))


def bright_core(grid: sitk.Image) -> sitk.Image:
    """A head of 70 mm with a brain of (45, 50, 40) mm that is brighter, off the middle so that turned axes would show."""
    points = lps_points(grid)
    array = np.where(ellipsoid(points, (0, 0, 0), 70.0), 100.0, 0.0)
    array[ellipsoid(points, (12.0, -8.0, 6.0), (45.0, 50.0, 40.0))] = 220.0
    return image_like(array.astype(np.float32), grid)


CORE_ML = 4 / 3 * np.pi * 45 * 50 * 40 / 1000


@pytest.mark.parametrize(
    ("spacing", "axes"),
    [
        pytest.param(2.0, np.eye(3), id="the working grid"),
        pytest.param(1.5, np.array([[0, 0, -1.0], [1, 0, 0], [0, -1, 0]]), id="sagittal"),
        pytest.param(3.0, np.diag([-1.0, -1.0, 1.0]), id="coarse"),
        pytest.param(2.0, np.array(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.3, 0.1, -0.2).GetMatrix()).reshape(3, 3), id="oblique"),
    ],
)
def test_regions_lie_where_they_are_in_the_patient(bundle: Bundle, spacing: float, axes: np.ndarray) -> None:
    image = bright_core(empty_grid(spacing, axes))
    anatomy = find_anatomy(image, bundle, device="cpu")
    mask = anatomy.brain_mask()
    assert volume_ml(mask) == pytest.approx(CORE_ML, rel=0.05)
    points = lps_points(anatomy.regions)[:, array_of(mask) > 0]
    assert np.linalg.norm(points.mean(axis=1) - [12.0, -8.0, 6.0]) < 0.7
    assert np.allclose(anatomy.regions.GetSpacing(), 2.0)
    for corner in (np.zeros(3, int), np.array(image.GetSize()) - 1):  # the same field of view
        at = anatomy.regions.TransformPhysicalPointToContinuousIndex(image.TransformIndexToPhysicalPoint([int(c) for c in corner]))
        assert all(-1.5 < value < size + 0.5 for value, size in zip(at, anatomy.regions.GetSize(), strict=True))


def test_windows_leave_no_seam(bundle: Bundle, tmp_path: Path) -> None:
    image = bright_core(empty_grid())
    whole = find_bundle(str(write_anatomy_by_hand(tmp_path / "whole", 96)))
    assert np.array_equal(array_of(find_anatomy(image, bundle).brain_mask()), array_of(find_anatomy(image, whole).brain_mask()))


def test_the_neck_is_not_looked_at(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head of 140 mm on a long neck: windows below the brain are left out, and what they would show is head all the same."""
    monkeypatch.setattr(anatomy_inference, "WHOLE_BRAIN_ML", 300.0)
    grid = empty_grid(2.0, half_mm=140.0)
    points = lps_points(grid)
    array = array_of(bright_core(grid))
    neck = (np.hypot(points[0], points[1]) < 40.0) & (points[2] < -50.0)
    array[neck & (array == 0)] = 100.0
    said: list[str] = []
    anatomy = find_anatomy(image_like(array, grid), bundle, "cpu", progress=lambda share, text: said.append(text))
    windows = [text for text in said if "window" in text]
    assert len(windows) < int(windows[0].split()[-1])
    assert volume_ml(anatomy.brain_mask()) == pytest.approx(CORE_ML, rel=0.05)
    found = array_of(anatomy.regions)
    assert (found[neck] == Region.HEAD).mean() > 0.95


def test_an_image_without_a_head_is_no_error(bundle: Bundle) -> None:
    anatomy = find_anatomy(sitk.Cast(empty_grid(), sitk.sitkFloat32), bundle)
    assert not anatomy.is_head and "no head" in anatomy.reason and anatomy.brain_share == 0.0
    assert not array_of(anatomy.regions).any()


def test_progress_rises_and_cancel_stops(bundle: Bundle) -> None:
    said: list[float] = []
    find_anatomy(bright_core(empty_grid()), bundle, progress=lambda share, text: said.append(share))
    assert said == sorted(said) and said[0] == 0.0 and said[-1] == 1.0 and len(said) > 5
    with pytest.raises(Cancelled):
        find_anatomy(bright_core(empty_grid()), bundle, cancelled=lambda: True)


@pytest.mark.parametrize(
    "settings",
    [
        {"network": {"widths": [4, 4], "classes": ["background", "enhancing", "necrosis"]}},
        {"network": {"widths": [4, 4]}},
        {"patch": [33, 32, 32]},
        {"overlap": 1.0},
        {"spacing_mm": 20},
    ],
)
def test_settings_of_another_network_are_refused(tmp_path: Path, settings: dict[str, object]) -> None:
    folder = write_anatomy_by_hand(tmp_path / "wrong", 32, **settings)
    with pytest.raises(BundleError, match="reinstall the extension"):
        anatomy_settings(find_bundle(str(folder)))


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    content: dict[str, object] = {"network": {"widths": [8, 8], "classes": list(REGION_NAMES)}, "patch": [32] * 3}
    wrong = find_bundle(str(write_bundle(tmp_path / "wrong", AnatomyUNet((4, 4), len(Region)), content)))
    with pytest.raises(BundleError, match="do not fit"):
        find_anatomy(bright_core(empty_grid()), wrong)
