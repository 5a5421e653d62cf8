"""The large kernels and RLK-UNet: every way of computing them gives the same, and the parts do what the paper says."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch.nn import functional

from BrainMetsAILib.models.bundles import WEIGHTS, find_bundle
from BrainMetsAILib.models.large_kernel import LargeKernelConv, depthwise_by_fourier
from BrainMetsAILib.models.networks import STANDARD, build_network
from BrainMetsAILib.models.rlk_unet import DropPath, RLKUNet
from BrainMetsAILib.training.patches import IGNORE
from BrainMetsAILib.training.supervision import max_pooled


@given(
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)), kernel=st.sampled_from([1, 3, 5, 13]), seed=st.integers(0, 99)
)
@settings(max_examples=25, deadline=None)
def test_fourier_equals_direct_convolution(sizes: tuple[int, int, int], kernel: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn((2, 3, *sizes), generator=generator, dtype=torch.float32, requires_grad=True)
    weight = torch.randn((3, 1, kernel, kernel, kernel), generator=generator, requires_grad=True)
    bias = torch.randn(3, generator=generator, requires_grad=True)
    arriving = torch.randn((2, 3, *sizes), generator=generator)
    results = []
    for found in (depthwise_by_fourier(x, weight, bias), functional.conv3d(x, weight, bias, padding=kernel // 2, groups=3)):
        results.append([found, *torch.autograd.grad(found, (x, weight, bias), arriving)])
    for fourier, direct in zip(*results, strict=True):
        assert torch.allclose(fourier, direct, atol=2e-4, rtol=1e-4)


def test_merged_kernels_give_the_same_network() -> None:
    torch.manual_seed(0)
    network = RLKUNet().eval()
    x = torch.randn(1, 1, 32, 24, 40)
    with torch.inference_mode():
        before = network(x)
        for module in network.modules():
            if isinstance(module, LargeKernelConv):
                module.path = "direct"
        branches = network(x)
        network.merge()
        merged = network(x)
    assert (before - branches).abs().max() < 1e-4
    assert (merged - branches).abs().max() < 1e-4
    assert all(module.small is None for module in network.modules() if isinstance(module, LargeKernelConv))


def test_the_bundled_weights_say_the_same_however_they_are_computed() -> None:
    bundle = find_bundle("brainmets_rlk_unet")
    network = build_network(bundle.settings["network"]).eval()
    network.load_state_dict({name: values.float() for name, values in load_file(str(bundle.folder / WEIGHTS)).items()})
    x = torch.randn(1, 1, 32, 32, 32, generator=torch.Generator().manual_seed(0))
    x[0, 0, 12:20, 12:20, 12:20] += 4.0
    with torch.inference_mode():
        found = [network(x)]
        network.merge()
        found.append(network(x))
        for module in network.modules():
            if isinstance(module, LargeKernelConv):
                module.path = "direct"
        found.append(network(x))
    assert all((one - found[0]).abs().max() < 1e-4 for one in found[1:])


def test_the_large_kernel_has_an_effect() -> None:
    """The authors' published code overwrites the large branch's result; a voxel six away must count here."""
    convolution = LargeKernelConv(1)
    torch.nn.init.ones_(convolution.large.weight)
    x = torch.zeros(1, 1, 15, 15, 15)
    x[0, 0, 7, 7, 7] = 1.0
    with torch.no_grad():
        change = (convolution(x) - convolution(torch.zeros_like(x)))[0, 0, 7, 7]
    assert torch.allclose(change[[1, 13]], torch.ones(2), atol=1e-4)
    assert torch.allclose(change[[0, 14]], torch.zeros(2), atol=1e-4)


def test_size_is_that_of_the_paper() -> None:
    count = sum(parameter.numel() for parameter in RLKUNet().parameters())
    assert count == pytest.approx(2.47e6, rel=0.03)  # Son et al. 2024


def test_every_scale_has_its_own_map() -> None:
    network = build_network(STANDARD["rlk_unet"])
    assert isinstance(network, RLKUNet)
    shapes = [tuple(m.shape) for m in network.scales(torch.zeros(1, 1, 16, 24, 32))]
    assert shapes == [(1, 3, 2, 3, 4), (1, 3, 4, 6, 8), (1, 3, 8, 12, 16), (1, 3, 16, 24, 32)]


def test_drop_path_keeps_the_mean() -> None:
    torch.manual_seed(0)
    drop = DropPath(0.5)
    x = torch.ones(4000, 1, 1, 1, 1)
    assert float(drop(x).mean()) == pytest.approx(1.0, abs=0.08)
    assert set(drop(x).unique().tolist()) == {0.0, 2.0}
    assert torch.equal(drop.eval()(x), x)


def test_unknown_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="no network called"):
        build_network({"name": "other"})
    with pytest.raises(ValueError, match="classes"):
        build_network({"widths": [4], "classes": ["tumour"]})
    with pytest.raises(ValueError, match="odd"):
        LargeKernelConv(1, 4)


def test_pooled_truth_keeps_the_smallest_lesion() -> None:
    classes = torch.zeros(1, 8, 8, 8, dtype=torch.int64)
    classes[0, 3, 3, 3] = 1  # one enhancing voxel beside necrosis
    classes[0, 2, 2, 2] = 2
    classes[0, 6, 6, 6] = 2  # necrosis alone
    classes[0, 0, 7, 7] = IGNORE
    pooled = max_pooled(classes, (2, 2, 2))
    assert pooled[0].tolist() == [[[1, 0], [0, IGNORE]], [[0, 0], [0, 2]]]
    assert max_pooled(classes, (8, 8, 8)) is classes
