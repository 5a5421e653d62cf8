"""The edit section in the panel: Slicer's real editor logic and history behind a stand-in of its widget, clicks from real interactors."""

import runpy
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer

from drawn_heads import GRIDS, Ball, draw_finding, draw_head
from pythonqt_facade import QtCore, QtGui, QtWidgets, application
from slicer_facade import SlicerFacade

RING, NEIGHBOUR, LONE = Ball((20.0, 8.0, 10.0), 9.0, 5.0), Ball((3.0, 8.0, 10.0), 6.0), Ball((-25.0, -15.0, 0.0), 6.0)
MISSED = Ball((-18.0, 25.0, 12.0), 6.0)
BETWEEN = (11.0, 8.0, 10.0)


@pytest.fixture
def panel(slicer_app: SlicerFacade) -> Iterator[Any]:
    panel = slicer_app.panel(slicer_app.load("BrainMetsAI"))
    panel.enter()
    yield panel
    panel.cleanup()


def open_review(panel: Any, name: str = "T1c") -> Any:
    """A volume in which three lesions were found and one was missed; chosen in the panel."""
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.volumes import add_volume

    balls = (RING, NEIGHBOUR, LONE)
    volume = add_volume(draw_head(GRIDS["oblique"], (*balls, MISSED)), name)
    nodes = write_review(volume, draw_finding(GRIDS["oblique"], balls))
    panel.case.ui.volumeSelector.setCurrentNode(volume)
    application.processEvents()
    return nodes


@pytest.fixture
def nodes(panel: Any) -> Any:
    return open_review(panel)


class Person:
    """What a person does with the panel and the views."""

    def __init__(self, panel: Any, nodes: Any) -> None:
        self.panel, self.nodes = panel, nodes
        self.ui = panel.edit.ui

    @property
    def widget(self) -> Any:
        return self.ui.lesionEditor

    def uid(self, name: str) -> str:
        from BrainMetsAILib.scene import tags

        return tags.read_tag(self.segment(name), tags.LESION_UID)

    def segment(self, name: str) -> Any:
        content = self.nodes.segmentation.GetSegmentation()
        return content.GetSegment(content.GetSegmentIdBySegmentName(name))

    def names(self) -> list[str]:
        content = self.nodes.segmentation.GetSegmentation()
        return [content.GetSegment(segment_id).GetName() for segment_id in content.GetSegmentIDs()]

    def mask(self, name: str) -> np.ndarray:
        content = self.nodes.segmentation.GetSegmentation()
        segment_id = content.GetSegmentIdBySegmentName(name)
        return np.asarray(slicer.util.arrayFromSegmentBinaryLabelmap(self.nodes.segmentation, segment_id, self.nodes.volume) > 0)

    def masks(self) -> dict[str, bytes]:
        return {name: self.mask(name).tobytes() for name in self.names()}

    def go_to(self, name: str) -> None:
        self.panel.lesions.table.select(self.uid(name))

    def paint(self, ras: tuple[float, float, float], radius: float, effect: str = "Paint") -> None:
        self.widget.setActiveEffectByName(effect)
        self.widget.editor.ball(self.widget.currentSegmentID(), ras, radius, "Remove" if effect == "Erase" else "Add")
        application.processEvents()

    def click(self, ras: tuple[float, float, float], view: str = "Red") -> None:
        slicer.app.layoutManager().sliceWidget(view).click(ras)
        application.processEvents()

    def reached_the_effect(self, view: str = "Red") -> int:
        return len(slicer.app.layoutManager().sliceWidget(view).seen)

    def row(self, name: str) -> list[str]:
        """Name, whole, enhancing and necrotic volume as the table shows them."""
        return [self.panel.lesions.table.text(self.uid(name), column) for column in (0, 3, 4, 5)]

    @property
    def status(self) -> str:
        return str(self.ui.editStatusLabel.text)


@pytest.fixture
def person(panel: Any, nodes: Any) -> Person:
    return Person(panel, nodes)


def log(event: str) -> list[dict[str, Any]]:
    from BrainMetsAILib.scene.log import read_log

    return [entry for entry in read_log() if entry["event"] == event]


