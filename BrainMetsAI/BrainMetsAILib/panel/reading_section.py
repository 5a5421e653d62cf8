"""The section that lays out the views for reading: one click each, and the thick-slab maximum."""

from typing import Any

import qt
from slicer.i18n import tr as _

from BrainMetsAILib.panel.settled_change import SettledChange
from BrainMetsAILib.scene.layout import show_case
from BrainMetsAILib.scene.reading_layouts import (
    AXIAL,
    PLANES,
    SEQUENCES,
    SLAB_MM,
    apply_layout,
    fill_views,
    fit_views,
    keep_slab,
    leave_comparison,
    log_slab,
    place_of_views,
    register_layouts,
    remember_layout,
    sequences,
    set_slab,
    shown_layout,
    slab_mm,
)

USUAL_SLAB_MM = 10.0


class ReadingSection:
    """Buttons for the reading layouts, and the slider of the slab.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAIReading.ui.
    """

    def __init__(self, ui: Any) -> None:
        self.ui = ui
        self._updating = False
        self._buttons = {AXIAL: ui.axialButton, SEQUENCES: ui.sequencesButton, PLANES: ui.planesButton}
        self._place = (0.0, 0.0, 0.0)
        self._beside: list[str] = []  # IDs of the sequences that the last refresh found
        self._fit = qt.QTimer()  # views have their size only after the event loop ran
        self._fit.setSingleShot(True)
        self._fit.setInterval(0)
        self._fit.connect("timeout()", lambda: fit_views(self._place))
        self._slab = SettledChange(log_slab)
        register_layouts()
        ui.slabSlider.minimum, ui.slabSlider.maximum = SLAB_MM
        ui.slabSlider.value = USUAL_SLAB_MM
        ui.axialButton.connect("clicked()", lambda: self.show(AXIAL))
        ui.sequencesButton.connect("clicked()", lambda: self.show(SEQUENCES))
        ui.planesButton.connect("clicked()", lambda: self.show(PLANES))
        ui.slabBox.connect("toggled(bool)", self._on_slab)
        ui.slabSlider.connect("valueChanged(double)", self._on_slab)

    def refresh(self) -> None:
        """Show which layout and slab are on, and what can be shown."""
        self._updating = True
        try:
            volumes = sequences()
            on = shown_layout()
            before, self._beside = self._beside, [volume.GetID() for volume in volumes]
            for name, button in self._buttons.items():
                button.checked = name == on
                button.enabled = bool(volumes)
            self.ui.sequencesButton.enabled = len(volumes) > 1
            self.ui.sequencesButton.toolTip = (
                _("Axial slices of {count} sequences side by side; they scroll and zoom together.").format(count=len(volumes))
                if len(volumes) > 1 else _("Choose a T1, T2 or FLAIR beside the T1 with contrast first.")
            )
            thickness = slab_mm()
            self.ui.slabBox.setChecked(thickness > 0)
            if thickness > 0:
                self.ui.slabSlider.value = thickness
            self.ui.slabSlider.enabled = thickness > 0
        finally:
            self._updating = False
        if on == SEQUENCES and before and before != self._beside and len(volumes) > 1:
            self.show(SEQUENCES)  # a sequence was chosen: it gets its view

    def show(self, name: str) -> None:
        """Switch to a layout (`AXIAL`, `SEQUENCES` or `PLANES`), at the place that is looked at."""
        self._place = place_of_views()
        try:
            apply_layout(name)
        except ValueError:  # the button is off then; a key may still ask
            self.refresh()
            return
        keep_slab()
        self._fit.start()
        self.refresh()

    def entered(self) -> None:
        """The module is opened: a comparison of two examinations gives way to the layout that the module was left with."""
        place = place_of_views()
        if leave_comparison():
            show_case()
            self._place = place
            self._fit.start()
        self.refresh()

    def left(self) -> None:
        """The module is closed."""
        self._slab.finish()
        remember_layout()

    def scene_loaded(self) -> None:
        """A scene file brings view groups and links back changed."""
        register_layouts()
        if shown_layout() == SEQUENCES:
            fill_views()

    def release(self) -> None:
        """At exit and reload."""
        self._fit.stop()
        self._slab.finish()

    def _on_slab(self, changed: Any = None) -> None:
        if not self._updating:
            set_slab(self.ui.slabSlider.value if self.ui.slabBox.checked else 0.0)
            self._slab.changed()
            self.refresh()
