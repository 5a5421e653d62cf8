"""The whole way from an image to lesions, with a network whose output is known by hand (`analytic_bundle.py`)."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from numpy.typing import NDArray

from analytic_bundle import head_with_balls, write_analytic_bundle, write_bundle
from BrainMetsAILib.images.geometry import ijk_to_ras, image_like, same_grid
from BrainMetsAILib.images.head import head_mask
from BrainMetsAILib.models import lesion_search
from BrainMetsAILib.models.bundles import Bundle, BundleError, find_bundle
from BrainMetsAILib.models.devices import choose_device
from BrainMetsAILib.models.finding import Cancelled, Finding, FindingError
from BrainMetsAILib.models.inference import find_lesions
from BrainMetsAILib.models.network import CompactUNet
from BrainMetsAILib.models.settings import run_settings
from BrainMetsAILib.models.window_search import window_probabilities

BALLS = [((10.0, 2.0, 0.0), 7.0), ((-12.0, 8.0, -6.0), 5.0), ((-4.0, -16.0, 8.0), 4.0)]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return find_bundle(str(write_analytic_bundle(tmp_path_factory.mktemp("bundles") / "analytic")))


def grid(size: tuple[int, int, int], columns: NDArray[np.floating]) -> NDArray[np.floating]:
    """IJK-to-RAS with these columns and the RAS origin in the middle of the volume."""
    matrix = np.eye(4)
    matrix[:3, :3] = columns
    matrix[:3, 3] = -columns @ ((np.array(size) - 1) / 2)
    return matrix


def lesions_of(finding: Finding) -> dict[int, tuple[NDArray[np.floating], float, float]]:
    """Number → centroid (RAS, mm), volume and necrotic volume (mm³), computed here from the masks."""
    labels, dead = sitk.GetArrayFromImage(finding.labels), sitk.GetArrayFromImage(finding.necrosis_mask)
    matrix = ijk_to_ras(finding.labels)
    voxel = abs(np.linalg.det(matrix[:3, :3]))
    found = {}
    for number in finding.scores:
        places = np.argwhere(labels == number)[:, ::-1]
        centre = matrix[:3, :3] @ places.mean(axis=0) + matrix[:3, 3]
        found[number] = (centre, len(places) * voxel, np.count_nonzero(dead[labels == number]) * voxel)
    return found


def assert_balls_found(finding: Finding, tolerance_mm: float, volume_tolerance: float) -> None:
    found = lesions_of(finding)
    assert len(found) == len(BALLS)
    for (centre, radius), (at, volume, necrotic) in zip(BALLS, found.values(), strict=True):
        assert np.linalg.norm(at - centre) < tolerance_mm
        assert volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=volume_tolerance)
        if radius >= 5:
            assert necrotic == pytest.approx(volume / 8, rel=2.5 * volume_tolerance)


def test_lesions_are_where_the_balls_are(bundle: Bundle) -> None:
    image = head_with_balls((80, 84, 76), grid((80, 84, 76), np.eye(3)), BALLS, cores=True)
    finding = find_lesions(image, bundle)
    assert_balls_found(finding, 0.5, 0.15)
    for part in (finding.enhancing, finding.necrosis, finding.labels, finding.necrosis_mask):
        assert same_grid(part, image)
    for part in (finding.enhancing, finding.necrosis):
        assert part.GetPixelID() == sitk.sitkFloat32
        assert 0.0 <= sitk.GetArrayViewFromImage(part).min() <= sitk.GetArrayViewFromImage(part).max() <= 1.0
    assert finding.labels.GetPixelID() == sitk.sitkUInt16
    assert finding.necrosis_mask.GetPixelID() == sitk.sitkUInt8
    assert finding.provenance.model == "analytic" and finding.provenance.sha256 == bundle.sha256
    assert finding.provenance.device in ("cpu", "cuda", "mps")


def rotation(x: float, y: float, z: float) -> NDArray[np.floating]:
    return np.array(sitk.Euler3DTransform((0.0, 0.0, 0.0), x, y, z).GetMatrix()).reshape(3, 3)


@pytest.mark.parametrize(
    ("size", "columns", "volume_tolerance"),
    [
        pytest.param((80, 84, 76), np.diag([-1.0, -1.0, 1.0]), 0.15, id="LPS"),
        pytest.param((80, 84, 76), np.diag([-1.0, 1.0, 1.0]), 0.15, id="left-handed"),
        pytest.param((84, 76, 80), np.array([[0, 0, 1.0], [-1, 0, 0], [0, -1, 0]]), 0.15, id="sagittal"),
        pytest.param((90, 90, 84), rotation(0.3, -0.2, 0.25) @ np.diag([-1.0, -1.0, 1.0]), 0.15, id="oblique"),
        pytest.param((180, 188, 52), np.diag([-0.45, -0.45, 1.5]), 0.2, id="fine in plane, 1.5 mm slices"),
        pytest.param((104, 110, 19), np.diag([0.78, 0.78, 4.0]), 0.6, id="4 mm slices"),
        pytest.param((44, 46, 42), np.diag([1.8, 1.8, 1.8]), 0.35, id="coarse"),
    ],
)
def test_any_grid(bundle: Bundle, size: tuple[int, int, int], columns: NDArray[np.floating], volume_tolerance: float) -> None:
    image = head_with_balls(size, grid(size, columns), BALLS)
    finding = find_lesions(image, bundle)
    found = lesions_of(finding)
    assert same_grid(finding.labels, image)
    assert len(found) == len(BALLS)
    for (centre, radius), (at, volume, _) in zip(BALLS, found.values(), strict=True):
        assert np.linalg.norm(at - centre) < 0.5 * np.max(np.linalg.norm(columns, axis=0))
        assert volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=volume_tolerance)


TOUCHING = [
    ((12.0, 2.0, 0.0), 7.0),
    ((1.0, 3.0, 1.0), 5.0),
    ((-12.0, 8.0, -6.0), 6.0),
    ((-12.0, -1.0, -9.0), 5.5),
    ((-16.0, 0.0, 1.0), 4.5),
]


@pytest.mark.parametrize("balls", [BALLS, TOUCHING], ids=["apart", "touching"])
@pytest.mark.parametrize("orientation", ["RAS", "PIR", "ASL", "SRA"])
def test_the_same_voxels_in_another_order_give_the_same_lesions(bundle: Bundle, orientation: str, balls: list[Any]) -> None:
    size = (70, 80, 60)
    image = head_with_balls(size, grid(size, np.diag([-1.1, -1.0, 1.3])), balls, cores=True)
    other = sitk.DICOMOrient(image, orientation)
    assert other.GetDirection() != image.GetDirection()
    first, second = find_lesions(image, bundle), find_lesions(other, bundle)
    assert all(same_grid(part, other) for part in (second.labels, second.necrosis_mask, second.enhancing, second.necrosis))
    back = sitk.DICOMOrient(second.labels, "LPS")
    assert np.array_equal(sitk.GetArrayFromImage(first.labels), sitk.GetArrayFromImage(back))
    # Interpolation sums the same terms in another order.
    np.testing.assert_allclose(
        sitk.GetArrayFromImage(first.enhancing), sitk.GetArrayFromImage(sitk.DICOMOrient(second.enhancing, "LPS")), atol=1e-5
    )
    assert first.scores == pytest.approx(second.scores, abs=1e-5)


def test_windows_leave_no_seam(bundle: Bundle, tmp_path: Path) -> None:
    """The analytic network looks at one voxel: windows of any size must give the same map as one window over everything."""
    image = head_with_balls((60, 64, 62), grid((60, 64, 62), np.eye(3)), BALLS)
    whole = find_bundle(str(write_analytic_bundle(tmp_path / "whole", patch=96)))
    small = find_bundle(str(write_analytic_bundle(tmp_path / "small", patch=16, overlap=0.5)))
    maps = [sitk.GetArrayFromImage(find_lesions(image, one).enhancing) for one in (whole, bundle, small)]
    np.testing.assert_allclose(maps[0], maps[1], atol=1e-5)
    np.testing.assert_allclose(maps[0], maps[2], atol=1e-5)


def test_nothing_is_found_in_the_air(bundle: Bundle) -> None:
    size = (90, 90, 90)
    image = head_with_balls(size, grid(size, np.eye(3)), BALLS, radii_mm=(26.0, 28.0, 26.0))
    array = sitk.GetArrayFromImage(image)
    array[2:6, 2:6, 2:6] = 300.0  # a bright speck far from the head
    noisy = sitk.GetImageFromArray(array)
    noisy.CopyInformation(image)
    finding = find_lesions(noisy, bundle)
    assert len(finding.scores) == len(BALLS)
    assert sitk.GetArrayViewFromImage(finding.enhancing)[:8, :8, :8].max() == 0.0


def test_progress_rises_and_names_the_windows(bundle: Bundle) -> None:
    said: list[tuple[float, str]] = []
    size = (60, 60, 60)
    find_lesions(head_with_balls(size, grid(size, np.eye(3)), BALLS), bundle, progress=lambda share, text: said.append((share, text)))
    shares = [share for share, _ in said]
    assert shares == sorted(shares) and shares[0] == 0.0 and shares[-1] == 1.0
    windows = [text for _, text in said if text.startswith("window")]
    assert windows[0].startswith("window 1 of ") and windows[-1] == f"window {len(windows)} of {len(windows)}"


def test_cancel_stops_before_the_next_window(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()
    windows = []
    original = lesion_search.lesion_probability

    def watched(*arguments: Any) -> torch.Tensor:
        windows.append(1)
        if len(windows) == 3:
            asked.set()
        return original(*arguments)

    monkeypatch.setattr(lesion_search, "lesion_probability", watched)
    size = (80, 80, 80)
    with pytest.raises(Cancelled):
        find_lesions(head_with_balls(size, grid(size, np.eye(3)), BALLS), bundle, cancelled=asked.is_set)
    assert len(windows) == 3


def test_an_image_without_a_head_is_refused(bundle: Bundle) -> None:
    with pytest.raises(FindingError, match="no head"):
        find_lesions(sitk.Image(20, 20, 20, sitk.sitkFloat32), bundle)


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(FindingError, match="no device called tpu"):
        choose_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(FindingError, match="choose auto or cpu"):
            choose_device("cuda")
        # A card that PyTorch sees and has no code for: automatic means the processor, and a wish is refused.
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        assert choose_device("auto").type != "cuda"
        with pytest.raises(FindingError, match="cannot run"):
            choose_device("cuda")


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    bundle = find_bundle(str(write_bundle(tmp_path / "wrong", CompactUNet((8, 8)), {"network": {"widths": [4, 4]}, "patch": [16, 16, 16]})))
    size = (40, 40, 40)
    with pytest.raises(BundleError, match="do not fit"):
        find_lesions(head_with_balls(size, grid(size, np.eye(3)), [], radii_mm=(14.0, 15.0, 14.0)), bundle)


def test_half_precision_weights_run(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = CompactUNet((4, 8)).half()
    bundle = find_bundle(str(write_bundle(tmp_path / "random", network, {"network": {"widths": [4, 8]}, "patch": [32, 32, 32]})))
    size = (40, 40, 40)
    finding = find_lesions(head_with_balls(size, grid(size, np.eye(3)), [], radii_mm=(14.0, 15.0, 14.0)), bundle)
    assert np.isfinite(sitk.GetArrayViewFromImage(finding.enhancing)).all()


def test_a_network_that_gives_no_numbers_is_no_network_that_finds_nothing(tmp_path: Path) -> None:
    network = CompactUNet((4, 8))
    torch.nn.init.constant_(network.head.weight, float("nan"))
    bundle = find_bundle(str(write_bundle(tmp_path / "broken", network, {"network": {"widths": [4, 8]}, "patch": [32, 32, 32]})))
    size = (40, 40, 40)
    with pytest.raises(FindingError, match=r"gave no numbers .* no numbers"):
        find_lesions(head_with_balls(size, grid(size, np.eye(3)), [], radii_mm=(14.0, 15.0, 14.0)), bundle, device="cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA")
def test_a_graphics_card_says_what_the_processor_says() -> None:
    """The bundled weights; half precision on the card, so to a hundredth of a probability."""
    bundle = find_bundle(None)
    window = torch.from_numpy(np.random.default_rng(0).normal(0, 1, (64, 64, 64)).astype(np.float32))
    window[20:28, 20:28, 20:28] += 4.0
    found = [
        window_probabilities(lesion_search.load_network(bundle, run_settings(bundle), place), window, place)
        for place in (torch.device("cpu"), torch.device("cuda"))
    ]
    assert (found[0] - found[1]).abs().max() < 0.01


def test_a_window_in_which_nothing_shows_is_seen_once() -> None:
    seen: list[torch.Tensor] = []

    class Bright(torch.nn.Module):
        """Enhancing where the window is above 1."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return torch.cat([torch.zeros_like(x), torch.where(x > 1, 6.0, -6.0), torch.full_like(x, -6.0)], dim=1)

    empty = torch.zeros(8, 8, 8)
    spot = empty.clone()
    spot[2, 3, 1] = 2.0
    maps = [lesion_search.lesion_probability(Bright(), window, torch.device("cpu"), True) for window in (empty, spot)]
    assert len(seen) == 3 and seen[2][0, 0, 2, 3, 6] == 2.0
    assert maps[0].max() < 0.01 and maps[1].sum(dim=0).argmax() == 2 * 64 + 3 * 8 + 1