def test_nothing_to_edit(panel: Any) -> None:
    ui = panel.edit.ui
    assert ui.editedLabel.text == "There is no lesion to edit yet: find lesions, or import earlier contours."
    for button in (ui.addButton, ui.mergeButton, ui.undoButton, ui.redoButton, ui.deleteButton):
        assert not button.enabled
    assert ui.lesionEditor.isHidden()
    panel.edit.undo()
    assert ui.editStatusLabel.text == "There is nothing to undo."
    panel.edit.add_by_click()
    assert not ui.addButton.checked


def test_the_editor_is_pared_down_and_protects_lesions(person: Person) -> None:
    widget = person.widget
    gone = ("SegmentsTableResizableFrame", "AddSegmentButton", "RemoveSegmentButton", "UndoRedoGroupBox", "MaskingGroupBox")
    assert all(slicer.util.findChild(widget, name).isHidden() for name in gone), "frames too: an empty one keeps its place"
    assert not widget.segmentationNodeSelectorVisible and not widget.sourceVolumeNodeSelectorVisible and not widget.autoShowSourceVolumeNode
    assert not widget.unorderedEffectsVisible and "Logical operators" not in widget._effects
    assert widget.segmentationNode() is person.nodes.segmentation and widget.sourceVolumeNode() is person.nodes.volume
    node = widget.mrmlSegmentEditorNode()
    assert node.GetOverwriteMode() == node.OverwriteNone
    assert widget.hearsViews and widget.isHidden(), "no lesion is selected yet"
    person.go_to("M02")
    content = person.nodes.segmentation.GetSegmentation()
    assert not widget.isHidden() and widget.currentSegmentID() == content.GetSegmentIdBySegmentName("M02")
    assert person.ui.editedLabel.text.startswith("M02, 0.9")
    widget.setActiveEffectByName("Paint")
    assert slicer.util.findChild(widget, "MaskingGroupBox").isHidden(), "it does not come back with an effect"


def test_painting_over_a_neighbour_updates_table_label_and_log(person: Person) -> None:
    person.go_to("M02")
    ring, before = person.mask("M01"), person.row("M02")
    person.paint(BETWEEN, 5.0)
    np.testing.assert_array_equal(person.mask("M01"), ring)
    assert not (person.mask("M02") & ring).any()
    assert float(person.row("M02")[1]) > float(before[1])
    assert person.ui.editedLabel.text == f"M02, {person.row('M02')[1]} mL"
    (entry,) = log("edited")
    assert entry["effect"] == "Paint" and entry["lesion_uid"] == person.uid("M02")
    assert entry["volume_after_ml"] == pytest.approx(float(person.row("M02")[1]), abs=6e-4)
    person.paint(BETWEEN, 5.0, "Erase")
    assert [line["effect"] for line in log("edited")] == ["Paint", "Erase"]


def test_one_history_for_masks_decisions_and_added_lesions(person: Person) -> None:
    from BrainMetsAILib.scene import tags

    person.go_to("M02")
    states = [(person.masks(), tags.read_tag(person.segment("M03"), tags.REVIEW))]

    def keep() -> None:
        application.processEvents()
        states.append((person.masks(), tags.read_tag(person.segment("M03"), tags.REVIEW)))

    person.paint(BETWEEN, 5.0)
    keep()
    person.panel.edit.save()
    tags.set_review(person.segment("M03"), tags.ACCEPTED)
    keep()
    person.ui.addButton.click()
    person.click(MISSED.centre)
    keep()
    assert person.names()[-1] == "M04"
    assert person.ui.undoButton.enabled and not person.ui.redoButton.enabled
    for expected in states[-2::-1]:
        person.ui.undoButton.click()
        application.processEvents()
        assert (person.masks(), tags.read_tag(person.segment("M03"), tags.REVIEW)) == expected
    assert not person.ui.undoButton.enabled and person.ui.redoButton.enabled
    assert len(person.panel.lesions.table.keys) == 3
    person.go_to("M01")  # looking around costs nothing
    person.ui.necrosisRadio.setChecked(True)
    person.go_to("M03")
    application.processEvents()
    for expected in states[1:]:
        person.ui.redoButton.click()
        application.processEvents()
        assert (person.masks(), tags.read_tag(person.segment("M03"), tags.REVIEW)) == expected
    assert not person.ui.redoButton.enabled
    undone = log("undone")
    assert len(undone) == 3 and undone[1]["review_before"] == tags.ACCEPTED and undone[1]["review_after"] == tags.UNREVIEWED
    assert len(log("redone")) == 3 and len(log("edited")) == 1, "a decision is no edit"


