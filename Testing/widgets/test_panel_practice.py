"""Practice cases from the panel and from the Sample Data module, made by a real worker process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import SimpleITK as sitk
import slicer

from head_phantom import head_phantom
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
    yield panel
    panel.cleanup()


def truths() -> list[Any]:
    return [node for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if node.GetName().endswith("truth")]


def test_button_makes_a_case_of_the_chosen_head(panel: Any, small_head: Path, wait_for: Callable[..., None]) -> None:
    from BrainMetsAILib.panel.case_section import chosen_volume
    from BrainMetsAILib.panel.volume_facts import facts_of_volume
    from BrainMetsAILib.scene.segments import lesion_segment_ids
    from BrainMetsAILib.scene.volumes import add_volume

    assert not panel.case.ui.practiceButton.enabled
    head = add_volume(sitk.ReadImage(str(small_head)), "head")
    panel.enter()
    panel.case.ui.practiceButton.click()
    assert panel.case.ui.practiceButton.text == "Cancel" and not panel.find.ui.runButton.enabled
    wait_for(lambda: not panel.worker.busy, 120)
    baseline = chosen_volume()
    assert baseline is not head and baseline.GetName() == "Practice baseline"
    assert facts_of_volume(baseline, "Baseline").synthetic
    assert "the truth is hidden" in panel.case.ui.practiceStatusLabel.text
    assert [len(lesion_segment_ids(node)) > 3 for node in truths()] == [True, True]
    assert not any(node.GetDisplayNode().GetVisibility() for node in truths())
    assert panel.lesions.table.keys == [], "the truth is not shown as a finding"
    assert panel.find.ui.runButton.enabled


def test_cancel(panel: Any, small_head: Path, wait_for: Callable[..., None]) -> None:
    from BrainMetsAILib.scene.volumes import add_volume

    add_volume(sitk.ReadImage(str(small_head)), "head")
    panel.enter()
    panel.case.ui.practiceButton.click()
    panel.case.ui.practiceButton.click()
    wait_for(lambda: not panel.worker.busy, 60)
    assert panel.case.ui.practiceStatusLabel.text == "Cancelled."
    assert not truths()


def test_sample_data(slicer_app: SlicerFacade, worker_python: Path, small_head: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slicer_app.load("BrainMetsAI")
    slicer.app.startupCompleted.emit()
    slicer.app.startupCompleted.emit()  # registered once all the same
    sources = slicer.modules.sampleDataSources["BrainMetsAI"]
    assert len(sources) == 1
    assert Path(sources[0].thumbnailFileName).is_file()
    from BrainMetsAILib.panel import sample_data

    assert sample_data.practice_head().is_file()
    monkeypatch.setattr(sample_data, "practice_head", lambda: small_head)
    volumes = sources[0].customDownloader(sources[0])
    assert [volume.GetName() for volume in volumes] == ["Practice baseline", "Practice follow-up"]
    assert len(truths()) == 2
    del slicer.modules.sampleDataSources
