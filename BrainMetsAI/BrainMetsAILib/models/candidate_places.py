"""What the regions of the brain say of candidates: which lie where no metastasis of the brain is sought, and where all lie. Needs no torch.

A mask removes a candidate as a whole when most of it lies there; no outline is ever clipped, for cortical metastases touch the surface.
Surface and choroid plexus follow RLK-UNet (Son et al., Front Oncol 2024, doi:10.3389/fonc.2023.1273013); the widths and shares are ours.
"""

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of, image_like, voxel_volume_ml
from BrainMetsAILib.lesions.anatomy_regions import Region
from BrainMetsAILib.lesions.location import LEAST_IN_BRAIN, locate
from BrainMetsAILib.lesions.sizes import sphere_diameter_mm
from BrainMetsAILib.models.anatomy import Anatomy
from BrainMetsAILib.models.brain_region import LEAST_SHARE, shares_inside, values_under, voxels_inside
from BrainMetsAILib.models.large_lesions import LEAST_SHARE_IN_BRAIN

OUTSIDE, SURFACE, PLEXUS = "outside the brain", "on the surface of the brain", "in the choroid plexus"
SEARCH_MARGIN_MM = 5.0
"""How far outside the brain's surface is still searched: more than the outline of a coarse grid is ever off."""
PLEXUS_MARGIN_MM = 1.0
PLEXUS_SHARE = 0.6
"""Share of a candidate from which it lies in the choroid plexus."""
OWN_SHARE = 0.5
"""Volume of a candidate against that of the piece of choroid plexus it lies in, from which the network called that piece plexus for the
candidate's brightness, unless it lies in a ventricle: then it is no reason to take it out."""
IN_VENTRICLE = 0.1
"""Share of the voxels around a piece of choroid plexus that are ventricle, from which it lies where plexus is: of 38 pieces in tuning
volumes and real brains none had less than 0.12. There a candidate is plexus whatever its share of the piece, up to `LARGEST_PLEXUS_MM`."""
LARGEST_PLEXUS_MM = 18.0
FILLED_MM, FILLED_SHARE, CALLED_SHARE, TOUCHED_SHARE = 6.0, 0.3, 0.15, 0.1
"""A bright plexus that fills the trigone of a ventricle is taken for tissue in part. A candidate up to that size is plexus too where
`TOUCHED_SHARE` of it lies in such a piece, `CALLED_SHARE` in what was called ventricle or plexus, and `FILLED_SHARE` in these closed by a
ball of `FILLED_MM`. Two such in real brains with drawn vessels had 0.19 and 0.20 called so; none of the true lesions of that size in the
tuning volumes had 0.1, closed. A lesion in the wall of a ventricle that is called tissue has hardly any."""
SURFACE_SHARE = 1.0 - LEAST_IN_BRAIN
"""Share of a candidate that lies outside the brain from which it counts as on its surface. Higher than the other, for the outline is off by
some millimetres: three of 66 lesions found in tuning volumes lay outside it by more than half."""
LARGE_MM = 10.0
LARGE_SURFACE_SHARE = 1.0 - LEAST_SHARE_IN_BRAIN
"""The same from the diameter `LARGE_MM` on, of which some millimetres are a smaller share. Fat below the skull, into which the outline
leaked, was taken for a lesion of 15 mm; of 37 true lesions of that size in tuning volumes none lay outside by more than 0.38."""

FLAT_MM, FLAT_DEPTH, FLAT_SHARE = 15.0, 0.1, 0.9
"""From the diameter `FLAT_MM` on, a candidate that leaves the brain (less than `FLAT_SHARE` in it) lies flat on its surface where half of
it is no deeper than `FLAT_DEPTH` of its diameter, as a venous sinus is: one of 24 mm in a real brain had 0.08, two of 16 and 17 mm in
another -0.06 and 0.06. The lesions of that size in the tuning volumes had 0.14 and more (one of 14 mm 0.07), a real vestibular schwannoma
0.29; a ball has 0.1 when 36 % of it lie outside."""


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
        within = voxels_inside(labels, anatomy.brain_mask())  # which holds the sulci; vessels of the hull lie on it
        voxel_ml = voxel_volume_ml(labels)
        reasons |= dict.fromkeys(_in_plexus(labels, anatomy), PLEXUS)
        reasons |= {number: SURFACE for number, (size, share) in within.items() if 1 - share >= _surface_share(size * voxel_ml)}
        reasons |= dict.fromkeys(_flat_on_surface(labels, within, anatomy), SURFACE)
    near = shares_inside(labels, near_brain)
    return reasons | {number: OUTSIDE for number, share in near.items() if share < LEAST_SHARE}


