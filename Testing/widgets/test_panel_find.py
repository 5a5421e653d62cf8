"""The panel of BrainMetsAI with a real worker process: run, cancel, kill, and everything that disappears meanwhile."""

import importlib.metadata
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import slicer

from analytic_bundle import write_analytic_bundle
from head_phantom import head_phantom
from pythonqt_facade import application
from slicer_facade import SlicerFacade

VOLUME = 3  # column of the lesion table
BALLS = [((20.0, 30.0, 10.0), 9.0), ((-30.0, -20.0, 5.0), 6.5), ((5.0, -45.0, -25.0), 5.0)]  # centre (RAS mm), radius (mm)


def bright_balls(image: sitk.Image) -> sitk.Image:
    """The head with balls that the analytic network calls enhancing."""
    array = sitk.GetArrayFromImage(image)
    k, j, i = np.meshgrid(*(np.arange(n) for n in array.shape), indexing="ij")
    (x, y, z), (a, b, c) = image.GetOrigin(), image.GetSpacing()
    array *= 1 + 0.3 * np.sin((x + a * i) / 10) * np.cos((y + b * j) / 12)  # even tissue would be taken for a phantom's
    for centre, radius in BALLS:  # RAS → LPS turns the signs of the first two
        array[(x + a * i + centre[0]) ** 2 + (y + b * j + centre[1]) ** 2 + (z + c * k - centre[2]) ** 2 <= radius**2] = 700.0
    changed = sitk.GetImageFromArray(array)
    changed.CopyInformation(image)
    return changed


@pytest.fixture(scope="module")
def head() -> sitk.Image:
    return bright_balls(head_phantom(2.5, stripped=True))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It keeps every candidate: what the anatomy network takes a phantom's balls for (choroid plexus, mostly) is not asked here."""
    return write_analytic_bundle(tmp_path_factory.mktemp("models") / "analytic", patch=48, spacing_mm=2.5, brain_only=False)


@pytest.fixture
def panel(slicer_app: SlicerFacade, worker_python: Path, bundle: Path) -> Iterator[Any]:
    panel = slicer_app.panel(slicer_app.load("BrainMetsAI"))
    settings().SetParameter("Find.Model", str(bundle))
    panel.enter()
    yield panel
    panel.cleanup()


@pytest.fixture
def volume(panel: Any, head: sitk.Image) -> Any:
    from BrainMetsAILib.scene.volumes import add_volume

    node = add_volume(head, "T1c")
    panel.enter()  # takes the only volume
    return node


def settings() -> Any:
    from BrainMetsAILib.scene.settings import settings_node

    return settings_node()


def segmentation_of(volume: Any) -> Any:
    from BrainMetsAILib.scene.review import review_of

    return review_of(volume)


def run_to_progress(panel: Any, wait_for: Callable[..., None]) -> None:
    panel.find.ui.runButton.click()
    assert panel.worker.busy
    wait_for(lambda: panel.worker.pid)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return True
    return False


def status(panel: Any) -> str:
    return str(panel.find.ui.findStatusLabel.text)


def test_run_fills_scene_and_table(panel: Any, volume: Any, tmp_path: Path, wait_for: Callable[..., None]) -> None:
    from BrainMetsAILib.scene.segments import lesion_segment_ids, segment_of

    assert panel.case.ui.volumeSelector.currentNode() is volume
    words = []
    panel.find.ui.runButton.click()
    assert panel.find.ui.runButton.text == "Cancel"
    assert not panel.practice.ui.practiceButton.enabled

    def done() -> bool:
        words.append((panel.find.ui.findProgressBar.value, status(panel)))
        return not panel.worker.busy

    wait_for(done, 120)
    assert len({share for share, _ in words}) > 3, words[-1]
    assert max(share for share, _ in words) <= 100
    segmentation = segmentation_of(volume)
    assert len(lesion_segment_ids(segmentation)) == len(BALLS)
    assert re.match(r"3 lesions found\. It took \d+ s\.", status(panel))
    assert panel.find.ui.runButton.text == "Find lesions" and panel.find.ui.runButton.enabled
    assert panel.find.ui.findProgressBar.isHidden()

    table = panel.lesions.table
    assert [table.text(key, 0) for key in table.keys] == ["M01", "M02", "M03"]
    for key, (centre, radius) in zip(table.keys, BALLS, strict=True):
        volume_ml = float(table.text(key, VOLUME))
        assert volume_ml == pytest.approx(4 / 3 * np.pi * radius**3 / 1000, rel=0.35)
        table.select(key)
        for name in ("Red", "Yellow", "Green"):
            node = slicer.mrmlScene.GetSingletonNode(name, "vtkMRMLSliceNode")
            ras = np.array([node.GetSliceToRAS().GetElement(row, 3) for row in range(3)])
            assert np.linalg.norm(ras - centre) < 4, "the slice jumped to the lesion"
    assert "mL enhancing" in panel.lesions.ui.lesionsSummaryLabel.text

    # Saved and loaded again, the panel shows the same, and each lesion has a layer of its own again.
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb

    before = [(key, table.text(key, VOLUME)) for key in table.keys]
    save_mrb(tmp_path / "scene.mrb")
    load_mrb(tmp_path / "scene.mrb")
    application.processEvents()
    volume = panel.case.ui.volumeSelector.currentNode()
    assert volume is not None and volume.GetName() == "T1c"
    assert [(key, table.text(key, VOLUME)) for key in table.keys] == before
    segmentation = segmentation_of(volume)
    content = segmentation.GetSegmentation()
    assert content.GetNumberOfLayers() == content.GetNumberOfSegments()

    # A change made elsewhere shows in the table.
    from BrainMetsAILib.scene import tags

    lesion = segmentation.GetSegmentation().GetSegment(segment_of(segmentation, table.keys[0]))
    tags.set_review(lesion, tags.REJECTED)
    wait_for(lambda: panel.lesions.ui.lesionsSummaryLabel.text.startswith("2 lesions, "))
    assert table.is_grey(table.keys[0]) and not table.is_grey(table.keys[1])


