"""Which lesion at baseline is which at follow-up.

Masks stay in their own grids: the centres of their voxels are carried across by the rigid transform and looked up in the
other examination. Two lesions may be the same when they overlap there, or when the gap between them is no wider than
registration and outlines are uncertain. In three steps:

1. one-to-one: the assignment that is best over the whole patient (Hungarian method), judged by overlap first, gap second;
2. a follow-up lesion left over that lies in the place of a baseline lesion is another part of it: that one **split**;
3. a baseline lesion left over whose place a follow-up lesion has taken in has **merged** into it.

What is left at baseline has vanished, what is left at follow-up is new.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from BrainMetsAILib.images.geometry import ijk_to_lps
from BrainMetsAILib.lesions.lesion_list import LesionSet
from BrainMetsAIResponseLib.rigid import lps_matrix

# Registration of two head examinations is good to 1-2 mm, outlines to about a voxel: lesions of 2 mm must still meet.
LARGEST_GAP_MM = 3.0
# Parts drift apart from where the whole was: this much of one has to be where the lesion had been. A new neighbour that only
# touches it overlaps by less, even when registration is a millimetre off (a 5 mm ball 1 mm into its neighbour: 10 %).
PART_SHARE = 0.15
# A lesion has been taken in by another when this share of it lies inside.
MERGED_SHARE = 0.3
_STRONG_SHARE = 0.5
_WEAK_SHARE = 0.25
_MOST_SURFACE_POINTS = 3000


class MatchKind(StrEnum):
    """How lesions correspond; what became of them in size is `fates`' business."""

    ONE_TO_ONE = "one-to-one"
    SPLIT = "split"
    MERGED = "merged"
    VANISHED = "vanished"
    NEW = "new"


@dataclass(frozen=True)
class LesionMatch:
    """Lesions that are the same.

    Attributes
    ----------
    baseline, follow_up
        Lesion numbers, rising; empty where there is none on that side.
    distance_mm
        Gap between the two sides' surfaces after registration, 0 where they touch or overlap; NaN where one side is empty.
    overlap
        Share of the smaller side's volume that lies inside the other, 0 to 1; NaN where one side is empty.
    """

    baseline: tuple[int, ...]
    follow_up: tuple[int, ...]
    distance_mm: float
    overlap: float

    @property
    def kind(self) -> MatchKind:
        """How the two sides correspond. Several on both sides count as split or merged by which side has more."""
        if not self.follow_up:
            return MatchKind.VANISHED
        if not self.baseline:
            return MatchKind.NEW
        if len(self.baseline) == len(self.follow_up) == 1:
            return MatchKind.ONE_TO_ONE
        return MatchKind.SPLIT if len(self.follow_up) > len(self.baseline) else MatchKind.MERGED


@dataclass(frozen=True)
class _Side:
    """One examination's lesions as voxel centres in the follow-up's space (LPS mm)."""

    numbers: tuple[int, ...]
    centres: Mapping[int, NDArray[np.float64]]
    surfaces: Mapping[int, NDArray[np.float64]]
    volume: Mapping[int, float]
    voxel_mm: float


@dataclass
class _Group:
    baseline: list[int] = field(default_factory=list)
    follow_up: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _Relations:
    """Gaps in mm and shares of volume, baseline lesions along the rows, follow-up lesions along the columns.

    ``of_baseline[b, f]`` is the share of baseline lesion b that lies inside follow-up lesion f, ``of_follow_up[b, f]`` the
    share of f that lies inside b; gaps beyond the gate are infinite.
    """

    gaps_mm: NDArray[np.float64]
    of_baseline: NDArray[np.float64]
    of_follow_up: NDArray[np.float64]


