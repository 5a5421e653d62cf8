"""Which candidates do not enhance: what is no brighter than brain is no enhancing lesion, whatever its shape. Needs no torch.

The horns of the lateral ventricles, seen at 2 mm, were once taken for a cyst of 20 mL with a rim, and the rim was white matter.
"""

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of, voxel_volume_ml
from BrainMetsAILib.images.normalisation import BRAIN_PERCENTILES, intensity_scale
from BrainMetsAILib.images.resampling import resample_like
from BrainMetsAILib.lesions.sizes import sphere_diameter_mm

UNENHANCING = "without enhancement"
LEAST_MM = 8.0
"""Diameter of the sphere of equal volume from which a candidate is judged: smaller ones lose their brightness to partial volumes."""
BRIGHT_SHARE = 0.1
BRIGHT_FROM = 0.35
"""Intensity, in distances from the 5th to the 90th percentile of the brain above its median, that the brightest `BRIGHT_SHARE` of a
lesion's enhancing part reaches. Of 76 true lesions of 7 mm and more (tuning volumes, and real tumours looked at while the rule was made)
the faintest had 0.49; normal white matter that was taken for a rim had 0.18 and 0.25."""

NODULE_FROM, NODULE_ML = 1.0, 0.05
"""A candidate stays where so much of it, a nodule of 4.6 mm, is clearly bright, whatever it was called. The ventricles that were taken for
a cyst held 0.02 mL of vessels."""


def unenhancing(image: sitk.Image, labels: sitk.Image, necrosis: sitk.Image, brain: sitk.Image) -> list[int]:
    """Numbers of the candidates to take out because nothing in them enhances.

    Parameters
    ----------
    image
        The contrast-enhanced T1.
    labels
        Candidate's number a voxel, on its grid.
    necrosis
        Where candidates are necrotic, on its grid.
    brain
        By which intensities are measured, on any grid.
    """
    values, numbers = array_of(image), array_of(labels)
    inside_brain = array_of(resample_like(brain, image, None, sitk.sitkNearestNeighbor)) > 0
    if not inside_brain.any():
        return []
    median, width = intensity_scale(values[inside_brain], BRAIN_PERCENTILES)
    enhances, voxel_ml = array_of(necrosis) == 0, voxel_volume_ml(labels)
    dark = []
    for number, box in enumerate(ndimage.find_objects(numbers), start=1):
        if box is None:
            continue
        inside = numbers[box] == number
        if sphere_diameter_mm(int(inside.sum()) * voxel_ml) < LEAST_MM:
            continue
        part = values[box][inside & enhances[box]]
        rim_is_bright = part.size and np.quantile(part, 1.0 - BRIGHT_SHARE) >= median + BRIGHT_FROM * width
        nodule_ml = np.count_nonzero(values[box][inside] >= median + NODULE_FROM * width) * voxel_ml
        if not rim_is_bright and nodule_ml < NODULE_ML:
            dark.append(number)
    return dark
