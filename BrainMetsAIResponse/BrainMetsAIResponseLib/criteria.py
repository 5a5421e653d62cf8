"""From measurements to categories: pure functions that apply a profile and say why.

Order of the rules (Lin et al., Lancet Oncol 2015, doi 10.1016/S1470-2045(15)70057-4, table "Summary of the response criteria"):
progression is asked first, because it holds whenever any of its conditions does; then complete response, then partial
response; stable disease is what is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from BrainMetsAIResponseLib.profiles import CriteriaProfile

# Thresholds are met at exactly their value; this absorbs rounding of binary fractions, nothing that can be measured.
_ROUNDING = 1e-9
_HALF_VOXEL = "half a voxel of outline could explain it"


class Category(StrEnum):
    """Response categories; ``NEW`` is for lesions only, ``NE`` is not evaluable."""

    CR = "CR"
    PR = "PR"
    SD = "SD"
    PD = "PD"
    NEW = "new"
    NE = "NE"


@dataclass(frozen=True)
class Amount:
    """A measurement with the interval that half a voxel of boundary shift explains."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Observation:
    """One lesion (or lesions that split or merged, added up) in the quantity of a profile.

    Attributes
    ----------
    name
        What people call it.
    baseline, follow_up
        ``None`` where it does not exist there.
    nadir
        Its measurement in the examination with the smallest sum so far; with two examinations that is the baseline.
    target
        Whether the profile sums it.
    undecided
        Why nobody can say whether it is in the other examination (`undecided.py`): then it is neither gone nor new, and in no sum.
    """

    name: str
    baseline: Amount | None
    nadir: Amount | None
    follow_up: Amount | None
    target: bool
    undecided: str = ""


@dataclass(frozen=True)
class Judgement:
    """A lesion's category, its change from baseline (0.2 is 20 % more; ``None`` without baseline), and why."""

    category: Category
    change: float | None
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """The patient read by one profile.

    Attributes
    ----------
    profile
        The criteria applied.
    category
        CR, PR, SD, PD, or NE where there is nothing to go by.
    reasons
        One sentence each: those that decided first.
    baseline_sum, nadir_sum, follow_up_sum
        Sums over the targets, in the profile's unit.
    change_from_baseline, change_from_nadir
        Relative changes of the sum; ``None`` where there was nothing to compare with.
    targets
        Names of the lesions that were summed.
    """

    profile: CriteriaProfile
    category: Category
    reasons: tuple[str, ...]
    baseline_sum: float
    nadir_sum: float
    follow_up_sum: float
    change_from_baseline: float | None
    change_from_nadir: float | None
    targets: tuple[str, ...]


def judge_lesion(profile: CriteriaProfile, lesion: Observation) -> Judgement:
    """Category of one lesion: the patient's thresholds applied to it alone.

    The published criteria judge the patient; a lesion's own category is how reports break that down, and our own reading.
    """
    before, after = lesion.baseline, lesion.follow_up
    if lesion.undecided:
        return Judgement(Category.NE, None, (lesion.undecided,))
    if before is None:
        return Judgement(Category.NEW, None, ("not there at baseline",))
    if after is None:
        return Judgement(Category.CR, -1.0, ("not there any more",))
    change = relative_change(before.value, after.value)
    if change is None:
        return Judgement(Category.NE, None, (f"no {profile.quantity} at baseline to compare with",))
    words = f"{profile.quantity} {_value(before.value, profile)} → {_value(after.value, profile)} ({change:+.1%})"
    if after.value <= 0:
        return Judgement(Category.CR, change, (f"{words}: nothing of it enhances any more",))
    if _progressed(profile, (lesion.nadir or before).value, after.value):
        if _increased(profile, lesion):
            return Judgement(Category.PD, change, (f"{words}, at least {_progression_words(profile)}",))
        short = _HALF_VOXEL if profile.beyond_half_voxel else f"by less than {profile.least_increase:g} {profile.unit}"
        return Judgement(Category.SD, change, (f"{words}, but {short}",))
    if _responded(profile, before.value, after.value):
        if _decreased(profile, lesion):
            return Judgement(Category.PR, change, (f"{words}, at least {_response_words(profile)}",))
        return Judgement(Category.SD, change, (f"{words}, but {_HALF_VOXEL}",))
    return Judgement(Category.SD, change, (f"{words}, between {_response_words(profile)} and {_progression_words(profile)}",))


