"""Practice mode in the panel: cases made by a real worker process, read, submitted, shown and recorded."""

import csv
import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import SimpleITK as sitk
import slicer
from PySide6 import QtCore, QtWidgets

from drawn_heads import GRIDS, draw_finding, draw_head
from head_phantom import head_phantom
from pythonqt_facade import application
from reading_cases import ELSEWHERE, TRUE_BALLS, practice_case, read_by_hand
from slicer_facade import SlicerFacade


@pytest.fixture(scope="module")
def small_head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("practice") / "Practice" / "head_t1.nii.gz"
    path.parent.mkdir()
    sitk.WriteImage(head_phantom(2.5), str(path))
    return path


@pytest.fixture
def panel(slicer_app: SlicerFacade, worker_python: Path) -> Iterator[Any]:
    panel = slicer_app.panel(slicer_app.load("BrainMetsAI"))
    panel.enter()
    yield panel
    panel.cleanup()


@pytest.fixture
def volume(panel: Any) -> Any:
    """The baseline of a small case, open in the panel."""
    from BrainMetsAILib.scene.practice import add_practice_case

    baseline, _follow_up = add_practice_case(practice_case())
    panel.case.ui.volumeSelector.setCurrentNode(baseline)
    return baseline


def truths() -> list[Any]:
    return [node for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if "truth" in node.GetName()]


def reading_text(panel: Any) -> str:
    return str(panel.practice.ui.readingLabel.text)


def status(panel: Any) -> str:
    return str(panel.practice.ui.practiceStatusLabel.text)


def selectable(panel: Any) -> list[str]:
    """Everything that any selector of the panel offers."""
    kinds = slicer.qMRMLNodeComboBox
    boxes = [widget for root in panel.roots.values() for widget in (root, *root.findChildren(kinds)) if isinstance(widget, kinds)]
    assert boxes
    return [box.itemText(row) for box in boxes for row in range(box.count)]


def test_button_makes_a_case_of_the_chosen_head(panel: Any, small_head: Path, wait_for: Callable[..., None]) -> None:
    from BrainMetsAILib.panel.case_section import chosen_volume
    from BrainMetsAILib.panel.volume_facts import facts_of_volume
    from BrainMetsAILib.scene.practice import HEAD, SEED, practice_of, unsealed_truth
    from BrainMetsAILib.scene.practice_reading import record_row
    from BrainMetsAILib.scene.volumes import add_volume

    ui = panel.practice.ui
    head = add_volume(sitk.ReadImage(str(small_head)), "Doe John")
    ui.practiceHeadSelector.setCurrentNode(head)
    ui.practiceSeedBox.value = 11
    ui.practiceButton.click()
    assert ui.practiceButton.text == "Cancel" and not panel.find.ui.runButton.enabled
    wait_for(lambda: not panel.worker.busy, 120)
    baseline = chosen_volume()
    assert baseline is not head and baseline.GetName() == "Practice baseline"
    assert facts_of_volume(baseline, "Baseline").synthetic
    practice = practice_of(baseline)
    digest = hashlib.sha256(slicer.util.arrayFromVolume(head).tobytes()).hexdigest()
    assert practice.GetParameter(SEED) == "11" and practice.GetParameter(HEAD) == f"SHA-256 {digest[:16]}"
    assert "Doe" not in record_row(practice).head, "a name can be a patient’s"
    assert len(unsealed_truth(practice).lesions) > 3
    assert status(panel).startswith("Case 11 is made. Mark every lesion of “Practice baseline”, then submit")
    assert panel.lesions.table.keys == [], "the truth is not shown as a finding"
    assert truths() == []
    assert not ui.readingLabel.isHidden() and ui.resultTable.isHidden()
    assert "without the network. 0 calls" in reading_text(panel)
    assert panel.find.ui.runButton.enabled

    ui.practiceHeadSelector.setCurrentNode(baseline)
    ui.practiceButton.click()
    assert "has synthetic lesions already" in status(panel) and not panel.worker.busy


