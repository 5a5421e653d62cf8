"""The anatomy network's labels, windows, loss and training, on brains drawn by formula."""

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from BrainMetsAILib.images.geometry import array_of, image_like
from BrainMetsAILib.lesions.anatomy_regions import FIRST_OF_BRAIN, FIRST_OF_TISSUE, LEFT, RIGHT, Region
from BrainMetsAILib.models.anatomy_inference import find_anatomy
from BrainMetsAILib.models.bundles import find_bundle
from BrainMetsAILib.training.anatomy_atlas import ICBM_LOBES, Parcellation, drawing_of, lobes_of_parcels
from BrainMetsAILib.training.anatomy_bundle import write_anatomy_bundle
from BrainMetsAILib.training.anatomy_contrast import rendered_levels
from BrainMetsAILib.training.anatomy_evaluation import compared, dice, summary
from BrainMetsAILib.training.anatomy_labels import AnatomyHead, read_head, regions_of_numbers, write_head
from BrainMetsAILib.training.anatomy_training import SIZES, AnatomyWindows, Course, _steps, anatomy_loss, supervise_anatomy
from BrainMetsAILib.training.anatomy_windows import Choices, draw_window
from BrainMetsAILib.training.trainer import Trainer
from drawn_regions import draw_regions, empty_grid

NOTHING = Choices(no_head=0, far=0, mirror=0, strip=0, deface=0, cut=0, thick=0, disease=0)
WINDOW = (48, 48, 48)
# FreeSurfer's numbers that stand for the drawn regions: lobes all become cortex or white matter of their side.
NUMBERS = {0: 0, 1: 507, 2: 24, 13: 10, 14: 49, 15: 8, 16: 47, 17: 16, 18: 4, 19: 4}
NUMBERS |= dict.fromkeys(range(3, 13, 2), 2) | dict.fromkeys(range(4, 13, 2), 41)


def drawn_numbers(regions: np.ndarray) -> np.ndarray:
    table = np.zeros(len(Region), np.int32)
    for region, number in NUMBERS.items():
        table[region] = number
    return table[regions]


@pytest.fixture(scope="module")
def head() -> AnatomyHead:
    """A drawn head at 2 mm instead of 1 mm: half the size, which the small windows hold."""
    regions = array_of(draw_regions(empty_grid(2.0)))
    ids, labels = np.unique(drawn_numbers(regions), return_inverse=True)
    return AnatomyHead("drawn", labels.reshape(regions.shape).astype(np.uint8), tuple(int(n) for n in ids), None, regions)


def test_lobes_of_parcels() -> None:
    parcels = {1024: "FRONTAL_LEFT", 2022: "PARIETAL_RIGHT", 3030: "TEMPORAL_LEFT", 4021: "OCCIPITAL_RIGHT", 2035: "INSULA_RIGHT"}
    found = lobes_of_parcels(np.array([*parcels, 5001, 17, 1000, 0]))
    assert [Region(v).name for v in found[:5]] == list(parcels.values())
    assert not found[5:].any()
    assert len({number for members in ICBM_LOBES.values() for number in members}) == 16


def test_lobes_are_carried_onto_a_moved_head_and_its_own_tissue_stays() -> None:
    atlas = draw_regions(empty_grid(2.0))
    regions = array_of(atlas)
    lobes = np.where((regions >= Region.FRONTAL_LEFT) & (regions <= Region.INSULA_RIGHT), regions, 0).astype(np.uint8)
    numbers = image_like(drawn_numbers(regions), atlas)
    parcellation = Parcellation(
        lobes=image_like(lobes, atlas),
        drawing=image_like(drawing_of(array_of(numbers)), atlas),
        choroid_plexus=image_like((regions == Region.CHOROID_PLEXUS).astype(np.float32), atlas),
    )
    move = sitk.AffineTransform(3)
    move.Rotate(0, 1, 0.15)
    move.Scale((1.06, 0.95, 1.03))
    move.SetTranslation((7.0, -5.0, 4.0))
    moved = sitk.Resample(numbers, move, sitk.sitkNearestNeighbor)
    truth = array_of(sitk.Resample(atlas, move, sitk.sitkNearestNeighbor))
    found = array_of(regions_of_numbers(moved, parcellation))
    own = array_of(moved)
    assert np.array_equal(found == Region.BRAIN_STEM, own == 16)
    assert np.array_equal(np.isin(found, LEFT) & (own == 2), own == 2) and np.array_equal(np.isin(found, RIGHT) & (own == 41), own == 41)
    for region in (Region.FRONTAL_LEFT, Region.FRONTAL_RIGHT, Region.PARIETAL_LEFT, Region.OCCIPITAL_RIGHT):
        assert dice(found == region, truth == region) > 0.92, region.name
    assert dice(found == Region.CHOROID_PLEXUS, truth == Region.CHOROID_PLEXUS) > 0.6
    assert dice(found >= FIRST_OF_TISSUE, truth >= FIRST_OF_TISSUE) > 0.999
    assert np.all(own[found == Region.FLUID] == 24)


