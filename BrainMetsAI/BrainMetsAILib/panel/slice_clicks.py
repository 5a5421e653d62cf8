"""Clicks in slice views as places in the patient; the active effect stays on and does not see them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import qt
import slicer

from BrainMetsAILib.lesions.growing import Triple
from BrainMetsAILib.scene.reading_layouts import slab_of

_PRIORITY = 1e6  # before the observers of the effects


@dataclass(frozen=True)
class Click:
    """A place in the world (RAS mm), the normal of the slice that it was clicked on, and how thick a slab (mm) was shown; 0 for none."""

    ras: Triple
    normal: Triple
    slab_mm: float = 0.0


class SliceClicks:
    """Takes the left clicks of all slice views while it is armed; Esc disarms it.

    Placing a markup would switch the active effect off for good, so the views' interactors are observed instead.

    Parameters
    ----------
    parent
        Widget whose window has the Esc key, where there is no main window.
    on_click
        Called with each click.
    on_cancel
        Called when the person pressed Esc.
    """

    def __init__(self, parent: Any, on_click: Callable[[Click], None], on_cancel: Callable[[], None]) -> None:
        self._parent, self._on_click, self._on_cancel = parent, on_click, on_cancel
        self._observed: list[tuple[Any, int]] = []
        self._escape: Any = None
        self._manager: Any = None
        self.armed = False

    def arm(self) -> None:
        """Take the clicks from now on."""
        self.disarm()
        self.armed = True
        self._escape = qt.QShortcut(qt.QKeySequence("Esc"), slicer.util.mainWindow() or self._parent)
        self._escape.connect("activated()", self._on_cancel)
        self._manager = slicer.app.layoutManager()  # None where Slicer runs without a main window
        if self._manager is not None:
            self._manager.connect("layoutChanged(int)", self._layout_changed)  # another layout may have new views
        self._observe()

    def disarm(self) -> None:
        """Leave the clicks to the views."""
        if not self.armed:
            return
        self.armed = False
        if self._manager is not None:
            self._manager.disconnect("layoutChanged(int)", self._layout_changed)
        self._ignore()
        self._escape.setEnabled(False)  # until it is deleted it would keep the key from others
        self._escape.deleteLater()
        self._escape = None

    def _observe(self) -> None:
        for name in self._manager.sliceViewNames() if self._manager is not None else ():
            widget = self._manager.sliceWidget(name)
            self._observe_view(widget.sliceView().interactor(), widget.mrmlSliceNode())

    def _observe_view(self, interactor: Any, slice_node: Any) -> None:
        number: list[int] = []

        def pressed(caller: Any, event: str) -> None:
            caller.GetCommand(number[0]).SetAbortFlag(1)
            x, y = caller.GetEventPosition()
            ras = slice_node.GetXYToRAS().MultiplyPoint((x, y, 0.0, 1.0))
            axes = slice_node.GetSliceToRAS()
            normal = (axes.GetElement(0, 2), axes.GetElement(1, 2), axes.GetElement(2, 2))
            self._on_click(Click((ras[0], ras[1], ras[2]), normal, slab_of(slice_node)))

        number.append(interactor.AddObserver("LeftButtonPressEvent", pressed, _PRIORITY))
        self._observed.append((interactor, number[0]))

    def _ignore(self) -> None:
        for interactor, number in self._observed:
            interactor.RemoveObserver(number)
        self._observed = []

    def _layout_changed(self, layout: int) -> None:
        self._ignore()
        self._observe()