def test_heads_of_one_name_are_told_apart(panel: Any) -> None:
    from BrainMetsAILib.panel.practice_section import HEAD_ROLE
    from BrainMetsAILib.scene.settings import settings_node
    from BrainMetsAILib.scene.volumes import add_volume

    first, second = (add_volume(draw_head(GRIDS["plain"]), name) for name in ("head", "another"))
    second.SetName("head")
    selector = panel.practice.ui.practiceHeadSelector
    selector.pick(first)
    selector.pick(second)
    assert settings_node().GetNodeReference(HEAD_ROLE) is second


def test_one_click_makes_a_case_with_a_new_number_of_the_bundled_head(
    panel: Any, small_head: Path, monkeypatch: pytest.MonkeyPatch, wait_for: Callable[..., None]
) -> None:
    from BrainMetsAILib.panel.case_section import chosen_volume
    from BrainMetsAILib.scene import practice_case as cases
    from BrainMetsAILib.scene.practice import HEAD, SEED, practice_of

    monkeypatch.setattr(cases, "practice_head", lambda: small_head)
    numbers = iter([815, 4711])
    monkeypatch.setattr("BrainMetsAILib.panel.practice_section.random.randrange", lambda limit: next(numbers))
    panel.practice.ui.practiceButton.click()
    wait_for(lambda: not panel.worker.busy, 120)
    practice = practice_of(chosen_volume())
    assert practice.GetParameter(SEED) == "815" and practice.GetParameter(HEAD) == "head_t1.nii.gz"
    panel.practice.ui.practiceButton.click()
    panel.practice.ui.practiceButton.click()
    wait_for(lambda: not panel.worker.busy, 60)
    assert status(panel) == "Cancelled."
    assert practice_of(chosen_volume()) is practice


def test_hidden_truth_is_in_no_selector_and_no_view(panel: Any, volume: Any) -> None:
    from BrainMetsAILib.scene.practice import practice_nodes

    application.processEvents()
    assert {name for name in selectable(panel) if "ractice" in name} == {"Practice baseline", "Practice follow-up"}
    assert not [node for node in practice_nodes() if not node.GetHideFromEditors()]
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode") == []
    panel.practice.ui.truthBox.checked = True  # hidden, but a script may set it
    assert truths() == []
    assert panel.practice.table.keys == []


def test_submit_shows_and_records(panel: Any, volume: Any) -> None:
    from BrainMetsAILib.exchange.practice_record import FILE_NAME
    from BrainMetsAILib.scene.log import read_log

    ui = panel.practice.ui
    read_by_hand(volume, ((TRUE_BALLS[0],), (TRUE_BALLS[1],), (ELSEWHERE,)), GRIDS["plain"])
    application.processEvents()
    assert "3 calls, 3 of them not yet judged" in reading_text(panel)
    ui.submitButton.click()
    assert ui.submitButton.isHidden() and ui.readingLabel.isHidden() and not ui.resultTable.isHidden()
    words = ui.resultLabel.text
    assert re.match(r"2 of 4 lesions found in \d:\d\d, without the network; 1 false call\.\n", words)
    assert "Found by size: 5–10 mm 0 of 2, ≥ 10 mm 2 of 2." in words and "mean Dice 1.00, volumes 0 % off" in words
    table = panel.practice.table
    rows = [[table.text(key, column) for column in range(7)] for key in table.keys]
    assert [row[:3] for row in rows] == [
        ["T01", "M01", "found"], ["T02", "M02", "found"], ["T03", "", "missed"], ["T04", "", "missed"], ["", "M03", "false call"],
    ]
    assert rows[1][6] == "faint" and rows[0][3:6] == ["18.0", "1.00", "0"]
    (truth,) = truths()
    assert truth.GetDisplayNode().GetVisibility() and ui.truthBox.checked
    application.processEvents()
    assert truth.GetName() not in selectable(panel), "no prior contour for the next reading"
    assert len(panel.lesions.table.keys) == 3, "the truth is no finding"

    record = Path(ui.recordPathEdit.text)
    assert record.name == FILE_NAME and record.parent == Path(slicer.app.slicerUserSettingsFilePath).parent
    with record.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["seed"], row["lesions"], row["found"], row["false_calls"], row["with_network"]) == ("7", "4", "2", "1", "no")
    assert ui.tallyLabel.text.startswith("Your last case: 50 % of 4 lesions found, 1.0 false calls and 0:00 a case,")
    assert ui.recordButton.isHidden()
    assert read_log()[-1]["event"] == "practice submitted"

    for key in table.keys:  # each a click away
        table.select(key)
        outcome_place = {"T": TRUE_BALLS, "": (ELSEWHERE,)}
        name = table.text(key, 0)
        ball = outcome_place[name[:1]][int(name[1:]) - 1 if name else 0]
        node = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
        assert abs(node.GetSliceToRAS().GetElement(2, 3) - ball.centre[2]) < 1.6
        assert node.GetFieldOfView()[0] == pytest.approx(60.0)
    ui.truthBox.checked = False
    assert not truth.GetDisplayNode().GetVisibility()
    table.select(table.keys[0])
    assert truth.GetDisplayNode().GetVisibility(), "a click on a true lesion asks for it"
    slicer.mrmlScene.RemoveNode(truth)
    application.processEvents()
    table.select(table.keys[1])
    assert len(truths()) == 1, "made again"
    assert slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")[0].GetBackgroundVolumeID() in (None, volume.GetID())


