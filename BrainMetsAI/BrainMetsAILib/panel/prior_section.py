"""The part of the case section that takes over contours that were there before."""

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from BrainMetsAILib.images.examination import ImageRefused
from BrainMetsAILib.panel.volume_facts import facts_of_volume
from BrainMetsAILib.panel.volume_selectors import CHOSEN, leave_out_truths
from BrainMetsAILib.scene.case_volumes import chosen_volume
from BrainMetsAILib.scene.history import History, NoHistory
from BrainMetsAILib.scene.layout import show_review
from BrainMetsAILib.scene.prior import PriorTaken, take_over
from BrainMetsAILib.scene.prior_masks import count_parts
from BrainMetsAILib.scene.review import review_nodes


class PriorSection:
    """Chooses a segmentation or label map and makes lesions of it.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAICase.ui.
    on_change
        Called when lesions were taken over.
    history
        Saved before anything changes.
    """

    def __init__(self, ui: Any, on_change: Callable[[], None], history: History | None = None) -> None:
        self.ui, self._on_change, self._history = ui, on_change, history or NoHistory()
        self._counted: tuple[tuple[str, int] | None, int] = (None, 0)
        self._source_id = ""
        for signal in CHOSEN:
            ui.priorSelector.connect(signal, self._on_source)
        ui.priorButton.connect("clicked()", self._on_take_over)
        ui.priorStatusLabel.setVisible(False)
        self._show_state()

    def refresh(self) -> None:
        """Show what can be done."""
        leave_out_truths([self.ui.priorSelector])
        self._show_state()

    def _on_source(self, source: Any) -> None:
        before, self._source_id = self._source_id, source.GetID() if source is not None else ""
        if self._source_id == before:  # the selector spoke twice, or because the source got another name
            return
        if not (slicer.mrmlScene.IsClosing() or slicer.mrmlScene.IsImporting()):
            count = self._count(source)
            self.ui.priorPiecesBox.setChecked(count == 1)  # a single mask is most often all lesions in one
            self._say("")
            self._show_state()

    def _show_state(self) -> None:
        source = self.ui.priorSelector.currentNode()
        count = self._count(source)
        self.ui.priorPiecesBox.enabled = count == 1
        if count > 1:
            self.ui.priorPiecesBox.setChecked(False)
        self.ui.priorButton.enabled = source is not None and chosen_volume() is not None
        self.ui.priorButton.toolTip = _("Adds the contours to the lesions of the chosen volume, to be reviewed like all others.")
        if chosen_volume() is None:
            self.ui.priorButton.toolTip = _("Choose a volume first.")

    def _count(self, source: Any) -> int:
        """How many parts a source has; a label map is counted once, for that takes a tenth of a second."""
        if source is None:
            return 0
        if source.IsA("vtkMRMLSegmentationNode"):
            return count_parts(source)
        version = source.GetID(), source.GetImageData().GetMTime() if source.GetImageData() else 0
        if self._counted[0] != version:
            try:
                self._counted = version, count_parts(source)
            except ImageRefused:  # said when it is to be taken over
                self._counted = version, 0
        return self._counted[1]

    def _on_take_over(self) -> None:
        source, volume = self.ui.priorSelector.currentNode(), chosen_volume()
        if source is None or volume is None:
            return
        try:
            taken = take_over(source, volume, self.ui.priorPiecesBox.checked, facts_of_volume(volume, "Examination"), self._history)
        except (ImageRefused, ValueError) as error:
            self._say(str(error))
            return
        if source.IsA("vtkMRMLSegmentationNode") and source.GetDisplayNode():
            source.GetDisplayNode().SetVisibility(False)  # else both are drawn on top of each other
        show_review(review_nodes(taken.segmentation))
        self._say(prior_sentence(taken, source.GetName()))
        self._on_change()

    def _say(self, sentence: str) -> None:
        self.ui.priorStatusLabel.text = sentence
        self.ui.priorStatusLabel.setVisible(bool(sentence))


def prior_sentence(taken: PriorTaken, name: str) -> str:
    """What became of a prior contour, for a person."""
    added = _("1 lesion imported from “{name}”.") if taken.added == 1 else _("{count} lesions imported from “{name}”.")
    sentences = [added.format(count=taken.added, name=name)]
    if taken.there:
        sentences.append(_("{count} overlap lesions that were there already and were left out.").format(count=taken.there))
    if taken.outside:
        sentences.append(_("{count} lie outside the volume or are smaller than its voxels.").format(count=taken.outside))
    if taken.specks:
        sentences.append(_("{count} pieces of one or two voxels were left out.").format(count=taken.specks))
    if taken.shared_voxels:
        sentences.append(_("{count} voxels were claimed twice and went to the smaller lesion.").format(count=taken.shared_voxels))
    return " ".join(sentences)
