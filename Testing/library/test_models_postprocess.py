"""From probabilities to candidates: the invariants for any map, and each rule on a map made for it."""

import numpy as np
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.models.finding import Finding, Provenance
from BrainMetsAILib.models.postprocess import MOST_CANDIDATES, Candidates, candidates, component_scores, separated, with_score_at_least


def image(array: NDArray[np.floating], spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> sitk.Image:
    made = sitk.GetImageFromArray(array.astype(np.float32))
    made.SetSpacing(spacing)
    return made


def arrays(found: object) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    return sitk.GetArrayFromImage(found.labels), sitk.GetArrayFromImage(found.necrosis_mask)  # type: ignore[attr-defined]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.0, 2.0), st.floats(0.1, 0.9), st.floats(0.0, 1.0))
def test_invariants(seed: int, smooth: float, threshold: float, floor: float) -> None:
    rng = np.random.default_rng(seed)
    noise = [ndimage.gaussian_filter(rng.normal(size=(14, 15, 16)), smooth) for _ in range(3)]
    exponents = np.exp(6 * np.stack(noise))
    _, enhancing, necrosis = exponents / exponents.sum(axis=0)
    found = candidates(image(enhancing), image(necrosis), threshold, floor)
    labels, dead = arrays(found)
    assert sorted(found.scores) == list(range(1, int(labels.max()) + 1)), "numbers without holes, each with a score"
    assert set(np.unique(labels)) <= {0, *found.scores}
    assert not np.any(dead[labels == 0]), "necrosis only inside lesions"
    assert set(np.unique(dead)) <= {0, 1}
    assert all(floor <= score <= 1.0 for score in found.scores.values())
    sizes = np.bincount(labels.ravel())[1:]
    assert np.all(np.diff(sizes) <= 0), "numbered by falling size"
    assert np.all(sizes >= 3)
    for number in found.scores:
        assert ndimage.label(labels == number, np.ones((3, 3, 3)))[1] == 1, "each is one piece"
    # Every voxel over the threshold that lies in a candidate's piece is in the candidate.
    foreground = (enhancing.astype(np.float32) + necrosis.astype(np.float32)) >= np.float32(threshold)
    grown = ndimage.binary_dilation(labels > 0, np.ones((3, 3, 3)))
    assert np.array_equal(foreground & grown & (labels == 0), np.zeros_like(foreground))


def test_the_threshold_acts_on_the_sum_of_both_classes() -> None:
    enhancing, necrosis = np.zeros((8, 8, 8)), np.zeros((8, 8, 8))
    enhancing[2:5, 2:5, 2:5], necrosis[2:5, 2:5, 2:5] = 0.3, 0.25
    assert len(candidates(image(enhancing), image(necrosis), 0.5).scores) == 1
    assert len(candidates(image(enhancing), image(necrosis), 0.56).scores) == 0


def test_corners_connect() -> None:
    enhancing = np.zeros((9, 9, 9))
    enhancing[1:3, 1:3, 1:3] = enhancing[3:5, 3:5, 3:5] = 1.0
    enhancing[7:9, 1:3, 1:3] = 1.0
    found = candidates(image(enhancing), image(np.zeros_like(enhancing)))
    labels, _ = arrays(found)
    assert list(np.bincount(labels.ravel())[1:]) == [16, 8]


def test_two_lesions_that_touch_are_two_candidates() -> None:
    enhancing = np.zeros((24, 24, 24))
    k, j, i = np.meshgrid(*[np.arange(24)] * 3, indexing="ij")
    large = (k - 12) ** 2 + (j - 8) ** 2 + (i - 12) ** 2 <= 6**2
    small = (k - 12) ** 2 + (j - 17) ** 2 + (i - 12) ** 2 <= 4**2
    enhancing[large], enhancing[small & ~large] = 1.0, 0.8
    found = candidates(image(enhancing), image(np.zeros_like(enhancing)), balanced=0.9)
    labels, _ = arrays(found)
    assert list(found.scores) == [1, 2] and found.scores[1] == 1.0 and 0.8 <= found.scores[2] < 0.82, "each has its own score"
    assert np.count_nonzero((labels == 1) & large) > 0.98 * np.count_nonzero(large)


def test_specks_are_dropped_in_voxels_and_in_millimetres() -> None:
    enhancing = np.zeros((12, 12, 12))
    enhancing[2, 2, 2:4] = 1.0  # two voxels: never
    enhancing[6, 6, 2:5] = 1.0  # three voxels
    enhancing[9:11, 9:11, 8:10] = 1.0  # eight voxels
    empty = image(np.zeros_like(enhancing))
    assert len(candidates(image(enhancing), empty).scores) == 2
    fine = (0.5, 0.5, 0.5)  # eight voxels are one mm³
    assert len(candidates(image(enhancing, fine), image(np.zeros_like(enhancing), fine)).scores) == 0
    coarse = (0.78, 0.78, 6.5)
    assert len(candidates(image(enhancing, coarse), image(np.zeros_like(enhancing), coarse)).scores) == 2


def test_the_score_is_the_mean_of_the_surer_half_and_the_floor_renumbers() -> None:
    enhancing = np.zeros((12, 12, 12))
    enhancing[1:5, 1:5, 1:5] = 0.55
    enhancing[7:10, 7:10, 7:9] = 0.6
    enhancing[7:10, 7:10, 9] = 1.0
    empty = image(np.zeros_like(enhancing))
    both = candidates(image(enhancing), empty)
    assert abs(both.scores[1] - 0.55) < 1e-6
    assert abs(both.scores[2] - (9 * 1.0 + 5 * 0.6) / 14) < 1e-6  # 27 voxels: the surer 14
    surer = candidates(image(enhancing), empty, score_floor=0.7)
    labels, _ = arrays(surer)
    assert list(surer.scores) == [1]
    assert np.count_nonzero(labels == 1) == 27


def test_necrosis_is_the_likelier_class_and_enclosed_cavities_belong_to_the_lesion() -> None:
    enhancing, necrosis = np.zeros((12, 12, 12)), np.zeros((12, 12, 12))
    enhancing[2:9, 2:9, 2:9] = 0.9
    enhancing[4:7, 4:7, 4:7], necrosis[4:7, 4:7, 4:7] = 0.2, 0.7
    enhancing[5, 5, 5], necrosis[5, 5, 5] = 0.0, 0.0  # the network sees nothing in the very middle
    enhancing[3, 3, 3] = 0.4  # an enclosed voxel just under the threshold
    labels, dead = arrays(candidates(image(enhancing), image(necrosis)))
    assert np.count_nonzero(labels) == 7**3
    assert np.count_nonzero(dead) == 3**3
    assert dead[5, 5, 5] == 1
    assert dead[3, 3, 3] == 0


def test_a_thin_rim_around_a_cavity_is_as_sure_as_a_thick_one() -> None:
    away = np.linalg.norm(np.indices((46, 46, 46)) - 22.5, axis=0)
    for wall in (6, 3, 2):
        rim = (away < 20) & (away >= 20 - wall)
        found = candidates(image(np.where(rim, 0.97, np.where(away < 20, 0.02, 0.0))), image(np.zeros(away.shape)), score_floor=0.3)
        labels, dead = arrays(found)
        assert np.array_equal(labels > 0, away < 20) and np.array_equal(dead > 0, away < 20 - wall)
        assert abs(found.scores[1] - 0.97) < 1e-6


def test_a_cavity_open_to_the_outside_or_cut_by_the_image_stays_outside() -> None:
    enhancing = np.zeros((8, 8, 8))
    enhancing[1:7, 1:7, 1:7] = 1.0
    enhancing[3, 3, 1:5] = 0.0  # a canal
    cut = np.ones((6, 6, 6))
    cut[2:4, 2:4, 0:3] = 0.0  # ends at the image's face
    for array in (enhancing, cut):
        labels, _ = arrays(candidates(image(array), image(np.zeros_like(array))))
        assert np.array_equal(labels > 0, array > 0)


def test_nothing_found_and_far_too_much_found() -> None:
    nothing = candidates(image(np.zeros((5, 5, 5))), image(np.zeros((5, 5, 5))))
    assert not nothing.scores and sitk.GetArrayFromImage(nothing.labels).max() == 0
    many = np.zeros((40, 40, 40))
    for k in range(0, 40, 4):
        many[k : k + 2, ::4, ::4] = many[k : k + 2, 1::4, ::4] = 0.6 + k / 100
    found = candidates(image(many), image(np.zeros_like(many)))
    assert len(found.scores) == MOST_CANDIDATES
    assert found.left_out == 1000 - MOST_CANDIDATES
    assert min(found.scores.values()) > 0.6 + 24 / 100, "the surest are kept"


def test_score_of_one_voxel() -> None:
    assert component_scores(np.full((1, 1, 1), 0.25, np.float32), np.ones((1, 1, 1), int)) == {1: 0.25}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 7), st.data())
