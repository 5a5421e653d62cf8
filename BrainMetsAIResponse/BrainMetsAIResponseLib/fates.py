"""What became of a lesion, in one word.

A word is not a category: categories have published thresholds that leave much unsaid (a lesion may lose half its volume and
be "stable"), the word says which way a lesion went as soon as that can be told from chance.
"""

from dataclasses import dataclass
from enum import StrEnum

from BrainMetsAIResponseLib.tracking import MatchKind


class Fate(StrEnum):
    """The words."""

    GROWN = "grown"
    SHRUNK = "shrunk"
    UNCHANGED = "unchanged"
    VANISHED = "vanished"
    NEW = "new"
    SPLIT = "split"
    MERGED = "merged"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class FateRule:
    """When a lesion has grown or shrunk.

    Attributes
    ----------
    factor
        Its volume is at least this many times what it was, or at most one over this. 1.4 is 12 % of diameter, about a voxel
        of a 10 mm lesion: our own choice between what two outlines of one lesion differ by and the +72.8 % of progression.
    deviations
        And the change exceeds this many standard deviations of what drawing the same lesion on another grid does. Each voxel that
        the surface passes through is in or out by chance: 1/√12 voxel each, and a sphere of N voxels has 4.84 N^(2/3) of them.
    """

    factor: float = 1.4
    deviations: float = 2.5


FATE_RULE = FateRule()


def fate_of(
    kind: MatchKind,
    baseline_ml: float,
    follow_up_ml: float,
    baseline_voxel_ml: float,
    follow_up_voxel_ml: float,
    rule: FateRule = FATE_RULE,
) -> Fate:
    """What became of a lesion.

    Parameters
    ----------
    kind
        How lesions correspond; anything but one-to-one is its own word.
    baseline_ml, follow_up_ml
        Enhancing volume, mL.
    baseline_voxel_ml, follow_up_voxel_ml
        Volume of one voxel of each examination, mL.
    """
    if kind is not MatchKind.ONE_TO_ONE:
        return Fate(kind.value)
    noise = (_digitisation_ml(baseline_ml, baseline_voxel_ml) ** 2 + _digitisation_ml(follow_up_ml, follow_up_voxel_ml) ** 2) ** 0.5
    if abs(follow_up_ml - baseline_ml) <= rule.deviations * noise:
        return Fate.UNCHANGED
    if follow_up_ml >= rule.factor * baseline_ml:
        return Fate.GROWN
    return Fate.SHRUNK if follow_up_ml <= baseline_ml / rule.factor else Fate.UNCHANGED


def _digitisation_ml(volume_ml: float, voxel_ml: float) -> float:
    surface_voxels = 4.84 * (max(volume_ml, 0.0) / voxel_ml) ** (2.0 / 3.0)
    return float((surface_voxels / 12.0) ** 0.5 * voxel_ml)
