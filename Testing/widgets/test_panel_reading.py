"""The sections that lay out views and explain: buttons, slider, words; and the comparison that gives way."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import slicer

from drawn_heads import GRIDS, draw_finding, draw_head
from pythonqt_facade import application
from slicer_facade import SlicerFacade


@pytest.fixture
def panel(slicer_app: SlicerFacade) -> Iterator[Any]:
    panel = slicer_app.panel(slicer_app.load("BrainMetsAI"))
    panel.enter()
    yield panel
    panel.cleanup()


def add(name: str, seed: int = 0) -> Any:
    from BrainMetsAILib.scene.volumes import add_volume

    node = add_volume(draw_head(GRIDS["plain"], seed=seed), name)
    application.processEvents()
    return node


@pytest.fixture
def review(panel: Any) -> Any:
    from BrainMetsAILib.scene.layout import show_review
    from BrainMetsAILib.scene.review import write_review

    nodes = write_review(add("t1c"), draw_finding(GRIDS["plain"]))
    show_review(nodes)
    application.processEvents()
    return nodes


def arrangement() -> int:
    return int(slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode").GetViewArrangement())


def background(name: str) -> str:
    from BrainMetsAILib.scene.slice_views import composite_node

    node = slicer.mrmlScene.GetNodeByID(composite_node(name).GetBackgroundVolumeID() or "")
    return str(node.GetName()) if node else ""


def test_buttons_switch_the_layout_and_show_which_is_on(panel: Any) -> None:
    ui = panel.reading.ui
    assert not any(button.enabled for button in (ui.axialButton, ui.sequencesButton, ui.planesButton)), "there is nothing to show"
    add("t1c")
    assert ui.axialButton.enabled and not ui.sequencesButton.enabled and "first" in ui.sequencesButton.toolTip
    ui.axialButton.click()
    application.processEvents()
    assert arrangement() == slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView
    assert (ui.axialButton.checked, ui.planesButton.checked) == (True, False)
    add("flair", 1)
    assert ui.sequencesButton.enabled and "2 sequences" in ui.sequencesButton.toolTip
    ui.sequencesButton.click()
    application.processEvents()
    assert ui.sequencesButton.checked and [background("BrainMetsAI1"), background("BrainMetsAI2")] == ["t1c", "flair"]
    add("t2w", 2)
    application.processEvents()
    assert [background(f"BrainMetsAI{n}") for n in (1, 2, 3)] == ["t1c", "t2w", "flair"], "one that came later gets its view"
    ui.planesButton.click()
    application.processEvents()
    assert arrangement() == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView and ui.planesButton.checked
    ui.planesButton.click()
    assert ui.planesButton.checked, "a second click does not switch it off"


def test_slab(panel: Any) -> None:
    from BrainMetsAILib.scene.reading_layouts import slab_mm

    ui = panel.reading.ui
    add("t1c")
    add("flair", 1)
    assert not ui.slabSlider.enabled and (ui.slabSlider.minimum, ui.slabSlider.maximum) == (3, 15)
    ui.slabBox.click()
    assert slab_mm() == 10 and ui.slabSlider.enabled
    ui.slabSlider.value = 6
    assert slab_mm() == 6
    ui.sequencesButton.click()
    node = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeBrainMetsAI2")
    assert node.GetSlabReconstructionEnabled() and node.GetSlabReconstructionThickness() == 6, "new views take it over"
    ui.slabBox.click()
    assert slab_mm() == 0 and not node.GetSlabReconstructionEnabled() and not ui.slabSlider.enabled


def logged(event: str) -> list[dict[str, Any]]:
    from BrainMetsAILib.scene.log import read_log

    return [{key: value for key, value in entry.items() if key not in ("time", "who")} for entry in read_log() if entry["event"] == event]


def test_sliders_are_logged_once_they_rest(panel: Any, review: Any, wait_for: Callable[..., None]) -> None:
    panel.reading.ui.slabBox.click()
    for thickness in (9.0, 8.0, 7.0):
        panel.reading.ui.slabSlider.value = thickness
    for per_cent in (30, 40, 50):
        panel.explain.ui.opacitySlider.value = per_cent
        panel.explain.ui.thresholdSlider.value = per_cent + 5
    panel.explain.ui.legendBox.click()
    assert logged("slab") == logged("overlay opacity") == logged("overlay threshold") == [], "not at every step"
    assert logged("overlay legend") == [{"event": "overlay legend", "shown": False}]
    wait_for(lambda: all(logged(event) for event in ("slab", "overlay opacity", "overlay threshold")), 5)
    assert logged("slab") == [{"event": "slab", "thickness_mm": 7.0}]
    assert logged("overlay opacity") == [{"event": "overlay opacity", "value": 0.5}]
    assert logged("overlay threshold") == [{"event": "overlay threshold", "overlay": "probability", "value": 0.55}]

    panel.explain.ui.thresholdSlider.value = 20
    panel.explain.ui.overlayBox.setCurrentIndex(2)
    last = {"event": "overlay threshold", "overlay": "probability", "value": 0.2}
    assert logged("overlay threshold")[1:] == [last], "before another overlay has the slider"
    panel.reading.ui.slabBox.click()
    panel.exit()
    assert logged("slab")[1:] == [{"event": "slab", "thickness_mm": 0.0}], "before the module is left"
    panel.enter()


def test_coming_back_from_a_comparison(panel: Any, review: Any) -> None:
    from BrainMetsAILib.scene.layout import show_pair
    from BrainMetsAILib.scene.review import write_review

    other = write_review(add("follow-up t1c", 5), draw_finding(GRIDS["plain"]))
    panel.reading.ui.axialButton.click()
    application.processEvents()
    panel.exit()
    show_pair(review, other)
    panel.enter()
    application.processEvents()
    assert arrangement() == slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView and panel.reading.ui.axialButton.checked
    assert background("Red") == "t1c"
    assert review.segmentation.GetDisplayNode().GetNumberOfViewNodeIDs() == 0


def test_a_person_who_chooses_another_volume_sees_it(panel: Any, review: Any) -> None:
    from BrainMetsAILib.scene.slice_views import composite_node

    other = add("another t1c", 3)
    assert background("Red") == "t1c"
    panel.case.ui.volumeSelector.setCurrentNode(other)
    assert background("Red") == "another t1c" and composite_node("Red").GetForegroundVolumeID() is None
    panel.case.ui.volumeSelector.setCurrentNode(review.volume)
    assert background("Red") == "t1c" and composite_node("Red").GetForegroundVolumeID() == review.probability.GetID()


def test_explain(panel: Any, review: Any) -> None:
    from BrainMetsAILib.scene import overlays
    from BrainMetsAILib.scene.slice_views import composite_node

    ui = panel.explain.ui
    assert [ui.overlayBox.itemText(row) for row in range(ui.overlayBox.count)] == [
        "None", "Probability of lesion", "Probability of necrosis",
    ]  # fmt: skip
    assert ui.overlayBox.currentIndex == 1 and ui.opacitySlider.value == 25 and ui.thresholdSlider.value == 10 and ui.legendBox.checked
    assert "It is no proof" in ui.explainLabel.text and "network" in ui.explainLabel.text
    ui.opacitySlider.value = 60
    ui.thresholdSlider.value = 50
    assert composite_node("Red").GetForegroundOpacity() == pytest.approx(0.6)
    assert review.probability.GetDisplayNode().GetLowerThreshold() == pytest.approx(0.5)
    ui.legendBox.click()
    assert not slicer.modules.colors.logic().GetColorLegendDisplayNode(review.probability).GetVisibility()
    panel.explain.toggle_overlay()
    assert ui.overlayBox.currentIndex == 0 and not ui.opacitySlider.enabled and ui.explainLabel.text == "No overlay is shown."
    assert composite_node("Red").GetForegroundVolumeID() is None
    panel.explain.toggle_overlay()
    assert ui.overlayBox.currentIndex == 1 and composite_node("Red").GetForegroundVolumeID() == review.probability.GetID()
    ui.overlayBox.setCurrentIndex(2)
    assert composite_node("Red").GetForegroundVolumeID() == review.necrosis_probability.GetID()
    slicer.mrmlScene.RemoveNode(review.necrosis_probability)
    application.processEvents()
    assert ui.overlayBox.count == 2 and ui.overlayBox.currentIndex == 0
    assert overlays.shown_overlay(review.segmentation) is None


def test_explain_survives_a_scene_file_and_a_closed_scene(panel: Any, review: Any, tmp_path: Any) -> None:
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb

    ui = panel.explain.ui
    ui.overlayBox.setCurrentIndex(2)
    ui.opacitySlider.value = 70
    save_mrb(tmp_path / "scene.mrb")
    slicer.mrmlScene.Clear(False)
    application.processEvents()
    assert not ui.overlayBox.enabled and "find lesions first" in ui.explainLabel.text
    panel.explain.toggle_overlay()  # a key pressed with nothing there
    load_mrb(tmp_path / "scene.mrb")
    application.processEvents()
    assert ui.overlayBox.currentIndex == 2 and ui.opacitySlider.value == 70


def test_every_overlay_has_its_words(slicer_app: SlicerFacade) -> None:
    from BrainMetsAILib.panel.overlay_words import overlay_words
    from BrainMetsAILib.scene.overlays import OVERLAYS

    for overlay in OVERLAYS:
        words = overlay_words(overlay.key)
        assert words.title and words.shows and "no proof" in words.limits
    assert len({overlay.role for overlay in OVERLAYS}) == len(OVERLAYS)