def test_add_by_click_keeps_the_effect_on_and_the_click_from_it(person: Person) -> None:
    person.go_to("M02")
    person.widget.setActiveEffectByName("Paint")
    person.ui.addButton.click()
    assert person.ui.addButton.checked and "Esc" in person.status
    clicked = (MISSED.centre[0] + 1.0, MISSED.centre[1] - 1.0, MISSED.centre[2])
    person.click(clicked, "Yellow")
    assert person.reached_the_effect("Yellow") == 0
    assert person.names()[-1] == "M04" and person.panel.lesions.table.current == person.uid("M04")
    assert person.widget.mrmlSegmentEditorNode().GetActiveEffectName() == "Paint"
    assert person.ui.editedLabel.text.startswith("M04, ") and person.status == "" and not person.ui.addButton.checked
    assert person.widget.currentSegmentID() == person.nodes.segmentation.GetSegmentation().GetSegmentIdBySegmentName("M04")
    person.click(MISSED.centre, "Yellow")
    assert person.reached_the_effect("Yellow") == 1, "one click adds one lesion"
    (entry,) = log("added")
    assert np.linalg.norm(np.subtract(entry["at_ras"], clicked)) < 0.5 and not log("edited")


def test_a_click_on_a_slab_adds_the_lesion_that_the_slab_shows(person: Person) -> None:
    from BrainMetsAILib.scene.reading_layouts import set_slab

    above = (MISSED.centre[0], MISSED.centre[1], MISSED.centre[2] + 7.3)  # the slice lies beside the lesion, a slab of 15 mm holds its half
    person.ui.addButton.click()
    person.click(above)
    assert "brighter" in person.status and len(person.names()) == 4
    set_slab(15.0)
    person.ui.addButton.click()
    person.click(above)
    assert person.status == "" and person.names()[-1] == "M04"
    (entry,) = log("added")
    assert np.linalg.norm(np.subtract(entry["at_ras"], MISSED.centre)) < 6.0, "in the lesion, not where the slice was"
    assert person.mask("M04").sum() > 100


def test_the_slider_grows_what_was_just_added_again(person: Person, wait_for: Callable[..., None]) -> None:
    person.ui.addButton.click()
    person.click(MISSED.centre)
    whole = person.mask("M04").sum()
    person.ui.sizeSlider.setValue(6)
    assert person.ui.sizeValueLabel.text == "6 mm"
    wait_for(lambda: person.mask("M04").sum() < 0.5 * whole)
    person.ui.undoButton.click()
    assert "M04" not in person.names()
    person.ui.sizeSlider.setValue(30)
    application.processEvents()
    assert person.status == "" and "M04" not in person.names()
    person.ui.addButton.click()
    person.click(MISSED.centre)
    assert person.mask("M04").sum() >= whole
    person.go_to("M01")
    person.ui.sizeSlider.setValue(10)
    QtCore.QThread.msleep(100)
    application.processEvents()
    assert person.mask("M04").sum() >= whole, "another lesion was looked at meanwhile"


