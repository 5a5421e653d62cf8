"""Reading one volume file: NIfTI, NRRD, MetaImage."""

from __future__ import annotations

import gzip
import shutil
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from BrainMetsAILib.images.examination import ImageRefused
from BrainMetsAILib.images.quiet import quiet_readers
from BrainMetsAILib.images.volume_headers import VOLUME_KINDS, FileKind, check_header, file_kind, is_compressed, not_numbers

READABLE = "NIfTI, NRRD, MHA or DICOM"
_SUFFIX = {FileKind.NIFTI: (".nii", ".nii.gz"), FileKind.NRRD: (".nrrd", ".nhdr"), FileKind.META: (".mha", ".mhd")}


def read_volume_file(path: Path) -> tuple[sitk.Image, tuple[str, ...]]:
    """Image of a NIfTI, NRRD or MetaImage file as float32 on its own grid, and notes.

    Raises
    ------
    ImageRefused
        With one sentence, for whatever has no usable geometry or cannot be read.
    """
    try:
        kind = file_kind(path)
        if kind not in VOLUME_KINDS:
            raise ImageRefused(_not_a_volume(path, kind))
        notes = check_header(path, kind)
        with tempfile.TemporaryDirectory(prefix="brainmets_") as scratch:
            image = _read(_rightly_named(path, kind, Path(scratch)))
    except OSError as error:
        raise ImageRefused(f"{path.name} cannot be opened ({_os_reason(error)}): check the path and its permissions.") from error
    except RuntimeError as error:
        raise ImageRefused(_unreadable(path, str(error))) from error
    return usable_image(image, path.name), notes


def usable_image(image: sitk.Image, name: str) -> sitk.Image:
    """The image as float32, or a refusal.

    Raises
    ------
    ImageRefused
        Colour or several values a voxel, 4D, fewer than two slices, unusable voxel size or axes, voxels that are not numbers, empty.
    """
    if image.GetNumberOfComponentsPerPixel() != 1 or "complex" in image.GetPixelIDTypeAsString():
        raise ImageRefused(f"{name} holds several values a voxel (colour, vectors or complex numbers): give a plain grey-scale image.")
    if image.GetDimension() > 3:
        extra = [n for n in image.GetSize()[3:] if n > 1]
        if extra:
            raise ImageRefused(f"{name} is four-dimensional ({extra[0]} volumes): save one of its volumes as a file of its own.")
        size = list(image.GetSize()[:3]) + [0] * (image.GetDimension() - 3)
        image = sitk.Extract(image, size, [0] * image.GetDimension(), sitk.ExtractImageFilter.DIRECTIONCOLLAPSETOSUBMATRIX)
    if image.GetDimension() < 3 or min(image.GetSize()) < 2:
        raise ImageRefused(f"{name} has fewer than two slices: give a whole volume.")
    spacing, direction = np.array(image.GetSpacing()), np.array(image.GetDirection()).reshape(3, 3)
    if not (np.all(np.isfinite(spacing)) and np.all(spacing > 0)):
        raise ImageRefused(f"{name} has no usable voxel size ({spacing.tolist()} mm): export it again from the original DICOM series.")
    if not np.all(np.isfinite([*direction.flat, *image.GetOrigin()])) or abs(np.linalg.det(direction)) < 0.99:
        raise ImageRefused(f"{name} has axes that are not perpendicular: resample it onto a rectangular grid first.")
    # Widening integers cannot fail; a float64 beyond float32 becomes infinite and is caught below.
    image = sitk.Cast(image, sitk.sitkFloat32)
    voxels = sitk.GetArrayViewFromImage(image)
    broken = int(voxels.size - np.count_nonzero(np.isfinite(voxels)))
    if broken:
        raise ImageRefused(not_numbers(name, broken))
    if not voxels.any():
        raise ImageRefused(f"{name} is empty (every voxel is 0): check that the right file was exported.")
    return image


def _read(path: Path) -> sitk.Image:
    with quiet_readers():
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        # A long time series would fill the memory before it could be refused.
        if reader.GetDimension() > 3 and max(reader.GetSize()[3:]) > 1:
            raise ImageRefused(
                f"{path.name} is four-dimensional ({max(reader.GetSize()[3:])} volumes): save one of its volumes as a file of its own."
            )
        return reader.Execute()


def _rightly_named(path: Path, kind: FileKind, scratch: Path) -> Path:
    """The file itself, or a copy in ``scratch`` whose name fits the content: ITK goes by names."""
    suffixes = _SUFFIX.get(kind)
    if suffixes is None:
        return path
    if kind is FileKind.NIFTI and is_compressed(path) and not path.name.lower().endswith(".nii.gz"):
        copy = scratch / f"{path.name}.nii"
        with gzip.open(path) as packed, copy.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
        return copy
    if path.name.lower().endswith(suffixes):
        return path
    copy = scratch / f"{path.name}{suffixes[0]}"
    shutil.copyfile(path, copy)
    return copy


def _not_a_volume(path: Path, kind: FileKind) -> str:
    if kind is FileKind.EMPTY:
        return f"{path.name} is an empty file: copy or download it again."
    if kind is FileKind.ANALYZE:
        return f"{path.name} is an Analyze 7.5 image, which does not say left from right: convert the original DICOM series to NIfTI."
    if kind is FileKind.ZIP:
        return f"{path.name} is a zip archive: unpack it and give the folder."
    return f"{path.name} is not an image that can be read here: give {READABLE}."


def _unreadable(path: Path, message: str) -> str:
    if "orthonormal" in message:
        return f"{path.name} has axes that are not perpendicular: resample it onto a rectangular grid first."
    return f"{path.name} is damaged or cut short: copy or download it again."


def _os_reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