def test_the_truth_of_one_examination_does_not_cover_the_other(panel: Any, volume: Any) -> None:
    read_by_hand(volume, ((TRUE_BALLS[0],),), GRIDS["plain"])
    panel.practice.ui.submitButton.click()
    (truth,) = truths()
    panel.case.ui.volumeSelector.setCurrentNode(slicer.util.getNode("Practice follow-up"))
    assert not truth.GetDisplayNode().GetVisibility()
    assert not panel.practice.ui.submitButton.isHidden(), "the follow-up is a case of its own"
    panel.case.ui.volumeSelector.setCurrentNode(volume)
    assert truth.GetDisplayNode().GetVisibility() and panel.practice.ui.submitButton.isHidden()
    panel.case.ui.volumeSelector.setCurrentNode(None)
    assert panel.practice.ui.resultLabel.isHidden() and panel.practice.ui.readingLabel.isHidden()


def test_help_of_the_network_is_noticed_when_it_comes(panel: Any, volume: Any) -> None:
    from BrainMetsAILib.scene.review import write_review

    assert "without the network" in reading_text(panel)
    write_review(volume, draw_finding(GRIDS["plain"], TRUE_BALLS))
    application.processEvents()
    assert "with the network’s help. 4 calls" in reading_text(panel)
    panel.practice.ui.submitButton.click()
    assert "4 of 4 lesions found" in panel.practice.ui.resultLabel.text
    assert "the network was used in 1." in panel.practice.ui.tallyLabel.text


