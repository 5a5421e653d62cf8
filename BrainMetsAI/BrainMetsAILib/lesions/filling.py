"""What a mask encloses: cavities, and the core of a ring that is not closed everywhere."""

import numpy as np
from scipy import ndimage

from BrainMetsAILib.lesions.grid import Mask

_SIDES = 5  # of six


def with_enclosed(mask: Mask) -> Mask:
    """The mask and what it encloses.

    A voxel is enclosed where it is cut off from the outside, or where the mask lies on at least five of its six sides: rings on MR often
    have a gap.

    Parameters
    ----------
    mask
        Boolean array [k, j, i]; what lies beyond it is outside.
    """
    found = ndimage.find_objects(mask.astype(np.uint8))
    if not found:
        return mask.copy()
    part = mask[found[0]]
    sides = np.zeros(part.shape, np.uint8)
    for axis in range(3):
        sides += np.maximum.accumulate(part, axis=axis)
        sides += np.flip(np.maximum.accumulate(np.flip(part, axis), axis=axis), axis)
    pieces, _ = ndimage.label(np.pad(~part, 1, constant_values=True))
    cut_off = (pieces > 1)[1:-1, 1:-1, 1:-1]  # the first piece is the outside: it holds the first voxel
    result = mask.copy()
    result[found[0]] |= cut_off | (sides >= _SIDES)
    return result
