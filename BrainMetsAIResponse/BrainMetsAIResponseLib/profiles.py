"""CRITERIA AS DATA: what is summed, compared with what, and which change means what. `criteria` applies them.

A later profile (another threshold, RANO-BM for immunotherapy, RECIST) is another constant here; a rule that no profile can yet
express is a field here and a line in `criteria`.
"""

from dataclasses import dataclass
from enum import StrEnum


class Quantity(StrEnum):
    """What is measured of each lesion and summed over the patient."""

    LONGEST_DIAMETER = "longest diameter"
    ENHANCING_VOLUME = "enhancing volume"


class Targets(StrEnum):
    """Which baseline lesions are summed."""

    LARGEST_MEASURABLE = "the largest measurable lesions at baseline"
    ALL = "all lesions"


@dataclass(frozen=True)
class CriteriaProfile:
    """One way of reading response.

    Attributes
    ----------
    name, title, source
        Short name, title for people, where the thresholds are from.
    quantity, unit
        What is measured, and its unit.
    targets, most_targets
        Which lesions are summed, and how many at most (``None``: no limit).
    response_change
        Relative change of the sum from BASELINE at or below which it is a partial response (-0.30 is 30 % less).
    progression_change
        Relative change of the sum from the NADIR (the smallest sum so far, baseline included) at or above which it is progression.
    least_increase
        Progression also needs at least one summed lesion to be larger than at nadir by this much (in ``unit``); 0 for none.
    beyond_half_voxel
        A change also has to leave, in at least one summed lesion, the interval that half a voxel of boundary shift explains.
    new_lesion_is_progression
        Whether a new lesion alone is progression.
    not_from_images
        What the criteria ask besides, and images cannot answer; a sentence each.
    """

    name: str
    title: str
    source: str
    quantity: Quantity
    unit: str
    targets: Targets
    most_targets: int | None
    response_change: float
    progression_change: float
    least_increase: float
    beyond_half_voxel: bool
    new_lesion_is_progression: bool
    not_from_images: tuple[str, ...]


def sphere_equivalent(diameter_change: float) -> float:
    """Relative change of a sphere's volume when its diameter changes by this share: +20 % → +72.8 %, -30 % → -65.7 %."""
    return float((1.0 + diameter_change) ** 3 - 1.0)


_ASKED_BESIDES = (
    "Complete and partial response have to be confirmed at least 4 weeks later.",
    "Corticosteroid dose and clinical state also count and are not known here.",
)

RANO_BM = CriteriaProfile(
    name="rano-bm",
    title="RANO-BM (diameters)",
    source="Lin et al., Lancet Oncol 2015;16:e270-e278, doi 10.1016/S1470-2045(15)70057-4",
    quantity=Quantity.LONGEST_DIAMETER,
    unit="mm",
    targets=Targets.LARGEST_MEASURABLE,
    most_targets=5,
    response_change=-0.30,
    progression_change=0.20,
    least_increase=5.0,
    beyond_half_voxel=False,
    new_lesion_is_progression=True,
    not_from_images=_ASKED_BESIDES,
)

# The thresholds of RANO-BM carried over to volumes of spheres. RANO-BM's 5 mm has no useful counterpart (10 → 15 mm would be
# +1.2 mL); what keeps tiny lesions from deciding is our own rule: a change must exceed half a voxel of outline.
VOLUMETRIC = CriteriaProfile(
    name="volumetric",
    title="Volumetric (enhancing volume)",
    source="sphere equivalents of the diameter thresholds of RANO-BM (1.2³ - 1, 0.7³ - 1); smallest change: own rule",
    quantity=Quantity.ENHANCING_VOLUME,
    unit="mL",
    targets=Targets.ALL,
    most_targets=None,
    response_change=sphere_equivalent(RANO_BM.response_change),
    progression_change=sphere_equivalent(RANO_BM.progression_change),
    least_increase=0.0,
    beyond_half_voxel=True,
    new_lesion_is_progression=True,
    not_from_images=_ASKED_BESIDES,
)
