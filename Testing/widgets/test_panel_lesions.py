"""The section with the lesion table: rows, decisions, filters, columns, keys, and what is seen meanwhile."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import slicer
from PySide6 import QtTest

from drawn_heads import BALLS, Ball
from pythonqt_facade import QtCore, QtGui, QtWidgets, application, qt
from reviewed_scene import reviewed, seen, uids
from slicer_facade import SlicerFacade

FIVE = (*BALLS, Ball((20.0, -25.0, -15.0), 5.0), Ball((-5.0, -5.0, 30.0), 4.0))
SCORES = (0.9, 0.5, 0.3, 0.5, 0.3)
COLUMNS = (
    "lesion", "review", "location", "volume", "enhancing", "necrotic", "diameters", "score", "change", "measurable", "class", "origin"
)


@pytest.fixture
def panel(slicer_app: SlicerFacade) -> Iterator[Any]:
    panel = slicer_app.panel(slicer_app.load("BrainMetsAI"))
    panel.enter()
    yield panel
    panel.exit()
    panel.cleanup()


def settle() -> None:
    """Let the event loop turn until zero timers have fired, those too that others started."""
    for _ in range(4):
        application.processEvents()
        time.sleep(0.001)


def choose(panel: Any, nodes: Any) -> Any:
    panel.case.ui.volumeSelector.setCurrentNode(nodes.volume)
    settle()
    return panel.lesions


@pytest.fixture
def section(panel: Any) -> Any:
    return choose(panel, reviewed(balls=FIVE, scores=SCORES))


def names(section: Any) -> list[str]:
    return [section.table.text(key, 0) for key in section.table.keys]


def cell(section: Any, name: str, column: str) -> str:
    key = next(key for key in section.table.keys if section.table.text(key, 0) == name)
    return str(section.table.text(key, COLUMNS.index(column)))


def select(section: Any, name: str) -> str:
    key = next(key for key in section.table.keys if section.table.text(key, 0) == name)
    section.select(key)
    return str(key)


def summary(section: Any) -> str:
    return str(section.ui.lesionsSummaryLabel.text)


def test_rows_say_what_is_known(section: Any) -> None:
    from BrainMetsAILib.panel.lesion_rows import lesion_columns

    assert tuple(column.key for column in lesion_columns()) == COLUMNS
    assert names(section) == ["M01", "M02", "M03", "M04", "M05"]
    ball = BALLS[1]
    assert float(cell(section, "M02", "volume")) == pytest.approx(4 / 3 * np.pi * ball.radius_mm**3 / 1000, rel=0.1)
    assert float(cell(section, "M01", "necrotic")) == pytest.approx(4 / 3 * np.pi * 4.0**3 / 1000, rel=0.2)
    longest, across = (float(text) for text in cell(section, "M02", "diameters").split(" × "))
    assert longest == pytest.approx(12.0, abs=1.5) and across == pytest.approx(12.0, abs=1.5)
    assert (cell(section, "M02", "review"), cell(section, "M02", "score"), cell(section, "M02", "origin")) == ("open", "0.50", "AI")
    assert (cell(section, "M02", "measurable"), cell(section, "M05", "measurable")) == ("yes", "no")
    assert summary(section).startswith("5 lesions, ") and "5 not reviewed yet" in summary(section)
    section.ui.lesionsTable.sortByColumn(COLUMNS.index("diameters"), qt.Qt.DescendingOrder)
    assert names(section)[:2] == ["M01", "M02"], "diameters sort by the longest"


def test_decisions_follow_in_table_views_and_totals(section: Any) -> None:
    from BrainMetsAILib.scene.review import review_nodes

    segmentation = section._segmentation
    select(section, "M02")
    section.ui.rejectButton.click()
    settle()
    assert cell(section, "M02", "review") == "rejected" and len(names(section)) == 5
    assert section.table.is_grey(uids(segmentation)[1]) and not section.table.is_grey(uids(segmentation)[0])
    assert seen(segmentation) == [True, False, True, True, True]
    assert summary(section).startswith("4 lesions, ") and "1 rejected" in summary(section)
    assert section.table.current == uids(segmentation)[1], "it stays selected"
    table = review_nodes(segmentation).table.GetTable()
    assert [table.GetColumnByName("Left out").GetValue(row) for row in range(5)] == ["–", "rejected", "–", "–", "–"], "the scene's too"
    assert not section.ui.rejectButton.enabled and section.ui.takeBackButton.enabled
    section.ui.takeBackButton.click()
    settle()
    assert cell(section, "M02", "review") == "open" and seen(segmentation) == [True] * 5
    assert not section.table.is_grey(uids(segmentation)[1])
    section.ui.acceptButton.click()
    section.ui.acceptAllButton.click()
    settle()
    assert {cell(section, name, "review") for name in names(section)} == {"accepted"}
    assert "all reviewed" in summary(section) and not section.ui.acceptAllButton.enabled
    section.ui.deleteButton.click()
    settle()
    assert names(section) == ["M01", "M03", "M04", "M05"]
    assert section.table.current != "" and section.editor.ui.selectedLabel.text in names(section), "its neighbour is selected and shown"


def test_class_and_comment_of_the_selected_lesion(section: Any) -> None:
    from BrainMetsAILib.scene.listing import list_lesions

    first = select(section, "M01")
    section.ui.classBox.setCurrentIndex(2)
    section.ui.classBox.activated.emit(2)
    section.ui.commentEdit.setText("near the falx")
    section.ui.commentEdit.editingFinished.emit()
    settle()
    assert cell(section, "M01", "class") == "meningioma or schwannoma"
    second = select(section, "M02")
    assert section.ui.commentEdit.text == "" and section.ui.classBox.currentText == ""
    section.ui.classBox.setEditText("Radiation necrosis?")
    section.editor._class_line.editingFinished.emit()
    settle()
    said = {entry.lesion.lesion_uid: (entry.lesion_class, entry.comment) for entry in list_lesions(section._segmentation)}
    assert said[first] == ("meningioma or schwannoma", "near the falx") and said[second] == ("Radiation necrosis?", "")
    select(section, "M01")
    assert section.ui.commentEdit.text == "near the falx" and section.ui.classBox.currentText == "meningioma or schwannoma"


def test_slider_hides_at_once_and_the_operating_point_follows(panel: Any, section: Any) -> None:
    from dataclasses import replace

    from BrainMetsAILib.scene.log import read_log
    from BrainMetsAILib.scene.settings import least_score

    bundle = panel.find._bundles[0]
    without = {key: value for key, value in bundle.settings.items() if key != "operating_points"}
    panel.find._bundles = (replace(bundle, settings=without),)
    panel.refresh()
    box = panel.find.ui.operatingPointBox
    assert box.currentIndex == 0 and "All candidates" in box.currentText
    section.ui.scoreSlider.setValue(40)
    assert seen(section._segmentation) == [True, True, False, True, False], "at once"
    settle()
    assert names(section) == ["M01", "M02", "M04"] and "2 hidden by the score" in summary(section)
    assert section.ui.scoreBox.value == pytest.approx(0.4) and box.currentText == "As the score slider says"
    section.ui.scoreBox.setValue(0.95)
    settle()
    assert names(section) == [] and section.ui.scoreSlider.value == 95
    box.setCurrentIndex(0)
    box.activated.emit(0)
    settle()
    assert least_score() == 0.0 and section.ui.scoreSlider.value == 0 and len(names(section)) == 5
    assert read_log()[-1]["event"] == "least score"


def test_before_anything_was_found_the_balanced_point_is_shown(panel: Any) -> None:
    box = panel.find.ui.operatingPointBox
    assert box.currentText.startswith("Balanced")
    named = ["High sensitivity", "Balanced, for black-blood images", "Balanced", "High precision"]
    assert [box.itemText(index).split(":")[0] for index in range(len(named))] == named


def test_operating_points_of_a_bundle(panel: Any, section: Any) -> None:
    from dataclasses import replace

    bundle = panel.find._bundles[0]
    points = {"high precision": 0.8, "high sensitivity": 0.2, "surgeon": 0.4}
    panel.find._bundles = (replace(bundle, settings={**bundle.settings, "operating_points": points}),)
    panel.refresh()
    box = panel.find.ui.operatingPointBox
    texts = [box.itemText(index) for index in range(box.count)]
    assert texts[0].startswith("High sensitivity") and "0.20" in texts[0]
    assert texts[1].startswith("surgeon") and texts[2].startswith("High precision") and len(texts) == 4
    assert box.currentIndex == 3, "the slider stands at 0"
    box.setCurrentIndex(1)
    box.activated.emit(1)
    settle()
    assert names(section) == ["M01", "M02", "M04"] and box.currentIndex == 1


def test_list_filters_and_columns_are_kept_in_the_scene(section: Any) -> None:
    from BrainMetsAILib.scene.list_filter import STATES

    select(section, "M03")
    section.editor.accept()
    select(section, "M01")
    section.ui.stateFilterBox.setCurrentIndex(STATES.index("unreviewed"))
    settle()
    assert names(section) == ["M01", "M02", "M04", "M05"]
    section.editor.accept()
    settle()
    assert names(section) == ["M02", "M04", "M05"]
    assert section.table.current == section._selected == uids(section._segmentation)[1], "the next one is shown"
    select(section, "M05")
    section.ui.sizeFilterBox.setValue(9.0)
    settle()
    assert names(section) == ["M02", "M04"]
    assert section.table.current == section._selected == "", "a filter moves no view"
    section.ui.sizeFilterBox.setValue(0.0)
    section.ui.stateFilterBox.setCurrentIndex(0)
    settle()
    assert len(names(section)) == 5

    view = section.ui.lesionsTable
    assert view.isColumnHidden(COLUMNS.index("necrotic")) and not view.isColumnHidden(COLUMNS.index("score"))
    assert view.isColumnHidden(COLUMNS.index("change")), "nothing is linked"
    section.columns.actions["necrotic"].checked = True
    section.columns.actions["location"].checked = False
    assert not view.isColumnHidden(COLUMNS.index("necrotic")) and view.isColumnHidden(COLUMNS.index("location"))
    for action in section.columns.actions.values():
        action.checked = True
    assert not any(view.isColumnHidden(column) for column in range(len(COLUMNS)) if column != COLUMNS.index("change"))
    section.refresh()
    assert not view.isColumnHidden(COLUMNS.index("origin")), "choosing all of them is a choice too"


def test_change_since_the_examination_before(panel: Any, section: Any) -> None:
    from BrainMetsAILib.scene import tags
    from reviewed_scene import segment

    before = section._segmentation
    nodes = reviewed("oblique", (Ball(BALLS[0].centre, 7.0, 3.0), Ball(BALLS[1].centre, 7.5)))
    after = nodes.segmentation
    tags.write_tag(segment(after, uids(after)[1]), tags.TRACKING_UID, tags.read_tag(segment(before, uids(before)[1]), tags.TRACKING_UID))
    section = choose(panel, nodes)
    assert names(section) == ["M01", "M02"] and not section.ui.lesionsTable.isColumnHidden(COLUMNS.index("change"))
    assert cell(section, "M01", "change") == "" and cell(section, "M02", "change").startswith("+")


def test_a_row_is_shown_with_its_diameters_and_left_again(section: Any) -> None:
    from BrainMetsAILib.scene.diameter_lines import LONGEST, diameter_node
    from BrainMetsAILib.scene.segments import segment_of

    segmentation = section._segmentation
    display = segmentation.GetDisplayNode()
    first, second = uids(segmentation)[:2]
    select(section, "M02")
    line = diameter_node(LONGEST)
    assert line.GetDisplayNode().GetVisibility()
    assert display.GetSegmentOpacity2DOutline(segment_of(segmentation, first)) < 1.0
    line.SetNthControlPointPositionWorld(0, -28.0, -20.0, 5.0)
    line.SetNthControlPointPositionWorld(1, -28.0, -40.0, 5.0)
    line.InvokeEvent(line.PointEndInteractionEvent)
    settle()
    assert cell(section, "M02", "diameters").startswith("20.0 × ") and cell(section, "M02", "diameters").endswith("*")
    assert section.ui.automaticButton.enabled
    section.ui.automaticButton.click()
    settle()
    assert float(cell(section, "M02", "diameters").split(" ")[0]) == pytest.approx(12.0, abs=1.5)
    position = [0.0, 0.0, 0.0]
    line.GetNthControlPointPositionWorld(1, position)
    assert np.linalg.norm(np.array(position) - [-28.0, -40.0, 5.0]) > 5, "the line is back where the outline has it"
    section.editor.reject()
    settle()
    assert not line.GetDisplayNode().GetVisibility(), "a rejected lesion is hidden with its lines"
    section.editor.take_back()
    settle()
    assert line.GetDisplayNode().GetVisibility()
    section.ui.overviewButton.click()
    assert not line.GetDisplayNode().GetVisibility() and section.table.current == ""
    assert display.GetSegmentOpacity2DOutline(segment_of(segmentation, first)) == 1.0
    assert not section.ui.acceptButton.enabled
    assert second == select(section, "M02")


def test_undo_and_redo_with_the_real_editor_history(panel: Any) -> None:
    from BrainMetsAILib.panel.lesions_section import LesionsSection
    from BrainMetsAILib.scene.edits import delete_lesion
    from editor_history import EditorHistory

    nodes = reviewed(balls=FIVE, scores=SCORES)
    history = EditorHistory(nodes.segmentation)
    chosen: list[str] = []
    root = panel.load("BrainMetsAILesions")
    panel.roots["LesionsAgain"] = root
    section = LesionsSection(
        slicer.util.childWidgetVariables(root),
        history,
        history.undo,
        history.redo,
        lambda: delete_lesion(nodes.segmentation, chosen[-1], history),
        on_selected=chosen.append,
    )
    section.show(nodes.segmentation)

    def hidden() -> list[str]:
        return [uid for uid, visible in zip(uids(nodes.segmentation), seen(nodes.segmentation), strict=True) if not visible]

    uid = select(section, "M04")
    assert chosen == [uid]
    section.editor.reject()
    section.ui.deleteButton.click()
    settle()
    assert names(section) == ["M01", "M02", "M03", "M05"]
    history.undo()
    settle()
    assert names(section) == ["M01", "M02", "M03", "M04", "M05"] and cell(section, "M04", "review") == "rejected"
    assert hidden() == [uid]
    history.undo()
    settle()
    assert cell(section, "M04", "review") == "open" and hidden() == []
    select(section, "M01")
    section.leave_lesion()
    settle()
    assert history.can_redo, "looking around keeps redo"
    history.redo()
    settle()
    assert cell(section, "M04", "review") == "rejected" and hidden() == [uid]
    section.release()


def test_keys_live_while_the_module_is_open_and_not_while_typing(section: Any, wait_for: Callable[..., None]) -> None:
    window = qt.QMainWindow()
    content = QtWidgets.QLineEdit()
    window.setCentralWidget(content)
    window.show()
    window.activateWindow()
    wait_for(lambda: window.isActiveWindow, 5)
    content.clearFocus()
    keys = section.keys
    keys._window = lambda: window

    def shortcuts() -> list[str]:
        return [shortcut.key.toString() for shortcut in window.findChildren(QtGui.QShortcut)]

    section.enter()
    section.enter()
    live = shortcuts()
    assert len(live) == len(set(live)), "two on one key would fire neither"
    taken = "GTRFBVZYQWSIAX0123456789"  # SLICER.md, keys taken
    assert not {key for key in live if key in taken}
    assert all(f"<b>{key}</b>" in section.ui.keysLabel.text for key in live), "each is explained"
    for key, expected in ((QtCore.Qt.Key_N, "M01"), (QtCore.Qt.Key_N, "M02"), (QtCore.Qt.Key_N, "M03"), (QtCore.Qt.Key_P, "M02")):
        QtTest.QTest.keyClick(window, key)
        assert section.editor.ui.selectedLabel.text == expected
    QtTest.QTest.keyClick(window, QtCore.Qt.Key_C)
    settle()
    assert cell(section, "M02", "review") == "accepted"
    QtTest.QTest.keyClick(window, QtCore.Qt.Key_J)
    settle()
    assert cell(section, "M02", "review") == "rejected"
    QtTest.QTest.keyClick(window, QtCore.Qt.Key_H)
    assert not section._segmentation.GetDisplayNode().GetVisibility2D()
    QtTest.QTest.keyClick(window, QtCore.Qt.Key_H)
    content.setFocus()
    wait_for(content.hasFocus, 5)
    QtTest.QTest.keyClick(content, QtCore.Qt.Key_C)
    QtTest.QTest.keyClick(content, QtCore.Qt.Key_D)
    settle()
    assert content.text() == "cd" and cell(section, "M02", "review") == "rejected" and len(names(section)) == 5
    content.clearFocus()
    section.exit()
    settle()
    assert [shortcut for shortcut in window.findChildren(QtGui.QShortcut) if shortcut.isEnabled()] == []
    section.enter()
    assert len([shortcut for shortcut in window.findChildren(QtGui.QShortcut) if shortcut.isEnabled()]) == len(live)
    section.exit()


def test_scene_closed_and_segmentation_deleted_behind_its_back(panel: Any, section: Any) -> None:
    select(section, "M02")
    slicer.mrmlScene.RemoveNode(section._segmentation)
    settle()
    assert names(section) == [] and "No lesions yet" in summary(section)
    section = choose(panel, reviewed(balls=FIVE, scores=SCORES))
    select(section, "M02")
    slicer.mrmlScene.Clear(0)
    settle()
    assert names(section) == [] and "No lesions yet" in summary(section) and not section.ui.deleteButton.enabled
    section.editor.accept()
    section.leave_lesion()


def test_a_decision_is_in_the_table_within_a_fifth_of_a_second(panel: Any) -> None:
    """30 lesions; the best of five, for the machine may be busy."""
    rng = np.random.default_rng(5)
    balls: list[Ball] = []
    while len(balls) < 30:
        centre, radius = rng.uniform(-30, 30, 3), float(rng.uniform(2.5, 5.0))
        if all(np.linalg.norm(centre - np.array(ball.centre)) > radius + ball.radius_mm + 2.5 for ball in balls):
            balls.append(Ball((float(centre[0]), float(centre[1]), float(centre[2])), radius))
    section = choose(panel, reviewed(balls=tuple(balls), scores=(0.9,) * 30))
    assert len(names(section)) == 30
    times = []
    for name in names(section)[:5]:
        select(section, name)
        settle()
        start = time.perf_counter()
        section.editor.accept()
        while section._timer.active:
            application.processEvents()
        times.append(time.perf_counter() - start)
        assert cell(section, name, "review") == "accepted"
    print("decision to table (s):", [f"{value:.3f}" for value in times])
    assert min(times) < 0.2, times
