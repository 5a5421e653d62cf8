"""Candidates away from the brain are left out; those of the brain are kept, wherever in it they lie."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from analytic_bundle import write_analytic_bundle
from BrainMetsAILib.images.brain import RoughBrain
from BrainMetsAILib.images.geometry import image_like
from BrainMetsAILib.images.head import head_mask
from BrainMetsAILib.models import brain_region as brain_region_module
from BrainMetsAILib.models.brain_region import LEAST_SHARE, brain_region, near_region, shares_inside
from BrainMetsAILib.models.bundles import find_bundle
from BrainMetsAILib.models.inference import find_lesions
from head_phantom import head_phantom
from shared_data import shared_volume


def distance_from(image: sitk.Image, point: tuple[float, float, float]) -> np.ndarray:
    """Distance [k, j, i] from a point (LPS, mm) on an image whose axes are LPS."""
    axes = [np.arange(n) * s + o - p for n, s, o, p in zip(image.GetSize(), image.GetSpacing(), image.GetOrigin(), point, strict=True)]
    i, j, k = np.meshgrid(*axes, indexing="ij", sparse=True)
    return np.sqrt(i**2 + j**2 + k**2).transpose(2, 1, 0)


def test_the_region_is_the_brain_of_a_head_with_and_without_skull() -> None:
    for stripped in (False, True):
        image = head_phantom(2.0, stripped)
        region = brain_region(image, head_mask(image))
        assert region is not None
        on_image = sitk.Resample(region, image, sitk.Transform(), sitk.sitkNearestNeighbor)
        found = sitk.GetArrayFromImage(on_image) > 0
        k, j, i = np.meshgrid(*(np.arange(n) * 2.0 - h for n, h in zip((96, 116, 96), (95, 115, 95), strict=True)), indexing="ij")
        brain = np.sqrt((i / 68) ** 2 + (j / 86) ** 2 + (k / 68) ** 2) < 1
        assert np.count_nonzero(found & brain) > 0.97 * np.count_nonzero(brain)
        scalp = (np.sqrt((i / 76) ** 2 + (j / 94) ** 2 + (k / 76) ** 2) > 1) & (np.sqrt((i / 82) ** 2 + (j / 100) ** 2 + (k / 82) ** 2) < 1)
        assert not np.any(found & scalp)


def test_a_large_lesion_with_a_dark_core_at_the_surface_stays_in_the_region() -> None:
    image = head_phantom(2.0)
    array = sitk.GetArrayFromImage(image)
    distance = distance_from(image, (48.0, 10.0, 10.0))
    array[distance < 15.0] = 420.0
    array[distance < 11.0] = 50.0
    with_lesion = image_like(array, image)
    region = brain_region(with_lesion, head_mask(with_lesion))
    assert region is not None
    lesion = image_like((distance < 15.0).astype(np.uint16), image)
    assert shares_inside(lesion, near_region(region))[1] > 2 * LEAST_SHARE


def test_shares_are_counted_on_any_grid() -> None:
    region = sitk.Image([40, 40, 40], sitk.sitkUInt8)
    region.SetSpacing((1.5, 1.5, 1.5))
    half = sitk.GetArrayFromImage(region)
    half[:, :, :20] = 1  # up to x = 29.25 mm
    region = image_like(half, region)
    labels = np.zeros((30, 30, 30), np.uint16)
    labels[10:20, 10:20, 10:12], labels[10:20, 10:20, 18:22], labels[0, 0, 25:30] = 1, 2, 3
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((1.5, 1.5, 1.5))
    turned = sitk.DICOMOrient(image, "PIR")
    for grid in (image, turned):
        assert shares_inside(grid, region) == {1: 1.0, 2: 0.5, 3: 0.0}
    assert shares_inside(image, near_region(region, margin_mm=1.6)) == {1: 1.0, 2: 0.75, 3: 0.0}
    assert shares_inside(sitk.Image([5, 5, 5], sitk.sitkUInt16), region) == {}


def test_finding_takes_out_the_scalp_and_keeps_it_with_the_reason(tmp_path: Path) -> None:
    image = head_phantom(2.0)
    array = sitk.GetArrayFromImage(image)
    in_brain, in_scalp = distance_from(image, (30.0, 20.0, 10.0)), distance_from(image, (0.0, 96.0, 0.0))
    array[(in_brain < 8.0) | (in_scalp < 4.0)] = 700.0
    bright = image_like(array, image)
    choices = {"spacing_mm": 2.0, "patch": 32}
    kept = find_lesions(bright, find_bundle(str(write_analytic_bundle(tmp_path / "kept", brain_only=False, **choices))))  # type: ignore[arg-type]
    found = find_lesions(bright, find_bundle(str(write_analytic_bundle(tmp_path / "brain", **choices))))  # type: ignore[arg-type]
    assert len(kept.scores) == 2 and kept.notes == ()
    assert list(found.scores) == [1]
    assert len(found.notes) == 1 and found.notes[0].startswith("Candidates taken out: 1 outside the brain. They stay in the scene")
    assert found.removed is not None and found.removed.reasons == {2: "outside the brain"} and kept.removed is None
    assert list(found.removed.scores) == [2]
    gone = sitk.GetArrayFromImage(found.removed.labels)
    assert set(np.unique(gone)) == {0, 2} and gone[in_scalp < 3.0].min() == 2
    labels = sitk.GetArrayFromImage(found.labels)
    assert labels[in_brain < 6.0].min() == 1 and labels[in_scalp < 4.0].max() == 0
    everything = sitk.GetArrayFromImage(kept.labels) > 0
    assert np.array_equal(everything, (labels > 0) | (gone > 0)), "no voxel is lost, none is in both"
    assert not ((labels > 0) & (gone > 0)).any()


def test_where_there_is_no_brain_there_is_no_region() -> None:
    image = sitk.Image([50, 50, 50], sitk.sitkFloat32)
    image.SetSpacing((2.0, 2.0, 2.0))
    ball = image_like((distance_from(image, (50.0, 50.0, 50.0)) < 30).astype(np.float32) * 100, image)
    assert brain_region(ball, head_mask(ball)) is None
    assert brain_region(image, sitk.Cast(image, sitk.sitkUInt8)) is None


@pytest.mark.parametrize("number", [1, 2])
def test_real_tumours_lie_in_the_region(number: int) -> None:
    image = sitk.ReadImage(str(shared_volume(f"tumour/brain{number}_image.nrrd")), sitk.sitkFloat32)
    outlined = sitk.Cast(sitk.ReadImage(str(shared_volume(f"tumour/brain{number}_label.nrrd"))) > 0, sitk.sitkUInt16)
    outlined.CopyInformation(image)
    region = brain_region(image, head_mask(image))
    assert region is not None
    assert shares_inside(outlined, region)[1] > 0.9


def drawn_outline(which: str) -> RoughBrain:
    """A head of ellipsoids on a grid of 1.5 mm, with an outline that is white matter alone, scalp, or the whole brain."""
    k, j, i = np.meshgrid(*(np.arange(-h, h, 1.5) for h in (95, 115, 95)), indexing="ij", sparse=True)

    def inside(a: float, b: float, c: float) -> np.ndarray:
        return (i / a) ** 2 + (j / b) ** 2 + (k / c) ** 2 < 1

    head = inside(82, 100, 82)
    outlines = {"white matter": inside(52, 70, 52), "scalp": head & ~inside(72, 90, 72), "brain": inside(68, 86, 68)}
    reference = sitk.GetImageFromArray(head.astype(np.float32))
    reference.SetSpacing((1.5,) * 3)
    return RoughBrain(reference, head, head.astype(np.float32), head, outlines[which])


def test_an_outline_that_is_no_whole_brain_is_mended_by_depth_below_the_skin() -> None:
    brain, scalp = drawn_outline("brain").region, drawn_outline("scalp").region
    white = brain_region_module._within_skull(drawn_outline("white matter"))
    cortex = brain & ~drawn_outline("white matter").region
    assert white[cortex].mean() > 0.8 and not (white & scalp).any(), "cortex comes in, the skin does not"
    assert not drawn_outline("white matter").region[cortex].any()
    mended = brain_region_module._within_skull(drawn_outline("scalp"))
    assert mended[brain].mean() > 0.9 and not (mended & ~drawn_outline("brain").head).any()
    assert np.array_equal(brain_region_module._within_skull(drawn_outline("brain")), brain), "a whole brain stays as it is"
