"""The case section: selectors that fill in by themselves, warnings that come without blocking, prior contours."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import slicer

from drawn_heads import BALLS, GRIDS, distance_mm, draw_head
from head_phantom import head_phantom
from pythonqt_facade import application
from slicer_facade import SlicerFacade


@pytest.fixture
def panel(slicer_app: SlicerFacade, worker_python: Any) -> Iterator[Any]:
    panel = slicer_app.panel(slicer_app.load("BrainMetsAI"))
    panel.enter()
    yield panel
    panel.cleanup()


def add(name: str, image: sitk.Image | None = None) -> Any:
    from BrainMetsAILib.scene.volumes import add_volume

    node = add_volume(image if image is not None else draw_head(GRIDS["plain"]), name)
    application.processEvents()
    return node


def chosen(panel: Any) -> list[str]:
    ui = panel.case.ui
    nodes = [box.currentNode() for box in (ui.volumeSelector, ui.t1nSelector, ui.t2wSelector, ui.t2fSelector)]
    return [node.GetName() if node else "" for node in nodes]


def test_what_is_loaded_while_the_panel_is_open_takes_its_place(panel: Any) -> None:
    add("FLAIR")
    assert chosen(panel) == ["", "", "", "FLAIR"]
    assert not panel.find.ui.runButton.enabled
    add("T1_Gd")
    add("T1")
    assert chosen(panel) == ["T1_Gd", "T1", "", "FLAIR"]
    assert panel.find.ui.runButton.enabled
    tip = panel.case.ui.volumeSelector.toolTip
    assert tip.startswith("Chosen because: ") and "'t1 gd' in the volume's name says contrast" in tip
    assert "in which lesions are looked for" in tip
    assert panel.case.ui.t2wSelector.toolTip.startswith("T2-weighted"), "nothing chosen, no reason"


def test_a_persons_choice_is_kept_by_the_scene_and_what_comes_later(panel: Any, slicer_app: SlicerFacade) -> None:
    mine = add("my volume")
    add("T1_Gd")
    panel.case.ui.volumeSelector.setCurrentNode(mine)
    add("another T1_Gd")
    assert chosen(panel)[0] == "my volume" and "you chose it" in panel.case.ui.volumeSelector.toolTip
    panel.case.ui.t1nSelector.setCurrentNode(None)
    panel.cleanup()
    again = slicer_app.panel(slicer_app.load("BrainMetsAI"))
    try:
        assert chosen(again)[0] == "my volume"
    finally:
        again.cleanup()


def test_a_new_name_is_no_choice_of_a_person(panel: Any) -> None:
    volume = add("T1_Gd")
    slice_node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSliceNode")
    slice_node.SetFieldOfView(33.0, 33.0, 1.0)
    volume.SetName("T1_Gd of Monday")  # from 5.12 on the selector then speaks as if it had been chosen
    application.processEvents()
    assert panel.case.ui.volumeSelector.currentText == "T1_Gd of Monday"
    assert slice_node.GetFieldOfView()[0] == 33.0, "the views stay"
    assert "you chose it" not in panel.case.ui.volumeSelector.toolTip
    add("T1_Gd again")
    assert chosen(panel)[0] == "T1_Gd of Monday"


def test_volumes_of_one_name_are_told_apart(panel: Any) -> None:
    from BrainMetsAILib.panel.case_section import chosen_volume

    first, second = add("T1_Gd"), add("other")
    second.SetName("T1_Gd")
    assert chosen_volume() is first
    panel.case.ui.volumeSelector.pick(second)
    assert chosen_volume() is second and "you chose it" in panel.case.ui.volumeSelector.toolTip


def test_maps_of_the_network_are_not_offered(panel: Any) -> None:
    from BrainMetsAILib.scene.review import PROBABILITY_ROLE, begin_review

    volume = add("T1_Gd")
    shown = add("probability of something")
    box = panel.case.ui.volumeSelector
    assert [box.itemText(row) for row in range(box.count)][-1] == "probability of something"
    begin_review(volume).segmentation.SetNodeReferenceID(PROBABILITY_ROLE, shown.GetID())
    panel.refresh()
    for box in (panel.case.ui.volumeSelector, panel.case.ui.t2fSelector, panel.practice.ui.practiceHeadSelector):
        assert [box.itemText(row) for row in range(1, box.count)] == ["T1_Gd"]
    assert chosen(panel)[0] == "T1_Gd"


def test_long_sections_are_folded_at_first(panel: Any) -> None:
    parts = (panel.case, panel.find, panel.reading, panel.lesions, panel.edit, panel.explain, panel.finish, panel.practice, panel.preflight)
    buttons = {name: widget for part in parts for name, widget in vars(part.ui).items() if name.endswith("Section")}
    folded = {name for name, button in buttons.items() if button.collapsed}
    assert folded == {"priorSection", "explainSection", "practiceSection", "preflightSection"}


def test_a_deleted_sequence_leaves_its_selector_empty(panel: Any) -> None:
    add("T1_Gd")
    flair = add("FLAIR")
    slicer.mrmlScene.RemoveNode(flair)
    application.processEvents()
    assert chosen(panel) == ["T1_Gd", "", "", ""]
    add("FLAIR again")
    assert chosen(panel)[3] == "FLAIR again"


def test_warnings_come_in_words_and_never_block(panel: Any, wait_for: Callable[..., None]) -> None:
    label = panel.case.ui.warningLabel
    whole = add("t1_mprage_gd", head_phantom(2.0))
    wait_for(lambda: panel.case._voxels.known(whole) is not None)
    assert label.text.startswith("Gradient-echo sequence ('mprage' in the volume's name") and "⚠" not in label.text
    part = head_phantom(2.0)[:, :, 45:80]
    node = add("t1_space_gd_upper", part)
    panel.case.ui.volumeSelector.setCurrentNode(node)
    assert "bottom to top" not in label.text, "the voxels wait for the event loop"
    began = time.process_time()
    wait_for(lambda: "bottom to top" in label.text)
    assert time.process_time() - began < 0.4, "a look at the voxels takes about a tenth of a second"
    assert label.text.startswith("⚠ ") and "Black-blood sequence ('space'" in label.text
    # Not a head, without contrast: each in a sentence of its own.
    noise = sitk.GetImageFromArray(np.random.default_rng(0).normal(100, 10, (10, 12, 14)).astype(np.float32))
    panel.case.ui.volumeSelector.setCurrentNode(add("t1 native", noise))
    wait_for(lambda: "too little for a head" in label.text)
    assert "No contrast agent likely" in label.text and label.text.count("⚠") == 2
    panel.case.ui.volumeSelector.setCurrentNode(None)
    assert label.isHidden()


def test_a_volume_without_voxels_is_no_error(panel: Any, wait_for: Callable[..., None]) -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "t1c")
    application.processEvents()
    assert chosen(panel)[0] == "", "nothing to look at yet"
    panel.case.ui.volumeSelector.setCurrentNode(node)
    wait_for(lambda: "not one grey value a voxel" in panel.case.ui.warningLabel.text)


def labels(name: str, mask: np.ndarray) -> Any:
    from BrainMetsAILib.images.geometry import ijk_to_ras
    from BrainMetsAILib.scene.volumes import vtk_matrix

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", name)
    node.SetIJKToRASMatrix(vtk_matrix(ijk_to_ras(GRIDS["oblique"])))
    slicer.util.updateVolumeFromArray(node, mask.astype(np.uint8))
    return node


def test_prior_contours_become_lesions(panel: Any) -> None:
    from BrainMetsAILib.scene.log import read_log

    ui = panel.prior.ui
    mask = sum((distance_mm(GRIDS["oblique"], ball.centre) < ball.radius_mm) * 1 for ball in BALLS)
    assert isinstance(mask, np.ndarray)
    single, several = labels("mask", mask), labels("labels", mask * np.where(np.arange(mask.shape[2]) > 50, 2, 1))
    assert not ui.priorButton.enabled and ui.priorButton.toolTip == "Choose a volume first."
    volume = add("t1c")
    ui.priorSelector.setCurrentNode(several)
    assert not ui.priorPiecesBox.enabled and not ui.priorPiecesBox.checked
    ui.priorSelector.setCurrentNode(single)
    assert ui.priorPiecesBox.enabled and ui.priorPiecesBox.checked and ui.priorButton.enabled
    ui.priorPiecesBox.setChecked(False)
    single.SetName("whole")
    assert not ui.priorPiecesBox.checked, "a new name is no new choice"
    single.SetName("mask")
    ui.priorPiecesBox.setChecked(True)
    ui.priorButton.click()
    application.processEvents()
    assert ui.priorStatusLabel.text == "3 lesions imported from “mask”."
    assert [panel.lesions.table.text(key, 0) for key in panel.lesions.table.keys] == ["M01", "M02", "M03"]
    assert slicer.app.applicationLogic().GetSelectionNode().GetActiveVolumeID() == volume.GetID()
    ui.priorSelector.setCurrentNode(labels("one more", distance_mm(GRIDS["oblique"], (0.0, -30.0, 0.0)) < 4.0))
    ui.priorButton.click()
    application.processEvents()
    events = [entry["event"] for entry in read_log()]
    assert events.count("prior contour taken over") == 2 and "edited" not in events, "logged once"
    panel.edit.undo()
    application.processEvents()
    assert len(panel.lesions.table.keys) == 3, "one undo takes them back"
    ui.priorSelector.setCurrentNode(single)
    ui.priorButton.click()
    assert "overlap lesions that are there already" in ui.priorStatusLabel.text
    assert len(panel.lesions.table.keys) == 3
    slicer.mrmlScene.RemoveNode(single)
    application.processEvents()
    panel.refresh()


def test_prior_contours_of_one_name_are_told_apart(panel: Any) -> None:
    ui = panel.prior.ui
    mask = np.any([distance_mm(GRIDS["oblique"], ball.centre) < ball.radius_mm for ball in BALLS], axis=0)
    single, several = labels("first", mask), labels("second", mask * np.where(np.arange(mask.shape[2]) > 50, 2, 1))
    for node in (single, several):
        node.SetName("contours")
    ui.priorSelector.setCurrentNode(several)
    assert not ui.priorPiecesBox.enabled
    ui.priorSelector.pick(single)
    assert ui.priorPiecesBox.enabled and ui.priorPiecesBox.checked


def test_prior_contours_elsewhere_are_refused_in_a_sentence(panel: Any) -> None:
    add("t1c")
    source = labels("far away", np.ones(GRIDS["oblique"].GetSize()[::-1]))
    source.SetOrigin(900, 0, 0)
    panel.prior.ui.priorSelector.setCurrentNode(source)
    panel.prior.ui.priorButton.click()
    assert "does not overlap “t1c”" in panel.prior.ui.priorStatusLabel.text
    assert panel.lesions.table.keys == []
