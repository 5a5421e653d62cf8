"""What the regions of the brain say of candidates: which lie where no metastasis of the brain is sought, and where all lie. Needs no torch.

A mask removes a candidate as a whole when most of it lies there; no outline is ever clipped, for cortical metastases touch the surface.
Surface and choroid plexus follow RLK-UNet (Son et al., Front Oncol 2024, doi:10.3389/fonc.2023.1273013); the widths and shares are ours.
"""

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of, image_like, voxel_volume_ml
from BrainMetsAILib.images.resampling import resample_like
from BrainMetsAILib.lesions.location import LEAST_IN_BRAIN, locate
from BrainMetsAILib.models.anatomy import Anatomy
from BrainMetsAILib.models.brain_region import LEAST_SHARE, shares_inside

OUTSIDE, SURFACE, PLEXUS = "outside the brain", "on the surface of the brain", "in the choroid plexus"
SEARCH_MARGIN_MM = 5.0
"""How far outside the brain's surface is still searched: more than the outline of a coarse grid is ever off."""
PLEXUS_MARGIN_MM = 1.0
PLEXUS_SHARE = 0.6
"""Share of a candidate from which it lies in the choroid plexus."""
OWN_SHARE = 0.5
"""Volume of a candidate against that of the piece of choroid plexus it lies in, from which the network called that piece plexus for the
candidate's brightness: then it is no reason to take it out."""
SURFACE_SHARE = 1.0 - LEAST_IN_BRAIN
"""Share of a candidate that lies outside the brain from which it counts as on its surface. Higher than the other, for the outline is off by
some millimetres: three of 66 lesions found in tuning volumes lay outside it by more than half."""


def brain_with_margin(anatomy: Anatomy, margin_mm: float = SEARCH_MARGIN_MM) -> sitk.Image:
    """The brain grown by a margin, uint8, on the grid of the regions."""
    distance = anatomy.surface_distance_mm()
    return image_like((array_of(distance) >= -margin_mm).astype(np.uint8), distance)


def reasons_to_remove(labels: sitk.Image, near_brain: sitk.Image, anatomy: Anatomy | None) -> dict[int, str]:
    """Candidates to take out, with the reason.

    Parameters
    ----------
    labels
        Candidate's number a voxel, any grid.
    near_brain
        Where a metastasis can be at all, uint8, any grid.
    anatomy
        Regions of the same image; without them only what lies outside the brain is told.
    """
    reasons: dict[int, str] = {}
    if anatomy is not None:
        plexus = shares_inside(labels, anatomy.choroid_region(PLEXUS_MARGIN_MM))
        within = shares_inside(labels, anatomy.brain_mask())  # which holds the sulci; vessels of the hull lie on it
        inside = [number for number, share in plexus.items() if share >= PLEXUS_SHARE]
        reasons |= {number: PLEXUS for number in inside if _part_of_plexus(labels, number, anatomy)}
        reasons |= {number: SURFACE for number, share in within.items() if 1 - share >= SURFACE_SHARE}
    near = shares_inside(labels, near_brain)
    return reasons | {number: OUTSIDE for number, share in near.items() if share < LEAST_SHARE}


def _part_of_plexus(labels: sitk.Image, number: int, anatomy: Anatomy) -> bool:
    """Whether the choroid plexus around a candidate is much larger than the candidate."""
    bare = anatomy.choroid_region()
    pieces, count = ndimage.label(array_of(anatomy.choroid_region(PLEXUS_MARGIN_MM)), np.ones((3, 3, 3)))
    sizes_ml = np.bincount(pieces[array_of(bare) > 0], minlength=count + 1) * voxel_volume_ml(bare)
    mine = array_of(labels) == number
    on_grid = array_of(resample_like(image_like(pieces.astype(np.int32), bare), labels, None, sitk.sitkNearestNeighbor))
    around = np.bincount(on_grid[mine], minlength=count + 1)
    around[0] = 0
    return bool(mine.sum() * voxel_volume_ml(labels) < OWN_SHARE * sizes_ml[int(around.argmax())])


def places_of(labels: sitk.Image, anatomy: Anatomy) -> Mapping[int, str]:
    """Where each numbered candidate lies, in words."""
    return {number: location.words for number, location in locate(labels, anatomy.regions).items()}
