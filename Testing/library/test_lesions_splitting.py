"""Splits by a plane and around points, on every kind of grid."""

import numpy as np
import pytest

from analytic_shapes import GRIDS, ball, ellipsoid, grid, positions_ras, turned
from BrainMetsAILib.lesions.refusal import EditRefused
from BrainMetsAILib.lesions.splitting import (
    Plane,
    plane_across_longest_axis,
    plane_through_line,
    split_around_points,
    split_by_plane,
)

EVERY_GRID = pytest.mark.parametrize("name", list(GRIDS))
CENTRE = (12.0, -30.0, 21.0)


@EVERY_GRID
def test_the_middle_of_an_ellipsoid(name: str) -> None:
    shape, matrix = grid(GRIDS[name], CENTRE, 14.0)
    axes = turned((20.0, 35.0, -10.0))
    lesion = ellipsoid(shape, matrix, CENTRE, (12.0, 5.0, 5.0), axes)
    plane = plane_across_longest_axis(lesion, matrix)
    spacing = np.linalg.norm(GRIDS[name], axis=0).max()
    assert abs(plane.normal @ axes[:, 0]) > np.cos(np.radians(6))
    assert abs((plane.point - CENTRE) @ axes[:, 0]) < 0.5 * spacing
    parts = split_by_plane(lesion, matrix, plane)
    first, second = (parts == 1).sum(), (parts == 2).sum()
    assert first + second == lesion.sum() and not parts[~lesion].any()
    assert first == pytest.approx(second, rel=0.25 if spacing > 2 else 0.1)
    side = (positions_ras(shape, matrix) - plane.point) @ plane.normal
    assert (side[parts == 1] <= 0).all() and (side[parts == 2] > 0).all()


@EVERY_GRID
def test_a_line_drawn_on_a_slice(name: str) -> None:
    shape, matrix = grid(GRIDS[name], CENTRE, 12.0)
    lesion = ball(shape, matrix, CENTRE, 10.0)
    first, second = np.add(CENTRE, (4.0, -9.0, 0.0)), np.add(CENTRE, (4.0, 9.0, 0.0))
    parts = split_by_plane(lesion, matrix, plane_through_line(first, second, np.array([0.0, 0.0, 1.0])))
    right = positions_ras(shape, matrix)[..., 0] > CENTRE[0] + 4.0
    np.testing.assert_array_equal((parts == parts[lesion & right][0]) & lesion, lesion & right)


def test_a_plane_beside_the_lesion_is_refused() -> None:
    shape, matrix = grid(GRIDS["isotropic"], CENTRE, 12.0)
    lesion = ball(shape, matrix, CENTRE, 5.0)
    with pytest.raises(EditRefused, match="does not cut"):
        split_by_plane(lesion, matrix, Plane(np.add(CENTRE, (9.0, 0.0, 0.0)), np.array([1.0, 0, 0])))
    with pytest.raises(EditRefused, match="on top of each other"):
        plane_through_line(np.array(CENTRE), np.array(CENTRE), np.array([0.0, 0, 1]))


def kji(point: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return (np.linalg.inv(matrix) @ [*point, 1.0])[2::-1]


@pytest.mark.parametrize("name", ["isotropic", "fine", "oblique left-handed", "sagittal"])
def test_points_in_touching_balls_of_different_size_meet_at_the_neck(name: str) -> None:
    shape, matrix = grid(GRIDS[name], CENTRE, 20.0)
    towards = np.array([0.6, 0.8, 0.0])
    big, small = np.array(CENTRE) - 5 * towards, np.array(CENTRE) + 8.5 * towards
    balls = [ball(shape, matrix, tuple(place), radius) for place, radius in ((big, 9.0), (small, 5.0))]
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)[::-1]
    parts = split_around_points(balls[0] | balls[1], np.array([kji(big, matrix), kji(small, matrix)]), (spacing[0], spacing[1], spacing[2]))
    for number, own in enumerate(balls, start=1):
        assert (parts[own] == number).mean() > 0.95
    assert not parts[~(balls[0] | balls[1])].any()


def test_two_points_in_one_ball_share_it_evenly_and_three_make_three() -> None:
    shape, matrix = grid(GRIDS["isotropic"], CENTRE, 12.0)
    lesion = ball(shape, matrix, CENTRE, 10.0)
    points = np.array([kji(np.add(CENTRE, shift), matrix) for shift in ((-5.0, 0, 0), (5.0, 0, 0), (0, 8.0, 0))])
    two = split_around_points(lesion, points[:2], (1.0, 1.0, 1.0))
    assert (two == 1).sum() == pytest.approx((two == 2).sum(), rel=0.25)  # points fall on whole voxels
    assert set(np.unique(split_around_points(lesion, points, (1.0, 1.0, 1.0)))) == {0, 1, 2, 3}


def test_pieces_that_hang_together_nowhere_still_belong_to_somebody() -> None:
    lesion = np.zeros((12, 12, 30), bool)
    lesion[2:8, 2:8, 2:8] = lesion[2:8, 2:8, 12:18] = lesion[2:8, 2:8, 25:28] = True
    parts = split_around_points(lesion, np.array([[4.0, 4, 4], [4, 4, 14]]), (1.0, 1.0, 1.0))
    assert (parts[:, :, 2:8][lesion[:, :, 2:8]] == 1).all()
    assert (parts[:, :, 12:][lesion[:, :, 12:]] == 2).all()


@pytest.mark.parametrize(
    ("points", "sentence"),
    [([[8.0, 8, 8]], "two points or more"), ([[8, 8, 8], [8.2, 8, 8]], "same place"), ([[8, 8, 8], [8, 8, 18]], "outside the lesion")],
)
def test_useless_points_are_refused(points: list, sentence: str) -> None:
    lesion = np.zeros((20, 20, 20), bool)
    lesion[5:12, 5:12, 5:12] = True
    with pytest.raises(EditRefused, match=sentence):
        split_around_points(lesion, np.array(points), (1.0, 1.0, 1.0))
