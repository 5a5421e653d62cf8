"""What this computer has, asked of a real worker; and the time left, in words."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from slicer_facade import SlicerFacade


@pytest.fixture
def panel(slicer_app: SlicerFacade, worker_python: Any) -> Iterator[Any]:
    panel = slicer_app.panel(slicer_app.load("BrainMetsAI"))
    yield panel
    panel.cleanup()


FOUND: dict[str, Any] = {
    "python": "3.12.1", "torch": "2.13.0", "torch_error": "", "gpu": "RTX", "gpu_gib": 15.7, "cores": 8, "memory_gib": 31.2,
    "disk_gib": 100.0, "disk": "/tmp", "networks": [{"name": "net", "version": "1.0", "sha256": "ab" * 32, "problem": ""}],
}  # fmt: skip


def test_unfolding_asks_the_worker(panel: Any, wait_for: Callable[..., None]) -> None:

    ui = panel.preflight.ui
    assert not panel.worker.busy and ui.preflightLabel.isHidden(), "nothing is asked before it is unfolded"
    ui.preflightSection.collapsed = False
    assert panel.worker.busy and not panel.find.ui.runButton.enabled
    wait_for(lambda: not panel.worker.busy, 120)
    text = ui.preflightLabel.text
    assert "PyTorch" in text and "brainmets_rlk_unet" in text and "GB of memory" in text and "GB of disk free" in text
    assert "checksum" in text and ui.preflightStatusLabel.isHidden() and ui.preflightButton.enabled
    pid = panel.worker.pid
    ui.preflightSection.collapsed = True
    ui.preflightSection.collapsed = False
    assert not panel.worker.busy, "it was answered already"
    ui.preflightButton.click()
    wait_for(lambda: not panel.worker.busy, 60)
    assert panel.worker.pid == pid


def test_it_waits_for_a_running_task(panel: Any, wait_for: Callable[..., None]) -> None:
    from BrainMetsAILib.panel.process import TaskListener

    ended: list[object] = []
    nothing = TaskListener(lambda *_: None, ended.append, lambda *_: ended.append(1), lambda: ended.append(2))
    panel.worker.run("wait", lambda folder: {"seconds": 0.3, "steps": 3}, nothing)
    panel.refresh()
    assert not panel.preflight.ui.preflightButton.enabled
    panel.preflight.ui.preflightSection.collapsed = False
    assert panel.preflight.ui.preflightStatusLabel.text == "Wait until the running task has ended."
    wait_for(lambda: ended)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({}, "✓ PyTorch 2.13.0, Python 3.12.1"),
        ({"torch": None}, "✗ PyTorch is not installed"),
        ({"torch": None, "torch_error": "libcudart.so"}, "✗ PyTorch is installed but does not load (libcudart.so)"),
        ({}, "✓ Graphics card RTX with 16 GB"),
        ({"gpu": None, "gpu_gib": None}, "⚠ No graphics card can be used: the search runs on 8 processor cores"),
        ({"gpu": "Apple GPU", "gpu_gib": None}, "✓ Graphics card Apple GPU can be used"),
        ({"memory_gib": 4.0}, "⚠ 4 GB of memory: little"),
        ({"memory_gib": 7.7}, "✓ 8 GB of memory"),
        ({"memory_gib": None}, "⚠ How much memory there is could not be found out"),
        ({"disk_gib": 1.0}, "⚠ 1 GB of disk free for temporary files: little; make space on the disk of /tmp"),
        ({"networks": []}, "✗ No network is installed"),
        ({"networks": [{"name": "n", "version": "1", "sha256": "a", "problem": "Damaged; reinstall."}]}, "✗ Damaged; reinstall."),
        ({}, "✓ Network net 1.0, checksum abababab… right"),
    ],
)
def test_every_finding_has_its_words(slicer_app: SlicerFacade, change: dict[str, Any], line: str) -> None:
    from BrainMetsAILib.panel.preflight_words import preflight_lines

    lines = preflight_lines({**FOUND, **change})
    assert any(entry.startswith(line) for entry in lines), lines
    assert all(entry[0] in "✓⚠✗" for entry in lines)


def test_time_left_is_right_at_an_even_pace_and_silent_at_first(slicer_app: SlicerFacade) -> None:
    from BrainMetsAILib.panel.time_left import SILENT_S, TimeLeft

    left = TimeLeft()
    assert left.words(30.0, 0.05) == "", "loading a network says nothing about the search"
    # 20 s until a tenth is done, then one per cent a second: 90 s in all for the rest.
    said = {second: left.words(20.0 + second, 0.1 + second / 100) for second in range(90)}
    assert all(said[second] == "" for second in range(math.ceil(SILENT_S)))
    assert said[10] == "about a minute left" and said[40] == "about 50 seconds left" and said[70] == "about 20 seconds left"
    assert said[85] == "a few seconds left"
    slow = TimeLeft()
    slow.words(0.0, 0.1)
    assert slow.words(60.0, 0.2) == "about 8 minutes left"
    assert slow.words(61.0, 0.1) == slow.words(62.0, 1.0) == ""


def test_progress_is_told_in_words_per_cent_and_time(panel: Any) -> None:
    from BrainMetsAILib.panel.progress import TaskProgress

    now = [0.0]
    label = panel.find.ui.findStatusLabel
    progress = TaskProgress(panel.find.ui.findProgressBar, label, lambda: now[0])
    listener = progress.listener(lambda result: "Done.", lambda: None)
    listener.on_progress(0.0, "preparing the image")
    assert label.text == "Preparing the image, 0 %"
    for second in range(0, 40):
        now[0] = float(second)
        listener.on_progress(0.1 + second / 100, f"window {second} of 90")
        assert "window" not in label.text
    assert label.text == "Searching, 49 %, about 50 seconds left"
    listener.on_progress(0.5, "finding the brain, window 3 of 8")
    assert label.text.startswith("Finding the brain, 50 %, about ")
    listener.on_progress(0.5, "Drawing the baseline")
    assert label.text.startswith("Drawing the baseline, 50 %")
    listener.on_result({})
    assert label.text == "Done."
