"""Rarer looks of metastases, and resection cavities: each is what its name says."""

from dataclasses import replace

import numpy as np
import pytest

from BrainMetsAILib.synthesis.lesion_sampling import SyntheticLesion, draw_lesion
from BrainMetsAILib.synthesis.rendering import Rendered, render_lesions
from BrainMetsAILib.synthesis.shapes import Grid, LesionShape
from BrainMetsAILib.synthesis.varieties import LEAST_MM, LEAST_ROUGH_MM, ROUGH, SHARES, as_variety, draw_cavity, draw_varied_lesion

FLUID, WHITE = 20.0, 100.0
GRID = Grid((48, 48, 48), np.eye(4))
CENTRE = (24.0, 24.0, 24.0)


def distance() -> np.ndarray:
    k, j, i = np.meshgrid(*[np.arange(48)] * 3, indexing="ij")
    return np.sqrt((i - CENTRE[0]) ** 2 + (j - CENTRE[1]) ** 2 + (k - CENTRE[2]) ** 2)


def drawn(lesion: SyntheticLesion, seed: int) -> tuple[np.ndarray, Rendered]:
    array = np.full(GRID.shape, WHITE, np.float32)
    return array, render_lesions(array, GRID, [lesion], FLUID, WHITE, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("variety", sorted(set(SHARES) - set(ROUGH)))
def test_varieties_look_as_they_are_called(variety: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    plain = draw_lesion(rng, CENTRE, 20.0)
    lesion = as_variety(plain, variety, rng)
    assert lesion.shape.centre_mm == CENTRE and lesion.shape.diameter_mm == 20.0
    # Oedema darkens what a lesion's brightness is measured against.
    array, rendered = drawn(replace(lesion, enhancement=replace(lesion.enhancement, oedema=0.0)), seed)
    enhancing = (rendered.labels == 1) & ~rendered.necrosis
    middle = array[distance() < 3].mean()
    if variety == "haemorrhagic":
        assert not rendered.necrosis.any()
        assert array[enhancing].std() > 10 and array[enhancing].mean() > WHITE + 0.25 * (WHITE - FLUID)
        return
    if variety == "faint":
        assert lesion.shape == plain.shape
        assert WHITE < array[enhancing].mean() < WHITE + 0.4 * (WHITE - FLUID)
        return
    if variety == "multilocular":
        chambers, septa = rendered.necrosis & (distance() < 6), enhancing & (distance() < 6)
        assert chambers.sum() > 90 and septa.sum() > 90, "the middle holds both"
        assert array[septa].mean() > array[chambers].mean() + 0.3 * (WHITE - FLUID)
        assert rendered.necrotic_mm3[0] == pytest.approx(rendered.necrosis.sum(), rel=0.15), "the truth knows the septa"
        return
    assert rendered.necrosis[24, 24, 24], "the middle does not enhance"
    share = rendered.necrotic_mm3[0] / rendered.volumes_mm3[0]
    if variety == "cystic":
        assert middle < FLUID + 0.2 * (WHITE - FLUID) and share > 0.25
    elif variety == "edge-enhancing":
        assert FLUID + 0.4 * (WHITE - FLUID) < middle < WHITE + 0.4 * (WHITE - FLUID)
    else:
        assert array[enhancing].mean() < WHITE + 0.6 * (WHITE - FLUID)


def rims_mm(rendered: Rendered) -> np.ndarray:
    """Thickness of the enhancing tissue outside the core, along straight ways from the middle of the lesion."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(400, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    along = np.arange(0, 22, 0.25)
    at = np.rint(np.array(CENTRE) + directions[:, None] * along[None, :, None]).astype(int)
    place = (at[..., 0], at[..., 1], at[..., 2])
    lesion, core = rendered.labels[place] > 0, rendered.necrosis[place]
    beyond = np.cumsum(core[:, ::-1], axis=1)[:, ::-1] == 0
    return np.asarray((lesion & beyond).sum(axis=1) * 0.25)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("variety", ROUGH)
def test_rough_varieties_are_uneven(variety: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    plain = draw_lesion(rng, CENTRE, 24.0)
    lesion = as_variety(plain, variety, rng)
    assert lesion.shape.diameter_mm == 24.0 and lesion.enhancement.fingers > 0
    lesion = replace(lesion, enhancement=replace(lesion.enhancement, oedema=0.35))
    array, rendered = drawn(lesion, seed)
    enhancing = (rendered.labels == 1) & ~rendered.necrosis
    assert rendered.necrosis.sum() > 50 and enhancing.sum() > 50
    assert array[enhancing].mean() > array[rendered.necrosis].mean()
    rims = rims_mm(rendered)
    assert rims.max() > np.quantile(rims, 0.25) + 2.0, "thick here and thin there"
    if variety == "nodular":
        assert array[rendered.necrosis].mean() < FLUID + 0.35 * (WHITE - FLUID), "a cyst"
    smooth = replace(lesion.shape, ripples=None, core_ripples=None, core_lobes=())
    _, as_smooth = drawn(replace(lesion, shape=smooth, enhancement=replace(lesion.enhancement, chambers_mm=0.0)), seed)
    assert rims.std() > rims_mm(as_smooth).std(), "unevener than without it"


def test_oedema_reaches_in_fingers() -> None:
    shape = LesionShape(CENTRE, 10.0)
    look = replace(draw_lesion(np.random.default_rng(0), CENTRE, 10.0).enhancement, oedema=0.4, oedema_mm=10.0)
    around = (distance() > 10) & (distance() < 11)
    spread = []
    for fingers in (0.0, 1.0):
        array, _ = drawn(SyntheticLesion(shape, replace(look, fingers=fingers)), 3)
        spread.append(float(array[around].std()))
        assert array[distance() > 26].min() == WHITE, "never further than twice as far"
    assert spread[1] > 3 * spread[0]


def test_every_variety_occurs_and_small_lesions_stay_plain() -> None:
    large = [draw_varied_lesion(np.random.default_rng(seed), CENTRE, 15.0) for seed in range(300)]
    thin_walled = sum(lesion.shape.core > 0.86 for lesion in large)  # plain ones have cores up to 0.85
    patchy = sum(lesion.enhancement.texture > 0.16 for lesion in large)  # plain ones have up to 0.15
    assert thin_walled > 5 and patchy > 15
    small = [draw_varied_lesion(np.random.default_rng(seed), CENTRE, LEAST_MM - 0.1) for seed in range(100)]
    assert all(lesion.enhancement.texture <= 0.15 and lesion.shape.core == 0 for lesion in small)
    medium = [draw_varied_lesion(np.random.default_rng(seed), CENTRE, LEAST_ROUGH_MM - 0.1) for seed in range(300)]
    assert not any(lesion.enhancement.fingers for lesion in medium)
    rough = [
        sum(draw_varied_lesion(np.random.default_rng(seed), CENTRE, size).enhancement.fingers > 0 for seed in range(400)) / 400
        for size in (12.0, 18.0)
    ]
    assert rough == pytest.approx([0.28, 0.56], abs=0.07), "large ones are hardly ever smooth"
    with pytest.raises(KeyError):
        as_variety(large[0], "unheard of", np.random.default_rng(0))


@pytest.mark.parametrize("seed", range(8))
def test_a_cavity_is_fluid_with_at_most_a_thin_bright_line(seed: int) -> None:
    array = np.full(GRID.shape, WHITE, np.float32)
    draw_cavity(array, GRID, LesionShape(CENTRE, 20.0), FLUID, WHITE, np.random.default_rng(seed))
    away = distance()
    assert array[away < 7.5].max() < FLUID + 0.6 * (WHITE - FLUID), "fluid within"
    assert np.array_equal(array[away > 11.5], np.full(np.count_nonzero(away > 11.5), WHITE, np.float32)), "nothing outside"
    bright = array > WHITE + 1
    assert not bright[away < 8.0].any()
    draw_cavity(array, GRID, LesionShape((500.0, 0.0, 0.0), 20.0), FLUID, WHITE, np.random.default_rng(seed))  # beside the window
