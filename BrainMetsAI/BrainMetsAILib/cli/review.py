"""``brainmets review T1C [--follow-up T1C] -o OUT``: find, measure, picture, compare, save."""

import argparse
from pathlib import Path
from typing import Any

from BrainMetsAILib.cli.examination_input import ExaminationInput, check_pair, check_paths, read_examination_input
from BrainMetsAILib.cli.lesion_text import lesion_table, response_text
from BrainMetsAILib.cli.number_arguments import count_of, share_of
from BrainMetsAILib.cli.output_folder import output_folder
from BrainMetsAILib.cli.progress import Progress
from BrainMetsAILib.cli.review_files import REVIEW_FILES
from BrainMetsAILib.cli.reviewing import Reviewed, RunChoices, review_into
from BrainMetsAILib.images.examination import Role
from BrainMetsAILib.models.bundles import find_bundle


def add_parser(subparsers: Any) -> None:
    """Add the command to those of `brainmets`."""
    parser = subparsers.add_parser(
        "review",
        help="find, measure, picture and compare metastases, and save a scene for 3D Slicer",
        description="Find metastases on a contrast-enhanced T1, outline and measure them with necrosis kept apart, and with a follow-up "
        "say how each lesion and the patient responded. OUT then holds scene.mrb (for 3D Slicer), report.html, lesions.csv, pictures/, "
        "and in the input's grid lesions.nii.gz (the lesion's number a voxel), necrosis.nii.gz and probability.nii.gz; with a follow-up "
        "also response.csv and the same files named followup_….",
        epilog="Exit codes: 0 done, 1 an error inside, 2 command or input refused, 130 cancelled. Research use only.",
    )
    parser.add_argument("t1c", metavar="T1C", type=Path, help="contrast-enhanced T1: a file (NIfTI, NRRD, MHA) or a DICOM folder")
    parser.add_argument("--follow-up", metavar="T1C", type=Path, help="that of a later date, to compare with")
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help="folder to be made; it appears when all is done")
    parser.add_argument("--overwrite", action="store_true", help="replace the result of a former review")
    parser.add_argument("--accept-thick", action="store_true", help="search slices thicker than 5 mm all the same")
    parser.add_argument("--different-patients", action="store_true", help="compare although the headers name different patients")
    parser.add_argument(
        "--score",
        metavar="X",
        type=share_of,
        help="leave out lesions with a score below X, from 0 to 1 (without it the scene hides those below the balanced point)",
    )
    roles = [str(role) for role in Role if role not in (Role.CT, Role.OTHER)]
    parser.add_argument("--role", choices=roles, help="take the images as this, whatever their header or name says")
    parser.add_argument("--model", metavar="NAME", help="name of a network, or the folder of its bundle (the bundled one)")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto", help="where the network runs (auto)")
    parser.add_argument("--threads", metavar="N", type=count_of, help="cores to use (all)")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Review and print the tables."""
    check_paths(args.t1c, args.follow_up)
    find_bundle(args.model)  # a missing network is said before anyone waits
    progress = Progress(quiet=args.quiet)
    paths = [path for path in (args.t1c, args.follow_up) if path is not None]
    try:
        with output_folder(args.output, REVIEW_FILES, paths, args.overwrite) as folder:
            inputs = read_inputs(args.t1c, args.follow_up, progress, Role(args.role) if args.role else None, args.accept_thick)
            choices = RunChoices(args.model, args.device, args.threads, args.score)
            text = review_text(review_into(folder, inputs, choices, progress, args.different_patients))
    finally:
        progress.clear()
    print(text)
    print(f"\nWritten to {args.output}: open report.html in a browser, scene.mrb in 3D Slicer.")
    return 0


def read_inputs(
    t1c: Path, follow_up: Path | None, progress: Progress, role: Role | None = None, accept_thick: bool = False
) -> list[ExaminationInput]:
    """The one or two examinations, checked; raises ImageRefused or Refused with a sentence."""
    progress.stage("Reading")
    first = read_examination_input(t1c, "Examination" if follow_up is None else "Baseline", role, accept_thick)
    if follow_up is None:
        progress.finish()
        return [first]
    second = read_examination_input(follow_up, "Follow-up", role, accept_thick)
    progress.finish()
    return [first, check_pair(first, second)]


def review_text(reviewed: Reviewed) -> str:
    """Warnings and tables."""
    blocks = []
    for examination in (reviewed.examination, reviewed.follow_up):
        if examination is not None:
            title = f"{examination.facts.title}: {examination.facts.description}"
            notes = [f"Note: {warning}" for warning in examination.facts.warnings]
            blocks.append("\n".join([title, *notes, lesion_table(examination.lesions.lesions)]))
    if reviewed.comparison is not None:
        blocks.append(f"Response\n{response_text(reviewed.comparison.summary)}")
    return "\n\n".join(blocks)
