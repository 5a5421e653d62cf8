"""`brainmets read`: what a person and a program see."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from BrainMetsAILib.cli.main import main
from drawn_dicom import header, write_series

EVEN = [3.0 * n for n in range(14)]


def run(*arguments: str) -> int:
    return main(["read", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_series(tmp_path / "t1", EVEN, header(SeriesDescription="t1 mprage gd", ScanningSequence="GR", SeriesNumber=4))
    write_series(tmp_path / "flair", EVEN, header(SeriesDescription="FLAIR", SeriesNumber=6))
    write_series(tmp_path / "gap", [*EVEN[:5], *EVEN[6:]], header(SeriesDescription="t2 tse", SeriesNumber=7))
    for n in range(8):
        (tmp_path / f"stray{n}.txt").write_text("stray")
    return tmp_path


def test_text_for_a_person(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(folder)) == 0
    out = capsys.readouterr().out
    assert "2 sequences, 1 refused, 8 files ignored" in out
    assert "Patient Doe Jane, ID P1, F, born 1960-01-02, examined 2024-03-05" in out
    assert "t1c    series 4 't1 mprage gd' in t1" in out and "32 × 28 × 14 voxels of 1.50 × 2.00 × 3.00 mm" in out
    assert "gradient-echo" in out and "brainmets review takes this one" in out
    assert "lacks 1 of 14 slices" in out and "and 5 more: not an image" in out
    assert max(map(len, out.splitlines())) <= 130


def test_json_for_a_program(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(folder), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    by_role = {sequence["role"]: sequence for sequence in told["sequences"]}
    assert set(by_role) == {"t1c", "t2f"}
    assert by_role["t1c"]["size"] == [32, 28, 14] and by_role["t1c"]["spacing_mm"] == [1.5, 2.0, 3.0]
    assert by_role["t1c"]["blood"] == "gradient-echo" and by_role["t1c"]["review_takes_it"] is True
    assert by_role["t1c"]["patient"]["patient_id"] == "P1" and by_role["t1c"]["study_date"] == "20240305"
    assert len(told["refused"]) == 1 and len(told["ignored"]) == 8


def test_single_file_and_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "été_t1c.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(np.random.default_rng(0).random((5, 5, 5)).astype(np.float32)), str(path))
    assert run(str(path)) == 0
    assert "t1c    été_t1c.nii.gz" in capsys.readouterr().out
    assert run(str(tmp_path / "nowhere")) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "check the path" in captured.err and "Traceback" not in captured.err
    (tmp_path / "empty").mkdir()
    assert run(str(tmp_path / "empty")) == 2
    path.write_bytes(path.read_bytes()[:200])
    assert run(str(path)) == 2
    assert "cut short" in capsys.readouterr().out


def test_two_persons_leave_the_choice_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        write_series(tmp_path / name, EVEN, header(PatientID=name, StudyInstanceUID=f"1.2.{ord(name)}"))
    assert run(str(tmp_path)) == 0
    assert "takes this one" not in capsys.readouterr().out
