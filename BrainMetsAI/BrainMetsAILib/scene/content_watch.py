"""Hears of every change of a segmentation's segments: masks, tags, names, segments added and removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer


class ContentWatch:
    """Follows one segmentation at a time.

    Parameters
    ----------
    on_change
        Called at every change, many times in a row: collect the calls with a timer.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._observed: list[tuple[Any, int]] = []

    def follow(self, segmentation: Any) -> None:
        """Hear of this segmentation node from now on; None for none."""
        self.release()
        if segmentation is None:
            return
        content, events = segmentation.GetSegmentation(), slicer.vtkSegmentation
        for event in (events.SourceRepresentationModified, events.SegmentModified, events.SegmentAdded, events.SegmentRemoved):
            self._observed.append((content, content.AddObserver(event, self._changed)))

    def release(self) -> None:
        """Hear of nothing: before the scene closes, and at exit."""
        for content, number in self._observed:
            content.RemoveObserver(number)
        self._observed = []

    def _changed(self, caller: Any, event: str) -> None:
        self._on_change()
