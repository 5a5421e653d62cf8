"""Practice cases: the truth that they claim is in the images."""

import csv
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of, lps_to_ras, ras_to_ijk
from BrainMetsAILib.synthesis.practice import PracticeCase, make_practice_case, write_practice_case
from BrainMetsAILib.synthesis.scoring import match_to_truth
from BrainMetsAILib.synthesis.tissue import NoBrainFound, estimate_tissue
from BrainMetsAILib.synthesis.truth import FATES, read_fates, read_lesions
from head_phantom import WHITE, head_phantom


@pytest.fixture(scope="module")
def case() -> PracticeCase:
    return make_practice_case(head_phantom(1.5), seed=4)


def test_every_fate_occurs_and_refers_to_existing_lesions(case: PracticeCase) -> None:
    assert {f.fate for f in case.fates} == set(FATES)
    assert sorted(n for f in case.fates for n in f.baseline) == [t.number for t in case.baseline.truth]
    assert sorted(n for f in case.fates for n in f.follow_up) == [t.number for t in case.follow_up.truth]
    for fate in case.fates:
        if fate.fate == "grown":
            assert fate.volume_ratio > 1.728
        if fate.fate == "shrunk":
            assert fate.volume_ratio < 0.343


def test_truth_table_agrees_with_the_truth_masks(case: PracticeCase) -> None:
    for examination in (case.baseline, case.follow_up):
        labels, necrosis = array_of(examination.labels), array_of(examination.necrosis)
        voxel_ml = np.prod(examination.labels.GetSpacing()) / 1000
        assert set(np.unique(labels)) - {0} == {t.number for t in examination.truth}
        assert not np.any(necrosis[labels == 0])
        for lesion in examination.truth:
            mask = labels == lesion.number
            if lesion.diameter_mm > 6:
                assert mask.sum() * voxel_ml == pytest.approx(
                    lesion.volume_ml, rel=1.2 / lesion.diameter_mm
                )  # a boundary off by an eighth of a voxel
            inside = ras_to_ijk(examination.labels) @ [lesion.centroid_r_mm, lesion.centroid_a_mm, lesion.centroid_s_mm, 1.0]
            assert np.linalg.norm(np.array(ndimage.center_of_mass(mask))[::-1] - inside[:3]) * 1.5 < 0.15 * lesion.diameter_mm + 1.0


def test_lesions_are_brighter_than_their_surroundings(case: PracticeCase) -> None:
    image, labels = array_of(case.baseline.image), array_of(case.baseline.labels)
    everything = labels > 0
    for lesion in case.baseline.truth:
        if lesion.kind == "solid" and lesion.diameter_mm > 5:
            mask = labels == lesion.number
            ring = ndimage.binary_dilation(mask, iterations=3) & ~ndimage.binary_dilation(everything)
            assert np.mean(image[mask]) > np.mean(image[ring])


def test_lesions_lie_in_the_brain_and_apart(case: PracticeCase) -> None:
    hull = estimate_tissue(head_phantom(1.5)).hull
    assert hull.shape == array_of(case.baseline.labels).shape
    labels = array_of(case.baseline.labels)
    assert np.mean(hull[labels > 0]) > 0.95
    _, pieces = ndimage.label(labels > 0, structure=np.ones((3, 3, 3)))
    assert pieces == len(case.baseline.truth)


def test_transform_maps_the_follow_up_onto_the_baseline(case: PracticeCase) -> None:
    same = [f for f in case.fates if f.fate in ("unchanged", "grown", "shrunk")]
    assert len(same) >= 4
    for fate in same:
        before, after = case.baseline.truth[fate.baseline[0] - 1], case.follow_up.truth[fate.follow_up[0] - 1]
        point = lps_to_ras((after.centroid_r_mm, after.centroid_a_mm, after.centroid_s_mm))
        mapped = lps_to_ras(case.follow_up_to_baseline.TransformPoint([float(v) for v in point]))
        assert np.allclose(mapped, (before.centroid_r_mm, before.centroid_a_mm, before.centroid_s_mm), atol=1e-3)
    turned = sitk.Resample(case.follow_up.image, case.baseline.image, case.follow_up_to_baseline.GetInverse())
    aligned = np.corrcoef(array_of(turned).ravel(), array_of(case.baseline.image).ravel())[0, 1]
    moved = np.corrcoef(array_of(case.follow_up.image).ravel(), array_of(case.baseline.image).ravel())[0, 1]
    assert aligned > 0.9 and aligned > moved + 0.03


