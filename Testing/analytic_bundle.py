"""A network whose output is known by hand: bright voxels are enhancing, very bright ones necrosis. Nothing is learned, all is exact."""

import hashlib
import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from safetensors.torch import save_file

from BrainMetsAILib.images.geometry import image_from_ijk_to_ras
from BrainMetsAILib.models.bundles import METADATA, SETTINGS, WEIGHTS
from BrainMetsAILib.models.network import CompactUNet

WIDTHS = (4, 4)
ENHANCING_FROM = 1.0
"""In normalised intensity (median 0, one unit from the 10th to the 90th percentile of the head)."""
NECROSIS_FROM = 6.0
STEEPNESS = 40.0


def write_analytic_bundle(folder: Path, patch: int = 32, **settings: object) -> Path:
    """A bundle of the compact network with weights set by hand; returns its folder.

    All residual branches are zero, so each block is the identity; the stem copies the intensity x; the last decoder's
    skip path takes it through; the head's logits are 0, s(x - 1) and s(2x - 1 - 6): softmax then switches from background
    to enhancing at 1 and to necrosis at 6. Where the anatomy network looks at a phantom, say ``brain_only=False``: it takes
    balls in an empty head for choroid plexus, and they would be taken out.
    """
    network = CompactUNet(WIDTHS)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.stem.weight[0, 0, 1, 1, 1] = 1.0
        for block in network.encoder:
            assert isinstance(block.skip, torch.nn.Identity)
        network.decoder[-1].skip.weight[0, 0, 0, 0, 0] = 1.0
        network.head.weight[1, 0] = STEEPNESS
        network.head.bias[1] = -STEEPNESS * ENHANCING_FROM
        network.head.weight[2, 0] = 2 * STEEPNESS
        network.head.bias[2] = -STEEPNESS * (ENHANCING_FROM + NECROSIS_FROM)
    return write_bundle(
        folder, network, {"network": {"widths": list(WIDTHS)}, "patch": [patch] * 3, "overlap": 0.25, "score_floor": 0.3, **settings}
    )


def write_bundle(folder: Path, network: torch.nn.Module, settings: dict[str, object]) -> Path:
    """A bundle of any network."""
    for part in (METADATA, SETTINGS, WEIGHTS):
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.clone().contiguous() for key, value in network.state_dict().items()}, str(folder / WEIGHTS))
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    (folder / METADATA).write_text(json.dumps({"name": folder.name, "version": "9.9", "weights_sha256": digest}))
    (folder / SETTINGS).write_text(json.dumps(settings))
    return folder


def head_with_balls(
    size: tuple[int, int, int],
    matrix: np.ndarray,
    balls: list[tuple[tuple[float, float, float], float]],
    radii_mm: tuple[float, float, float] = (30.0, 36.0, 30.0),
    cores: bool = False,
) -> sitk.Image:
    """A head-like ellipsoid around the RAS origin with bright balls.

    Parameters
    ----------
    size
        Voxels (i, j, k).
    matrix
        4×4 IJK-to-RAS.
    balls
        Centre (RAS, mm) and radius (mm) of each.
    cores
        Whether each ball holds a very bright core of half its radius (necrosis for the analytic network).
    """
    i, j, k = np.meshgrid(*(np.arange(n) for n in size), indexing="ij")
    ras = np.einsum("rc,c...->r...", matrix[:3, :3], np.stack([i, j, k])) + matrix[:3, 3][:, None, None, None]
    distance = np.sqrt(sum((ras[axis] / radii_mm[axis]) ** 2 for axis in range(3)))
    # Tissue between 75 and 125 in a smooth pattern, uneven enough for a head.
    tissue = 100.0 + 25.0 * np.sin(ras[0] / 7.0) * np.cos(ras[1] / 9.0) * np.sin(ras[2] / 8.0 + 1.0)
    values = np.where(distance <= 1.0, tissue, 0.0)
    for centre, radius in balls:
        away = np.sqrt(sum((ras[axis] - centre[axis]) ** 2 for axis in range(3)))
        values[away <= radius] = 250.0
        if cores:
            values[away <= radius / 2] = 1000.0
    return image_from_ijk_to_ras(np.ascontiguousarray(values.transpose(2, 1, 0), dtype=np.float32), matrix)
