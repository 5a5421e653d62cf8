"""Where the network's windows lie, and how much each voxel of a window counts. Needs no torch."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, slice, slice]


def window_starts(extent: int, window: int, overlap: float) -> tuple[int, ...]:
    """First voxels of the windows along one axis: evenly spread, first and last flush with the ends, at least `overlap` shared.

    Parameters
    ----------
    extent, window
        Voxels along the axis; an extent shorter than the window gives one window from 0.
    overlap
        Share of a window, from 0 to below 1, that two neighbours have in common.
    """
    if not 0.0 <= overlap < 1.0:
        raise ValueError(f"overlap must lie from 0 to below 1, not {overlap}")
    if extent <= window:
        return (0,)
    step = max(1, int(window * (1.0 - overlap)))
    count = -(-(extent - window) // step) + 1
    return tuple(round(n * (extent - window) / (count - 1)) for n in range(count))


def windows_over(mask: NDArray[np.bool_], window: Sequence[int], overlap: float) -> list[Box]:
    """The windows [k, j, i] that hold a voxel of the mask. The mask is at least as large as a window along each axis."""
    starts = [window_starts(extent, size, overlap) for extent, size in zip(mask.shape, window, strict=True)]
    boxes = []
    for k in starts[0]:
        for j in starts[1]:
            for i in starts[2]:
                box = (slice(k, k + window[0]), slice(j, j + window[1]), slice(i, i + window[2]))
                if mask[box].any():
                    boxes.append(box)
    return boxes


def gaussian_weights(window: Sequence[int]) -> NDArray[np.float32]:
    """How much each voxel [k, j, i] of a window counts where windows overlap: most in the middle, a little at the faces.

    Notes
    -----
    Standard deviation of an eighth of the window and a floor, as in nnU-Net (Isensee et al., Nat Methods 2021;18:203,
    doi:10.1038/s41592-020-01008-z): a network sees least at the faces, where its surroundings are cut off.
    """
    profiles = [np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2.0) / (size / 8.0)) ** 2) for size in window]
    weights = profiles[0][:, None, None] * profiles[1][None, :, None] * profiles[2][None, None, :]
    return np.maximum(weights / weights.max(), 1e-3).astype(np.float32)


def padded_box(mask: NDArray[np.bool_], margin: int) -> Box:
    """Smallest box [k, j, i] around the mask, wider by `margin` voxels, within the array; the whole array for an empty mask."""
    if not mask.any():
        return (slice(0, mask.shape[0]), slice(0, mask.shape[1]), slice(0, mask.shape[2]))
    slices = []
    for axis in range(3):
        line = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        slices.append(slice(max(0, int(line[0]) - margin), min(mask.shape[axis], int(line[-1]) + 1 + margin)))
    return (slices[0], slices[1], slices[2])
