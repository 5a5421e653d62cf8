"""Evaluation of single cases: outlines against analytic shapes, BraTS scores against cases worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("monai", reason="evaluation needs the packages of the extra `training`")

from BrainMetsAILib.models.finding import Finding, Provenance, Removed
from BrainMetsAILib.training.evaluation.case_evaluation import evaluate_case
from BrainMetsAILib.training.evaluation.lesionwise import PENALTY_MM, lesion_wise
from BrainMetsAILib.training.evaluation.result_tables import markdown
from BrainMetsAILib.training.evaluation.summary import summarise
from BrainMetsAILib.training.evaluation.surfaces import hd95_mm, overlap, surface_dice
from BrainMetsAILib.training.evaluation.truth import Truth

SPACING = (0.5, 0.5, 0.5)


def ball(
    centre_mm: tuple[float, float, float], radius_mm: float, spacing: tuple[float, ...] = SPACING, extent_mm: float = 40.0
) -> np.ndarray:
    """Mask [k, j, i]; centres in mm along k, j, i from the first voxel."""
    axes = [np.arange(0, extent_mm, s) for s in spacing]
    k, j, i = np.meshgrid(*axes, indexing="ij")
    return np.asarray((k - centre_mm[0]) ** 2 + (j - centre_mm[1]) ** 2 + (i - centre_mm[2]) ** 2 <= radius_mm**2)


def finding(labels: np.ndarray, necrosis: np.ndarray, scores: dict[int, float], spacing: tuple[float, ...] = SPACING) -> Finding:
    def image(array: np.ndarray) -> sitk.Image:
        made = sitk.GetImageFromArray(array)
        made.SetSpacing([float(s) for s in reversed(spacing)])
        return made

    probability = sum(((labels == n) * s for n, s in scores.items()), np.zeros(labels.shape)).astype(np.float32)
    dead = (necrosis & (labels > 0)).astype(np.uint8)
    return Finding(
        image(probability * (1 - dead)),
        image(probability * dead),
        image(labels.astype(np.uint16)),
        image(dead),
        scores,
        Provenance("test", "1", "", "cpu", 0.5, 2.5, ""),
    )


def like(array: np.ndarray, one: Finding) -> sitk.Image:
    made = sitk.GetImageFromArray(array.astype(np.uint16))
    made.CopyInformation(one.labels)
    return made


def test_concentric_balls_lie_their_radii_apart() -> None:
    for small, large in ((6.0, 6.7), (6.0, 8.0), (5.0, 9.0)):
        inner, outer = ball((20, 20, 20), small), ball((20, 20, 20), large)
        agreed = overlap(inner, outer, SPACING)
        assert agreed is not None
        assert agreed.hd95_mm == pytest.approx(large - small, abs=0.5)  # surfaces are known to half a voxel's diagonal
        assert agreed.surface_dice == pytest.approx(1.0 if large - small < 0.8 else 0.0, abs=0.02)
        assert agreed.dice == pytest.approx(2 * small**3 / (small**3 + large**3), rel=0.03)


def test_shifted_balls_as_their_geometry_says() -> None:
    # From one ball's surface the other lies sqrt(R² + d² - 2 R d c) - R away, c being the cosine to the shift d, uniform on a sphere.
    radius, shift = 9.0, 3.0
    errors = []
    for edge in (0.5, 0.25):
        spacing = (edge, edge, edge)
        one, other = (ball((12.06, 12.11, 10.63 + d), radius, spacing, 25.0) for d in (0.0, shift))
        for tolerance in (1.0, 1.7):
            cosines = [(radius**2 + shift**2 - (radius + side * tolerance) ** 2) / (2 * radius * shift) for side in (1, -1)]
            errors.append(surface_dice(one, other, spacing, tolerance) - 0.5 * (cosines[1] - cosines[0]))
        assert hd95_mm(one, other, spacing) == pytest.approx(2.85, abs=0.7 * edge)
        assert hd95_mm(one, other, spacing) == pytest.approx(hd95_mm(other, one, spacing))
    # Voxels make surfaces seem nearer, by half a voxel at most: less on the finer grid.
    assert np.all(np.abs(errors[2:]) < 0.07) and np.all(np.abs(errors[2:]) < np.abs(errors[:2]))


def test_spacing_belongs_to_the_arrays_axes() -> None:
    spacing = (2.0, 1.0, 0.5)  # k, j, i
    for axis, step in enumerate(spacing):
        box = np.zeros((20, 30, 40), bool)
        box[6:14, 8:22, 10:30] = True
        moved = np.roll(box, 2, axis)
        # Only the two faces across the shift move; their share is far above 5 %.
        assert hd95_mm(box, moved, spacing) == pytest.approx(2 * step, abs=1e-5)


def test_empty_masks_are_explicit() -> None:
    nothing, something = np.zeros((40, 40, 40), bool), ball((10, 10, 10), 4.0, extent_mm=20.0)
    assert overlap(nothing, nothing, SPACING) is None
    missing = overlap(nothing, something, SPACING)
    assert missing is not None and (missing.dice, missing.surface_dice) == (0.0, 0.0) and np.isinf(missing.hd95_mm)
    same = overlap(something, something, SPACING)
    assert same is not None and (same.dice, same.surface_dice, same.hd95_mm) == (1.0, 1.0, 0.0)


def cube(shape: tuple[int, int, int], *corners: tuple[int, int, int], edge: int = 4) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for k, j, i in corners:
        mask[k : k + edge, j : j + edge, i : i + edge] = True
    return mask


def test_brats_scores_by_hand() -> None:
    shape, unit = (40, 40, 40), (1.0, 1.0, 1.0)
    true = cube(shape, (2, 2, 2), (2, 2, 20), (30, 30, 30))
    found = cube(shape, (2, 2, 2), (2, 2, 22), (20, 20, 5))  # one exact, one half over, one missed, one false
    scored = lesion_wise(found, true, unit)
    assert (scored.hits, scored.misses, scored.false) == (2, 1, 1)
    assert scored.dice == pytest.approx((1.0 + 0.5 + 0 + 0) / 4)
    assert scored.hd95_mm == pytest.approx((0 + 2 + 2 * PENALTY_MM) / 4)


def test_brats_joins_what_one_dilation_joins() -> None:
    shape, unit = (20, 20, 30), (1.0, 1.0, 1.0)
    near, far = cube(shape, (5, 5, 5), (5, 5, 11)), cube(shape, (5, 5, 5), (5, 5, 12))
    one = cube(shape, (5, 5, 5))
    # Gaps of two voxels: both dilations share a face, so it is one lesion, half of it found. Of three: two lesions, one found.
    assert lesion_wise(one, near, unit).dice == pytest.approx(2 * 64 / (64 + 128))
    assert (lesion_wise(one, near, unit).hits, lesion_wise(one, near, unit).misses) == (1, 0)
    assert lesion_wise(one, far, unit).dice == pytest.approx(0.5)
    assert (lesion_wise(one, far, unit).hits, lesion_wise(one, far, unit).misses) == (1, 1)


def test_brats_edge_cases() -> None:
    shape, unit = (20, 20, 20), (1.0, 1.0, 1.0)
    nothing, something = np.zeros(shape, bool), cube(shape, (5, 5, 5))
    assert (lesion_wise(nothing, nothing, unit).dice, lesion_wise(nothing, nothing, unit).hd95_mm) == (1.0, 0.0)
    assert (lesion_wise(something, nothing, unit).dice, lesion_wise(something, nothing, unit).hd95_mm) == (0.0, PENALTY_MM)
    assert (lesion_wise(nothing, something, unit).dice, lesion_wise(nothing, something, unit).hd95_mm) == (0.0, PENALTY_MM)
    tiny = nothing.copy()
    tiny[3, 3, 3:5] = True  # 2 mm³: counts neither when missed nor when found
    assert lesion_wise(nothing, tiny, unit).dice == 1.0
    found_tiny = lesion_wise(tiny, tiny, unit)
    assert (found_tiny.dice, found_tiny.hits, found_tiny.false) == (1.0, 0, 0)
    assert lesion_wise(tiny, tiny, (1.0, 1.0, 2.0)).hits == 1  # 4 mm³


def test_a_case_lesion_by_lesion() -> None:
    spacing = (1.0, 1.0, 1.0)
    true = np.zeros((40, 40, 40), int)
    true[ball((10, 10, 10), 7.0, spacing)] = 1
    core = ball((10, 10, 10), 3.0, spacing)
    true[ball((30, 30, 30), 3.0, spacing)] = 3
    labels = np.zeros_like(true)
    labels[ball((10, 10, 11), 7.0, spacing)] = 1
    labels[ball((30, 10, 30), 2.0, spacing)] = 2
    found_core = ball((10, 10, 11), 3.0, spacing)
    one = finding(labels, found_core, {1: 0.9, 2: 0.6}, spacing)
    truth = Truth(like(true, one), like(core, one), {1: "ring", 3: "faint"}, {3: 5.9})
    case = evaluate_case("a", one, truth, 0.5, {"contrast": "test"})
    ring, faint = case.lesions
    assert (ring.number, ring.candidate, ring.score, ring.kind) == (1, 1, 0.9, "ring")
    assert (faint.number, faint.candidate, faint.whole) == (3, None, None)
    assert faint.diameter_mm == 5.9 and ring.diameter_mm == pytest.approx(14.0, rel=0.02)
    inside, both = labels == 1, (labels == 1) & (true == 1)
    assert ring.whole is not None and ring.whole.dice == pytest.approx(2 * both.sum() / (inside.sum() + (true == 1).sum()))
    assert ring.necrosis is not None
    assert ring.necrosis.dice == pytest.approx(2 * (core & found_core).sum() / (core.sum() + found_core.sum()))
    assert ring.enhancing is not None and ring.enhancing.dice < ring.whole.dice
    assert ring.volumes.necrotic_ml == pytest.approx(core.sum() / 1000)
    assert [c.true_number for c in case.candidates] == [1, None]
    assert case.candidates[0].common.necrotic_ml == pytest.approx((core & found_core).sum() / 1000)
    assert (case.false_at(0.5), case.false_at(0.7)) == (1, 0)
    assert (case.lesion_wise["TC"].misses, case.lesion_wise["TC"].false) == (1, 1)
    assert evaluate_case("a", one, truth, 0.7).lesion_wise["TC"].false == 0
    assert sum(b[0] for b in case.voxel_bins) == (labels > 0).sum()


def test_lesion_free_and_empty_cases() -> None:
    spacing = (1.0, 1.0, 1.0)
    nothing = np.zeros((40, 40, 40), int)
    labels = nothing.copy()
    labels[ball((10, 10, 10), 3.0, spacing)] = 1
    for scores, found in (({}, nothing), ({1: 0.8}, labels)):
        one = finding(found, np.zeros(found.shape, bool), dict(scores), spacing)
        case = evaluate_case("free", one, Truth(like(nothing, one)))
        assert not case.lesions and case.false_at(0.5) == len(scores)
        assert case.lesion_wise["TC"].dice == 1.0 - len(scores) and "ET" not in case.lesion_wise
    ignored = evaluate_case("ms", one, Truth(like(nothing, one), ignore=like(labels > 0, one)))
    assert ignored.false_at(0.0) == 0 and ignored.candidates[0].ignored and ignored.lesion_wise["TC"].dice == 1.0


def test_what_was_taken_out_counts_nowhere_but_is_told() -> None:
    spacing = (1.0, 1.0, 1.0)
    true, nothing = np.zeros((40, 40, 40), int), np.zeros((40, 40, 40), bool)
    true[ball((10, 10, 10), 5.0, spacing)] = 1
    shown = np.zeros_like(true)
    shown[ball((30, 30, 30), 4.0, spacing)] = 1
    taken = np.zeros_like(true)
    taken[ball((10, 10, 10), 5.0, spacing)] = 2
    taken[ball((10, 30, 30), 3.0, spacing)] = 3
    one = finding(shown, nothing, {1: 0.7}, spacing)
    one = replace(one, removed=Removed(like(taken, one), {2: 0.9, 3: 0.8}, {2: "outside the brain", 3: "outside the brain"}))
    case = evaluate_case("a", one, Truth(like(true, one)))
    assert case.lesions[0].candidate is None and case.false_at(0.5) == 1 and len(case.candidates) == 1
    assert [(c.number, c.true_number, c.reason) for c in case.removed] == [(2, 1, "outside the brain"), (3, None, "outside the brain")]
    assert "| outside the brain | 2 | 1 | 1 |" in markdown(summarise([case], resamples=5), [case])


def test_other_grids_are_refused() -> None:
    one = finding(np.zeros((10, 10, 10), int), np.zeros((10, 10, 10), bool), {}, (1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="another grid"):
        evaluate_case("a", one, Truth(sitk.Image([10, 10, 11], sitk.sitkUInt16)))


def test_what_lies_below_the_score_cannot_take_a_lesion_from_what_lies_above() -> None:
    labels, true = np.zeros((20, 20, 20), int), np.zeros((20, 20, 20), int)
    true[4:14, 4:14, 4:14] = 1
    labels[4:11, 4:14, 4:14] = 1  # most of it, unsure
    labels[11:14, 4:14, 4:14] = 2  # the rest, sure
    found = finding(labels, np.zeros(labels.shape, bool), {1: 0.4, 2: 0.9})
    result = evaluate_case("case", found, Truth(like(true, found)))
    assert result.lesions[0].candidate == 2 and result.lesions[0].iou == pytest.approx(0.3)
    counts = summarise([result], 0.5, {}, 20).groups[0].counts["all"]
    assert (counts.found, counts.false) == (1, 0)
    surer = evaluate_case("case", replace(found, scores={1: 0.9, 2: 0.4}), Truth(like(true, found)))
    assert surer.lesions[0].candidate == 1 and surer.lesions[0].iou == pytest.approx(0.7)
