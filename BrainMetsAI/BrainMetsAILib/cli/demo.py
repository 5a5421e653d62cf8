"""``brainmets demo -o OUT``: makes the embedded practice case, reviews it, and says what is true beside what was found."""

import argparse
import sys
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from BrainMetsAILib.cli.lesion_text import text_table
from BrainMetsAILib.cli.output_folder import output_folder
from BrainMetsAILib.cli.practice import make_case
from BrainMetsAILib.cli.progress import Progress
from BrainMetsAILib.cli.refusal import Refused
from BrainMetsAILib.cli.review import read_inputs, review_text
from BrainMetsAILib.cli.review_files import REVIEW_FILES
from BrainMetsAILib.cli.reviewing import Reviewed, RunChoices, review_into
from BrainMetsAILib.exchange.examined import ReviewedExamination
from BrainMetsAILib.models.bundles import find_bundle, models_folder
from BrainMetsAILib.synthesis.practice import PracticeCase, SyntheticExamination, write_practice_case
from BrainMetsAILib.synthesis.scoring import match_to_truth

SEED = 1
PRACTICE = "practice"


def add_parser(subparsers: Any) -> None:
    """Add the command to those of `brainmets`."""
    parser = subparsers.add_parser(
        "demo",
        help="review the embedded practice case and compare with its truth",
        description="Make a practice case (a real head with synthetic lesions, at two dates), review it, and print what was found beside "
        "what is true. OUT holds what `brainmets review` writes, and the case itself in practice/.",
        epilog="Exit codes: 0 done, 1 an error inside, 2 command or input refused, 130 cancelled.",
    )
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, default=Path("demo"), help="folder; a former demo in it is replaced")
    parser.add_argument("--seed", metavar="N", type=int, default=SEED, help=f"another number makes another case ({SEED})")
    parser.add_argument("--volume", metavar="VOLUME", type=Path, help="another head volume than the embedded one")
    parser.add_argument("--model", metavar="NAME", help="name of a network, or the folder of its bundle (the bundled one)")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make, review, compare with the truth."""
    volume = args.volume or models_folder().parent / "Practice" / "head_t1.nii.gz"
    if not volume.exists():
        raise Refused(f"{volume} does not exist: name a head volume with --volume.")
    find_bundle(args.model)
    progress = Progress(quiet=args.quiet)
    try:
        with output_folder(args.output, (*REVIEW_FILES, PRACTICE), [volume], overwrite=True) as folder:
            case = make_case(volume, args.seed, progress)
            progress.finish()
            write_practice_case(case, folder / PRACTICE)
            names = [folder / PRACTICE / f"{name}_t1c.nii.gz" for name in ("baseline", "followup")]
            inputs = read_inputs(names[0], names[1], progress)
            reviewed = review_into(folder, inputs, RunChoices(args.model), progress)
            text = f"{review_text(reviewed)}\n\nFound beside the truth (all lesions are synthetic)\n\n{truth_text(case, reviewed)}"
    finally:
        progress.clear()
    print(text)
    print(f"\nWritten to {args.output}: open report.html in a browser, scene.mrb in 3D Slicer.")
    return 0


def truth_text(case: PracticeCase, reviewed: Reviewed) -> str:
    """What was drawn beside what was found, for both examinations, and what happened beside what the response says."""
    assert reviewed.follow_up is not None and reviewed.comparison is not None
    pairs = []
    blocks = []
    for title, truth, found in (
        ("Baseline", case.baseline, reviewed.examination),
        ("Follow-up", case.follow_up, reviewed.follow_up),
    ):
        numbers, text = _examination_text(truth, found)
        pairs.append(numbers)
        blocks.append(f"{title}\n{text}")
    blocks.append(f"Response\n{_fates_text(case, reviewed, pairs[0], pairs[1])}")
    return "\n\n".join(blocks)


def _examination_text(truth: SyntheticExamination, found: ReviewedExamination) -> tuple[dict[int, str], str]:
    """True number → name of the lesion found there, and the table."""
    grid = found.lesions.labels
    true_labels = sitk.Resample(truth.labels, grid, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt16)
    score = match_to_truth(grid, true_labels)
    lesions = {lesion.number: lesion for lesion in found.lesions.lesions}
    names = {hit.true_number: lesions[hit.number].name for hit in score.hits}
    overlaps = {hit.true_number: (lesions[hit.number], hit.iou) for hit in score.hits}
    rows = []
    for true in truth.truth:
        lesion, overlap = overlaps.get(true.number, (None, 0.0))
        found_ml = "" if lesion is None else f"{lesion.measurements.volume_ml:.3f}"
        error = "" if lesion is None else f"{100 * (lesion.measurements.volume_ml / true.volume_ml - 1):+.0f}"
        row = (
            true.name,
            true.kind,
            f"{true.diameter_mm:.1f}",
            f"{true.volume_ml:.3f}",
            lesion.name if lesion else "missed",
            found_ml,
            error,
        )
        rows.append((*row, f"{overlap:.2f}" if lesion else ""))
    header = ("Truth", "Kind", "Diameter mm", "Volume mL", "Found", "Volume mL", "Error %", "Overlap (IoU)")
    false = ", ".join(lesions[number].name for number in score.false) or "none"
    return names, f"{text_table(header, rows)}\nFound {len(names)} of {len(rows)}; false positives: {false}."


def _fates_text(case: PracticeCase, reviewed: Reviewed, baseline: dict[int, str], follow_up: dict[int, str]) -> str:
    """What happened to each true lesion beside what the response table says of the lesions found there."""
    assert reviewed.comparison is not None
    true_before = {lesion.number: lesion.name for lesion in case.baseline.truth}
    true_after = {lesion.number: lesion.name for lesion in case.follow_up.truth}
    rows = []
    for fate in case.fates:
        before = {baseline[number] for number in fate.baseline if number in baseline}
        after = {follow_up[number] for number in fate.follow_up if number in follow_up}
        said = [
            f"{row.name}: {row.fate}"
            for row in reviewed.comparison.summary.rows
            if before & set(row.baseline_names) or (after & set(row.follow_up_names))
        ]
        names = (" + ".join(true_before[n] for n in fate.baseline) or "–", " + ".join(true_after[n] for n in fate.follow_up) or "–")
        rows.append((*names, fate.fate, "; ".join(said) or "not found"))
    return text_table(("Baseline", "Follow-up", "What happened", "What the response says"), rows)


def main() -> int:
    """``python -m BrainMetsAILib.cli.demo``: the same as ``brainmets demo``."""
    from BrainMetsAILib.cli.main import main as brainmets

    return brainmets(["demo", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
