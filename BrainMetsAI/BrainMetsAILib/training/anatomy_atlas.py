"""The regions of the atlas, and of FreeSurfer's numbers: what the anatomy network's labels are made from.

Lobes follow FreeSurfer's grouping of the Desikan-Killiany parcels (Desikan et al., NeuroImage 2006;31:968,
doi:10.1016/j.neuroimage.2006.01.021; surfer.nmr.mgh.harvard.edu/fswiki/CorticalParcellation), with the insula apart.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from BrainMetsAILib.images.geometry import array_of, image_like
from BrainMetsAILib.lesions.anatomy_regions import Region

FRONTAL = (2, 3, 12, 14, 17, 18, 19, 20, 24, 26, 27, 28, 32)
PARIETAL = (8, 10, 22, 23, 25, 29, 31)
TEMPORAL = (1, 6, 7, 9, 15, 16, 30, 33, 34)
OCCIPITAL = (5, 11, 13, 21)
INSULA = (35,)
CHOROID_PLEXUS = (31, 63)

# FreeSurfer's numbers whose region is known without an atlas. 25 and 57 lie in white matter beside the ventricles and are taken as that;
# 136, 137, 163 and 164 of the SynthSeg maps lie in the lateral ventricles, at the thalamus and hippocampus: the choroid plexus.
KNOWN: dict[Region, tuple[int, ...]] = {
    Region.TEMPORAL_LEFT: (17, 18),
    Region.TEMPORAL_RIGHT: (53, 54),
    Region.DEEP_GREY_LEFT: (10, 11, 12, 13, 26, 28, 30),
    Region.DEEP_GREY_RIGHT: (49, 50, 51, 52, 58, 60, 62),
    Region.CEREBELLUM_LEFT: (7, 8),
    Region.CEREBELLUM_RIGHT: (46, 47),
    Region.BRAIN_STEM: (16,),
    Region.VENTRICLES: (4, 5, 14, 15, 43, 44, 72),
    Region.CHOROID_PLEXUS: (31, 63, 136, 137, 163, 164),
}
LEFT_CEREBRUM, RIGHT_CEREBRUM = (2, 3, 25), (41, 42, 57)
FLUID = (24, 85)
CORTEX, WHITE = (3, 42), (2, 41, 25, 57)

# How each tissue is drawn for registration: far apart where they touch, the same in every map.
_SHADES: dict[float, tuple[int, ...]] = {
    1.0: WHITE,
    0.6: CORTEX,
    0.8: (10, 11, 12, 13, 26, 28, 30, 49, 50, 51, 52, 58, 60, 62),
    0.7: (17, 18, 53, 54),
    0.95: (7, 46),
    0.5: (8, 47),
    0.9: (16,),
    0.2: (4, 5, 14, 15, 43, 44, 72, 31, 63, 136, 137, 163, 164),
}

# ICBM lobes (their CSV) as FreeSurfer's numbers, for drawing the atlas like a label map.
_ICBM = {
    2: (30, 83, 57, 73, 29),
    41: (17, 59, 105, 45, 254),
    3: (210, 218, 6, 8),
    42: (211, 219, 2, 4),
    8: (67,),
    47: (76,),
    16: (20,),
    4: (3,),
    43: (9,),
    14: (232,),
    15: (233,),
    24: (255,),
    11: (39,),
    50: (53,),
    12: (14,),
    51: (16,),
    10: (102,),
    49: (203,),
    28: (33,),
    60: (23,),
    13: (12,),
    52: (11,),
}
ICBM_LOBES: dict[Region, tuple[int, ...]] = {
    Region.FRONTAL_LEFT: (30, 210),
    Region.FRONTAL_RIGHT: (17, 211),
    Region.TEMPORAL_LEFT: (83, 218),
    Region.TEMPORAL_RIGHT: (59, 219),
    Region.PARIETAL_LEFT: (57, 6),
    Region.PARIETAL_RIGHT: (105, 2),
    Region.OCCIPITAL_LEFT: (73, 8),
    Region.OCCIPITAL_RIGHT: (45, 4),
}


@dataclass(frozen=True)
class Parcellation:
    """The averaged FreeSurfer parcellation in MNI space, 1 mm, LPS axes.

    Attributes
    ----------
    lobes
        uint8: `Region` of each lobe, 0 elsewhere.
    drawing
        float32: tissue drawn for registration, 2 mm.
    choroid_plexus
        float32: 1 where the parcellation has choroid plexus.
    """

    lobes: sitk.Image
    drawing: sitk.Image
    choroid_plexus: sitk.Image


def read_parcellation(data: Path) -> Parcellation:
    """``atlas/fslmni152_hcp_avgwmparc.nii.gz`` with its lobes."""
    image = _read(data / "atlas/fslmni152_hcp_avgwmparc.nii.gz")
    numbers = array_of(image)
    drawn = numbers.copy()
    for base, own in ((1000, 3), (2000, 42), (3000, 2), (4000, 41)):
        drawn[(numbers >= base) & (numbers < base + 100)] = own
    drawn[(numbers == 5001) | ((numbers >= 251) & (numbers <= 255))] = 2
    drawn[numbers == 5002] = 41
    return Parcellation(
        lobes=image_like(lobes_of_parcels(numbers), image),
        drawing=sitk.BinShrink(image_like(drawing_of(drawn), image), [2, 2, 2]),
        choroid_plexus=image_like(np.isin(numbers, CHOROID_PLEXUS).astype(np.float32), image),
    )


def lobes_of_parcels(numbers: NDArray[np.integer]) -> NDArray[np.uint8]:
    """`Region` of each parcel's lobe (cortex 1000 and 2000, white matter 3000 and 4000 up), 0 where a number names none."""
    found = np.zeros(numbers.shape, np.uint8)
    lobes = (
        (FRONTAL, Region.FRONTAL_LEFT),
        (PARIETAL, Region.PARIETAL_LEFT),
        (TEMPORAL, Region.TEMPORAL_LEFT),
        (OCCIPITAL, Region.OCCIPITAL_LEFT),
        (INSULA, Region.INSULA_LEFT),
    )
    for parcels, left in lobes:
        for right, bases in ((0, (1000, 3000)), (1, (2000, 4000))):
            found[np.isin(numbers, [base + parcel for base in bases for parcel in parcels])] = left + right
    return found


