"""Where each lesion lies: lobe, side and compartment, from the map of regions."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.geometry import nearest_voxels
from BrainMetsAILib.lesions.anatomy_regions import (
    CEREBRUM,
    FIRST_OF_BRAIN,
    FIRST_OF_TISSUE,
    LEFT,
    MIDLINE,
    OUTSIDE,
    RIGHT,
    Location,
    Region,
    compartment_of,
    part_of,
)

LEAST_IN_BRAIN = 0.1
"""A lesion with less of it in the brain mask lies outside: one at the surface may bulge out of the outline of brain that it displaced, and
the outline is off by some millimetres. Candidates of the network with less are taken out (`models/candidate_places.py`)."""
BOTH_SIDES_FROM = 0.35
"""Share of the smaller side from which a lesion counts as one of the midline."""
REACH_MM = 20.0
"""How far from a lesion the tissue is sought that fluid belongs to: no sulcus or cistern is wider."""
MIDLINE_MM = 4.0
"""Half the width of the midline of brain stem and ventricles, which have no sides of their own in the map."""


def locate(labels: sitk.Image, regions: sitk.Image) -> dict[int, Location]:
    """Location of every lesion.

    Parameters
    ----------
    labels
        Lesion number a voxel, 0 elsewhere; any grid.
    regions
        `Region` a voxel, in the same physical space; its own grid, which may be coarser.

    Returns
    -------
    dict
        Lesion number → where most of the lesion lies. Fluid of sulci counts as the nearest brain tissue; of a lesion that reaches out of
        the brain mask the part inside counts.
    """
    found, places, beyond = nearest_voxels(labels, regions)
    if not found.size:
        return {}
    map_ = _Map(sitk.GetArrayFromImage(regions), tuple(reversed(regions.GetSpacing())), places)
    # The coarse grid may end up to one of its voxels before the image does.
    values = np.where(beyond <= 1, map_.tissue[tuple(places)], np.uint8(Region.BACKGROUND))
    locations = {}
    for number in np.unique(found):
        mine = found == number
        locations[int(number)] = _location(values[mine], places[:, mine], map_)
    return locations


class _Map:
    """The regions with fluid given to the nearest tissue, and distances to either side where they are asked for."""

    def __init__(self, regions: NDArray[np.uint8], spacing_kji: tuple[float, ...], places: NDArray[np.int64]) -> None:
        self.regions, self.spacing = regions, spacing_kji
        self.tissue = _fluid_to_tissue(regions, spacing_kji, places)
        self._apart: NDArray[np.float32] | None = None

    def right_minus_left_mm(self, places: NDArray[np.int64]) -> float:
        """How much nearer the left side is than the right at the middle of some voxels (3, n); positive on the left."""
        if self._apart is None:
            sides = [np.isin(self.regions, side) for side in (LEFT, RIGHT)]
            if not all(side.any() for side in sides):
                return 0.0
            left, right = (ndimage.distance_transform_edt(~side, sampling=self.spacing) for side in sides)
            self._apart = np.asarray(right - left, np.float32)
        return float(np.mean(self._apart[tuple(places)]))


def _fluid_to_tissue(regions: NDArray[np.uint8], spacing_kji: tuple[float, ...], places: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The regions with the fluid around some voxels (3, n) given to the nearest tissue."""
    margin = np.ceil(REACH_MM / np.array(spacing_kji)).astype(int)
    low, high = np.maximum(places.min(axis=1) - margin, 0), places.max(axis=1) + 1 + margin
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    near = regions[box]
    tissue = near >= FIRST_OF_TISSUE
    if not tissue.any() or not (near == Region.FLUID).any():
        return regions
    where = ndimage.distance_transform_edt(~tissue, sampling=spacing_kji, return_distances=False, return_indices=True)
    given = regions.copy()
    given[box] = np.where(near == Region.FLUID, near[tuple(where)], near)
    return given


def _location(values: NDArray[np.uint8], places: NDArray[np.int64], map_: _Map) -> Location:
    brain = values >= FIRST_OF_BRAIN
    if brain.mean() < LEAST_IN_BRAIN:
        return Location("", "", OUTSIDE)
    counts = np.bincount(values[brain], minlength=len(Region))
    votes: dict[str, int] = {}
    for region in Region:
        if counts[region]:
            votes[part_of(region)] = votes.get(part_of(region), 0) + int(counts[region])
    part = max(votes, key=lambda name: votes[name])
    members = [region for region in Region if part_of(region) == part]
    left, right = (sum(int(counts[region]) for region in members if region in side) for side in (LEFT, RIGHT))
    if left + right:
        both = min(left, right) >= BOTH_SIDES_FROM * (left + right)
        side = MIDLINE if both else "left" if left > right else "right"
    else:
        apart = map_.right_minus_left_mm(places[:, brain])
        side = MIDLINE if abs(apart) <= MIDLINE_MM else "left" if apart > 0 else "right"
    return Location(part, side, compartment_of(members[0]) if members else CEREBRUM)
