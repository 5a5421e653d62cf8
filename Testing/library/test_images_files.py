"""Volume files that must be refused in one sentence, and odd ones that must be read."""

import gzip
import json
import struct
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK as sitk

from BrainMetsAILib.images.examination import BloodSignal, ImageRefused, Role
from BrainMetsAILib.images.geometry import array_of
from BrainMetsAILib.images.reading import read_folder, read_sequence

VOXELS = np.random.default_rng(0).integers(1, 1000, (6, 7, 8)).astype(np.int16)


def image_of(voxels: npt.NDArray[np.generic]) -> sitk.Image:
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((1.0, 1.1, 1.2))
    return image


def written(path: Path, voxels: npt.NDArray[np.generic] = VOXELS, compress: bool = False) -> Path:
    sitk.WriteImage(image_of(voxels), str(path), compress)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ImageRefused) as caught, warnings.catch_warnings():
        read_sequence(path)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message and ": " in message and "Exception" not in message
    return message


def patched(path: Path, offset: int, code: str, *values: float) -> Path:
    content = bytearray(path.read_bytes())
    struct.pack_into("<" + code, content, offset, *values)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.mha", "a.nrrd"])
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.98])
def test_files_cut_short(tmp_path: Path, name: str, compress: bool, share: float) -> None:
    path = written(tmp_path / name, compress=compress)
    assert np.array_equal(array_of(read_sequence(path).image), VOXELS)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refusal(path)


@pytest.mark.parametrize(
    ("offset", "code", "values", "words"),
    [
        (76, "4f", (1, 0, 1.1, 1.2), "no usable voxel size"),
        (76, "4f", (1, 1, float("nan"), 1.2), "no usable voxel size"),
        (76, "4f", (1, 1, 1.1, 2.4), "two different voxel sizes"),
        (280, "12f", (0,) * 12, "no usable voxel size"),
        (280, "12f", (0.8, 0.66, 0, 0, 0.6, 0.88, 0, 0, 0, 0, 1.2, 0), "not perpendicular"),
    ],
)
def test_nifti_without_usable_geometry(tmp_path: Path, offset: int, code: str, values: tuple[float, ...], words: str) -> None:
    path = patched(written(tmp_path / "t1c.nii"), offset, code, *values)
    if offset == 280:
        patched(path, 252, "h", 0)
    assert words in refusal(path)


def test_four_dimensions_and_several_values(tmp_path: Path) -> None:
    series = sitk.JoinSeries([image_of(VOXELS)] * 3)
    for name in ("a.nii.gz", "a.mha", "a.nrrd"):
        sitk.WriteImage(series, str(tmp_path / name))
        assert "four-dimensional (3 volumes)" in refusal(tmp_path / name)
    for name in ("c.nii.gz", "c.mha", "c.nrrd"):
        sitk.WriteImage(sitk.Compose([image_of(VOXELS)] * 3), str(tmp_path / name))
        assert "colour" in refusal(tmp_path / name)


def test_a_fourth_dimension_of_one_is_dropped(tmp_path: Path) -> None:
    for name in ("t1c.nii.gz", "t1c.mha", "t1c.nrrd"):
        sitk.WriteImage(sitk.JoinSeries([image_of(VOXELS)]), str(tmp_path / name))
        image = read_sequence(tmp_path / name).image
        assert image.GetDimension() == 3 and image.GetSpacing() == pytest.approx((1.0, 1.1, 1.2))
        assert np.array_equal(array_of(image), VOXELS)