def judge_patient(profile: CriteriaProfile, lesions: Sequence[Observation], nadir_sum: float | None = None) -> Reading:
    """Category of the patient.

    Parameters
    ----------
    profile
        The criteria.
    lesions
        Every lesion of both examinations once.
    nadir_sum
        The smallest sum over the same targets in any earlier examination; the baseline's where this is ``None`` or larger.
    """
    decided = [lesion for lesion in lesions if not lesion.undecided]
    targets = [lesion for lesion in decided if lesion.target]
    baseline_sum = sum(lesion.baseline.value for lesion in targets if lesion.baseline is not None)
    follow_up_sum = sum(lesion.follow_up.value for lesion in targets if lesion.follow_up is not None)
    nadir = baseline_sum if nadir_sum is None else min(nadir_sum, baseline_sum)
    progression = _progression(profile, decided, nadir, follow_up_sum)
    if progression:
        category, reasons = Category.PD, progression
    else:
        category, reason = _without_progression(profile, lesions, baseline_sum, nadir, follow_up_sum)
        reasons = [reason]
    reasons += [f"Not judged: {lesion.name} ({lesion.undecided})." for lesion in lesions if lesion.undecided]
    return Reading(
        profile=profile,
        category=category,
        reasons=tuple(reasons),
        baseline_sum=baseline_sum,
        nadir_sum=nadir,
        follow_up_sum=follow_up_sum,
        change_from_baseline=relative_change(baseline_sum, follow_up_sum),
        change_from_nadir=relative_change(nadir, follow_up_sum),
        targets=tuple(lesion.name for lesion in targets),
    )


def relative_change(before: float, after: float) -> float | None:
    """(after - before) / before; ``None`` where there was nothing before."""
    return (after - before) / before if before > 0 else None


def _progression(profile: CriteriaProfile, lesions: Sequence[Observation], nadir: float, follow_up_sum: float) -> list[str]:
    """Why this is progression, a sentence for each condition that holds."""
    reasons = []
    targets = [lesion for lesion in lesions if lesion.target]
    if _progressed(profile, nadir, follow_up_sum) and any(_increased(profile, lesion) for lesion in targets):
        reasons.append(f"{_sum_words(profile, nadir, follow_up_sum, 'the smallest sum so far')}, at least {_progression_words(profile)}.")
    new = [lesion.name for lesion in lesions if lesion.baseline is None]
    if new and profile.new_lesion_is_progression:
        reasons.append(f"{'A new lesion' if len(new) == 1 else f'{len(new)} new lesions'}: {', '.join(new)}.")
    worse = [lesion.name for lesion in lesions if not lesion.target and _progressed_alone(profile, lesion)]
    if worse:
        reasons.append(f"Unequivocal progression of non-target lesions: {', '.join(worse)}.")
    return reasons


