"""``brainmets review`` from files to files, with the network that is known by hand."""

import csv
import html
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from analytic_bundle import head_with_balls, write_analytic_bundle
from BrainMetsAILib.cli.main import main
from BrainMetsAILib.images.geometry import same_grid
from BrainMetsAILib.worker.launching import worker_environment
from shared_data import shared_volume

RADII = (55.0, 62.0, 52.0)
SIZE = (71, 77, 67)
MATRIX = np.array([[-1.7, 0, 0, 60], [0, -1.7, 0, 65], [0, 0, 1.7, -56], [0, 0, 0, 1]])
BASELINE = [((14.0, 4.0, 2.0), 9.0), ((-16.0, 12.0, -8.0), 6.5), ((-6.0, -26.0, 12.0), 5.0)]
FOLLOW_UP = [((14.0, 4.0, 2.0), 12.0), ((-16.0, 12.0, -8.0), 6.5), ((20.0, -22.0, -10.0), 6.0)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    write_analytic_bundle(folder / "analytic", spacing_mm=1.7, brain_only=False)
    sitk.WriteImage(head_with_balls(SIZE, MATRIX, BASELINE, RADII, cores=True), str(folder / "before.nii.gz"))
    moved = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.05, -0.04, 0.06, (3.0, -2.0, 4.0))
    later = head_with_balls(SIZE, MATRIX, FOLLOW_UP, RADII, cores=True)
    grid = head_with_balls((78, 72, 76), np.array([[-1.6, 0, 0, 62], [0, -1.8, 0, 64], [0, 0, 1.6, -60], [0, 0, 0, 1]]), [], RADII)
    sitk.WriteImage(sitk.Resample(later, grid, moved.GetInverse(), sitk.sitkLinear, 0.0), str(folder / "after.nrrd"))
    return folder


