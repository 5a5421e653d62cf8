"""Two examinations of one patient compared: lesion by lesion, and the two readings side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import SimpleITK as sitk

from BrainMetsAILib.lesions.lesion_list import Lesion, LesionSet, new_uid, total_enhancing_ml
from BrainMetsAIResponseLib.criteria import Amount, Judgement, Observation, Reading, judge_lesion, judge_patient, relative_change
from BrainMetsAIResponseLib.fates import Fate, fate_of
from BrainMetsAIResponseLib.identity import IdentityCheck
from BrainMetsAIResponseLib.profiles import RANO_BM, VOLUMETRIC, CriteriaProfile, Quantity, Targets
from BrainMetsAIResponseLib.registration import RigidRegistration
from BrainMetsAIResponseLib.tracking import LesionMatch, match_lesions
from BrainMetsAIResponseLib.undecided import why_undecided


@dataclass(frozen=True)
class LesionResponse:
    """One lesion across both examinations; several on a side where it split or lesions merged.

    Attributes
    ----------
    name
        ``M03``, ``M02 + M04`` where lesions merged (names at baseline), ``M05 (new)`` where new (name at follow-up).
    tracking_uid
        DICOM UID to be shared by all of them: that of the largest lesion at baseline, or of the new lesion.
    match
        Numbers at baseline and at follow-up, gap and overlap.
    fate
        What became of it, by enhancing volume.
    baseline, follow_up
        The lesions themselves; empty where there is none.
    baseline_enhancing_ml, follow_up_enhancing_ml
        Enhancing volume, parts added up; ``None`` where there is none.
    enhancing_change
        Relative change of it: 0.2 is 20 % more.
    baseline_longest_mm, follow_up_longest_mm
        Longest axial diameter of the whole outline, those of several lesions added up: RECIST 1.1 (Eisenhauer et al., Eur J Cancer
        2009, doi 10.1016/j.ejca.2008.10.026, section 4.3.2) does so where a lesion falls apart.
    diameter_change
        Relative change of it.
    target
        Whether its diameter is in the sum of the diameter reading.
    diameter, volumetric
        Its category by each profile, with reasons.
    """

    name: str
    tracking_uid: str
    match: LesionMatch
    fate: Fate
    baseline: tuple[Lesion, ...]
    follow_up: tuple[Lesion, ...]
    baseline_enhancing_ml: float | None
    follow_up_enhancing_ml: float | None
    enhancing_change: float | None
    baseline_longest_mm: float | None
    follow_up_longest_mm: float | None
    diameter_change: float | None
    target: bool
    diameter: Judgement
    volumetric: Judgement


@dataclass(frozen=True)
class PatientResponse:
    """A comparison of two examinations.

    Attributes
    ----------
    lesions
        Every lesion of both examinations once, those with a baseline first.
    diameter_reading, volumetric_reading
        The patient by RANO-BM and by volume.
    baseline_enhancing_ml, follow_up_enhancing_ml, enhancing_change
        Enhancing volume of the patient, new lesions included, and its relative change.
    transform
        Points of the baseline → points of the follow-up, LPS mm.
    registration, identity
        How the transform was found, and whose examinations these are; ``None`` where not known.
    notes
        Sentences about registration, identity and what images cannot answer.
    """

    lesions: tuple[LesionResponse, ...]
    diameter_reading: Reading
    volumetric_reading: Reading
    baseline_enhancing_ml: float
    follow_up_enhancing_ml: float
    enhancing_change: float | None
    transform: sitk.Transform
    registration: RigidRegistration | None
    identity: IdentityCheck | None
    notes: tuple[str, ...]


def compare(
    baseline: LesionSet,
    follow_up: LesionSet,
    transform: sitk.Transform,
    registration: RigidRegistration | None = None,
    identity: IdentityCheck | None = None,
    diameter_profile: CriteriaProfile = RANO_BM,
    volumetric_profile: CriteriaProfile = VOLUMETRIC,
    doubtful_baseline: LesionSet | None = None,
    doubtful_follow_up: LesionSet | None = None,
) -> PatientResponse:
    """Compare two examinations of one patient.

    Parameters
    ----------
    baseline, follow_up
        The lesions that count (leave out rejected ones), each examination in its own grid.
    transform
        Rigid; points of the baseline → points of the follow-up, LPS mm.
    registration, identity
        Recorded with the result; their warnings become notes.
    diameter_profile, volumetric_profile
        The criteria of the two readings.
    doubtful_baseline, doubtful_follow_up
        Candidates that do not count and that nobody has rejected: a lesion in whose place one lies is neither gone nor new
        (`undecided.py`).
    """
    before = {lesion.number: lesion for lesion in baseline.lesions}
    after = {lesion.number: lesion for lesion in follow_up.lesions}
    matches = match_lesions(baseline, follow_up, transform)
    undecided = why_undecided(matches, baseline, follow_up, transform, doubtful_baseline, doubtful_follow_up)
    sides = [
        Side(match, tuple(before[number] for number in match.baseline), tuple(after[number] for number in match.follow_up), reason)
        for match, reason in zip(matches, undecided, strict=True)
    ]
    by_diameter = _observations(diameter_profile, sides, baseline.lesions)
    by_volume = _observations(volumetric_profile, sides, baseline.lesions)
    lesions = tuple(
        _lesion_response(side, uid, (diameter_profile, diameter), (volumetric_profile, volume))
        for side, uid, diameter, volume in zip(sides, _tracking_uids(sides), by_diameter, by_volume, strict=True)
    )
    total_before, total_after = total_enhancing_ml(baseline.lesions), total_enhancing_ml(follow_up.lesions)
    return PatientResponse(
        lesions=lesions,
        diameter_reading=judge_patient(diameter_profile, by_diameter),
        volumetric_reading=judge_patient(volumetric_profile, by_volume),
        baseline_enhancing_ml=total_before,
        follow_up_enhancing_ml=total_after,
        enhancing_change=relative_change(total_before, total_after),
        transform=transform,
        registration=registration,
        identity=identity,
        notes=_notes(registration, identity, (diameter_profile, volumetric_profile)),
    )


def target_numbers(profile: CriteriaProfile, lesions: Sequence[Lesion]) -> frozenset[int]:
    """Numbers of the baseline lesions that a profile sums: the largest by diameter first, equal ones by number."""
    chosen = list(lesions)
    if profile.targets is Targets.LARGEST_MEASURABLE:
        chosen = [lesion for lesion in chosen if lesion.measurements.measurability.measurable]
        chosen.sort(key=lambda lesion: (-lesion.measurements.whole.longest_mm, lesion.number))
    return frozenset(lesion.number for lesion in chosen[: profile.most_targets])


@dataclass(frozen=True)
class Side:
    """A match with its lesions, and why it cannot be judged."""

    match: LesionMatch
    old: tuple[Lesion, ...]
    new: tuple[Lesion, ...]
    undecided: str

    @property
    def by_size(self) -> list[Lesion]:
        """The lesions at baseline, or else at follow-up, the largest first."""
        return sorted(self.old or self.new, key=lambda lesion: (-lesion.measurements.volume_ml, lesion.number))


def _tracking_uids(sides: Sequence[Side]) -> list[str]:
    """One a row. An earlier comparison may have given the same to lesions that are told apart now: then the first row keeps it."""
    given: list[str] = []
    for side in sides:
        own = [lesion.tracking_uid for lesion in [*side.by_size, *side.new] if lesion.tracking_uid not in given]
        given.append(own[0] if own else new_uid())
    return given


def _observations(profile: CriteriaProfile, sides: Sequence[Side], baseline: Sequence[Lesion]) -> list[Observation]:
    targets = target_numbers(profile, baseline)
    observations = []
    for side in sides:
        amount = _amount(profile.quantity, side.old)
        observations.append(
            Observation(
                name=_name(side.old, side.new),
                baseline=amount,
                nadir=amount,
                follow_up=_amount(profile.quantity, side.new),
                target=any(number in targets for number in side.match.baseline),
                undecided=side.undecided,
            )
        )
    return observations


def _amount(quantity: Quantity, lesions: tuple[Lesion, ...]) -> Amount | None:
    if not lesions:
        return None
    if quantity is Quantity.LONGEST_DIAMETER:
        longest = _longest_mm(lesions)
        return Amount(longest, longest, longest)
    value = total_enhancing_ml(lesions)
    low = sum(lesion.measurements.enhancing_low_ml for lesion in lesions)
    high = sum(lesion.measurements.enhancing_high_ml for lesion in lesions)
    return Amount(value, low, high)


def _longest_mm(lesions: tuple[Lesion, ...]) -> float:
    return sum(lesion.measurements.whole.longest_mm for lesion in lesions)


def _lesion_response(
    side: Side,
    uid: str,
    diameter: tuple[CriteriaProfile, Observation],
    volume: tuple[CriteriaProfile, Observation],
) -> LesionResponse:
    old, new = side.old, side.new
    enhancing = total_enhancing_ml(old) if old else None, total_enhancing_ml(new) if new else None
    longest = _longest_mm(old) if old else None, _longest_mm(new) if new else None
    return LesionResponse(
        name=diameter[1].name,
        tracking_uid=uid,
        match=side.match,
        fate=Fate.UNDECIDED
        if side.undecided
        else fate_of(side.match.kind, enhancing[0] or 0.0, enhancing[1] or 0.0, _voxel_ml(old), _voxel_ml(new)),
        baseline=old,
        follow_up=new,
        baseline_enhancing_ml=enhancing[0],
        follow_up_enhancing_ml=enhancing[1],
        enhancing_change=relative_change(enhancing[0] or 0.0, enhancing[1] or 0.0),
        baseline_longest_mm=longest[0],
        follow_up_longest_mm=longest[1],
        diameter_change=relative_change(longest[0] or 0.0, longest[1] or 0.0),
        target=diameter[1].target,
        diameter=judge_lesion(*diameter),
        volumetric=judge_lesion(*volume),
    )


def _voxel_ml(lesions: tuple[Lesion, ...]) -> float:
    return lesions[0].measurements.volume_ml / lesions[0].measurements.voxel_count if lesions else 1.0


def _name(old: tuple[Lesion, ...], new: tuple[Lesion, ...]) -> str:
    return " + ".join(lesion.name for lesion in old) if old else f"{new[0].name} (new)"


def _notes(
    registration: RigidRegistration | None, identity: IdentityCheck | None, profiles: tuple[CriteriaProfile, ...]
) -> tuple[str, ...]:
    notes = []
    if identity is not None:
        notes.append(identity.note)
    if registration is not None and registration.warning:
        notes.append(registration.warning)
    for profile in profiles:
        notes.extend(note for note in profile.not_from_images if note not in notes)
    return tuple(notes)
