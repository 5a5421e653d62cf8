"""``brainmets train CONFIG -o OUT``: train a network on real cases, on synthetic lesions, or on both."""

import argparse
from pathlib import Path
from typing import Any

from BrainMetsAILib.cli.progress import Progress
from BrainMetsAILib.cli.refusal import Refused
from BrainMetsAILib.models.finding import Cancelled


def add_parser(subparsers: Any) -> None:
    """Add the command to those of `brainmets`."""
    parser = subparsers.add_parser(
        "train",
        help="train a network on real cases, synthetic lesions, or both",
        description="Train a metastasis network as a TOML file says (examples in BrainMetsAILib/training/configs). OUT holds the state, "
        "from which the same command goes on after any interruption, the curves (curves.csv, curves.png), and a bundle with its model card "
        "(bundle/) that `brainmets review --model OUT/bundle` uses.",
        epilog="Exit codes: 0 done, 1 an error inside, 2 command or input refused, 130 cancelled (the state of the last minute is kept).",
    )
    parser.add_argument("config", metavar="CONFIG", type=Path, help="TOML file")
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help="folder of the training; made if it is not there")
    parser.add_argument("--slice", metavar="MIN", type=float, default=1e6, help="end this call after so many minutes; a later call goes on")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="where to run (auto: a GPU or the CPU)")
    parser.add_argument("--threads", metavar="N", type=int, default=None, help="cores for the network on a CPU (all)")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, and say how far it came."""
    import torch

    from BrainMetsAILib.training.config import TrainingRefused, read_config
    from BrainMetsAILib.training.session import choose_training_device, run_training

    if args.slice <= 0:
        raise Refused(f"--slice must be more than 0 minutes, not {args.slice:g}.")
    if args.threads:
        torch.set_num_threads(args.threads)
    progress = Progress(quiet=args.quiet)
    try:
        config = read_config(args.config)
        outcome = run_training(config, args.output, args.slice, choose_training_device(args.device), progress.stage("Training"))
        progress.finish()
    except TrainingRefused as refusal:
        raise Refused(str(refusal)) from refusal
    except KeyboardInterrupt:
        kept = (args.output / "state.pt").exists()
        raise Cancelled("the same command goes on from the last saved minute" if kept else "nothing was saved yet") from None
    finally:
        progress.clear()
    checked = "" if outcome.best_loss == float("inf") else f", lowest validation loss {outcome.best_loss:.3f}"
    print(f"{args.output}: {outcome.steps} steps, {outcome.spent_s / 60:.0f} minutes{checked}.")
    if not outcome.finished:
        print("The same command goes on from here.")
    return 0
