"""A folder of cases as a person would train on."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from BrainMetsAILib.images.geometry import image_like
from head_phantom import head_phantom


def write_cases(folder: Path) -> Path:
    """Three examinations of two patients, each a head with one bright ball of 18 mm that has a core (8 mm) and a halo (28 mm)."""
    head = head_phantom(2.0, stripped=True)
    for name, at in (("BraTS-MET-00001-000", (45, 55, 45)), ("BraTS-MET-00001-001", (45, 45, 45)), ("BraTS-MET-00002-000", (35, 55, 45))):
        array = sitk.GetArrayFromImage(head)
        k, j, i = np.meshgrid(*[np.arange(n) for n in array.shape], indexing="ij")
        away = 2.0 * np.sqrt((i - at[0]) ** 2 + (j - at[1]) ** 2 + (k - at[2]) ** 2)
        labels = np.select([away < 4, away < 9, away < 14], [1, 3, 2], 0).astype(np.uint8)
        array[labels == 3], array[labels == 1] = 2.5 * array.max(), 0.2 * array.max()
        place = folder / name
        place.mkdir()
        sitk.WriteImage(image_like(array, head), str(place / f"{name}-t1c.nii.gz"))
        sitk.WriteImage(image_like(array, head), str(place / f"{name}-t2w.nii.gz"))
        sitk.WriteImage(image_like(labels, head), str(place / f"{name}-seg.nii.gz"))
    return folder
