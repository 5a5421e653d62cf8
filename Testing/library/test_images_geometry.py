"""Matrices, grids and resampling against analytic truths, on left-handed and oblique grids too."""

import gzip
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from BrainMetsAILib.images.geometry import (
    array_of,
    ijk_to_ras,
    image_from_ijk_to_ras,
    image_like,
    lps_to_ras,
    ras_to_ijk,
    same_grid,
    voxel_volume_ml,
)
from BrainMetsAILib.images.reading import read_sequence
from BrainMetsAILib.images.resampling import block_average, resample_like, resample_to_spacing

Matrix = npt.NDArray[np.float64]


Triple = tuple[float, float, float]


def matrix_of(angles: Triple, spacing: Triple, flip: bool, origin: Triple) -> Matrix:
    """IJK-to-RAS matrix: rotation, voxel sizes, and a mirrored first axis where ``flip``."""
    x, y, z = angles
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = about_x @ about_y @ about_z @ np.diag([-1.0 if flip else 1.0, 1.0, 1.0]) @ np.diag(spacing)
    matrix[:3, 3] = origin
    return matrix


matrices = st.builds(
    matrix_of,
    st.tuples(*[st.floats(-3, 3)] * 3),
    st.tuples(*[st.floats(0.2, 7)] * 3),
    st.booleans(),
    st.tuples(*[st.floats(-200, 200)] * 3),
)


@given(matrices)
def test_matrix_round_trip(matrix: Matrix) -> None:
    image = image_from_ijk_to_ras(np.zeros((4, 5, 6), np.float32), matrix)
    assert np.allclose(ijk_to_ras(image), matrix, atol=1e-9)
    assert np.allclose(ras_to_ijk(image) @ matrix, np.eye(4), atol=1e-8)
    assert voxel_volume_ml(image) == pytest.approx(abs(np.linalg.det(matrix[:3, :3])) / 1000)
    point = image.TransformIndexToPhysicalPoint((1, 2, 3))
    assert np.allclose(lps_to_ras(point), (matrix @ [1, 2, 3, 1])[:3], atol=1e-6)


