"""The lesion-wise scores of the BraTS challenges 2023 (metastases), written anew from their published rule.

Rule: https://github.com/rachitsaluja/BraTS-2023-Metrics, ``metrics.py`` and README at commit 43c9052. For ``BraTS-MET`` the truth is
dilated once (18-neighbourhood), and true pieces whose dilations are connected (26-connectivity) are one lesion. Predicted pieces
(26-connectivity) that touch a lesion's dilation are scored against it, all together and each whole; a lesion that none touches has Dice 0
and a distance of 374 mm. True lesions of at most 2 mm³ are left out of the scores; every predicted piece that touches no lesion adds a
Dice of 0 and 374 mm. The case's score is the sum over lesions divided by lesions plus false pieces; 1 and 0 mm where there is neither.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.training.evaluation.surfaces import box_around, hd95_mm

PENALTY_MM = 374.0
LEAST_MM3 = 2.0
DILATIONS = 1
_DILATION = ndimage.generate_binary_structure(3, 2)
_TWENTY_SIX = np.ones((3, 3, 3), bool)


@dataclass(frozen=True)
class LesionWise:
    """Scores of one case and one tissue.

    Attributes
    ----------
    dice, hd95_mm
        Means over true lesions and false pieces.
    hits, misses, false
        True lesions above 2 mm³ that a piece touches, or none; pieces that touch no true lesion of any size.
    """

    dice: float
    hd95_mm: float
    hits: int
    misses: int
    false: int


def lesion_wise(found: NDArray[np.bool_], true: NDArray[np.bool_], spacing_kji: Sequence[float]) -> LesionWise:
    """Score one tissue of one case.

    Parameters
    ----------
    found, true
        Masks [k, j, i] of the same tissue: the challenge scores ``TC`` (enhancing and necrotic) and ``ET`` (enhancing).
    spacing_kji
        Voxel edges in mm, in the order of the array's axes. The challenge's own volumes have 1 mm; the dilation is one voxel.
    """
    if not found.any() and not true.any():
        return LesionWise(1.0, 0.0, 0, 0, 0)
    voxel_mm3 = float(np.prod(spacing_kji))
    pieces, count = ndimage.label(found, _TWENTY_SIX)
    joined = ndimage.label(ndimage.binary_dilation(true, _DILATION, DILATIONS), _TWENTY_SIX)[0]
    lesion_of = np.where(true, joined, 0)
    touched: set[int] = set()
    dices: list[float] = []
    distances: list[float] = []
    hits = 0
    for number, box in enumerate(ndimage.find_objects(joined), start=1):
        if box is None:
            continue
        # The dilation of a joined lesion is what `joined` holds of it, unless another lesion's dilation met it: then they were one.
        mine = np.unique(pieces[box][joined[box] == number])
        mine = mine[mine > 0]
        touched.update(int(n) for n in mine)
        lesion = lesion_of == number
        volume_mm3 = float(np.count_nonzero(lesion)) * voxel_mm3
        if volume_mm3 <= LEAST_MM3:
            continue
        if not len(mine):
            dices.append(0.0)
            distances.append(PENALTY_MM)
            continue
        hits += 1
        prediction = np.isin(pieces, mine)
        dices.append(2.0 * float(np.count_nonzero(prediction & lesion)) / float(np.count_nonzero(prediction) + np.count_nonzero(lesion)))
        tight = box_around(prediction | lesion)
        distances.append(hd95_mm(np.pad(prediction[tight], 1), np.pad(lesion[tight], 1), spacing_kji))
    false = count - len(touched)
    judged = len(dices) + false
    if judged == 0:
        return LesionWise(1.0, 0.0, 0, 0, 0)
    return LesionWise(
        dice=float(np.sum(dices)) / judged,
        hd95_mm=(float(np.sum(distances)) + false * PENALTY_MM) / judged,
        hits=hits,
        misses=len(dices) - hits,
        false=false,
    )
