"""A second, coarser search completes large lesions and leaves everything else as the fine one outlined it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from numpy.typing import NDArray

from analytic_bundle import head_with_balls, write_analytic_bundle
from BrainMetsAILib.images.geometry import image_like
from BrainMetsAILib.models.bundles import BundleError, find_bundle
from BrainMetsAILib.models.inference import find_lesions
from BrainMetsAILib.models.large_lesions import LARGE_MM, REACH_MM, Maps, around_large_lesions, with_large_lesions
from BrainMetsAILib.models.scales import SHARPENED_MM, ScaleSearch
from BrainMetsAILib.models.settings import RunSettings, run_settings

SHAPE = (44, 44, 48)
CENTRE = (22, 22, 24)


def away_from(centre: tuple[float, float, float]) -> NDArray[np.floating]:
    """Distance [k, j, i] in voxels."""
    return np.sqrt(sum((axis - at) ** 2 for axis, at in zip(np.indices(SHAPE), centre, strict=True)))


def maps(*masks: NDArray[np.bool_]) -> Maps:
    """Enhancing 0.9 in the masks, necrosis nowhere."""
    whole = np.any(masks, axis=0) if masks else np.zeros(SHAPE, bool)
    return np.where(whole, 0.9, 0.0).astype(np.float32), np.zeros(SHAPE, np.float32)


def test_a_large_lesion_seen_in_part_becomes_whole_with_its_necrosis() -> None:
    ball, rim = away_from(CENTRE) <= 12, (away_from(CENTRE) <= 12) & (away_from(CENTRE) > 10)
    coarse = maps(ball)
    core = away_from(CENTRE) <= 6
    coarse[0][core], coarse[1][core] = 0.05, 0.9
    joined = with_large_lesions(maps(rim), coarse, 0.5, 1.0)
    assert ((joined[0] + joined[1] >= 0.5) == ball).all()
    assert (joined[1][core] > joined[0][core]).all() and (joined[1][rim] == 0).all()


def test_what_the_fine_search_has_seen_keeps_its_outline() -> None:
    fine, wide = maps(away_from(CENTRE) <= 10.5), maps(away_from(CENTRE) <= 12)
    for before, after in zip(fine, with_large_lesions(fine, wide, 0.5, 1.0), strict=True):
        assert np.array_equal(before, after)


def test_two_neighbours_that_run_together_at_the_coarse_resolution_stay_two() -> None:
    near = [away_from((20, 22, at)) <= 9 for at in (13, 33)]
    bridge = (away_from((20, 22, 23)) <= 4) | near[0] | near[1]
    fine = maps(*near)
    assert with_large_lesions(fine, maps(bridge), 0.5, 1.0) is not fine
    assert np.array_equal(with_large_lesions(fine, maps(bridge), 0.5, 1.0)[0], fine[0])


@pytest.mark.parametrize("spacing_mm", [1.0, 0.5])
def test_small_lesions_are_left_to_the_fine_search(spacing_mm: float) -> None:
    radius = LARGE_MM / 2 / spacing_mm
    small, large = (with_large_lesions(maps(), maps(away_from(CENTRE) <= radius + more), 0.5, spacing_mm) for more in (-1, 1))
    assert not small[0].any() and large[0].any()


def test_what_lies_outside_the_brain_cannot_take_a_lesion_with_it() -> None:
    lesion, muscle = away_from((22, 22, 8)) <= 5, away_from((22, 22, 24)) <= 12  # they touch
    brain = np.indices(SHAPE)[2] < 15
    fine, coarse = maps(lesion), maps(lesion | muscle)
    assert with_large_lesions(fine, coarse, 0.5, 1.0)[0][muscle].any(), "joined where the brain is not known"
    for before, after in zip(fine, with_large_lesions(fine, coarse, 0.5, 1.0, brain), strict=True):
        assert np.array_equal(before, after)
    inside = with_large_lesions(maps(), coarse, 0.5, 1.0, np.indices(SHAPE)[2] < 26)
    assert inside[0][muscle].any(), "half of it lies in the brain"


def test_what_is_looked_at_again_lies_around_large_lesions_of_the_brain() -> None:
    large, small = away_from((22, 22, 12)) <= 9, away_from((22, 22, 40)) <= 4
    around = around_large_lesions(maps(large, small), 0.5, 1.0)
    assert around[away_from((22, 22, 12)) <= 9 + REACH_MM - 1].all() and not around[away_from((22, 22, 12)) > 9 + REACH_MM + 1].any()
    assert not around_large_lesions(maps(small), 0.5, 1.0).any()
    assert not around_large_lesions(maps(large, small), 0.5, 1.0, np.indices(SHAPE)[2] > 20).any(), "outside the brain"


def test_a_lesion_just_large_enough_is_completed_by_what_is_sharper_and_smaller() -> None:
    """A ball of 16 mm at the coarse resolution that is one of 14 mm in between, of which the fine search saw half."""
    k = np.indices(SHAPE)[0]
    fine, between = maps((away_from(CENTRE) <= 7) & (k < 22)), maps(away_from(CENTRE) <= 7)
    assert np.array_equal(with_large_lesions(fine, between, 0.5, 1.0)[0], fine[0]), "too small to be believed on its own"
    assert ((with_large_lesions(fine, between, 0.5, 1.0, least_mm=SHARPENED_MM)[0] >= 0.5) == (away_from(CENTRE) <= 7)).all()


def layered_ball() -> tuple[sitk.Image, NDArray[np.bool_]]:
    """A head with a ball of 24 mm of bright and dark layers of 1 mm: at 1 mm the analytic network sees the bright ones only, from 2 mm on
    their mean."""
    size, matrix = (80, 90, 80), np.eye(4)
    matrix[:3, 3] = (-39.5, -44.5, -39.5)
    image = head_with_balls(size, matrix, [])
    k, j, i = np.indices(tuple(reversed(size)))
    ball = (k - 39.5) ** 2 + (j - 44.5) ** 2 + (i - 39.5) ** 2 <= 12.0**2
    array = sitk.GetArrayFromImage(image)
    array[ball & (k % 2 == 0)] = 330.0
    return image_like(array, image), ball


def dice_and_count(folder: Path, **settings: Any) -> tuple[float, int]:
    """Of what is found in the layered ball."""
    image, ball = layered_ball()
    finding = find_lesions(image, find_bundle(str(write_analytic_bundle(folder, brain_only=False, **settings))))
    found = sitk.GetArrayFromImage(finding.labels) > 0
    return float(2 * (found & ball).sum() / (found.sum() + ball.sum())), len(finding.scores)


def test_a_large_lesion_in_layers_is_found_whole(tmp_path: Path) -> None:
    assert dice_and_count(tmp_path / "once")[1] > 5
    dice, count = dice_and_count(tmp_path / "twice", coarse_spacing_mm=2.0)
    assert count == 1 and dice > 0.9


def test_searches_in_between_sharpen_the_outline_of_a_large_lesion(tmp_path: Path) -> None:
    coarse, count = dice_and_count(tmp_path / "coarse", coarse_spacing_mm=4.0)
    between, same_count = dice_and_count(tmp_path / "between", coarse_spacing_mm=4.0, between_spacings_mm=[2.0])
    assert count == same_count == 1
    assert between > coarse + 0.02


class KnownSearch(ScaleSearch):
    """What the searches in between find is given: lesion less surely in a smaller ball, and nothing around it."""

    def _at(self, spacing_mm: float, working: sitk.Image, where: sitk.Image | None, since: float, until: float) -> Maps:
        return maps(away_from(CENTRE) <= 8)[0] * np.float32(1 / 3), np.zeros(SHAPE, np.float32)


def test_searches_in_between_draw_the_outline_and_the_coarse_one_says_how_sure_a_lesion_is() -> None:
    settings = RunSettings(network={}, coarse_spacing_mm=2.0, between_spacings_mm=(1.5,))
    known = KnownSearch(sitk.Image(), None, None, torch.nn.Identity(), settings, torch.device("cpu"), lambda share, text: None)
    coarse = maps(away_from(CENTRE) <= 11)
    around = around_large_lesions(coarse, 0.5, 1.0)
    enhancing, necrosis = known._sharpened(sitk.Image(*reversed(SHAPE), sitk.sitkFloat32), coarse, around)
    assert np.array_equal(enhancing + necrosis >= 0.5, away_from(CENTRE) <= 8)
    assert enhancing[away_from(CENTRE) <= 8] == pytest.approx(0.9)


@pytest.mark.parametrize(
    "settings", [{"coarse_spacing_mm": 0.9}, {"between_spacings_mm": [1.5]}, {"coarse_spacing_mm": 2.0, "between_spacings_mm": [2.5]}]
)
def test_searches_in_the_wrong_order_of_resolution_are_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match="out of range"):
        run_settings(find_bundle(str(write_analytic_bundle(tmp_path / "wrong", spacing_mm=1.0, **settings))))
