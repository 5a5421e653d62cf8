"""Reading and suitability on the real volumes beside the checkout."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from BrainMetsAILib.images.examination import BloodSignal, Role, Sequence
from BrainMetsAILib.images.geometry import array_of
from BrainMetsAILib.images.reading import read_folder, read_sequence
from BrainMetsAILib.images.suitability import ThickSlices, Unsuitable, check_head_mr
from shared_data import shared_volume


@pytest.fixture(scope="module")
def radiosurgery() -> Sequence:
    return read_sequence(shared_volume("dicom/srs_planning_mr"))


def polygon_mask(polygon: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels ``[j, i]`` whose centres lie inside a polygon of ``(i, j)`` points, by the even-odd rule."""
    j, i = np.indices(shape)
    inside = np.zeros(shape, dtype=bool)
    for (i1, j1), (i2, j2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        crosses = (j1 > j) != (j2 > j)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (i < (i2 - i1) * (j - j1) / (j2 - j1) + i1)
    return inside


def test_radiosurgery_folder_is_one_t1c(radiosurgery: Sequence) -> None:
    contents = read_folder(shared_volume("dicom/srs_planning_mr"))
    assert len(contents.sequences) == 1 and contents.refused == ()
    assert contents.ignored == (("niivue-manifest.txt", "not an image"),)
    assert radiosurgery.guess.role is Role.T1C and radiosurgery.guess.blood is BloodSignal.GRADIENT_ECHO
    assert radiosurgery.image.GetSize() == (512, 512, 120)
    assert radiosurgery.image.GetSpacing() == pytest.approx((0.41015625, 0.41015625, 1.5))
    assert radiosurgery.patient.patient_id == "VS-SEG-001" and radiosurgery.study_date == "19940904"
    assert check_head_mr(radiosurgery) == ()


def test_radiosurgery_target_is_brighter_than_its_surroundings(radiosurgery: Sequence) -> None:
    structures = json.loads(shared_volume("dicom/srs_planning_mr_contours.json").read_text(encoding="utf-8"))
    target = next(s for s in structures if s["structure_name"] == "TV")
    assert target["MR_SeriesInstanceUID"] == radiosurgery.series_uid
    # Two centimetres around the target are enough, and fast.
    points = np.array([radiosurgery.image.TransformPhysicalPointToIndex(p) for c in target["LPS_contour_points"] for p in c])
    margin = np.rint(20.0 / np.array(radiosurgery.image.GetSpacing())).astype(int)
    low, high = (points.min(axis=0) - margin).tolist(), (points.max(axis=0) + margin).tolist()
    image = radiosurgery.image[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    voxels = array_of(image)
    inside = np.zeros(voxels.shape, dtype=bool)
    contoured_ml = 0.0
    for contour in target["LPS_contour_points"]:
        points = np.array([image.TransformPhysicalPointToContinuousIndex(p) for p in contour])
        plane = round(float(points[0, 2]))
        assert np.allclose(points[:, 2], plane, atol=0.01)  # contours lie exactly on slices
        inside[plane] ^= polygon_mask(points[:, :2], voxels.shape[1:])
        following = np.roll(np.array(contour), -1, axis=0)
        contoured_ml += 1.5 * abs(np.sum(np.array(contour)[:, 0] * following[:, 1] - following[:, 0] * np.array(contour)[:, 1])) / 2000
    assert inside.sum() * np.prod(image.GetSpacing()) / 1000 == pytest.approx(contoured_ml, rel=0.01)
    distance = ndimage.distance_transform_edt(~inside, sampling=image.GetSpacing()[::-1])
    ring = (distance > 0) & (distance <= 5.0)
    assert voxels[inside].mean() > 1.5 * voxels[ring].mean()
    # A geometry that is off by a centimetre in any direction would not pass.
    for axis in range(3):
        step = round(10.0 / image.GetSpacing()[2 - axis])
        for way in (-step, step):
            assert voxels[np.roll(inside, way, axis=axis)].mean() < 0.8 * voxels[inside].mean()


def test_head_ct_reports_gaps_and_tilt() -> None:
    sequence = read_sequence(shared_volume("dicom/head_ct"))
    assert sequence.guess.role is Role.CT and sequence.modality == "CT"
    notes = " ".join(sequence.notes)
    assert "18.5°" in notes and "from 1.1 to 7.0 mm" in notes
    assert sequence.image.GetSpacing() == pytest.approx((0.4882812, 0.4882812, 4.0019), abs=1e-3)
    with pytest.raises(Unsuitable, match="CT"):
        check_head_mr(sequence)


def test_head_ct_keeps_every_original_slice_in_its_place() -> None:
    """Bone of each slice, placed by its own header, is bone in the regular grid."""
    folder = shared_volume("dicom/head_ct")
    image = read_sequence(folder).image
    for path in sorted(folder.glob("*.dcm"))[2:26:6]:
        original = sitk.ReadImage(str(path))  # one slice with its own position and orientation
        found = sitk.GetArrayFromImage(sitk.Resample(image, original, sitk.Transform(), sitk.sitkLinear, -1500.0))[0]
        bone, tissue = (sitk.GetArrayFromImage(original)[0] > level for level in (400, -200))
        assert np.mean(found[ndimage.binary_erosion(bone, iterations=3)] > 200) > 0.95
        assert np.mean((found > -200) == tissue) > 0.97


@pytest.mark.parametrize(
    ("volume", "role"),
    [
        ("t1c/mr_gd.nii.gz", Role.T1C), ("t1c/openms07/t1c.nii.gz", Role.T1C), ("t1c/openms07/t1n.nii.gz", Role.T1N),
        ("t1c/openms07/t2w.nii.gz", Role.T2W), ("t1c/openms07/t2f.nii.gz", Role.T2F), ("t1c/openms19/t1c.nii.gz", Role.T1C),
        ("t1/datalad_t1.nii.gz", Role.T1N), ("t1/brainchop_t1.nii.gz", Role.T1N), ("t1/seg3d_t1.nii.gz", Role.T1N),
        ("t1/niimath_t1_stripped.nii.gz", Role.T1N), ("t1/coregqa_t1_stripped.nii.gz", Role.T1N),
        ("t2/niimath_t2_stripped.nii.gz", Role.T2W),
        ("longitudinal/openms12_study1_T1W.nii.gz", Role.T1N), ("longitudinal/openms12_study2_FLAIR.nii.gz", Role.T2F),
        ("tumour/brain1_image.nrrd", Role.OTHER), ("tumour/brain2_image.nrrd", Role.OTHER),
    ],
)  # fmt: skip
def test_every_real_head_is_read_and_accepted(volume: str, role: Role) -> None:
    sequence = read_sequence(shared_volume(volume))
    assert sequence.guess.role is role
    if volume.startswith("tumour"):
        with pytest.raises(ThickSlices):
            check_head_mr(sequence)
    warnings = check_head_mr(sequence, accept_thick=True)
    assert any("6.5 mm" in w for w in warnings) is volume.startswith("tumour")


@pytest.mark.parametrize("volume", ["labelmaps/training_seg_02.nii.gz", "tumour/brain1_label.nrrd", "t1c/openms19/ms_lesions.nii.gz"])
def test_label_maps_are_refused(volume: str) -> None:
    with pytest.raises(Unsuitable, match="label map"):
        check_head_mr(read_sequence(shared_volume(volume)))
