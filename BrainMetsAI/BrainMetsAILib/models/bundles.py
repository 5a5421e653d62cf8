"""The catalogue of bundled networks: where they lie, what they are, and whether they are undamaged. Needs no torch.

A bundle is a folder in the layout of a MONAI bundle::

    brainmets_rlk_unet/
        configs/metadata.json     "name", "version", "description", "weights_sha256", …
        configs/inference.json    settings of the run: "network": {"widths": […]}, "spacing_mm", "patch", "overlap",
                                  "voxel_threshold", "score_floor", "operating_points": {"balanced": 0.88, …}
        models/model.safetensors  the weights (never a pickle)
        docs/README.md            the model card: what data made it, what was measured
        LICENSE
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WEIGHTS = Path("models") / "model.safetensors"
METADATA = Path("configs") / "metadata.json"
SETTINGS = Path("configs") / "inference.json"
METASTASES, ANATOMY = "metastases", "anatomy"


class BundleError(ValueError):
    """A bundle is missing or damaged; the message is one sentence that says why and what to do."""


@dataclass(frozen=True)
class Bundle:
    """One network with its settings.

    Attributes
    ----------
    folder
        The bundle's folder.
    name, version
        As in ``configs/metadata.json``.
    weights
        The weight file.
    sha256
        SHA-256 that the weights must have, as hexadecimal digits.
    settings
        Content of ``configs/inference.json``.
    """

    folder: Path
    name: str
    version: str
    weights: Path
    sha256: str
    settings: Mapping[str, Any]

    @property
    def task(self) -> str:
        """What it does: `METASTASES` or `ANATOMY`."""
        return str(self.settings.get("task", METASTASES))


def models_folder() -> Path:
    """The folder ``Resources/Models`` that holds the bundles.

    Installed, it lies beside `BrainMetsAILib` (``qt-scripted-modules/Resources/Models``); in a source checkout at its top level.
    """
    beside_library = Path(__file__).resolve().parents[2]
    candidates = (beside_library / "Resources" / "Models", beside_library.parent / "Resources" / "Models")
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise BundleError(f"The folder of networks is missing ({candidates[0]}); reinstall the extension.")


def bundles() -> tuple[Bundle, ...]:
    """Every bundle that was installed with the extension, by name; their weights are not checked yet."""
    folder = models_folder()
    return tuple(read_bundle(path) for path in sorted(folder.iterdir()) if (path / METADATA).is_file())


def metastasis_bundles() -> tuple[Bundle, ...]:
    """The installed networks that find metastases: the one whose settings say ``"default": true`` first, the others by name."""
    found = [bundle for bundle in bundles() if bundle.task == METASTASES]
    return tuple(sorted(found, key=lambda bundle: not bundle.settings.get("default")))


def anatomy_bundle() -> Bundle | None:
    """The installed network that tells the regions of the brain, its weights checked; None where there is none."""
    chosen = next((bundle for bundle in bundles() if bundle.task == ANATOMY), None)
    if chosen is not None:
        check_weights(chosen)
    return chosen


def find_bundle(name: str | None = None) -> Bundle:
    """The bundle of that name, or the folder of that path, with its weights checked.

    Parameters
    ----------
    name
        Name of an installed bundle or path of a bundle's folder. None: the first of `metastasis_bundles`.

    Raises
    ------
    BundleError
        If there is no such bundle, or it is damaged.
    """
    if name and (Path(name) / METADATA).is_file():
        bundle = read_bundle(Path(name))
    else:
        installed = bundles() if name else metastasis_bundles()
        if not installed:
            raise BundleError(f"No network is installed in {models_folder()}; reinstall the extension.")
        chosen = [bundle for bundle in installed if not name or name in (bundle.name, bundle.folder.name)]
        if not chosen:
            known = ", ".join(bundle.name for bundle in installed)
            raise BundleError(f"There is no network called {name}; installed are: {known}.")
        bundle = chosen[0]
    check_weights(bundle)
    return bundle


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle's two configuration files; the weights are only located."""
    metadata = _read_json(folder / METADATA)
    settings = _read_json(folder / SETTINGS)
    sha256 = metadata.get("weights_sha256")
    if not isinstance(sha256, str) or len(sha256) != 64:
        raise BundleError(f"The network in {folder} does not name the checksum of its weights; reinstall the extension.")
    return Bundle(
        folder=folder,
        name=str(metadata.get("name", folder.name)),
        version=str(metadata.get("version", "")),
        weights=folder / WEIGHTS,
        sha256=sha256.lower(),
        settings=settings,
    )


def check_weights(bundle: Bundle) -> None:
    """Raise BundleError unless the weights are there and have the SHA-256 that the bundle names."""
    try:
        digest = hashlib.sha256(bundle.weights.read_bytes()).hexdigest()
    except OSError as error:
        raise BundleError(f"The weights of the network {bundle.name} cannot be read; reinstall the extension.") from error
    if digest != bundle.sha256:
        raise BundleError(
            f"The weights of the network {bundle.name} are damaged: their checksum is {digest[:12]}… and should be "
            f"{bundle.sha256[:12]}…; reinstall the extension."
        )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"The network's file {path} cannot be read; reinstall the extension.") from error
    if not isinstance(content, dict):
        raise BundleError(f"The network's file {path} is not a table of settings; reinstall the extension.")
    return content
