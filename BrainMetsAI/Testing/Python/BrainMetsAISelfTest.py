"""The module's main job inside Slicer: practice case → find lesions with the panel → segments and table."""

import time
from collections.abc import Callable
from typing import Any

import slicer

LIMIT_S = 900


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Let the application work until the condition holds."""
    end = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {LIMIT_S} s in vain: {what}")
        slicer.app.processEvents()
        time.sleep(0.02)


def run(test: Any) -> None:
    """All steps; `test` is the running ScriptedLoadableModuleTest."""
    from BrainMetsAILib.panel.case_section import chosen_volume
    from BrainMetsAILib.panel.practice_section import FOLDER_SETTING
    from BrainMetsAILib.panel.recovery_section import recovery_folder
    from BrainMetsAILib.panel.sample_data import load_practice_case
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.overlays import shown_overlay
    from BrainMetsAILib.scene.practice import TRUTH_ROLE, practice_of
    from BrainMetsAILib.scene.practice_reading import is_submitted
    from BrainMetsAILib.scene.reader import reader_name, set_reader_name
    from BrainMetsAILib.scene.reading_layouts import shown_layout
    from BrainMetsAILib.scene.review import review_nodes, review_of
    from BrainMetsAILib.scene.segments import counts, lesion_segment_ids, segment_of

    test.delayDisplay("Making the practice case")
    volumes = load_practice_case()
    test.assertEqual(len(volumes), 2)

    panel = slicer.util.getModuleWidget("BrainMetsAI")
    panel.case.ui.volumeSelector.setCurrentNode(volumes[0])
    test.assertIs(chosen_volume(), volumes[0])
    if panel.installation.missing:
        test.skipTest("torch or safetensors is not installed; nothing is installed while Slicer tests itself")

    test.delayDisplay("Finding lesions")
    panel.find.ui.runButton.click()
    test.assertTrue(panel.worker.busy)
    wait_until(lambda: not panel.worker.busy, "the worker to find the lesions")
    segmentation = review_of(volumes[0])
    test.assertIsNotNone(segmentation, panel.find.ui.findStatusLabel.text)
    ids = lesion_segment_ids(segmentation)
    test.assertGreater(len(ids), 0)
    slicer.app.processEvents()
    test.assertEqual(len(panel.lesions.table.keys), sum(counts(segmentation, segment_id) for segment_id in ids))
    test.assertIsNotNone(review_nodes(segmentation).probability)

    test.delayDisplay("Showing a lesion")
    panel.lesions.table.select(panel.lesions.table.keys[0])
    test.assertEqual(panel.lesions.table.current, panel.lesions.table.keys[0])

    test.delayDisplay("Laying out the views")
    for name in ("axial", "planes"):
        panel.reading.show(name)
        slicer.app.processEvents()
        test.assertEqual(shown_layout(), name)
    shown = shown_overlay(segmentation)
    panel.explain.toggle_overlay()
    test.assertIsNone(shown_overlay(segmentation))
    panel.explain.toggle_overlay()
    test.assertEqual(shown_overlay(segmentation), shown)

    test.delayDisplay("Rejecting it, taking it back, accepting it")
    lesion_uid = panel.lesions.table.current
    display, segment_id = segmentation.GetDisplayNode(), segment_of(segmentation, lesion_uid)
    panel.lesions.editor.reject()
    slicer.app.processEvents()
    test.assertFalse(display.GetSegmentVisibility(segment_id))
    test.assertTrue(panel.lesions.table.is_grey(lesion_uid))
    panel.lesions.editor.take_back()
    panel.lesions.editor.accept()
    slicer.app.processEvents()
    test.assertTrue(display.GetSegmentVisibility(segment_id))

    test.delayDisplay("Moving the score slider to its end: the accepted lesion stays")
    panel.lesions.ui.scoreSlider.setValue(100)
    test.assertTrue(display.GetSegmentVisibility(segment_id))
    for other in ids:
        test.assertEqual(bool(display.GetSegmentVisibility(other)), counts(segmentation, other))
    panel.lesions.ui.scoreSlider.setValue(0)
    panel.lesions.leave_lesion()

    test.delayDisplay("Finishing")
    finish = panel.finish.ui
    finish.nextButton.click()
    test.assertNotEqual(panel.lesions.table.current, "")
    finish.copyButton.click()
    test.assertIn("NOT REVIEWED", finish.reportText.plainText)
    test.assertEqual(slicer.app.clipboard().text(), finish.reportText.plainText)
    if slicer.app.testingEnabled():  # then nobody is asked, and the answer is no
        finish.signButton.click()
        test.assertEqual(finish.signLabel.text, "Not signed off.")
    for segment_id in ids:
        tags.set_review(segmentation.GetSegmentation().GetSegment(segment_id), tags.ACCEPTED)
    reader = reader_name()
    finish.readerEdit.text = "Self-test"
    finish.signButton.click()
    test.assertIn("Self-test", finish.signLabel.text)
    set_reader_name(reader)
    tags.write_tag(segmentation.GetSegmentation().GetSegment(ids[0]), tags.COMMENT, "changed")
    wait_until(lambda: "Changed" in finish.signLabel.text, "the change to be told")
    wait_until(lambda: any(recovery_folder().glob("*.npz")), "the recovery file")

    test.delayDisplay("Submitting the reading")
    practice = practice_of(volumes[0])
    test.assertIsNone(practice.GetNodeReference(TRUTH_ROLE))
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    test.assertEqual(hierarchy.GetItemByDataNode(practice), 0, "the truth is in the Data tree")
    folder = slicer.app.userSettings().value(FOLDER_SETTING)
    slicer.app.userSettings().setValue(FOLDER_SETTING, slicer.app.temporaryPath)  # the person's own record stays as it is
    try:
        panel.practice.ui.submitButton.click()
    finally:
        slicer.app.userSettings().setValue(FOLDER_SETTING, folder or "")
    test.assertTrue(is_submitted(practice), panel.practice.ui.practiceStatusLabel.text)
    test.assertGreater(len(panel.practice.table.keys), 3)
    panel.practice.table.select(panel.practice.table.keys[0])
    test.assertTrue(practice.GetNodeReference(TRUTH_ROLE).GetDisplayNode().GetVisibility())
    test.delayDisplay("Test passed")
