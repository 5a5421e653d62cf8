"""What the numbers of a BraTS segmentation mean, alike in training and in evaluation. Needs no torch.

1 is the non-enhancing tumour core (here: necrosis), 2 the surrounding FLAIR hyperintensity (here: background). Since 2023 (Moawad et al.,
arXiv:2306.00838) 3 is enhancing tumour, and 4, of later years, the resection cavity (here: background). Until 2021 (Baid et al.,
arXiv:2107.02314) there was no 3, and 4 was enhancing tumour.
"""

import numpy as np
from numpy.typing import NDArray

NECROTIC, OEDEMA, ENHANCING, FOURTH = 1, 2, 3, 4
NAMED_SINCE_2023 = "BraTS-"
"""How cases are called whose label 4 is a cavity even where they hold no 3: BraTS-MET-00001-000, but BraTS2021_00000."""


def tissues(numbers: NDArray[np.integer], case: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_] | None]:
    """Whole lesions, and the necrosis in them.

    Parameters
    ----------
    numbers
        [k, j, i], as the file holds them.
    case
        Its name, by which label 4 is understood.

    Returns
    -------
    tuple
        Masks [k, j, i]. The second is None where the file holds 0 and 1 alone: then it is an outline that tells no tissues apart.

    Raises
    ------
    ValueError
        With the number that has no meaning.
    """
    there = set(np.unique(numbers).tolist()) - {0}
    if unknown := there - {NECROTIC, OEDEMA, ENHANCING, FOURTH}:
        raise ValueError(f"hold the unknown label {min(unknown)}; use those of BraTS-METS (1 necrotic, 2 oedema, 3 enhancing)")
    if there <= {NECROTIC}:
        return numbers == NECROTIC, None
    old = FOURTH in there and ENHANCING not in there and not case.startswith(NAMED_SINCE_2023)
    enhancing, necrosis = numbers == (FOURTH if old else ENHANCING), numbers == NECROTIC
    return enhancing | necrosis, necrosis