def match_lesions(baseline: LesionSet, follow_up: LesionSet, baseline_to_follow_up: sitk.Transform) -> tuple[LesionMatch, ...]:
    """Match the lesions of two examinations.

    Parameters
    ----------
    baseline, follow_up
        The lesions with their masks, each in its own grid.
    baseline_to_follow_up
        Rigid; maps points of the baseline to points of the follow-up, LPS mm.

    Returns
    -------
    tuple of LesionMatch
        Every lesion of both examinations exactly once: those with a baseline first, by its smallest number, then new ones.
    """
    matrix = lps_matrix(baseline_to_follow_up)
    before, after = _side(baseline, matrix), _side(follow_up, np.eye(4))
    relations = _relations(before, after, baseline, follow_up, matrix)
    groups = _grouped(before, after, relations)
    return tuple(_as_match(group, before, after, relations) for group in groups)


def _side(lesions: LesionSet, to_follow_up: NDArray[np.float64]) -> _Side:
    labels = sitk.GetArrayViewFromImage(lesions.labels)
    grid = to_follow_up @ ijk_to_lps(lesions.labels)
    voxel_mm3 = float(abs(np.linalg.det(grid[:3, :3])))
    centres, surfaces, volume = {}, {}, {}
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        inside = np.pad(labels[box] == number, 1)
        first_kji = np.array([part.start for part in box]) - 1
        edge = inside & ~ndimage.binary_erosion(inside)
        centres[number] = _placed(np.argwhere(inside) + first_kji, grid)
        surface = np.argwhere(edge) + first_kji
        thinned = surface[:: max(1, len(surface) // _MOST_SURFACE_POINTS)]
        surfaces[number] = _placed(thinned, grid)
        volume[number] = len(centres[number]) * voxel_mm3
    return _Side(tuple(sorted(centres)), centres, surfaces, volume, voxel_mm3 ** (1.0 / 3.0))


def _placed(kji: NDArray[np.integer], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(kji[:, ::-1] @ matrix[:3, :3].T + matrix[:3, 3])


def _relations(before: _Side, after: _Side, baseline: LesionSet, follow_up: LesionSet, matrix: NDArray[np.float64]) -> _Relations:
    shape = (len(before.numbers), len(after.numbers))
    gaps, of_baseline, of_follow_up = np.full(shape, np.inf), np.zeros(shape), np.zeros(shape)
    trees = [cKDTree(after.surfaces[number]) for number in after.numbers]
    to_baseline = np.linalg.inv(matrix)
    for row, number in enumerate(before.numbers):
        of_baseline[row] = _shares(before.centres[number], follow_up.labels, after.numbers)
    for column, number in enumerate(after.numbers):
        points = after.centres[number] @ to_baseline[:3, :3].T + to_baseline[:3, 3]
        of_follow_up[:, column] = _shares(points, baseline.labels, before.numbers)
    # Surfaces run half a voxel outside the outermost centres on either side.
    between_centres = (before.voxel_mm + after.voxel_mm) / 2.0
    for row, number in enumerate(before.numbers):
        for column, tree in enumerate(trees):
            if of_baseline[row, column] > 0 or of_follow_up[row, column] > 0:
                gaps[row, column] = 0.0
                continue
            nearest, _ = tree.query(before.surfaces[number], distance_upper_bound=LARGEST_GAP_MM + between_centres)
            gaps[row, column] = max(0.0, float(np.min(nearest)) - between_centres)
    return _Relations(gaps, of_baseline, of_follow_up)


def values_at(points: NDArray[np.float64], labels: sitk.Image) -> tuple[NDArray[np.integer], float]:
    """What a label image holds at those of the points (n, 3; LPS mm) that lie within it, and their share."""
    values, to_grid = sitk.GetArrayViewFromImage(labels), np.linalg.inv(ijk_to_lps(labels))
    kji = np.rint(points @ to_grid[:3, :3].T + to_grid[:3, 3]).astype(int)[:, ::-1]
    inside = np.all((kji >= 0) & (kji < values.shape), axis=1)
    return values[tuple(kji[inside].T)], float(inside.mean())


def _shares(points: NDArray[np.float64], labels: sitk.Image, numbers: tuple[int, ...]) -> NDArray[np.float64]:
    """Share of the points (LPS mm) that lies in each of the numbered lesions of a label image."""
    counts = np.bincount(values_at(points, labels)[0], minlength=max(numbers, default=0) + 1)
    return np.asarray(counts[list(numbers)] / len(points), dtype=float)


def _grouped(before: _Side, after: _Side, relations: _Relations) -> list[_Group]:
    groups = {row: _Group([row]) for row in range(len(before.numbers))}
    merged_into: set[int] = set()
    taken: dict[int, _Group] = {}
    affinity = _affinity(before, after, relations)
    for row, column in zip(*linear_sum_assignment(affinity, maximize=True), strict=True):
        if affinity[row, column] > 0:
            groups[row].follow_up.append(column)
            taken[column] = groups[row]
    for column in range(len(after.numbers)):
        if column not in taken and len(before.numbers):
            row = int(np.argmax(relations.of_follow_up[:, column]))
            if relations.of_follow_up[row, column] >= PART_SHARE:
                groups[row].follow_up.append(column)
                taken[column] = groups[row]
    for row in range(len(before.numbers)):
        if not groups[row].follow_up and len(after.numbers):
            column = int(np.argmax(relations.of_baseline[row]))
            if relations.of_baseline[row, column] < MERGED_SHARE:
                continue
            if column in taken:
                taken[column].baseline.append(row)
                merged_into.add(row)
            else:
                groups[row].follow_up.append(column)
                taken[column] = groups[row]
    result = sorted((group for row, group in groups.items() if row not in merged_into), key=lambda group: min(group.baseline))
    result += [_Group([], [column]) for column in range(len(after.numbers)) if column not in taken]
    return result


def _affinity(before: _Side, after: _Side, relations: _Relations) -> NDArray[np.float64]:
    """How well each pair fits one-to-one, 0 (out of the question) to 1: any overlap beats the narrowest gap."""
    smaller_share = np.maximum(relations.of_baseline, relations.of_follow_up)
    before_mm3 = np.array([before.volume[number] for number in before.numbers])[:, None]
    after_mm3 = np.array([after.volume[number] for number in after.numbers])[None, :]
    common_mm3 = (relations.of_baseline * before_mm3 + relations.of_follow_up * after_mm3) / 2.0
    dice = 2.0 * common_mm3 / (before_mm3 + after_mm3)
    near = np.where(np.isfinite(relations.gaps_mm), 0.25 * (1.0 - relations.gaps_mm / (LARGEST_GAP_MM + 1.0)), 0.0)
    affinity = np.where(smaller_share > 0, 0.4 + 0.3 * smaller_share + 0.3 * dice, near)
    # A lesion that lies mostly in the place of another is a part of that one, not a neighbour that moved.
    hardly = (relations.of_baseline < _WEAK_SHARE) & (relations.of_follow_up < _WEAK_SHARE)
    elsewhere_after = relations.of_follow_up.max(axis=0, initial=0.0)[None, :] >= _STRONG_SHARE
    elsewhere_before = relations.of_baseline.max(axis=1, initial=0.0)[:, None] >= _STRONG_SHARE
    return np.where(hardly & (elsewhere_after | elsewhere_before), 0.0, affinity)


def _as_match(group: _Group, before: _Side, after: _Side, relations: _Relations) -> LesionMatch:
    baseline = tuple(sorted(before.numbers[row] for row in group.baseline))
    follow_up = tuple(sorted(after.numbers[column] for column in group.follow_up))
    if not baseline or not follow_up:
        return LesionMatch(baseline, follow_up, float("nan"), float("nan"))
    pairs = np.ix_(group.baseline, group.follow_up)
    before_mm3 = np.array([before.volume[number] for number in (before.numbers[row] for row in group.baseline)])
    after_mm3 = np.array([after.volume[number] for number in (after.numbers[column] for column in group.follow_up)])
    inside_after = float(before_mm3 @ relations.of_baseline[pairs].sum(axis=1) / before_mm3.sum())
    inside_before = float(relations.of_follow_up[pairs].sum(axis=0) @ after_mm3 / after_mm3.sum())
    overlap = min(1.0, inside_after if before_mm3.sum() <= after_mm3.sum() else inside_before)
    return LesionMatch(baseline, follow_up, float(relations.gaps_mm[pairs].min()), overlap)
