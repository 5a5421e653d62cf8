"""CSV files and the report: readable by machines, safe against what comes from outside, honest."""

import csv
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from BrainMetsAILib.exchange.examined import ExaminationFacts, ReviewedExamination, facts_of
from BrainMetsAILib.exchange.lesion_columns import COLUMNS, column
from BrainMetsAILib.exchange.lesion_csv import write_lesions_csv, write_rows
from BrainMetsAILib.exchange.pictures import Picture
from BrainMetsAILib.exchange.report import report_html, write_report
from BrainMetsAILib.exchange.response_csv import write_response_csv
from BrainMetsAILib.exchange.response_summary import ResponseReading, ResponseRow, ResponseSummary
from BrainMetsAILib.images.examination import Patient, Role, RoleGuess, Sequence
from BrainMetsAILib.lesions.lesion_list import lesion_set
from drawn_heads import BALLS, GRIDS, PROVENANCE, draw_finding, draw_head

NASTY = '<script>alert("x")</script> & "quoted" | 脑\n=1+1'


@pytest.fixture(scope="module")
def examination() -> ReviewedExamination:
    finding = draw_finding(GRIDS["plain"])
    lesions = lesion_set(finding.labels, finding.necrosis_mask, finding.scores)
    return ReviewedExamination(ExaminationFacts("Baseline"), draw_head(GRIDS["plain"]), lesions, PROVENANCE)


SUMMARY = ResponseSummary(
    rows=(
        ResponseRow(
            "M01",
            "grown",
            ("M01",),
            ("M02", "M03"),
            1.25,
            2.5,
            100.0,
            10.0,
            14.0,
            40.0,
            True,
            "PD",
            "PD",
            NASTY,
            'Grew "much", by 100 %',
            0.5,
            80.0,
        ),
        ResponseRow("M02", "vanished", ("M02",), (), 0.5, 0.0, -100.0, 8.0, None, None, False, "CR", "CR", "Gone", "Gone"),
        ResponseRow("M04 (new)", "new", (), ("M04",), None, 0.25, None, None, 6.5, None, False, "new", "new", "Not there before", "-"),
    ),
    readings=(ResponseReading("RANO-BM, by diameters", "PD", ("A new lesion.",)), ResponseReading("By enhancing volume", "PD", ("+90 %",))),
    notes=("Registered rigidly.",),
)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_lesion_csv_has_one_row_a_lesion_with_the_measured_numbers(tmp_path: Path, examination: ReviewedExamination) -> None:
    lesions = examination.lesions.lesions
    write_lesions_csv(tmp_path / "lesions.csv", lesions)
    raw = (tmp_path / "lesions.csv").read_bytes()
    assert raw.count(b"\r\n") == len(lesions) + 1 == raw.count(b"\n")
    assert raw.split(b"\r\n")[0].decode() == ",".join(entry.key for entry in COLUMNS)
    for row, lesion in zip(rows_of(tmp_path / "lesions.csv"), lesions, strict=True):
        assert row["lesion"] == lesion.name and row["lesion_uid"] == lesion.lesion_uid and row["tracking_uid"] == lesion.tracking_uid
        assert float(row["volume_ml"]) == pytest.approx(lesion.measurements.volume_ml, abs=5.1e-5)
        assert float(row["enhancing_ml"]) + float(row["necrotic_ml"]) == pytest.approx(float(row["volume_ml"]), abs=1.1e-4)
        assert float(row["longest_diameter_mm"]) == pytest.approx(lesion.measurements.whole.longest_mm, abs=5.1e-3)
        assert [float(row[f"centroid_{axis}_mm"]) for axis in "ras"] == pytest.approx(lesion.measurements.centroid_ras, abs=5.1e-3)
        assert row["rano_bm_measurable"] == ("yes" if lesion.measurements.measurability.measurable else "no")


def test_every_number_names_its_unit() -> None:
    keys = [entry.key for entry in COLUMNS]
    assert len(keys) == len(set(keys))
    for entry in COLUMNS:
        if entry.unit:
            assert entry.key.endswith(f"_{entry.unit.lower()}") and entry.heading.endswith(f"({entry.unit})")
    assert column("volume_ml").heading == "Volume (mL)"


def test_no_lesions_leave_the_header_only(tmp_path: Path) -> None:
    write_lesions_csv(tmp_path / "lesions.csv", ())
    assert rows_of(tmp_path / "lesions.csv") == []