def test_both_sides_look_alike() -> None:
    ids = (0, 2, 41, 3, 42, 4, 43, 17, 53, 18, 54, 26, 58, 28, 60, 137, 164, 507)
    for seed in range(20):
        levels = rendered_levels(ids, np.random.default_rng(seed))
        assert np.array_equal(levels.means[1:-1:2], levels.means[2::2][: len(ids) // 2 - 1])


def test_a_mirrored_window_swaps_the_sides(head: AnatomyHead) -> None:
    plain, mirrored = (
        draw_window([head], np.ones(1), np.random.default_rng(5), Choices(**{**vars(NOTHING), "mirror": m}), WINDOW) for m in (0.0, 1.0)
    )
    np.testing.assert_allclose(mirrored[0], plain[0][:, :, ::-1], atol=1e-5)
    back = mirrored[1][:, :, ::-1]
    for left, right in zip(LEFT, RIGHT, strict=True):
        assert np.array_equal(back == right, plain[1] == left) and np.array_equal(back == left, plain[1] == right)
    assert np.argwhere(np.isin(plain[1], LEFT))[:, 2].mean() > np.argwhere(np.isin(plain[1], RIGHT))[:, 2].mean()


def test_what_is_not_shown_is_background(head: AnatomyHead) -> None:
    for seed in range(6):
        array, regions = draw_window([head], np.ones(1), np.random.default_rng(seed), Choices(**{**vars(NOTHING), "cut": 1.0}), WINDOW)
        assert array.dtype == np.float32 and regions.shape == array.shape == WINDOW and np.isfinite(array).all()
        whole = draw_window([head], np.ones(1), np.random.default_rng(seed), NOTHING, WINDOW)[1]
        assert np.count_nonzero(regions) < np.count_nonzero(whole)
        assert np.array_equal(regions[regions > 0], whole[regions > 0])
        assert np.ptp(array[(regions == 0) & (whole > 0)]) == 0  # nothing of it is left


def test_an_extracted_brain_has_little_head_and_no_head_has_no_brain(head: AnatomyHead) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        whole = draw_window([head], np.ones(1), np.random.default_rng(seed), NOTHING, WINDOW)[1]
        stripped = draw_window([head], np.ones(1), rng, Choices(**{**vars(NOTHING), "strip": 1.0}), WINDOW)[1]
        assert np.count_nonzero(stripped == Region.HEAD) < 0.7 * np.count_nonzero(whole == Region.HEAD)
        assert dice(stripped >= FIRST_OF_BRAIN, whole >= FIRST_OF_BRAIN) > 0.8
        assert draw_window([head], np.ones(1), rng, Choices(no_head=1.0), WINDOW)[1].max() <= Region.HEAD


def test_disease_leaves_the_regions_alone_and_changes_the_image(head: AnatomyHead) -> None:
    plain = draw_window([head], np.ones(1), np.random.default_rng(2), NOTHING, WINDOW)
    ill = draw_window([head], np.ones(1), np.random.default_rng(2), Choices(**{**vars(NOTHING), "disease": 1.0}), WINDOW)
    assert np.array_equal(plain[1], ill[1])
    assert np.abs(plain[0] - ill[0])[plain[1] >= FIRST_OF_BRAIN].max() > 0.3


def test_the_loss_is_least_where_the_regions_are_right() -> None:
    torch.manual_seed(0)
    regions = torch.randint(0, len(Region), (1, 8, 8, 8))
    right = 20.0 * torch.nn.functional.one_hot(regions, len(Region)).permute(0, 4, 1, 2, 3).float()
    assert float(anatomy_loss(right, regions)) < 1e-3
    wrong_side = right[:, [0, 1, 2, *(r + 1 if r % 2 else r - 1 for r in range(3, 17)), 17, 18, 19]]
    assert float(anatomy_loss(wrong_side, regions)) > 1.0
    # The brain as a whole is asked for apart: taking it for head is worse than taking it for another part.
    lost = right[:, torch.arange(len(Region))].clone()
    lost[:, Region.HEAD] = torch.where(regions >= FIRST_OF_BRAIN, 40.0, lost[:, Region.HEAD])
    assert float(anatomy_loss(lost, regions)) > float(anatomy_loss(wrong_side, regions))


def test_training_learns_goes_on_and_becomes_a_bundle(head: AnatomyHead, tmp_path: Path) -> None:
    sizes = {"name": "compact", "widths": [8, 8, 16], "classes": [region.name.lower() for region in Region]}
    trainer = Trainer(tmp_path, 1e6, "cpu", supervise_anatomy, sizes, peak_rate=1e-2)
    array, regions = draw_window([head], np.ones(1), np.random.default_rng(0), NOTHING, (32, 32, 32))
    window = torch.from_numpy(array)[None, None], torch.from_numpy(regions)[None]
    losses = [trainer.learn(*window) for _ in range(30)]
    assert losses[-1] < 0.75 * losses[0]
    trainer.spent_s = 90.0
    trainer.save()
    again = Trainer(tmp_path, 1e6, "cpu", supervise_anatomy, sizes)
    assert again.step == 30 and again.spent_s == 90.0
    assert again.learn(*window) == pytest.approx(trainer.learn(*window), rel=0.05)

    measured = summary([{"kind": "skull on", "is head": True, **compared(regions, regions)}])
    write_anatomy_bundle(tmp_path / "state.pt", tmp_path / "brainmets_anatomy", measured)
    bundle = find_bundle(str(tmp_path / "brainmets_anatomy"))
    card = (bundle.folder / "docs" / "README.md").read_text(encoding="utf-8")
    assert "| skull on | 1 | 1.000 | 1.000 | 1.000 | 0.000 | 1.000 |" in card and "30 steps" in card
    assert not json.loads((bundle.folder / "configs" / "inference.json").read_text()).get("default")
    image = image_like((array_of(draw_regions(empty_grid(4.0))) * 20).astype(np.float32), empty_grid(4.0))
    assert array_of(find_anatomy(image, bundle, "cpu").regions).max() < len(Region)


def test_a_step_may_hold_several_windows_and_show_them_again(head: AnatomyHead, tmp_path: Path) -> None:
    trainer = Trainer(tmp_path, 1e6, "cpu", supervise_anatomy, {**SIZES, "widths": [4, 4, 8]})
    whole = (2, 1, 96, 112, 96)
    (array, regions), (again, known) = islice(_steps([head], trainer, 0, Course(cropped_share=0.0, batch=2, shown=2)), 2)
    assert array.shape == again.shape == whole and regions.shape == known.shape == (2, *whole[2:])
    assert not torch.equal(array, again)
    sizes, sizes_again = (sorted(int((part >= FIRST_OF_BRAIN).sum()) for part in windows) for windows in (regions, known))
    assert sizes == sizes_again, "the same two windows, whichever side is left"
    (parts, _), *_ = islice(_steps([head], trainer, 0, Course(cropped_share=1.0, batch=2)), 1)
    assert parts.shape == (6, 1, 48, 64, 48)


def test_figures_of_a_comparison() -> None:
    truth = array_of(draw_regions(empty_grid(2.0)))
    assert compared(truth, truth)["brain"] == compared(truth, truth)["mean over regions"] == 1.0
    swapped = truth[:, :, ::-1]
    figures = compared(swapped, truth)
    assert figures["brain"] > 0.99 and figures["wrong side"] > 0.98 and figures["frontal_left"] < 0.05


def test_heads_are_kept_as_they_are(head: AnatomyHead, tmp_path: Path) -> None:
    write_head(head, tmp_path / "head.npz")
    back = read_head(tmp_path / "head.npz")
    assert back.label_ids == head.label_ids and np.array_equal(back.regions, head.regions) and back.array is None


def test_label_maps_and_volumes_have_their_shares(head: AnatomyHead) -> None:
    real = AnatomyHead("real", None, (), np.ones(head.regions.shape, np.float32), head.regions)
    weights = AnatomyWindows([head, head, real], 0).weights
    assert weights == pytest.approx([0.4, 0.4, 0.2])
    assert AnatomyWindows([head], 0).weights == pytest.approx([1.0])
