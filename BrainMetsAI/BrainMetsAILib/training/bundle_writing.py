"""From a training state to a bundle: ``python -m BrainMetsAILib.training.bundle_writing STATE BUNDLE``."""

import argparse
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from BrainMetsAILib.models.bundles import METADATA, SETTINGS, WEIGHTS, read_bundle
from BrainMetsAILib.models.network import CLASSES
from BrainMetsAILib.models.settings import BRAIN
from BrainMetsAILib.training.config import TrainingConfig
from BrainMetsAILib.training.real_cases import RealCase

CARD = Path("docs") / "README.md"
SETTINGS_OF_A_RUN = {
    "spacing_mm": 0.8,
    "coarse_spacing_mm": 2.0,
    "between_spacings_mm": [1.15, 1.5],
    "patch": [64, 64, 64],
    "overlap": 0.25,
    "voxel_threshold": 0.5,
    "score_floor": 0.3,
    "mirrored": True,
    "normalised_by": BRAIN,
}
SCHEMA = "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
"""Of ``configs/metadata.json``; MONAI asks for versions of itself, PyTorch and NumPy beside what `write_whole_bundle` is given."""
_WINDOWS = {"modality": "MR", "spatial_shape": ["8*n", "8*n", "8*n"], "dtype": "float32", "is_patch_data": True}
LESION_FORMAT = {
    "inputs": {
        "image": {
            **_WINDOWS,
            "type": "image",
            "format": "magnitude",
            "num_channels": 1,
            "value_range": [-4, 8],
            "channel_def": {"0": "T1c"},
        }
    },
    "outputs": {
        "pred": {
            **_WINDOWS,
            "type": "probabilities",
            "format": "segmentation",
            "num_channels": len(CLASSES),
            "value_range": [0, 1],
            "channel_def": {str(number): name for number, name in enumerate(CLASSES)},
        }
    },
}
"""What a metastasis network takes and gives, as a bundle's metadata say it."""
NO_LICENCE = """No licence has been stated for these weights. Who shares them states one here, which the terms of the cases that they were
trained on, and of the weights that they began with, must allow.
"""


def write_weights(state: Path, bundle: Path) -> str:
    """Write a training state's best weights in half precision, and their SHA-256 into the bundle's metadata.

    The best are those with the lowest validation loss; where none was measured, the running average.

    Parameters
    ----------
    state
        ``state.pt`` of a training.
    bundle
        Folder with ``configs/metadata.json`` and ``configs/inference.json``; their other entries stay.

    Returns
    -------
    str
        The SHA-256 of the weights.
    """
    trained: dict[str, Any] = torch.load(state, weights_only=True, map_location="cpu")
    digest = _store_weights(trained, bundle)
    _update(bundle / SETTINGS, {"network": {**trained["sizes"], "classes": list(CLASSES)}})
    return digest


def write_whole_bundle(
    bundle: Path,
    state: Path,
    metadata: Mapping[str, Any],
    settings: Mapping[str, Any],
    card: Callable[[Mapping[str, Any], str], str],
    licence: str,
    start: Path | None = None,
    start_share: float = 0.0,
) -> None:
    """A whole new bundle, card included, in one move; what the folder held is replaced.

    Parameters
    ----------
    bundle
        Its folder.
    state
        ``state.pt`` of the training.
    metadata, settings
        Content of ``configs/metadata.json`` and ``configs/inference.json``, but for what the state tells: checksum, length of the training
        and, where the settings do not name it, the network.
    card
        Makes the model card (Markdown) of the state and the checksum.
    licence
        Text of the file ``LICENSE``.
    start, start_share
        Weights (safetensors) that are mixed in, and their share (`TrainingConfig.start_share`).
    """
    trained: dict[str, Any] = torch.load(state, weights_only=True, map_location="cpu")
    draft = bundle.with_name(bundle.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    _update(draft / METADATA, {"schema": SCHEMA, **metadata, **_versions()})
    _update(draft / SETTINGS, {"network": trained["sizes"], **settings})
    digest = _store_weights(trained, draft, start, start_share)
    (draft / "LICENSE").write_text(licence, encoding="utf-8")
    (draft / CARD).parent.mkdir(parents=True)
    (draft / CARD).write_text(card(trained, digest), encoding="utf-8")
    read_bundle(draft)
    shutil.rmtree(bundle, ignore_errors=True)
    draft.rename(bundle)


def _store_weights(trained: Mapping[str, Any], bundle: Path, start: Path | None = None, start_share: float = 0.0) -> str:
    weights = {k: v.float() for k, v in (trained["best"] or trained["average"]).items()}
    if start is not None and start_share:
        begun = load_file(str(start))
        weights = {k: v.lerp(begun[k].float(), start_share) for k, v in weights.items()}
    weights = {k: v.to(torch.float16).contiguous() for k, v in weights.items()}
    target = bundle / WEIGHTS
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, str(target))
    target.chmod(0o644)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    _update(
        bundle / METADATA,
        {"weights_sha256": digest, "training_steps": int(trained["step"]), "training_minutes": round(trained["spent_s"] / 60)},
    )
    return digest


