"""From a mask to separate lesions."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

_TWENTY_SIX = np.ones((3, 3, 3), dtype=bool)


def label_instances(mask: sitk.Image, minimum_voxels: int = 1) -> sitk.Image:
    """Number the connected pieces of a mask.

    Two voxels belong together when they share a face, an edge or a corner (26-connected). Pieces are numbered from 1 by
    falling size; pieces of equal size by position, first voxel first.

    Parameters
    ----------
    mask
        3D image; every voxel that is not 0 is inside.
    minimum_voxels
        Pieces with fewer voxels are left out.

    Returns
    -------
    sitk.Image
        uint16 on the mask's grid: 0 outside, otherwise the piece's number.

    Raises
    ------
    ValueError
        If there are more than 65535 pieces: such a mask is noise, not lesions.
    """
    inside = sitk.GetArrayViewFromImage(mask) != 0
    pieces, _ = ndimage.label(inside, structure=_TWENTY_SIX)  # numbers by first voxel
    labels = sitk.GetImageFromArray(numbered_by_size(pieces, minimum_voxels))
    labels.CopyInformation(mask)
    return labels


def numbered_by_size(pieces: NDArray[np.integer], minimum_voxels: int = 1) -> NDArray[np.uint16]:
    """Number pieces anew from 1 by falling size; pieces of equal size keep their order.

    Parameters
    ----------
    pieces
        [k, j, i]: 0 outside, otherwise the piece's number.
    minimum_voxels
        Pieces with fewer voxels are left out.

    Raises
    ------
    ValueError
        If there are more than 65535 pieces: such a mask is noise, not lesions.
    """
    sizes = np.bincount(pieces.ravel(), minlength=1)[1:]
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] >= minimum_voxels]
    if len(order) > np.iinfo(np.uint16).max:
        raise ValueError(f"The mask falls into {len(order)} pieces, which is noise rather than lesions; raise the threshold.")
    numbers = np.zeros(len(sizes) + 1, dtype=np.uint16)
    numbers[order + 1] = np.arange(1, len(order) + 1)
    return numbers[pieces]
