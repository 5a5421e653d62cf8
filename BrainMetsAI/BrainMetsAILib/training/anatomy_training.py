"""Trains the anatomy network: ``python -m BrainMetsAILib.training.anatomy_training --help``.

One call trains for a given time and can be resumed at any moment: it goes on from ``state.pt`` in its folder, with the learning rate of
the time spent so far. A longer ``--minutes`` in a later call stretches what is left.
"""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from BrainMetsAILib.lesions.anatomy_regions import FIRST_OF_BRAIN, Region
from BrainMetsAILib.models.anatomy_inference import REGION_NAMES
from BrainMetsAILib.models.anatomy_network import CELLS, EDGE, AnatomyUNet
from BrainMetsAILib.training.anatomy_labels import AnatomyHead, prepare, read_head
from BrainMetsAILib.training.anatomy_windows import MIRROR, WINDOW, draw_window
from BrainMetsAILib.training.backgrounds import training_files
from BrainMetsAILib.training.repetition import Batch, altered, shown_again
from BrainMetsAILib.training.trainer import Trainer

WIDTHS = (32, 56, 80, 112)
CLASSES = len(Region)
SIZES: Mapping[str, Any] = {"name": "anatomy", "widths": list(WIDTHS), "classes": list(REGION_NAMES)}
VALIDATE_EVERY_S = 1200.0
VALIDATION_GROUP, VALIDATION_SEED, VALIDATION_WINDOWS = "validation and tuning", 20_000, 12
LABEL_MAP_SHARE = 0.8
"""How often a window shows a label map: their regions are exact, those carried onto real volumes are not."""
CROPPED_SHARE = 0.75
"""Of the training: until then parts of the windows are shown, since a step then takes less time and more contrasts are seen. The idea is
that of growing patches (Fischer et al., MICCAI 2024, doi:10.1007/978-3-031-72114-4_49)."""
CROP, CROPS = (48, 64, 48), 3
COARSE_LEVELS = 2
COARSE_WEIGHT = 0.3
WEIGHTS = torch.ones(CLASSES)  # of a voxel of each region in the cross-entropy
WEIGHTS[Region.BACKGROUND] = 0.3  # most of them teach nothing
WEIGHTS[Region.CHOROID_PLEXUS] = 4.0  # one voxel in a thousand: it would be all but free to miss them


class AnatomyWindows(IterableDataset[tuple[Tensor, Tensor]]):
    """An endless stream of random windows (1, 1, k, j, i) with their regions (1, k, j, i).

    Parameters
    ----------
    heads
        To draw from.
    seed
        Of the stream.
    crops
        Where above 0, that many random parts (`CROP`) of a window are given instead of the window.
    """

    def __init__(self, heads: list[AnatomyHead], seed: int, crops: int = 0) -> None:
        self.heads, self.seed, self.crops = heads, seed, crops
        maps = np.array([head.labels is not None for head in heads])
        shares = np.where(maps, LABEL_MAP_SHARE / max(maps.sum(), 1), (1 - LABEL_MAP_SHARE) / max((~maps).sum(), 1))
        self.weights = shares / shares.sum()

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        while True:
            array, regions = draw_window(self.heads, self.weights, rng)
            parts = [_random_part(rng) for _ in range(self.crops)] or [(slice(None),) * 3]
            yield (
                torch.from_numpy(np.stack([array[part] for part in parts]))[:, None],
                torch.from_numpy(np.stack([regions[part] for part in parts])),
            )


def _random_part(rng: np.random.Generator) -> tuple[slice, ...]:
    starts = [int(rng.integers(whole - part + 1)) for whole, part in zip(WINDOW, CROP, strict=True)]
    return tuple(slice(start, start + part) for start, part in zip(starts, CROP, strict=True))


class AnatomySupervision(nn.Module):
    """The network with what only its training needs: heads at an eighth and a quarter of the resolution."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.network = AnatomyUNet(widths, CLASSES)
        self.coarse = nn.ModuleList([nn.Conv3d(widths[level], CLASSES, 1) for level in range(COARSE_LEVELS, 0, -1)])

    def forward(self, array: Tensor, regions: Tensor) -> Tensor:
        """The loss of windows (b, 1, k, j, i) against their regions (b, k, j, i)."""
        with torch.autocast(array.device.type, dtype=torch.bfloat16):
            features = self.network.features(array)
            maps = [head(level) for head, level in zip(self.coarse, features[-1 - COARSE_LEVELS : -1], strict=True)]
            cells = self.network.cells(features)
        # In training a quarter of the voxels, drawn anew each time, teaches as well as all of them, in a quarter of the time.
        chosen = torch.randperm(CELLS)[: CELLS // 4].tolist() if self.training else range(CELLS)
        truth = torch.cat([regions[:, cell // 4 :: EDGE, cell // 2 % 2 :: EDGE, cell % 2 :: EDGE] for cell in chosen])
        total = anatomy_loss(torch.cat([cells[:, :, cell] for cell in chosen]), truth)
        for logits in maps:
            step = regions.shape[-1] // logits.shape[-1]
            total = total + COARSE_WEIGHT * anatomy_loss(logits, regions[:, step // 2 :: step, step // 2 :: step, step // 2 :: step])
        return total


def anatomy_loss(logits: Tensor, regions: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice of every region that is there, and of the brain as a whole.

    Parameters
    ----------
    logits
        (b, classes, k, j, i).
    regions
        (b, k, j, i), any integer type.
    """
    classes = regions.long()
    logs = functional.log_softmax(logits.float(), dim=1)
    own = logs.gather(1, classes[:, None])[:, 0]
    weights = WEIGHTS.to(classes.device)[classes]
    entropy = -(own * weights).sum() / weights.sum()
    shares = logs.exp()
    sizes = torch.bincount(classes.flatten(), minlength=CLASSES).float()
    common = torch.zeros(CLASSES, device=logits.device).index_add(0, classes.flatten(), own.exp().flatten())
    called = shares.sum(dim=(0, 2, 3, 4))
    smooth = 20.0
    each = (2 * common + smooth) / (sizes + called + smooth)
    there = sizes > 0
    brain = shares[:, FIRST_OF_BRAIN:].sum(dim=1)
    truth = classes >= FIRST_OF_BRAIN
    whole = (2 * (brain * truth).sum() + smooth) / (brain.sum() + truth.sum() + smooth)
    return entropy + (1 - each[there].mean()) + (1 - whole)


