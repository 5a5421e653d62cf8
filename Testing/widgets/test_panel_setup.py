"""What happens when packages are missing, with an installer that only writes down what it was asked."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pythonqt_facade import QtCore, qt
from slicer_facade import SlicerFacade

GUARD = "-m BrainMetsAILib.worker.guarded_run"
REQUIREMENTS = Path(__file__).resolve().parents[2] / "BrainMetsAI" / "Resources" / "requirements.txt"


@pytest.fixture
def installer(tmp_path: Path) -> Path:
    """Appends its arguments to a file; fails where a file `fail` is there, waits where a file `wait` is."""
    program = tmp_path / "PythonSlicer"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\necho "brainmets-pid $$"\necho "Collecting things"\n'
        f'if [ -e {tmp_path}/wait ]; then exec sleep 60; fi\n'
        f'if [ -e {tmp_path}/fail ]; then echo "ERROR: No matching distribution found for torch" >&2; exit 1; fi\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    return program


@pytest.fixture
def installed() -> dict[str, str]:
    return {"safetensors": "0.8.0"}


@pytest.fixture
def setup(slicer_app: SlicerFacade, installer: Path, installed: dict[str, str]) -> Iterator[Any]:
    import slicer

    from BrainMetsAILib.panel.questions import Questions
    from BrainMetsAILib.panel.setup_section import SetupSection

    root = slicer.util.loadUI(str(REQUIREMENTS.parent / "UI" / "BrainMetsAISetup.ui"))
    questions = Questions(confirm=lambda text: True, choose_folder=lambda title: "/media/wheels")
    section = SetupSection(
        slicer.util.childWidgetVariables(root), root, questions, REQUIREMENTS, lambda: None, installed.get, lambda: str(installer)
    )
    section.root_for_test = root  # type: ignore[attr-defined]
    yield section
    section.stop()


def calls(installer: Path) -> list[str]:
    path = installer.parent / "calls"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_installs_what_is_missing_and_goes_on(
    setup: Any, installer: Path, installed: dict[str, str], wait_for: Callable[..., None]
) -> None:
    went_on: list[bool] = []
    assert setup.ensure(lambda: went_on.append(True))
    assert setup.installing and not went_on
    assert setup.ui.installButton.text == "Cancel"
    installed["torch"] = "2.13.0+cpu"
    wait_for(lambda: not setup.installing)
    assert calls(installer) == [f"{GUARD} pip install torch>=2.4"]
    assert went_on == [True]
    assert setup.root_for_test.isHidden()
    assert setup.ensure(lambda: went_on.append(False)) and went_on == [True, False]


def test_folder_of_wheels(setup: Any, installer: Path, wait_for: Callable[..., None]) -> None:
    setup.ui.wheelsButton.click()
    wait_for(lambda: not setup.installing)
    assert calls(installer) == [f"{GUARD} pip install --no-index --find-links /media/wheels torch>=2.4"]


def test_pytorch_extension_decides_the_build(setup: Any, installer: Path, installed: dict[str, str], wait_for: Callable[..., None]) -> None:
    import slicer

    del installed["safetensors"]
    slicer.modules.pytorchutils = object()
    try:
        assert setup.ensure(lambda: None)
        wait_for(lambda: not setup.installing)
    finally:
        del slicer.modules.pytorchutils
    assert calls(installer) == [
        f"{GUARD} pip install light-the-torch>=0.5",
        f"{GUARD} light_the_torch install torch>=2.4",
        f"{GUARD} pip install safetensors>=0.4.3",
    ]


def test_failure_gives_the_reason(setup: Any, installer: Path, wait_for: Callable[..., None]) -> None:
    (installer.parent / "fail").touch()
    went_on: list[bool] = []
    setup.ensure(lambda: went_on.append(True))
    wait_for(lambda: not setup.installing)
    assert setup.ui.setupStatusLabel.text == "The installation failed: No matching distribution found for torch"
    assert not went_on and setup.ui.installButton.text == "Install"


def test_success_that_installed_nothing_is_told(setup: Any, wait_for: Callable[..., None]) -> None:
    setup.ensure(lambda: None)
    wait_for(lambda: not setup.installing)
    assert "still missing" in setup.ui.setupStatusLabel.text


def test_cancel(setup: Any, installer: Path, wait_for: Callable[..., None]) -> None:
    (installer.parent / "wait").touch()
    setup.ensure(lambda: None)
    wait_for(lambda: calls(installer))
    setup.ui.installButton.click()
    wait_for(lambda: not setup.installing)
    assert setup.ui.setupStatusLabel.text == "The installation was cancelled."


@pytest.mark.parametrize("how", ["cancel", "stop"])
def test_what_runs_behind_a_launcher_ends_too(
    slicer_app: SlicerFacade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_for: Callable[..., None], how: str
) -> None:
    """An installed PythonSlicer starts the interpreter as a child and does not take it along when it is killed."""
    from BrainMetsAILib.panel.installation import Installation

    (tmp_path / "slowinstaller.py").write_text(
        "import pathlib, sys, time\n"
        "for n in range(3000):\n    pathlib.Path(sys.argv[1]).write_text(str(n))\n    time.sleep(0.02)\n", encoding="utf-8",
    )
    launcher = tmp_path / "PythonSlicer"
    launcher.write_text(f'#!/bin/sh\nexec 3<&0\n"{sys.executable}" "$@" <&3 &\nwait $!\nexit $?\n', encoding="utf-8")
    launcher.chmod(0o755)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    beats, ends = tmp_path / "beats", list[str]()
    installation = Installation(lambda line: None, ends.append, lambda: str(launcher))
    installation.start([("-m", "slowinstaller", str(beats))])
    wait_for(lambda: beats.exists() and beats.read_text() not in ("", "0"), 30)
    getattr(installation, how)()
    if how == "cancel":
        wait_for(lambda: ends)
        assert ends == ["The installation was cancelled."]
    time.sleep(0.3)
    last = beats.read_text()
    time.sleep(0.3)
    assert beats.read_text() == last, "it went on behind the launcher"


def test_missing_interpreter(slicer_app: SlicerFacade) -> None:
    from BrainMetsAILib.panel.installation import Installation

    ends: list[str] = []
    installation = Installation(lambda line: None, ends.append, lambda: None)
    installation.start([("-m", "pip")])
    assert not installation.running and "PythonSlicer was not found" in ends[0]


def test_installer_really_installs_from_a_folder(slicer_app: SlicerFacade, tmp_path: Path, wait_for: Callable[..., None]) -> None:
    """A tiny wheel, made here, into a folder of its own: with the real pip."""
    import zipfile

    from BrainMetsAILib.panel.installation import Installation

    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "brainmetstiny-1.0-py3-none-any.whl", "w") as wheel:
        info = "brainmetstiny-1.0.dist-info"
        wheel.writestr("brainmetstiny.py", "answer = 42\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: brainmetstiny\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"brainmetstiny.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    ends: list[str] = []
    lines: list[str] = []
    installation = Installation(lines.append, ends.append, lambda: sys.executable)
    target = tmp_path / "target"
    installation.start([("-m", "pip", "install", "--no-index", "--find-links", str(wheels), "--target", str(target), "brainmetstiny>=1.0")])
    ticks: list[bool] = []
    timer = qt.QTimer()
    timer.connect("timeout()", lambda: ticks.append(True))
    timer.start(20)
    wait_for(lambda: ends, 60)
    timer.stop()
    assert ends == [""], installation.log
    assert (target / "brainmetstiny.py").exists()
    assert any("brainmetstiny" in line for line in lines)
    assert len(ticks) > 5, "the event loop went on meanwhile"
    assert isinstance(timer, QtCore.QTimer)