def test_escape_and_a_second_press_cancel(person: Person) -> None:
    person.go_to("M01")
    for button in (person.ui.addButton, person.ui.splitLineButton, person.ui.splitPointsButton, person.ui.mergeButton):
        button.click()
        assert button.checked
        button.click()
        assert not button.checked and person.status == ""
        button.click()
        root = person.panel.roots["Edit"]
        (shortcut,) = [child for child in root.findChildren(QtGui.QShortcut) if child.isEnabled()]
        shortcut.activated.emit()
        application.processEvents()
        assert not button.checked
        person.click(MISSED.centre)
    assert person.reached_the_effect() == 4 and len(person.names()) == 4
    person.ui.splitLineButton.click()
    person.ui.mergeButton.click()
    assert not person.ui.splitLineButton.checked and person.ui.mergeButton.checked, "one tool at a time"


def test_a_refusal_is_a_sentence(person: Person) -> None:
    before = person.masks()
    person.ui.addButton.click()
    person.click(RING.centre)
    assert person.status == "M01 is here already; select it and paint, or click beside it."
    person.go_to("M03")
    person.ui.fillButton.click()
    assert "no dark core in M03" in person.status
    person.ui.mergeButton.click()
    person.click(MISSED.centre)
    assert "Merging needs two lesions" in person.status
    assert person.masks() == before and not person.ui.undoButton.enabled


def test_split_merge_fill_and_delete(person: Person) -> None:
    from BrainMetsAILib.scene import tags

    person.go_to("M01")
    uid, whole = person.uid("M01"), person.mask("M01")
    person.ui.splitMiddleButton.click()
    assert person.names()[-1] == "M04" and person.uid("M01") == uid
    assert len(person.panel.lesions.table.keys) == 4 and person.panel.lesions.table.current == uid
    np.testing.assert_array_equal(person.mask("M01") | person.mask("M04"), whole)

    other = "M04"
    place = _middle_of(person, other)
    person.ui.mergeButton.click()
    person.click(place)
    assert "M04" not in person.names()
    np.testing.assert_array_equal(person.mask("M01"), whole)

    person.ui.splitLineButton.click()
    person.click((RING.centre[0] + 4, RING.centre[1] - 8, RING.centre[2]))
    assert slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode"), "the first point shows"
    person.click((RING.centre[0] + 4, RING.centre[1] + 8, RING.centre[2]))
    assert person.names()[-1] == "M04" and not slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    person.ui.undoButton.click()

    person.go_to("M01")
    person.ui.splitPointsButton.click()
    for shift in (-5.0, 5.0):
        person.click((RING.centre[0] + shift, RING.centre[1], RING.centre[2]), "Green")
    assert "Points: 2" in person.status
    person.ui.splitPointsButton.click()
    assert person.names()[-1] == "M04" and person.mask("M04").sum() > 0.3 * whole.sum()
    assert tags.read_tag(person.segment("M04"), tags.REVIEW) == tags.UNREVIEWED
    person.ui.undoButton.click()

    person.go_to("M01")
    dead = person.mask("Necrosis")
    person.ui.necrosisRadio.setChecked(True)
    person.paint(RING.centre, 7.0, "Erase")
    assert not person.mask("Necrosis").any() and person.mask("M01").sum() == whole.sum()
    person.ui.fillButton.click()
    filled = person.mask("Necrosis")
    assert 2 * (filled & dead).sum() / (filled.sum() + dead.sum()) > 0.85
    assert person.row("M01")[3] != "0.000"

    person.ui.deleteButton.click()
    assert "M01" not in person.names() and not person.mask("Necrosis").any()
    assert person.ui.editedLabel.text.split(",")[0] in ("M02", "M03"), "the next lesion of the table"
    person.ui.undoButton.click()
    assert "M01" in person.names()
    assert [len(log(event)) for event in ("split", "merged", "necrosis filled", "deleted", "undone")] == [3, 1, 1, 1, 3]


def _middle_of(person: Person, name: str) -> tuple[float, float, float]:
    from BrainMetsAILib.scene.layout import segment_centre

    return segment_centre(person.nodes.segmentation, person.nodes.segmentation.GetSegmentation().GetSegmentIdBySegmentName(name))