def test_response_csv(tmp_path: Path) -> None:
    write_response_csv(tmp_path / "response.csv", SUMMARY)
    first, second, third = rows_of(tmp_path / "response.csv")
    assert first["follow_up_lesions"] == "M02 M03" and first["volumetric_reason"] == 'Grew "much", by 100 %'
    assert float(first["enhancing_change_percent"]) == 100 and float(first["baseline_enhancing_ml"]) == 1.25
    assert second["enhancing_change_percent"] == "-100.0" and second["follow_up_longest_diameter_mm"] == "" and second["fate"] == "vanished"
    assert third["baseline_enhancing_ml"] == "" and third["enhancing_change_percent"] == "" and third["target_lesion"] == "no"


@settings(max_examples=50, deadline=None)
@given(cells=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=30), min_size=2, max_size=5))
def test_any_text_survives_a_csv_file_and_none_is_a_formula(tmp_path_factory: pytest.TempPathFactory, cells: list[str]) -> None:
    path = tmp_path_factory.mktemp("csv") / "any.csv"
    write_rows(path, [f"c{index}" for index in range(len(cells))], [cells])
    with path.open(encoding="utf-8", newline="") as file:
        _, read = list(csv.reader(file))
    for cell, found in zip(cells, read, strict=True):
        assert found in (cell, f"'{cell}")
        if found[:1] in "=+-@" and found:
            float(found.rstrip("%"))


class _Reader(HTMLParser):
    """Tags, attributes and text of a page; complains about tags that are not closed in order."""

    VOID = frozenset(("meta", "br", "img"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)


def read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


def test_report_holds_everything_and_runs_nothing(tmp_path: Path, examination: ReviewedExamination) -> None:
    pictures = (Picture("overview", "Overview.", b"\x89PNG not really"), Picture("lesion_M01", f"Lesion {NASTY}", b"1234"))
    facts = ExaminationFacts("Follow-up", Patient(NASTY, NASTY, "19600131", "F"), "20260401", NASTY, (NASTY, "Second."), synthetic=True)
    nasty_lesion = replace(examination.lesions.lesions[0], name=NASTY)
    lesions = replace(examination.lesions, lesions=(nasty_lesion, *examination.lesions.lesions[1:]))
    follow_up = ReviewedExamination(facts, examination.image, lesions, replace(PROVENANCE, model=NASTY))
    summary = replace(SUMMARY, notes=(NASTY,), readings=(ResponseReading(NASTY, NASTY, (NASTY,)),) * 2)
    write_report(tmp_path / "report.html", examination, pictures, follow_up, summary)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = read(text)
    assert "script" not in page.tags and "link" not in page.tags and "iframe" not in page.tags
    assert page.tags.count("img") == 2
    assert all((value or "").startswith("data:image/png;base64,") for key, value in page.attributes if key in ("src", "href"))
    assert not any(key.startswith("on") for key, _ in page.attributes)
    assert not re.search(r"https?://|@import|url\(", text)
    words = " ".join(page.words)
    for sentence in (
        "not for clinical decisions",
        "leptomeningeal, dural or skull",
        "Synthetic",
        PROVENANCE.sha256,
        "Second.",
        "2026-04-01",
        "1960-01-31",
    ):
        assert sentence in words
    assert 'alert("x")' in words, "shown as text"


def test_report_of_one_examination(examination: ReviewedExamination) -> None:
    page = read(report_html(examination, ()))
    words = " ".join(page.words)
    assert "Response" not in words and "Synthetic" not in words and "Pictures" not in words
    assert "3" in page.words and "lesions" in page.words
    for lesion in examination.lesions.lesions:
        assert lesion.name in page.words
        assert f"{lesion.measurements.whole.longest_mm:.1f} × {lesion.measurements.whole.perpendicular_mm:.1f}" in words
    total = sum(lesion.measurements.enhancing_ml for lesion in examination.lesions.lesions)
    assert f"{total:.2f} mL" in page.words


def test_report_without_lesions_does_not_claim_health(examination: ReviewedExamination) -> None:
    empty = replace(examination, lesions=replace(examination.lesions, lesions=()), provenance=None)
    words = " ".join(read(report_html(empty, ())).words)
    assert "does not mean that there is none" in words and "outlined by a person" in words


def test_facts_come_from_the_sequence() -> None:
    image = draw_head(GRIDS["plain"], BALLS)
    sequence = Sequence(image, RoleGuess(Role.T1C, "name"), Path("/data/a.nii.gz"), "", "MR", Patient("1"), "20260101", "1.2.3", ("noted",))
    facts = facts_of(sequence, "Baseline", ["warned"], synthetic=True)
    assert facts.warnings == ("noted", "warned") and facts.description == "a.nii.gz" and facts.synthetic and facts.series_uid == "1.2.3"