def test_the_closing_sentence_counts_as_the_table_does(slicer_app: SlicerFacade) -> None:
    from BrainMetsAILib.models.settings import OperatingPoint
    from BrainMetsAILib.panel.find_section import found_text

    points = (OperatingPoint("high sensitivity", 0.4), OperatingPoint("balanced", 0.6), OperatingPoint("of my own", 0.7))
    scores = [0.35, 0.5, 0.6, 0.65, 0.9]
    assert found_text(scores, 0.0, points) == "5 lesions found."
    assert found_text(scores, 0.6, points) == (
        "3 lesions found at the balanced point; 2 more candidates below it, shown when the score slider is lowered."
    )
    assert found_text(scores, 0.4, points) == (
        "4 lesions found at the high-sensitivity point; 1 more candidate below it, shown when the score slider is lowered."
    )
    assert found_text(scores, 0.7, points).startswith("1 lesion found with a score of 0.70 or more; 4 more candidates below it")
    assert found_text([0.8], 0.6, points) == "1 lesion found at the balanced point."
    assert found_text([], 0.6, ()) == "0 lesions found with a score of 0.60 or more."


def test_cancel(panel: Any, volume: Any, wait_for: Callable[..., None]) -> None:
    run_to_progress(panel, wait_for)
    pid = panel.worker.pid
    panel.find.ui.runButton.click()
    wait_for(lambda: not panel.worker.busy)
    assert status(panel) == "Cancelled."
    assert segmentation_of(volume) is None
    assert panel.find.ui.runButton.text == "Find lesions"
    settings().SetParameter("Lesions.LeastScore", "0.25")  # chosen before the run
    panel.find.ui.runButton.click()
    wait_for(lambda: not panel.worker.busy, 120)
    assert segmentation_of(volume) is not None
    assert status(panel).startswith("3 lesions found with a score of 0.25 or more. ")
    assert panel.worker.pid == pid, "the worker stayed"


def test_killed_worker_leaves_the_scene_alone(panel: Any, volume: Any, wait_for: Callable[..., None]) -> None:
    run_to_progress(panel, wait_for)
    os.kill(panel.worker.pid, signal.SIGKILL)
    wait_for(lambda: not panel.worker.busy)
    assert "killed" in status(panel) or "ended" in status(panel) or "crashed" in status(panel)
    assert "\n" not in status(panel) and "Traceback" not in status(panel)
    assert segmentation_of(volume) is None
    panel.find.ui.runButton.click()
    wait_for(lambda: not panel.worker.busy, 120)
    assert segmentation_of(volume) is not None


def test_volume_deleted_meanwhile(panel: Any, volume: Any, wait_for: Callable[..., None]) -> None:
    run_to_progress(panel, wait_for)
    slicer.mrmlScene.RemoveNode(volume)
    application.processEvents()
    wait_for(lambda: not panel.worker.busy, 120)
    assert "gone" in status(panel)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert not panel.find.ui.runButton.enabled


def test_a_result_does_not_take_the_views_from_the_case_that_is_read(
    panel: Any, volume: Any, head: sitk.Image, wait_for: Callable[..., None]
) -> None:
    from BrainMetsAILib.scene.layout import show_volume
    from BrainMetsAILib.scene.review import review_of
    from BrainMetsAILib.scene.volumes import add_volume

    run_to_progress(panel, wait_for)
    other = add_volume(head, "the next case")
    panel.case.ui.volumeSelector.setCurrentNode(other)
    show_volume(other)
    wait_for(lambda: not panel.worker.busy, 120)
    assert f"In “{volume.GetName()}”" in status(panel)
    backgrounds = {node.GetBackgroundVolumeID() for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}
    assert backgrounds == {other.GetID()}
    assert not review_of(volume).GetDisplayVisibility()


