"""The running record of practice: appended to, never rewritten, and a sentence where that cannot be done."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from BrainMetsAILib.exchange.practice_record import COLUMNS, FILE_NAME, PracticeRow, RecordUnusable, append_row, last_cases

ROW = PracticeRow(
    time="2026-11-27T10:00:00+00:00", reader="Ayla", head="head_t1.nii.gz", seed=42, examination="baseline", network="", seconds=192.4,
    lesions=12, found=9, false_calls=1, by_size=((0, 1), (2, 3), (4, 5), (3, 3)), mean_dice=0.8125, mean_volume_error=0.142,
)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_case_is_one_row_and_earlier_ones_stay_byte_for_byte(tmp_path: Path) -> None:
    path = append_row(tmp_path, ROW)
    first = path.read_bytes()
    append_row(tmp_path, replace(ROW, network="compact 0.1", mean_dice=None, mean_volume_error=None))
    assert path.read_bytes().startswith(first)
    one, two = rows_of(path)
    assert tuple(one) == COLUMNS
    assert (one["seed"], one["seconds"], one["missed"], one["with_network"], one["network"]) == ("42", "192", "3", "no", "")
    assert (one["lesions_3_to_5_mm"], one["found_3_to_5_mm"], one["found_from_10_mm"]) == ("3", "2", "3")
    assert (one["mean_dice"], one["mean_absolute_volume_error_percent"]) == ("0.812", "14.2")
    assert (two["with_network"], two["network"], two["mean_dice"]) == ("yes", "compact 0.1", "")


def test_names_that_a_spreadsheet_would_compute_are_shielded_and_found_again(tmp_path: Path) -> None:
    path = append_row(tmp_path, replace(ROW, reader="=1+1", head='a, "b"\nc'))
    (row,) = rows_of(path)
    assert row["reader"] == "'=1+1" and row["head"] == 'a, "b"\nc'
    tally = last_cases(tmp_path, "=1+1")
    assert tally is not None and tally.cases == 1


def test_last_ten_cases_of_this_reader(tmp_path: Path) -> None:
    assert last_cases(tmp_path, "Ayla") is None
    for index in range(12):
        append_row(tmp_path, replace(ROW, found=0 if index < 2 else 6, seconds=100.0 + index, network="n 1" if index == 11 else ""))
        append_row(tmp_path, replace(ROW, reader="somebody else", false_calls=50))
    tally = last_cases(tmp_path, "Ayla")
    assert tally is not None
    assert (tally.cases, tally.lesions, tally.found, tally.false_calls, tally.with_network) == (10, 120, 60, 10, 1)
    assert tally.mean_seconds == pytest.approx(sum(100 + index for index in range(2, 12)) / 10, abs=0.5)
    assert tally.mean_dice == pytest.approx(0.812)
    assert last_cases(tmp_path, "nobody") is None


def test_a_line_end_that_an_editor_took_away_comes_back(tmp_path: Path) -> None:
    path = append_row(tmp_path, ROW)
    path.write_bytes(path.read_bytes().rstrip(b"\r\n"))
    append_row(tmp_path, ROW)
    assert len(rows_of(path)) == 2


def test_a_locked_file_is_said_in_a_sentence_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = append_row(tmp_path, ROW)
    before = path.read_bytes()
    real = Path.open

    def locked(self: Path, mode: str = "r", *rest: Any, **options: Any) -> Any:
        if "a" in mode:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, mode, *rest, **options)

    monkeypatch.setattr(Path, "open", locked)
    with pytest.raises(RecordUnusable, match=rf"{FILE_NAME} cannot be written \(Permission denied\); close it where it is open, or choose"):
        append_row(tmp_path, ROW)
    assert path.read_bytes() == before


def test_folders_and_files_that_cannot_be_a_record(tmp_path: Path) -> None:
    with pytest.raises(RecordUnusable, match="cannot be written"):
        append_row(tmp_path / "missing", ROW)
    (tmp_path / "folder" / FILE_NAME).mkdir(parents=True)
    for work in (lambda: append_row(tmp_path / "folder", ROW), lambda: last_cases(tmp_path / "folder", "Ayla")):
        with pytest.raises(RecordUnusable, match="cannot be"):
            work()
    for name, content in {"other": b"time;reader\r\n1;2\r\n", "picture": b"\x89PNG\r\n\xff"}.items():
        (tmp_path / name).mkdir()
        path = tmp_path / name / FILE_NAME
        path.write_bytes(content)
        with pytest.raises(RecordUnusable, match="choose another folder"):
            append_row(tmp_path / name, ROW)
        with pytest.raises(RecordUnusable, match="choose another folder"):
            last_cases(tmp_path / name, "Ayla")
        assert path.read_bytes() == content


def test_a_row_that_somebody_spoilt_is_said(tmp_path: Path) -> None:
    path = append_row(tmp_path, ROW)
    path.write_text(path.read_text(encoding="utf-8").replace(",192,", ",soon,"), encoding="utf-8")
    with pytest.raises(RecordUnusable, match="has a row that is no practice case"):
        last_cases(tmp_path, "Ayla")
