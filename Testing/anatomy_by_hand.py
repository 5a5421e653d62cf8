"""An anatomy network whose output is known by hand: dark voxels are background, middling ones head, bright ones a region."""

from pathlib import Path

import torch

from analytic_bundle import write_bundle
from BrainMetsAILib.lesions.anatomy_regions import Region
from BrainMetsAILib.models.anatomy_inference import REGION_NAMES
from BrainMetsAILib.models.anatomy_network import AnatomyUNet

HEAD_FROM, BRAIN_FROM = -0.8, 0.6
STEEPNESS = 60.0


def write_anatomy_by_hand(folder: Path, size: int, **settings: object) -> Path:
    """A bundle in whose eyes every brain is one left frontal lobe; returns its folder."""
    network = AnatomyUNet((8, 8), len(Region))
    body = network.body
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        body.head.bias[:] = -1e4
        for cell in range(8):  # each voxel of a block goes its own way
            body.stem.weight[cell, cell, 1, 1, 1] = 1.0
            body.decoder[-1].skip.weight[cell, cell, 0, 0, 0] = 1.0
            for region, slope, offset in ((0, 0, 0.0), (1, 1, HEAD_FROM), (3, 2, HEAD_FROM + BRAIN_FROM)):
                body.head.weight[8 * region + cell, cell] = slope * STEEPNESS
                body.head.bias[8 * region + cell] = -offset * STEEPNESS
    content = {"network": {"widths": [8, 8], "classes": list(REGION_NAMES)}, "patch": [size] * 3, "overlap": 0.25, **settings}
    return write_bundle(folder, network, content)
