"""A real worker process: greeting, tasks, progress, cancelling, crashing, and what a person is told."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from analytic_bundle import head_with_balls, write_analytic_bundle
from BrainMetsAILib.cli.process import TaskFailed, WorkerProcess
from BrainMetsAILib.images.geometry import same_grid
from BrainMetsAILib.models.bundles import find_bundle
from BrainMetsAILib.models.finding import Cancelled
from BrainMetsAILib.models.inference import find_lesions
from BrainMetsAILib.worker.launching import ARGUMENTS, polite_threads, worker_environment
from BrainMetsAILib.worker.payload import find_input, read_finding, read_image, write_image

LONG = {"seconds": 60.0, "steps": 600}


@pytest.fixture
def raw() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, *ARGUMENTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=worker_environment()
    )
    yield process
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        assert stream is not None
        stream.close()


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    with WorkerProcess() as process:
        yield process


def put(process: subprocess.Popen[bytes], *lines: object) -> None:
    assert process.stdin is not None
    for line in lines:
        process.stdin.write((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n")
    process.stdin.flush()


def get(process: subprocess.Popen[bytes]) -> dict[str, object]:
    assert process.stdout is not None
    content = json.loads(process.stdout.readline())
    assert isinstance(content, dict)
    return content


def test_greeting_order_and_result(raw: subprocess.Popen[bytes], tmp_path: Path) -> None:
    hello = get(raw)
    assert (hello["hello"], hello["protocol"], hello["pid"]) == ("brainmets-worker", 1, raw.pid)
    put(raw, {"id": 5, "task": "wait", "input": {"seconds": 0.05, "steps": 4}, "output": str(tmp_path)})
    replies = [get(raw)]
    while "progress" in replies[-1]:
        replies.append(get(raw))
    assert [reply["progress"] for reply in replies[:-1]] == [0.0, 0.25, 0.5, 0.75]
    assert replies[-1] == {"id": 5, "result": {"steps": 4}}


def test_garbage_unknown_tasks_and_missing_folders_leave_it_usable(raw: subprocess.Popen[bytes], tmp_path: Path) -> None:
    get(raw)
    put(
        raw,
        b"\xff\xfe garbage",
        b"",
        b"[]",
        {"id": 1, "task": "dance", "output": str(tmp_path)},
        {"id": 2, "task": "wait", "output": "/no/such/folder"},
    )
    answers = [get(raw) for _ in range(4)]
    assert answers[0]["id"] is None and "could not read" in str(answers[0]["error"])
    assert answers[1]["id"] is None
    assert answers[2]["id"] == 1 and "no task called dance" in str(answers[2]["error"])
    assert answers[3]["id"] == 2 and "/no/such/folder" in str(answers[3]["error"])
    put(raw, {"id": 3, "task": "cancel"}, {"id": 4, "task": "wait", "input": {"seconds": 0, "steps": 0}, "output": str(tmp_path)})
    assert get(raw) == {"id": 4, "result": {"steps": 0}}


def test_cancelling_one_of_two(raw: subprocess.Popen[bytes], tmp_path: Path) -> None:
    get(raw)
    put(
        raw,
        {"id": 1, "task": "wait", "input": LONG, "output": str(tmp_path)},
        {"id": 2, "task": "wait", "input": LONG, "output": str(tmp_path)},
    )
    get(raw)
    put(raw, {"task": "cancel", "id": 2}, {"task": "cancel", "id": 1})
    ends: list[dict[str, object]] = []
    while len(ends) < 2:
        reply = get(raw)
        if "progress" not in reply:
            ends.append(reply)
    assert ends == [{"id": 1, "cancelled": True}, {"id": 2, "cancelled": True}]


@pytest.mark.parametrize("busy", [False, True])
def test_it_ends_when_its_input_closes(raw: subprocess.Popen[bytes], tmp_path: Path, busy: bool) -> None:
    get(raw)
    if busy:
        put(raw, {"id": 1, "task": "wait", "input": LONG, "output": str(tmp_path)})
        get(raw)
    assert raw.stdin is not None
    raw.stdin.close()
    assert raw.wait(5) == 0


def test_ctrl_c_in_the_terminal_does_not_reach_it(raw: subprocess.Popen[bytes], tmp_path: Path) -> None:
    get(raw)
    raw.send_signal(signal.SIGINT)
    put(raw, {"id": 1, "task": "wait", "input": {"seconds": 0, "steps": 0}, "output": str(tmp_path)})
    assert get(raw) == {"id": 1, "result": {"steps": 0}}


def test_what_libraries_print_does_not_reach_the_protocol(tmp_path: Path) -> None:
    """A task that prints to Python's stdout and to descriptor 1, and reads its stdin."""
    (tmp_path / "noisy.py").write_text(
        "import os, sys\n"
        "from BrainMetsAILib.worker import server, tasks\n"
        "def run(task_input, output, context):\n"
        "    print('printed'); sys.stdout.flush(); os.write(1, b'written\\n')\n"
        "    return {'read': sys.stdin.read()}\n"
        "if __name__ == '__main__':\n"
        "    tasks.TASKS = {'noisy': 'noisy:run'}\n"
        "    server.serve()\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "noisy.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=worker_environment(),
    )
    put(process, {"id": 1, "task": "noisy", "output": str(tmp_path)})
    get(process)
    assert get(process) == {"id": 1, "result": {"read": ""}}
    rest, errors = process.communicate(timeout=10)
    assert rest == b"" and b"printed" in errors and b"written" in errors


