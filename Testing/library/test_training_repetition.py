"""Windows shown again: how often, unchanged in what they mean, and what a training makes of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from BrainMetsAILib.images.normalisation import CLIP
from BrainMetsAILib.training import repetition
from BrainMetsAILib.training.config import TrainingConfig, checked
from BrainMetsAILib.training.patches import _nearest, random_matrix
from BrainMetsAILib.training.repetition import POOL_BYTES, altered, shown_again
from BrainMetsAILib.training.session import run_training
from BrainMetsAILib.training.trainer import Trainer
from training_cases import write_cases

CPU = torch.device("cpu")


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("held", [POOL_BYTES, 12 * 20])
def test_each_window_is_shown_so_often(times: int, held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repetition, "POOL_BYTES", held)  # all windows, or twenty of twelve bytes each
    batches = [[torch.arange(4.0) + 4 * n, torch.arange(4) + 4 * n] for n in range(300)]
    marks: list[int] = []

    def mark(batch: object) -> object:
        marks.append(len(shown))
        return batch

    shown: list[np.ndarray] = []
    for array, classes in shown_again(batches, times, 7, mark):  # type: ignore[arg-type]
        assert torch.equal(array.long(), classes), "what belongs together stays together"
        assert len(set(classes.tolist())) == 4
        shown.append(classes.numpy())
    assert [batch.tolist() for batch in shown[::times]] == [batch[1].tolist() for batch in batches], "first as they come, in their order"
    assert marks == [n for n in range(len(shown)) if n % times], "what comes again is altered, and nothing else"
    counts = np.bincount(np.concatenate(shown), minlength=1200)
    assert counts.sum() == times * 1200 and counts.min() >= 1
    if held < POOL_BYTES and times > 1:
        ages = np.concatenate([n // times - batch // 4 for n, batch in enumerate(shown) if n % times])
        assert 2 < np.median(ages) < 15, "the pool holds five batches, and the old ones go"
    for n, batch in enumerate(shown):
        assert batch.max() < 4 * (n // times + 1), "nothing is shown before it has come"


def test_altered_windows_mean_the_same() -> None:
    torch.manual_seed(0)
    classes = torch.randint(0, 5, (40, 6, 7, 8), dtype=torch.uint8)
    array = classes[:, None].float() - 2.0
    sides = torch.tensor([0, 2, 1, 3, 4], dtype=torch.uint8)
    found, named, weights = altered([array, classes, classes.float()], CPU, sides)
    turned = 0
    for n in range(len(array)):
        is_turned = not torch.equal(weights[n], classes[n].float())
        turned += is_turned
        expected = classes[n].flip(-1) if is_turned else classes[n]
        assert torch.equal(weights[n], expected.float())
        assert torch.equal(named[n], sides[expected.long()] if is_turned else expected), "the other side only where it was turned"
        correlation = np.corrcoef(found[n, 0].flatten(), expected.flatten())[0, 1]
        assert 0.99 < correlation < 1.0
    assert 10 < turned < 30
    assert torch.equal(array, classes[:, None].float() - 2.0), "the windows that are held stay as they are"
    bright, *_ = altered([torch.full((8, 1, 4, 4, 4), 50.0), torch.zeros(8, 4, 4, 4)], CPU)
    assert float(bright.max()) <= CLIP[1]


def test_a_training_shows_its_windows_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = write_cases(tmp_path)
    seen: list[float] = []
    learn = Trainer.learn

    def noted(trainer: Trainer, array: torch.Tensor, *known: torch.Tensor) -> float:
        assert array.shape == (2, 1, 24, 24, 24) and known[0].shape == known[1].shape == (2, 24, 24, 24)
        seen.append(float(known[0].float().mean()))
        return learn(trainer, array, *known)

    monkeypatch.setattr(Trainer, "learn", noted)
    tiny = {"widths": [4, 4, 4, 4]}
    config = checked(TrainingConfig("compact", tiny, steps=4, window_sizes=(24,), shown=2, workers=0, cases=cases, validation_windows=1))
    assert run_training(config, tmp_path / "out", 10, "cpu", lambda *_: None).finished
    # With a pool of one batch so far, what comes again is that batch.
    assert seen[1] == pytest.approx(seen[0]) and len(set(np.round(seen, 9))) >= 2


@pytest.mark.parametrize("seed", range(6))
def test_the_nearest_voxels_are_those_of_an_affine_transform(seed: int) -> None:
    rng = np.random.default_rng(seed)
    volume = rng.integers(1, 200, (30, 26, 34), dtype=np.uint8)
    matrix = random_matrix(rng)
    offset = np.array(volume.shape) / 2 - matrix @ np.full(3, 15.5) + rng.uniform(-9, 9, 3)
    places, seen = _nearest(matrix, offset, volume.shape, 32)
    found = np.where(seen, volume.reshape(-1)[places], 0)
    expected = ndimage.affine_transform(volume, matrix, offset, (32,) * 3, order=0, mode="constant")
    assert 0.05 < seen.mean() < 1
    # Half a voxel beyond the last centre counts as inside here and as outside there.
    beyond = seen & (expected == 0)
    assert np.array_equal(found[~beyond], expected[~beyond]) and beyond.mean() < 0.08
