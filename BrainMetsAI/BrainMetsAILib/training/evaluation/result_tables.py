"""The results as Markdown for a model card and as CSV."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from BrainMetsAILib.lesions.sizes import ALL_SIZES, SIZE_BINS
from BrainMetsAILib.training.evaluation.bootstrap import Estimate
from BrainMetsAILib.training.evaluation.case_result import CaseResult, Volumes
from BrainMetsAILib.training.evaluation.summary import GroupSummary, Summary
from BrainMetsAILib.training.evaluation.surfaces import Overlap

_SIZES = tuple(size.name for size in (ALL_SIZES, *SIZE_BINS))
_SHARES = ("sensitivity", "precision", "median volume error")


def markdown(summary: Summary, cases: Sequence[CaseResult] = ()) -> str:
    """Tables for a model card: detection group by group, then outlines, volumes and calibration of all cases, and what was taken out."""
    blocks = [
        f"Candidates with a lesion score below {summary.threshold:.2f} do not count. Found and true lesions are matched one to one "
        "(IoU ≥ 0.1). Square brackets: 95 % intervals by bootstrap over cases.",
        _detection(summary.groups),
        _false_positives(summary.groups),
        _outlines(summary.groups[0]),
        _one_by_one(summary.groups[0]),
    ]
    if summary.at_points:
        blocks.append(_points(summary))
    blocks.append(_removed(cases, summary.threshold))
    return "\n\n".join(block for block in blocks if block) + "\n"


def write_tables(folder: Path, cases: Sequence[CaseResult], summary: Summary) -> None:
    """``tables.md`` and, for whoever wants to count again, ``figures.csv``, ``cases.csv``, ``lesions.csv``, ``candidates.csv``."""
    (folder / "tables.md").write_text(markdown(summary, cases), encoding="utf-8")
    _write_csv(
        folder / "figures.csv",
        ("group", "cases", "figure", "value", "low", "high"),
        ((g.name, g.cases, name, e.value, e.low, e.high) for g in summary.groups for name, e in g.figures.items()),
    )
    tags = list(dict.fromkeys(tag for case in cases for tag in case.tags))
    _write_csv(
        folder / "cases.csv",
        ("case", *tags, "lesions", "found", "false", "lesion_wise_dice_tc", "lesion_wise_hd95_mm_tc", "seconds", "notes"),
        (_case_row(case, tags, summary.threshold) for case in cases),
    )
    tissues = ("whole", "enhancing", "necrosis")
    outline = [f"{figure}_{tissue}" for tissue in tissues for figure in ("dice", "surface_dice", "hd95_mm")]
    volumes = ("volume_ml", "enhancing_ml", "necrotic_ml")
    _write_csv(
        folder / "lesions.csv",
        ("case", "number", "kind", "diameter_mm", *volumes, "candidate", "score", "iou", *outline),
        (
            (
                case.name,
                lesion.number,
                lesion.kind,
                lesion.diameter_mm,
                *_volumes(lesion.volumes),
                lesion.candidate,
                lesion.score,
                lesion.iou,
                *(cell for tissue in tissues for cell in _overlap(getattr(lesion, tissue))),
            )
            for case in cases
            for lesion in case.lesions
        ),
    )
    _write_csv(
        folder / "candidates.csv",
        ("case", "number", "score", "diameter_mm", *volumes, "true_number", "ignored", "removed"),
        (
            (case.name, c.number, c.score, c.diameter_mm, *_volumes(c.volumes), c.true_number, int(c.ignored), c.reason)
            for case in cases
            for c in (*case.candidates, *case.removed)
        ),
    )


def _case_row(case: CaseResult, tags: Sequence[str], threshold: float) -> tuple[object, ...]:
    scored = case.lesion_wise.get("TC")
    return (
        case.name,
        *(case.tags.get(tag) for tag in tags),
        len(case.lesions),
        sum(lesion.found_at(threshold) for lesion in case.lesions),
        case.false_at(threshold),
        scored.dice if scored else None,
        scored.hd95_mm if scored else None,
        case.seconds,
        " ".join(case.notes),
    )


def _detection(groups: Sequence[GroupSummary]) -> str:
    """Groups with lesions."""
    with_lesions = [g for g in groups if g.counts[ALL_SIZES.name].lesions]
    if not with_lesions:
        return ""
    head = ("sensitivity", "scans", *_SIZES, "precision")
    rows = [(g.name, str(g.cases), *(_found(g, size) for size in _SIZES), _text(g.figures["precision"], share=True)) for g in with_lesions]
    return _table(head, rows)


def _found(group: GroupSummary, size: str) -> str:
    counted = group.counts[size]
    if not counted.lesions:
        return "–"
    return f"{counted.found}/{counted.lesions} = {_text(group.figures[f'sensitivity, {size}'], share=True)}"


def _false_positives(groups: Sequence[GroupSummary]) -> str:
    head = ("false positives", "scans", "without lesions", "all together", "a scan")
    rows = [
        (g.name, str(g.cases), str(g.lesion_free), str(g.counts[ALL_SIZES.name].false), _text(g.figures["false positives a scan"]))
        for g in groups
        if g.cases
    ]
    return _table(head, rows) if rows else ""


def _outlines(group: GroupSummary) -> str:
    """Of the lesions that were found."""
    if not group.counts[ALL_SIZES.name].found:
        return ""
    head = ("found lesions", *(f"Dice, {size}" for size in _SIZES), "surface Dice 1 mm", "HD95 mm", "Dice of a case")
    rows = []
    for tissue in ("whole", "enhancing", "necrosis"):
        names = (*(f"Dice, {tissue}, {size}" for size in _SIZES), f"surface Dice 1 mm, {tissue}, all", f"HD95 mm, {tissue}, all")
        rows.append((tissue, *(_text(group.figures[name]) for name in (*names, f"Dice of a case, {tissue}"))))
    return _table(head, rows)


def _one_by_one(group: GroupSummary) -> str:
    """Volumes, BraTS scores and calibration."""
    wanted = ("volume", "median volume", "lower limit", "upper limit", "BraTS", "ECE", "FROC", "F1")
    rows = [
        (name, _text(estimate, share=name.startswith(_SHARES)))
        for name, estimate in group.figures.items()
        if name.startswith(wanted) and not np.isnan(estimate.value)
    ]
    return _table(("all cases", "value"), rows) if rows else ""


def _points(summary: Summary) -> str:
    if not summary.groups[0].cases:
        return ""
    found = [f"sensitivity, {size}" for size in _SIZES]
    head = ("cases", "operating point", "scans", "score from", *found, "precision", "false positives a scan")
    rows = []
    for group, points in summary.at_points.items():
        for name, (score, by_size) in points.items():
            found = [f"{c.found}/{c.lesions}" if c.lesions else "–" for c in (by_size[size] for size in _SIZES)]
            whole = by_size[ALL_SIZES.name]
            precision = "–" if np.isnan(whole.precision) else f"{100 * whole.precision:.0f} %"
            rows.append((group, name, str(whole.scans), f"{score:.3f}", *found, precision, f"{whole.false_a_scan:.2f}"))
    return _table(head, rows)


def _removed(cases: Sequence[CaseResult], threshold: float) -> str:
    """What post-processing took out of what would count: rightly, or at the cost of a lesion that nothing else found."""
    rows = []
    for reason in sorted({c.reason for case in cases for c in case.removed}):
        taken = [(case, c) for case in cases for c in case.removed if c.reason == reason and c.score >= threshold]
        found = [{x.number for x in case.lesions if x.found_at(threshold)} for case, _ in taken]
        lost = sum(c.true_number is not None and c.true_number not in known for (_, c), known in zip(taken, found, strict=True))
        rows.append((reason, str(len(taken)), str(sum(c.true_number is None for _, c in taken)), str(lost)))
    return _table(("taken out by post-processing", "candidates", "false ones", "lesions lost"), rows) if rows else ""


def _text(estimate: Estimate, share: bool = False) -> str:
    if np.isnan(estimate.value):
        return "–"
    factor, digits = (100.0, 0) if share else (1.0, 2)
    text = f"{factor * estimate.value:.{digits}f}{' %' if share else ''}"
    if np.isnan(estimate.low):
        return text
    return f"{text} [{factor * estimate.low:.{digits}f}; {factor * estimate.high:.{digits}f}]"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _volumes(volumes: Volumes) -> tuple[float | None, ...]:
    return volumes.whole_ml, volumes.enhancing_ml, volumes.necrotic_ml


def _overlap(agreed: Overlap | None) -> tuple[float | None, ...]:
    return (None, None, None) if agreed is None else (agreed.dice, agreed.surface_dice, agreed.hd95_mm)


def _write_csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)
