"""Lesions that touch over a wide area are told apart, and one lesion stays one whatever its shape and however thick the slices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.lesions.touching import split_at_necks
from BrainMetsAILib.lesions.waists import split_at_waists

ISO = (1.0, 1.0, 1.0)
THICK = (5.0, 0.8, 0.8)
Spacing = tuple[float, float, float]


def millimetres(spacing_mm: Spacing) -> tuple[NDArray[np.floating], ...]:
    """Coordinates k, j, i of a field of view of 60 mm."""
    return tuple(np.meshgrid(*[np.arange(round(60 / step)) * step for step in spacing_mm], indexing="ij"))


def ellipsoid(centre_mm: Spacing, half_mm: Spacing, spacing_mm: Spacing = ISO) -> NDArray[np.bool_]:
    parts = zip(millimetres(spacing_mm), centre_mm, half_mm, strict=True)
    return np.asarray(sum(((axis - at) / half) ** 2 for axis, at, half in parts) <= 1)


def ball(centre_mm: Spacing, radius_mm: float, spacing_mm: Spacing = ISO) -> NDArray[np.bool_]:
    return ellipsoid(centre_mm, (radius_mm,) * 3, spacing_mm)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_two_lesions_with_a_neck_nearly_as_wide_as_the_smaller_one_are_two(axis: int) -> None:
    """A ball, and a flat one on it."""
    centre, half = [30.0, 30.0, 30.0], [7.0, 7.0, 7.0]
    centre[axis], half[axis] = 40.0, 4.0
    first, second = ball((30, 30, 30), 8), ellipsoid(tuple(centre), tuple(half))  # type: ignore[arg-type]
    whole = first | second
    assert split_at_necks(whole.astype(np.uint16), ISO).max() == 1, "no ball tells"
    parts = split_at_waists(whole.astype(np.uint16), ISO)
    assert parts.max() == 2 and np.array_equal(parts > 0, whole)
    alone = second & ~first
    assert np.count_nonzero((parts == 1) & first) > 0.93 * np.count_nonzero(first), "the larger one keeps the number"
    assert np.count_nonzero((parts == 2) & alone) > 0.93 * np.count_nonzero(alone)


@pytest.mark.parametrize(("spacing", "count"), [((0.5, 0.5, 1.0), 2), ((2.5, 0.8, 0.8), 2), (THICK, 1)])
def test_slices_may_be_thin_and_are_left_alone_where_they_are_thick(spacing: Spacing, count: int) -> None:
    whole = ball((30, 24, 30), 8, spacing) | ball((30, 35, 30), 6, spacing)
    assert split_at_waists(whole.astype(np.uint16), spacing).max() == count


def test_three_in_a_row_are_three_and_other_pieces_keep_their_numbers() -> None:
    row = ball((30, 10, 20), 5) | ball((30, 19, 20), 5) | ball((30, 28, 20), 5)
    pieces = np.where(row, 2, np.where(ball((30, 30, 45), 6), 1, 0)).astype(np.uint16)
    parts = split_at_waists(pieces, ISO)
    assert set(np.unique(parts)) == {0, 1, 2, 3, 4}
    assert np.array_equal(parts == 1, pieces == 1) and np.array_equal(np.isin(parts, (2, 3, 4)), row)


@pytest.mark.parametrize("spacing", [ISO, (2.5, 0.8, 0.8), THICK])
def test_one_lesion_stays_one(spacing: Spacing) -> None:
    k, j, _ = millimetres(spacing)
    long = ellipsoid((30, 30, 30), (5, 16, 6), spacing)
    ring = ball((30, 30, 30), 14, spacing) & ~ball((30, 30, 30), 10, spacing)
    open_ring = ring & ~((j > 30) & (abs(k - 30) < 9))
    overlapping = ball((30, 25, 30), 8, spacing) | ball((30, 33, 30), 8, spacing)
    for shape in (long, ring, open_ring, overlapping, ball((30, 30, 30), 2, spacing), ball((30, 28, 28), 1, spacing)):
        assert shape.any() and split_at_waists(shape.astype(np.uint16), spacing).max() == 1
    assert split_at_waists(np.zeros((4, 4, 4), np.uint16), spacing).max() == 0


@pytest.mark.parametrize(
    ("half_mm", "spacing"),
    [
        ((20, 10, 10), (3.0, 0.5, 0.5)),
        ((25, 18, 12), (3.0, 0.5, 0.5)),
        ((18, 10, 10), (2.5, 0.5, 0.5)),
        ((16, 8, 8), (2.0, 0.5, 0.5)),
        ((24, 12, 12), (3.0, 0.9, 0.9)),
    ],
)
def test_a_long_lesion_across_slices_stays_one(half_mm: Spacing, spacing: Spacing) -> None:
    """Thousands of voxels in a dozen slices: their centres are a comb, and a comb has waists."""
    assert split_at_waists(ellipsoid((30, 30, 30), half_mm, spacing).astype(np.uint16), spacing).max() == 1


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), flips=st.sets(st.integers(0, 2)), order=st.permutations([0, 1, 2]))
def test_another_orientation_gives_the_same_parts(seed: int, flips: set[int], order: list[int]) -> None:
    rng = np.random.default_rng(seed)
    larger, smaller = rng.uniform(6, 9), rng.uniform(4, 6)
    way = rng.normal(size=3)
    centre = 30 + (larger + 0.75 * smaller) * way / np.linalg.norm(way)
    whole = ball((30, 30, 30), larger) | ball(tuple(centre), smaller)

    def turned(array: NDArray[np.integer]) -> NDArray[np.integer]:
        return np.transpose(np.flip(array, tuple(flips)), order)

    assert np.array_equal(split_at_waists(turned(whole.astype(np.uint16)), ISO), turned(split_at_waists(whole.astype(np.uint16), ISO)))


@settings(max_examples=25, deadline=None)
@given(
    axes=st.tuples(st.floats(3.0, 14.0), st.floats(3.0, 14.0), st.floats(3.0, 14.0)),
    lobe=st.floats(0.1, 1.0),
    at=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
)
def test_an_ellipsoid_with_a_lobe_inside_its_reach_stays_one(axes: Spacing, lobe: float, at: Spacing) -> None:
    """The lobe's centre lies at most at half of each axis and its radius is at most the shortest one: it bulges, and makes no waist."""
    centre = tuple(30 + share * axis for share, axis in zip(at, axes, strict=True))
    shape = ellipsoid((30, 30, 30), axes) | ball(centre, lobe * min(axes))  # type: ignore[arg-type]
    assert split_at_waists(shape.astype(np.uint16), ISO).max() == 1


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_parts_hang_together_and_hold_every_voxel(seed: int) -> None:
    """Three balls anywhere, in one piece or in several."""
    rng = np.random.default_rng(seed)
    whole = np.any([ball(tuple(rng.uniform(20, 40, 3)), float(rng.uniform(3, 9))) for _ in range(3)], axis=0)
    pieces = ndimage.label(whole, np.ones((3, 3, 3)))[0]
    parts = split_at_waists(pieces, ISO)
    assert np.array_equal(parts > 0, whole)
    for number in range(1, int(parts.max()) + 1):
        assert ndimage.label(parts == number, np.ones((3, 3, 3)))[1] == 1
        assert len(np.unique(pieces[parts == number])) == 1
