"""``brainmets practice VOLUME -o OUT``: a practice case with known truth from any head volume."""

import argparse
from pathlib import Path
from typing import Any

from BrainMetsAILib.cli.output_folder import output_folder
from BrainMetsAILib.cli.progress import Progress
from BrainMetsAILib.images.examination import ImageRefused
from BrainMetsAILib.images.reading import read_sequence
from BrainMetsAILib.images.suitability import check_image
from BrainMetsAILib.synthesis.practice import PracticeCase, make_practice_case, write_practice_case

CASE_FILES = (
    "baseline_t1c.nii.gz",
    "baseline_labels.nii.gz",
    "baseline_necrosis.nii.gz",
    "baseline_truth.csv",
    "followup_t1c.nii.gz",
    "followup_labels.nii.gz",
    "followup_necrosis.nii.gz",
    "followup_truth.csv",
    "fates.csv",
)


def add_parser(subparsers: Any) -> None:
    """Add the command to those of `brainmets`."""
    parser = subparsers.add_parser(
        "practice",
        help="make a practice case with known truth from a head volume",
        description="Put synthetic metastases with known truth into a T1 or contrast-enhanced T1 of a head (skull on or off), and make "
        "a follow-up of it in which they have grown, shrunk, vanished, split, merged, stayed or are new. OUT holds for baseline "
        "and follow-up the volume (…_t1c.nii.gz), the lesion numbers (…_labels.nii.gz), necrosis (…_necrosis.nii.gz) and the table "
        "of the truth (…_truth.csv), and what became of each lesion (fates.csv).",
        epilog="Exit codes: 0 done, 1 an error inside, 2 command or input refused, 130 cancelled.",
    )
    parser.add_argument("volume", metavar="VOLUME", type=Path, help="file (NIfTI, NRRD, MHA) or DICOM folder")
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help="folder to be made; it appears when all is done")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="another number makes another case; the same one the same (0)")
    parser.add_argument("--overwrite", action="store_true", help="replace the result of a former run")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the case and say what is in it."""
    progress = Progress(quiet=args.quiet)
    try:
        with output_folder(args.output, CASE_FILES, [args.volume], args.overwrite) as folder:
            case = make_case(args.volume, args.seed, progress)
            progress.stage("Writing the files")
            write_practice_case(case, folder / "case")
            for path in (folder / "case").iterdir():
                path.rename(folder / path.name)
            (folder / "case").rmdir()
        progress.finish()
    finally:
        progress.clear()
    counts = f"{len(case.baseline.truth)} lesions at baseline, {len(case.follow_up.truth)} at follow-up"
    print(f"{args.output}: practice case with {counts} (synthetic, seed {case.seed}).")
    return 0


def make_case(volume: Path, seed: int, progress: Progress) -> PracticeCase:
    """The case of a volume and a seed; raises ImageRefused where the volume is no head."""
    if seed < 0:
        raise ImageRefused(f"The seed must be a whole number from 0, not {seed}.")
    progress.stage("Reading")
    sequence = read_sequence(volume)
    check_image(sequence.image, sequence.modality, accept_thick=True)
    return make_practice_case(sequence.image, seed, progress.stage("Making the practice case"))
