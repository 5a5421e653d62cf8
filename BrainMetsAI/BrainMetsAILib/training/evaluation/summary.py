"""A set of cases summed up: all together and group by group, every figure with its confidence interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from BrainMetsAILib.lesions.sizes import ALL_SIZES, SIZE_BINS
from BrainMetsAILib.training.evaluation.bootstrap import RESAMPLES, Estimate, bootstrap
from BrainMetsAILib.training.evaluation.case_result import CaseResult
from BrainMetsAILib.training.evaluation.detection import Counts, counts, operating_points
from BrainMetsAILib.training.evaluation.figures import (
    calibration_figures,
    detection_figures,
    lesion_wise_figures,
    outline_figures,
    volume_figures,
)

ALL_CASES = "all cases"
CONTRAST = "contrast: "


@dataclass(frozen=True)
class GroupSummary:
    """Cases of one kind at one lesion score.

    Attributes
    ----------
    name
        Of the group: "all cases", or a tag and its value.
    cases, lesion_free
        How many cases, and how many of them have no true lesion.
    threshold
        Candidates with a lower score do not count.
    counts
        Found, lesions and false positives by size.
    figures
        Each with its interval; NaN where not defined.
    """

    name: str
    cases: int
    lesion_free: int
    threshold: float
    counts: Mapping[str, Counts]
    figures: Mapping[str, Estimate]


@dataclass(frozen=True)
class Summary:
    """Everything about a set of cases.

    Attributes
    ----------
    threshold
        The lesion score that `groups` count from.
    groups
        All cases first, then tag by tag.
    points
        Group by group the operating points that these cases would give (name to score): for other cases, never for these.
    at_points
        Counts at given operating points, of all cases and, where they differ in it, of each contrast (vessels make the points of
        gradient-echo and black-blood differ): group → name of the point → the score, and counts by size.
    """

    threshold: float
    groups: tuple[GroupSummary, ...]
    points: Mapping[str, Mapping[str, float]]
    at_points: Mapping[str, Mapping[str, tuple[float, Mapping[str, Counts]]]]


def summarise(
    cases: Sequence[CaseResult],
    threshold: float = 0.5,
    points: Mapping[str, float] | None = None,
    resamples: int = RESAMPLES,
) -> Summary:
    """Sum up.

    Parameters
    ----------
    cases
        May be empty: every figure is then NaN.
    threshold
        Candidates with a lower score do not count.
    points
        The network's own operating points (name to score), chosen on other cases.
    resamples
        Draws for the intervals.
    """
    members = {ALL_CASES: list(cases), **{name: group for name, group in tagged(cases).items() if len(group) < len(cases)}}
    groups = tuple(_group(name, group, threshold, resamples) for name, group in members.items())
    points_here = {name: operating_points(group) for name, group in members.items()}
    at_points = {
        group: {name: (score, counts_by_size(members[group], score)) for name, score in (points or {}).items()}
        for group in members
        if points and (group == ALL_CASES or group.startswith(CONTRAST))
    }
    return Summary(threshold, groups, points_here, at_points)


def tagged(cases: Sequence[CaseResult]) -> dict[str, list[CaseResult]]:
    """Cases by tag and value, in order of appearance."""
    groups: dict[str, list[CaseResult]] = {}
    for tag in dict.fromkeys(tag for case in cases for tag in case.tags):
        for case in cases:
            if tag in case.tags:
                groups.setdefault(f"{tag}: {case.tags[tag]}", []).append(case)
    return groups


def counts_by_size(cases: Sequence[CaseResult], threshold: float) -> dict[str, Counts]:
    """Counts of all sizes and of each."""
    return {size.name: counts(cases, threshold, size) for size in (ALL_SIZES, *SIZE_BINS)}


def _group(name: str, cases: Sequence[CaseResult], threshold: float, resamples: int) -> GroupSummary:
    def figures(drawn: Sequence[CaseResult]) -> dict[str, float]:
        return {
            **detection_figures(drawn, threshold),
            **outline_figures(drawn, threshold),
            **volume_figures(drawn, threshold),
            **lesion_wise_figures(drawn),
            **calibration_figures(drawn),
        }

    return GroupSummary(
        name=name,
        cases=len(cases),
        lesion_free=sum(not case.lesions for case in cases),
        threshold=threshold,
        counts=counts_by_size(cases, threshold),
        figures=bootstrap(cases, figures, resamples),
    )