def test_deleting_the_chosen_volume_chooses_no_other(panel: Any, head: sitk.Image) -> None:
    from BrainMetsAILib.panel.case_section import chosen_volume
    from BrainMetsAILib.scene.volumes import add_volume

    nodes = [add_volume(head, name) for name in ("first", "second", "third")]
    panel.case.ui.volumeSelector.setCurrentNode(nodes[1])
    assert chosen_volume() is nodes[1]
    slicer.mrmlScene.RemoveNode(nodes[2])  # another one: nothing changes
    application.processEvents()
    assert chosen_volume() is nodes[1]
    slicer.mrmlScene.RemoveNode(nodes[1])
    application.processEvents()
    assert chosen_volume() is None and panel.case.ui.volumeSelector.currentNode() is None
    panel.case.ui.volumeSelector.setCurrentNode(nodes[0])
    assert chosen_volume() is nodes[0], "a person's choice counts again"


def test_scene_closed_meanwhile(panel: Any, volume: Any, head: sitk.Image, wait_for: Callable[..., None]) -> None:
    from BrainMetsAILib.scene.volumes import add_volume

    run_to_progress(panel, wait_for)
    slicer.mrmlScene.Clear(0)
    application.processEvents()
    wait_for(lambda: not panel.worker.busy)
    application.processEvents()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert panel.case.ui.volumeSelector.currentNode() is None
    assert panel.lesions.table.keys == []
    add_volume(head, "another")
    panel.enter()
    assert panel.find.ui.runButton.enabled and panel.find.ui.runButton.text == "Find lesions"


def test_reload_ends_the_worker_and_keeps_the_choice(
    slicer_app: SlicerFacade, panel: Any, volume: Any, wait_for: Callable[..., None]
) -> None:
    run_to_progress(panel, wait_for)
    pid = panel.worker.pid
    panel.find.ui.deviceBox.setCurrentIndex(1)
    panel.cleanup()
    wait_for(lambda: gone(pid))
    again = slicer_app.panel(slicer_app.load("BrainMetsAI"))
    try:
        assert again.case.ui.volumeSelector.currentNode() is volume
        assert again.find.ui.deviceBox.currentIndex == 1
        assert settings().GetParameter("Find.Device") == "cpu"
    finally:
        again.cleanup()


def test_refusal_is_one_sentence(panel: Any, wait_for: Callable[..., None]) -> None:
    from BrainMetsAILib.scene.volumes import add_volume

    noise = sitk.GetImageFromArray(np.random.default_rng(0).normal(100, 10, (10, 12, 14)).astype(np.float32))
    volume = add_volume(noise, "small")
    panel.enter()
    panel.find.ui.runButton.click()
    wait_for(lambda: not panel.worker.busy, 120)
    assert "too little for a head" in status(panel)
    assert segmentation_of(volume) is None


def test_thick_slices_have_to_be_accepted(panel: Any, wait_for: Callable[..., None]) -> None:
    from BrainMetsAILib.scene.volumes import add_volume

    thin = head_phantom(2.5, stripped=True)
    every_third = thin[:, :, ::3]
    every_third.SetSpacing((2.5, 2.5, 7.5))
    volume = add_volume(bright_balls(every_third), "thick")
    panel.enter()
    assert "7.5 mm" in panel.case.ui.warningLabel.text and not panel.case.ui.warningLabel.isHidden()
    panel.find.ui.runButton.click()  # while Slicer tests itself every question is answered with no
    assert not panel.worker.busy and "too thick" in status(panel)
    asked: list[str] = []
    object.__setattr__(panel.find._questions, "confirm", lambda text: not asked.append(text))  # type: ignore[func-returns-value]
    panel.find.ui.runButton.click()
    wait_for(lambda: not panel.worker.busy, 120)
    assert "7.5 mm" in asked[0]
    assert segmentation_of(volume) is not None


def test_missing_packages_are_explained(panel: Any, volume: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == "torch":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    assert panel.roots["Setup"].isHidden(), "nothing is missing, nothing is shown"
    monkeypatch.setattr(importlib.metadata, "version", version)
    panel.find.ui.runButton.click()
    panel.refresh()
    assert not panel.worker.busy
    assert "before the packages are installed" in status(panel)
    text = panel.installation.ui.setupLabel.text
    assert "torch ≥ 2.4" in text and "safetensors" not in text
    assert not panel.roots["Setup"].isHidden()


def test_no_volume(panel: Any) -> None:
    assert not panel.find.ui.runButton.enabled
    assert panel.find.ui.runButton.toolTip == "Choose a volume first."
    assert "No lesions yet" in panel.lesions.ui.lesionsSummaryLabel.text


def test_module_describes_itself(slicer_app: SlicerFacade) -> None:
    for name in ("BrainMetsAI", "BrainMetsAIResponse"):
        parent = slicer_app.load(name).instance.parent
        assert parent.title and parent.contributors and parent.acknowledgementText
        assert parent.categories == ["Segmentation"]
        assert "research only" in parent.helpText and "leptomeningeal" in parent.helpText
