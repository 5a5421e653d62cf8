"""Maps that explain a finding, over the image: which there are, which is shown, how. One entry here adds a map to the panel.

What is shown is kept on the settings node, its threshold and legend on the map's own display nodes: a scene file holds it all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer

from BrainMetsAILib.scene.log import append_log
from BrainMetsAILib.scene.review import NECROSIS_ROLE, PROBABILITY_ROLE, review_nodes, reviews
from BrainMetsAILib.scene.settings import read_number, settings_node
from BrainMetsAILib.scene.slice_views import COLUMNS, composites, slice_node
from BrainMetsAILib.scene.volumes import probability_colours, show_legend

SHOWN, LAST, OPACITY, LEGEND = "Explain.Overlay", "Explain.LastOverlay", "Explain.Opacity", "Explain.Legend"  # of the settings node
NONE = "none"
DEFAULT = "probability"
DEFAULT_OPACITY = 0.25


@dataclass(frozen=True)
class Overlay:
    """A kind of map. Its words for people are in `panel/overlay_words.py`.

    Attributes
    ----------
    key
        Names it in the settings.
    role
        Reference role of the segmentation node under which an examination's map lies.
    colours
        Makes or finds its colour table, for a map that has lost its own.
    legend
        Heading of the colour legend.
    """

    key: str
    role: str
    colours: Callable[[], Any]
    legend: str


# Grad-CAM and uncertainty come here: an entry, its words, and whoever computes the map sets the reference.
OVERLAYS: tuple[Overlay, ...] = (
    Overlay("probability", PROBABILITY_ROLE, probability_colours, "Lesion probability"),
    Overlay("necrosis", NECROSIS_ROLE, probability_colours, "Necrosis probability"),
)


def offered(segmentation: Any) -> list[Overlay]:
    """The overlays that an examination has a map for."""
    return [overlay for overlay in OVERLAYS if segmentation is not None and segmentation.GetNodeReference(overlay.role) is not None]


def overlay_maps() -> list[Any]:
    """The maps of all examinations in the scene."""
    found = (segmentation.GetNodeReference(overlay.role) for segmentation in reviews() for overlay in OVERLAYS)
    return [volume for volume in found if volume is not None]


def is_overlay(volume: Any) -> bool:
    """Whether a volume is a map of some examination, and no image of the patient."""
    return volume in overlay_maps()


def shown_overlay(segmentation: Any) -> Overlay | None:
    """The overlay that is switched on, where the examination has it."""
    key = settings_node().GetParameter(SHOWN) or DEFAULT
    return next((overlay for overlay in offered(segmentation) if overlay.key == key), None)


def overlay_map(segmentation: Any) -> Any:
    """The volume of the overlay that is switched on; None where none is."""
    overlay = shown_overlay(segmentation)
    return segmentation.GetNodeReference(overlay.role) if overlay is not None else None


def choose_overlay(segmentation: Any, key: str) -> None:
    """Switch an overlay on, or all off by `NONE`, and show it."""
    settings = settings_node()
    before = shown_overlay(segmentation)
    if before is not None:
        settings.SetParameter(LAST, before.key)
    settings.SetParameter(SHOWN, key)
    append_log("overlay", shown=key)
    show_overlay(segmentation)


def toggle_overlay(segmentation: Any) -> None:
    """Take the overlay off, or put the last one back."""
    if shown_overlay(segmentation) is not None:
        choose_overlay(segmentation, NONE)
        return
    last = settings_node().GetParameter(LAST) or DEFAULT
    keys = [overlay.key for overlay in offered(segmentation)]
    if keys:
        choose_overlay(segmentation, last if last in keys else keys[0])


def show_overlay(segmentation: Any) -> None:
    """Put the chosen overlay into every slice view, or take it out; again after a layout change, for new views know nothing of it.

    Views that show another examination (a comparison) are left alone.
    """
    volume = review_nodes(segmentation).volume
    own = {node.GetID() for node in (segmentation.GetNodeReference(overlay.role) for overlay in OVERLAYS) if node is not None}
    others = {node.GetID() for node in _other_volumes(segmentation)}
    overlay = shown_overlay(segmentation)
    shown = segmentation.GetNodeReference(overlay.role) if overlay is not None else None
    display = shown.GetDisplayNode() if shown is not None else None
    if overlay is not None and display is not None and display.GetColorNode() is None:  # someone deleted it
        display.SetAndObserveColorNodeID(overlay.colours().GetID())
    selection = slicer.app.applicationLogic().GetSelectionNode()
    if selection is not None and volume is not None and selection.GetActiveVolumeID() == volume.GetID():
        selection.SetSecondaryVolumeID(shown.GetID() if shown is not None else None)
    for composite in composites():
        if composite.GetBackgroundVolumeID() in others:
            continue
        if shown is not None:
            with slicer.util.NodeModify(composite):
                composite.SetForegroundVolumeID(shown.GetID())
                composite.SetForegroundOpacity(opacity())
        elif composite.GetForegroundVolumeID() in own:
            composite.SetForegroundVolumeID(None)
    _show_legends(segmentation, overlay)


def opacity() -> float:
    """How much the overlay covers, 0 to 1."""
    return read_number(OPACITY, DEFAULT_OPACITY)


def set_opacity(segmentation: Any, value: float) -> None:
    """Make the overlay fainter or stronger."""
    settings_node().SetParameter(OPACITY, f"{value:.2f}")
    shown = overlay_map(segmentation)
    for composite in composites():
        if shown is not None and composite.GetForegroundVolumeID() == shown.GetID():
            composite.SetForegroundOpacity(value)


def log_opacity() -> None:
    """Note the opacity in the log; once it stays as it is, not at every step of a slider."""
    append_log("overlay opacity", value=opacity())


def threshold(segmentation: Any) -> float:
    """Below this value the overlay is not drawn; 0 where none is shown."""
    shown = overlay_map(segmentation)
    display = shown.GetDisplayNode() if shown is not None else None
    return float(display.GetLowerThreshold()) if display is not None and display.GetApplyThreshold() else 0.0


def set_threshold(segmentation: Any, value: float) -> None:
    """Draw the overlay from this value on. Outlines do not follow: they are fixed by the network's own threshold."""
    shown = overlay_map(segmentation)
    display = shown.GetDisplayNode() if shown is not None else None
    if display is not None:
        with slicer.util.NodeModify(display):
            display.SetThreshold(value, 1e9)
            display.SetApplyThreshold(True)


