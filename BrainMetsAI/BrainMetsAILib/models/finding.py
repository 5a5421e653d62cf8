"""What finding gives back: probability maps, lesions and where they come from. Needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import SimpleITK as sitk


class Cancelled(Exception):
    """The person asked to stop; nothing was produced."""


class FindingError(ValueError):
    """Finding cannot be done; the message is one sentence that says why and what to do."""


@dataclass(frozen=True)
class Provenance:
    """What made a finding, so that it can be repeated and cited.

    Attributes
    ----------
    model, version, sha256
        Name and version of the bundle, and the SHA-256 of its weights.
    device
        ``cpu``, ``cuda`` or ``mps``.
    voxel_threshold
        Foreground probability (enhancing + necrosis) from which a voxel belongs to a lesion.
    seconds
        Wall-clock time of the whole computation.
    created
        ISO 8601 time with zone.
    anatomy
        Name and version of the network that told the regions of the brain; empty where none did.
    balanced_score
        Score of the network's balanced operating point: lesions below it are hidden until a person moves the slider. 0 where it has none.
    """

    model: str
    version: str
    sha256: str
    device: str
    voxel_threshold: float
    seconds: float
    created: str
    anatomy: str = ""
    balanced_score: float = 0.0


@dataclass(frozen=True)
class Removed:
    """Candidates that post-processing took out: kept with the reason, so that a person can take them back.

    Attributes
    ----------
    labels
        uint16, on the grid of the finding; numbers go on after those of its lesions.
    scores
        Number → score from 0 to 1.
    reasons
        Number → why, in a few words.
    """

    labels: sitk.Image
    scores: Mapping[int, float]
    reasons: Mapping[int, str]


@dataclass(frozen=True)
class Finding:
    """Everything that the network found in one image, all in that image's own grid.

    Attributes
    ----------
    enhancing, necrosis
        Probability of each class a voxel, float32 from 0 to 1. Their sum is the probability of lesion.
    labels
        uint16: lesion numbers 1…n without holes, 0 elsewhere.
    necrosis_mask
        uint8: 1 where a lesion or a removed candidate is necrotic, 0 elsewhere.
    scores
        Lesion number → score from 0 to 1.
    provenance
        What made this.
    notes
        Sentences for the person, for instance that candidates were left out.
    removed
        Candidates that post-processing took out; None where it took out nothing.
    locations
        Number → where that lesion or removed candidate lies, in words; empty where the regions of the brain are not known.
    """

    enhancing: sitk.Image
    necrosis: sitk.Image
    labels: sitk.Image
    necrosis_mask: sitk.Image
    scores: Mapping[int, float]
    provenance: Provenance
    notes: tuple[str, ...] = ()
    removed: Removed | None = None
    locations: Mapping[int, str] = field(default_factory=dict)
