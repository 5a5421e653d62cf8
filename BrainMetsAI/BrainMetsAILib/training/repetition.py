"""Windows that are shown more than once, altered: for a GPU that learns faster than processes can draw."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from BrainMetsAILib.images.normalisation import CLIP

POOL_BYTES = 1_200_000_000
"""Of the windows that are held for it: 512 of 64³ voxels."""
BRIGHTNESS = 0.1
MOST_NOISE = 0.08

Batch = Sequence[Tensor]
"""Intensities (b, 1, k, j, i), then what is known of each of their voxels, (b, k, j, i) each."""


def shown_again(batches: Iterable[Batch], times: int, seed: int, alter: Callable[[Batch], Batch]) -> Iterator[Batch]:
    """Each batch as it comes, and after it ``times - 1`` batches of windows that came before.

    Parameters
    ----------
    batches
        Of windows of one size.
    times
        How often each window is shown on average.
    seed
        Of the choice.
    alter
        Changes a batch that is shown again.
    """
    rng = np.random.default_rng([seed, POOL_BYTES])  # no process that draws windows has this one
    pool: list[list[Tensor]] = []
    for batch in batches:
        yield batch
        if times == 1:
            continue
        count = len(batch[0])
        most = max(count, POOL_BYTES * count // sum(part.nbytes for part in batch))
        for n in range(count):
            window = [part[n].clone() for part in batch]  # a view would keep the whole batch
            if len(pool) < most:
                pool.append(window)
            else:
                pool[int(rng.integers(len(pool)))] = window
        for _ in range(times - 1):
            chosen = rng.choice(len(pool), count, replace=False)
            yield alter([torch.stack(parts) for parts in zip(*(pool[int(n)] for n in chosen), strict=True)])


def altered(batch: Batch, device: torch.device, mirrored: Tensor | None = None) -> list[Tensor]:
    """The batch on a device: half of the windows with left and right exchanged, each with other brightness, contrast and noise.

    Parameters
    ----------
    batch
        Axis i from right to left of the patient.
    device
        Where it is altered, and stays.
    mirrored
        For each class the class of the other side; None where classes have no side.
    """
    array, *known = (part.to(device, non_blocking=True) for part in batch)
    per_window = (len(array), 1, 1, 1, 1)
    array = array * (1 + BRIGHTNESS * torch.randn(per_window, device=device)) + BRIGHTNESS * torch.randn(per_window, device=device)
    array = array + MOST_NOISE * torch.rand(per_window, device=device) * torch.randn_like(array)
    turned = torch.rand(per_window, device=device) < 0.5
    found = [_turned(array.clamp(*CLIP), turned), *(_turned(part, turned[:, 0]) for part in known)]
    if mirrored is not None:
        found[1] = torch.where(turned[:, 0], mirrored.to(device)[found[1].long()], found[1])
    return found


def _turned(part: Tensor, turned: Tensor) -> Tensor:
    return torch.where(turned, part.flip(-1), part)