def test_find_gives_the_same_as_in_this_process(worker: WorkerProcess, tmp_path: Path) -> None:
    matrix = np.diag([-2.0, -2.0, 2.0, 1.0])
    matrix[:3, 3] = (60.0, 66.0, -56.0)
    image = head_with_balls(
        (61, 67, 57), matrix, [((10.0, 0.0, 0.0), 7.0), ((-14.0, 8.0, -6.0), 5.0)], radii_mm=(55.0, 62.0, 52.0), cores=True
    )
    bundle = write_analytic_bundle(tmp_path / "analytic", spacing_mm=2.0, brain_only=False)
    said: list[float] = []
    runs = []
    for run in ("first", "again"):  # the second finds the network loaded
        (tmp_path / run).mkdir()
        task_input = find_input(tmp_path, image, model=str(bundle), device="cpu", threads=1)
        result = worker.run("find", task_input, tmp_path / run, lambda share, text: said.append(share))
        runs.append(read_finding(result, image))
        assert result["warnings"] == []
    assert said[: len(said) // 2] == sorted(said[: len(said) // 2])
    here = find_lesions(image, find_bundle(str(bundle)), device="cpu", threads=1)
    assert len(here.scores) == 2
    for there in runs:
        assert there.scores == here.scores
        assert there.provenance.sha256 == here.provenance.sha256
        for name in ("enhancing", "necrosis", "labels", "necrosis_mask"):
            mine, theirs = getattr(here, name), getattr(there, name)
            assert same_grid(mine, theirs) and mine.GetPixelID() == theirs.GetPixelID()
            assert np.array_equal(sitk.GetArrayViewFromImage(mine), sitk.GetArrayViewFromImage(theirs))


def test_find_refuses_with_sentences(worker: WorkerProcess, tmp_path: Path) -> None:
    matrix = np.diag([2.5, 2.5, 2.5, 1.0])
    matrix[:3, 3] = -65.0
    image = head_with_balls((53, 53, 53), matrix, [], radii_mm=(55.0, 62.0, 52.0))
    for change, words in (
        ({"model": "no_such_network"}, "no network called no_such_network"),
        ({"device": "tpu", "model": str(write_analytic_bundle(tmp_path / "analytic"))}, "no device called tpu"),
        ({"volume": str(tmp_path / "nowhere.npy")}, "could not be read"),
    ):
        with pytest.raises(TaskFailed, match=words) as caught:
            worker.run("find", {**find_input(tmp_path, image), **change}, tmp_path)
        assert "\n" not in str(caught.value) and "Traceback" not in str(caught.value)


def test_cancel_in_the_middle_of_finding_keeps_it_warm(worker: WorkerProcess, tmp_path: Path) -> None:
    matrix = np.eye(4)
    matrix[:3, 3] = -60.0
    image = head_with_balls((120, 120, 120), matrix, [((10.0, 0.0, 0.0), 7.0)], radii_mm=(55.0, 58.0, 55.0))
    bundle = write_analytic_bundle(tmp_path / "analytic", patch=16, overlap=0.5)
    asked_at: list[float] = []

    def cancel_at_a_window(share: float, text: str) -> None:
        if text.startswith("window 5 ") and not asked_at:
            asked_at.append(time.monotonic())
            worker.client.cancel()

    pid = worker.client.pid
    with pytest.raises(Cancelled):
        worker.run("find", find_input(tmp_path, image, model=str(bundle), device="cpu", threads=1), tmp_path, cancel_at_a_window)
    assert time.monotonic() - asked_at[0] < 2.0
    (tmp_path / "after").mkdir()
    assert worker.run("wait", {"seconds": 0, "steps": 0}, tmp_path / "after") == {"steps": 0}
    assert worker.client.pid == pid
    assert list((tmp_path / "after").iterdir()) == []


@pytest.mark.parametrize(("number", "words"), [(signal.SIGKILL, "ran out of memory"), (signal.SIGSEGV, "crashed")])
def test_a_crash_is_a_sentence(tmp_path: Path, number: signal.Signals, words: str) -> None:
    with WorkerProcess() as worker:

        def crash(share: float, text: str) -> None:
            assert worker.client.pid is not None
            os.kill(worker.client.pid, number)

        with pytest.raises(TaskFailed, match=words):
            worker.run("wait", LONG, tmp_path, crash)
        assert not worker.client.usable


def test_a_worker_that_hangs_is_killed_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("BrainMetsAILib.worker.client.CANCEL_LIMIT_S", 0.5)
    with WorkerProcess() as worker:

        def hang(share: float, text: str) -> None:
            if not worker.client.cancelling:
                assert worker.client.pid is not None
                os.kill(worker.client.pid, signal.SIGSTOP)
                worker.client.cancel()

        began = time.monotonic()
        with pytest.raises(Cancelled):
            worker.run("wait", LONG, tmp_path, hang)
        assert time.monotonic() - began < 20


@pytest.mark.parametrize(("package", "named"), [("torch", "PyTorch"), ("safetensors", "safetensors")])
def test_a_missing_package_is_named(tmp_path: Path, package: str, named: str) -> None:
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / f"{package}.py").write_text(f"raise ModuleNotFoundError(\"No module named '{package}'\", name='{package}')\n")
    matrix = np.diag([2.5, 2.5, 2.5, 1.0])
    matrix[:3, 3] = -65.0
    image = head_with_balls((53, 53, 53), matrix, [], radii_mm=(55.0, 62.0, 52.0))
    environment = worker_environment()
    environment["PYTHONPATH"] = os.pathsep.join([str(shadow), environment["PYTHONPATH"]])
    process = subprocess.Popen(
        [sys.executable, *ARGUMENTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    put(process, {"id": 1, "task": "find", "input": find_input(tmp_path, image), "output": str(tmp_path)})
    assert get(process)["hello"] == "brainmets-worker", "it greets without what it lacks"
    answer = get(process)
    process.communicate(timeout=10)
    assert answer["error"] == f"{named} is not installed for this Python: install the package {package} and try again."
    assert "Traceback" in str(answer["details"])


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with WorkerProcess(program=str(tmp_path / "no_python")) as worker, pytest.raises(TaskFailed, match="could not be started"):
        worker.run("wait", {}, tmp_path)


def test_ctrl_c_while_waiting(tmp_path: Path) -> None:
    with WorkerProcess() as worker:
        began: list[float] = []

        def interrupt(share: float, text: str) -> None:
            if not began:
                began.append(time.monotonic())
                threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()

        with pytest.raises(KeyboardInterrupt):
            worker.run("wait", LONG, tmp_path, interrupt)
        assert time.monotonic() - began[0] < 5
        assert worker.client.usable


def test_practice_in_the_worker(worker: WorkerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = head_with_balls((40, 40, 40), np.diag([2.0, 2.0, 2.0, 1.0]), [])
    path, matrix = write_image(tmp_path, "volume", image)
    assert same_grid(read_image(path, matrix), image)
    with pytest.raises(TaskFailed) as caught:  # a blob is no head: refused by the maker of cases, in its own words
        worker.run("practice", {"volume": path, "ijk_to_ras": matrix, "seed": 1}, tmp_path)
    assert "failed (" not in str(caught.value)


def test_threads() -> None:
    assert 1 <= polite_threads() <= max(1, (os.cpu_count() or 1) - 1)


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (MemoryError(), "close other programs"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "close other programs"),
        (RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"), "compute on the processor (device cpu)"),
        (OSError(28, "No space left on device"), "No space left"),
        (ValueError("first line\nsecond line"), "first line"),
        (KeyError("volume"), "'volume'"),
        (ImportError("libcudnn.so.9: cannot open"), "reinstall"),
    ],
)
def test_every_error_becomes_one_sentence(raised: Exception, words: str) -> None:
    from BrainMetsAILib.worker.failures import failure_of

    failure = failure_of(3, "find", raised)
    assert words in failure.sentence and "\n" not in failure.sentence
    assert failure.sentence.endswith((".", "details."))
    assert type(raised).__name__ in failure.details
