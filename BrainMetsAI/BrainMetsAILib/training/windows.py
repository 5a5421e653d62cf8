"""Endless streams of training windows: synthetic, real, or both."""

import logging
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from BrainMetsAILib.training.backgrounds import Background
from BrainMetsAILib.training.config import TrainingRefused
from BrainMetsAILib.training.loss import weights_of_small_lesions
from BrainMetsAILib.training.patches import SIZE, draw_patch
from BrainMetsAILib.training.real_cases import LoadedCase, RealCase, load_case
from BrainMetsAILib.training.real_windows import draw_real_window

Window = tuple[Tensor, Tensor, Tensor]
"""Intensities (1, k, j, i) float32, classes (k, j, i) uint8, and the weight of each voxel (`loss.weights_of_small_lesions`) float32."""
# How often each kind of head is drawn: skull-on heads first, since those arrive in a clinic.
SHARES = {"labels": 0.45, "skull-on": 0.30, "stripped": 0.10, "enhanced": 0.15}
POOL = 24
"""Real cases that a process holds at a time: hundreds would not fit into memory."""
EXCHANGE_SHARE = 1 / 32
"""How often one of them makes room for another."""


class Windows(IterableDataset[Window]):
    """Random windows from backgrounds with synthetic lesions and from real cases.

    Parameters
    ----------
    backgrounds, cases
        Either may be empty.
    synthetic_share
        Share of synthetic windows where both are there.
    seed
        The same seed and number of processes give the same windows.
    size
        Edge of a window in voxels.
    """

    def __init__(
        self, backgrounds: Sequence[Background], cases: Sequence[RealCase], synthetic_share: float, seed: int, size: int = SIZE
    ) -> None:
        self.backgrounds, self.cases, self.seed, self.size = backgrounds, cases, seed, size
        self.synthetic_share = synthetic_share if backgrounds and cases else float(bool(backgrounds))
        self.weights = background_weights(backgrounds)

    def __iter__(self) -> Iterator[Window]:
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        pool: dict[int, LoadedCase] = {}
        unusable: set[int] = set()
        while True:
            if rng.random() < self.synthetic_share:
                array, classes = draw_patch(self.backgrounds, self.weights, rng, self.size)
            else:
                self._refresh(pool, unusable, rng)
                array, classes = draw_real_window(list(pool.values()), rng, self.size)
            yield torch.from_numpy(array)[None], torch.from_numpy(classes), torch.from_numpy(weights_of_small_lesions(classes))

    def _refresh(self, pool: dict[int, LoadedCase], unusable: set[int], rng: np.random.Generator) -> None:
        """Hold other cases than before, by their place in `cases`; one that cannot be used is named once and left out."""
        outside = [n for n in range(len(self.cases)) if n not in pool and n not in unusable]
        # Begin with one, fill up while windows are drawn, then exchange one now and then.
        wanted = not pool or rng.random() < (0.5 if len(pool) < POOL else EXCHANGE_SHARE)
        for chosen in rng.permutation(outside).tolist() if wanted else ():
            try:
                loaded = load_case(self.cases[chosen])
            except TrainingRefused as refusal:
                unusable.add(chosen)
                logging.getLogger(__name__).warning("%s It is left out.", refusal)
                continue
            if len(pool) == POOL:
                del pool[list(pool)[int(rng.integers(POOL))]]
            pool[chosen] = loaded
            break
        if not pool:
            raise TrainingRefused(f"None of the {len(self.cases)} cases can be used.")


def background_weights(backgrounds: Sequence[Background]) -> NDArray[np.floating]:
    """How often each background is drawn, so that every kind has its share."""
    kinds = [_kind(b) for b in backgrounds]
    weights = np.array([SHARES[k] / kinds.count(k) for k in kinds])
    return weights / weights.sum() if len(weights) else weights


def fixed_windows(windows: Windows, count: int) -> list[Window]:
    """The first windows of a stream: the same ones in every run."""
    return list(islice(iter(windows), count))


def _kind(background: Background) -> str:
    if background.labels is not None:
        return "labels"
    if background.enhanced or "t1c" in background.name:
        return "enhanced"
    return "stripped" if "stripped" in background.name else "skull-on"
