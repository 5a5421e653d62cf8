"""What was found in one case, lesion by lesion: everything that the tables are made from."""

from collections.abc import Mapping
from dataclasses import dataclass

from BrainMetsAILib.training.evaluation.lesionwise import LesionWise
from BrainMetsAILib.training.evaluation.surfaces import Overlap


@dataclass(frozen=True)
class Volumes:
    """Volumes in mL of a whole lesion (or of all lesions of a case) and of its tissues; None where the truth does not tell them apart."""

    whole_ml: float
    enhancing_ml: float | None
    necrotic_ml: float | None


@dataclass(frozen=True)
class TrueLesion:
    """A true lesion and what was made of it.

    Attributes
    ----------
    number
        In the truth's label map.
    kind
        What it is, where the truth says so.
    diameter_mm
        Of the sphere with its volume.
    volumes
        Of its mask.
    candidate
        Number of the candidate that counts for it (IoU ≥ 0.1, one to one), or None where it was missed at every threshold.
    score, iou
        Of that candidate.
    whole, enhancing, necrosis
        Agreement; None where it was missed, where neither has the tissue, or where the truth does not tell tissues apart.
    """

    number: int
    kind: str
    diameter_mm: float
    volumes: Volumes
    candidate: int | None = None
    score: float | None = None
    iou: float | None = None
    whole: Overlap | None = None
    enhancing: Overlap | None = None
    necrosis: Overlap | None = None

    def found_at(self, threshold: float) -> bool:
        """Whether it is found when candidates below this score do not count."""
        return self.score is not None and self.score >= threshold


@dataclass(frozen=True)
class Candidate:
    """A candidate of the network.

    Attributes
    ----------
    number, score
        As the network gave them.
    diameter_mm
        Of the sphere with its volume.
    volumes
        Of its mask.
    common
        Volumes that it shares with the truth's whole lesions, enhancing and necrotic tissue, whichever lesion that is.
    true_number
        The true lesion that it counts for, or None.
    ignored
        Most of it lies where the truth knows nothing: neither right nor wrong.
    reason
        Why post-processing took it out; empty for what counts.
    """

    number: int
    score: float
    diameter_mm: float
    volumes: Volumes
    common: Volumes
    true_number: int | None
    ignored: bool = False
    reason: str = ""


@dataclass(frozen=True)
class CaseResult:
    """One case.

    Attributes
    ----------
    name
        Of the case.
    tags
        What groups it belongs to: "contrast", "skull", "lesions" … to a value each.
    lesions, candidates
        Every true lesion, every candidate above the network's floor.
    true
        Volumes of all true lesions together.
    lesion_wise
        BraTS scores of "TC" and "ET" with the candidates at or above `threshold`.
    threshold
        The lesion score used for `lesion_wise`.
    voxel_bins
        For ten equal bins of the voxel probability from 0.05 up: number of voxels, sum of probability, number that are lesion;
        candidates that were taken out left aside.
    seconds
        That the network took.
    notes
        What the network said about the image.
    removed
        Candidates that post-processing took out, matched with the truth on their own; they count nowhere else.
    """

    name: str
    tags: Mapping[str, str]
    lesions: tuple[TrueLesion, ...]
    candidates: tuple[Candidate, ...]
    true: Volumes
    lesion_wise: Mapping[str, LesionWise]
    threshold: float
    voxel_bins: tuple[tuple[float, float, float], ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    removed: tuple[Candidate, ...] = ()

    def false_at(self, threshold: float) -> int:
        """Number of false positives when candidates below this score do not count."""
        return sum(c.true_number is None and not c.ignored and c.score >= threshold for c in self.candidates)
