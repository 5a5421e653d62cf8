"""The panel of BrainMetsAIResponse with a real worker process: choosing, comparing, and what can go wrong."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import slicer

from BrainMetsAILib.lesions.lesion_list import LesionSet, lesion_set
from head_phantom import head_phantom
from pythonqt_facade import application
from slicer_facade import SlicerFacade

TURN = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.06, -0.04, 0.08, (4.0, -3.0, 5.0))  # follow-up points → baseline points, LPS
BEFORE = {1: ((20.0, 30.0, 10.0), 9.0), 2: ((-30.0, -20.0, 5.0), 8.0), 3: ((5.0, -45.0, -25.0), 7.0)}
AFTER = {1: ((20.0, 30.0, 10.0), 12.5), 2: ((-30.0, -20.0, 5.0), 5.0), 4: ((35.0, -10.0, 20.0), 7.0)}  # LPS of the baseline
FATES = {"M01": "grown", "M02": "shrunk", "M03": "vanished", "M03 (new)": "new"}


@dataclass(frozen=True)
class Examination:
    image: sitk.Image
    lesions: LesionSet


def examination(balls: dict[int, tuple[tuple[float, float, float], float]], to_baseline: sitk.Transform | None) -> Examination:
    """A phantom with bright balls, placed in the patient as the baseline was, and moved as a whole."""
    head = head_phantom(3.5)
    array = sitk.GetArrayFromImage(head)
    k, j, i = np.meshgrid(*(np.arange(n) for n in array.shape), indexing="ij")
    x, y, z = (o + s * n for o, s, n in zip(head.GetOrigin(), head.GetSpacing(), (i, j, k), strict=True))
    labels = np.zeros(array.shape, np.uint16)
    for number, (_, (centre, radius)) in enumerate(balls.items(), start=1):
        labels[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2 <= radius**2] = number
    array[labels > 0] = 400.0
    image, mask = sitk.GetImageFromArray(array), sitk.GetImageFromArray(labels)
    for made in (image, mask):
        made.CopyInformation(head)
    if to_baseline is not None:
        image = sitk.Resample(image, head, to_baseline, sitk.sitkLinear, 0.0)
        mask = sitk.Resample(mask, head, to_baseline, sitk.sitkNearestNeighbor, 0)
    return Examination(image, lesion_set(mask, mask * 0))


@pytest.fixture(scope="module")
def pair() -> tuple[Examination, Examination]:
    return examination(BEFORE, None), examination(AFTER, TURN)


@pytest.fixture
def panel(slicer_app: SlicerFacade, worker_python: Path) -> Iterator[Any]:
    panel = slicer_app.panel(slicer_app.load("BrainMetsAIResponse"))
    yield panel
    panel.cleanup()


@pytest.fixture
def nodes(panel: Any, pair: tuple[Examination, Examination]) -> list[Any]:
    """Baseline and follow-up: volume and segmentation of each."""
    from BrainMetsAILib.scene.segments import write_lesions
    from BrainMetsAILib.scene.volumes import add_volume

    made = []
    for name, one in zip(("before", "after"), pair, strict=True):
        volume = add_volume(one.image, name)
        made += [volume, write_lesions(volume, one.lesions, None, f"{name} lesions")]
    panel.pair.ui.baselineVolumeSelector.setCurrentNode(made[0])
    panel.pair.ui.followUpVolumeSelector.setCurrentNode(made[2])
    return made


def test_a_new_name_leaves_the_chosen_lesions(panel: Any, nodes: list[Any]) -> None:
    panel.pair.ui.baselineLesionsSelector.setCurrentNode(nodes[3])
    nodes[0].SetName("before, of Monday")
    assert panel.pair.ui.baselineVolumeSelector.currentText == "before, of Monday"
    assert panel.pair.ui.baselineLesionsSelector.currentNode() is nodes[3]


def status(panel: Any) -> str:
    return str(panel.pair.ui.compareStatusLabel.text)


def test_compare(panel: Any, nodes: list[Any], wait_for: Callable[..., None]) -> None:
    assert panel.pair.ui.baselineLesionsSelector.currentNode() is nodes[1], "a volume brings its lesions"
    assert panel.pair.ui.followUpLesionsSelector.currentNode() is nodes[3]
    panel.pair.ui.compareButton.click()
    assert panel.pair.ui.compareButton.text == "Cancel"
    wait_for(lambda: not panel.worker.busy, 120)
    assert status(panel).startswith("Compared; "), status(panel)

    table = panel.result.table
    assert {table.text(key, 0): table.text(key, 1) for key in table.keys} == FATES
    words = panel.result.ui.responseSummaryLabel.text
    assert "RANO-BM" in words and "could not be checked" in words

    # The follow-up lies on the baseline: the same place in the patient, within a voxel.
    transform = nodes[2].GetParentTransformNode()
    assert transform is not None and transform is nodes[3].GetParentTransformNode()
    for point in ((0.0, 0.0, 0.0), (50.0, -60.0, 40.0), (-60.0, 30.0, -50.0)):
        expected = np.array(TURN.TransformPoint(point)) * (-1, -1, 1)
        moved = [0.0, 0.0, 0.0]
        nodes[2].TransformPointToWorld([-point[0], -point[1], point[2]], moved)
        assert np.linalg.norm(np.array(moved) - expected) < 3.5

    grown = next(key for key in table.keys if table.text(key, 1) == "grown")
    table.select(grown)
    red = slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    place = np.array([red.GetSliceToRAS().GetElement(row, 3) for row in range(3)])
    assert np.linalg.norm(place - (-20.0, -30.0, 10.0)) < 4

    # Comparing again writes into the same nodes.
    tables = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode")
    panel.pair.ui.compareButton.click()
    wait_for(lambda: not panel.worker.busy, 120)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == tables
    assert nodes[2].GetParentTransformNode() is transform

    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.segments import lesion_segment_ids

    assert "OUTDATED" not in panel.result.ui.responseSummaryLabel.text
    segment = nodes[3].GetSegmentation().GetSegment(lesion_segment_ids(nodes[3])[-1])
    tags.set_review(segment, tags.REJECTED)
    panel.refresh()
    assert panel.result.ui.responseSummaryLabel.text.startswith("OUTDATED: lesions were changed")
    tags.set_review(segment, tags.UNREVIEWED)
    panel.refresh()
    assert "OUTDATED" not in panel.result.ui.responseSummaryLabel.text


def test_comparison_survives_a_new_panel(slicer_app: SlicerFacade, panel: Any, nodes: list[Any], wait_for: Callable[..., None]) -> None:
    panel.pair.ui.compareButton.click()
    wait_for(lambda: not panel.worker.busy, 120)
    panel.cleanup()
    again = slicer_app.panel(slicer_app.load("BrainMetsAIResponse"))
    try:
        assert len(again.result.table.keys) == len(FATES)
        assert again.pair.ui.followUpVolumeSelector.currentNode() is nodes[2]
    finally:
        again.cleanup()


def test_cancel(panel: Any, nodes: list[Any], wait_for: Callable[..., None]) -> None:
    panel.pair.ui.compareButton.click()
    panel.pair.ui.compareButton.click()
    wait_for(lambda: not panel.worker.busy, 60)
    assert status(panel) == "Cancelled."
    assert nodes[2].GetParentTransformNode() is None
    assert panel.result.table.keys == []


def test_lesions_deleted_meanwhile(panel: Any, nodes: list[Any], wait_for: Callable[..., None]) -> None:
    panel.pair.ui.compareButton.click()
    slicer.mrmlScene.RemoveNode(nodes[3])
    application.processEvents()
    wait_for(lambda: not panel.worker.busy, 120)
    assert "gone" in status(panel)
    assert nodes[2].GetParentTransformNode() is None
    assert not panel.pair.ui.compareButton.enabled


def test_deleting_an_examination_chooses_no_other(panel: Any, nodes: list[Any]) -> None:
    from BrainMetsAIResponseLib.panel.choices import chosen_pair

    slicer.mrmlScene.RemoveNode(nodes[2])
    application.processEvents()
    pair = chosen_pair()
    assert pair.follow_up_volume is None and panel.pair.ui.followUpVolumeSelector.currentNode() is None
    assert pair.baseline_volume is nodes[0] and not panel.pair.ui.compareButton.enabled


def test_scene_closed_meanwhile(panel: Any, nodes: list[Any], wait_for: Callable[..., None]) -> None:
    panel.pair.ui.compareButton.click()
    slicer.mrmlScene.Clear(0)
    application.processEvents()
    wait_for(lambda: not panel.worker.busy, 60)
    application.processEvents()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0
    assert panel.pair.ui.baselineVolumeSelector.currentNode() is None


def test_the_same_examination_twice(panel: Any, nodes: list[Any]) -> None:
    panel.pair.ui.followUpVolumeSelector.setCurrentNode(nodes[0])
    assert not panel.pair.ui.compareButton.enabled
    assert "choose two" in panel.pair.ui.compareButton.toolTip


def test_a_volume_without_lesions_leaves_those_of_another_behind(
    panel: Any, nodes: list[Any], pair: tuple[Examination, Examination]
) -> None:
    from BrainMetsAILib.scene.volumes import add_volume

    panel.pair.ui.followUpVolumeSelector.setCurrentNode(add_volume(pair[1].image, "not searched"))
    assert panel.pair.ui.followUpLesionsSelector.currentNode() is None and not panel.pair.ui.compareButton.enabled
    panel.pair.ui.followUpVolumeSelector.setCurrentNode(nodes[2])
    assert panel.pair.ui.followUpLesionsSelector.currentNode() is nodes[3]


def test_a_follow_up_before_its_baseline_is_asked_about(panel: Any, nodes: list[Any]) -> None:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    subject = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "A1")
    for date, volume in (("20240901", nodes[0]), ("20240105", nodes[2])):
        study = hierarchy.CreateStudyItem(subject, date)
        hierarchy.SetItemAttribute(study, "DICOM.StudyDate", date)
        item = hierarchy.GetItemByDataNode(volume) or hierarchy.CreateItem(study, volume)
        hierarchy.SetItemParent(item, study)
    asked: list[str] = []

    def refuse(text: str) -> bool:
        asked.append(text)
        return False

    object.__setattr__(panel.pair._questions, "confirm", refuse)
    panel.pair.ui.compareButton.click()
    assert not panel.worker.busy and "before the baseline" in status(panel)
    assert "20240105" in asked[0] and "20240901" in asked[0]


def test_examinations_of_different_patients(panel: Any, nodes: list[Any], wait_for: Callable[..., None]) -> None:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    for number, volume in (("A1", nodes[0]), ("B2", nodes[2])):
        subject = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), number)
        hierarchy.SetItemAttribute(subject, "DICOM.PatientID", number)
        study = hierarchy.CreateStudyItem(subject, "study")
        item = hierarchy.GetItemByDataNode(volume) or hierarchy.CreateItem(study, volume)
        hierarchy.SetItemParent(item, study)
    panel.pair.ui.compareButton.click()  # the question is answered with no while Slicer tests itself
    assert not panel.worker.busy and "different patients" in status(panel)
    asked: list[str] = []
    object.__setattr__(panel.pair._questions, "confirm", lambda text: not asked.append(text))  # type: ignore[func-returns-value]
    panel.pair.ui.compareButton.click()
    wait_for(lambda: not panel.worker.busy, 120)
    assert "A1" in asked[0] and "B2" in asked[0]
    assert "a person confirmed" in panel.result.ui.responseSummaryLabel.text


def test_pair_fills_itself(panel: Any, pair: tuple[Examination, Examination]) -> None:
    from BrainMetsAILib.exchange.examined import ExaminationFacts
    from BrainMetsAILib.models.finding import Finding, Provenance
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.volumes import add_volume

    volumes = []
    for date, one in zip(("20250301", "20240105"), pair, strict=True):  # the later one comes first
        empty = sitk.Cast(one.lesions.labels * 0, sitk.sitkFloat32)
        provenance = Provenance("none", "1", "0" * 64, "cpu", 0.5, 0.0, "2026-01-01T00:00:00+00:00")
        finding = Finding(empty, empty, one.lesions.labels, one.lesions.necrosis, {1: 0.9, 2: 0.8, 3: 0.7}, provenance)
        volume = add_volume(one.image, date)
        write_review(volume, finding, facts=ExaminationFacts(study_date=date))
        volumes.append(volume)
    panel.enter()
    assert panel.pair.ui.baselineVolumeSelector.currentNode() is volumes[1]
    assert panel.pair.ui.followUpVolumeSelector.currentNode() is volumes[0]
    assert panel.pair.ui.compareButton.enabled