def _versions() -> dict[str, Any]:
    """What wrote the bundle. MONAI asks for its own version too, though no network here needs it."""
    there = {}
    for name in ("monai", "torch", "numpy", "safetensors", "scipy", "SimpleITK"):
        with suppress(PackageNotFoundError):
            there[name] = version(name).partition("+")[0]
    return {
        "monai_version": there.pop("monai", "unknown"),
        "pytorch_version": there.pop("torch", "unknown"),
        "numpy_version": there.pop("numpy", "unknown"),
        "required_packages_version": there,
    }


def write_bundle(
    state: Path, bundle: Path, config: TrainingConfig, trained_on: Sequence[RealCase] = (), kept_back: Sequence[RealCase] = ()
) -> None:
    """A whole new bundle for weights that a person trained, with a model card that says what is known and what is not.

    Parameters
    ----------
    state
        ``state.pt`` of the training.
    bundle
        Its folder; what it held is replaced.
    config
        Of the training.
    trained_on, kept_back
        Real cases, and those of other patients for validation.
    """
    name = f"trained_{config.network}"
    synthetic = "none" if config.backgrounds is None else "synthetic lesions in the public heads of split.json (see there for sources)"

    def card(trained: Mapping[str, Any], digest: str) -> str:
        checked = f"{trained['best_loss']:.3f}" if trained["best"] else "not measured"
        minutes = trained["spent_s"] / 60
        mixed = f", before {config.start_share:.0%} of the weights it began with were mixed in" if config.start_share else ""
        edges = ", then ".join(f"{size}³" for size in config.window_sizes)
        return f"""# Model card: {name}

Trained with `brainmets train`. **Research use only.** What follows was written by the program; who shares this network should add who
made it, for whom, and where the cases come from.

| | |
|---|---|
| Network | {config.network}, {json.dumps(trained["sizes"])} |
| Real cases | {_counted(trained_on)} trained on, {_counted(kept_back)} kept back |
| Synthesis | {synthetic} |
| Training | {trained["step"]} steps of windows of {edges} voxels at about 1 mm, {minutes:.0f} minutes, seed {config.seed} |
| Began with | {config.start.name if config.start else "random weights"} |
| Lowest validation loss | {checked}{mixed} |
| SHA-256 of the weights | `{digest}` |

A validation loss is no measure of use: run `brainmets evaluate` on cases of other patients, and write down here what it says.
Never tested on leptomeningeal, dural or skull metastases, nor on children.
"""

    metadata = {
        "name": name,
        "version": "0.0.1",
        "description": "Segmentation of brain metastases on one contrast-enhanced T1, trained by its user",
        "task": "Segmentation of brain metastases",
        "intended_use": "Research only; not for clinical decisions",
        "authors": "not stated",
        "copyright": "not stated",
        "network_data_format": LESION_FORMAT,
    }
    sizes = {**config.network_sizes(), "classes": list(CLASSES)}
    write_whole_bundle(bundle, state, metadata, {**SETTINGS_OF_A_RUN, "network": sizes}, card, NO_LICENCE, config.start, config.start_share)


def _counted(cases: Sequence[RealCase]) -> str:
    return f"{len(cases)} of {len({case.patient for case in cases})} patients"


def _update(path: Path, entries: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**content, **entries}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", type=Path)
    parser.add_argument("bundle", type=Path)
    args = parser.parse_args()
    print(write_weights(args.state, args.bundle))


if __name__ == "__main__":
    main()
