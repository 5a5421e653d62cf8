"""The head's mask and what finding refuses, on drawn heads with known outlines."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK as sitk

from BrainMetsAILib.images.examination import Role, RoleGuess, Sequence
from BrainMetsAILib.images.geometry import array_of, image_like, same_grid
from BrainMetsAILib.images.head import head_mask, with_dark_background
from BrainMetsAILib.images.suitability import ThickSlices, Unsuitable, check_head_mr, check_image
from head_phantom import head_phantom

Voxels = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def head() -> sitk.Image:
    return head_phantom(2.0)


def dice(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    return float(2 * np.sum(a & b) / (a.sum() + b.sum()))


def outline(shape: tuple[int, ...], spacing: float, half_axes: tuple[float, float, float]) -> npt.NDArray[np.bool_]:
    """Ellipsoid around the middle of a grid; half axes (i, j, k) in mm."""
    k, j, i = (np.moveaxis(np.indices(shape), 0, -1) - (np.array(shape) - 1) / 2).transpose(3, 0, 1, 2) * spacing
    a, b, c = half_axes
    return np.asarray((i / a) ** 2 + (j / b) ** 2 + (k / c) ** 2 < 1)


@pytest.mark.parametrize("noise", [0.0, 15.0, 30.0])
@pytest.mark.parametrize(("stripped", "half_axes"), [(False, (82, 100, 82)), (True, (70, 88, 70))])
def test_head_mask_is_the_outer_outline_with_skull_and_ventricles(
    noise: float, stripped: bool, half_axes: tuple[float, float, float]
) -> None:
    image = head_phantom(2.0, stripped)
    rng = np.random.default_rng(0)
    voxels = array_of(image)
    noisy = np.hypot(voxels + rng.normal(0, noise, voxels.shape), rng.normal(0, noise, voxels.shape)) if noise else voxels
    mask = head_mask(image_like(noisy.astype(np.float32), image))
    assert same_grid(mask, image) and mask.GetPixelID() == sitk.sitkUInt8
    found = array_of(mask) > 0
    assert dice(found, outline(found.shape, 2.0, half_axes)) > 0.97


def test_head_mask_does_not_depend_on_scale_or_offset(head: sitk.Image) -> None:
    mask = array_of(head_mask(head))
    for scale, offset in ((1e-3, 0.0), (40.0, 0.0), (1.0, -120.0)):
        again = array_of(head_mask(image_like(array_of(head) * np.float32(scale) + np.float32(offset), head)))
        assert dice(mask > 0, again > 0) > 0.999


def test_a_background_amid_the_intensities_is_background() -> None:
    """A brain that was extracted and brought to a mean of 0, as networks are often fed, has 0 around it."""
    brain = head_phantom(2.0, stripped=True)
    array = array_of(brain).copy()
    inside = array > 0
    scaled = np.where(inside, (array - array[inside].mean()) / array[inside].std(), 0.0).astype(np.float32)
    image = image_like(scaled, brain)
    assert dice(array_of(head_mask(image)) > 0, array_of(head_mask(brain)) > 0) > 0.98
    assert check_image(image) == ()
    dark = array_of(with_dark_background(image))
    assert np.array_equal(dark[inside], scaled[inside]) and np.all(dark[~inside] == scaled.min())
    head = head_phantom(2.0)
    assert with_dark_background(head) is head and with_dark_background(brain) is brain


def test_head_mask_keeps_one_piece_and_is_empty_without_contrast(head: sitk.Image) -> None:
    voxels = array_of(head)
    voxels[2:6, 2:6, 2:6] = 500.0
    mask = array_of(head_mask(image_like(voxels, head)))
    assert not mask[2:6, 2:6, 2:6].any()
    constant = head_mask(image_like(np.full(voxels.shape, 3.0, np.float32), head))
    assert not array_of(constant).any()


@pytest.mark.parametrize("stripped", [False, True])
def test_heads_and_stripped_brains_pass_without_a_word(stripped: bool) -> None:
    assert check_image(head_phantom(1.5, stripped)) == ()


def refusal(image: sitk.Image, modality: str = "", accept_thick: bool = False) -> str:
    with pytest.raises(Unsuitable) as caught:
        check_image(image, modality, accept_thick)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message
    return message


def resampled(image: sitk.Image, slice_mm: float) -> sitk.Image:
    """Thicker slices along k over the same head."""
    size, spacing = list(image.GetSize()), list(image.GetSpacing())
    size[2], spacing[2] = int(size[2] * spacing[2] / slice_mm), slice_mm
    return sitk.Resample(image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), spacing, image.GetDirection())


@pytest.mark.parametrize(
    ("slice_mm", "warned", "confirmed"),
    [(2.0, False, False), (3.0, False, False), (3.5, True, False), (5.0, True, False), (6.5, True, True)],
)
def test_slice_spacing(head: sitk.Image, slice_mm: float, warned: bool, confirmed: bool) -> None:
    image = resampled(head, slice_mm)
    if confirmed:
        with pytest.raises(ThickSlices, match="--accept-thick"):
            check_image(image)
    assert any(f"{slice_mm:g} mm apart" in w for w in check_image(image, accept_thick=confirmed)) is warned


def test_thick_slices_along_another_axis_count_too(head: sitk.Image) -> None:
    with pytest.raises(ThickSlices):
        check_image(sitk.PermuteAxes(resampled(head, 6.0), [2, 0, 1]))


def test_ct_by_modality_by_role_and_by_values(head: sitk.Image) -> None:
    assert "CT" in refusal(head, "CT")
    assert "PT" in refusal(head, "PT")
    voxels = array_of(head)
    hounsfield = np.where(voxels == 0, -1000.0, np.where(voxels < 30, 900.0, 20.0 + voxels / 10)).astype(np.float32)
    assert "CT" in refusal(image_like(hounsfield, head))


def test_phantom_mask_constant_noise_and_patches_are_refused(head: sitk.Image) -> None:
    shape = array_of(head).shape
    ball = outline(shape, 2.0, (80, 80, 80))
    rng = np.random.default_rng(0)
    uneven = 500 * (1 + 0.2 * np.linspace(-1, 1, shape[0]))[:, None, None]
    noisy = np.abs(np.where(ball, uneven, 0.0) + rng.normal(0, 25, shape)).astype(np.float32)
    assert "phantom" in refusal(image_like(noisy, head))
    assert "mask" in refusal(image_like(ball.astype(np.uint8), head))
    labels = (outline(shape, 2.0, (70, 88, 70)) * (1 + np.indices(shape)[0] // 20)).astype(np.int16)
    assert "label map" in refusal(image_like(labels, head))
    assert "same value" in refusal(image_like(np.full(shape, 5, np.float32), head))
    assert "no whole head" in refusal(image_like(np.abs(rng.normal(0, 25, shape)).astype(np.float32), head))
    assert "too little for a head" in refusal(head[40:60, 40:60, 40:60])
    assert "no whole head" in refusal(head[20:75, 20:95, 20:75])
    assert "not numbers" in refusal(image_like(np.where(ball, np.nan, 1).astype(np.float32), head))


def test_too_small_and_too_large_bodies(head: sitk.Image) -> None:
    for factor, words in ((0.45, "too little"), (2.2, "too much")):
        image = sitk.Image(head)
        image.SetSpacing([factor * s for s in head.GetSpacing()])
        # A margin of air keeps the field of view wide enough for a head.
        padded = sitk.ConstantPad(image, [40] * 3, [40] * 3, 0.0) if factor < 1 else image
        assert words in refusal(padded)


@pytest.mark.parametrize(
    ("crop", "words"),
    [
        ((slice(None), slice(None), slice(0, 75)), "top"),
        ((slice(None), slice(25, None), slice(None)), "front"),
        ((slice(20, None), slice(None), slice(None)), "right"),
    ],
)
def test_a_head_that_is_cut_off_is_told(head: sitk.Image, crop: tuple[slice, slice, slice], words: str) -> None:
    assert any(f"cut off at the {words}" in w for w in check_image(head[crop]))
    flipped = sitk.Flip(head[crop], [True, True, True])
    assert any(f"cut off at the {words}" in w for w in check_image(flipped))


def test_the_neck_may_be_cut_and_a_slab_is_told(head: sitk.Image) -> None:
    assert check_image(head[:, :, 25:]) == ()
    assert any("covers only" in w for w in check_image(head[:, :, 30:70]))


def sequence(image: sitk.Image, role: Role, modality: str = "MR", body_part: str = "") -> Sequence:
    return Sequence(image, RoleGuess(role, "the reason"), Path("x"), modality=modality, body_part=body_part)


def test_roles_are_warned_about_only_where_the_header_speaks(head: sitk.Image) -> None:
    assert check_head_mr(sequence(head, Role.T1C)) == ()
    assert "without contrast" in check_head_mr(sequence(head, Role.T1N))[0]
    assert check_head_mr(sequence(head, Role.T1N, modality="")) == ()
    assert check_head_mr(sequence(head, Role.OTHER, modality="")) == ()
    for role in (Role.T2W, Role.T2F, Role.OTHER):
        assert "the reason" in check_head_mr(sequence(head, role))[0]
    for refused in (sequence(head, Role.CT), sequence(head, Role.T1C, "CT"), sequence(head, Role.T1C, body_part="KNEE")):
        with pytest.raises(Unsuitable):
            check_head_mr(refused)