def log_threshold(segmentation: Any) -> None:
    """Note the threshold of the overlay that is shown; as `log_opacity`."""
    overlay = shown_overlay(segmentation)
    if overlay is not None:
        append_log("overlay threshold", overlay=overlay.key, value=round(threshold(segmentation), 4))


def legend_wanted() -> bool:
    """Whether a colour legend is drawn beside the overlay."""
    return bool(settings_node().GetParameter(LEGEND) != "off")


def set_legend(segmentation: Any, wanted: bool) -> None:
    """Draw or hide the colour legend."""
    settings_node().SetParameter(LEGEND, "on" if wanted else "off")
    append_log("overlay legend", shown=wanted)
    _show_legends(segmentation, shown_overlay(segmentation))


def _show_legends(segmentation: Any, shown: Overlay | None) -> None:
    logic = slicer.modules.colors.logic()
    for overlay in offered(segmentation):
        volume = segmentation.GetNodeReference(overlay.role)
        if overlay is shown and legend_wanted():
            legend = show_legend(volume, overlay.legend)
            column = slice_node(COLUMNS[0])  # the views of sequences side by side are others
            if column is not None and not legend.IsDisplayableInView(column.GetID()):
                legend.AddViewNodeID(column.GetID())
        else:
            legend = logic.GetColorLegendDisplayNode(volume)
            if legend is not None:
                legend.SetVisibility(False)


def _other_volumes(segmentation: Any) -> list[Any]:
    found = [review_nodes(node).volume for node in reviews() if node is not segmentation]
    return [node for node in found if node is not None]
