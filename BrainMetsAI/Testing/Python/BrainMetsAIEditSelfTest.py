"""Editing inside Slicer: paint, add, split, merge, drag a diameter, undo and redo, save and load, close the scene with Paint active."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk

Point = tuple[float, float, float]
Drag = Callable[[Any, Point, Point], None]

# Centre (RAS mm) and radius (mm) of three balls; the last one is missed.
BALLS: tuple[tuple[Point, float], ...] = (((15.0, 0.0, 0.0), 8.0), ((-5.0, 0.0, 0.0), 7.0), ((-25.0, 20.0, 10.0), 6.0))
DIAMETERS = 6  # column of the lesion table


def drag_in_red_view(panel: Any, start: Point, end: Point) -> None:
    """Draw with the active effect from one place to another, by mouse events in the axial view."""
    widget = slicer.app.layoutManager().sliceWidget("Red")
    widget.mrmlSliceNode().JumpSliceByCentering(*start)
    slicer.app.processEvents()
    slicer.util.clickAndDrag(widget, start=_pixel(start), end=_pixel(end))


def run(test: Any, drag: Drag = drag_in_red_view) -> None:
    """All steps; `test` is the running ScriptedLoadableModuleTest."""
    from BrainMetsAILib.scene.log import read_log

    test.delayDisplay("Editing: three balls, two of them found")
    panel = slicer.util.getModuleWidget("BrainMetsAI")
    nodes = _open_review(panel)
    ui = panel.edit.ui
    first, second = panel.lesions.table.keys
    before = _masks(nodes)

    test.delayDisplay("Painting over a neighbour")
    panel.lesions.table.select(second)
    ui.lesionEditor.setActiveEffectByName("Paint")
    drag(panel, BALLS[1][0], BALLS[0][0])
    slicer.app.processEvents()
    painted = _masks(nodes)
    test.assertTrue(np.array_equal(painted["M01"], before["M01"]), "the neighbour is as it was")
    test.assertGreater(painted["M02"].sum(), before["M02"].sum())
    test.assertEqual([entry["lesion_uid"] for entry in read_log() if entry["event"] == "edited"], [second])

    test.delayDisplay("Adding a lesion by one click, with Paint active")
    ui.addButton.click()
    _click(BALLS[2][0])
    slicer.app.processEvents()
    added = _masks(nodes)
    test.assertEqual(sorted(added), ["M01", "M02", "M03", "Necrosis"], ui.editStatusLabel.text)
    volume = 4 / 3 * np.pi * BALLS[2][1] ** 3
    test.assertLess(abs(added["M03"].sum() - volume), 0.3 * volume)
    test.assertTrue(np.array_equal(added["M02"], painted["M02"]), "the click did not reach Paint")

    test.delayDisplay("Undo and redo")
    for button, expected in ((ui.undoButton, painted), (ui.undoButton, before), (ui.redoButton, painted), (ui.redoButton, added)):
        button.click()
        slicer.app.processEvents()
        _assert_same(test, _masks(nodes), expected)

    _draw_necrosis(test, panel, nodes, drag)
    _split_and_merge(test, panel, nodes)
    _drag_a_diameter(test, panel, second)
    nodes = _save_and_load(test, panel, nodes)
    _look_at_another_examination(test, panel, nodes)

    test.delayDisplay("Leaving and coming back")
    panel.exit()
    test.assertFalse(ui.lesionEditor.mrmlSegmentEditorNode().GetActiveEffectName())
    panel.enter()

    test.delayDisplay("Closing the scene with Paint active")
    panel.lesions.table.select(first)
    ui.lesionEditor.setActiveEffectByName("Paint")
    drag(panel, BALLS[0][0], BALLS[1][0])
    slicer.mrmlScene.Clear()
    slicer.app.processEvents()
    test.assertEqual(panel.lesions.table.keys, [])
    test.delayDisplay("Editing passed")


def _draw_necrosis(test: Any, panel: Any, nodes: Any, drag: Drag) -> None:
    """Necrosis ends with its lesion, and a neighbour drawn over it leaves it alone."""
    test.delayDisplay("Painting necrosis, and a neighbour over it")
    first, second = panel.lesions.table.keys[:2]
    ui = panel.edit.ui
    panel.lesions.table.select(first)
    ui.necrosisRadio.setChecked(True)
    ui.lesionEditor.setActiveEffectByName("Paint")
    drag(panel, BALLS[0][0], BALLS[0][0])
    slicer.app.processEvents()
    drawn = _masks(nodes)
    test.assertGreater(drawn["Necrosis"].sum(), 0)
    lesions = np.any([mask for name, mask in drawn.items() if name != "Necrosis"], axis=0)
    test.assertFalse((drawn["Necrosis"] & ~lesions).any(), "necrosis outside the lesions")
    panel.lesions.table.select(second)
    test.assertTrue(ui.lesionRadio.checked, "another lesion is chosen to be outlined")
    ui.lesionEditor.setActiveEffectByName("Paint")
    drag(panel, BALLS[1][0], BALLS[0][0])
    slicer.app.processEvents()
    after = _masks(nodes)
    for name in ("M01", "Necrosis"):
        test.assertTrue(np.array_equal(after[name], drawn[name]), name)


def _split_and_merge(test: Any, panel: Any, nodes: Any) -> None:
    """A lesion in two parts, and the parts joined again by a click."""
    test.delayDisplay("Splitting and merging")
    ui, before = panel.edit.ui, _masks(nodes)
    panel.lesions.table.select(next(key for key in panel.lesions.table.keys if panel.lesions.table.text(key, 0) == "M03"))
    ui.splitMiddleButton.click()
    slicer.app.processEvents()
    split = _masks(nodes)
    test.assertTrue(np.array_equal(split["M03"] | split["M04"], before["M03"]), ui.editStatusLabel.text)
    test.assertFalse((split["M03"] & split["M04"]).any())
    panel.lesions.table.select(next(key for key in panel.lesions.table.keys if panel.lesions.table.text(key, 0) == "M03"))
    ui.mergeButton.click()
    k, j, i = np.argwhere(split["M04"]).mean(axis=0)
    _click((54.5 - i, 54.5 - j, k - 44.5))
    slicer.app.processEvents()
    _assert_same(test, _masks(nodes), before)


def _drag_a_diameter(test: Any, panel: Any, lesion_uid: str) -> None:
    """An end of the line moved by a person makes a diameter by hand, until it is undone."""
    from BrainMetsAILib.scene.diameter_lines import LONGEST, diameter_node

    test.delayDisplay("Dragging a diameter")
    panel.lesions.table.select(lesion_uid)
    slicer.app.processEvents()
    line = diameter_node(LONGEST)
    place = line.GetNthControlPointPositionVector(0)
    line.SetNthControlPointPosition(0, place[0], place[1] + 4.0, place[2])
    line.InvokeEvent(line.PointEndInteractionEvent)
    slicer.app.processEvents()
    test.assertTrue(panel.lesions.table.text(lesion_uid, DIAMETERS).endswith("*"))
    panel.edit.ui.undoButton.click()
    slicer.app.processEvents()
    test.assertFalse(panel.lesions.table.text(lesion_uid, DIAMETERS).endswith("*"))


def _save_and_load(test: Any, panel: Any, nodes: Any) -> Any:
    """The scene file brings masks and table back; returns the nodes of the loaded scene."""
    from BrainMetsAILib.scene.review import review_nodes, reviews

    test.delayDisplay("Saving and loading")
    table = panel.lesions.table
    before, rows = _masks(nodes), [[table.text(key, column) for column in range(DIAMETERS + 1)] for key in table.keys]
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "self-test.mrb")
        test.assertTrue(slicer.mrmlScene.WriteToMRB(file))
        slicer.app.processEvents()
        _assert_same(test, _masks(nodes), before)
        slicer.mrmlScene.Clear()
        slicer.app.processEvents()
        test.assertEqual(table.keys, [])
        test.assertTrue(slicer.mrmlScene.ReadFromMRB(file))
        slicer.app.processEvents()
    loaded = review_nodes(reviews()[0])
    _assert_same(test, _masks(loaded), before)
    test.assertEqual([[table.text(key, column) for column in range(DIAMETERS + 1)] for key in table.keys], rows)
    return loaded


def _look_at_another_examination(test: Any, panel: Any, nodes: Any) -> None:
    """Lesions are seen over their own volume only."""
    from BrainMetsAILib.scene.volumes import add_volume, volume_image

    test.delayDisplay("Looking at another examination")
    display = nodes.segmentation.GetDisplayNode()
    for volume, seen in ((add_volume(volume_image(nodes.volume), "Another head"), False), (nodes.volume, True)):
        panel.case.ui.volumeSelector.setCurrentNode(volume)
        slicer.app.processEvents()
        test.assertEqual(bool(display.GetVisibility()), seen)


def _open_review(panel: Any) -> Any:
    """A volume in which the first two balls were found, chosen in the panel."""
    from BrainMetsAILib.images.geometry import image_from_ijk_to_ras, image_like
    from BrainMetsAILib.models.finding import Finding, Provenance
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.volumes import add_volume

    shape = (90, 110, 110)
    matrix = np.diag([-1.0, -1.0, 1.0, 1.0])
    matrix[:3, 3] = [54.5, 54.5, -44.5]
    k, j, i = np.indices(shape)
    places = np.stack([54.5 - i, 54.5 - j, k - 44.5], axis=-1)
    head = 300.0 * (np.linalg.norm(places, axis=-1) < 42)
    labels = np.zeros(shape, np.uint16)
    for number, (centre, radius) in enumerate(BALLS, start=1):
        ball = np.linalg.norm(places - centre, axis=-1) < radius
        head[ball] = 600.0
        labels[ball] = number if number < len(BALLS) else 0
    image = image_from_ijk_to_ras((head + np.random.default_rng(0).normal(0, 8, shape) * (head > 0)).astype(np.float32), matrix)
    probability = image_like(np.where(labels > 0, 0.9, 0.02).astype(np.float32), image)
    nothing = image_like(np.zeros(shape, np.float32), image)
    provenance = Provenance("self-test", "0", "00" * 32, "cpu", 0.5, 0.0, "2026-01-01T00:00:00+00:00")
    no_mask = image_like(np.zeros(shape, np.uint8), image)
    finding = Finding(probability, nothing, image_like(labels, image), no_mask, {1: 0.9, 2: 0.8}, provenance)
    volume = add_volume(image, "Balls")
    nodes = write_review(volume, finding)
    panel.case.ui.volumeSelector.setCurrentNode(volume)
    panel.enter()
    slicer.util.setSliceViewerLayers(background=volume)
    slicer.app.processEvents()
    return nodes


def _masks(nodes: Any) -> dict[str, np.ndarray]:
    content = nodes.segmentation.GetSegmentation()
    masks = {}
    for segment_id in content.GetSegmentIDs():
        array = slicer.util.arrayFromSegmentBinaryLabelmap(nodes.segmentation, segment_id, nodes.volume)
        masks[content.GetSegment(segment_id).GetName()] = np.array(array) > 0
    return masks


def _assert_same(test: Any, masks: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    test.assertEqual(sorted(masks), sorted(expected))
    for name, mask in masks.items():
        test.assertTrue(np.array_equal(mask, expected[name]), name)


def _click(ras: Point) -> None:
    widget = slicer.app.layoutManager().sliceWidget("Red")
    widget.mrmlSliceNode().JumpSliceByCentering(*ras)
    slicer.app.processEvents()
    interactor = widget.sliceView().interactor()
    interactor.SetEventInformation(*_pixel(ras), 0, 0)
    for event in ("LeftButtonPressEvent", "LeftButtonReleaseEvent"):
        interactor.InvokeEvent(event)


def _pixel(ras: Point) -> tuple[int, int]:
    """Where a place is in the axial view."""
    to_xy = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode().GetXYToRAS(), to_xy)
    x, y, _, _ = to_xy.MultiplyPoint((*ras, 1.0))
    return round(x), round(y)
