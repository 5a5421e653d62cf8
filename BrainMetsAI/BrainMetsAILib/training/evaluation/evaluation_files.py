"""The result folder of an evaluation: what was measured as JSON, CSV, Markdown and pictures."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from BrainMetsAILib.training.evaluation.calibration import lesion_calibration, voxel_calibration
from BrainMetsAILib.training.evaluation.case_result import Candidate, CaseResult, TrueLesion, Volumes
from BrainMetsAILib.training.evaluation.curves import write_curves
from BrainMetsAILib.training.evaluation.detection import froc
from BrainMetsAILib.training.evaluation.lesionwise import LesionWise
from BrainMetsAILib.training.evaluation.result_tables import write_tables
from BrainMetsAILib.training.evaluation.summary import Summary
from BrainMetsAILib.training.evaluation.surfaces import Overlap

EVALUATION_FILES = (
    "metrics.json",
    "tables.md",
    "figures.csv",
    "cases.csv",
    "lesions.csv",
    "candidates.csv",
    "froc.png",
    "volumes.png",
    "reliability.png",
)
FORMAT = 1


def write_evaluation(folder: Path, cases: Sequence[CaseResult], summary: Summary, about: Mapping[str, Any]) -> None:
    """Write `EVALUATION_FILES` into an existing folder; `about` says which network and settings (JSON values)."""
    content = {
        "format": FORMAT,
        "about": dict(about),
        "summary": dataclasses.asdict(summary),
        "froc": [dataclasses.asdict(point) for point in froc(cases)],
        "calibration": {
            "lesion scores": dataclasses.asdict(lesion_calibration(cases)),
            "voxels": dataclasses.asdict(voxel_calibration(cases)),
        },
        "cases": [dataclasses.asdict(case) for case in cases],
    }
    text = json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "metrics.json").write_text(text, encoding="utf-8")
    write_tables(folder, cases, summary)
    write_curves(folder, cases, summary.threshold)


def read_cases(metrics: Path) -> tuple[CaseResult, ...]:
    """The cases of a ``metrics.json``, to count them again with another score.

    Raises
    ------
    ValueError
        If the file is of another format.
    """
    content = json.loads(metrics.read_text(encoding="utf-8"))
    if content.get("format") != FORMAT:
        raise ValueError(f"{metrics} was written in another format ({content.get('format')}); evaluate again")
    return tuple(_case(case) for case in content["cases"])


def _plain(value: Any) -> Any:
    """JSON knows neither NaN nor infinity: None and the word stand for them."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _case(content: Mapping[str, Any]) -> CaseResult:
    return CaseResult(
        name=content["name"],
        tags=content["tags"],
        lesions=tuple(_lesion(one) for one in content["lesions"]),
        candidates=tuple(_candidate(one) for one in content["candidates"]),
        true=Volumes(**content["true"]),
        lesion_wise={tissue: LesionWise(**one) for tissue, one in content["lesion_wise"].items()},
        threshold=content["threshold"],
        voxel_bins=tuple((float(a), float(b), float(c)) for a, b, c in content["voxel_bins"]),
        seconds=content["seconds"],
        notes=tuple(content["notes"]),
        removed=tuple(_candidate(one) for one in content["removed"]),
    )


def _lesion(content: Mapping[str, Any]) -> TrueLesion:
    parts: dict[str, Any] = {name: _overlap(content[name]) for name in ("whole", "enhancing", "necrosis")}
    return TrueLesion(**{**content, "volumes": Volumes(**content["volumes"]), **parts})


def _candidate(content: Mapping[str, Any]) -> Candidate:
    return Candidate(**{**content, "volumes": Volumes(**content["volumes"]), "common": Volumes(**content["common"])})


def _overlap(content: Mapping[str, Any] | None) -> Overlap | None:
    return None if content is None else Overlap(**{key: float(value) for key, value in content.items()})