@pytest.mark.parametrize(
    "matrix",
    [
        np.array([[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
        np.diag([1.0, 0.0, 1.0, 1.0]),
        np.diag([1.0, np.nan, 1.0, 1.0]),
    ],
)
def test_unusable_matrices_are_named(matrix: Matrix) -> None:
    with pytest.raises(ValueError, match=r"IJK-to-RAS"):
        image_from_ijk_to_ras(np.zeros((2, 2, 2)), matrix)


def test_image_like_keeps_the_grid_and_rejects_other_shapes() -> None:
    reference = image_from_ijk_to_ras(np.zeros((4, 5, 6)), matrix_of((0.1, 0.2, 0.3), (1, 2, 3), True, (1, 2, 3)))
    mask = image_like(np.ones((4, 5, 6), dtype=bool), reference)
    assert mask.GetPixelID() == sitk.sitkUInt8 and same_grid(mask, reference)
    with pytest.raises(ValueError, match=r"\(6, 5, 4\)"):
        image_like(np.ones((6, 5, 4)), reference)
    moved = sitk.Image(mask)
    moved.SetOrigin([c + 0.01 for c in mask.GetOrigin()])
    assert not same_grid(moved, reference) and same_grid(moved, reference, tolerance_mm=0.1)


def write_nifti(path: Path, voxels: npt.NDArray[np.float32], matrix: Matrix, sform: int = 1) -> Path:
    """A NIfTI-1 file written byte by byte from its specification, so that no library vouches for itself."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *voxels.shape[::-1], 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, 16, 32)
    struct.pack_into("<8f", header, 76, 1.0, *np.linalg.norm(matrix[:3, :3], axis=0), 0, 0, 0, 0)
    struct.pack_into("<fff", header, 108, 352.0, 1.0, 0.0)
    header[123] = 10
    struct.pack_into("<hh", header, 252, 0, sform)
    struct.pack_into("<12f", header, 280, *matrix[:3].flatten())
    header[344:348] = b"n+1\0"
    content = bytes(header) + voxels.astype("<f4").tobytes()
    path.write_bytes(gzip.compress(content, 1) if path.name.endswith(".gz") else content)
    return path


@settings(max_examples=25, deadline=None)
@given(matrices)
def test_nifti_of_any_handedness_keeps_each_voxel_in_its_place(tmp_path_factory: pytest.TempPathFactory, matrix: Matrix) -> None:
    voxels = np.random.default_rng(1).random((4, 5, 6)).astype(np.float32) + 1
    path = write_nifti(tmp_path_factory.mktemp("nifti") / "t1c.nii.gz", voxels, matrix)
    image = read_sequence(path).image
    for index in ((0, 0, 0), (5, 0, 0), (0, 4, 0), (0, 0, 3), (2, 3, 1)):
        place = (matrix @ [*index, 1])[:3] * [-1, -1, 1]
        found = image.TransformPhysicalPointToContinuousIndex(place.tolist())
        i, j, k = (round(c) for c in found)
        # The header holds single precision.
        assert np.allclose(found, (i, j, k), atol=2e-3)
        assert array_of(image)[k, j, i] == voxels[index[2], index[1], index[0]]


@pytest.mark.parametrize("name", ["t1c.nrrd", "t1c.mha", "t1c.nii"])
def test_other_formats_keep_the_grid(tmp_path: Path, name: str) -> None:
    matrix = matrix_of((0.3, -0.2, 1.2), (0.9, 1.1, 2.5), True, (5, 6, 7))
    made = image_from_ijk_to_ras(np.random.default_rng(0).random((5, 6, 7)).astype(np.float32), matrix)
    sitk.WriteImage(made, str(tmp_path / name))
    image = read_sequence(tmp_path / name).image
    back = resample_like(image, made, interpolator=sitk.sitkNearestNeighbor)
    assert np.array_equal(array_of(back), array_of(made))


@pytest.mark.parametrize("spacing", [0.5, 1.0, (2.0, 1.0, 0.7), 3.0])
def test_resampling_keeps_the_field_of_view_and_a_linear_field(spacing: float | tuple[float, float, float]) -> None:
    matrix = matrix_of((0.2, 0.5, -0.4), (0.8, 1.1, 2.0), True, (10, -20, 30))
    grid = image_from_ijk_to_ras(np.zeros((20, 40, 50), np.float32), matrix)

    def field(image: sitk.Image) -> npt.NDArray[np.float64]:
        k, j, i = np.indices(tuple(reversed(image.GetSize())))
        points = np.stack([i, j, k, np.ones_like(i)], axis=-1) @ ijk_to_ras(image).T
        return np.asarray(points[..., :3] @ [1.0, 2.0, -0.5])

    out = resample_to_spacing(image_like(field(grid).astype(np.float32), grid), spacing)
    assert out.GetSpacing() == pytest.approx(spacing if isinstance(spacing, tuple) else (spacing,) * 3)
    corner = [c - 0.5 for c in (0.0, 0.0, 0.0)]
    assert np.allclose(grid.TransformContinuousIndexToPhysicalPoint(corner), out.TransformContinuousIndexToPhysicalPoint(corner), atol=1e-6)
    for axis in range(3):
        difference = grid.GetSize()[axis] * grid.GetSpacing()[axis] - out.GetSize()[axis] * out.GetSpacing()[axis]
        assert abs(difference) <= out.GetSpacing()[axis] / 2 + 1e-6
    inner = (slice(3, -3),) * 3
    assert np.allclose(array_of(out)[inner], field(out)[inner], atol=1e-3)


def test_smoothing_before_coarsening_averages_noise() -> None:
    noise = sitk.GetImageFromArray(np.random.default_rng(0).normal(0, 1, (40, 40, 40)).astype(np.float32))
    rough, smooth = (array_of(resample_to_spacing(noise, 3.0, smooth=flag)).std() for flag in (False, True))
    assert smooth < 0.5 * rough
    assert array_of(block_average(noise, 4.0)).std() == pytest.approx(1 / 8, rel=0.15)


@pytest.mark.parametrize("spacing", [0.0, -1.0, float("nan"), (1.0, 2.0)])
def test_impossible_spacings_are_named(spacing: float | tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="positive"):
        resample_to_spacing(sitk.Image(4, 4, 4, sitk.sitkFloat32), spacing)
