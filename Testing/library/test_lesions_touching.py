"""Lesions that touch are told apart, and one lesion stays one whatever its shape."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.lesions.touching import split_at_necks, split_where_unsure

ISO = (1.0, 1.0, 1.0)


def ball(centre_mm: tuple[float, float, float], radius_mm: float, spacing_mm: tuple[float, float, float] = ISO) -> NDArray[np.bool_]:
    """A ball in a field of view of 60 mm."""
    axes = [np.arange(round(60 / s)) * s for s in spacing_mm]
    k, j, i = np.meshgrid(*axes, indexing="ij")
    return np.asarray((k - centre_mm[0]) ** 2 + (j - centre_mm[1]) ** 2 + (i - centre_mm[2]) ** 2 <= radius_mm**2)


@pytest.mark.parametrize("spacing", [ISO, (2.5, 0.8, 0.8), (0.6, 0.6, 1.0)])
def test_two_balls_that_touch_are_two(spacing: tuple[float, float, float]) -> None:
    first, second = ball((30, 20, 30), 7, spacing), ball((30, 31, 30), 5, spacing)
    whole = first | second
    parts = split_at_necks(whole.astype(np.uint16), spacing)
    assert parts.max() == 2 and np.array_equal(parts > 0, whole)
    assert np.count_nonzero((parts == 1) & first) > 0.97 * np.count_nonzero(first), "the larger one keeps the number"
    assert np.count_nonzero((parts == 2) & second) > 0.9 * np.count_nonzero(second)


def test_three_in_a_row_are_three_and_other_pieces_keep_their_numbers() -> None:
    row = ball((30, 10, 20), 5) | ball((30, 19, 20), 5) | ball((30, 28, 20), 5)
    pieces = np.where(row, 2, np.where(ball((30, 30, 45), 6), 1, 0)).astype(np.uint16)
    parts = split_at_necks(pieces, ISO)
    assert set(np.unique(parts)) == {0, 1, 2, 3, 4}
    assert np.array_equal(parts == 1, pieces == 1) and np.array_equal(np.isin(parts, (2, 3, 4)), row)
    sizes = np.bincount(parts.ravel())[2:]
    assert sizes.max() < 1.15 * sizes.min()


def test_one_lesion_stays_one() -> None:
    overlapping = ball((30, 25, 30), 8) | ball((30, 33, 30), 8)
    k, j, i = np.meshgrid(*[np.arange(60.0)] * 3, indexing="ij")
    long = ((k - 30) / 5) ** 2 + ((j - 30) / 16) ** 2 + ((i - 30) / 5) ** 2 <= 1
    open_ring = (ball((30, 30, 30), 14) & ~ball((30, 30, 30), 10)) & ~((j > 30) & (abs(k - 30) < 9))
    assert ndimage.label(open_ring)[1] == 1
    for shape in (overlapping, long, open_ring, ball((30, 30, 30), 2), ball((30, 30, 30), 0.5)):
        assert shape.any() and split_at_necks(shape.astype(np.uint16), ISO).max() == 1
    assert split_at_necks(np.zeros((4, 4, 4), np.uint16), ISO).max() == 0


def test_a_knob_too_small_to_be_a_lesion_stays() -> None:
    whole = ball((30, 25, 30), 8)
    whole[30, 33:37, 30] = True
    assert split_at_necks(whole.astype(np.uint16), ISO).max() == 1


def test_doubt_between_two_sure_places_divides_and_doubt_at_the_edge_does_not() -> None:
    first, second = ball((30, 22, 30), 7), ball((30, 34, 30), 6)
    bridge = (ball((30, 28, 30), 6) | first | second) & ~(ball((30, 22, 30), 6) | ball((30, 34, 30), 5))
    whole = bridge | first | second
    assert split_at_necks(whole.astype(np.uint16), ISO).max() == 1, "no neck"
    sure = np.where(whole, np.where(bridge, 0.6, 0.97), 0.1)
    parts = split_where_unsure(whole.astype(np.uint16), sure, ISO)
    assert parts.max() == 2 and np.array_equal(parts > 0, whole)
    for number, centre in ((1, (30, 22, 30)), (2, (30, 34, 30))):
        assert parts[centre] == number
        assert ndimage.label(parts == number, np.ones((3, 3, 3)))[1] == 1
    assert split_where_unsure(whole.astype(np.uint16), np.where(whole, 0.97, 0.1), ISO).max() == 1
    # A rim of doubt all round, a sure ring that is open at one side, or a sure speck beside: one lesion.
    ring = first & ~ball((30, 22, 30), 5) & (np.indices(first.shape)[1] < 26)
    speck = first & ~ball((30, 22, 30), 6)
    speck[30, 28, 30] = True
    for certain in (ball((30, 22, 30), 5), ring, ball((30, 22, 30), 4) | speck & ball((30, 28, 30), 1)):
        assert split_where_unsure(first.astype(np.uint16), np.where(certain & first, 0.97, np.where(first, 0.6, 0)), ISO).max() == 1


@pytest.mark.parametrize("spacing", [(5.0, 0.5, 0.5), (5.0, 1.0, 1.0), (3.0, 0.8, 0.8), (0.8, 0.8, 0.8)])
@pytest.mark.parametrize("core", [0.65, 0.8])
@pytest.mark.parametrize(("radius", "rim"), [(18, 4.5), (20, 3.0), (24, 4.5)])
@pytest.mark.parametrize("weak", [0.0, 0.15])
def test_a_ring_whose_core_is_less_sure_stays_one(
    spacing: tuple[float, float, float], core: float, radius: float, rim: float, weak: float
) -> None:
    """In thick slices the cap of the ring is missing, so that the core is open towards the next slice; a rim may be weaker somewhere."""
    k, j, i = (np.arange(round(2 * (radius + 6) / s)) * s - radius - 6 for s in spacing)
    across, along = np.meshgrid(j, i, indexing="ij")
    away = np.sqrt((k[:, None, None] - 0.25 * spacing[0]) ** 2 + across**2 + along**2)
    strength = 0.97 - weak * (np.abs(across) < 0.35 * radius)
    sure = np.where(away > radius - rim, strength / (1 + np.exp((away - radius) / 0.5)), core)
    assert split_where_unsure((sure >= 0.5).astype(np.uint16), sure, spacing).max() == 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_whatever_the_mask_no_voxel_is_lost_and_parts_hang_together(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = ndimage.gaussian_filter(rng.normal(size=(24, 24, 24)), 2.0) > 0.02
    pieces, count = ndimage.label(mask, np.ones((3, 3, 3)))
    parts = split_at_necks(pieces, ISO)
    if seed % 2:
        parts = split_where_unsure(parts, ndimage.gaussian_filter(rng.random(mask.shape), 1.5) * 4 - 1.3, (2.0, 1.0, 1.0))
    assert np.array_equal(parts > 0, mask)
    assert set(np.unique(parts)) == set(range(parts.max() + 1))
    for number in range(1, parts.max() + 1):
        where = parts == number
        assert ndimage.label(where, np.ones((3, 3, 3)))[1] == 1
        assert len(np.unique(pieces[where])) == 1
        if number <= count:
            assert pieces[where][0] == number
