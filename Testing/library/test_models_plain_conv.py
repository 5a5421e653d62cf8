"""nnU-Net's network, trained and run like ours."""

import sys
from pathlib import Path

import pytest
import torch

from analytic_bundle import write_bundle
from BrainMetsAILib.models.bundles import find_bundle
from BrainMetsAILib.models.lesion_search import load_network
from BrainMetsAILib.models.networks import STANDARD, build_network
from BrainMetsAILib.models.plain_conv import PlainConvNet
from BrainMetsAILib.models.settings import run_settings
from BrainMetsAILib.training.config import TrainingConfig, TrainingRefused, checked
from BrainMetsAILib.training.supervision import supervise

SMALL = {"name": "plain_conv_unet", "widths": [4, 8, 12]}


def test_it_is_the_package_s_network_supervised_at_three_of_four_resolutions() -> None:
    network = build_network(STANDARD["plain_conv_unet"])
    assert isinstance(network, PlainConvNet)
    assert type(network.unet).__module__.startswith("dynamic_network_architectures")
    x = torch.randn(1, 1, 16, 24, 32)
    maps = network.scales(x)
    assert [tuple(m.shape) for m in maps] == [(1, 3, 4, 6, 8), (1, 3, 8, 12, 16), (1, 3, 16, 24, 32)]
    assert torch.equal(network(x), maps[-1])


def test_a_step_lowers_the_loss() -> None:
    torch.manual_seed(0)
    supervision = supervise(SMALL)
    x, classes = torch.randn(2, 1, 16, 16, 16), torch.zeros(2, 16, 16, 16, dtype=torch.int64)
    classes[:, 4:9, 4:9, 4:9] = 1
    x[:, 0][classes == 1] += 3.0
    optimiser = torch.optim.Adam(supervision.parameters(), 1e-2)
    losses = []
    for _ in range(12):
        loss = supervision(x, classes)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_its_bundle_gives_the_same_network(tmp_path: Path) -> None:
    network = build_network(SMALL).eval()
    bundle = find_bundle(str(write_bundle(tmp_path / "plain", network, {"network": SMALL, "patch": [16, 16, 16]})))
    read = load_network(bundle, run_settings(bundle), torch.device("cpu"))
    x = torch.randn(1, 1, 16, 16, 16)
    assert torch.equal(read(x), network(x))


def test_without_the_package_the_way_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("dynamic_network_architectures")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "dynamic_network_architectures", None)
    with pytest.raises(TrainingRefused, match="pip install --no-deps dynamic-network-architectures"):
        checked(TrainingConfig(network="plain_conv_unet", cases=tmp_path))
