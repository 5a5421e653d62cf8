"""Trains a metastasis network on synthetic lesions: ``python -m BrainMetsAILib.training.train --help``.

One call trains for a given time and can be resumed at any moment: it goes on from ``state.pt`` in its folder.
"""

import argparse
import csv
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from BrainMetsAILib.models.networks import STANDARD, build_network
from BrainMetsAILib.training.backgrounds import Background, load_backgrounds, training_files
from BrainMetsAILib.training.patches import draw_patch
from BrainMetsAILib.training.supervision import Supervision

PEAK_RATE = 1e-3
WARM_UP_STEPS = 100
AVERAGING = 0.998
SAVE_EVERY_S = 60.0
# How often each kind of head is drawn: skull-on heads first, since those arrive in a clinic.
SHARES = {"labels": 0.45, "skull-on": 0.30, "stripped": 0.10, "enhanced": 0.15}


class Windows(IterableDataset[tuple[Tensor, Tensor]]):
    """An endless stream of random windows."""

    def __init__(self, backgrounds: list[Background], seed: int) -> None:
        self.backgrounds, self.seed = backgrounds, seed
        kinds = [_kind(b) for b in backgrounds]
        self.weights = np.array([SHARES[k] / kinds.count(k) for k in kinds])
        self.weights /= self.weights.sum()

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        while True:
            array, classes = draw_patch(self.backgrounds, self.weights, rng)
            yield torch.from_numpy(array)[None], torch.from_numpy(classes.astype(np.int64))


def _kind(background: Background) -> str:
    if background.labels is not None:
        return "labels"
    if background.enhanced or "t1c" in background.name:
        return "enhanced"
    return "stripped" if "stripped" in background.name else "skull-on"


class Trainer:
    """The network, its running average, and everything needed to go on after an interruption."""

    def __init__(
        self, folder: Path, total_s: float, device: str, sizes: Mapping[str, Any] = STANDARD["compact"], start: Path | None = None
    ) -> None:
        self.folder, self.total_s, self.device = folder, total_s, torch.device(device)
        torch.manual_seed(0)
        state = None
        if (folder / "state.pt").exists():
            state = torch.load(folder / "state.pt", weights_only=True, map_location=self.device)
            sizes = state.get("sizes", sizes)
        self.sizes = dict(sizes)
        self.supervision = Supervision(build_network(self.sizes)).to(self.device, memory_format=torch.channels_last_3d)
        self.network = self.supervision.network
        if start is not None:
            self.network.load_state_dict({key: value.float() for key, value in load_file(str(start)).items()})
        self.average = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
        self.optimiser = torch.optim.AdamW(self.supervision.parameters(), lr=PEAK_RATE, weight_decay=1e-4)
        self.step, self.spent_s = 0, 0.0
        if state is not None:
            self.network.load_state_dict(state["network"])
            self.supervision.coarse.load_state_dict(state["coarse"])
            self.average = state["average"]
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.spent_s = int(state["step"]), float(state["spent_s"])

    def rate(self) -> float:
        """Learning rate now: a short rise, then a cosine to zero over the whole time."""
        rise = min(1.0, (self.step + 1) / WARM_UP_STEPS)
        return PEAK_RATE * rise * 0.5 * (1 + float(np.cos(np.pi * min(1.0, self.spent_s / self.total_s))))

    def learn(self, array: Tensor, classes: Tensor) -> float:
        """One step; returns the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        loss = self.supervision(array.to(self.device, memory_format=torch.channels_last_3d), classes.to(self.device))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        keep = min(AVERAGING, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for key, value in self.network.state_dict().items():
                self.average[key].lerp_(value, 1 - keep)
        return float(loss.detach())

    def save(self) -> None:
        """Replace ``state.pt`` in one move."""
        state = {
            "network": self.network.state_dict(),
            "coarse": self.supervision.coarse.state_dict(),
            "sizes": self.sizes,
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "spent_s": self.spent_s,
        }
        torch.save(state, self.folder / "state.new")
        (self.folder / "state.new").replace(self.folder / "state.pt")


def train(
    data: Path,
    folder: Path,
    total_minutes: float,
    slice_minutes: float,
    batch: int,
    workers: int,
    device: str,
    network: str = "compact",
    start: Path | None = None,
) -> None:
    """Train until `total_minutes` have been spent in all, or `slice_minutes` in this call."""
    folder.mkdir(parents=True, exist_ok=True)
    backgrounds = load_backgrounds(training_files(data), folder / "backgrounds")
    trainer = Trainer(folder, total_minutes * 60, device, STANDARD[network], start)
    loader = DataLoader(
        Windows(backgrounds, seed=1 + trainer.step), batch_size=batch, num_workers=workers, prefetch_factor=4 if workers else None
    )
    started = saved = time.monotonic()
    before, losses = trainer.spent_s, []
    for array, classes in loader:
        losses.append(trainer.learn(array, classes))
        now = time.monotonic()
        trainer.spent_s = before + now - started
        done = trainer.spent_s >= trainer.total_s or now - started >= slice_minutes * 60
        if done or now - saved > SAVE_EVERY_S:
            trainer.save()
            _log(folder / "loss.csv", trainer, float(np.mean(losses)))
            saved, losses = now, []
        if done:
            break


def _log(path: Path, trainer: Trainer, loss: float) -> None:
    print(f"step {trainer.step}, {trainer.spent_s / 60:.1f} min, loss {loss:.3f}", flush=True)
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(["step", "seconds", "loss", "rate"])
        writer.writerow([trainer.step, round(trainer.spent_s), f"{loss:.4f}", f"{trainer.rate():.2e}"])


def main() -> None:
    """Command line of the training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the public volumes and split.json")
    parser.add_argument("--out", type=Path, required=True, help="folder for the state, which a later call resumes")
    parser.add_argument("--minutes", type=float, default=120, help="time in all; the learning rate falls to zero over it")
    parser.add_argument("--slice", type=float, default=1e9, help="minutes of this call")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--workers", type=int, default=1, help="processes that draw windows")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--network", choices=sorted(STANDARD), default="compact", help="which network; a state that is there keeps its own")
    parser.add_argument("--start", type=Path, help="weights (safetensors) to begin with, where there is no state yet")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(args.data, args.out, args.minutes, args.slice, args.batch, args.workers, args.device, args.network, args.start)


if __name__ == "__main__":
    main()
