"""Lesions that touch: one piece of a mask becomes several where its neck is narrow, or where a network is less sure than on either side.

Two metastases side by side are two lesions for counting, treating and following, although no voxel of background lies between them.
"""

from collections.abc import Callable
from itertools import product

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

NARROW = 0.85
"""Half-width of a neck, as a share of the inner radius of the smaller part, below which the parts are two lesions. Two equal balls that
overlap by a sixth of their diameter have 0.55. Measured on lesions as drawn for training: none of 250 single ones was divided, and 72 of
150 pairs that overlap by up to 1.5 mm were (at 0.75: 64). Of 137 true lesions in tuning volumes none is divided; at 0.95 one is."""
LEAST_RADIUS_MM = 1.4
"""Inner radius from which a part can be a lesion of its own: smaller ones are the roughness of voxels."""
SPREAD = (0.6, 6.0)
"""Volume of a part against that of the ball that fits into it: more has an arc of a ring that did not close, less the roughness of a coarse
grid; neither is a lesion of its own."""
SURER = (0.7, 0.9)
"""Probabilities from which a piece is looked at again: what is divided there, into parts of which each can be a lesion of its own, is
divided. In ten tuning volumes (103 lesions) three networks found 232 lesions with it and 227 without, and none was divided; from 0.8 and
0.95 on a ring of 18 mm was."""
CONTACT = 1.0
"""Largest area of the border between two such parts, as a share of the great circle of the ball of the smaller one's volume. The halves of
a ball, as a ring is that is not equally sure all round, have 1.6; balls that overlap by a sixth of their diameter 0.3."""
_FORWARD = [step for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0)]


def split_at_necks(pieces: NDArray[np.integer], spacing_mm: tuple[float, float, float]) -> NDArray[np.int32]:
    """Divide numbered pieces where they are narrow.

    Parameters
    ----------
    pieces
        [k, j, i]: 0 outside, otherwise the piece's number.
    spacing_mm
        Along k, j and i.

    Returns
    -------
    ndarray
        The same voxels inside. The part with the largest inner radius keeps its piece's number, the others have numbers that were free.
    """
    return _divided(pieces, lambda inside, box: _parts(inside, spacing_mm))


def split_where_unsure(
    pieces: NDArray[np.integer], probability: NDArray[np.floating], spacing_mm: tuple[float, float, float]
) -> NDArray[np.int32]:
    """Divide numbered pieces where a network is sure of two places and less sure between them.

    Parameters
    ----------
    pieces
        [k, j, i]: 0 outside, otherwise the piece's number.
    probability
        Of lesion, [k, j, i].
    spacing_mm
        Along k, j and i.

    Returns
    -------
    ndarray
        The same voxels inside. The part with the largest sure ball keeps its piece's number, the others have numbers that were free; the
        border runs where the probability is lowest.
    """
    found = pieces.astype(np.int32)
    for level in SURER:

        def parts(inside: NDArray[np.bool_], box: tuple[slice, ...], level: float = level) -> NDArray[np.int32]:
            return _sure_parts(inside, probability[box], level, spacing_mm)

        found = _divided(found, parts)
    return found


def _divided(
    pieces: NDArray[np.integer], parts_of: Callable[[NDArray[np.bool_], tuple[slice, ...]], NDArray[np.int32]]
) -> NDArray[np.int32]:
    """Each piece divided into its parts; the first keeps the number, the others get numbers that were free."""
    found = pieces.astype(np.int32)
    last = int(found.max(initial=0))
    for number, box in enumerate(ndimage.find_objects(found), start=1):
        if box is None:
            continue
        parts = parts_of(found[box] == number, box)
        for part in range(2, int(parts.max()) + 1):
            last += 1
            found[box][parts == part] = last
    return found


def _sure_parts(
    inside: NDArray[np.bool_], probability: NDArray[np.floating], level: float, spacing_mm: tuple[float, float, float]
) -> NDArray[np.int32]:
    """Parts of one piece, grown from those of its surer voxels; 1 everywhere inside where these do not fall apart."""
    sure = ndimage.binary_fill_holes(inside & (probability >= level)) & inside
    parts = _parts(sure, spacing_mm) if sure.any() else sure.astype(np.int32)
    boxes = enumerate(ndimage.find_objects(parts), start=1)
    alone = [part for part, box in boxes if box is not None and _may_stand_alone(*_measured(parts[box] == part, spacing_mm))]
    if len(alone) < 2:
        return inside.astype(np.int32)
    numbers = np.zeros(int(parts.max()) + 1, np.int32)
    numbers[alone] = np.arange(1, len(alone) + 1)
    # Outside lies above all that is inside, so that every part grows within the piece and hangs together.
    relief = np.where(inside, 1.0 - probability, 2.0).astype(np.float32)
    grown = sitk.MorphologicalWatershedFromMarkers(
        sitk.GetImageFromArray(relief), sitk.GetImageFromArray(numbers[parts]), markWatershedLine=False, fullyConnected=True
    )
    return _joined_at_wide_borders(np.asarray(sitk.GetArrayViewFromImage(grown) * inside, np.int32), spacing_mm)


