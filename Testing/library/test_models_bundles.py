"""The catalogue of networks: where it is, and that a damaged network is refused with a sentence."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest

from analytic_bundle import write_analytic_bundle
from BrainMetsAILib.models import bundles as catalogue
from BrainMetsAILib.models.bundles import METADATA, SETTINGS, WEIGHTS, BundleError, find_bundle, models_folder
from BrainMetsAILib.models.settings import ALL_CANDIDATES, OperatingPoint, operating_points, run_settings
from BrainMetsAILib.training.bundle_writing import LESION_FORMAT

LIBRARY = Path(catalogue.__file__).resolve().parents[1]


def test_models_lie_at_the_top_of_the_checkout() -> None:
    assert models_folder() == LIBRARY.parents[1] / "Resources" / "Models"


@pytest.mark.parametrize("name", ["brainmets_rlk_unet", "brainmets_anatomy"])
def test_metadata_say_what_monai_asks_for(name: str) -> None:
    metadata = json.loads((models_folder() / name / METADATA).read_text(encoding="utf-8"))
    asked = ("version", "monai_version", "pytorch_version", "numpy_version", "required_packages_version", "task", "description")
    assert all(metadata[key] for key in (*asked, "authors", "copyright", "network_data_format"))
    for side in ("inputs", "outputs"):
        for entry in metadata["network_data_format"][side].values():
            assert {"type", "format", "modality", "num_channels", "spatial_shape", "dtype", "value_range", "is_patch_data"} <= set(entry)
    if name == "brainmets_rlk_unet":
        assert metadata["network_data_format"] == LESION_FORMAT, "as in the bundles that a training writes"


def test_models_lie_beside_the_library_where_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "qt-scripted-modules"
    shutil.copytree(LIBRARY / "models", installed / "BrainMetsAILib" / "models")
    (installed / "Resources" / "Models").mkdir(parents=True)
    (tmp_path / "Resources" / "Models").mkdir(parents=True)  # a decoy one level up
    spec = importlib.util.spec_from_file_location("installed_bundles", installed / "BrainMetsAILib" / "models" / "bundles.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "installed_bundles", module)
    spec.loader.exec_module(module)
    assert module.models_folder() == installed / "Resources" / "Models"


def test_a_bundle_is_found_by_folder_and_its_weights_are_checked(tmp_path: Path) -> None:
    folder = write_analytic_bundle(tmp_path / "analytic", voxel_threshold=0.4)
    bundle = find_bundle(str(folder))
    assert (bundle.name, bundle.version) == ("analytic", "9.9")
    assert run_settings(bundle).voxel_threshold == 0.4
    weights = folder / WEIGHTS
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1  # one bit
    weights.write_bytes(content)
    with pytest.raises(BundleError, match="damaged"):
        find_bundle(str(folder))
    weights.unlink()
    with pytest.raises(BundleError, match="cannot be read"):
        find_bundle(str(folder))


def test_bundles_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_analytic_bundle(tmp_path / "alpha")
    write_analytic_bundle(tmp_path / "beta", default=True)
    (tmp_path / "not_a_bundle").mkdir()
    monkeypatch.setattr(catalogue, "models_folder", lambda: tmp_path)
    assert [bundle.name for bundle in catalogue.bundles()] == ["alpha", "beta"]
    assert find_bundle().name == "beta"
    assert find_bundle("alpha").name == "alpha"
    with pytest.raises(BundleError, match="no network called gamma; installed are: alpha, beta"):
        find_bundle("gamma")


@pytest.mark.parametrize("part", [METADATA, SETTINGS])
@pytest.mark.parametrize("content", ["{", "[]", "\udcff".encode("utf-8", "surrogateescape").decode("latin-1")])
def test_unreadable_settings_are_refused(tmp_path: Path, part: Path, content: str) -> None:
    folder = write_analytic_bundle(tmp_path / "analytic")
    (folder / part).write_text(content, encoding="latin-1")
    with pytest.raises(BundleError, match="reinstall"):
        find_bundle(str(folder))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"network": {"widths": "x"}},
        {"network": {"widths": [4, 8]}, "patch": [33, 32, 32]},
        {"network": {"widths": [4, 8]}, "overlap": 1.5},
    ],
)
def test_settings_out_of_range_are_refused(tmp_path: Path, settings: dict[str, object]) -> None:
    folder = write_analytic_bundle(tmp_path / "analytic")
    (folder / SETTINGS).write_text(json.dumps(settings))
    with pytest.raises(BundleError, match="settings of the network analytic"):
        run_settings(find_bundle(str(folder)))


def test_operating_points_come_from_the_settings_lowest_score_first(tmp_path: Path) -> None:
    bundle = catalogue.read_bundle(write_analytic_bundle(tmp_path / "analytic"))
    assert operating_points(bundle) == (OperatingPoint(ALL_CANDIDATES, 0.0),), "a bundle without any shows what it was let find"
    settings = json.loads((tmp_path / "analytic" / SETTINGS).read_text())
    settings["operating_points"] = {"high precision": 0.9, "high sensitivity": 0.25, "balanced": 0.6}
    (tmp_path / "analytic" / SETTINGS).write_text(json.dumps(settings))
    points = operating_points(catalogue.read_bundle(tmp_path / "analytic"))
    assert [(point.name, point.least_score) for point in points] == [("high sensitivity", 0.25), ("balanced", 0.6), ("high precision", 0.9)]


@pytest.mark.parametrize(
    "wrong", [{"high sensitivity": 1.5}, {"high sensitivity": -0.1}, {"": 0.5}, {"balanced": "high"}, {"balanced": None}, [0.5], "all", 0.5]
)
def test_operating_points_that_cannot_be_used_are_refused(tmp_path: Path, wrong: object) -> None:
    folder = write_analytic_bundle(tmp_path / "analytic")
    settings = json.loads((folder / SETTINGS).read_text())
    (folder / SETTINGS).write_text(json.dumps({**settings, "operating_points": wrong}))
    with pytest.raises(BundleError, match=r"operating point.*analytic.*reinstall"):
        operating_points(catalogue.read_bundle(folder))
