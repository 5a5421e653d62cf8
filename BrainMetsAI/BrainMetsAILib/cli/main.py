"""``brainmets``: the command line. Exit codes: 0 done, 1 an error inside, 2 command or input refused, 130 cancelled."""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from BrainMetsAILib.cli import demo, evaluate, practice, read, review, train
from BrainMetsAILib.cli.process import TaskFailed
from BrainMetsAILib.cli.refusal import Refused
from BrainMetsAILib.images.examination import ImageRefused
from BrainMetsAILib.models.bundles import BundleError
from BrainMetsAILib.models.finding import Cancelled
from BrainMetsAILib.worker.failures import is_out_of_memory, sentence_for
from BrainMetsAILib.worker.protocol import VERSION

DONE, FAILED, REFUSED, CANCELLED = 0, 1, 2, 130
RESEARCH_USE = (
    "Research use only: not a medical device, not for clinical decisions. Never made for leptomeningeal, dural or skull metastases."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit code. Whatever happens, a person gets sentences, never a traceback."""
    args = _parser().parse_args(arguments)
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, _as_ctrl_c)
    command = f"brainmets {args.command}"
    try:
        return int(args.run(args))
    except (KeyboardInterrupt, Cancelled):
        return _say(command, "Cancelled; nothing was written.", CANCELLED)
    except (Refused, ImageRefused, BundleError) as refusal:
        return _say(command, str(refusal), REFUSED)
    except TaskFailed as failure:
        return _say(command, str(failure) + _log_note(failure.details), FAILED)
    except BrokenPipeError:
        # Whoever read our output (head, less) has gone: not an error. Python would complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        # The outermost place: an error of any kind becomes a sentence and a log file.
        details = "".join(traceback.format_exception(error))
        ours = type(error).__module__.startswith("BrainMetsAI")
        note = "" if ours or is_out_of_memory(error) else _log_note(details)
        return _say(command, sentence_for(str(args.command), error) + note, REFUSED if ours else FAILED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="brainmets", description=f"Finds, outlines, measures and follows brain metastases on contrast-enhanced T1 MR. {RESEARCH_USE}"
    )
    parser.add_argument("--version", action="version", version=f"brainmets {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (review, read, practice, evaluate, train, demo):
        command.add_parser(commands)
    return parser


def _say(command: str, sentence: str, code: int) -> int:
    print(f"{command}: {sentence}", file=sys.stderr)
    return code


def _log_note(details: str) -> str:
    """Where the details of an error were written, as a sentence; empty where there are none or no place for them."""
    if not details:
        return ""
    try:
        with tempfile.NamedTemporaryFile("w", prefix="brainmets_error_", suffix=".log", delete=False, encoding="utf-8") as file:
            file.write(details)
    except OSError:
        return ""
    return f" Details are in {Path(file.name)}."


def _as_ctrl_c(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
