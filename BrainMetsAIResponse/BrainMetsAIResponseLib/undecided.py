"""Lesions of one examination of which nobody can say whether they are in the other.

Absence is read as complete response, presence as a new lesion. Neither may follow from where an image ends, or from which side of a score
the same candidate fell at either date.
"""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from BrainMetsAILib.images.geometry import ijk_to_lps
from BrainMetsAILib.lesions.lesion_list import LesionSet
from BrainMetsAIResponseLib.rigid import lps_matrix
from BrainMetsAIResponseLib.tracking import PART_SHARE, LesionMatch, values_at

IMAGED_SHARE = 0.9
"""Share of a lesion that has to lie within the other examination's field of view. The rest is what registration is off at its edge."""


def why_undecided(
    matches: Sequence[LesionMatch],
    baseline: LesionSet,
    follow_up: LesionSet,
    baseline_to_follow_up: sitk.Transform,
    doubtful_baseline: LesionSet | None = None,
    doubtful_follow_up: LesionSet | None = None,
) -> tuple[str, ...]:
    """Why a lesion that one examination lacks counts neither as gone nor as new; empty where it does, or is in both.

    Parameters
    ----------
    matches
        Of `tracking.match_lesions`.
    baseline, follow_up
        The lesions that count, each examination in its own grid.
    baseline_to_follow_up
        Rigid; points of the baseline → points of the follow-up, LPS mm.
    doubtful_baseline, doubtful_follow_up
        Candidates that do not count and that no person has rejected: below the score, or taken out by post-processing. In the same grids.

    Returns
    -------
    tuple of str
        One for each match, as the end of a sentence.
    """
    matrix = lps_matrix(baseline_to_follow_up)
    back: NDArray[np.float64] = np.linalg.inv(matrix).astype(np.float64)
    reasons = []
    for match in matches:
        if match.baseline and match.follow_up:
            reasons.append("")
        elif match.baseline:
            points = _centres(baseline.labels, match.baseline, matrix)
            reasons.append(_reason(points, _voxel_mm3(baseline.labels), follow_up.labels, doubtful_follow_up, "follow-up"))
        else:
            points = _centres(follow_up.labels, match.follow_up, back)
            reasons.append(_reason(points, _voxel_mm3(follow_up.labels), baseline.labels, doubtful_baseline, "baseline"))
    return tuple(reasons)


def _reason(points: NDArray[np.float64], voxel_mm3: float, there: sitk.Image, doubtful: LesionSet | None, when: str) -> str:
    values, imaged = values_at(points, there if doubtful is None else doubtful.labels)
    if imaged < IMAGED_SHARE:
        return f"outside the field of view at {when}"
    for lesion in doubtful.lesions if doubtful is not None else ():
        common = float(np.count_nonzero(values == lesion.number))
        if max(common / len(points), common * voxel_mm3 / (1000.0 * lesion.measurements.volume_ml)) >= PART_SHARE:
            score = "" if lesion.score is None else f", score {lesion.score:.2f}"
            return f"a candidate that does not count lies there at {when} ({lesion.name}{score}): accept or reject it, then compare again"
    return ""


def _centres(labels: sitk.Image, numbers: tuple[int, ...], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centres of the voxels of lesions, carried across, LPS mm."""
    kji = np.argwhere(np.isin(sitk.GetArrayViewFromImage(labels), numbers))
    grid = matrix @ ijk_to_lps(labels)
    return np.asarray(kji[:, ::-1] @ grid[:3, :3].T + grid[:3, 3])


def _voxel_mm3(image: sitk.Image) -> float:
    return float(np.prod(image.GetSpacing()))