def _surface_share(size_ml: float) -> float:
    """Share outside the brain from which a candidate of that size lies on its surface."""
    return LARGE_SURFACE_SHARE if sphere_diameter_mm(size_ml) >= LARGE_MM else SURFACE_SHARE


def _flat_on_surface(labels: sitk.Image, within: Mapping[int, tuple[int, float]], anatomy: Anatomy) -> list[int]:
    """Large candidates that are spread out on the surface; `within` says of each how many voxels it has and which share is brain."""
    voxel_ml = voxel_volume_ml(labels)
    diameters = {number: sphere_diameter_mm(size * voxel_ml) for number, (size, share) in within.items() if share < FLAT_SHARE}
    large = {number: diameter for number, diameter in diameters.items() if diameter >= FLAT_MM}
    if not large:
        return []
    found, depths_mm = values_under(labels, anatomy.surface_distance_mm())
    return [number for number, diameter in large.items() if np.median(depths_mm[found == number]) < FLAT_DEPTH * diameter]


def _in_plexus(labels: sitk.Image, anatomy: Anatomy) -> list[int]:
    """Candidates that are choroid plexus, and not what was called plexus in the midst of tissue."""
    voxel_ml, regions = voxel_volume_ml(labels), array_of(anatomy.regions)
    grown = anatomy.choroid_region(PLEXUS_MARGIN_MM)
    pieces, count = ndimage.label(array_of(grown), np.ones((3, 3, 3)))
    plexus = np.where(regions == Region.CHOROID_PLEXUS, pieces, 0)
    sizes_ml = np.bincount(plexus.ravel(), minlength=count + 1) * voxel_volume_ml(grown)
    in_ventricle = _share_around(plexus, regions == Region.VENTRICLES, count) >= IN_VENTRICLE
    called = (regions == Region.VENTRICLES) | in_ventricle[plexus]
    in_called = shares_inside(labels, image_like(called, grown))
    filled = shares_inside(labels, image_like(_closed(called, anatomy), grown))
    found, piece_under = values_under(labels, image_like(pieces, grown))
    inside = []
    for number in np.unique(found):
        counts = np.bincount(piece_under[found == number], minlength=count + 1)
        size, counts[0] = counts.sum(), 0
        share, size_ml, piece = counts.sum() / size, size * voxel_ml, counts.argmax()
        usual = in_ventricle[piece] and sphere_diameter_mm(size_ml) <= LARGEST_PLEXUS_MM
        most = share >= PLEXUS_SHARE and (usual or size_ml < OWN_SHARE * sizes_ml[piece])
        part = share >= TOUCHED_SHARE and in_called[number] >= CALLED_SHARE and filled[number] >= FILLED_SHARE
        if most or (usual and part):
            inside.append(int(number))
    return inside


def _closed(region: NDArray[np.bool_], anatomy: Anatomy) -> NDArray[np.bool_]:
    """A part of the regions' grid, closed by a ball of `FILLED_MM`."""
    spacing = tuple(reversed(anatomy.regions.GetSpacing()))
    room = int(np.ceil(FILLED_MM / min(spacing))) + 1
    padded = np.pad(region, room)
    if not padded.any():
        return region
    grown = ndimage.distance_transform_edt(~padded, sampling=spacing) <= FILLED_MM
    kept = ndimage.distance_transform_edt(grown, sampling=spacing) > FILLED_MM
    return region | kept[room:-room, room:-room, room:-room]


def _share_around(pieces: NDArray[np.integer], where: NDArray[np.bool_], count: int) -> NDArray[np.floating]:
    """Of the voxels that touch piece 1…count, the share that lies there; index 0 stands for nothing."""
    shares = np.zeros(count + 1)
    for number, tight in enumerate(ndimage.find_objects(pieces, count), start=1):
        if tight is not None:
            box = tuple(slice(max(0, part.start - 1), part.stop + 1) for part in tight)
            piece = pieces[box] == number
            around = ndimage.binary_dilation(piece, np.ones((3, 3, 3))) & (pieces[box] == 0)
            shares[number] = where[box][around].mean() if around.any() else 0.0
    return shares


def places_of(labels: sitk.Image, anatomy: Anatomy) -> Mapping[int, str]:
    """Where each numbered candidate lies, in words."""
    return {number: location.words for number, location in locate(labels, anatomy.regions).items()}
