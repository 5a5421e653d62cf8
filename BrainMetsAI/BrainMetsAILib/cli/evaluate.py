"""``brainmets evaluate CASES -o OUT``: run a network on cases with known truth, and count."""

import argparse
import importlib.util
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from BrainMetsAILib.cli.number_arguments import count_of, share_of
from BrainMetsAILib.cli.output_folder import output_folder
from BrainMetsAILib.cli.process import TaskFailed, WorkerProcess
from BrainMetsAILib.cli.progress import Progress
from BrainMetsAILib.cli.refusal import Refused
from BrainMetsAILib.images.examination import BloodSignal, ImageRefused
from BrainMetsAILib.images.examination import Sequence as MRSequence
from BrainMetsAILib.images.reading import read_sequence
from BrainMetsAILib.images.suitability import check_head_mr
from BrainMetsAILib.models.bundles import Bundle, find_bundle
from BrainMetsAILib.models.settings import ALL_CANDIDATES, BALANCED, operating_points
from BrainMetsAILib.worker.launching import all_threads
from BrainMetsAILib.worker.payload import find_input, read_finding

if TYPE_CHECKING:
    from BrainMetsAILib.training.evaluation.case_files import CaseFiles
    from BrainMetsAILib.training.evaluation.case_result import CaseResult
    from BrainMetsAILib.training.evaluation.summary import Summary

PACKAGES = ("torch", "monai", "matplotlib")
LEAST_SCORE = 0.5
"""Where neither the person nor the network names a score."""


