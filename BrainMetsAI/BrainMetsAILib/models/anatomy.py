"""What the anatomy network says about one image: regions, brain mask, distances to its surface. Needs no torch."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of, image_like, voxel_volume_ml
from BrainMetsAILib.lesions.anatomy_regions import FIRST_OF_BRAIN, FIRST_OF_TISSUE, Region, part_of

LEAST_BRAIN_ML = 150.0
"""A slab of 20 mm through the middle of a brain holds 200 to 300 mL."""
MOST_BRAIN_ML = 2600.0
"""Well above the largest brains (about 2000 mL with their fluid): the outline of one may be too wide, and it is a head all the same."""
LEAST_BRAIN_SHARE = 0.08
"""Of the tissue in the field of view; a head with neck and shoulders (9 L) and a brain of 1.2 L gives 0.13."""
LEAST_PARTS, PART_ML = 3, 5.0
"""A brain in view shows several lobes or parts; a body taken for brain by mistake is mostly called one thing."""


@dataclass(frozen=True)
class Anatomy:
    """Regions of one image.

    Attributes
    ----------
    regions
        uint8 `Region` a voxel on a grid of about 2 mm over the image's field of view, in its physical space.
    brain_share
        Share of the tissue in view that is brain, from 0 to 1.
    is_head
        Whether the image shows a brain at all.
    reason
        Why not, in one sentence; empty where it does.
    """

    regions: sitk.Image
    brain_share: float
    is_head: bool
    reason: str = ""

    def brain_mask(self) -> sitk.Image:
        """The brain with its sulci and ventricles, uint8, on the grid of `regions`."""
        return image_like(self._brain(), self.regions)

    def surface_distance_mm(self) -> sitk.Image:
        """Distance of each voxel's centre from the brain's surface in mm, float32: positive inside, negative outside.

        Faces of the field of view are no surface. Without a brain it is minus infinity everywhere.
        """
        brain = self._brain()
        spacing = tuple(reversed(self.regions.GetSpacing()))
        if not brain.any():
            return image_like(np.full(brain.shape, -np.inf, np.float32), self.regions)
        half = 0.5 * float(np.mean(spacing))  # the surface runs between the centres of two voxels
        outside = ndimage.distance_transform_edt(~brain, sampling=spacing)
        inside = ndimage.distance_transform_edt(brain, sampling=spacing) if not brain.all() else np.full(brain.shape, np.inf)
        return image_like(np.where(brain, inside - half, half - outside).astype(np.float32), self.regions)

    def choroid_region(self, margin_mm: float = 0.0) -> sitk.Image:
        """Where the choroid plexus of the lateral ventricles lies, grown by a margin, uint8."""
        plexus = array_of(self.regions) == Region.CHOROID_PLEXUS
        if margin_mm > 0 and plexus.any():
            spacing = tuple(reversed(self.regions.GetSpacing()))
            plexus = ndimage.distance_transform_edt(~plexus, sampling=spacing) <= margin_mm + 0.5 * float(np.mean(spacing))
        return image_like(plexus, self.regions)

    def _brain(self) -> NDArray[np.bool_]:
        return array_of(self.regions) >= FIRST_OF_BRAIN


def judged(regions: sitk.Image, tissue: sitk.Image) -> Anatomy:
    """An `Anatomy` with the judgement whether this is a head.

    Parameters
    ----------
    regions
        `Region` a voxel, uint8.
    tissue
        Mask of everything that is not air (`images/head.py`), uint8, same grid.
    """
    array = array_of(regions)
    voxel_ml = voxel_volume_ml(regions)
    brain_ml = float(np.count_nonzero(array >= FIRST_OF_BRAIN)) * voxel_ml
    tissue_ml = float(np.count_nonzero((sitk.GetArrayViewFromImage(tissue) > 0) | (array >= FIRST_OF_BRAIN))) * voxel_ml
    share = brain_ml / tissue_ml if tissue_ml > 0 else 0.0
    reason = _why_no_head(array, brain_ml, share, voxel_ml)
    return Anatomy(regions, share, not reason, reason)


def _why_no_head(array: NDArray[np.uint8], brain_ml: float, share: float, voxel_ml: float) -> str:
    give = "give an MR that shows the brain"
    if brain_ml < LEAST_BRAIN_ML:
        return f"This does not look like a head: only {brain_ml:.0f} mL of it look like brain; {give}."
    if brain_ml > MOST_BRAIN_ML:
        return f"This does not look like a head: {brain_ml:.0f} mL of it look like brain, more than any has; {give}."
    if share < LEAST_BRAIN_SHARE:
        return f"This does not look like a head: {100 * share:.0f} % of the tissue look like brain; {give}."
    sizes = np.bincount(array.ravel(), minlength=len(Region)) * voxel_ml
    parts: dict[str, float] = {}
    for region in Region:
        if region >= FIRST_OF_TISSUE:
            parts[part_of(region)] = parts.get(part_of(region), 0.0) + float(sizes[region])
    if sum(size >= PART_ML for size in parts.values()) < LEAST_PARTS:
        return f"This does not look like a head: what looks like brain has no parts of one; {give}."
    return ""