def test_nothing_marked_is_asked_about(panel: Any, volume: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from BrainMetsAILib.panel.questions import Questions

    asked: list[str] = []
    answers = [False, True]

    def confirm(text: str) -> bool:
        asked.append(text)
        return answers.pop(0)

    ui = panel.practice.ui
    monkeypatch.setattr(panel.practice, "_questions", Questions(confirm, lambda title: ""))
    ui.submitButton.click()
    assert asked == ["You have marked no lesion. Submit all the same?"] and truths() == []
    ui.submitButton.click()
    assert "0 of 4 lesions found" in ui.resultLabel.text and "Dice" not in ui.resultLabel.text
    assert len(asked) == 2 and len(truths()) == 1


def test_clock(panel: Any, volume: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from BrainMetsAILib.panel import practice_clock
    from BrainMetsAILib.scene.practice import practice_of
    from BrainMetsAILib.scene.practice_reading import read_seconds

    now = [1000.0]
    pointer = [(0, 0)]
    monkeypatch.setattr(panel.practice.clock, "_now_s", lambda: now[0])
    monkeypatch.setattr(practice_clock, "_pointer", lambda: pointer[0])
    practice = practice_of(volume)

    def pass_time(seconds: int, moving: bool) -> None:
        for _ in range(seconds):
            now[0] += 1.0
            pointer[0] = (pointer[0][0] + moving, 0)
            panel.practice.clock._tick()

    panel.exit()
    panel.enter()
    start = read_seconds(practice)
    pass_time(90, moving=True)
    assert read_seconds(practice) == pytest.approx(start + 90)
    assert f"{int(start + 90) // 60}:{int(start + 90) % 60:02d}, without" in reading_text(panel)
    panel.exit()
    now[0] += 500.0  # in another module
    panel.enter()
    assert read_seconds(practice) == pytest.approx(start + 90)
    pass_time(200, moving=False)
    assert read_seconds(practice) == pytest.approx(start + 210), "two quiet minutes count"
    assert "The clock stands still" in reading_text(panel)
    pass_time(10, moving=True)
    assert read_seconds(practice) == pytest.approx(start + 219, abs=1.1)
    assert "stands still" not in reading_text(panel)
    slicer.mrmlScene.RemoveNode(practice)
    panel.practice.clock._tick()
    slicer.mrmlScene.Clear(0)
    application.processEvents()
    assert panel.practice.ui.readingLabel.isHidden()


def test_record_that_cannot_be_written_is_said_and_tried_again(
    panel: Any, volume: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from BrainMetsAILib.exchange.practice_record import FILE_NAME
    from BrainMetsAILib.panel.questions import Questions

    ui = panel.practice.ui
    chosen = iter([str(tmp_path / "gone"), "", str(tmp_path)])
    monkeypatch.setattr(panel.practice, "_questions", Questions(lambda text: True, lambda title: next(chosen)))
    ui.recordFolderButton.click()
    assert ui.recordPathEdit.text == str(tmp_path / "gone" / FILE_NAME)
    ui.submitButton.click()
    assert "cannot be written (No such file or directory)" in ui.tallyLabel.text and "choose another folder" in ui.tallyLabel.text
    assert not ui.recordButton.isHidden() and "lesions found" in ui.resultLabel.text, "the result is there all the same"
    ui.recordButton.click()
    assert "cannot be written" in ui.tallyLabel.text
    ui.recordFolderButton.click()  # the person gives up choosing
    assert ui.recordPathEdit.text == str(tmp_path / "gone" / FILE_NAME)
    ui.recordFolderButton.click()
    assert ui.tallyLabel.text.startswith("Your last case: 0 % of 4 lesions found") and ui.recordButton.isHidden()
    lines = (tmp_path / FILE_NAME).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2, "once"


def test_scene_file_before_and_after_submission(panel: Any, volume: Any, tmp_path: Path) -> None:
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb

    ui = panel.practice.ui
    read_by_hand(volume, ((TRUE_BALLS[0],),), GRIDS["plain"])
    save_mrb(tmp_path / "before.mrb")
    load_mrb(tmp_path / "before.mrb")
    application.processEvents()
    assert "“Practice baseline”" in reading_text(panel) and "1 call, 1 of them" in reading_text(panel)
    assert not ui.submitButton.isHidden() and truths() == []
    ui.submitButton.click()
    words = ui.resultLabel.text
    save_mrb(tmp_path / "after.mrb")
    load_mrb(tmp_path / "after.mrb")
    application.processEvents()
    assert ui.submitButton.isHidden() and ui.resultLabel.text == words
    assert truths() and "Practice baseline truth" not in selectable(panel), "no prior contour for the next reading"
    assert len(panel.practice.table.keys) == 4 and ui.truthBox.checked and ui.recordButton.isHidden()


def test_sample_data(slicer_app: SlicerFacade, worker_python: Path, small_head: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from BrainMetsAILib.scene import practice_case as cases

    slicer_app.load("BrainMetsAI")
    slicer.app.startupCompleted.emit()
    slicer.app.startupCompleted.emit()  # registered once all the same
    sources = slicer.modules.sampleDataSources["BrainMetsAI"]
    assert len(sources) == 1
    assert Path(sources[0].thumbnailFileName).is_file()
    assert cases.practice_head().is_file()
    monkeypatch.setattr(cases, "practice_head", lambda: small_head)
    window = QtWidgets.QMainWindow()
    monkeypatch.setattr(slicer.util, "mainWindow", lambda: window)
    volumes = sources[0].customDownloader(sources[0])
    QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)
    assert window.findChildren(QtWidgets.QProgressDialog) == [], "none is left behind"
    from BrainMetsAILib.scene.practice import practice_of
    from BrainMetsAILib.scene.review import review_of

    assert [volume.GetName() for volume in volumes] == ["Practice baseline", "Practice follow-up"]
    assert all(practice_of(volume) is not None for volume in volumes) and truths() == []
    assert all(review_of(volume) is not None for volume in volumes), "it can be read without the network"
    del slicer.modules.sampleDataSources
