"""The section that lays a map over the image and says what it shows and what it does not prove."""

from typing import Any

from slicer.i18n import tr as _

from BrainMetsAILib.panel.overlay_words import nothing_shown, overlay_words
from BrainMetsAILib.panel.settled_change import SettledChange
from BrainMetsAILib.scene import overlays


class ExplainSection:
    """Chooses the overlay of one examination and how it is drawn.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAIExplain.ui.
    """

    def __init__(self, ui: Any) -> None:
        self.ui = ui
        self._segmentation: Any = None
        self._keys: list[str] = []
        self._updating = False
        self._opacity = SettledChange(overlays.log_opacity)
        self._threshold = SettledChange(lambda: overlays.log_threshold(self._segmentation))
        ui.overlayBox.connect("currentIndexChanged(int)", self._on_overlay)
        ui.opacitySlider.connect("valueChanged(double)", self._on_opacity)
        ui.thresholdSlider.connect("valueChanged(double)", self._on_threshold)
        ui.legendBox.connect("toggled(bool)", self._on_legend)
        self.refresh()

    def show(self, segmentation: Any) -> None:
        """Take up an examination; None for none."""
        if segmentation is not self._segmentation:
            self._finish()
        self._segmentation = segmentation
        self.refresh()

    def release(self) -> None:
        """Let go of the examination, before the scene closes and at exit."""
        self._finish()
        self._segmentation = None

    def toggle_overlay(self) -> None:
        """Take the overlay off, or put the last one back: for a key."""
        if self._segmentation is not None:
            self._finish()
            overlays.toggle_overlay(self._segmentation)
            self.refresh()

    def refresh(self) -> None:
        """Show what the scene holds."""
        offered = [overlay.key for overlay in overlays.offered(self._segmentation)]
        shown = overlays.shown_overlay(self._segmentation)
        self._updating = True
        try:
            if offered != self._keys or self.ui.overlayBox.count == 0:
                self._keys = offered
                self.ui.overlayBox.clear()
                self.ui.overlayBox.addItems([_("None"), *(overlay_words(key).title for key in offered)])
            self.ui.overlayBox.setCurrentIndex(offered.index(shown.key) + 1 if shown is not None else 0)
            self.ui.overlayBox.enabled = bool(offered)
            self.ui.opacitySlider.value = 100 * overlays.opacity()
            self.ui.legendBox.setChecked(overlays.legend_wanted())
            if shown is not None:
                self.ui.thresholdSlider.value = 100 * overlays.threshold(self._segmentation)
            for widget in (self.ui.opacitySlider, self.ui.thresholdSlider, self.ui.legendBox):
                widget.enabled = shown is not None
        finally:
            self._updating = False
        if shown is None:
            self.ui.explainLabel.text = nothing_shown(bool(offered))
        else:
            words = overlay_words(shown.key)
            self.ui.explainLabel.text = f"{words.shows} {words.limits}"

    def _finish(self) -> None:
        """What was set of this overlay is noted before another one has the sliders."""
        self._opacity.finish()
        self._threshold.finish()

    def _on_overlay(self, index: int) -> None:
        if not self._updating and self._segmentation is not None:
            self._finish()
            overlays.choose_overlay(self._segmentation, self._keys[index - 1] if index > 0 else overlays.NONE)
            self.refresh()

    def _on_opacity(self, per_cent: float) -> None:
        if not self._updating and self._segmentation is not None:
            overlays.set_opacity(self._segmentation, per_cent / 100)
            self._opacity.changed()

    def _on_threshold(self, per_cent: float) -> None:
        if not self._updating and self._segmentation is not None:
            overlays.set_threshold(self._segmentation, per_cent / 100)
            self._threshold.changed()

    def _on_legend(self, wanted: bool) -> None:
        if not self._updating and self._segmentation is not None:
            overlays.set_legend(self._segmentation, wanted)
