"""The line that offers an interrupted review."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import slicer

from drawn_heads import GRIDS, draw_finding, draw_head
from pythonqt_facade import application
from slicer_facade import SlicerFacade


@pytest.fixture
def folder(slicer_app: SlicerFacade) -> Iterator[Path]:
    from BrainMetsAILib.scene import recovery

    recovery._own.clear()
    yield Path(slicer.app.slicerUserSettingsFilePath).parent / "BrainMetsAI" / "Recovery"
    recovery._own.clear()


@pytest.fixture
def panel(slicer_app: SlicerFacade, folder: Path) -> Iterator[Any]:
    panel = slicer_app.panel(slicer_app.load("BrainMetsAI"))
    yield panel
    panel.cleanup()


def load(panel: Any, grid: str = "oblique") -> Any:
    """A volume that the panel works on."""
    from BrainMetsAILib.scene.volumes import add_volume

    volume = add_volume(draw_head(GRIDS[grid]), "T1c")
    panel.case.ui.volumeSelector.setCurrentNode(volume)
    application.processEvents()
    return volume


def work(panel: Any, folder: Path, wait_for: Callable[..., None]) -> Any:
    """A review with one decision, kept on the disk."""
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.review import write_review

    nodes = write_review(load(panel), draw_finding(GRIDS["oblique"]))
    tags.set_review(nodes.segmentation.GetSegmentation().GetNthSegment(0), tags.ACCEPTED)
    panel.recovery._on_look()  # the timer's next turn
    wait_for(lambda: list(folder.glob("*.npz")) and not panel.recovery._step.isActive())
    return nodes


def crash(slicer_app: SlicerFacade, panel: Any) -> Any:
    """The panel of the next session; nothing was closed."""
    from BrainMetsAILib.scene import recovery

    panel.cleanup()
    recovery._own.clear()
    slicer.mrmlScene.Clear(0)
    return slicer_app.panel(slicer_app.load("BrainMetsAI"))


def line(panel: Any) -> str:
    return "" if panel.roots["Recovery"].isHidden() else str(panel.recovery.ui.recoveryLabel.text)


def test_nothing_is_said_without_need(panel: Any, folder: Path, wait_for: Callable[..., None]) -> None:
    assert line(panel) == ""
    work(panel, folder, wait_for)
    assert line(panel) == ""


def test_a_crash_is_offered_and_restored(slicer_app: SlicerFacade, panel: Any, folder: Path, wait_for: Callable[..., None]) -> None:
    from BrainMetsAILib.scene import overlays
    from BrainMetsAILib.scene.review import review_of

    work(panel, folder, wait_for)
    again = crash(slicer_app, panel)
    load(again, "plain")
    assert line(again) == "", "another volume"
    volume = load(again)
    assert line(again).startswith("A review of this volume was interrupted: 3 lesions, 1 of them judged, kept 20")
    assert review_of(volume) is None
    again.recovery.ui.restoreButton.click()
    application.processEvents()
    assert line(again) == "Restored." and len(overlays.offered(review_of(volume))) == 2
    assert again.recovery.ui.restoreButton.isHidden() and again.recovery.ui.discardButton.isHidden()
    assert len(again.lesions.table.keys) == 3
    assert again.finish.ui.countsLabel.text == "3 lesions, 2 of them not reviewed yet."
    again.cleanup()


def test_what_is_there_is_replaced_only_when_asked(
    slicer_app: SlicerFacade, panel: Any, folder: Path, wait_for: Callable[..., None]
) -> None:
    from BrainMetsAILib.scene.review import write_review

    work(panel, folder, wait_for)
    again = crash(slicer_app, panel)
    nodes = write_review(load(again), draw_finding(GRIDS["oblique"]))
    application.processEvents()
    again.recovery.ui.restoreButton.click()  # nobody answers while Slicer tests itself: no
    assert again.finish.ui.countsLabel.text == "3 lesions, 3 of them not reviewed yet." and "interrupted" in line(again)
    object.__setattr__(again.recovery._questions, "confirm", lambda text: "replaced" in text)
    again.recovery.ui.restoreButton.click()
    application.processEvents()
    wait_for(lambda: again.finish.ui.countsLabel.text == "3 lesions, 2 of them not reviewed yet.")
    assert line(again) == "Restored." and nodes.probability is not None
    again.cleanup()


def test_discard(slicer_app: SlicerFacade, panel: Any, folder: Path, wait_for: Callable[..., None]) -> None:
    work(panel, folder, wait_for)
    again = crash(slicer_app, panel)
    load(again)
    again.recovery.ui.discardButton.click()
    assert "interrupted" in line(again)
    object.__setattr__(again.recovery._questions, "confirm", lambda text: "for good" in text)
    again.recovery.ui.discardButton.click()
    assert line(again) == "" and list(folder.iterdir()) == []
    again.cleanup()


def test_a_damaged_file(slicer_app: SlicerFacade, panel: Any, folder: Path, wait_for: Callable[..., None]) -> None:
    work(panel, folder, wait_for)
    (path,) = folder.glob("*.npz")
    path.write_bytes(path.read_bytes()[:-100])
    again = crash(slicer_app, panel)
    load(again)
    assert "damaged" in line(again) and again.recovery.ui.restoreButton.isHidden() and not again.recovery.ui.discardButton.isHidden()
    again.cleanup()


@pytest.mark.parametrize("way", ["scene", "application"])
def test_closed_by_the_person(slicer_app: SlicerFacade, panel: Any, folder: Path, wait_for: Callable[..., None], way: str) -> None:
    work(panel, folder, wait_for)
    if way == "scene":
        slicer.mrmlScene.Clear(0)
    else:
        slicer.app.aboutToQuit.emit()
    assert list(folder.iterdir()) == []
    again = crash(slicer_app, panel)
    load(again)
    assert line(again) == ""
    again.cleanup()


def test_a_reload_offers_nothing(slicer_app: SlicerFacade, panel: Any, folder: Path, wait_for: Callable[..., None]) -> None:
    work(panel, folder, wait_for)
    panel.cleanup()
    again = slicer_app.panel(slicer_app.load("BrainMetsAI"))
    application.processEvents()
    assert line(again) == "" and len(list(folder.glob("*.npz"))) == 1
    again.cleanup()


def test_a_scene_that_was_there_before_the_panel_is_kept_from_its_first_change(slicer_app: SlicerFacade, folder: Path) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.volumes import add_volume

    nodes = write_review(add_volume(draw_head(GRIDS["plain"]), "T1c"), draw_finding(GRIDS["plain"]))
    panel = slicer_app.panel(slicer_app.load("BrainMetsAI"))
    panel.recovery._on_look()
    assert not folder.exists()
    tags.write_tag(nodes.segmentation.GetSegmentation().GetNthSegment(0), tags.COMMENT, "look again")
    for _ in range(3):
        panel.recovery._on_look()
        panel.recovery._on_step()
    assert len(list(folder.iterdir())) == 1
    panel.cleanup()


def test_a_disk_that_cannot_be_written_to(panel: Any, folder: Path) -> None:
    from BrainMetsAILib.scene.review import write_review

    folder.parent.write_text("", encoding="utf-8")  # a file where the folder should be
    write_review(load(panel), draw_finding(GRIDS["oblique"]))
    for _ in range(3):
        panel.recovery._on_look()
        panel.recovery._on_step()
    assert "cannot be kept for the case of a crash" in line(panel) and "Save the scene" in line(panel)
    folder.parent.unlink()
