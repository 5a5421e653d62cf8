"""The worker under Qt: every way in which a task can end, with real processes."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from slicer_facade import SlicerFacade

SCRIPT = Path(__file__).with_name("fake_worker.py")


class Ear:
    """Writes down what a listener hears."""

    def __init__(self) -> None:
        from BrainMetsAILib.panel.process import TaskListener

        self.progress: list[tuple[float, str]] = []
        self.ends: list[tuple[Any, ...]] = []
        self.files: list[str] = []
        self.listener = TaskListener(
            lambda share, text: self.progress.append((share, text)), self._result, lambda *words: self.ends.append(("failed", *words)),
            lambda: self.ends.append(("cancelled",)),
        )

    def _result(self, result: Any) -> None:
        self.ends.append(("result", result))
        self.files = sorted(path.name for path in Path(result["output"]).iterdir())


@pytest.fixture
def process(slicer_app: SlicerFacade) -> Iterator[Any]:
    from BrainMetsAILib.panel.process import WorkerProcess

    process = WorkerProcess(lambda: sys.executable, (str(SCRIPT),))
    yield process
    process.stop()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return True
    return False


def prepare(folder: Path) -> dict[str, Any]:
    (folder / "volume.npy").write_bytes(b"x" * 100)
    return {"volume": str(folder / "volume.npy")}


def test_result_progress_and_files(process: Any, wait_for: Callable[..., None]) -> None:
    ear = Ear()
    process.run("echo", prepare, ear.listener)
    assert process.busy
    with pytest.raises(RuntimeError):
        process.run("echo", prepare, ear.listener)
    wait_for(lambda: not process.busy)
    assert [share for share, _ in ear.progress] == [step / 1000 for step in range(1000)]
    assert ear.progress[3][1] == "step 3 of “µ”"
    (kind, result), = ear.ends
    assert kind == "result"
    assert ear.files == ["file.txt"], "the files are there while the listener reads them"
    assert not Path(result["input"]["volume"]).exists(), "and gone afterwards"


def test_worker_stays_warm(process: Any, wait_for: Callable[..., None]) -> None:
    pids = []
    for _ in range(2):
        ear = Ear()
        process.run("echo", prepare, ear.listener)
        wait_for(lambda: not process.busy)
        pids.append(process.pid)
    assert pids[0] == pids[1] is not None


def test_failure_is_one_sentence(process: Any, wait_for: Callable[..., None]) -> None:
    ear = Ear()
    process.run("fail", prepare, ear.listener)
    wait_for(lambda: not process.busy)
    assert ear.ends == [("failed", "It cannot be done.", "because")]


@pytest.mark.parametrize(("task", "word"), [("die", "killed"), ("exit", "exit code 3")])
def test_worker_that_ends_is_told_and_started_anew(process: Any, wait_for: Callable[..., None], task: str, word: str) -> None:
    ear = Ear()
    process.run(task, prepare, ear.listener)
    wait_for(lambda: not process.busy)
    (kind, sentence, details), = ear.ends
    assert kind == "failed" and word in sentence
    assert details == ("out of cheese" if task == "exit" else "")
    again = Ear()
    process.run("echo", prepare, again.listener)
    wait_for(lambda: not process.busy)
    assert again.ends[0][0] == "result"


def test_a_crash_behind_a_launcher_is_called_a_crash(slicer_app: SlicerFacade, tmp_path: Path, wait_for: Callable[..., None]) -> None:
    """An installed PythonSlicer outlives the interpreter behind it, prints a line of its own and returns 1."""
    from BrainMetsAILib.panel.process import WorkerProcess

    launcher = tmp_path / "PythonSlicer"
    launcher.write_text(
        f'#!/bin/sh\n"{sys.executable}" "$@"\ncode=$?\n'
        f'if [ $code -gt 128 ]; then echo "error: [{sys.executable}] exit abnormally - Report the problem." >&2; exit 1; fi\nexit $code\n',
        encoding="utf-8",
    )
    launcher.chmod(0o755)
    process = WorkerProcess(lambda: str(launcher), (str(SCRIPT),))
    for task, words in (("die", "ran out of memory"), ("exit", "exit code 3")):
        ear = Ear()
        process.run(task, prepare, ear.listener)
        wait_for(lambda: not process.busy)
        assert ear.ends[0][0] == "failed" and words in ear.ends[0][1]
    process.stop()


def test_cancel_leaves_the_worker_alive(process: Any, wait_for: Callable[..., None]) -> None:
    ear = Ear()
    process.run("wait", prepare, ear.listener)
    wait_for(lambda: ear.progress)
    pid = process.pid
    process.cancel()
    process.cancel()
    wait_for(lambda: not process.busy)
    assert ear.ends == [("cancelled",)]
    assert process.pid == pid and not gone(pid)


def test_cancel_of_a_stuck_worker_ends_it(process: Any, wait_for: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("BrainMetsAILib.worker.client.CANCEL_LIMIT_S", 0.3)
    ear = Ear()
    process.run("stuck", prepare, ear.listener)
    wait_for(lambda: ear.progress)
    pid = process.pid
    start = time.monotonic()
    process.cancel()
    wait_for(lambda: not process.busy)
    assert ear.ends == [("cancelled",)]
    assert time.monotonic() - start < 3
    wait_for(lambda: gone(pid))


def test_forgotten_task_only_says_that_it_is_over(process: Any, wait_for: Callable[..., None]) -> None:
    ear = Ear()
    process.run("wait", prepare, ear.listener)
    wait_for(lambda: ear.progress)
    process.forget()
    wait_for(lambda: not process.busy)
    assert ear.ends == [("cancelled",)]


def test_stop_ends_the_process_silently(process: Any, wait_for: Callable[..., None]) -> None:
    ear = Ear()
    process.run("stuck", prepare, ear.listener)
    wait_for(lambda: ear.progress)
    pid = process.pid
    process.stop()
    assert not process.busy and ear.ends == []
    wait_for(lambda: gone(pid))


@pytest.mark.parametrize("program", [None, "/nonexistent/PythonSlicer"])
def test_missing_interpreter(slicer_app: SlicerFacade, wait_for: Callable[..., None], program: str | None) -> None:
    from BrainMetsAILib.panel.process import WorkerProcess

    ear = Ear()
    process = WorkerProcess(lambda: program, ())
    process.run("echo", prepare, ear.listener)
    wait_for(lambda: not process.busy)
    (kind, sentence, _), = ear.ends
    assert kind == "failed" and "PythonSlicer could not be started" in sentence


def test_input_that_cannot_be_prepared(process: Any) -> None:
    def refuse(folder: Path) -> dict[str, Any]:
        raise ValueError("no")

    ear = Ear()
    process.run("echo", refuse, ear.listener)
    ((kind, sentence, details),) = ear.ends
    assert kind == "failed" and "ValueError: no" in sentence and "Traceback" in details
    assert not process.busy


def test_a_full_disk_is_a_sentence_and_the_panel_goes_on(process: Any, wait_for: Callable[..., None]) -> None:
    def full(folder: Path) -> dict[str, Any]:
        raise OSError(28, "No space left on device")

    ear = Ear()
    process.run("echo", full, ear.listener)
    assert not process.busy and "check that the disk is not full" in ear.ends[0][1]
