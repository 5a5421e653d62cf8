"""Sliding windows: every voxel that must be seen is seen, and weights blend to one."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from BrainMetsAILib.models.sliding_windows import gaussian_weights, padded_box, window_starts, windows_over


@given(st.integers(1, 300), st.integers(8, 96), st.floats(0.0, 0.75))
def test_windows_cover_an_axis_with_the_overlap_asked_for(extent: int, window: int, overlap: float) -> None:
    starts = window_starts(extent, window, overlap)
    assert starts[0] == 0
    assert starts[-1] == max(0, extent - window)
    step = max(1, int(window * (1 - overlap)))
    assert all(0 < b - a <= step for a, b in pairwise(starts))


def test_no_more_windows_than_needed() -> None:
    assert window_starts(96, 96, 0.25) == (0,)
    assert window_starts(168, 96, 0.25) == (0, 72)
    assert len(window_starts(169, 96, 0.25)) == 3
    with pytest.raises(ValueError, match="overlap"):
        window_starts(10, 5, 1.0)


@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.integers(16, 50)] * 3), st.integers(0, 2**31))
def test_every_voxel_of_the_mask_is_in_a_window_and_empty_ones_are_left_out(shape: tuple[int, int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(rng.integers(0, shape, (5, 3)).T)] = True
    seen = np.zeros(shape, dtype=bool)
    for box in windows_over(mask, (16, 16, 16), 0.25):
        assert mask[box].any()
        assert mask[box].shape == (16, 16, 16)
        seen[box] = True
    assert seen[mask].all()


def test_weights_are_symmetric_positive_and_highest_in_the_middle() -> None:
    weights = gaussian_weights((8, 10, 12))
    assert weights.shape == (8, 10, 12)
    assert weights.min() > 0
    assert np.array_equal(weights, weights[::-1, ::-1, ::-1])
    assert weights[4, 5, 6] == weights.max() == 1.0


def test_the_box_around_a_mask_keeps_its_margin_within_the_array() -> None:
    mask = np.zeros((10, 11, 12), dtype=bool)
    mask[4:6, 0, 11] = True
    assert padded_box(mask, 2) == (slice(2, 8), slice(0, 3), slice(9, 12))
    assert padded_box(np.zeros((3, 3, 3), dtype=bool), 2) == (slice(0, 3),) * 3