def test_necrosis_is_painted_inside_lesions_only(person: Person) -> None:
    person.go_to("M02")
    person.ui.necrosisRadio.setChecked(True)
    assert person.widget.currentSegmentID() == person.nodes.segmentation.GetSegmentation().GetSegmentIdBySegmentName("Necrosis")
    before = person.mask("Necrosis")
    person.paint((3.0, 13.0, 10.0), 4.0)
    lesions = person.mask("M01") | person.mask("M02") | person.mask("M03")
    gained = person.mask("Necrosis") & ~before
    assert gained.any() and not (gained & ~lesions).any()
    person.go_to("M01")
    assert person.ui.lesionRadio.checked, "the next lesion's outline"


@pytest.mark.parametrize("gone", ["scene", "segmentation", "volume", "segment"])
def test_what_is_edited_disappears_while_painting(person: Person, gone: str) -> None:
    person.go_to("M02")
    person.paint(BETWEEN, 5.0)
    person.ui.addButton.click()
    if gone == "scene":
        slicer.mrmlScene.Clear(0)
    elif gone == "segment":
        content = person.nodes.segmentation.GetSegmentation()
        content.RemoveSegment(content.GetSegmentIdBySegmentName("M02"))
    else:
        slicer.mrmlScene.RemoveNode(getattr(person.nodes, gone))
    application.processEvents()
    if gone == "segment":
        assert person.ui.editedLabel.text.split(",")[0] in ("M01", "M03"), "the next lesion of the table"
        return
    assert person.widget.isHidden()
    assert person.widget.segmentationNode() is None and not person.ui.addButton.enabled and not person.ui.addButton.checked
    assert not person.widget.mrmlSegmentEditorNode().GetActiveEffectName()
    person.click(MISSED.centre)
    person.panel.edit.undo()
    person.panel.edit.save()
    application.processEvents()
    again = Person(person.panel, open_review(person.panel, "another"))
    again.go_to("M02")
    ring = again.mask("M01")
    again.paint(BETWEEN, 5.0)
    np.testing.assert_array_equal(again.mask("M01"), ring)
    node = again.widget.mrmlSegmentEditorNode()
    assert node.GetOverwriteMode() == node.OverwriteNone and again.widget.hearsViews
    again.ui.undoButton.click()
    assert not again.ui.undoButton.enabled


def test_leaving_and_coming_back(person: Person) -> None:
    person.go_to("M02")
    person.paint(BETWEEN, 5.0)
    person.ui.addButton.click()
    person.panel.exit()
    assert not person.widget.mrmlSegmentEditorNode().GetActiveEffectName() and not person.widget.hearsViews
    assert not person.ui.addButton.checked
    person.click(MISSED.centre)
    assert len(person.names()) == 4 and person.reached_the_effect() == 1
    person.panel.enter()
    application.processEvents()
    assert person.widget.hearsViews and person.ui.editedLabel.text.startswith("M02")
    assert person.ui.undoButton.enabled, "the history is still there"


def test_reload(slicer_app: SlicerFacade, person: Person) -> None:
    person.go_to("M02")
    person.paint(BETWEEN, 5.0)
    person.panel.cleanup()
    again = slicer_app.panel(slicer_app.load("BrainMetsAI"))
    try:
        second = Person(again, person.nodes)
        second.go_to("M02")
        ring = second.mask("M01")
        second.paint(BETWEEN, 6.0)
        np.testing.assert_array_equal(second.mask("M01"), ring)
        assert second.widget.hearsViews, "a reload never calls enter"
        assert len(log("edited")) == 2
    finally:
        again.cleanup()


def test_an_undone_comment_is_logged(person: Person) -> None:
    from BrainMetsAILib.scene.decisions import set_comment

    set_comment(person.nodes.segmentation, person.uid("M03"), "beside a vein", person.panel.edit)
    application.processEvents()
    person.panel.edit.undo()
    (entry,) = log("undone")
    assert (entry["lesion"], entry["comment_before"], entry["comment_after"]) == ("M03", "beside a vein", "")
    assert entry["examination"] and "review_before" not in entry and entry["volume_before_ml"] == entry["volume_after_ml"] > 0


