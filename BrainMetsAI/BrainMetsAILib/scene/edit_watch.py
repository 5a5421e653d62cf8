"""Keeps the rule of `settling` while a person edits with Slicer's own effects, and says what each edit changed."""

from __future__ import annotations

from typing import Any

from BrainMetsAILib.scene.edit_log import Change, changes_between
from BrainMetsAILib.scene.segments import identify
from BrainMetsAILib.scene.settling import give_back, held_by, settle


class EditWatch:
    """What one segmentation's segments held, before the edit that is under way.

    All of it is derived: a new one can be made at any time between two edits.

    Parameters
    ----------
    segmentation
        The examination's segmentation node.
    """

    def __init__(self, segmentation: Any) -> None:
        self._segmentation = segmentation
        self.forget()

    def forget(self) -> None:
        """What has changed up to now is known and logged elsewhere."""
        self._ruled = self._told = held_by(self._segmentation)

    def while_drawing(self, segment_id: str) -> None:
        """A layer was written while an effect is at work: take back at once what the drawn segment took of others.

        Necrosis waits for `settle`: some effects empty a segment before they fill it again.
        """
        content = self._segmentation.GetSegmentation()
        if segment_id not in self._ruled or content.GetSegment(segment_id) is None:
            return
        now = give_back(self._segmentation, self._ruled, segment_id)
        # An effect may write one segment in two steps: what it held counts until the edit is over.
        changed = {other for other in now if other != segment_id and other in self._ruled and now[other].stamp != self._ruled[other].stamp}
        self._ruled = {**self._ruled, **{other: now[other] for other in changed}}

    def settle(self, with_judgements: bool = False) -> list[Change]:
        """After an edit: apply the rule, give new segments their identity, and return what changed since the last call.

        Parameters
        ----------
        with_judgements
            Tell of changed reviews, classes, comments and diameters too: only undo and redo change those without being logged themselves.

        Returns
        -------
        list of Change
            Empty where nothing changed.
        """
        identify(self._segmentation)
        before = self._told
        self._ruled = settle(self._segmentation, self._ruled, restored=with_judgements, told=before)
        self._told = self._ruled
        return changes_between(self._segmentation, before, self._ruled, with_judgements)
