"""Joining a search at fine and one at coarse resolution, for lesions larger than the fine one can survey. Needs no torch.

At a fine resolution the middle of a lesion of 4 cm is out of sight of its rim: the network sees neither and takes the lesion for something
else, or for many. At 2 mm the whole of it fits what the network sees at once.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

LARGE_MM = 15.0
"""Diameter of the sphere of equal volume from which the coarse search is believed: 7 voxels of its grid."""
SEEN = 0.9
"""Share of a large lesion's inner part from which the fine search has seen it too, and its sharper outline stays. Of 18 lesions of the
tuning set and 6 larger ones it held 0.97 and more, or 0.84 and less."""
INNER_MM = 2.0
"""Depth of that part: what lies nearer to the outline is as uncertain as the coarse grid."""
RIM = 2
"""Voxels around a large lesion in which the coarse map fades out, so that the outline lies between voxels."""
REACH_MM = 4.0
"""How far around a large lesion searches between the two resolutions count: two voxels of the coarse grid."""

Maps = tuple[NDArray[np.float32], NDArray[np.float32]]


LEAST_SHARE_IN_BRAIN = 0.4
"""Share of a large lesion in the brain, below which it would be taken out in the end (`candidate_places.py`): joined, it would take with it
what it touches. The coarse search takes muscle and mucosa at the orbits for lesions of 25 mL."""


def with_large_lesions(
    fine: Maps,
    coarse: Maps,
    voxel_threshold: float,
    spacing_mm: float,
    brain: NDArray[np.bool_] | None = None,
    least_mm: float = LARGE_MM,
) -> Maps:
    """The fine maps, completed by the large lesions that only the coarse search has seen whole.

    Parameters
    ----------
    fine, coarse
        Probability of enhancing and of necrosis, each float32 [k, j, i], all on one isotropic grid.
    voxel_threshold
        A voxel belongs to a lesion where enhancing + necrosis reaches this.
    spacing_mm
        Edge of a voxel of that grid.
    brain
        The brain on it; None where it is not known.
    least_mm
        Diameter of the sphere of equal volume from which a lesion of the coarse maps is believed.

    Returns
    -------
    tuple of ndarray
        The fine maps; in a lesion of the brain of `least_mm` and more of whose inner part the fine ones hold less than `SEEN`, and around
        it, whichever pair says lesion more surely.
    """
    joined = (fine[0].copy(), fine[1].copy())
    likely = coarse[0] + coarse[1]
    depth = max(1, round(INNER_MM / spacing_mm))
    for box, piece in _large_pieces(likely, voxel_threshold, spacing_mm, brain, least_mm=least_mm):
        inner = ndimage.binary_erosion(piece, iterations=depth)
        known = fine[0][box] + fine[1][box]
        if not inner.any() or (known[inner] >= np.float32(voxel_threshold)).mean() >= SEEN:
            continue
        surer = ndimage.binary_dilation(piece, iterations=RIM) & (likely[box] > known)
        for whole, more in zip(joined, coarse, strict=True):
            whole[box][surer] = more[box][surer]
    return joined


def around_large_lesions(
    coarse: Maps, voxel_threshold: float, spacing_mm: float, brain: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Where lesions that the coarse search alone may have seen whole lie, with `REACH_MM` around them, bool [k, j, i].

    Parameters
    ----------
    coarse, voxel_threshold, spacing_mm, brain
        As for `with_large_lesions`.
    """
    where = np.zeros(coarse[0].shape, dtype=bool)
    room = int(np.ceil(REACH_MM / spacing_mm))
    for box, piece in _large_pieces(coarse[0] + coarse[1], voxel_threshold, spacing_mm, brain, room):
        where[box] |= ndimage.distance_transform_edt(~piece, sampling=spacing_mm) <= REACH_MM
    return where


def _large_pieces(
    likely: NDArray[np.float32],
    voxel_threshold: float,
    spacing_mm: float,
    brain: NDArray[np.bool_] | None,
    room: int = RIM,
    least_mm: float = LARGE_MM,
) -> Iterator[tuple[tuple[slice, ...], NDArray[np.bool_]]]:
    """Each large piece of the brain: a box with so many voxels of room around it, and the piece in it."""
    pieces, _ = ndimage.label(likely >= np.float32(voxel_threshold), np.ones((3, 3, 3)))
    sizes, least = np.bincount(pieces.ravel()), np.pi / 6 * (least_mm / spacing_mm) ** 3
    for number, tight in enumerate(ndimage.find_objects(pieces), start=1):
        if sizes[number] < least:
            continue
        box = tuple(slice(max(0, part.start - room), part.stop + room) for part in tight)
        piece = pieces[box] == number
        if brain is None or brain[box][piece].mean() > LEAST_SHARE_IN_BRAIN:
            yield box, piece
