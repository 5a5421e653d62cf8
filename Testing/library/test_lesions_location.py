"""The words for a lesion's place are those of a brain drawn by formula."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from BrainMetsAILib.lesions.anatomy_regions import LEFT, RIGHT, Location, Region, compartment_of, mirrored, part_of, side_of
from BrainMetsAILib.lesions.location import locate
from drawn_regions import draw_regions, ellipsoid, empty_grid, lps_points

REGIONS = draw_regions(empty_grid())
FINE = empty_grid(1.7, np.array(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.2, -0.1, 0.3).GetMatrix()).reshape(3, 3) @ np.diag([1, -1, -1.0]))


def ball(centre: tuple[float, float, float], radius: float, grid: sitk.Image = FINE) -> sitk.Image:
    labels = sitk.GetImageFromArray(3 * ellipsoid(lps_points(grid), centre, radius).astype(np.uint16))
    labels.CopyInformation(grid)
    return labels


@pytest.mark.parametrize(
    ("centre", "radius", "words", "compartment"),
    [
        pytest.param((30.0, -40.0, 5.0), 6.0, "left frontal lobe", "cerebrum", id="left is the patient's left, in front"),
        pytest.param((-30.0, -40.0, 5.0), 6.0, "right frontal lobe", "cerebrum", id="right"),
        pytest.param((1.0, -50.0, 5.0), 8.0, "midline frontal lobe", "cerebrum", id="across the midline"),
        pytest.param((5.0, -50.0, 5.0), 8.0, "left frontal lobe", "cerebrum", id="over the midline, but mostly left"),
        pytest.param((-25.0, 45.0, 15.0), 5.0, "right occipital lobe", "cerebrum", id="behind"),
        pytest.param((-20.0, 40.0, -25.0), 5.0, "right cerebellum", "cerebellum", id="cerebellum"),
        pytest.param((0.0, 0.0, -35.0), 4.0, "midline brain stem", "brain stem", id="middle of the stem"),
        pytest.param((-8.0, 0.0, -35.0), 3.0, "right brain stem", "brain stem", id="a side of the stem, which the map does not have"),
        pytest.param((20.0, 0.0, 0.0), 6.0, "left deep grey matter", "cerebrum", id="deep grey"),
        pytest.param((-9.0, -8.0, 5.0), 3.0, "right ventricle", "cerebrum", id="ventricle"),
        pytest.param((9.0, 10.0, 5.0), 3.0, "left choroid plexus", "cerebrum", id="plexus"),
        pytest.param((0.5 * 58.0, 0.0, 0.8667 * 53.0), 2.0, "left parietal lobe", "cerebrum", id="in a sulcus: the nearest tissue"),
        pytest.param((70.0, 0.0, 0.0), 6.0, "outside the brain", "outside the brain", id="in the skull"),
        pytest.param((60.0, 0.0, 0.0), 8.0, "left parietal lobe", "cerebrum", id="half in the brain, half in the skull"),
        pytest.param((89.0, 0.0, 0.0), 2.5, "outside the brain", "outside the brain", id="in the air at the edge"),
    ],
)
def test_place_in_words(centre: tuple[float, float, float], radius: float, words: str, compartment: str) -> None:
    found = locate(ball(centre, radius), REGIONS)
    assert list(found) == [3]
    assert (found[3].words, found[3].compartment) == (words, compartment)


def test_several_lesions_and_none() -> None:
    grid = empty_grid()
    first, second = (sitk.GetArrayFromImage(ball(centre, 5.0, grid)) for centre in ((30.0, -40.0, 5.0), (-25.0, 45.0, 15.0)))
    both = sitk.GetImageFromArray(np.where(first > 0, 1, np.where(second > 0, 7, 0)).astype(np.uint16))
    both.CopyInformation(grid)
    assert {number: place.words for number, place in locate(both, REGIONS).items()} == {1: "left frontal lobe", 7: "right occipital lobe"}
    assert locate(sitk.Image(grid.GetSize(), sitk.sitkUInt16), REGIONS) == {}


def test_a_map_without_a_brain_puts_everything_outside() -> None:
    nothing = sitk.Image(REGIONS)
    nothing[:] = 0
    assert locate(ball((30.0, -40.0, 5.0), 6.0), nothing)[3] == Location("", "", "outside the brain")


@settings(max_examples=10, deadline=None)
@given(st.tuples(st.floats(8, 50), st.floats(-60, 60), st.floats(-45, 45)))
def test_the_mirror_image_lies_on_the_other_side(centre: tuple[float, float, float]) -> None:
    grid = empty_grid(2.3)  # none of its centres lies halfway between two of the map, where rounding would know no mirror
    here = locate(ball(centre, 4.0, grid), REGIONS)[3]
    there = locate(ball((-centre[0], *centre[1:]), 4.0, grid), REGIONS)[3]
    swap = {"left": "right", "right": "left"}
    assert (there.lobe, there.compartment, there.side) == (here.lobe, here.compartment, swap.get(here.side, here.side))


def test_regions_have_a_mirror_image_and_a_name() -> None:
    assert len(LEFT) == len(RIGHT)
    for region in Region:
        assert mirrored(mirrored(region)) is region
        assert part_of(mirrored(region)) == part_of(region)
        assert {side_of(region), side_of(mirrored(region))} in ({"left", "right"}, {""})
        assert compartment_of(region) == "outside the brain" or part_of(region)
