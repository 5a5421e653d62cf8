"""From a training state to a bundle: ``python -m BrainMetsAILib.training.bundle_writing STATE BUNDLE``."""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from BrainMetsAILib.models.bundles import METADATA, SETTINGS, WEIGHTS
from BrainMetsAILib.models.network import CLASSES


def write_weights(state: Path, bundle: Path) -> str:
    """Write the running average of a training state in half precision, and its SHA-256 into the bundle's metadata.

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
    weights = {k: v.to(torch.float16).contiguous() for k, v in trained["average"].items()}
    target = bundle / WEIGHTS
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, str(target))
    target.chmod(0o644)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    _update(
        bundle / METADATA,
        {"weights_sha256": digest, "training_steps": int(trained["step"]), "training_minutes": round(trained["spent_s"] / 60)},
    )
    _update(bundle / SETTINGS, {"network": {**trained["sizes"], "classes": list(CLASSES)}})
    return digest


def _update(path: Path, entries: dict[str, Any]) -> None:
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
