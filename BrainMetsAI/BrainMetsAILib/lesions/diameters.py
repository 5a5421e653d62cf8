"""THE DIAMETER RULE: longest axial diameter, its perpendicular, and the 3D maximum diameter.

RANO-BM (Lin et al., Lancet Oncol 2015, doi 10.1016/S1470-2045(15)70057-4) records a lesion's longest diameter in the plane
of measurement and the diameter perpendicular to it. What it leaves to the reader is fixed here:

* Slices are axial (`grid.axial_axis`): reformatted where the volume was acquired otherwise, never resampled.
* A diameter runs from edge to edge of ONE outline: the pieces into which a lesion falls within a slice are measured one by one.
* `whole_pair` measures the whole outline, necrosis included. The longest diameter is the largest distance between two points
  of the outline (it may cut across a dent, as callipers do); the perpendicular is the longest chord at right angles to it in the same
  slice and piece, from the outline's first to its last crossing.
* `enhancing_pair` counts enhancing tissue only: each line runs from edge to edge without ever leaving it, so it does not
  cross a necrotic core. The same rule as in Chang et al., Neuro-Oncology 2019, doi 10.1093/neuonc/noz106, for tumour masks.
* Points are the middles of pixel edges (`outline`): n pixels in a row measure n pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.lesions.chords import Chord, longest_inside, longest_perpendicular
from BrainMetsAILib.lesions.grid import Mask, Matrix, axial_axis, to_ras
from BrainMetsAILib.lesions.outline import extreme_points, farthest_pair, row_ends

Point = tuple[float, float, float]
Ends = tuple[Point, Point]

# Outlines are searched in two rounds: every slice with few points, then the best slices with many.
_COARSE_POINTS = 96
_REFINED_POINTS = 640
_REFINED_SLICES = 3


@dataclass(frozen=True)
class DiameterPair:
    """A longest diameter and its perpendicular in one axial slice.

    Attributes
    ----------
    longest_mm, perpendicular_mm
        Lengths in mm.
    slice_index
        Index of the slice along the array's axial axis (`grid.axial_axis`), in the array that was measured.
    longest_ends_ras, perpendicular_ends_ras
        The two ends of each line, RAS mm.
    manual
        Whether a person drew the lines (`drawn_pair`).
    """

    longest_mm: float
    perpendicular_mm: float
    slice_index: int
    longest_ends_ras: Ends
    perpendicular_ends_ras: Ends
    manual: bool = False


def whole_pair(lesion: Mask, ijk_to_ras: Matrix) -> DiameterPair:
    """Longest axial diameter of the whole outline and its perpendicular.

    Parameters
    ----------
    lesion
        Boolean array [k, j, i] with at least one voxel set.
    ijk_to_ras
        (4, 4), voxel (i, j, k) to RAS mm.
    """
    axis = axial_axis(ijk_to_ras)
    basis = _plane_basis(ijk_to_ras, axis)
    slices = np.moveaxis(lesion, axis, 0)
    in_plane = np.zeros((3, 3, 3), dtype=bool)
    in_plane[1] = True
    pieces, _ = ndimage.label(slices, structure=in_plane)
    boxes = ndimage.find_objects(pieces)
    centres = [row_ends(pieces[box][0] == number) + np.array([box[1].start, box[2].start]) for number, box in enumerate(boxes, start=1)]
    bounds = np.array([_circle_mm(points @ basis) for points in centres]) + float(np.linalg.norm(basis, axis=1).max())

    best: tuple[Chord, int, int] | None = None
    for number in np.argsort(-bounds, kind="stable"):
        if best is not None and bounds[number] <= best[0].length_mm:
            break
        points = extreme_points(centres[number])
        length, first, second = farthest_pair(points @ basis)
        if best is None or length > best[0].length_mm + 1e-9:
            best = (_chord(points[first], points[second], length), boxes[number][0].start, int(number))
    assert best is not None, "an empty mask has no diameter"
    longest, index, number = best
    across = longest_perpendicular(pieces[index] == number + 1, longest, basis, stay_inside=False)
    return _pair(longest, across, index, axis, ijk_to_ras)


def enhancing_pair(enhancing: Mask, ijk_to_ras: Matrix) -> DiameterPair | None:
    """Longest axial diameter within enhancing tissue and the longest perpendicular to it, neither ever leaving the tissue.

    Outlines of up to 96 points are searched exhaustively; larger ones are thinned to that in a first round over all slices, and
    the three best slices are then searched with up to 640 points: all there are in lesions up to 100 pixels wide.

    Parameters
    ----------
    enhancing
        Boolean array [k, j, i]: the lesion without its necrosis.
    ijk_to_ras
        (4, 4), voxel (i, j, k) to RAS mm.

    Returns
    -------
    DiameterPair or None
        None where nothing enhances.
    """
    axis = axial_axis(ijk_to_ras)
    basis = _plane_basis(ijk_to_ras, axis)
    slices = np.moveaxis(enhancing, axis, 0)
    filled = np.flatnonzero(slices.any(axis=(1, 2)))
    if len(filled) == 0:
        return None
    bounds = np.array([_box_diagonal_mm(ndimage.find_objects(slices[index].astype(np.uint8))[0], basis) for index in filled])
    found: list[tuple[float, int, Chord]] = []
    for place in np.argsort(-bounds, kind="stable"):
        good_enough = sorted(length for length, _, _ in found)[-_REFINED_SLICES] if len(found) >= _REFINED_SLICES else 0.0
        if bounds[place] <= good_enough:
            break
        index = int(filled[place])
        chord = longest_inside(slices[index], basis, good_enough, _COARSE_POINTS)
        if chord is not None:
            found.append((chord.length_mm, index, chord))
    found.sort(key=lambda entry: (-entry[0], entry[1]))
    _, best_index, best = found[0]
    for _, index, _ in found[:_REFINED_SLICES]:
        refined = longest_inside(slices[index], basis, best.length_mm, _REFINED_POINTS)
        if refined is not None:
            best, best_index = refined, index
    across = longest_perpendicular(_piece_under(slices[best_index], best), best, basis, stay_inside=True)
    return _pair(best, across, best_index, axis, ijk_to_ras)


def _piece_under(inside: Mask, line: Chord) -> Mask:
    """The piece of a slice in which a line lies."""
    pieces, _ = ndimage.label(inside, np.ones((3, 3)))
    places = np.rint(np.linspace(line.start, line.end, 2 * max(inside.shape))).astype(int)
    under = pieces[tuple(np.clip(places, 0, np.array(inside.shape) - 1).T)]
    return np.asarray(pieces == np.bincount(under[under > 0]).argmax())


def drawn_pair(first: Ends, second: Ends, ijk_to_ras: Matrix) -> DiameterPair:
    """The diameters that a person drew as two lines; the longer line is the longest diameter, whichever was drawn as such.

    Parameters
    ----------
    first, second
        The ends of the two lines, RAS mm.
    ijk_to_ras
        (4, 4) of the whole array, voxel (i, j, k) to RAS mm: says which slice they lie in.
    """
    lines = sorted((first, second), key=lambda ends: -float(np.linalg.norm(np.subtract(*ends))))
    longest_mm, perpendicular_mm = (float(np.linalg.norm(np.subtract(*ends))) for ends in lines)
    middle = np.linalg.inv(ijk_to_ras) @ [*np.mean(lines[0], axis=0), 1.0]
    slice_index = int(np.rint(middle[2 - axial_axis(ijk_to_ras)]))
    return DiameterPair(longest_mm, perpendicular_mm, slice_index, lines[0], lines[1], manual=True)


def diameter_3d_mm(lesion: Mask, ijk_to_ras: Matrix) -> float:
    """Largest distance in mm between two points of the surface, necrosis included (the middles of voxel faces, as `outline` explains)."""
    points = to_ras(extreme_points(row_ends(lesion)), ijk_to_ras)
    return farthest_pair(points)[0]


def _plane_basis(ijk_to_ras: Matrix, axis: int) -> NDArray[np.float64]:
    """(2, 2) matrix from pixels [row, column] of an axial slice to millimetres in its plane.

    Rounded to a nanometre: a scene file keeps fewer digits than memory does, and of two equally long diameters the same one is to be
    found before and after.
    """
    rows, columns = (np.asarray(ijk_to_ras, dtype=float)[:3, 2 - other] for other in range(3) if other != axis)
    along = rows / np.linalg.norm(rows)
    within = columns @ along
    return np.round([[np.linalg.norm(rows), 0.0], [within, np.linalg.norm(columns - within * along)]], 6)


def _circle_mm(points_mm: NDArray[np.float64]) -> float:
    """Diameter of a circle that holds all points (n, 2): none of them are farther apart."""
    middle = (points_mm.min(axis=0) + points_mm.max(axis=0)) / 2
    return float(2 * np.hypot(*(points_mm - middle).T).max())


def _box_diagonal_mm(box: tuple[slice, ...], basis: NDArray[np.float64]) -> float:
    """No line within this box [row, column] is longer than this."""
    height, width = (part.stop - part.start for part in box)
    return float(max(np.linalg.norm(np.array([height, sign * width]) @ basis) for sign in (1, -1)))


def _chord(start: NDArray[np.float64], end: NDArray[np.float64], length_mm: float) -> Chord:
    return Chord((float(start[0]), float(start[1])), (float(end[0]), float(end[1])), length_mm)


def _pair(longest: Chord, across: Chord, index: int, axis: int, ijk_to_ras: Matrix) -> DiameterPair:
    # The two searches round differently by a hundredth of a pixel; the longer line is the longest diameter by definition.
    if across.length_mm > longest.length_mm:
        longest, across = across, longest
    return DiameterPair(
        longest_mm=longest.length_mm,
        perpendicular_mm=across.length_mm,
        slice_index=index,
        longest_ends_ras=_ends_ras(longest, index, axis, ijk_to_ras),
        perpendicular_ends_ras=_ends_ras(across, index, axis, ijk_to_ras),
    )


def _ends_ras(chord: Chord, index: int, axis: int, ijk_to_ras: Matrix) -> Ends:
    in_slice = np.array([chord.start, chord.end])
    first, second = to_ras(np.insert(in_slice, axis, index, axis=1), ijk_to_ras)
    return (float(first[0]), float(first[1]), float(first[2])), (float(second[0]), float(second[1]), float(second[2]))