@pytest.mark.parametrize("shape", [(1, 7, 8), (6, 1, 8), (6, 7, 1)])
def test_fewer_than_two_slices(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    assert "fewer than two slices" in refusal(written(tmp_path / "a.mha", np.ones(shape, np.int16)))


def test_two_dimensional_image(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(VOXELS[0]), str(tmp_path / "a.mha"))
    assert "fewer than two slices" in refusal(tmp_path / "a.mha")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_not_numbers(tmp_path: Path, bad: float) -> None:
    voxels = VOXELS.astype(np.float32)
    voxels[2, 3, 4] = bad
    assert "a voxel that is not a number" in refusal(written(tmp_path / "a.nii.gz", voxels))
    assert "a voxel that is not a number" in refusal(written(tmp_path / "a.mha", voxels))
    voxels[5, 6, 6:] = bad
    assert "3 voxels that are not numbers" in refusal(written(tmp_path / "a.nii", voxels.astype(np.float64)))


def test_values_beyond_single_precision(tmp_path: Path) -> None:
    assert "not numbers" in refusal(written(tmp_path / "a.nrrd", VOXELS.astype(np.float64) * 1e300))


def test_empty_image_and_empty_file(tmp_path: Path) -> None:
    assert "every voxel is 0" in refusal(written(tmp_path / "a.nii.gz", np.zeros((4, 4, 4), np.int16)))
    (tmp_path / "b.nii.gz").touch()
    assert "empty file" in refusal(tmp_path / "b.nii.gz")


def test_constant_image_is_read(tmp_path: Path) -> None:
    assert array_of(read_sequence(written(tmp_path / "a.nii.gz", np.full((4, 4, 4), 7, np.int16))).image).max() == 7


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.hdr"])
def test_text_under_an_image_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("this is no image " * 60)
    assert "not an image" in refusal(tmp_path / name)


def test_names_that_do_not_fit_the_content(tmp_path: Path) -> None:
    packed, plain = written(tmp_path / "a.nii.gz"), written(tmp_path / "b.nii")
    nrrd, mha = written(tmp_path / "c.nrrd"), written(tmp_path / "d.mha")
    for source, name in ((packed, "x1.nii"), (plain, "x2.nii.gz"), (nrrd, "x3.nii"), (mha, "x4.dat"), (packed, "x5.img"), (plain, "x6")):
        (tmp_path / name).write_bytes(source.read_bytes())
        assert np.array_equal(array_of(read_sequence(tmp_path / name).image), VOXELS), name


def test_zip_and_analyze_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(b"PK\x03\x04" + b"\0" * 400)
    assert "unpack it" in refusal(tmp_path / "a.nii")
    header = bytearray(348)
    struct.pack_into("<i", header, 0, 348)
    (tmp_path / "b.hdr").write_bytes(header)
    assert "Analyze" in refusal(tmp_path / "b.hdr")


def test_headers_without_voxel_size(tmp_path: Path) -> None:
    text = "NRRD0004\ntype: short\ndimension: 3\nsizes: 8 7 6\nendian: little\nencoding: raw\n\n"
    (tmp_path / "a.nrrd").write_bytes(text.encode() + VOXELS.tobytes())
    assert "no voxel size" in refusal(tmp_path / "a.nrrd")
    text = "ObjectType = Image\nNDims = 3\nDimSize = 8 7 6\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    (tmp_path / "a.mha").write_bytes(text.encode() + VOXELS.tobytes())
    assert "no voxel size" in refusal(tmp_path / "a.mha")


def test_missing_orientation_is_noted(tmp_path: Path) -> None:
    path = patched(written(tmp_path / "a.nii"), 252, "2h", 0, 0)
    assert "left and right" in read_sequence(path).notes[0]


def test_detached_voxels(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mhd")
    contents = read_folder(tmp_path)
    assert len(contents.sequences) == 1 and contents.ignored == (("a.raw", "the voxels of a.mhd"),)
    (tmp_path / "a.raw").unlink()
    refusal(path)


def test_directory_and_absent_file(tmp_path: Path) -> None:
    assert "no file or folder" in refusal(tmp_path / "absent.nii.gz")
    assert "cannot be opened" in refusal(tmp_path / ("long" * 200))
    assert "cannot be opened" in refusal(tmp_path / "nul\0.nii")
    (tmp_path / "folder.nii.gz").mkdir()
    assert "is empty" in refusal(tmp_path / "folder.nii.gz")


def test_path_beyond_ascii(tmp_path: Path) -> None:
    folder = tmp_path / "Größe 脳"
    folder.mkdir()
    for suffix in ("nii.gz", "nrrd", "mha"):
        assert np.array_equal(array_of(read_sequence(written(folder / f"été_t1c.{suffix}")).image), VOXELS)


def test_sidecar_tells_the_role(tmp_path: Path) -> None:
    written(tmp_path / "scan.nii.gz")
    facts = {"Modality": "MR", "SeriesDescription": "mprage", "ScanningSequence": "GR_IR", "EchoTime": 0.003, "RepetitionTime": 1.9}
    (tmp_path / "scan.json").write_text(json.dumps(facts | {"ContrastBolusIngredient": "GADOLINIUM"}))
    contents = read_folder(tmp_path)
    guess = contents.sequences[0].guess
    assert guess.role is Role.T1C and "GADOLINIUM" in guess.reason and guess.blood is BloodSignal.GRADIENT_ECHO
    assert contents.ignored == (("scan.json", "read together with scan.nii.gz"),)
    (tmp_path / "scan.json").write_text("{broken")
    assert read_sequence(tmp_path / "scan.nii.gz").guess.role is Role.OTHER


def test_brats_folder(tmp_path: Path) -> None:
    for ending in ("t1c", "t1n", "t2w", "t2f", "seg"):
        written(tmp_path / f"BraTS-MET-00001-000-{ending}.nii.gz")
    roles = {s.description: s.guess.role for s in read_folder(tmp_path).sequences}
    assert [roles[f"BraTS-MET-00001-000-{e}.nii.gz"] for e in ("t1c", "t1n", "t2w", "t2f", "seg")] == [
        Role.T1C, Role.T1N, Role.T2W, Role.T2F, Role.OTHER,
    ]  # fmt: skip
    assert read_sequence(tmp_path).guess.role is Role.T1C
    assert read_sequence(tmp_path, Role.T2F).source.name.endswith("t2f.nii.gz")


def test_t1c_of_two_persons_is_not_chosen_between(tmp_path: Path) -> None:
    written(tmp_path / "a_t1c.nii.gz"), written(tmp_path / "b_t1c.nii.gz")
    assert "a_t1c.nii.gz; b_t1c.nii.gz" in refusal(tmp_path)


def test_nothing_is_printed_by_the_readers(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "a.mha")
    path.write_bytes(path.read_bytes()[:-100])
    refusal(path)
    content = gzip.decompress(written(tmp_path / "b.nii.gz").read_bytes())
    (tmp_path / "b.nii").write_bytes(content)
    read_sequence(patched(tmp_path / "b.nii", 252, "2h", 0, 0))
    assert capfd.readouterr() == ("", "")
