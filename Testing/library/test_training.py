"""Training: real cases are read and split as they should be, a training learns, goes on where it was, and ends as a usable bundle."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from safetensors.torch import load_file

from BrainMetsAILib.cli.main import main
from BrainMetsAILib.models.bundles import read_bundle
from BrainMetsAILib.training.backgrounds import Background
from BrainMetsAILib.training.config import TrainingConfig, TrainingRefused, checked, read_config
from BrainMetsAILib.training.loss import HARDEST, hardest_share, segmentation_loss, weights_of_small_lesions
from BrainMetsAILib.training.packing import pack
from BrainMetsAILib.training.patches import IGNORE, THICKNESS_MM, draw_patch, in_thick_slices
from BrainMetsAILib.training.real_cases import find_cases
from BrainMetsAILib.training.session import choose_training_device, run_training
from BrainMetsAILib.training.supervision import supervise
from BrainMetsAILib.training.trainer import Trainer
from BrainMetsAILib.training.windows import Windows, fixed_windows
from shared_data import shared_volume
from training_cases import write_cases

TINY = {"widths": [4, 4, 4, 4]}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cases(tmp_path_factory.mktemp("cases"))


def test_the_brain_sets_the_scale_whatever_lies_around_it() -> None:
    rng = np.random.default_rng(0)
    array, hull = np.zeros((40, 40, 40), np.float32), np.zeros((40, 40, 40), bool)
    hull[10:30, 10:30, 10:30] = True
    array[hull] = rng.uniform(40, 120, hull.sum())
    scales = []
    for scalp in (0.0, 900.0):
        array[2:6] = scalp
        head = Background("t1", None, (), array, hull, hull, None, np.zeros((1, *hull.shape), np.uint8))
        scales.append(head.brain_scale)
    assert scales[0] == scales[1]
    assert scales[0][0] == pytest.approx(80, abs=2) and scales[0][1] == pytest.approx(0.85 * 80, abs=2)


def test_windows_of_label_maps_have_the_brain_around_zero() -> None:
    """White matter, grey matter, fluid and scalp of random brightness: seen through the median of a window that shows brain alone."""
    away = np.linalg.norm(np.indices((120, 120, 120)) - 59.5, axis=0)
    labels = np.select([away < 12, away < 40, away < 50, away < 53, away < 59], [1, 2, 3, 1, 4], 0).astype(np.uint8)
    hull = away < 53
    vessels = np.where(np.abs(away - 51) < 0.5, 150, 0).astype(np.uint8)
    head = Background("labels", labels, (0, 24, 2, 3, 600), None, hull, away < 20, None, vessels[None])
    rng = np.random.default_rng(1)
    medians = [float(np.median(draw_patch([head], np.ones(1), rng, 32)[0])) for _ in range(40)]
    assert np.median(np.abs(medians)) < 0.5


@pytest.mark.parametrize("spacing_mm", [0.8, 2.0])
def test_thick_slices_are_as_thick_as_millimetres_say(spacing_mm: float) -> None:
    rng = np.random.default_rng(3)
    plane = np.zeros((64, 64, 64), np.float32)
    plane[32] = 1.0
    widths = []
    for _ in range(400):
        changed = np.argwhere(in_thick_slices(plane, np.full(3, spacing_mm), rng).mean(axis=(1, 2)) > 0.2 * spacing_mm / THICKNESS_MM[1])
        widths.append(len(changed) * spacing_mm)
    assert 0 < np.mean(np.array(widths) > spacing_mm) < 1 / 10, "one axis in three, of one volume in six"
    assert 1.8 * THICKNESS_MM[1] < max(widths) < 2.5 * THICKNESS_MM[1], "a plane shows in the slice and fades to both its neighbours"


def test_thick_slices_stay_in_place() -> None:
    rng = np.random.default_rng(4)
    k, j, i = np.indices((64, 64, 64)) - 31.5
    ball = (k**2 + j**2 + i**2 < 20**2).astype(np.float32)
    shifts = []
    for _ in range(300):
        changed = in_thick_slices(ball, np.ones(3), rng)
        if not np.array_equal(changed, ball):
            shifts += [float((axis * changed).sum() / changed.sum()) for axis in (k, j, i)]
    assert len(shifts) > 60 and abs(np.mean(shifts)) < 0.05 and np.abs(shifts).max() < 0.5


def test_configurations_are_checked(cases: Path, tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    path.write_text(f'network = "compact"\ncases = "{cases}"\nminutes = 5\n[sizes]\nwidths = [4, 8]\n', encoding="utf-8")
    config = read_config(path)
    assert config.minutes == 5.0 and config.network_sizes() == {"name": "compact", "widths": [4, 8]}
    for line, words in (
        ("colour = 3", "no entry 'colour'"),
        ("batch = 0", "batch must be a number from 1"),
        ("batch = 1.5", "batch must be"),
        ('batch = "two"', "batch must be"),
        ('network = "other"', "no network called other"),
        ('backgrounds = "nowhere"', "does not exist"),
        (f'backgrounds = "{cases}"', "has no split.json: take one that `make pack` makes"),
        ("window_sizes = 64", "window_sizes must be"),
        ("window_sizes = [32, 60]", "window_sizes must be"),
        ("window_sizes = [16]", "multiples of 8 from 24 to 256"),
        ("minutes = 0", "minutes must be a number from 0.01"),
        ('multi_scale = "yes"', "multi_scale must be true or false"),
        ("batch = ", "no valid TOML"),
    ):
        path.write_text(f'cases = "{cases}"\n{line}\n', encoding="utf-8")
        with pytest.raises(TrainingRefused, match=words):
            read_config(path)
    with pytest.raises(TrainingRefused, match="cannot be read"):
        read_config(tmp_path / "absent.toml")
    with pytest.raises(TrainingRefused, match="nothing to train on"):
        checked(TrainingConfig())


def test_a_network_learns_what_a_window_shows(cases: Path, tmp_path: Path) -> None:
    windows = fixed_windows(Windows((), find_cases(cases), 0.0, seed=1), 2)
    trainer = Trainer(tmp_path, 60.0, "cpu", supervise, {"name": "compact", **TINY}, peak_rate=1e-2)
    middle = slice(16, 48)  # a step of a small window is quick
    batch = [torch.stack(parts)[..., middle, middle, middle] for parts in zip(*windows, strict=True)]
    losses = [trainer.learn(*batch) for _ in range(40)]
    assert np.mean(losses[-3:]) < 0.75 * losses[0]


def test_all_voxels_count_at_first_and_the_hardest_in_the_end() -> None:
    shares = [hardest_share(done) for done in np.linspace(0, 1, 21)]
    assert shares[0] == 1.0 and np.all(np.diff(shares[:11]) < 0) and set(shares[10:]) == {HARDEST}
    torch.manual_seed(0)
    array, classes = torch.randn(1, 1, 16, 16, 16), torch.randint(0, 3, (1, 16, 16, 16))
    supervision = supervise({"name": "compact", **TINY})
    losses = {}
    for hardest in (1.0, HARDEST):
        supervision.hardest = hardest
        with torch.no_grad():
            losses[hardest] = [float(supervision.train(training)(array, classes)) for training in (True, False)]
    assert losses[HARDEST][0] > losses[1.0][0] + 0.05, "the hardest voxels are worse off than all together"
    assert losses[1.0][1] == losses[HARDEST][1], "in evaluation losses are compared"


def test_a_small_lesion_counts_for_more_than_its_voxels() -> None:
    classes = torch.zeros(1, 32, 32, 32, dtype=torch.int64)
    large, middle, small = ((0, *(slice(start, start + edge),) * 3) for start, edge in ((1, 10), (14, 5), (24, 2)))
    for lesion in (large, middle, small):
        classes[lesion] = 1
    classes[0, 3:6, 3:6, 3:6] = 2  # the core is of the large one, not a small lesion
    classes[0, 30, 1, 1] = IGNORE
    weights = torch.from_numpy(weights_of_small_lesions(classes[0].numpy()))[None]
    for lesion, weight in ((large, 1.0), (middle, 2.0), (small, 4.0)):
        assert set(weights[lesion].unique().tolist()) == {weight}
    assert set(weights[(classes == 0) | (classes == IGNORE)].tolist()) == {1.0}
    right = 8.0 * torch.nn.functional.one_hot(classes.clamp(0, 2), 3).permute(0, 4, 1, 2, 3).float()
    missed = right.clone()
    missed[(0, slice(None), *small[1:])] = right[0, :, 0, 0, 0].reshape(3, 1, 1, 1)
    costs = [segmentation_loss(missed, classes, weights=w) - segmentation_loss(right, classes, weights=w) for w in (None, weights)]
    assert costs[1] > 2.5 * costs[0] > 0


def test_coarser_resolutions_are_taught_unless_told_otherwise() -> None:
    torch.manual_seed(0)
    array, classes = torch.randn(1, 1, 16, 16, 16), torch.randint(0, 3, (1, 16, 16, 16))
    small = {"name": "rlk_unet", "widths": [7, 7, 7, 7], "blocks": [1, 1, 1, 1], "kernel": 5, "small": 3, "dropout": 0.0, "drop_path": 0.0}
    for sizes in ({"name": "compact", **TINY}, small):
        supervision = supervise(sizes)
        losses = []
        for supervision.multi_scale in (True, False):
            losses.append(supervision(array, classes))
        assert losses[0] > losses[1] + 0.1
        assert torch.isfinite(losses[0]), "an eighth of a window of 16 voxels has eight, and a twentieth of these is less than one"
        losses[1].backward()
        taught = [parameter.grad is not None for parameter in supervision.coarse.parameters()]
        assert not any(taught)


def test_what_a_folder_cannot_go_on_with_is_said(cases: Path, tmp_path: Path) -> None:
    trainer = Trainer(tmp_path, 60.0, "cpu", supervise, {"name": "compact", **TINY})
    before = {key: value.clone() for key, value in trainer.network.state_dict().items()}
    array, classes = torch.full((1, 1, 16, 16, 16), float("nan")), torch.zeros(1, 16, 16, 16, dtype=torch.int64)
    with pytest.raises(TrainingRefused, match=r"step 1 is nan.*lower peak_rate"):
        trainer.learn(array, classes)
    assert all(torch.equal(value, before[key]) for key, value in trainer.network.state_dict().items()) and trainer.step == 0
    trainer.save()
    Trainer(tmp_path, 60.0, "cpu", supervise, {"name": "compact", "widths": (4, 4, 4, 4)})
    with pytest.raises(TrainingRefused, match=r"another network.*choose another folder"):
        Trainer(tmp_path, 60.0, "cpu", supervise, {"name": "compact", "widths": [4, 4, 4, 8]})
    if not torch.cuda.is_available():
        with pytest.raises(TrainingRefused, match="cuda"):
            choose_training_device("cuda")


def test_going_on_draws_other_random_numbers(tmp_path: Path) -> None:
    sizes = {"name": "compact", **TINY}
    trainer = Trainer(tmp_path, 60.0, "cpu", supervise, sizes, seed=3)
    first = torch.rand(4)
    trainer.step = 1
    trainer.save()
    Trainer(tmp_path, 60.0, "cpu", supervise, sizes, seed=3)
    assert not torch.equal(torch.rand(4), first)


def test_validation_falls_on_the_same_steps_whatever_the_clock_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    validated: list[int] = []

    def noted(trainer: Trainer, held: object) -> float:
        validated.append(trainer.step)
        return 1.0

    monkeypatch.setattr(Trainer, "validate", noted)
    window = torch.zeros(1, 1, 24, 24, 24), torch.zeros(1, 24, 24, 24, dtype=torch.int64)
    for slices in (1, 3):
        validated.clear()
        folder = tmp_path / str(slices)
        folder.mkdir()
        for _ in range(slices):
            trainer = Trainer(folder, 1e9, "cpu", supervise, {"name": "compact", **TINY}, total_steps=9)
            trainer.learn_from([window] * (9 // slices), [window], 0.25, float("inf"), lambda *_: None)
            trainer.save()
        assert validated == [3, 5, 7, 9]


def test_windows_grow_with_the_training(cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[int, ...]] = []
    learn = Trainer.learn

    def noted(trainer: Trainer, array: torch.Tensor, *known: torch.Tensor) -> float:
        assert {part.shape for part in known} == {(len(array), *array.shape[2:])}
        shown.append(tuple(array.shape))
        return learn(trainer, array, *known)

    monkeypatch.setattr(Trainer, "learn", noted)
    sizes = (24, 32, 40)
    config = checked(TrainingConfig("compact", TINY, steps=6, window_sizes=sizes, workers=0, cases=cases, validation_windows=1))
    outcome = run_training(config, tmp_path / "whole", 10, "cpu", lambda *_: None)
    assert outcome.finished
    assert shown == [(3, 1, 24, 24, 24)] * 2 + [(2, 1, 32, 32, 32)] * 2 + [(2, 1, 40, 40, 40)] * 2
    shown.clear()
    for _ in range(6):  # in slices of one step each
        run_training(config, tmp_path / "slices", 1e-6, "cpu", lambda *_: None)
    assert [shape[-1] for shape in shown] == [24, 24, 32, 32, 40, 40]


def test_weights_of_the_start_are_mixed_in_where_wanted(cases: Path, tmp_path: Path) -> None:
    def train(name: str, **others: object) -> Path:
        small = TrainingConfig("compact", TINY, steps=2, window_sizes=(24,), workers=0, cases=cases, validation_windows=1)
        config = checked(replace(small, **others))  # type: ignore[arg-type]
        run_training(config, tmp_path / name, 10, "cpu", lambda *_: None)
        return tmp_path / name

    start = read_bundle(train("first") / "bundle").weights
    further = train("second", start=start, start_share=0.25, peak_rate=1.0)
    begun, mixed = load_file(str(start)), load_file(str(read_bundle(further / "bundle").weights))
    best = torch.load(further / "state.pt", weights_only=True)["best"]
    assert any(not torch.allclose(best[key], begun[key].float(), atol=1e-3) for key in begun), "the training changed something"
    for key, value in mixed.items():
        assert torch.allclose(value.float(), 0.75 * best[key] + 0.25 * begun[key].float(), atol=2e-3), key
    assert "25%" in (further / "bundle" / "docs" / "README.md").read_text(encoding="utf-8")
    with pytest.raises(TrainingRefused, match="needs weights to begin with"):
        checked(TrainingConfig(cases=cases, start_share=0.25))


def test_training_goes_on_where_it_was_and_ends_as_a_bundle(cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text(
        f'network = "rlk_unet"\ncases = "{cases}"\nsteps = 3\nbatch = 1\nworkers = 0\nvalidation_windows = 1\n'
        "[sizes]\nwidths = [7, 7, 7, 7]\nblocks = [1, 1, 1, 1]\nkernel = 5\nsmall = 3\n",
        encoding="utf-8",
    )
    out = tmp_path / "out"
    assert main(["train", str(config), "-o", str(out), "--slice", "0.0001", "--quiet", "--device", "cpu"]) == 0
    assert "goes on from here" in capsys.readouterr().out
    first = torch.load(out / "state.pt", weights_only=True)
    assert main(["train", str(config), "-o", str(out), "--quiet", "--device", "cpu"]) == 0
    assert "goes on" not in capsys.readouterr().out
    second = torch.load(out / "state.pt", weights_only=True)
    assert (first["step"], second["step"]) == (1, 3) and second["spent_s"] > first["spent_s"]
    with (out / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == sorted({int(row["step"]) for row in rows}) and rows[-1]["validation_loss"]
    assert float(rows[-1]["rate"]) < 1e-8, "the rate has fallen to zero"
    assert (out / "curves.png").stat().st_size > 5000
    bundle = read_bundle(out / "bundle")
    assert bundle.settings["network"]["kernel"] == 5
    card = (out / "bundle" / "docs" / "README.md").read_text(encoding="utf-8")
    assert bundle.sha256 in card and "kept back" in card
    assert "No licence has been stated" in (out / "bundle" / "LICENSE").read_text(encoding="utf-8"), "ours is not that of a user's data"
    (out / "bundle" / "LICENSE").write_text("CC BY 4.0", encoding="utf-8")
    assert main(["train", str(config), "-o", str(out), "--quiet", "--device", "cpu"]) == 0
    assert read_bundle(out / "bundle").sha256 == bundle.sha256, "what is finished stays as it is"
    assert (out / "bundle" / "LICENSE").read_text(encoding="utf-8") == "CC BY 4.0"
    assert torch.load(out / "state.pt", weights_only=True)["step"] == 3
    from BrainMetsAILib.models.inference import find_lesions

    head = sitk.ReadImage(str(find_cases(cases)[0].t1c), sitk.sitkFloat32)
    assert find_lesions(head, bundle).provenance.sha256 == bundle.sha256


def test_command_line_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(tmp_path / "absent.toml"), "-o", str(tmp_path / "out")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert main(["train", str(tmp_path / "absent.toml"), "-o", str(tmp_path / "out"), "--slice", "0"]) == 2
    assert not (tmp_path / "out").exists()


def test_the_pack_holds_nothing_reserved(tmp_path: Path) -> None:
    data = shared_volume("split.json").parent
    assert pack(data, tmp_path / "pack") < 50_000_000
    names = {path.relative_to(tmp_path / "pack").as_posix() for path in (tmp_path / "pack").rglob("*") if path.is_file()}
    assert {f"labelmaps/training_seg_{n:02d}.nii.gz" for n in range(1, 17)} <= names
    reserved = ("seg_17", "seg_18", "seg_19", "seg_20", "seg3d", "datalad", "mr_gd", "dicom", "tumour", "longitudinal")
    assert not [name for name in names if any(word in name for word in reserved)]
