"""The dark core that the enhancing rim of a lesion encloses."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.lesions.filling import with_enclosed
from BrainMetsAILib.lesions.grid import Mask
from BrainMetsAILib.lesions.refusal import EditRefused

_SMOOTHING_MM = 0.5
_RIM_PERCENTILE, _CORE_PERCENTILE = 80, 2
_LEAST_CONTRAST = 0.2  # of the rim's brightness
_LEAST_VOXELS = 3


def dark_core(image: NDArray[np.float32], lesion: Mask, spacing_mm: tuple[float, float, float], name: str) -> Mask:
    """The part of a lesion that its bright rim encloses and that is darker than halfway between the darkest and the brightest part.

    Parameters
    ----------
    image, lesion
        [k, j, i], with two voxels of room around the lesion. A hole within the lesion's outline counts as its inside.
    spacing_mm
        Of the axes k, j, i.
    name
        The lesion's name, for the message.

    Returns
    -------
    Mask
        Boolean [k, j, i].

    Raises
    ------
    EditRefused
        If there is no dark core that the rim encloses.
    """
    whole = with_enclosed(lesion)
    smooth = ndimage.gaussian_filter(np.asarray(image, np.float32), [min(_SMOOTHING_MM / step, 1.0) for step in spacing_mm])
    inner = ndimage.binary_erosion(whole)  # the outermost voxels are half tissue
    if not inner.any():
        raise EditRefused(f"{name} is too small to have a core; paint its necrosis.")
    rim, core = float(np.percentile(smooth[lesion], _RIM_PERCENTILE)), float(np.percentile(smooth[inner], _CORE_PERCENTILE))
    if rim - core < _LEAST_CONTRAST * abs(rim):
        raise EditRefused(f"There is no dark core in {name}: its inside is about as bright as its rim. Paint its necrosis if you see any.")
    bright = whole & (smooth >= 0.5 * (rim + core))
    enclosed = with_enclosed(ndimage.binary_closing(np.pad(bright, 2))[2:-2, 2:-2, 2:-2]) & whole & ~bright
    pieces, count = ndimage.label(enclosed)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    sizes[0] = 0
    found = np.asarray((sizes >= _LEAST_VOXELS)[pieces])
    if not found.any():
        raise EditRefused(f"The dark part of {name} is not enclosed by an enhancing rim; paint its necrosis.")
    return found
