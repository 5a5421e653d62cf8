"""The regions that the anatomy network tells apart, and what a lesion's place is called."""

from dataclasses import dataclass
from enum import IntEnum


class Region(IntEnum):
    """Value of a voxel in a map of regions; left and right are the patient's.

    `HEAD` is everything of the head that is not brain, and any tissue of an image that shows no head. `FLUID` is the fluid of sulci and
    cisterns near the brain: it belongs to the brain mask, as in the ICBM atlas. Hippocampus and amygdala count as temporal lobe,
    anterior cingulate as frontal, posterior cingulate as parietal.
    """

    BACKGROUND = 0
    HEAD = 1
    FLUID = 2
    FRONTAL_LEFT = 3
    FRONTAL_RIGHT = 4
    PARIETAL_LEFT = 5
    PARIETAL_RIGHT = 6
    TEMPORAL_LEFT = 7
    TEMPORAL_RIGHT = 8
    OCCIPITAL_LEFT = 9
    OCCIPITAL_RIGHT = 10
    INSULA_LEFT = 11
    INSULA_RIGHT = 12
    DEEP_GREY_LEFT = 13
    DEEP_GREY_RIGHT = 14
    CEREBELLUM_LEFT = 15
    CEREBELLUM_RIGHT = 16
    BRAIN_STEM = 17
    VENTRICLES = 18
    CHOROID_PLEXUS = 19


FIRST_OF_BRAIN = Region.FLUID
FIRST_OF_TISSUE = Region.FRONTAL_LEFT
LEFT = tuple(region for region in Region if region.name.endswith("_LEFT"))
RIGHT = tuple(region for region in Region if region.name.endswith("_RIGHT"))
LOBES = tuple(region for region in Region if Region.FRONTAL_LEFT <= region <= Region.INSULA_RIGHT)

CEREBRUM, CEREBELLUM, BRAIN_STEM, OUTSIDE = "cerebrum", "cerebellum", "brain stem", "outside the brain"
MIDLINE = "midline"
WITH_LOBE = ("frontal", "parietal", "temporal", "occipital")

_PARTS = {
    "FRONTAL": "frontal",
    "PARIETAL": "parietal",
    "TEMPORAL": "temporal",
    "OCCIPITAL": "occipital",
    "INSULA": "insula",
    "DEEP_GREY": "deep grey matter",
    "CEREBELLUM": "cerebellum",
    "BRAIN_STEM": "brain stem",
    "VENTRICLES": "ventricle",
    "CHOROID_PLEXUS": "choroid plexus",
    "FLUID": "surface of the brain",
}


@dataclass(frozen=True)
class Location:
    """Where a lesion lies.

    Attributes
    ----------
    lobe
        ``"frontal"``, ``"insula"``, ``"cerebellum"``, ``"ventricle"``, … ; empty outside the brain.
    side
        ``"left"``, ``"right"``, ``"midline"``, or empty where it is not known.
    compartment
        ``"cerebrum"``, ``"cerebellum"``, ``"brain stem"`` or ``"outside the brain"``.
    """

    lobe: str
    side: str
    compartment: str

    @property
    def words(self) -> str:
        """For a table's column: ``left frontal lobe``."""
        if not self.lobe:
            return self.compartment
        part = f"{self.lobe} lobe" if self.lobe in WITH_LOBE else self.lobe
        return f"{self.side} {part}" if self.side else part


def mirrored(region: Region) -> Region:
    """The same region of the other side; a region without sides is its own mirror image."""
    if region in LEFT:
        return Region(region + 1)
    return Region(region - 1) if region in RIGHT else region


def part_of(region: Region) -> str:
    """Name of a region without its side; empty outside the brain."""
    return _PARTS.get(region.name.removesuffix("_LEFT").removesuffix("_RIGHT"), "")


def side_of(region: Region) -> str:
    """``left``, ``right``, or empty for regions without sides."""
    return "left" if region in LEFT else "right" if region in RIGHT else ""


def compartment_of(region: Region) -> str:
    """Cerebrum, cerebellum, brain stem, or outside the brain."""
    if region in (Region.CEREBELLUM_LEFT, Region.CEREBELLUM_RIGHT):
        return CEREBELLUM
    if region is Region.BRAIN_STEM:
        return BRAIN_STEM
    return CEREBRUM if region >= FIRST_OF_BRAIN else OUTSIDE