def supervise_anatomy(sizes: Mapping[str, Any]) -> AnatomySupervision:
    """The network of those sizes with its supervision."""
    if list(sizes["classes"]) != list(REGION_NAMES):
        raise ValueError(f"the classes {sizes['classes']} are not this version's regions")
    return AnatomySupervision([int(width) for width in sizes["widths"]])


@dataclass(frozen=True)
class Course:
    """How an anatomy training goes.

    Attributes
    ----------
    cropped_share
        Of the training: parts of windows until then.
    batch
        Windows a step.
    shown
        How often each window is shown (`repetition.py`).
    start
        Weights (safetensors) to begin with.
    """

    cropped_share: float = CROPPED_SHARE
    batch: int = 1
    shown: int = 1
    start: Path | None = None


def train_anatomy(
    data: Path, folder: Path, total_minutes: float, slice_minutes: float, workers: int, device: str, course: Course | None = None
) -> Trainer:
    """Train until `total_minutes` have been spent in all, or `slice_minutes` in this call.

    The labels are made on the first call (about ten seconds a head on one core) and kept in ``heads``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    heads = [read_head(path) for path in prepare(data, folder / "heads", training_files(data))]
    others = [read_head(path) for path in prepare(data, folder / "heads", training_files(data, VALIDATION_GROUP))]
    how = course or Course()
    trainer = Trainer(folder, total_minutes * 60, device, supervise_anatomy, SIZES, start=how.start)
    held = [(array[0], regions[0]) for array, regions in islice(AnatomyWindows(others, VALIDATION_SEED), VALIDATION_WINDOWS)]
    ends = time.monotonic() + slice_minutes * 60
    trainer.learn_from(_steps(heads, trainer, workers, how), held, VALIDATE_EVERY_S / (total_minutes * 60), ends, _say)
    print()  # what it says stays on one line until here
    return trainer


def _say(share: float, text: str) -> None:
    print(f"\r{share:6.1%}  {text}", end="", flush=True)


def _steps(heads: list[AnatomyHead], trainer: Trainer, workers: int, how: Course) -> Iterator[Batch]:
    """Windows and regions of one step after the other: parts of windows first, then whole ones."""
    while True:
        cropped = trainer.share_done < how.cropped_share
        # Another stream in every slice: going on must not show the same windows again.
        seed = 1 + trainer.step
        stream = AnatomyWindows(heads, seed, CROPS if cropped else 0)
        loader = DataLoader(stream, how.batch, num_workers=workers, prefetch_factor=2 if workers else None, collate_fn=_joined)
        for step in shown_again(loader, how.shown, seed, lambda again: altered(again, trainer.device, torch.from_numpy(MIRROR))):
            yield step
            if cropped and trainer.share_done >= how.cropped_share:
                trainer.average_anew()
                break


def _joined(steps: list[tuple[Tensor, Tensor]]) -> Batch:
    return [torch.cat(parts) for parts in zip(*steps, strict=True)]


def main() -> None:
    """Command line of the training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the public volumes and split.json")
    parser.add_argument("--out", type=Path, required=True, help="folder for labels and state, which a later call resumes")
    parser.add_argument("--minutes", type=float, default=240, help="time in all; the learning rate falls to zero over it")
    parser.add_argument("--slice", type=float, default=1e9, help="minutes of this call")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw windows")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=Course.batch, help="windows a step")
    parser.add_argument("--shown", type=int, default=Course.shown, help="how often each window is shown, for a fast GPU")
    parser.add_argument("--cropped-share", type=float, default=Course.cropped_share, help="of the training: parts of windows until then")
    parser.add_argument("--start", type=Path, help="weights (safetensors) to begin with")
    args = parser.parse_args()
    if min(args.batch, args.shown) < 1:
        parser.error("--batch and --shown must be 1 or more")
    torch.set_num_threads(args.threads)
    course = Course(args.cropped_share, args.batch, args.shown, args.start)
    train_anatomy(args.data, args.out, args.minutes, args.slice, args.workers, args.device, course)


if __name__ == "__main__":
    main()
