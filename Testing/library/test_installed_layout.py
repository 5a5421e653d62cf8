"""Both modules in one folder, as an installed extension has them: they import, find the networks, and the worker runs from there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from analytic_bundle import write_analytic_bundle
from BrainMetsAILib.worker.payload import find_input
from head_phantom import head_phantom
from list_in_cmake import CHECKOUT, MODULES, listed

PANELS = """
import sys
sys.path.insert(0, {testing!r})
from pathlib import Path
from slicer_facade import SlicerFacade
facade = SlicerFacade()
for name in ("BrainMetsAI", "BrainMetsAIResponse"):
    module = facade.load(name, Path({folder!r}) / (name + ".py"))
    panel = facade.panel(module)
    panel.enter()
    panel.cleanup()
import BrainMetsAILib, BrainMetsAIResponseLib
from BrainMetsAILib.models.bundles import find_bundle, models_folder
from BrainMetsAILib.scene.practice_case import practice_head
print(BrainMetsAILib.__file__, BrainMetsAIResponseLib.__file__, models_folder(), practice_head(), find_bundle().folder, sep="\\n")
assert "torch" not in sys.modules
"""

@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What CMake installs, and nothing else."""
    folder = tmp_path_factory.mktemp("Slicer") / "lib" / "qt-scripted-modules"
    for module in MODULES:
        for entry in (*listed(module, "MODULE_PYTHON_SCRIPTS"), *listed(module, "MODULE_PYTHON_RESOURCES")):
            target = folder / entry
            assert not target.exists(), f"{entry} is in both modules"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(CHECKOUT / module / entry, target)
    for shared in ("Models", "Practice"):
        shutil.copytree(CHECKOUT / "Resources" / shared, folder / "Resources" / shared)
    return folder


def environment(installed: Path) -> dict[str, str]:
    """The installed folder first on Python's path."""
    return {**os.environ, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1", "QT_QPA_PLATFORM": "offscreen"}


def python(installed: Path, script: str) -> str:
    """What a script prints that runs far away from the checkout."""
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=installed.parent, env=environment(installed), timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_modules_load_and_find_what_they_need(installed: Path) -> None:
    printed = python(installed, PANELS.format(testing=str(CHECKOUT / "Testing"), folder=str(installed)))
    found = [Path(line) for line in printed.strip().splitlines()[-5:]]
    assert all(path.is_relative_to(installed) and path.exists() for path in found), printed


def test_every_task_loads_from_there(installed: Path) -> None:
    script = (
        "from BrainMetsAILib.worker.tasks import TASKS, load_task\n"
        "import sys\n"
        "for name in TASKS:\n    print(sys.modules[load_task(name).__module__].__file__)\n"
    )
    files = [Path(line) for line in python(installed, script).split()]
    assert len(files) >= 3 and all(path.is_relative_to(installed) for path in files)


def test_worker_finds_with_an_installed_network_from_there(installed: Path, tmp_path: Path) -> None:
    write_analytic_bundle(installed / "Resources" / "Models" / "analytic", patch=48, spacing_mm=2.5)  # quick, and looked up by name
    task_input = find_input(tmp_path, head_phantom(2.5), model="analytic", threads=1)
    order = {"id": 1, "task": "find", "input": task_input, "output": str(tmp_path)}
    command = [sys.executable, "-m", "BrainMetsAILib.worker"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=installed.parent, env=environment(installed)
    ) as worker:
        assert worker.stdin is not None and worker.stdout is not None
        hello = json.loads(worker.stdout.readline())
        assert hello["hello"] == "brainmets-worker" and hello["pid"] == worker.pid
        worker.stdin.write(json.dumps(order) + "\n")
        worker.stdin.flush()
        replies = []
        for line in worker.stdout:
            replies.append(json.loads(line))
            if "progress" not in replies[-1]:
                break
        worker.stdin.close()
        assert worker.wait(20) == 0, "it ends when its input closes"
    assert len(replies) > 2 and "result" in replies[-1], replies[-1]
    result = replies[-1]["result"]
    assert result["provenance"]["model"] == "analytic"
    assert all(Path(result[name]).is_file() for name in ("enhancing", "necrosis", "labels", "necrosis_mask"))
