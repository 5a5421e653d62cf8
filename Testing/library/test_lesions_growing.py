"""Lesions grown from a click, necrotic cores and splits, on shapes whose truth is known."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from BrainMetsAILib.lesions.filling import with_enclosed
from BrainMetsAILib.lesions.growing import Neighbourhood, grow_lesion, growth_box
from BrainMetsAILib.lesions.necrotic_core import dark_core
from BrainMetsAILib.lesions.refusal import EditRefused

SHAPE = (56, 60, 64)
SPACINGS = {"isotropic": (1.0, 1.0, 1.0), "fine": (0.8, 0.5, 0.5), "thick": (3.0, 0.7, 0.7)}
EVERY_SPACING = pytest.mark.parametrize("spacing", list(SPACINGS.values()), ids=list(SPACINGS))
Spacing = tuple[float, float, float]


def middle_of(spacing: Spacing) -> np.ndarray:
    """Middle of the array in mm along k, j, i."""
    return (np.array(SHAPE) - 1) / 2 * spacing


def places_mm(spacing: Spacing) -> np.ndarray:
    return np.moveaxis(np.indices(SHAPE), 0, -1) * np.array(spacing)


def ball(spacing: Spacing, radius: float, shift: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    return np.asarray(((places_mm(spacing) - middle_of(spacing) - shift) ** 2).sum(axis=-1) <= radius**2)


def rod(spacing: Spacing, radius: float, shift_mm: float) -> np.ndarray:
    """A straight vessel along j, that far from the middle along i."""
    away = places_mm(spacing) - middle_of(spacing) - (0, 0, shift_mm)
    return np.asarray(away[..., 0] ** 2 + away[..., 2] ** 2 <= radius**2)


def scanned(truth: list[tuple[np.ndarray, float]], spacing: Spacing, noise: float = 4.0) -> np.ndarray:
    """Tissue of brightness 100 with shapes of other brightness, blurred by a point spread of 1 mm full width, with noise."""
    image = np.full(SHAPE, 100.0)
    for shape, level in truth:
        image[shape] = level
    blurred = ndimage.gaussian_filter(image, [0.42 / step for step in spacing])
    return np.asarray(blurred + np.random.default_rng(1).normal(0, noise, SHAPE), dtype=np.float32)


def grown(
    image: np.ndarray,
    spacing: Spacing,
    size_mm: float = 24.0,
    shift: tuple[float, float, float] = (0, 0, 0),
    taken: np.ndarray | None = None,
    probability: np.ndarray | None = None,
) -> np.ndarray:
    """What a click at the middle (or beside it, mm) gives, in the whole array."""
    at = (middle_of(spacing) + shift) / spacing
    seed = (float(at[0]), float(at[1]), float(at[2]))
    box = growth_box(SHAPE, seed, spacing, size_mm)
    inside = tuple(place - side.start for place, side in zip(seed, box, strict=True))
    around = Neighbourhood(
        image[box], spacing, (inside[0], inside[1], inside[2]),
        np.zeros(SHAPE, bool)[box] if taken is None else taken[box], None if probability is None else probability[box],
    )  # fmt: skip
    result = np.zeros(SHAPE, bool)
    result[box] = grow_lesion(around, size_mm)
    return result


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@EVERY_SPACING
@pytest.mark.parametrize(("radius", "least"), [(2.5, 0.75), (5.0, 0.88), (8.0, 0.93)])
def test_a_ball(spacing: Spacing, radius: float, least: float) -> None:
    truth = ball(spacing, radius)
    assert dice(grown(scanned([(truth, 200.0)], spacing), spacing), truth) > least


@EVERY_SPACING
def test_a_click_away_from_the_middle_gives_the_same(spacing: Spacing) -> None:
    image = scanned([(ball(spacing, 7.0), 200.0)], spacing)
    middle, edge = grown(image, spacing), grown(image, spacing, shift=(0.0, 3.5, -3.0))
    assert dice(middle, edge) > 0.97


@EVERY_SPACING
@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.0, 0.0, 7.5)], ids=["click in the core", "click on the rim"])
def test_a_ring_with_a_dark_core_is_one_whole(spacing: Spacing, shift: tuple[float, float, float]) -> None:
    outer = ball(spacing, 9.0)
    image = scanned([(outer, 200.0), (ball(spacing, 6.0), 60.0)], spacing)
    assert dice(grown(image, spacing, shift=shift), outer) > 0.9


@EVERY_SPACING
def test_a_faint_lesion(spacing: Spacing) -> None:
    truth = ball(spacing, 6.0)
    assert dice(grown(scanned([(truth, 118.0)], spacing), spacing), truth) > 0.8


@EVERY_SPACING
@pytest.mark.parametrize("side", [-1, 1])
def test_of_two_touching_balls_only_the_clicked_one(spacing: Spacing, side: int) -> None:
    left, right = ball(spacing, 6.0, (0, 0, -5.8)), ball(spacing, 6.0, (0, 0, 5.8))
    image = scanned([(left, 200.0), (right, 200.0)], spacing)
    wanted, other = (right, left) if side > 0 else (left, right)
    result = grown(image, spacing, shift=(0, 0, 5.8 * side))
    assert dice(result, wanted) > 0.88
    assert (result & other & ~wanted).sum() < 0.1 * other.sum()


@EVERY_SPACING
def test_a_bright_vessel_beside_it_stays_out(spacing: Spacing) -> None:
    lesion, vessel = ball(spacing, 6.0), rod(spacing, 1.8, 7.0)
    result = grown(scanned([(lesion, 190.0), (vessel, 260.0)], spacing), spacing)
    assert dice(result, lesion) > 0.85
    assert (result & vessel & ~lesion).sum() < 0.2 * vessel.sum()


def test_other_lesions_are_never_eaten() -> None:
    spacing = SPACINGS["isotropic"]
    left, right = ball(spacing, 7.0, (0, 0, -4)), ball(spacing, 7.0, (0, 0, 4))
    image = scanned([(left | right, 200.0)], spacing)
    result = grown(image, spacing, shift=(0, 0, 6), taken=left)
    assert not (result & left).any()
    assert dice(result, right & ~left) > 0.85


def test_the_size_bounds_it() -> None:
    spacing = SPACINGS["fine"]
    image = scanned([(ball(spacing, 10.0), 200.0)], spacing)
    volumes = []
    for size in (4.0, 8.0, 12.0, 30.0):
        result = grown(image, spacing, size)
        places = np.argwhere(result) * spacing
        assert max(np.ptp(places, axis=0)) <= size + 1e-6
        volumes.append(int(result.sum()))
    assert volumes == sorted(volumes) and volumes[0] > 0


def test_the_network_helps_where_the_image_says_little() -> None:
    spacing = SPACINGS["isotropic"]
    truth = ball(spacing, 5.0)
    image = scanned([(truth, 100.0)], spacing)
    with pytest.raises(EditRefused, match="Nothing here is brighter"):
        grown(image, spacing)
    probability = ndimage.gaussian_filter(truth.astype(np.float32), 0.7) * np.float32(0.6)
    assert dice(grown(image, spacing, probability=probability), truth) > 0.9


def test_the_network_keeps_a_vessel_out() -> None:
    spacing = SPACINGS["isotropic"]
    lesion, vessel = ball(spacing, 4.0), rod(spacing, 3.0, 6.0)
    image = scanned([(vessel, 200.0), (lesion, 200.0)], spacing)
    probability = ndimage.gaussian_filter(lesion.astype(np.float32), 0.7) * np.float32(0.9)
    assert dice(grown(image, spacing, probability=probability), lesion) > 0.9


@pytest.mark.parametrize("level", [95.0, 100.0])
def test_plain_tissue_is_refused(level: float) -> None:
    spacing = SPACINGS["isotropic"]
    with pytest.raises(EditRefused, match="paint it"):
        grown(scanned([(ball(spacing, 6.0), level)], spacing), spacing)


@pytest.mark.parametrize("spacing", [SPACINGS["isotropic"], SPACINGS["fine"]], ids=["isotropic", "fine"])
def test_dark_core(spacing: Spacing) -> None:
    outer, core = ball(spacing, 9.0), ball(spacing, 5.0)
    image = scanned([(outer, 200.0), (core, 60.0)], spacing)
    for lesion in (outer, outer & ~core):  # the whole, or the rim alone
        found = dark_core(image, lesion, spacing, "M01")
        assert dice(found, core) > 0.9
        assert not (found & ~outer).any()


def test_an_open_ring_has_a_core_too() -> None:
    spacing = SPACINGS["isotropic"]
    outer, core = ball(spacing, 9.0), ball(spacing, 5.0)
    gap = rod(spacing, 1.5, 0.0) & (places_mm(spacing)[..., 1] > middle_of(spacing)[1])
    image = scanned([(outer, 200.0), (core, 60.0), (gap & outer, 60.0)], spacing)
    assert dice(dark_core(image, outer, spacing, "M01"), core) > 0.8


@pytest.mark.parametrize(
    ("shapes", "sentence"),
    [
        (lambda s: [(ball(s, 8.0), 200.0)], "no dark core"),
        (lambda s: [(ball(s, 8.0), 200.0), (places_mm(s)[..., 2] > middle_of(s)[2], 60.0)], "not enclosed"),
    ],
    ids=["solid", "dark on one side"],
)
def test_no_core_is_a_sentence(shapes: Callable[[Spacing], list], sentence: str) -> None:
    spacing = SPACINGS["isotropic"]
    with pytest.raises(EditRefused, match=sentence):
        dark_core(scanned(shapes(spacing), spacing), ball(spacing, 8.0), spacing, "M01")


def test_what_a_mask_encloses() -> None:
    cube = np.zeros((9, 9, 9), bool)
    cube[1:8, 1:8, 1:8] = True
    hollow = cube.copy()
    hollow[3:6, 3:6, 3:6] = False
    np.testing.assert_array_equal(with_enclosed(hollow), cube)
    hollow[4, 4, 6:] = False  # a gap along i: the mask is still on five sides
    assert with_enclosed(hollow)[3:6, 3:6, 3:6].all()
    tube = cube.copy()
    tube[:, 3:6, 3:6] = False  # the mask is on four sides
    np.testing.assert_array_equal(with_enclosed(tube), tube)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 24)] * 3),
    spacing=st.tuples(*[st.sampled_from([0.5, 1.0, 2.0, 5.0])] * 3),
    place=st.tuples(*[st.floats(0, 1)] * 3),
    size_mm=st.floats(3.0, 40.0),
    seed=st.integers(0, 1000),
)
def test_any_image_gives_a_lesion_near_the_click_or_a_sentence(
    shape: tuple[int, int, int], spacing: Spacing, place: Spacing, size_mm: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    image = ndimage.gaussian_filter(rng.normal(100, 60, shape), rng.uniform(0, 2)).astype(np.float32)
    taken = rng.random(shape) < 0.1
    at = tuple(share * (size - 1) for share, size in zip(place, shape, strict=True))
    try:
        result = grow_lesion(Neighbourhood(image, spacing, (at[0], at[1], at[2]), taken), size_mm)
    except EditRefused:
        return
    assert result.any() and not (result & taken).any() and result.shape == shape
    assert (np.ptp(np.argwhere(result) * spacing, axis=0) <= size_mm + 1e-6).all()
