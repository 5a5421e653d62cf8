"""The lesions of one examination as files: the table, and the label images in its own grid. Slicer and the command line write the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import SimpleITK as sitk

from BrainMetsAILib.exchange.lesion_csv import write_lesions_csv
from BrainMetsAILib.lesions.lesion_list import LesionSet

LESION_FILES = ("lesions.csv", "lesions.nii.gz", "necrosis.nii.gz")


def lesion_file_steps(folder: Path, lesions: LesionSet, prefix: str = "") -> Iterator[None]:
    """Write the three files, one a step, so that an interface can breathe between them.

    ``lesions.nii.gz`` holds the lesion's number a voxel, ``necrosis.nii.gz`` 1 where tissue is necrotic, both 0 elsewhere.

    Parameters
    ----------
    folder
        Existing; files of these names are overwritten.
    prefix
        Put before each name.
    """
    table, labels, necrosis = (folder / f"{prefix}{name}" for name in LESION_FILES)
    write_lesions_csv(table, lesions.lesions)
    yield
    write_image(lesions.labels, labels)
    yield
    write_image(lesions.necrosis, necrosis)
    yield


def write_image(image: sitk.Image, path: Path) -> None:
    """One compressed NIfTI file, on the image's grid: oblique and left-handed grids stay as they are."""
    sitk.WriteImage(image, str(path), useCompression=True, compressionLevel=3)