def test_what_is_taken_out_is_kept_apart(seed: int, count: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    array = np.zeros((6, 6, 30), np.uint16)
    for number in range(1, count + 1):
        array[1:4, 1:4, 4 * number - 3 : 4 * number - 1] = number
    labels = sitk.GetImageFromArray(array)
    dead = sitk.GetImageFromArray(((array > 0) & (rng.random(array.shape) < 0.5)).astype(np.uint8))
    found = Candidates(labels, dead, {number: float(rng.random()) for number in range(1, count + 1)})
    out = data.draw(st.sets(st.integers(1, count)))
    kept, removed = separated(found, {number: f"reason {number}" for number in out})
    stay = [number for number in range(1, count + 1) if number not in out]
    assert list(kept.scores.values()) == [found.scores[number] for number in stay]
    new_labels, new_dead = arrays(kept)
    assert np.array_equal(new_dead, sitk.GetArrayFromImage(dead)), "the necrosis of both is kept"
    for new, old in enumerate(stay, start=1):
        assert np.array_equal(new_labels == new, array == old)
    if not out:
        assert removed is None
        return
    assert removed is not None
    gone = sitk.GetArrayFromImage(removed.labels)
    for new, old in enumerate(sorted(out), start=len(stay) + 1):
        assert np.array_equal(gone == new, array == old)
        assert removed.scores[new] == found.scores[old] and removed.reasons[new] == f"reason {old}"
    assert not np.any((gone > 0) & (new_labels > 0))


def test_a_least_score_counts_for_what_was_taken_out_too() -> None:
    array = np.zeros((4, 4, 20), np.uint16)
    for number in range(1, 5):
        array[1:3, 1:3, 4 * number : 4 * number + 2] = number
    labels = sitk.GetImageFromArray(array)
    empty = image(np.zeros(array.shape))
    kept, removed = separated(Candidates(labels, labels > 0, {1: 0.9, 2: 0.3, 3: 0.8, 4: 0.2}), {3: "a", 4: "b"})
    provenance = Provenance("m", "1", "0" * 64, "cpu", 0.5, 1.0, "2026-01-01T00:00:00+00:00")
    finding = Finding(empty, empty, kept.labels, kept.necrosis_mask, kept.scores, provenance, (), removed)
    sure = with_score_at_least(finding, 0.5)
    assert sure.scores == {1: 0.9} and sure.removed is not None
    assert sure.removed.reasons == {2: "a"} and sure.removed.scores == {2: 0.8}
    assert set(np.unique(sitk.GetArrayFromImage(sure.removed.labels))) == {0, 2}
    assert np.array_equal(sitk.GetArrayFromImage(sure.necrosis_mask) > 0, np.isin(array, [1, 3]))
    assert with_score_at_least(finding, 0.0) is finding
    assert with_score_at_least(finding, 0.85).removed is None
