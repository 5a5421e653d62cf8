"""A rough map of a head: where brain, white matter, ventricles and nasal mucosa are.

Good enough to put synthetic lesions and vessels into plausible places; never used to measure anything.
"""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.brain import SPACING_MM, distance_mm, find_brain, otsu_thresholds
from BrainMetsAILib.images.geometry import array_of, image_like

CLOSING_MM = 9.0  # the hull follows the brain's surface more closely than the region in which lesions are sought
DEEP_MM = 14.0


class NoBrainFound(ValueError):
    """The volume does not look like a T1 of a head."""


@dataclass(frozen=True)
class Tissue:
    """Masks of one head, all bool [k, j, i] on `reference`'s grid (1.5 mm, LPS axes).

    Attributes
    ----------
    head
        Everything that is not air around the head.
    hull
        Brain with its sulci and ventricles.
    white, dark
        White matter; fluid-like voxels inside the hull.
    ventricles
        The deep part of `dark`.
    mucosa
        Soft tissue at the walls of the air spaces below and before the brain.
    depth_mm
        Distance to the hull's surface: positive inside, negative outside.
    fluid_level, grey_level, white_level
        Typical intensities.
    """

    reference: sitk.Image
    head: NDArray[np.bool_]
    hull: NDArray[np.bool_]
    white: NDArray[np.bool_]
    dark: NDArray[np.bool_]
    ventricles: NDArray[np.bool_]
    mucosa: NDArray[np.bool_]
    depth_mm: NDArray[np.float32]
    fluid_level: float
    grey_level: float
    white_level: float


def estimate_tissue(image: sitk.Image) -> Tissue:
    """Brain hull, white matter, ventricles and mucosa of a T1 or T1c, skull on or off.

    Parameters
    ----------
    image
        3D, any grid.

    Raises
    ------
    NoBrainFound
        Where no brain-sized soft-tissue body is found.
    """
    brain = find_brain(sitk.DICOMOrient(image, "LPS"), CLOSING_MM)
    if brain is None:
        raise NoBrainFound("No brain was found in this volume; choose a T1-weighted volume of a whole head.")
    array, hull = array_of(brain.reference), brain.region
    depth = distance_mm(hull) - distance_mm(~hull)
    dark = hull & ~brain.soft
    inside = hull & brain.soft & (depth > 4.0)
    white = inside & (brain.even > otsu_thresholds(brain.even[inside])[1])
    return Tissue(
        reference=brain.reference,
        head=brain.head,
        hull=hull,
        white=white,
        dark=dark,
        ventricles=_ventricles(dark, depth),
        mucosa=_mucosa(brain.head, array, hull, depth),
        depth_mm=depth,
        fluid_level=float(np.percentile(array[dark & (depth > 2.0)], 30)) if (dark & (depth > 2.0)).any() else 0.0,
        grey_level=float(np.median(array[inside & ~white])),
        white_level=float(np.median(array[white])),
    )


def _ventricles(dark: NDArray[np.bool_], depth_mm: NDArray[np.float32]) -> NDArray[np.bool_]:
    parts, count = ndimage.label(dark & (depth_mm > DEEP_MM))
    if not count:
        return np.zeros_like(dark)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    keep = np.argsort(sizes)[-4:]
    return np.isin(parts, keep[sizes[keep] * SPACING_MM**3 > 300])


def _mucosa(
    head: NDArray[np.bool_], array: NDArray[np.float32], hull: NDArray[np.bool_], depth_mm: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Walls of the air spaces in the lower anterior quarter, away from the brain (LPS: j grows to the back, k to the head)."""
    k, j, i = (int(v) for v in ndimage.center_of_mass(hull))
    air = (distance_mm(head) > 8.0) & (array < 0.12 * np.percentile(array[hull], 60))
    side = int(35 / SPACING_MM)
    air[k:], air[:, j:], air[:, :, : max(i - side, 0)], air[:, :, i + side :] = False, False, False, False
    wall = ndimage.binary_dilation(air, iterations=2) & head & ~air
    return wall & (depth_mm < -4.0)


def tissue_image(mask: NDArray[np.bool_], tissue: Tissue) -> sitk.Image:
    """One of the masks as an image on the working grid."""
    return image_like(mask.astype(np.uint8), tissue.reference)
