"""The network in training: steps, the running average, and everything needed to go on after an interruption."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from BrainMetsAILib.models.rlk_unet import RLKUNet
from BrainMetsAILib.training.config import TrainingRefused
from BrainMetsAILib.training.curves import append_curve

WARM_UP_STEPS = 100
AVERAGING = 0.998
STATE, CURVES = "state.pt", "curves.csv"
SAVE_EVERY_S = 60.0


class Trainer:
    """A network with its optimiser.

    Attributes
    ----------
    supervision
        A module with the parts ``network`` and ``coarse`` (what only training needs), whose call with windows and classes is the loss.

    Parameters
    ----------
    folder
        Holds ``state.pt``; where it is there already, the training goes on from it.
    total_s
        Seconds in all, over which the learning rate falls to zero.
    total_steps
        Steps in all instead, where above 0.
    device
        Where it runs.
    supervise
        Makes the supervision from the network's sizes.
    sizes
        Of the network; those of a state that is there must be the same.
    peak_rate
        Highest learning rate.
    seed
        Of the first weights.
    start
        Weights to begin with where there is no state.

    Raises
    ------
    TrainingRefused
        Where the folder holds the state of another network.
    """

    def __init__(
        self,
        folder: Path,
        total_s: float,
        device: str,
        supervise: Callable[[Mapping[str, Any]], nn.Module],
        sizes: Mapping[str, Any],
        peak_rate: float = 1e-3,
        seed: int = 0,
        start: Path | None = None,
        total_steps: int = 0,
    ) -> None:
        self.total_steps = total_steps
        self.folder, self.total_s, self.device, self.peak_rate = folder, total_s, torch.device(device), peak_rate
        state = None
        if (folder / STATE).exists():  # read to the CPU: the optimiser's counts of steps must stay there
            state = torch.load(folder / STATE, weights_only=True, map_location="cpu")
            if _plain(state["sizes"]) != _plain(sizes):
                raise TrainingRefused(f"{folder} holds the training of another network ({_plain(state['sizes'])}); choose another folder.")
        torch.manual_seed(seed + (int(state["step"]) if state else 0))  # going on must not drop the same parts out again
        self.sizes = dict(sizes)
        self.supervision = supervise(self.sizes).to(self.device)
        self.network: nn.Module = self.supervision.network
        # Fourier transforms want channels apart: with channels last a step of RLK-UNet took 1.46 times as long on a CPU.
        self.layout = torch.contiguous_format if isinstance(self.network, RLKUNet) else torch.channels_last_3d
        self.supervision.to(memory_format=self.layout)
        self.coarse: nn.Module = self.supervision.coarse
        if start is not None and state is None:
            self.network.load_state_dict({key: value.float() for key, value in load_file(str(start)).items()})
        self.average = self._weights()
        self.best: dict[str, Tensor] = {}
        self.best_loss = float("inf")
        self.optimiser = torch.optim.AdamW(self.supervision.parameters(), lr=peak_rate, weight_decay=1e-4)
        self.step, self.spent_s = 0, 0.0
        if state is not None:
            self.network.load_state_dict(state["network"])
            self.coarse.load_state_dict(state["coarse"])
            self.average, self.best = ({k: v.to(self.device) for k, v in state[part].items()} for part in ("average", "best"))
            self.best_loss = float(state["best_loss"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.spent_s = int(state["step"]), float(state["spent_s"])

    @property
    def share_done(self) -> float:
        """From 0 to 1, which is the end."""
        return min(1.0, self.step / self.total_steps if self.total_steps else self.spent_s / self.total_s)

    def rate(self) -> float:
        """Learning rate now: a short rise, then a cosine to zero over the whole training."""
        rise = min(1.0, (self.step + 1) / WARM_UP_STEPS)
        return self.peak_rate * rise * 0.5 * (1 + float(np.cos(np.pi * self.share_done)))

    def learn(self, array: Tensor, *known: Tensor) -> float:
        """One step with windows (b, 1, k, j, i) and what is known of their voxels, classes (b, k, j, i) first; returns the loss.

        Raises
        ------
        TrainingRefused
            Where the loss is no number any more; nothing has been changed by it.
        """
        self.supervision.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        loss = self.supervision(array.to(self.device, memory_format=self.layout), *(part.to(self.device) for part in known))
        lost = float(loss.detach())
        if not np.isfinite(lost):
            raise TrainingRefused(
                f"The loss of step {self.step + 1} is {lost}: the training has come apart. The state of the last minute is kept; "
                "lower peak_rate, or look for a damaged case."
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        keep = min(AVERAGING, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for key, value in self.network.state_dict().items():
                self.average[key].lerp_(value, 1 - keep)
        return lost

    def learn_from(
        self,
        batches: Iterable[Sequence[Tensor]],
        held: Sequence[Sequence[Tensor]],
        validate_every: float,
        ends: float,
        progress: Callable[[float, str], None],
    ) -> None:
        """Learn from one batch after the other until the training or this slice of it is over, and keep state and curve once a minute.

        A training that is over already stays as it is.

        Parameters
        ----------
        batches
            What `learn` takes; enough of them.
        held
            Windows to validate on, at the end and whenever another share `validate_every` of the training is done; none if empty.
        ends
            When the slice is over, in seconds of ``time.monotonic``.
        progress
            Called after each step with the share of the whole training and words.
        """
        if self.share_done >= 1:  # one step more would move the average, and so the weights that are written
            if held and not self.best:
                self.validate(held)
                self.save()
            return
        started = saved = time.monotonic()
        before, validated, losses = self.spent_s, self.share_done // validate_every, list[float]()
        for batch in batches:
            losses.append(self.learn(*batch))
            now = time.monotonic()
            self.spent_s = before + now - started
            done = self.share_done >= 1 or now >= ends
            progress(self.share_done, f"step {self.step}, loss {np.mean(losses[-50:]):.3f}")
            due = self.share_done // validate_every > validated
            if done or due or now - saved > SAVE_EVERY_S:
                checked = None
                if held and (done or due):
                    checked, validated = self.validate(held), self.share_done // validate_every
                self.save()
                append_curve(self.folder / CURVES, self.step, self.spent_s, float(np.mean(losses)), checked, self.rate())
                saved, losses = time.monotonic(), []
            if done:
                break

    def average_anew(self) -> None:
        """Begin the running average with the weights of now: where other windows are shown, those of before would hold it back."""
        self.average = self._weights()

    def _weights(self) -> dict[str, Tensor]:
        return {key: value.detach().clone() for key, value in self.network.state_dict().items()}

    @torch.no_grad()
    def validate(self, windows: Sequence[Sequence[Tensor]]) -> float:
        """Mean loss of the averaged weights on these windows; they are kept as the best where it is the lowest so far."""
        current = self._weights()
        self.network.load_state_dict(self.average)
        self.supervision.eval()
        losses = [float(self.supervision(*(part[None].to(self.device) for part in window))) for window in windows]
        self.network.load_state_dict(current)
        loss = float(np.mean(losses))
        if loss < self.best_loss:
            self.best_loss, self.best = loss, {key: value.clone() for key, value in self.average.items()}
        return loss

    def save(self) -> None:
        """Replace the state in one move."""
        state = {
            "sizes": self.sizes,
            "network": self.network.state_dict(),
            "coarse": self.coarse.state_dict(),
            "average": self.average,
            "best": self.best,
            "best_loss": self.best_loss,
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "spent_s": self.spent_s,
        }
        torch.save(state, self.folder / "state.new")
        (self.folder / "state.new").replace(self.folder / STATE)


def _plain(sizes: Mapping[str, Any]) -> str:
    """As text, whatever kind of sequence a file made of them."""
    return json.dumps(sizes, sort_keys=True, default=list)
