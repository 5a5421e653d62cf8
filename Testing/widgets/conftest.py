"""The facade of Slicer around the panels, one a test."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pythonqt_facade import application, slot_errors
from slicer_facade import SlicerFacade

LIBRARIES = ("BrainMetsAILib.panel", "BrainMetsAIResponseLib.panel")


@pytest.fixture
def slicer_app() -> Iterator[SlicerFacade]:
    """The application's stand-ins, with an empty scene."""
    facade = SlicerFacade()
    slot_errors.clear()
    yield facade
    application.processEvents()
    facade.remove()
    for name in [name for name in sys.modules if name.startswith(LIBRARIES)]:  # they hold what was just removed
        del sys.modules[name]
    if slot_errors:
        raise slot_errors[0]


@pytest.fixture
def worker_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A program called PythonSlicer on the path: this Python."""
    launcher = tmp_path / "bin" / "PythonSlicer"
    launcher.parent.mkdir()
    launcher.write_text(f'#!/bin/sh\n"{sys.executable}" "$@"\n', encoding="utf-8")  # a launcher with a child, as Slicer's is
    launcher.chmod(0o755)
    monkeypatch.setenv("PATH", str(launcher.parent), prepend=":")
    return launcher


@pytest.fixture
def wait_for() -> Callable[..., None]:
    """Runs the event loop until a condition holds."""

    def wait(condition: Callable[[], Any], limit_s: float = 60.0, what: str = "") -> None:
        end = time.monotonic() + limit_s
        while not condition() and not slot_errors:
            assert time.monotonic() < end, f"waited {limit_s} s in vain {what}"
            application.processEvents()
            time.sleep(0.005)

    return wait
