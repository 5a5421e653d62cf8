"""A bundle's settings of a run, read from ``configs/inference.json`` and checked. Needs no torch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from BrainMetsAILib.models.bundles import Bundle, BundleError

ORIENTATION = "LPS"
"""Axes of the arrays the networks were trained on: i to the left, j to the back, k to the top."""
MINIMUM_VOXELS = 3
"""Smallest candidate in voxels: pieces below three are noise (RLK-UNet; Son et al., Front Oncol 2024, doi:10.3389/fonc.2023.1273013)."""
MINIMUM_MM3 = 2.0
"""Smallest candidate in mm³: a sphere of 1.6 mm, below what contrast-enhanced MR resolves, however fine the grid is."""


HEAD, BRAIN = "head", "brain"


@dataclass(frozen=True)
class RunSettings:
    """How a network is run and its output is read.

    Attributes
    ----------
    network
        Which network it is, with its sizes: the table that `networks.build_network` takes.
    spacing_mm
        The isotropic grid that the network is run on.
    coarse_spacing_mm
        A coarser one for a second search, which completes lesions too large for the first (`large_lesions.py`); 0 for none.
    between_spacings_mm
        Spacings between the two, at which large lesions are looked at again: their mean with the coarse search draws a sharper outline.
    patch
        Window in voxels of that grid [k, j, i].
    overlap
        Share of a window that neighbours have in common.
    voxel_threshold
        Foreground probability from which a voxel belongs to a candidate. It alone fixes outlines.
    score_floor
        Candidates below this score are left out.
    minimum_voxels, minimum_mm3
        Candidates below either are left out.
    mirrored
        Whether each window in which anything shows is seen a second time with left and right exchanged, and the mean counts: what only one
        view takes for a lesion (mostly vessels) loses.
    brain_only
        Whether candidates away from the brain are left out (`brain_region.py`).
    normalised_by
        What the intensities are normalised by (`images/normalisation.py`): `HEAD`, or `BRAIN`, which looks alike with skull and without,
        however much of the neck is in view.
    """

    network: Mapping[str, Any]
    spacing_mm: float = 1.0
    coarse_spacing_mm: float = 0.0
    between_spacings_mm: tuple[float, ...] = ()
    patch: tuple[int, int, int] = (96, 96, 96)
    overlap: float = 0.25
    voxel_threshold: float = 0.5
    score_floor: float = 0.3
    minimum_voxels: int = MINIMUM_VOXELS
    minimum_mm3: float = MINIMUM_MM3
    mirrored: bool = False
    brain_only: bool = True
    normalised_by: str = HEAD


BALANCED = "balanced"
BLACK_BLOOD = "balanced, black-blood"
"""For images in which vessels are suppressed: fewer false candidates, so that a lower score will do."""
ALL_CANDIDATES = "all candidates"


@dataclass(frozen=True)
class OperatingPoint:
    """A preset of the score filter: lesions with a lower score are hidden until a person asks for them. Outlines are the same at each.

    Attributes
    ----------
    name
        ``high sensitivity``, ``balanced``, ``balanced, black-blood``, ``high precision`` or another word of the bundle's author.
    least_score
        0 to 1.
    """

    name: str
    least_score: float


def operating_points(bundle: Bundle) -> tuple[OperatingPoint, ...]:
    """The operating points that a bundle's settings name, lowest score first.

    Returns
    -------
    tuple of OperatingPoint
        `ALL_CANDIDATES` alone where the bundle has none: whatever the network was let find.

    Raises
    ------
    BundleError
        If they are no table of names and scores from 0 to 1.
    """
    content = bundle.settings.get("operating_points", {})
    if not content and isinstance(content, Mapping):
        return (OperatingPoint(ALL_CANDIDATES, 0.0),)
    try:
        points = [OperatingPoint(str(name), float(score)) for name, score in dict(content).items()]
    except (TypeError, ValueError) as error:
        raise BundleError(
            f"The operating points of the network {bundle.name} cannot be used ({error}); reinstall the extension."
        ) from error
    for point in points:
        if not (point.name.strip() and 0.0 <= point.least_score <= 1.0):
            raise BundleError(
                f"The operating point “{point.name}” of the network {bundle.name} has a score of {point.least_score}, which is not between "
                "0 and 1; reinstall the extension."
            )
    return tuple(sorted(points, key=lambda point: point.least_score))


def balanced_score(points: Iterable[OperatingPoint]) -> float:
    """Score of a bundle's point ``balanced``, which holds until a person chooses another; 0 where it has none."""
    return next((point.least_score for point in points if point.name == BALANCED), 0.0)


def run_settings(bundle: Bundle) -> RunSettings:
    """Settings of a bundle; raises BundleError where they are incomplete or out of range."""
    content = bundle.settings
    try:
        network = dict(content["network"])
        widths = [int(width) for width in network["widths"]]
        names = ("spacing_mm", "coarse_spacing_mm", "overlap", "voxel_threshold", "score_floor", "minimum_mm3")
        known = {key: content[key] for key in names if key in content}
        numbers = {key: float(value) for key, value in known.items()}
        patch = _patch(content, divisor=2 ** (len(widths) - 1))
        settings = RunSettings(
            network=network,
            patch=patch,
            between_spacings_mm=tuple(float(spacing) for spacing in content.get("between_spacings_mm", ())),
            minimum_voxels=int(content.get("minimum_voxels", MINIMUM_VOXELS)),
            mirrored=bool(content.get("mirrored", False)),
            brain_only=bool(content.get("brain_only", True)),
            normalised_by=str(content.get("normalised_by", HEAD)),
            **numbers,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"The settings of the network {bundle.name} cannot be used ({error}); reinstall the extension.") from error
    coarse = settings.coarse_spacing_mm
    if not (
        0.2 <= settings.spacing_mm <= 5.0
        and (not coarse or settings.spacing_mm < coarse <= 5.0)
        and all(settings.spacing_mm < between < coarse for between in settings.between_spacings_mm)
        and 0.0 <= settings.overlap < 1.0
        and 0.0 < settings.voxel_threshold < 1.0
        and settings.normalised_by in (HEAD, BRAIN)
    ):
        raise BundleError(f"The settings of the network {bundle.name} are out of range; reinstall the extension.")
    return settings


def _patch(content: Mapping[str, Any], divisor: int) -> tuple[int, int, int]:
    k, j, i = (int(size) for size in content.get("patch", RunSettings.patch))
    if min(k, j, i) < divisor or k % divisor or j % divisor or i % divisor:
        raise ValueError(f"the patch {k}, {j}, {i} is not divisible by {divisor}")
    return k, j, i
