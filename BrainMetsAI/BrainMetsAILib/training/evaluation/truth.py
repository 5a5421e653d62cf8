"""What is known of a case. Needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import SimpleITK as sitk


@dataclass(frozen=True)
class Truth:
    """What is known of a case.

    Attributes
    ----------
    labels
        Lesion number a voxel, 0 elsewhere; all 0 where there is no lesion.
    necrosis
        Not 0 where a lesion is necrotic; None where the truth has whole outlines only.
    kinds, diameters_mm
        Number to kind, and to a diameter that is finer than the mask, where known.
    ignore
        Not 0 where nothing is known (real lesions of another disease); None for nowhere.
    """

    labels: sitk.Image
    necrosis: sitk.Image | None = None
    kinds: Mapping[int, str] = field(default_factory=dict)
    diameters_mm: Mapping[int, float] = field(default_factory=dict)
    ignore: sitk.Image | None = None