def test_a_second_run_is_no_edit_and_one_undo_takes_it_back(person: Person) -> None:
    from BrainMetsAILib.scene.review import write_review

    person.go_to("M02")
    person.paint(BETWEEN, 5.0)
    before = {name: person.mask(name) for name in person.names()}
    found = draw_finding(GRIDS["oblique"], (RING, NEIGHBOUR, LONE, MISSED))
    write_review(person.nodes.volume, found, history=person.panel.edit)
    application.processEvents()
    assert len(log("edited")) == 1 and len(log("found again")) == 1
    assert len(person.panel.lesions.table.keys) == 4
    person.panel.edit.undo()
    application.processEvents()
    assert set(person.names()) == set(before) and len(log("undone")) == 1
    for name, mask in before.items():
        np.testing.assert_array_equal(person.mask(name), mask, err_msg=name)


def test_a_loaded_scene_gets_its_layers_and_can_be_edited(person: Person, tmp_path: Path) -> None:
    from BrainMetsAILib.scene.review import review_nodes, reviews

    person.go_to("M02")
    path = str(tmp_path / "scene.mrb")
    assert slicer.mrmlScene.WriteToMRB(path)
    assert slicer.mrmlScene.ReadFromMRB(path, True, slicer.vtkMRMLMessageCollection())
    application.processEvents()
    again = Person(person.panel, review_nodes(reviews()[0]))
    content = again.nodes.segmentation.GetSegmentation()
    assert content.GetNumberOfLayers() == content.GetNumberOfSegments() == 4
    again.go_to("M02")
    ring = again.mask("M01")
    again.paint(BETWEEN, 5.0)
    np.testing.assert_array_equal(again.mask("M01"), ring)


def test_saving_while_painting_changes_no_lesion(person: Person, tmp_path: Path) -> None:
    person.go_to("M02")
    person.paint(BETWEEN, 5.0)
    before = person.masks()
    content = person.nodes.segmentation.GetSegmentation()
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    assert content.GetNumberOfLayers() < content.GetNumberOfSegments(), "saving merges layers"
    application.processEvents()
    assert content.GetNumberOfLayers() == content.GetNumberOfSegments()
    assert person.masks() == before and len(log("edited")) == 1
    ring = person.mask("M01")
    person.paint((12.0, 8.0, 10.0), 6.0)
    np.testing.assert_array_equal(person.mask("M01"), ring)
    person.ui.undoButton.click()
    person.ui.undoButton.click()
    application.processEvents()
    assert person.mask("M02").sum() < np.frombuffer(before["M02"], bool).sum()
    assert not (person.mask("M02") & person.mask("M01")).any()


def test_views_of_another_layout_hear_the_click(person: Person) -> None:
    person.ui.addButton.click()
    node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSliceNode")
    node.UnRegister(None)
    node.SetSingletonTag("Another")
    node.SetLayoutName("Another")
    slicer.mrmlScene.AddNode(node)
    slicer.app.layoutManager().layoutChanged.emit(1)
    person.click(MISSED.centre, "Another")
    assert person.names()[-1] == "M04"


def test_the_steps_of_the_self_test(panel: Any) -> None:
    """What the desktop runs with the mouse, here with the editor's logic."""
    steps = runpy.run_path(str(Path(slicer.modules.brainmetsai.path).parent / "Testing" / "Python" / "BrainMetsAIEditSelfTest.py"))
    test = unittest.TestCase()
    test.delayDisplay = lambda text: None  # type: ignore[attr-defined]

    def drag(panel: Any, start: tuple[float, float, float], end: tuple[float, float, float]) -> None:
        widget = panel.edit.ui.lesionEditor
        widget.editor.ball(widget.currentSegmentID(), end, 9.0)

    steps["run"](test, drag)


def test_it_fits_a_narrow_panel(person: Person) -> None:
    person.go_to("M01")
    root = person.panel.roots["Edit"]
    root.resize(500, root.sizeHint().height())
    assert root.minimumSizeHint().width() <= 500
    for button in root.findChildren(QtWidgets.QPushButton):
        if button.name.endswith("Button") and button.name[0].islower():  # Slicer's own begin with a capital
            assert button.text and button.toolTip, button.name