def drawing_of(numbers: NDArray[np.integer]) -> NDArray[np.float32]:
    """FreeSurfer's numbers drawn as grey values; everything outside the brain is 0."""
    shades = np.zeros(int(numbers.max()) + 1, np.float32)
    for shade, members in _SHADES.items():
        shades[[n for n in members if n < len(shades)]] = shade
    return shades[numbers]


def read_icbm(data: Path) -> sitk.Image:
    """The ICBM lobe atlas as FreeSurfer's numbers (int32, LPS axes), so that it is treated like any label map."""
    image = _read(data / "atlas/icbm152_09a_lobes.nii.gz")
    original = array_of(image)
    numbers = np.zeros(original.shape, np.int32)
    for freesurfer, members in _ICBM.items():
        numbers[np.isin(original, members)] = freesurfer
    return image_like(numbers, image)


def icbm_lobes(data: Path) -> sitk.Image:
    """The ICBM atlas's own lobes as `Region` (uint8), without the insula: an independent opinion on lobes carried over."""
    image = _read(data / "atlas/icbm152_09a_lobes.nii.gz")
    original = array_of(image)
    found = np.zeros(original.shape, np.uint8)
    for region, members in ICBM_LOBES.items():
        found[np.isin(original, members)] = region
    return image_like(found, image)


def _read(path: Path) -> sitk.Image:
    image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")
    return sitk.Cast(image, sitk.sitkInt32)