def add_parser(subparsers: Any) -> None:
    """Add the command to those of `brainmets`."""
    parser = subparsers.add_parser(
        "evaluate",
        help="count what a network finds, misses and invents on cases with known truth",
        description="Run a network on every case in a folder and compare with the truth, lesion by lesion. CASES holds BraTS-METS cases "
        "(…-t1c.nii.gz with …-seg.nii.gz), practice cases or the synthetic test set (…_t1c with …_labels and …_necrosis), images with "
        "whole outlines (…_image with …_label or …_mask), and volumes without any truth: these count as free of lesions. OUT then holds "
        "metrics.json, tables.md (for a model card), CSV tables of figures, cases, lesions and candidates, and curves as PNG.",
        epilog="Exit codes: 0 done, 1 an error inside, 2 command or input refused, 130 cancelled. Research use only.",
    )
    parser.add_argument("cases", metavar="CASES", type=Path, help="folder of cases, or one volume")
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help="folder to be made; it appears when all is done")
    parser.add_argument("--overwrite", action="store_true", help="replace the result of a former evaluation")
    parser.add_argument("--model", metavar="NAME", help="name of a network, or the folder of its bundle (the bundled one)")
    parser.add_argument(
        "--score", metavar="X", type=share_of, help="lesions with a score below X do not count (the network's balanced point)"
    )
    parser.add_argument("--limit", metavar="N", type=count_of, help="only the first N cases")
    parser.add_argument("--resamples", metavar="N", type=count_of, default=1000, help="draws for the confidence intervals (1000)")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto", help="where the network runs (auto)")
    parser.add_argument("--threads", metavar="N", type=count_of, help="cores to use (all)")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate, write, and print the tables."""
    bundle = find_bundle(args.model)  # a missing network is said before anyone waits
    _need_packages()
    from BrainMetsAILib.training.evaluation.case_files import TruthRefused
    from BrainMetsAILib.training.evaluation.evaluation_files import EVALUATION_FILES, write_evaluation
    from BrainMetsAILib.training.evaluation.result_tables import markdown
    from BrainMetsAILib.training.evaluation.summary import summarise

    points = {point.name: point.least_score for point in operating_points(bundle) if point.name != ALL_CANDIDATES}
    threshold = args.score if args.score is not None else points.get(BALANCED, LEAST_SCORE)
    progress = Progress(quiet=args.quiet)
    try:
        cases = _cases(args.cases, args.limit)
        with output_folder(args.output, EVALUATION_FILES, [args.cases], args.overwrite) as folder:
            results, refused = _evaluate(cases, args, threshold, progress)
            progress.stage("Counting")
            summary = summarise(results, threshold, points, args.resamples)
            write_evaluation(folder, results, summary, _about(args, bundle, refused))
        progress.finish()
    except TruthRefused as refusal:
        raise Refused(str(refusal)) from refusal
    finally:
        progress.clear()
    print(_said(results, summary, refused, bundle))
    print(markdown(summary, results))
    print(f"Written to {args.output}: tables.md and the curves for people, metrics.json and the CSV tables for programs.")
    return 0


def _need_packages() -> None:
    for name in PACKAGES:
        if importlib.util.find_spec(name) is None:
            raise Refused(f"Evaluation needs the package {name}, which is not installed: pip install 'brainmetsai[training]'.")


def _cases(path: Path, limit: int | None) -> tuple["CaseFiles", ...]:
    from BrainMetsAILib.training.evaluation.case_files import check_grids, find_cases

    if not path.exists():
        raise Refused(f"{path} does not exist: check the name.")
    cases = find_cases(path)[:limit]
    if not cases:
        raise Refused(f"{path} holds no case: give a folder with volumes named like case-t1c.nii.gz and case-seg.nii.gz.")
    check_grids(cases)
    return cases


def _evaluate(
    cases: Sequence["CaseFiles"], args: argparse.Namespace, threshold: float, progress: Progress
) -> tuple[list["CaseResult"], dict[str, str]]:
    """Results, and why cases were refused, by name. One unsuitable case among many does not end the whole evaluation."""
    from BrainMetsAILib.training.evaluation.case_evaluation import evaluate_case
    from BrainMetsAILib.training.evaluation.case_files import TruthRefused, read_truth

    results, refused = [], {}
    with tempfile.TemporaryDirectory(prefix="brainmets_evaluate_") as scratch, ExitStack() as workers:
        worker = workers.enter_context(WorkerProcess())
        for number, case in enumerate(cases, start=1):
            step = progress.stage(f"{number}/{len(cases)} {case.name}")
            try:
                sequence = read_sequence(case.image)
                notes = check_head_mr(sequence, accept_thick=True)
                truth = read_truth(case, sequence.image)
            except (ImageRefused, TruthRefused) as refusal:
                refused[case.name] = str(refusal)
                continue
            with tempfile.TemporaryDirectory(dir=scratch) as name:
                task_input = find_input(
                    Path(name),
                    sequence.image,
                    model=args.model,
                    device=args.device,
                    threads=args.threads or all_threads(),
                    accept_thick=True,
                    checked=True,
                )
                try:
                    finding = read_finding(worker.run("find", task_input, Path(name), step), sequence.image)
                except TaskFailed as failure:
                    refused[case.name] = str(failure)
                    worker.close()  # it may have died, or hold memory that the next case needs
                    worker = workers.enter_context(WorkerProcess())
                    continue
            finding = replace(finding, notes=(*notes, *finding.notes))
            results.append(evaluate_case(case.name, finding, truth, threshold, _tags(case, sequence)))
            progress.finish()
    if not results:
        name, reason = next(iter(refused.items()))
        raise Refused(f"None of the {len(cases)} cases can be searched; {name}: {reason}")
    return results, refused


def _tags(case: "CaseFiles", sequence: MRSequence) -> dict[str, str]:
    blood = sequence.guess.blood
    tags = {"contrast": str(blood)} if blood is not BloodSignal.UNKNOWN else {}
    return {**tags, "lesions": "none" if case.truth is None else "outlined", **case.tags}


def _about(args: argparse.Namespace, bundle: Bundle, refused: Mapping[str, str]) -> dict[str, Any]:
    return {
        "cases": str(args.cases),
        "model": bundle.name,
        "version": bundle.version,
        "sha256": bundle.sha256,
        "settings": dict(bundle.settings),
        "refused": dict(refused),
    }


def _said(results: Sequence["CaseResult"], summary: "Summary", refused: Mapping[str, str], bundle: Bundle) -> str:
    """What was evaluated, and what was taken for granted."""
    free = summary.groups[0].lesion_free
    lines = [f"{bundle.name} {bundle.version} on {len(results)} cases, of which {free} count as free of lesions."]
    lines += [f"Left out: {name}: {reason}" for name, reason in refused.items()]
    for group, points in summary.points.items():
        if group == summary.groups[0].name or group.startswith("contrast"):
            scores = ", ".join(f"{name} {score:.3f}" for name, score in points.items())
            lines.append(f"Scores that these cases suggest for other cases ({group}): {scores}.")
    return "\n".join(lines) + "\n"
