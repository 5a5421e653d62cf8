"""Registration of real heads: known motions of one, and a real pair of examinations."""

from functools import cache

import numpy as np
import pytest
import SimpleITK as sitk

from BrainMetsAILib.images.resampling import resample_like
from BrainMetsAILib.models.finding import Cancelled
from BrainMetsAIResponseLib.heads import prepare_head
from BrainMetsAIResponseLib.registration import RegistrationFailed, RigidRegistration, register_rigid
from BrainMetsAIResponseLib.registration_quality import RegistrationQuality, warning_sentence
from BrainMetsAIResponseLib.rigid import lps_matrix
from shared_data import shared_volume


@cache
def volume(relative: str) -> sitk.Image:
    return sitk.ReadImage(str(shared_volume(relative)), sitk.sitkFloat32)


@cache
def real_pair(first: int, second: int) -> RigidRegistration:
    name = "longitudinal/openms12_study{}_T1W.nii.gz"
    return register_rigid(volume(name.format(first)), volume(name.format(second)))


def centre_of(image: sitk.Image) -> np.ndarray:
    head = prepare_head(image, 4.0)
    assert head is not None
    return np.array(head.centre_lps)


def largest_error_mm(found: sitk.Transform, truth: sitk.Transform, centre: np.ndarray) -> float:
    """Over points 70 mm around the head's centre, where metastases are."""
    around = centre + 70.0 * np.vstack([np.eye(3), -np.eye(3)])
    moved = around @ (lps_matrix(found) - lps_matrix(truth))[:3, :3].T + (lps_matrix(found) - lps_matrix(truth))[:3, 3]
    return float(np.linalg.norm(moved, axis=1).max())


@pytest.mark.parametrize(
    ("relative", "angles_degrees", "shift_mm"),
    [
        ("t1/seg3d_t1.nii.gz", (6.0, -4.0, 3.5), (5.0, -5.0, 4.0)),  # 8° and 8 mm, skull on
        ("t1c/mr_gd.nii.gz", (-5.0, 6.0, 20.0), (-20.0, 15.0, 10.0)),  # 21° and 27 mm, stripped, contrast-enhanced
    ],
)
def test_known_motion_with_noise_and_bias(relative: str, angles_degrees: tuple[float, ...], shift_mm: tuple[float, ...]) -> None:
    image = volume(relative)
    centre = centre_of(image)
    truth = sitk.Euler3DTransform(centre.tolist(), *np.radians(angles_degrees).tolist(), shift_mm)
    # A coarser grid of its own, noise, a bias field and another gain.
    size, spacing = [150, 150, 110], (1.5, 1.5, 1.9)
    turned = sitk.Resample(image, size, truth.GetInverse(), sitk.sitkLinear, _corner(image), spacing, image.GetDirection())
    values = sitk.GetArrayFromImage(turned)
    random = np.random.default_rng(1)
    bias = 1 + 0.2 * np.sin(np.indices(values.shape)[1] / 40)
    noise = random.normal(0, 0.06 * np.percentile(values, 99), values.shape)
    noisy = sitk.GetImageFromArray((3.0 * values * bias + noise).astype(np.float32))
    noisy.CopyInformation(turned)

    steps: list[float] = []
    result = register_rigid(image, noisy, progress=lambda fraction, message: steps.append(fraction))
    assert largest_error_mm(result.transform, truth, centre) < 0.7
    assert result.warning == ""
    assert steps == sorted(steps) and steps[0] == 0.0 and steps[-1] == 1.0
    assert np.linalg.det(lps_matrix(result.transform)[:3, :3]) == pytest.approx(1.0)


def _corner(image: sitk.Image) -> tuple[float, ...]:
    """First corner of a field of view that reaches 20 mm beyond the image's own on that side."""
    return tuple(image.TransformContinuousIndexToPhysicalPoint([-20.0 / spacing for spacing in image.GetSpacing()]))


def test_real_examinations_there_and_back() -> None:
    baseline = volume("longitudinal/openms12_study1_T1W.nii.gz")
    there, back = real_pair(1, 2), real_pair(2, 1)
    assert there.warning == back.warning == ""
    assert largest_error_mm(there.transform, back.transform.GetInverse(), centre_of(baseline)) < 0.5


def test_real_examinations_agree_after_registration_not_before() -> None:
    baseline, follow_up = (volume(f"longitudinal/openms12_study{n}_T1W.nii.gz") for n in (1, 2))
    head = prepare_head(baseline, 2.0)
    assert head is not None
    inside = sitk.GetArrayViewFromImage(resample_like(head.mask, baseline, interpolator=sitk.sitkNearestNeighbor)) != 0

    def correlation(transform: sitk.Transform | None) -> float:
        moved = sitk.GetArrayFromImage(resample_like(follow_up, baseline, transform))[inside]
        return float(np.corrcoef(moved, sitk.GetArrayFromImage(baseline)[inside])[0, 1])

    assert correlation(real_pair(1, 2).transform) > 0.9 > 0.75 > correlation(None)


def test_cancel_and_no_head() -> None:
    image = volume("longitudinal/openms12_study1_T1W.nii.gz")
    with pytest.raises(Cancelled):
        register_rigid(image, image, cancelled=lambda: True)
    asked: list[int] = []

    def after_a_while() -> bool:
        asked.append(1)
        return len(asked) > 40

    with pytest.raises(Cancelled):
        register_rigid(image, image, cancelled=after_a_while)
    with pytest.raises(RegistrationFailed, match="The follow-up shows no head"):
        register_rigid(image, image * 0.0)


def test_heads_of_different_people_are_doubted() -> None:
    result = register_rigid(volume("tumour/brain1_image.nrrd"), volume("tumour/brain2_image.nrrd"))
    assert "Check the registration" in result.warning and "not the same person's" in result.warning


GOOD = RegistrationQuality(head_overlap=0.98, common_view=1.0, peak_gain=0.45, rotation_degrees=5.0, shift_mm=8.0)


@pytest.mark.parametrize(
    ("quality", "words"),
    [
        (GOOD, ""),
        (RegistrationQuality(0.6, 1.0, 0.4, 5.0, 8.0), "overlap by only 60%"),
        (RegistrationQuality(0.98, 0.4, 0.4, 5.0, 8.0), "shows only 40%"),
        (RegistrationQuality(0.98, 1.0, 0.0, 5.0, 8.0), "another position fits better"),
        (RegistrationQuality(0.98, 1.0, 0.05, 5.0, 8.0), "no position fits clearly better"),
        (RegistrationQuality(0.98, 1.0, 0.4, 90.0, 8.0), "turned by 90°"),
    ],
)
def test_warning_sentence(quality: RegistrationQuality, words: str) -> None:
    sentence = warning_sentence(quality)
    assert words in sentence and (sentence == "") == (words == "")
