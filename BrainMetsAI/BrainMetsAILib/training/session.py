"""One training from its configuration: data, steps, validation, curves, and the bundle at the end."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch.utils.data import DataLoader

from BrainMetsAILib.models.devices import choose_device
from BrainMetsAILib.models.finding import FindingError
from BrainMetsAILib.training.backgrounds import Background, load_backgrounds, training_files
from BrainMetsAILib.training.bundle_writing import write_bundle
from BrainMetsAILib.training.config import TrainingConfig, TrainingRefused
from BrainMetsAILib.training.curves import draw_curves
from BrainMetsAILib.training.loss import HARDEST, hardest_share
from BrainMetsAILib.training.real_cases import RealCase, check_cases, drawn_patients, find_cases
from BrainMetsAILib.training.repetition import Batch, altered, shown_again
from BrainMetsAILib.training.supervision import supervise
from BrainMetsAILib.training.trainer import CURVES, STATE, Trainer
from BrainMetsAILib.training.windows import Windows, fixed_windows

VALIDATION_SEED = 20_000
VALIDATION_GROUP = "validation and tuning"  # of split.json
BUNDLE = "bundle"
KEPT_BACK = "kept_back.json"
"""Patients of the validation, so that a later call with more or fewer cases trains on none of them."""
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Outcome:
    """How far a training has come: steps, seconds spent in all, best validation loss, and whether its time is over."""

    steps: int
    spent_s: float
    best_loss: float
    finished: bool


def run_training(config: TrainingConfig, folder: Path, slice_minutes: float, device: str, progress: Progress) -> Outcome:
    """Train until the time of the configuration is over, or that of this call.

    Parameters
    ----------
    config
        What to train on what.
    folder
        Holds the state, the curves and at the end the bundle; a later call goes on from there.
    slice_minutes
        Longest time of this call, reading the data included.
    device
        ``cpu``, ``cuda`` or ``mps``.
    progress
        Called with the share of the whole training and words.

    Raises
    ------
    TrainingRefused
        With a sentence, where the data cannot be used.
    """
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    trained_on, kept_back = _cases(config, folder, progress)
    progress(0.0, "reading the data")
    backgrounds = others = []
    if config.backgrounds is not None:
        files = training_files(config.backgrounds)
        if not files:
            raise TrainingRefused(f"The split.json of {config.backgrounds} names nothing to train on; take one that `make pack` makes.")
        backgrounds = load_backgrounds(files, folder / "backgrounds")
        others = load_backgrounds(training_files(config.backgrounds, VALIDATION_GROUP), folder / "backgrounds")
    count = config.validation_windows if others or kept_back else 0
    held = fixed_windows(Windows(others, kept_back, config.synthetic_share, VALIDATION_SEED, config.window_sizes[-1]), count)
    trainer = Trainer(
        folder,
        config.minutes * 60,
        device,
        supervise,
        config.network_sizes(),
        config.peak_rate,
        config.seed,
        config.start,
        config.steps,
    )
    trainer.supervision.multi_scale = config.multi_scale
    if trainer.share_done >= 1 and (folder / BUNDLE).is_dir():  # its card and licence may have been written on by hand
        return Outcome(trainer.step, trainer.spent_s, trainer.best_loss, True)
    batches = _batches(config, backgrounds, trained_on, trainer)
    try:
        trainer.learn_from(batches, held, config.validate_every / config.minutes, began + slice_minutes * 60, progress)
    except TrainingRefused as refusal:  # from a process of the loader it comes with that one's traceback around it
        raise TrainingRefused(str(refusal).rpartition("TrainingRefused: ")[2].strip()) from refusal
    draw_curves(folder / CURVES, folder / "curves.png")
    write_bundle(folder / STATE, folder / BUNDLE, config, trained_on, kept_back)
    return Outcome(trainer.step, trainer.spent_s, trainer.best_loss, trainer.share_done >= 1)


def _batches(
    config: TrainingConfig, backgrounds: Sequence[Background], cases: Sequence[RealCase], trainer: Trainer
) -> Iterator[Batch]:
    """Windows of one step after the other, of the size that the training has come to."""
    sizes = config.window_sizes
    while True:
        stage = min(int(trainer.share_done * len(sizes)), len(sizes) - 1)
        # Another stream in every slice and stage: going on must not show the same windows again.
        seed = config.seed + 1 + trainer.step
        stream = Windows(backgrounds, cases, config.synthetic_share, seed, sizes[stage])
        batch = round(config.batch * sizes[-1] / sizes[stage])
        loader = DataLoader(stream, batch, num_workers=config.workers, prefetch_factor=4 if config.workers else None)
        for step in shown_again(loader, config.shown, seed, lambda again: altered(again, trainer.device)):
            # Weights that were trained before know what is easy.
            trainer.supervision.hardest = hardest_share(trainer.share_done) if config.start is None else HARDEST
            yield step
            if stage < len(sizes) - 1 and trainer.share_done * len(sizes) >= stage + 1:
                trainer.average_anew()
                break


def _cases(config: TrainingConfig, folder: Path, progress: Progress) -> tuple[tuple[RealCase, ...], tuple[RealCase, ...]]:
    """Cases to train on, and those of the patients that are kept back; all are checked when a training begins."""
    if config.cases is None:
        return (), ()
    cases = find_cases(config.cases, config.patients)
    if not (folder / STATE).exists():
        check_cases(cases, lambda number: progress(0.0, f"checking case {number + 1} of {len(cases)}"))
    if not (folder / KEPT_BACK).exists():
        drawn = drawn_patients(cases, config.validation_share, config.seed)
        (folder / KEPT_BACK).write_text(json.dumps(sorted(drawn), indent=1), encoding="utf-8")
    patients = set(json.loads((folder / KEPT_BACK).read_text(encoding="utf-8")))
    trained_on, kept_back = (tuple(c for c in cases if (c.patient in patients) == back) for back in (False, True))
    if not trained_on:
        raise TrainingRefused(f"All patients that are left in {config.cases} are kept back for validation; choose another output folder.")
    return trained_on, kept_back


def choose_training_device(wish: str) -> str:
    """``auto`` is an NVIDIA GPU where there is one; raises TrainingRefused where the machine lacks what is wished for."""
    try:
        device = choose_device(wish).type
    except FindingError as error:
        raise TrainingRefused(str(error)) from error
    return "cpu" if wish == "auto" and device == "mps" else device
