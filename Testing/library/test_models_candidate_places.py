"""Candidates on the surface, in the choroid plexus and outside a brain drawn by formula are taken out whole; all others stay."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from analytic_bundle import write_analytic_bundle
from anatomy_by_hand import write_anatomy_by_hand
from BrainMetsAILib.images.geometry import array_of, image_like
from BrainMetsAILib.lesions.anatomy_regions import Region
from BrainMetsAILib.models import anatomy as judgement
from BrainMetsAILib.models.anatomy import Anatomy
from BrainMetsAILib.models.brain_region import shares_inside
from BrainMetsAILib.models.bundles import find_bundle
from BrainMetsAILib.models.candidate_places import OUTSIDE, PLEXUS, SURFACE, brain_with_margin, places_of, reasons_to_remove
from BrainMetsAILib.models.finding import FindingError
from BrainMetsAILib.models.inference import find_lesions
from BrainMetsAILib.models.postprocess import with_score_at_least
from drawn_regions import BRAIN_MM, draw_regions, ellipsoid, empty_grid, lps_points

ANATOMY = Anatomy(draw_regions(empty_grid()), 0.5, True)
FINE = empty_grid(1.0, np.diag([-1.0, 1.0, -1.0]))
POINTS = lps_points(FINE)


def balls(*places: tuple[tuple[float, float, float], float]) -> sitk.Image:
    labels = np.zeros(POINTS.shape[1:], np.uint16)
    for number, (centre, radius) in enumerate(places, start=1):
        labels[ellipsoid(POINTS, centre, radius)] = number
    return image_like(labels, FINE)


def reasons(*places: tuple[tuple[float, float, float], float], anatomy: Anatomy | None = ANATOMY) -> dict[int, str]:
    return reasons_to_remove(balls(*places), brain_with_margin(ANATOMY), anatomy)


def test_most_of_a_candidate_must_lie_there() -> None:
    left = BRAIN_MM[0]
    assert reasons(
        ((30.0, -40.0, 5.0), 6.0),  # in the frontal lobe
        ((left - 2.0, 0.0, 0.0), 4.0),  # a cortical metastasis that touches the surface
        ((left + 2.5, 0.0, 20.0), 3.0),  # a vessel on it
        ((left + 20.0, 0.0, 0.0), 3.0),  # in the scalp
        ((9.0, 10.0, 5.0), 3.0),  # the choroid plexus
        ((9.0, 10.0, 5.0 + 7.0), 6.0),  # a metastasis beside it
    ) == {3: SURFACE, 4: OUTSIDE, 5: PLEXUS}


@pytest.mark.parametrize(("beyond", "kept"), [(-2.0, True), (0.0, True), (3.0, False)])
def test_a_large_candidate_must_lie_deeper(beyond: float, kept: bool) -> None:
    """A ball of 14 mm, of which an outline that is off by some millimetres cannot leave so much outside."""
    assert reasons(((BRAIN_MM[0] + beyond, 0.0, 0.0), 7.0)) == ({} if kept else {1: SURFACE})
    assert reasons(((BRAIN_MM[0] + beyond / 4, 0.0, 0.0), 2.0)) == {}, "as far out for its size, and small"


def test_what_is_spread_out_on_the_surface_is_taken_out_and_a_lesion_that_bulges_is_not() -> None:
    """A sinus on the brain, flat although most of it counts as brain, against a ball of the same volume that leaves the brain too."""
    outer, inner = (ellipsoid(POINTS, (0.0, 0.0, 0.0), tuple(edge + by for edge in BRAIN_MM)) for by in (1.0, -5.0))
    sinus = outer & ~inner & (np.abs(POINTS[0]) < 25) & (np.abs(POINTS[1]) < 25) & (POINTS[2] > 0)
    size = 2 * (3 * np.count_nonzero(sinus) / (4 * np.pi)) ** (1 / 3)
    assert size > 18
    bulging = ellipsoid(POINTS, (BRAIN_MM[0] - 0.3 * size, 0.0, -10.0), size / 2)
    labels = np.where(sinus, 1, np.where(bulging, 2, 0)).astype(np.uint16)
    shares = shares_inside(image_like(labels, FINE), ANATOMY.brain_mask())
    assert 0.6 < shares[1] < 0.9 and 0.6 < shares[2] < 0.9
    assert reasons_to_remove(image_like(labels, FINE), brain_with_margin(ANATOMY), ANATOMY) == {1: SURFACE}


def test_without_regions_only_what_is_outside_is_told() -> None:
    assert reasons(((BRAIN_MM[0] + 2.5, 0.0, 0.0), 3.0), ((85.0, 0.0, 0.0), 3.0), ((9.0, 10.0, 5.0), 3.0), anatomy=None) == {2: OUTSIDE}
    assert reasons_to_remove(sitk.Image([5, 5, 5], sitk.sitkUInt16), brain_with_margin(ANATOMY), ANATOMY) == {}


def test_the_distance_to_the_surface_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[Anatomy] = []
    distance = Anatomy.surface_distance_mm

    def counted(anatomy: Anatomy) -> sitk.Image:
        computed.append(anatomy)
        return distance(anatomy)

    monkeypatch.setattr(Anatomy, "surface_distance_mm", counted)
    assert reasons(((BRAIN_MM[0] + 2.5, 0.0, 20.0), 3.0)) == {1: SURFACE}
    assert len(computed) == 1, "for the margin that is searched, and not again"


def test_places_in_words() -> None:
    assert places_of(balls(((30.0, -40.0, 5.0), 6.0), ((-20.0, 40.0, -25.0), 5.0)), ANATOMY) == {
        1: "left frontal lobe",
        2: "right cerebellum",
    }


@pytest.fixture
def drawn(tmp_path: Path) -> tuple[sitk.Image, Path]:
    """A head whose brain the anatomy network by hand tells by its brightness, with two bright balls, one of them on the surface."""
    grid = empty_grid(2.0)
    points = lps_points(grid)
    array = np.where(ellipsoid(points, (0, 0, 0), 70.0), 100.0, 0.0)
    array[ellipsoid(points, (0.0, 0.0, 0.0), (45.0, 50.0, 40.0))] = 220.0
    array[ellipsoid(points, (15.0, -10.0, 5.0), 7.0) | ellipsoid(points, (49.5, 0.0, 0.0), 4.0)] = 500.0
    return image_like(array.astype(np.float32), grid), write_anatomy_by_hand(tmp_path / "anatomy", 32)


def test_finding_says_where_lesions_lie_and_what_was_taken_out(
    drawn: tuple[sitk.Image, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judgement, "LEAST_PARTS", 1)  # the network by hand knows one part of the brain
    image, anatomy = drawn
    bundle = find_bundle(str(write_analytic_bundle(tmp_path / "bundle", spacing_mm=2.0)))
    said: list[float] = []
    finding = find_lesions(image, bundle, find_bundle(str(anatomy)), "cpu", progress=lambda share, text: said.append(share))
    assert said == sorted(said) and said[-1] == 1.0
    # All brain is left frontal lobe to this network, bright balls included.
    assert list(finding.scores) == [1] and finding.locations[1] == "left frontal lobe"
    assert finding.provenance.anatomy == "anatomy 9.9"
    plain = find_lesions(image, bundle, None, "cpu")
    assert plain.locations == {} and plain.provenance.anatomy == ""
    taken = finding.removed
    assert taken is None or set(taken.reasons.values()) <= {SURFACE, OUTSIDE}
    fewer = with_score_at_least(finding, 0.0)
    assert fewer.locations == finding.locations


def test_what_is_no_head_is_refused(tmp_path: Path, drawn: tuple[sitk.Image, Path]) -> None:
    image, anatomy = drawn
    bundle = find_bundle(str(write_analytic_bundle(tmp_path / "bundle", spacing_mm=2.0)))
    dark = image_like(np.where(array_of(image) > 0, np.float32(100), np.float32(0)), image)
    with pytest.raises(FindingError, match="does not look like a head"):
        find_lesions(dark, bundle, find_bundle(str(anatomy)), "cpu")


def test_what_is_called_plexus_for_a_candidate_s_own_brightness_stays() -> None:
    """A metastasis in the middle of a lobe, called plexus; the plexus in a ventricle is taken out however much of it is a candidate."""
    lesion = ((35.0, 30.0, 20.0), 5.0)
    regions = array_of(draw_regions(empty_grid()))
    regions[ellipsoid(lps_points(empty_grid()), *lesion)] = Region.CHOROID_PLEXUS
    mistaken = Anatomy(image_like(regions, empty_grid()), 0.5, True)
    assert reasons(lesion, ((9.0, 10.0, 5.0), 4.0), anatomy=mistaken) == {2: PLEXUS}


def test_a_plexus_half_of_which_was_taken_for_tissue_is_plexus_and_lesions_at_a_ventricle_are_not() -> None:
    """Two horns of a ventricle, 8 mm apart, with the plexus between them: a part of it was seen as such."""
    points, regions = lps_points(empty_grid()), array_of(draw_regions(empty_grid()))
    for front in (21.0, 37.0):
        regions[ellipsoid(points, (30.0, front, 10.0), (8.0, 4.0, 10.0))] = Region.VENTRICLES
    plexus = ((30.0, 29.0, 10.0), 5.5)
    regions[ellipsoid(points, *plexus) & (points[1] > 30.0)] = Region.CHOROID_PLEXUS
    in_wall = ((14.0, 10.0, 5.0), 5.0)  # beside the plexus of the drawn ventricle, and called tissue
    regions[ellipsoid(points, *in_wall)] = Region.DEEP_GREY_LEFT
    anatomy = Anatomy(image_like(regions, empty_grid()), 0.5, True)
    assert reasons(plexus, ((-30.0, 29.0, 10.0), 5.5), in_wall, anatomy=anatomy) == {1: PLEXUS}


def test_a_large_lesion_in_a_ventricle_that_is_called_plexus_stays() -> None:
    lesion = ((-9.0, 8.0, 5.0), 12.0)
    regions = array_of(draw_regions(empty_grid()))
    regions[ellipsoid(lps_points(empty_grid()), *lesion)] = Region.CHOROID_PLEXUS
    assert reasons(lesion, anatomy=Anatomy(image_like(regions, empty_grid()), 0.5, True)) == {}
