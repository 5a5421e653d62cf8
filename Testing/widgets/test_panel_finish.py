"""The section Finish: counts, sign-off, export and report text, from the buttons to the files."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import slicer

from drawn_heads import GRIDS, draw_finding, draw_head
from pythonqt_facade import application
from slicer_facade import SlicerFacade


@pytest.fixture
def panel(slicer_app: SlicerFacade) -> Iterator[Any]:
    user = slicer.app.applicationLogic().GetUserInformation()
    user.SetFromString("")
    panel = slicer_app.panel(slicer_app.load("BrainMetsAI"))
    yield panel
    panel.cleanup()
    user.SetFromString("")


@pytest.fixture
def nodes(panel: Any) -> Any:
    """A review of three lesions that the panel works on."""
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.volumes import add_volume

    made = write_review(add_volume(draw_head(GRIDS["oblique"]), "T1c"), draw_finding(GRIDS["oblique"]))
    panel.case.ui.volumeSelector.setCurrentNode(made.volume)
    application.processEvents()
    return made


def judge(nodes: Any, index: int, review: str) -> None:
    from BrainMetsAILib.scene import tags

    tags.set_review(nodes.segmentation.GetSegmentation().GetNthSegment(index), review)


def answer(panel: Any, **answers: Any) -> list[str]:
    """Answer the panel's questions; returns what was asked."""
    asked: list[str] = []

    def answering(value: Any) -> Callable[[str], Any]:
        def answered(text: str) -> Any:
            asked.append(text)
            return value

        return answered

    for name, value in answers.items():
        object.__setattr__(panel.finish._questions, name, answering(value))
    return asked


def test_without_a_review_there_is_nothing_to_press(panel: Any) -> None:
    ui = panel.finish.ui
    assert ui.countsLabel.text == "No lesions yet."
    assert not any(button.enabled for button in (ui.nextButton, ui.signButton, ui.copyButton, ui.exportButton))
    assert ui.reportText.plainText == "" and ui.reportText.readOnly
    assert ui.signLabel.isHidden() and ui.finishStatusLabel.isHidden()


def test_counts_follow_decisions_and_lead_to_the_next_lesion(panel: Any, nodes: Any, wait_for: Callable[..., None]) -> None:
    ui, table = panel.finish.ui, panel.lesions.table
    assert ui.countsLabel.text == "3 lesions, 3 of them not reviewed yet."
    shown = []
    for _ in range(4):
        ui.nextButton.click()
        shown.append(table.text(table.current, 0))
    assert shown == ["M01", "M02", "M03", "M01"]
    judge(nodes, 1, "accepted")
    judge(nodes, 2, "rejected")
    wait_for(lambda: ui.countsLabel.text == "2 lesions, 1 of them not reviewed yet. 1 rejected.")
    judge(nodes, 0, "accepted")
    wait_for(lambda: ui.countsLabel.text == "2 lesions, all reviewed. 1 rejected.")
    assert not ui.nextButton.enabled


def test_sign_off_and_what_changes_it(panel: Any, nodes: Any, wait_for: Callable[..., None]) -> None:
    from BrainMetsAILib.scene.log import read_log

    ui = panel.finish.ui
    ui.signButton.click()
    assert "type the reader's name" in ui.finishStatusLabel.text and ui.signLabel.text == "Not signed off."
    ui.readerEdit.setText("Dr. Änne Müller")
    ui.signButton.click()  # nobody answers while Slicer tests itself: no
    assert ui.finishStatusLabel.text == "Not signed. Lesions not reviewed yet: 3." and ui.signLabel.text == "Not signed off."
    for index in range(2):
        judge(nodes, index, "accepted")
    asked = answer(panel, confirm=True)
    ui.signButton.click()
    assert asked == ["Not reviewed yet: 1. They stay in totals and exports. Sign off as it is?"]
    assert ui.signLabel.text.startswith("Signed off by Dr. Änne Müller, 20")
    assert "Signed off by Dr. Änne Müller" in ui.reportText.plainText
    judge(nodes, 2, "rejected")
    wait_for(lambda: ui.signLabel.text.startswith("Changed since it was signed off by Dr. Änne Müller"))
    ui.signButton.click()
    assert len(asked) == 1, "all are reviewed now"
    assert ui.signLabel.text.startswith("Signed off by")
    assert [entry["who"] for entry in read_log() if entry["event"] == "signed off"] == ["Dr. Änne Müller"] * 2