def test_same_seed_same_case_other_seed_other_case(case: PracticeCase) -> None:
    head = head_phantom(1.5)
    again, other = make_practice_case(head, seed=4), make_practice_case(head, seed=5)
    assert again.fates == case.fates
    assert np.array_equal(array_of(again.baseline.image), array_of(case.baseline.image))
    assert other.baseline.truth != case.baseline.truth


def test_normal_enhancement_is_there_and_not_in_the_truth(case: PracticeCase) -> None:
    bright = array_of(case.baseline.image) > 1.3 * WHITE
    labels = ndimage.binary_dilation(array_of(case.baseline.labels) > 0, iterations=2)
    assert (bright & ~labels).sum() > 500
    assert array_of(head_phantom(1.5)).max() < 1.3 * WHITE


def test_oblique_and_stripped_heads_work() -> None:
    head = head_phantom(2.0, stripped=True)
    turn = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.2, -0.1, 0.3)
    head.SetDirection(turn.GetMatrix())
    case = make_practice_case(head, seed=1)
    assert case.baseline.image.GetDirection() == head.GetDirection()
    assert {f.fate for f in case.fates} == set(FATES)


def test_files_come_back(case: PracticeCase, tmp_path: Path) -> None:
    write_practice_case(case, tmp_path / "case")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["case"]
    assert read_fates(tmp_path / "case" / "fates.csv")[0].fate == case.fates[0].fate
    rows = read_lesions(tmp_path / "case" / "followup_truth.csv")
    assert [r.number for r in rows] == [t.number for t in case.follow_up.truth]
    assert rows[0].volume_ml == pytest.approx(case.follow_up.truth[0].volume_ml, abs=1e-4)
    labels = sitk.ReadImage(str(tmp_path / "case" / "baseline_labels.nii.gz"))
    assert np.array_equal(array_of(labels), array_of(case.baseline.labels))
    with (tmp_path / "case" / "baseline_truth.csv").open() as file:
        assert "volume_ml" in next(csv.reader(file))
    with pytest.raises(FileExistsError, match="another folder"):
        write_practice_case(case, tmp_path / "case")


def test_no_head_is_refused_in_words() -> None:
    for value in (0.0, 100.0):
        image = sitk.Image([40, 40, 40], sitk.sitkFloat32) + value
        with pytest.raises(NoBrainFound, match="whole head"):
            make_practice_case(image)
    small = head_phantom(2.0)
    small.SetSpacing((0.5, 0.5, 0.5))
    with pytest.raises(NoBrainFound, match="whole head"):
        make_practice_case(small)


def test_matching_is_one_to_one_and_wants_overlap(case: PracticeCase) -> None:
    truth = case.baseline.labels
    perfect = match_to_truth(truth, truth)
    assert len(perfect.hits) == len(case.baseline.truth) and not perfect.missed and not perfect.false
    blob = sitk.Cast(case.baseline.image > -1, sitk.sitkUInt16)
    assert not match_to_truth(blob, truth).hits
    empty = truth * 0
    assert len(match_to_truth(empty, truth).missed) == len(case.baseline.truth)


def test_lesions_stay_in_a_tight_field_of_view() -> None:
    head = head_phantom(2.0)
    tight = sitk.RegionOfInterest(head, [75, 93, 60], [10, 11, 22])
    case = make_practice_case(tight, seed=2)
    for fate in case.fates:
        assert (fate.volume_ratio > 2) == (fate.fate in ("grown", "merged", "new")) or fate.fate == "merged"
