"""Settings and provenance, on one plain parameter node that a scene file keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import slicer

from BrainMetsAILib.exchange.examined import ExaminationFacts
from BrainMetsAILib.images.examination import Patient
from BrainMetsAILib.models.finding import Provenance

SINGLETON_TAG = "BrainMetsAI"

LEAST_SCORE = "Lesions.LeastScore"
RECORDS = "Examination."  # how the names of an examination's own parameters begin; its UID follows

EXAMINATION_UID = "BrainMetsAI.ExaminationUID"  # attribute of a segmentation node: which parameters are its own


def settings_node() -> Any:
    """The scene's one parameter node. Fetch it each time: after a scene was closed or loaded a kept pointer may be another's."""
    node = slicer.mrmlScene.GetSingletonNode(SINGLETON_TAG, "vtkMRMLScriptedModuleNode")
    if node is None:
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)
        node.SetSingletonTag(SINGLETON_TAG)
        node.SetModuleName(SINGLETON_TAG)
        node.SetName(SINGLETON_TAG)
        node = slicer.mrmlScene.AddNode(node)
    return node


def write_record(segmentation: Any, name: str, content: object) -> None:
    """Keep something that belongs to an examination, as JSON."""
    _write(settings_node(), _key(segmentation, name), content)


def read_record(segmentation: Any, name: str) -> dict[str, Any] | None:
    """What `write_record` kept under that name; ``None`` where nothing was."""
    return _read(_key(segmentation, name))


def write_examination(segmentation: Any, facts: ExaminationFacts, provenance: Provenance | None) -> None:
    """Keep what is known of an examination and what made its lesions."""
    node = settings_node()
    with slicer.util.NodeModify(node):
        _write(node, _key(segmentation, "Facts"), asdict(facts))
        _write(node, _key(segmentation, "Provenance"), asdict(provenance) if provenance else None)


def read_facts(segmentation: Any) -> ExaminationFacts:
    """What was kept of an examination; the defaults where nothing was."""
    stored = read_record(segmentation, "Facts")
    if not stored:
        return ExaminationFacts()
    return ExaminationFacts(**{**stored, "patient": Patient(**stored["patient"]), "warnings": tuple(stored["warnings"])})


def read_provenance(segmentation: Any) -> Provenance | None:
    """What made the lesions of an examination; ``None`` where no network did."""
    stored = read_record(segmentation, "Provenance")
    return Provenance(**stored) if stored else None


def read_number(name: str, default: float) -> float:
    """A number among the parameters; the default where there is none."""
    try:
        return float(settings_node().GetParameter(name) or default)
    except ValueError:  # a parameter that another program wrote
        return default


def least_score() -> float:
    """Score below which lesions that nobody judged or edited are hidden (`visibility.set_least_score`); 0 where none was chosen."""
    return read_number(LEAST_SCORE, 0.0)


def begin_least_score(value: float) -> None:
    """The least score (0 to 1) that holds until a person chooses another; where one holds already, nothing changes."""
    if not settings_node().GetParameter(LEAST_SCORE):
        settings_node().SetParameter(LEAST_SCORE, repr(round(float(value), 4)))


def examination_records() -> dict[str, str]:
    """All that is kept of examinations, as it is stored."""
    node = slicer.mrmlScene.GetSingletonNode(SINGLETON_TAG, "vtkMRMLScriptedModuleNode")
    names = [] if node is None else node.GetParameterNames()
    return {name: str(node.GetParameter(name)) for name in names if name.startswith(RECORDS)}


def put_back(records: Mapping[str, str]) -> None:
    """Records that are gone: a scene file that is added to the scene brings its own settings node, which replaces this one's content."""
    lost = {name: content for name, content in records.items() if not settings_node().GetParameter(name)}
    if lost:
        with slicer.util.NodeModify(settings_node()) as node:
            for name, content in lost.items():
                node.SetParameter(name, content)


def _key(segmentation: Any, name: str) -> str:
    """Parameter of an examination's record; a segmentation that BrainMetsAI did not write is known by its node ID."""
    return f"{RECORDS}{segmentation.GetAttribute(EXAMINATION_UID) or segmentation.GetID()}.{name}"


def _write(node: Any, key: str, content: object) -> None:
    node.SetParameter(key, json.dumps(content))


def _read(key: str) -> dict[str, Any] | None:
    text = settings_node().GetParameter(key)
    stored: dict[str, Any] | None = json.loads(text) if text else None
    return stored