def test_the_name_comes_from_slicer_and_can_be_another(panel: Any, nodes: Any, wait_for: Callable[..., None]) -> None:
    user = slicer.app.applicationLogic().GetUserInformation()
    user.SetName("Slicer's user")
    panel.enter()
    wait_for(lambda: panel.finish.ui.readerEdit.text == "Slicer's user")
    panel.finish.ui.readerEdit.setText("Dr. O")
    panel.finish.ui.readerEdit.modified = True
    panel.finish.refresh()
    assert panel.finish.ui.readerEdit.text == "Dr. O", "not while a person types"
    panel.finish.ui.readerEdit.setText("  Dr.  Other ")
    panel.finish.ui.readerEdit.editingFinished.emit()
    assert panel.finish.ui.readerEdit.text == "Dr. Other" and user.GetName() == "Slicer's user"
    panel.finish.ui.readerEdit.setText("")
    panel.finish.ui.readerEdit.editingFinished.emit()
    assert panel.finish.ui.readerEdit.text == "Slicer's user"


def test_the_text_is_the_review_as_it_is_when_copied(panel: Any, nodes: Any) -> None:
    judge(nodes, 0, "rejected")
    panel.finish.ui.copyButton.click()
    copied = slicer.app.clipboard().text()
    assert "Findings: 2 lesions" in copied and "M01" not in copied
    assert copied == panel.finish.ui.reportText.plainText
    assert panel.finish.ui.finishStatusLabel.text == "The report text was copied."


def test_export(panel: Any, nodes: Any, tmp_path: Path, wait_for: Callable[..., None]) -> None:
    ui = panel.finish.ui
    ui.exportButton.click()
    assert list(tmp_path.iterdir()) == [] and ui.exportButton.enabled, "no folder was chosen"
    answer(panel, choose_folder=str(tmp_path))
    ui.exportButton.click()
    assert not ui.exportButton.enabled
    wait_for(lambda: ui.exportButton.enabled)
    assert ui.finishStatusLabel.text == f"Written: {tmp_path / 'T1c lesions'}"
    assert sorted(path.name for path in (tmp_path / "T1c lesions").iterdir()) == ["lesions.csv", "lesions.nii.gz", "necrosis.nii.gz"]
    answer(panel, choose_folder=str(tmp_path / "gone"))
    ui.exportButton.click()
    wait_for(lambda: ui.exportButton.enabled)
    assert "choose another folder" in ui.finishStatusLabel.text
    answer(panel, choose_folder=str(tmp_path))
    segmentation = nodes.segmentation
    slicer.mrmlScene.RemoveNode(nodes.volume)
    panel.finish.show(segmentation)  # before the panel hears that the volume is gone
    ui.exportButton.click()
    panel.finish._export_step()
    assert "no longer in the scene" in ui.finishStatusLabel.text


def test_scene_closed_while_files_are_written(panel: Any, nodes: Any, tmp_path: Path) -> None:
    answer(panel, choose_folder=str(tmp_path))
    panel.finish.ui.exportButton.click()
    panel.finish._export_step()
    assert len(list(tmp_path.iterdir())) == 1
    slicer.mrmlScene.Clear(0)
    application.processEvents()
    assert list(tmp_path.iterdir()) == []
    assert panel.finish.ui.countsLabel.text == "No lesions yet."


def test_a_deleted_review_and_a_new_panel(slicer_app: SlicerFacade, panel: Any, nodes: Any) -> None:
    panel.cleanup()
    again = slicer_app.panel(slicer_app.load("BrainMetsAI"))
    assert again.finish.ui.countsLabel.text.startswith("3 lesions")
    slicer.mrmlScene.RemoveNode(nodes.segmentation)
    application.processEvents()
    assert again.finish.ui.countsLabel.text == "No lesions yet." and again.finish.ui.reportText.plainText == ""
    again.cleanup()