def brainmets(*arguments: object, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "BrainMetsAILib.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=worker_environment(),
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def reviewed(files: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
    out = files / "out"
    done = brainmets(
        "review", files / "before.nii.gz", "--follow-up", files / "after.nrrd", "-o", out, "--model", files / "analytic", "--threads", 1
    )
    assert done.returncode == 0, done.stderr
    return out, done


def test_everything_is_there(reviewed: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, _ = reviewed
    examination = {"lesions.csv", "lesions.nii.gz", "necrosis.nii.gz", "probability.nii.gz"}
    expected = {"scene.mrb", "report.html", "pictures", "response.csv", *examination, *(f"followup_{name}" for name in examination)}
    assert {path.name for path in out.iterdir()} == expected
    assert len(list((out / "pictures").glob("*.png"))) >= 6
    assert zipfile.is_zipfile(out / "scene.mrb")
    assert not [path for path in out.parent.iterdir() if path.name.startswith(".")], "no draft is left"


def test_images_lie_in_the_inputs_grid_and_agree_with_the_table(files: Path, reviewed: tuple[Path, object]) -> None:
    out, _ = reviewed
    for prefix, source, balls in (("", "before.nii.gz", BASELINE), ("followup_", "after.nrrd", FOLLOW_UP)):
        image = sitk.ReadImage(str(files / source))
        labels, necrosis, probability = (
            sitk.ReadImage(str(out / f"{prefix}{name}.nii.gz")) for name in ("lesions", "necrosis", "probability")
        )
        for written in (labels, necrosis, probability):
            assert same_grid(written, image)
        numbers, dead, share = (sitk.GetArrayFromImage(written) for written in (labels, necrosis, probability))
        assert 0.0 <= share.min() <= share.max() <= 1.0
        assert not np.any(dead[numbers == 0])
        table = rows(out / f"{prefix}lesions.csv")
        assert [int(row["number"]) for row in table] == [n for n in np.unique(numbers) if n > 0] == [1, 2, 3]
        voxel_ml = float(np.prod(image.GetSpacing())) / 1000
        for row, (_, radius) in zip(table, sorted(balls, key=lambda ball: -ball[1]), strict=True):
            inside = numbers == int(row["number"])
            assert float(row["volume_ml"]) == pytest.approx(np.count_nonzero(inside) * voxel_ml, abs=2e-4)
            assert float(row["necrotic_ml"]) == pytest.approx(np.count_nonzero(inside & (dead > 0)) * voxel_ml, abs=2e-4)
            # A ball blurred by resampling, cut at half: a voxel's width of error on the radius at most.
            assert (3 * 1000 * float(row["volume_ml"]) / (4 * np.pi)) ** (1 / 3) == pytest.approx(radius, abs=1.3)


def test_the_response_names_what_happened(reviewed: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, done = reviewed
    fates = {row["lesion"]: row["fate"] for row in rows(out / "response.csv")}
    assert sorted(fates.values()) == ["grown", "new", "unchanged", "vanished"]
    assert fates["M01"] == "grown"
    # In the terminal too: a table for each examination and the response, with both readings.
    for words in ("Baseline: before", "Follow-up: after", "3 lesions", "vanished", "M01", "RANO-BM", "Volumetric"):
        assert words in done.stdout
    assert "finding lesions" in done.stderr and "Traceback" not in done.stderr


def test_the_report_holds_its_pictures_and_loads_nothing(reviewed: tuple[Path, object]) -> None:
    text = (reviewed[0] / "report.html").read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") >= 6
    assert not re.search(r"<script|(src|href)\s*=\s*[\"']?(http|//|file)", text, re.IGNORECASE)
    assert "research" in html.unescape(text).lower()


def test_the_scene_holds_the_same(reviewed: tuple[Path, object], scene: object) -> None:
    import slicer

    from BrainMetsAILib.scene.mrb import load_mrb
    from BrainMetsAILib.scene.review import read_examination, reviews

    out, _ = reviewed
    load_mrb(out / "scene.mrb")
    found = [read_examination(segmentation) for segmentation in reviews()]
    assert [len(examination.lesions.lesions) for examination in found] == [3, 3]
    for examination, prefix in zip(found, ("", "followup_"), strict=True):
        table = rows(out / f"{prefix}lesions.csv")
        assert [lesion.lesion_uid for lesion in examination.lesions.lesions] == [row["lesion_uid"] for row in table]
        for lesion, row in zip(examination.lesions.lesions, table, strict=True):
            assert lesion.measurements.volume_ml == pytest.approx(float(row["volume_ml"]), abs=1e-4)
            assert lesion.measurements.whole.longest_mm == pytest.approx(float(row["longest_diameter_mm"]), abs=0.02)
    assert slicer.util.getNodesByClass("vtkMRMLTableNode")


def test_one_examination_alone_and_a_score_that_nothing_reaches(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = files / "alone"
    order = ["review", str(files / "before.nii.gz"), "-o", str(out), "--model", str(files / "analytic"), "--threads", "1", "--quiet"]
    assert main(order) == 0
    assert "3 lesions" in capsys.readouterr().out
    assert not (out / "response.csv").exists() and not list(out.glob("followup_*"))
    before = (out / "report.html").stat().st_mtime_ns
    assert main(order) == 2, "it is there already"
    assert "--overwrite" in capsys.readouterr().err
    assert (out / "report.html").stat().st_mtime_ns == before
    scores = [float(row["score"]) for row in rows(out / "lesions.csv")]
    assert main([*order, "--overwrite", "--score", str(max(scores))]) == 0
    kept = rows(out / "lesions.csv")
    assert [float(row["score"]) >= max(scores) - 1e-3 for row in kept] == [True] * len(kept)


def refusal(capsys: pytest.CaptureFixture[str], *order: object) -> str:
    """The sentence with which an order is refused; checks that it is one, with exit code 2."""
    assert main([str(part) for part in order]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    lines = [line for line in said.err.strip().splitlines() if not line.endswith("…")]
    assert len(lines) == 1, said.err
    assert lines[0].startswith("brainmets review: ") and "Traceback" not in said.err and "Error" not in lines[0]
    return lines[0]


def test_broken_input_is_one_sentence_and_leaves_nothing(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = ("--model", files / "analytic")
    text = tmp_path / "text.nii.gz"
    text.write_text("I am not an image")
    empty_file = tmp_path / "empty.nii.gz"
    empty_file.write_bytes(b"")
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes((files / "before.nii.gz").read_bytes()[:20000])
    empty_folder = tmp_path / "empty_folder"
    empty_folder.mkdir()
    series = tmp_path / "four.nii.gz"
    sitk.WriteImage(sitk.JoinSeries([sitk.ReadImage(str(files / "before.nii.gz"))] * 3), str(series))
    flat = tmp_path / "flat.nii.gz"
    sitk.WriteImage(sitk.Image(20, 20, 1, sitk.sitkFloat32), str(flat))
    constant = tmp_path / "constant.nrrd"
    sitk.WriteImage(sitk.Image([60, 60, 60], sitk.sitkFloat32) + 7.0, str(constant))
    small = tmp_path / "small.nrrd"
    sitk.WriteImage(head_with_balls((30, 30, 30), np.eye(4), []), str(small))
    before = {path.name for path in tmp_path.iterdir()}
    for path in (text, empty_file, cut, empty_folder, series, flat, constant, small, tmp_path / "nowhere.nii", tmp_path):
        refusal(capsys, "review", path, "-o", tmp_path / "out", *model)
        refusal(capsys, "review", files / "before.nii.gz", "--follow-up", path, "-o", tmp_path / "out", *model)
        assert {path.name for path in tmp_path.iterdir()} == before


def test_orders_that_make_no_sense(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    t1c, model = files / "before.nii.gz", ("--model", files / "analytic")
    copy = tmp_path / "copy.nii.gz"
    copy.write_bytes(t1c.read_bytes())
    assert "same file" in refusal(capsys, "review", t1c, "--follow-up", t1c, "-o", tmp_path / "out", *model)
    assert "same image" in refusal(capsys, "review", t1c, "--follow-up", copy, "-o", tmp_path / "out", *model)
    assert "no network called" in refusal(capsys, "review", t1c, "-o", tmp_path / "out", "--model", "nothing_like_it")
    assert "another output folder" in refusal(capsys, "review", t1c, "-o", "/proc/out", *model)
    damaged = write_analytic_bundle(tmp_path / "damaged")
    (damaged / "models" / "model.safetensors").write_bytes(b"\0")
    assert "damaged" in refusal(capsys, "review", t1c, "-o", tmp_path / "out", "--model", damaged)
    for wrong in (["--score", "1.5"], ["--threads", "0"], ["--device", "tpu"], ["--role", "ct"]):
        with pytest.raises(SystemExit) as caught:
            main(["review", str(t1c), "-o", str(tmp_path / "out"), *wrong])
        assert caught.value.code == 2
    assert {path.name for path in tmp_path.iterdir()} == {"copy.nii.gz", "damaged"}


def test_thick_slices_need_a_word(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    matrix = np.array([[-1.5, 0, 0, 60], [0, -1.5, 0, 66], [0, 0, 6.0, -60], [0, 0, 0, 1]])
    thick = tmp_path / "thick.nii.gz"
    sitk.WriteImage(head_with_balls((81, 89, 21), matrix, BASELINE, RADII), str(thick))
    order = ("review", thick, "-o", tmp_path / "out", "--threads", "1", "--model", files / "analytic")
    assert "--accept-thick" in refusal(capsys, *order)
    assert main([*map(str, order), "--accept-thick", "--quiet"]) == 0
    assert "6 mm" in capsys.readouterr().out
    assert "6 mm" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_real_head_ct_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], files: Path) -> None:
    folder = shared_volume("dicom/head_ct")
    assert "CT" in refusal(capsys, "review", folder, "-o", tmp_path / "out", "--model", files / "analytic")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_cancelling_leaves_nothing(files: Path, tmp_path: Path, number: signal.Signals) -> None:
    places = tmp_path / "temporary"
    places.mkdir()
    slow = write_analytic_bundle(tmp_path / "slow", patch=16, overlap=0.7, spacing_mm=1.0)
    environment = {**worker_environment(), "TMPDIR": str(places)}
    order = ["review", str(files / "before.nii.gz"), "-o", str(tmp_path / "out" / "deep"), "--model", str(slow), "--threads", "1"]
    process = subprocess.Popen([sys.executable, "-m", "BrainMetsAILib.cli", *order], stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    for line in process.stderr:
        if "finding lesions" in line:
            break
    time.sleep(3.0)  # the worker is under way
    assert process.poll() is None
    began = time.monotonic()
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - began < 12
    assert process.returncode == 130
    assert errors.strip().splitlines()[-1] == "brainmets review: Cancelled; nothing was written."
    assert "Traceback" not in errors
    assert {path.name for path in tmp_path.iterdir()} == {"temporary", "slow"}
    assert list(places.iterdir()) == []


def test_a_worker_that_dies_is_a_sentence(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "torch.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.setenv("PYTHONPATH", str(shadow))
    monkeypatch.setattr("BrainMetsAILib.cli.process.worker_environment", lambda given: dict(os.environ))
    folders = os.pathsep.join(worker_environment()["PYTHONPATH"].split(os.pathsep)[:2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(shadow), folders]))
    assert main(["review", str(files / "before.nii.gz"), "-o", str(tmp_path / "out"), "--model", str(files / "analytic")]) == 1
    assert "ran out of memory" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"shadow"}


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for order in (["--help"], ["review", "--help"], ["read", "--help"], ["practice", "--help"], ["demo", "--help"], ["--version"]):
        with pytest.raises(SystemExit) as caught:
            main(order)
        assert caught.value.code == 0
        assert "brainmets" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