def _without_progression(
    profile: CriteriaProfile, lesions: Sequence[Observation], baseline_sum: float, nadir: float, follow_up_sum: float
) -> tuple[Category, str]:
    """Complete response, partial response, stable disease or not evaluable, with the reason in one sentence."""
    targets = [lesion for lesion in lesions if lesion.target and not lesion.undecided]
    left = [lesion.name for lesion in lesions if lesion.undecided or (lesion.follow_up is not None and lesion.follow_up.value > 0)]
    if not any(lesion.baseline is not None and lesion.baseline.value > 0 for lesion in lesions):
        return Category.NE, "No lesion at baseline to compare with."
    if not left:
        return Category.CR, "All lesions are gone and there is no new one."
    if not targets and any(lesion.target for lesion in lesions):
        return Category.NE, f"Nothing of what is summed can be judged: {', '.join(left)}."
    if not targets:
        return Category.NE, f"No lesion was measurable at baseline, so there is no sum of {profile.quantity}s to judge."
    if follow_up_sum <= 0:
        return Category.PR, f"All summed lesions are gone, but not all lesions: {', '.join(left)}."
    from_baseline = _sum_words(profile, baseline_sum, follow_up_sum, "baseline")
    if _responded(profile, baseline_sum, follow_up_sum):
        if any(_decreased(profile, lesion) for lesion in targets):
            return Category.PR, f"{from_baseline}, at least {_response_words(profile)}."
        return Category.SD, f"{from_baseline}, but in every lesion {_HALF_VOXEL}."
    if _progressed(profile, nadir, follow_up_sum):
        return Category.SD, f"{_sum_words(profile, nadir, follow_up_sum, 'the smallest sum so far')}, but {_too_small(profile)}."
    return Category.SD, f"{from_baseline}, neither {_response_words(profile)} nor {_progression_words(profile)}."


def _progressed(profile: CriteriaProfile, nadir: float, after: float) -> bool:
    return after > 0 and after - nadir >= profile.progression_change * nadir - _ROUNDING


def _progressed_alone(profile: CriteriaProfile, lesion: Observation) -> bool:
    """Whether one lesion meets what is asked of the sum: so is read what RANO-BM calls unequivocal progression of non-target lesions."""
    smallest = lesion.nadir or lesion.baseline
    if smallest is None or lesion.follow_up is None:
        return False
    return _progressed(profile, smallest.value, lesion.follow_up.value) and _increased(profile, lesion)


def _responded(profile: CriteriaProfile, baseline: float, after: float) -> bool:
    return baseline > 0 and after - baseline <= profile.response_change * baseline + _ROUNDING


def _increased(profile: CriteriaProfile, lesion: Observation) -> bool:
    """Whether one lesion has become larger by enough, in absolute terms, for progression to count."""
    smallest = lesion.nadir or lesion.baseline
    if smallest is None or lesion.follow_up is None or lesion.follow_up.value <= smallest.value:
        return False
    if lesion.follow_up.value - smallest.value < profile.least_increase - _ROUNDING:
        return False
    return not profile.beyond_half_voxel or lesion.follow_up.value > smallest.high


def _decreased(profile: CriteriaProfile, lesion: Observation) -> bool:
    """Whether one lesion has become smaller by enough, in absolute terms, for response to count."""
    if lesion.baseline is None:
        return False
    after = 0.0 if lesion.follow_up is None else lesion.follow_up.value
    return after < (lesion.baseline.low if profile.beyond_half_voxel else lesion.baseline.value)


def _too_small(profile: CriteriaProfile) -> str:
    if profile.beyond_half_voxel:
        return "no lesion has grown by more than half a voxel of outline"
    return f"no lesion has grown by {profile.least_increase:g} {profile.unit}"


def _sum_words(profile: CriteriaProfile, before: float, after: float, reference: str) -> str:
    change = relative_change(before, after)
    since = "" if change is None else f" ({change:+.1%} from {reference})"
    return f"Sum of {profile.quantity}s {_value(before, profile)} → {_value(after, profile)}{since}"


def _response_words(profile: CriteriaProfile) -> str:
    return f"{profile.response_change:+.1%}"


def _progression_words(profile: CriteriaProfile) -> str:
    return f"{profile.progression_change:+.1%}"


def _value(value: float, profile: CriteriaProfile) -> str:
    return f"{value:.1f} {profile.unit}" if profile.unit == "mm" else f"{value:.3g} {profile.unit}"
