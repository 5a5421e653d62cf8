"""Candidates in which nothing is brighter than the brain around them are taken out; rims, faint lesions and small ones stay."""

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray

from BrainMetsAILib.images.geometry import image_like
from BrainMetsAILib.models.candidate_brightness import LEAST_MM, unenhancing

GRID = sitk.Image(64, 60, 56, sitk.sitkFloat32)
SHAPE = (56, 60, 64)
FLUID, GREY, WHITE = 100.0, 300.0, 400.0


def ball(radius: float, centre: tuple[float, float, float] = (28, 30, 32)) -> NDArray[np.bool_]:
    return np.asarray(sum((axis - at) ** 2 for axis, at in zip(np.indices(SHAPE), centre, strict=True)) <= radius**2)


def head() -> NDArray[np.float64]:
    """Half grey, a third white matter and some fluid, mixed, with a little noise."""
    rng = np.random.default_rng(0)
    return rng.choice([FLUID, GREY, WHITE], SHAPE, p=[0.1, 0.55, 0.35]) + rng.normal(0, 10, SHAPE)


def judged(values: NDArray[np.float64], lesion: NDArray[np.bool_], necrosis: NDArray[np.bool_], shift: float = 0.0) -> bool:
    """Whether the one candidate is taken out, whatever the unit of the intensities."""
    answers = {
        tuple(
            unenhancing(
                image_like((values * scale + shift).astype(np.float32), GRID),
                image_like(lesion.astype(np.uint16), GRID),
                image_like(necrosis.astype(np.uint8), GRID),
                image_like(np.ones(SHAPE, np.uint8), GRID),
            )
        )
        for scale in (0.01, 1.0, 30.0)
    }
    assert len(answers) == 1
    return answers == {(1,)}


@pytest.mark.parametrize(("brightness", "gone"), [(WHITE, True), (1.35 * WHITE, False), (2 * WHITE, False)])
def test_a_rim_must_be_brighter_than_white_matter(brightness: float, gone: bool) -> None:
    values, lesion, core = head(), ball(12), ball(10)
    values[lesion], values[core] = brightness, FLUID
    assert judged(values, lesion, core) is gone


def test_a_ventricle_with_its_walls_is_no_lesion_even_where_all_of_it_is_called_necrosis() -> None:
    values, ventricle = head(), ball(9)
    values[ventricle] = FLUID
    assert judged(values, ventricle, ventricle)
    assert judged(values, ball(11), ventricle)


def test_a_lesion_of_which_a_fifth_enhances_stays() -> None:
    values, lesion = head(), ball(10)
    k = np.indices(SHAPE)[0]
    values[lesion & (k > 32)] = 2 * WHITE
    share = (lesion & (k > 32)).sum() / lesion.sum()
    assert 0.15 < share < 0.25
    assert not judged(values, lesion, np.zeros(SHAPE, bool))


def test_a_nodule_in_the_wall_of_a_cyst_that_hardly_enhances_keeps_it() -> None:
    values, cyst, fluid, nodule = head(), ball(15), ball(14), ball(3, (28, 30, 44))
    values[cyst], values[fluid] = GREY, FLUID
    assert judged(values, cyst, fluid)
    values[nodule] = 2 * WHITE
    assert not judged(values, cyst | nodule, fluid & ~nodule)
    assert not judged(values, cyst | nodule, cyst | nodule), "called necrosis altogether"


def test_without_a_brain_nothing_is_judged() -> None:
    image, labels = image_like(head().astype(np.float32), GRID), image_like(ball(9).astype(np.uint16), GRID)
    nothing = image_like(np.zeros(SHAPE, np.uint8), GRID)
    assert unenhancing(image, labels, nothing, nothing) == []


def test_small_candidates_are_not_judged() -> None:
    nothing = np.zeros(SHAPE, bool)
    values = np.full(SHAPE, GREY)
    values[:, :, :8], values[:, :, -20:] = FLUID, WHITE
    assert not judged(values, ball(LEAST_MM / 2 - 0.5), nothing)
    assert judged(values, ball(LEAST_MM / 2 + 0.5), nothing)
