"""What a training needs to know, read from a TOML file and checked."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from BrainMetsAILib.models.networks import STANDARD, build_network
from BrainMetsAILib.training.patches import SIZE

SMALLEST_WINDOW, LARGEST_WINDOW = 24, 256
"""Edges in voxels. At 16 an eighth of the resolution has 2³ voxels, where PyTorch's (2.13) bfloat16 convolutions on a CPU give weights
gradients of 1e12 or no number at all; from 3³ on they agree with float32."""


class TrainingRefused(ValueError):
    """The training cannot begin; the message is one sentence that says why and what to do."""


@dataclass(frozen=True)
class TrainingConfig:
    """One training.

    Attributes
    ----------
    network
        A name of `networks.STANDARD`.
    sizes
        Changes of the network's own sizes (``dropout``, ``drop_path``, ``widths`` …).
    minutes
        Time in all; the learning rate falls to zero over it.
    steps
        Steps in all instead of `minutes`, where above 0: then the same machine repeats the same training.
    multi_scale
        Whether coarser resolutions are taught beside the full one (multi-scale highlighting foregrounds).
    window_sizes
        Edges in voxels of the windows that are shown one after the other, for equal shares of the training; multiples of 8. Small
        windows first: a step takes less time, and lesions are a larger part of it (Fischer et al., MICCAI 2024,
        doi:10.1007/978-3-031-72114-4_49).
    batch
        Windows of the last size a step; of a smaller one more, as the edges are to each other.
    shown
        How often each window is shown (`repetition.py`): for a GPU that learns faster than the processes draw.
    peak_rate
        Highest learning rate of AdamW.
    workers
        Processes that draw windows.
    seed
        Of everything that is random.
    backgrounds
        Folder with ``split.json`` and the public volumes and label maps into which lesions are synthesised (`packing.py` makes a small
        one); None to train on real cases alone.
    cases
        Folder of real cases (`real_cases.py`); None to train on synthesis alone.
    patients
        CSV table with the columns ``case`` and ``patient``, where the names of cases do not say whose they are.
    synthetic_share
        Share of synthetic windows where both are given.
    validation_share
        Share of the patients of `cases` that are kept back.
    validation_windows
        Windows by which the best weights are told; the same ones in every run.
    validate_every
        Minutes between two looks at them; with `steps`, as many looks as there would be in `minutes`.
    start
        Weights (safetensors) to begin with; None for random ones.
    start_share
        Share of those in the weights that are written in the end: some of them keep what this training shows too seldom (Wortsman et al.,
        Robust fine-tuning of zero-shot models, CVPR 2022, arXiv:2109.01903).
    """

    network: str = "rlk_unet"
    sizes: Mapping[str, Any] = field(default_factory=dict)
    minutes: float = 120.0
    steps: int = 0
    multi_scale: bool = True
    window_sizes: Sequence[int] = (SIZE,)
    batch: int = 2
    shown: int = 1
    peak_rate: float = 1e-3
    workers: int = 1
    seed: int = 0
    backgrounds: Path | None = None
    cases: Path | None = None
    patients: Path | None = None
    synthetic_share: float = 0.5
    validation_share: float = 0.2
    validation_windows: int = 24
    validate_every: float = 10.0
    start: Path | None = None
    start_share: float = 0.0

    def network_sizes(self) -> dict[str, Any]:
        """What `networks.build_network` takes."""
        return {**STANDARD[self.network], **self.sizes}


def read_config(path: Path) -> TrainingConfig:
    """Read a TOML file; paths in it are relative to it.

    Raises
    ------
    TrainingRefused
        If it cannot be read, has an entry that does not exist, or asks for something impossible.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingRefused(f"The configuration {path} cannot be read ({error.strerror}); check its name.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingRefused(f"The configuration {path} is no valid TOML ({error}); correct it.") from error
    known = {entry.name for entry in fields(TrainingConfig)}
    unknown = sorted(set(content) - known)
    if unknown:
        raise TrainingRefused(f"The configuration {path} has no entry {unknown[0]!r}; possible are {', '.join(sorted(known))}.")
    for name in ("backgrounds", "cases", "patients", "start"):
        if name in content:
            content[name] = (path.parent / str(content[name])).resolve()
    return checked(TrainingConfig(**content))


def checked(config: TrainingConfig) -> TrainingConfig:
    """The same configuration, with numbers as numbers; raises TrainingRefused where it cannot be carried out."""
    if config.network not in STANDARD:
        raise TrainingRefused(f"There is no network called {config.network}; possible are {', '.join(sorted(STANDARD))}.")
    try:
        build_network(config.network_sizes())
    except (TypeError, ValueError) as error:
        raise TrainingRefused(f"The network {config.network} cannot be made: {error}") from error
    if config.backgrounds is None and config.cases is None:
        raise TrainingRefused("There is nothing to train on; name a folder of cases, of backgrounds, or both.")
    for name in ("backgrounds", "cases"):
        folder = getattr(config, name)
        if folder is not None and not folder.is_dir():
            raise TrainingRefused(f"The folder of {name} {folder} does not exist; correct the configuration.")
    if config.backgrounds is not None and not (config.backgrounds / "split.json").is_file():
        raise TrainingRefused(
            f"The folder of backgrounds {config.backgrounds} has no split.json: take one that `make pack` makes, or leave backgrounds out "
            "to train on real cases alone."
        )
    if not isinstance(config.multi_scale, bool):
        raise TrainingRefused(f"multi_scale must be true or false, not {config.multi_scale!r}; correct the configuration.")
    sizes = config.window_sizes
    if not isinstance(sizes, Sequence) or not sizes or not all(_is_window(size) for size in sizes):
        raise TrainingRefused(
            f"window_sizes must be multiples of 8 from {SMALLEST_WINDOW} to {LARGEST_WINDOW}, not {sizes!r}; correct the configuration."
        )
    if config.start_share and config.start is None:
        raise TrainingRefused("start_share needs weights to begin with; name them as start, or leave it out.")
    limits = {
        "minutes": (0.01, 1e5), "steps": (0, 10**9), "batch": (1, 512), "shown": (1, 100), "peak_rate": (1e-7, 1.0), "workers": (0, 256),
        "seed": (0, 2**31), "synthetic_share": (0.0, 1.0), "validation_share": (0.0, 0.9), "start_share": (0.0, 0.9),
        "validation_windows": (1, 1000), "validate_every": (0.05, 1e5),
    }  # fmt: skip
    numbers = {}
    for name, (low, high) in limits.items():
        value, kind = getattr(config, name), type(getattr(TrainingConfig, name))
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high or kind(value) != value:
            raise TrainingRefused(f"{name} must be a number from {low} to {high}, not {value!r}; correct the configuration.")
        numbers[name] = kind(value)
    return replace(config, **numbers)


def _is_window(size: object) -> bool:
    return type(size) is int and size % 8 == 0 and SMALLEST_WINDOW <= size <= LARGEST_WINDOW
