"""The section with the lesion table: a click on a row shows the lesion in every view."""

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from BrainMetsAILib.lesions.lesion_list import Lesion, total_enhancing_ml
from BrainMetsAILib.panel.result_table import Figure, ResultTable, Value
from BrainMetsAILib.scene.layout import show_lesion, show_review
from BrainMetsAILib.scene.masks import layers_are_merged, own_layers
from BrainMetsAILib.scene.review import ReviewNodes, review_nodes
from BrainMetsAILib.scene.segments import read_lesion_list, segment_of


def lesion_row(lesion: Lesion) -> tuple[Value, ...]:
    """What the table shows of one lesion."""
    measured = lesion.measurements
    return (
        lesion.name,
        Figure(measured.volume_ml, 3),
        Figure(measured.enhancing_ml, 3),
        Figure(measured.necrotic_ml, 3),
        Figure(measured.whole.longest_mm, 1),
        Figure(measured.whole.perpendicular_mm, 1),
        _("yes") if measured.measurability.measurable else _("no"),
        "" if lesion.score is None else Figure(lesion.score, 2),
    )


class LesionsSection:
    """Shows the live measurements of one segmentation's lesions.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAILesions.ui.
    on_lesion
        Called with the UID of a lesion when a person goes to it.
    """

    def __init__(self, ui: Any, on_lesion: Callable[[str], None]) -> None:
        self.ui, self._on_lesion = ui, on_lesion
        self._segmentation: Any = None
        self._observed: list[tuple[Any, int]] = []
        headings = (
            (_("Lesion"), _("Name of the segment")),
            (_("mL"), _("Volume of the whole lesion, enhancing and necrotic")),
            (_("Enh."), _("Enhancing volume in mL")),
            (_("Necr."), _("Necrotic volume in mL")),
            (_("mm"), _("Longest axial diameter, necrosis included")),
            (_("× mm"), _("Longest diameter at right angles to it, on the same slice")),
            (_("Meas."), _("Measurable by RANO-BM: at least 10 mm by 5 mm, on two slices or more")),
            (_("Score"), _("How sure the network is, from 0 to 1")),
        )
        self.table = ResultTable(ui.lesionsTable, headings, self._on_row)
        self._timer = qt.QTimer()  # many changes within one turn of the event loop make one refresh
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self.refresh)

    def show(self, segmentation: Any) -> None:
        """Take up a segmentation node; None for none."""
        if segmentation is self._segmentation and segmentation is not None:
            return  # its changes are observed
        if segmentation is not self._segmentation:
            self.release()
            self._segmentation = segmentation
            if segmentation is not None:
                content, events = segmentation.GetSegmentation(), slicer.vtkSegmentation
                if layers_are_merged(segmentation):
                    own_layers(segmentation)
                for event in (events.SourceRepresentationModified, events.SegmentModified, events.SegmentAdded, events.SegmentRemoved):
                    self._observed.append((content, content.AddObserver(event, self._changed)))
        self.refresh()

    def release(self) -> None:
        """Let go of the segmentation, before the scene closes and at exit."""
        for content, number in self._observed:
            content.RemoveObserver(number)
        self._observed, self._segmentation = [], None
        self._timer.stop()
        self.table.fill({})

    def refresh(self) -> None:
        """Measure and show."""
        if self._segmentation is None:
            self.table.fill({})
            self.ui.lesionsSummaryLabel.text = _("No lesions yet. Choose a volume and press “Find lesions”.")
            return
        lesions = read_lesion_list(self._segmentation)
        self.table.fill(
            {lesion.lesion_uid: lesion_row(lesion) for lesion in lesions},
            {lesion.lesion_uid: lesion.measurements.measurability.reason for lesion in lesions},
        )
        self.ui.lesionsSummaryLabel.text = _("{name}: {count} lesions, {volume} mL enhancing").format(
            name=self._segmentation.GetName(), count=len(lesions), volume=f"{total_enhancing_ml(lesions):.2f}"
        )

    def _changed(self, caller: Any, event: str) -> None:
        self._timer.start()

    def _on_row(self, lesion_uid: str) -> None:
        segment_id = segment_of(self._segmentation, lesion_uid) if self._segmentation else None
        if segment_id:
            nodes = review_nodes(self._segmentation)
            if not _shown(nodes):  # another examination was looked at meanwhile
                nodes.segmentation.GetDisplayNode().RemoveAllViewNodeIDs()
                show_review(nodes)
            show_lesion(self._segmentation, segment_id)
            self._on_lesion(lesion_uid)


def _shown(nodes: ReviewNodes) -> bool:
    """Whether the views show this examination, and all of them its lesions."""
    selection = slicer.app.applicationLogic().GetSelectionNode()
    everywhere = nodes.segmentation.GetDisplayNode().GetNumberOfViewNodeIDs() == 0
    return everywhere and (nodes.volume is None or selection.GetActiveVolumeID() == nodes.volume.GetID())