def test_a_mirrored_view_makes_left_and_right_alike() -> None:
    torch.manual_seed(0)
    network = CompactUNet((4, 8)).eval()
    window = torch.randn(8, 10, 12)
    cpu = torch.device("cpu")
    with torch.inference_mode():
        plain, both = (lesion_search.lesion_probability(network, window, cpu, mirrored) for mirrored in (False, True))
        other = lesion_search.lesion_probability(network, window.flip(-1), cpu, True)
    assert plain.shape == both.shape == (2, 8, 10, 12)
    assert torch.allclose(other.flip(-1), both, atol=1e-6), "an image of the mirrored head gives the mirrored map"
    assert not torch.allclose(plain, both, atol=1e-3), "this network by itself tells left from right"


@pytest.mark.parametrize("by", ["head", "brain"])
def test_a_network_normalised_by_the_brain_does_not_see_how_bright_the_rest_is(tmp_path: Path, by: str) -> None:
    size = (76, 84, 76)
    image = head_with_balls(size, grid(size, np.eye(3)), [((4.0, 2.0, 0.0), 5.0)])
    array = sitk.GetArrayFromImage(image)
    k, j, i = np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in array.shape], indexing="ij")
    brain = image_like(((i / 22) ** 2 + (j / 28) ** 2 + (k / 22) ** 2 <= 1).astype(np.uint8), image)
    inside = sitk.GetArrayFromImage(brain) > 0
    scalp = image_like(np.where(inside, array, 0.6 * array).astype(np.float32), image)
    bundle = find_bundle(str(write_analytic_bundle(tmp_path / "analytic", normalised_by=by)))
    settings, cpu = run_settings(bundle), torch.device("cpu")
    network = lesion_search.load_network(bundle, settings, cpu)
    with torch.inference_mode():
        bright, dark = (
            lesion_search.search(each, head_mask(each), None, brain, network, settings, cpu, lambda number, count: None)[0][inside]
            for each in (image, scalp)
        )
    assert np.array_equal(bright, dark) == (by == "brain")
    assert np.count_nonzero(bright > 0.5) == pytest.approx(4 / 3 * np.pi * 5**3, rel=0.15)
