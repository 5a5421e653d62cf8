"""What the worker says about the computer, and which of it is checked: memory, disk, checksums, torch."""

import builtins
import os
from pathlib import Path
from typing import Any

import pytest

from analytic_bundle import write_analytic_bundle
from BrainMetsAILib.models import bundles
from BrainMetsAILib.worker import preflight_task
from BrainMetsAILib.worker.protocol import Result, encode
from BrainMetsAILib.worker.tasks import TASKS, TaskContext, load_task

CONTEXT = TaskContext(lambda share, text: None, lambda: False, 1)


def test_it_is_in_the_table_and_its_answer_fits_a_line(tmp_path: Path) -> None:
    assert "preflight" in TASKS
    found = load_task("preflight")({}, tmp_path, CONTEXT)
    assert encode(Result(1, found))
    assert found["torch"] and found["torch_error"] == "" and found["cores"] >= 1
    assert 0.1 < found["memory_gib"] < 1e5 and found["disk_gib"] >= 0 and os.path.isdir(found["disk"])  # noqa: PTH112
    assert [network["problem"] for network in found["networks"]] == [""] * len(found["networks"]) and found["networks"]


def test_a_damaged_network_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = write_analytic_bundle(tmp_path / "models" / "good")
    bad = write_analytic_bundle(tmp_path / "models" / "worse")
    weights = bad / "models" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    monkeypatch.setattr(bundles, "models_folder", lambda: tmp_path / "models")
    networks = preflight_task.run({}, tmp_path, CONTEXT)["networks"]
    assert len(networks) == 2 and good.is_dir()
    assert networks[0]["problem"] == "" and "damaged" in networks[1]["problem"] and "reinstall" in networks[1]["problem"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ModuleNotFoundError("No module named 'torch'", name="torch"), ""),
        (ModuleNotFoundError("No module named 'sympy'", name="sympy"), "No module named 'sympy'"),
        (OSError("libcudart.so.12: cannot open"), "libcudart.so.12: cannot open"),
    ],
)
def test_torch_that_is_missing_or_broken_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    real = builtins.__import__

    def importing(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "torch":
            raise error
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", importing)
    found = preflight_task.run({}, tmp_path, CONTEXT)
    assert found["torch"] is None and found["gpu"] is None and found["torch_error"] == reason
