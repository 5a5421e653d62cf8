"""A whole review: search, compare, put into a scene, write. The response library is loaded only where something is compared."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from BrainMetsAILib.cli.examination_input import ExaminationInput
from BrainMetsAILib.cli.process import WorkerProcess
from BrainMetsAILib.cli.progress import Progress
from BrainMetsAILib.cli.review_files import FOLLOW_UP, Comparison, write_examination_files, write_review_files
from BrainMetsAILib.exchange.examined import ExaminationFacts, ReviewedExamination
from BrainMetsAILib.models.postprocess import with_score_at_least
from BrainMetsAILib.worker.launching import all_threads
from BrainMetsAILib.worker.payload import find_input, read_finding, register_input

if TYPE_CHECKING:
    from BrainMetsAILib.models.finding import Finding
    from BrainMetsAIResponseLib.identity import IdentityCheck
    from BrainMetsAIResponseLib.registration import RigidRegistration


@dataclass(frozen=True)
class RunChoices:
    """How the network is run: bundle, device, cores, and the least score that counts (None: the network's balanced point)."""

    model: str | None = None
    device: str = "auto"
    threads: int | None = None
    least_score: float | None = None


@dataclass(frozen=True)
class Reviewed:
    """The outcome of a review."""

    examination: ReviewedExamination
    follow_up: ReviewedExamination | None = None
    comparison: Comparison | None = None


@dataclass(frozen=True)
class _Searched:
    """Everything that the worker computed."""

    findings: tuple[Finding, ...]
    registration: RigidRegistration | None = None


def review_into(
    folder: Path, inputs: Sequence[ExaminationInput], choices: RunChoices, progress: Progress, override_identity: bool = False
) -> Reviewed:
    """Review one examination, or a baseline and its follow-up, and write everything into `folder`.

    Parameters
    ----------
    folder
        Existing and empty.
    inputs
        One or two.
    override_identity
        Compare examinations of different patients; this is recorded.

    Raises
    ------
    TaskFailed, DifferentPatients, BundleError, OSError
        With a sentence for a person.
    """
    identity = _identity(inputs, override_identity)
    searched = _search(inputs, choices, progress)
    return _write(folder, inputs, searched, identity, choices.least_score, progress)


def _identity(inputs: Sequence[ExaminationInput], override: bool) -> IdentityCheck | None:
    """Whose examinations these are; asked first, for nothing should be computed for two patients."""
    if len(inputs) < 2:
        return None
    from BrainMetsAIResponseLib.identity import check_same_patient

    return check_same_patient(inputs[0].sequence.patient, inputs[1].sequence.patient, override)


def _search(inputs: Sequence[ExaminationInput], choices: RunChoices, progress: Progress) -> _Searched:
    findings = []
    registration: RigidRegistration | None = None
    threads = choices.threads or all_threads()
    with tempfile.TemporaryDirectory(prefix="brainmets_review_") as name, WorkerProcess() as worker:
        for number, one in enumerate(inputs):
            folder = _new_folder(Path(name), f"find{number}")
            task_input = find_input(
                folder, one.sequence.image, model=choices.model, device=choices.device, threads=threads, accept_thick=True, checked=True
            )
            result = worker.run("find", task_input, folder, progress.stage(f"{one.facts.title}: finding lesions"))
            findings.append(with_score_at_least(read_finding(result, one.sequence.image), choices.least_score or 0.0))
            progress.finish()
        if len(inputs) == 2:
            folder = _new_folder(Path(name), "register")
            task_input = register_input(folder, inputs[0].sequence.image, inputs[1].sequence.image, threads=threads)
            result = worker.run("register", task_input, folder, progress.stage("Registering the follow-up"))
            registration = _read_registration(result)
            progress.finish()
    return _Searched(tuple(findings), registration)


def _write(
    folder: Path,
    inputs: Sequence[ExaminationInput],
    searched: _Searched,
    identity: IdentityCheck | None,
    least_score: float | None,
    progress: Progress,
) -> Reviewed:
    """The scene first: what it holds is measured and written, as an export from Slicer would be."""
    from BrainMetsAILib.scene.headless import headless_scene
    from BrainMetsAILib.scene.layout import show_for_file
    from BrainMetsAILib.scene.mrb import save_mrb
    from BrainMetsAILib.scene.review import read_examination, write_review
    from BrainMetsAILib.scene.visibility import set_least_score
    from BrainMetsAILib.scene.volumes import add_volume

    step = progress.stage("Measuring")
    headless_scene()
    if least_score is not None:
        set_least_score(least_score)
    nodes: list[Any] = []
    for one, finding in zip(inputs, searched.findings, strict=True):
        step(len(nodes) / len(inputs), one.facts.title)
        volume = add_volume(one.sequence.image, one.facts.title if len(inputs) > 1 else one.facts.description or one.facts.title)
        nodes.append(write_review(volume, finding, facts=_facts(one, finding)))
    comparison = None
    if searched.registration is not None:
        comparison = _compare([one.segmentation for one in nodes], searched.registration, identity)
    examinations = [read_examination(one.segmentation) for one in nodes]
    follow_up = examinations[1] if len(examinations) > 1 else None

    step = progress.stage("Writing tables and images")
    for prefix, examination, finding in zip(("", FOLLOW_UP), examinations, searched.findings, strict=False):
        write_examination_files(folder, examination, finding, prefix)
    write_review_files(folder, examinations[0], follow_up, comparison, progress.stage("Drawing pictures"))
    progress.stage("Saving the scene")
    show_for_file(*nodes)
    save_mrb(folder / "scene.mrb")
    headless_scene()  # frees what the scene holds
    progress.finish()
    return Reviewed(examinations[0], follow_up, comparison)


def _facts(one: ExaminationInput, finding: Finding) -> ExaminationFacts:
    return replace(one.facts, warnings=(*one.facts.warnings, *finding.notes))


def _compare(segmentations: Sequence[Any], registration: RigidRegistration, identity: IdentityCheck | None) -> Comparison:
    from BrainMetsAILib.scene.segments import read_doubtful_lesions, read_lesions
    from BrainMetsAIResponseLib.report import summarise
    from BrainMetsAIResponseLib.response import compare
    from BrainMetsAIResponseLib.scene import write_response

    before, after = (read_lesions(segmentation) for segmentation in segmentations)
    doubtful = [read_doubtful_lesions(segmentation) for segmentation in segmentations]
    response = compare(
        before, after, registration.transform, registration, identity, doubtful_baseline=doubtful[0], doubtful_follow_up=doubtful[1]
    )
    write_response(segmentations[0], segmentations[1], response)
    return Comparison(summarise(response), registration.transform)


def _read_registration(result: Any) -> RigidRegistration:
    from BrainMetsAIResponseLib.register_task import read_registration

    return read_registration(result)


def _new_folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder
