"""The module's main job inside Slicer: the two examinations of a practice case, with their true outlines → response table.

The true outlines stand in for found ones, so that this test needs neither torch nor the network.
"""

import time
from typing import Any

import slicer

LIMIT_S = 900


def settle() -> None:
    """Let the application lay out what was asked for."""
    for _turn in range(50):
        slicer.app.processEvents()
        time.sleep(0.02)


def offset_mm(view: str) -> float:
    """Where a slice view stands along its own axis."""
    return float(slicer.app.layoutManager().sliceWidget(view).mrmlSliceNode().GetSliceOffset())


def run(test: Any) -> None:
    """All steps; `test` is the running ScriptedLoadableModuleTest."""
    from BrainMetsAILib.panel.sample_data import load_practice_case
    from BrainMetsAILib.scene.practice import practice_of, show_truth
    from BrainMetsAIResponseLib.panel.choices import chosen_pair

    test.delayDisplay("Making the practice case")
    baseline, follow_up = load_practice_case()
    truths = [show_truth(practice_of(volume), True) for volume in (baseline, follow_up)]

    panel = slicer.util.getModuleWidget("BrainMetsAIResponse")
    selectors = panel.pair.ui
    selectors.baselineVolumeSelector.setCurrentNode(baseline)
    selectors.baselineLesionsSelector.setCurrentNode(truths[0])
    selectors.followUpVolumeSelector.setCurrentNode(follow_up)
    selectors.followUpLesionsSelector.setCurrentNode(truths[1])
    test.assertTrue(chosen_pair().complete)

    test.delayDisplay("Comparing")
    selectors.compareButton.click()
    test.assertTrue(panel.worker.busy)
    end = time.monotonic() + LIMIT_S
    while panel.worker.busy:
        test.assertLess(time.monotonic(), end, "the worker did not finish")
        slicer.app.processEvents()
        time.sleep(0.02)
    panel.refresh()
    rows = panel.result.table.keys
    test.assertGreater(len(rows), 0, selectors.compareStatusLabel.text)
    changes = {panel.result.table.text(key, 1) for key in rows}
    test.assertTrue({"grown", "shrunk", "vanished", "new"} <= changes, str(changes))
    test.assertIsNotNone(follow_up.GetParentTransformNode())
    for key in (None, rows[0]):
        if key is not None:
            panel.result.table.select(key)
        settle()
        for upper, lower in (("Red", "Red+"), ("Green", "Green+"), ("Yellow", "Yellow+")):
            test.assertAlmostEqual(offset_mm(upper), offset_mm(lower), 2, f"{lower} shows another place than {upper}")
    test.delayDisplay("Test passed")