def _joined_at_wide_borders(parts: NDArray[np.int32], spacing_mm: tuple[float, float, float]) -> NDArray[np.int32]:
    """The parts [k, j, i], those joined that have no neck between them: pieces of one ring, say."""
    while True:
        sizes = np.bincount(parts.ravel()) * float(np.prod(spacing_mm))
        circles = np.pi * (0.75 * sizes / np.pi) ** (2 / 3)
        wide = [(area / min(circles[a], circles[b]), a, b) for (a, b), area in _borders_mm2(parts, spacing_mm).items()]
        share, kept, gone = max(wide, default=(0.0, 0, 0))
        if share <= CONTACT:
            break
        parts = np.where(parts == gone, kept, parts)
    numbers = np.zeros(len(sizes), np.int32)
    there = np.flatnonzero(sizes[1:]) + 1
    numbers[there] = np.arange(1, len(there) + 1)
    return np.asarray(numbers[parts])


def _borders_mm2(parts: NDArray[np.int32], spacing_mm: tuple[float, float, float]) -> dict[tuple[int, int], float]:
    """Area of the border between each two parts, the smaller number first: exact where it is plane, however it is turned."""
    faces: dict[tuple[int, int], NDArray[np.floating]] = {}
    for axis in range(3):
        area = float(np.prod(spacing_mm)) / spacing_mm[axis]
        one, other = (np.take(parts, range(start, parts.shape[axis] - 1 + start), axis) for start in (0, 1))
        border = (one != other) & (one > 0) & (other > 0)
        low, high = np.minimum(one[border], other[border]), np.maximum(one[border], other[border])
        pairs, counts = np.unique(np.stack([low, high], axis=-1), axis=0, return_counts=True)
        for (a, b), count in zip(pairs.tolist(), counts.tolist(), strict=True):
            faces.setdefault((a, b), np.zeros(3))[axis] = count * area
    return {pair: float(np.linalg.norm(areas)) for pair, areas in faces.items()}


def _measured(part: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> tuple[float, float]:
    """Inner radius in mm and volume in mm³."""
    return float(_depth(part, spacing_mm).max()), float(np.count_nonzero(part) * np.prod(spacing_mm))


def _depth(inside: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> NDArray[np.floating]:
    """Distance in mm to the surface, which runs between the centres of the last voxel inside and the first one outside."""
    far = ndimage.distance_transform_edt(np.pad(inside, 1), sampling=spacing_mm)[1:-1, 1:-1, 1:-1]
    return np.asarray(far - 0.5 * min(spacing_mm))


def _parts(inside: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> NDArray[np.int32]:
    """Parts of one piece, numbered from 1 by falling inner radius."""
    depth = _depth(inside, spacing_mm)
    basins = _basins(depth, inside)
    count = int(basins.max())
    radius = np.append(0.0, ndimage.maximum(depth, basins, np.arange(1, count + 1)))
    volume = np.bincount(basins.ravel()) * float(np.prod(spacing_mm))
    group = np.arange(count + 1)
    for height, a, b in _necks(depth, basins):
        kept, gone = (group[a], group[b]) if radius[group[a]] >= radius[group[b]] else (group[b], group[a])
        if kept == gone:
            continue
        if height < NARROW * radius[gone] and all(_may_stand_alone(radius[g], volume[g]) for g in (kept, gone)):
            continue
        volume[kept] += volume[gone]
        group[group == gone] = kept
    order = sorted(set(group[1:].tolist()), key=lambda g: -radius[g])
    numbers = np.zeros(count + 1, np.int32)
    numbers[order] = np.arange(1, len(order) + 1)
    return np.asarray(numbers[group][basins] * inside)


def _may_stand_alone(radius_mm: float, volume_mm3: float) -> bool:
    ball = 4 / 3 * np.pi * radius_mm**3
    return radius_mm >= LEAST_RADIUS_MM and SPREAD[0] * ball <= volume_mm3 <= SPREAD[1] * ball


def _basins(depth: NDArray[np.floating], inside: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The watershed of the depth: every place goes to the deepest point that it rises to; numbered from 1."""
    relief = np.pad(np.where(inside, -depth, 1.0).astype(np.float32), 1, constant_values=1.0)
    flooded = sitk.MorphologicalWatershed(sitk.GetImageFromArray(relief), level=0.0, markWatershedLine=False, fullyConnected=True)
    basins = sitk.GetArrayViewFromImage(flooded)[1:-1, 1:-1, 1:-1] * inside
    used = np.unique(basins[inside])
    numbers = np.zeros(int(basins.max()) + 1, np.int32)
    numbers[used] = np.arange(1, len(used) + 1)
    return np.asarray(numbers[basins])


def _necks(depth: NDArray[np.floating], basins: NDArray[np.int32]) -> list[tuple[float, int, int]]:
    """Height of the highest pass between each two basins that are neighbours, the highest first."""
    count = int(basins.max()) + 1
    keys, passes = [], []  # of every two neighbouring voxels in different basins
    basins, depth = np.pad(basins, 1), np.pad(depth, 1)
    here = (slice(1, -1),) * 3
    for step in _FORWARD:
        there = tuple(slice(1 + s, n - 1 + s) for s, n in zip(step, basins.shape, strict=True))
        one, other = basins[here], basins[there]
        border = (one != other) & (one > 0) & (other > 0)
        keys.append(np.minimum(one[border], other[border]).astype(np.int64) * count + np.maximum(one[border], other[border]))
        passes.append(np.minimum(depth[here][border], depth[there][border]))
    pairs, place = np.unique(np.concatenate(keys), return_inverse=True)
    heights = np.full(len(pairs), -np.inf)
    np.maximum.at(heights, place, np.concatenate(passes))
    return sorted(zip(heights.tolist(), (pairs // count).tolist(), (pairs % count).tolist(), strict=True), reverse=True)
