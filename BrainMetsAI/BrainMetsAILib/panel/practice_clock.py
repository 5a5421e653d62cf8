"""The clock of an open practice case: ticks once a second while the module is open, and keeps the time in the scene."""

import time
from collections.abc import Callable
from typing import Any

import qt
import slicer

from BrainMetsAILib.scene.practice import PRACTICE_VOLUME_ROLE
from BrainMetsAILib.scene.practice_reading import read_seconds, signs_of_life, write_seconds
from BrainMetsAILib.synthesis.reading_clock import ReadingClock, ticked

TICK_MS = 1000


def _pointer() -> tuple[int, int]:
    """Where the mouse pointer is on the screen."""
    place = qt.QCursor.pos()
    return place.x(), place.y()


class PracticeClock:
    """Times one practice volume's reading at a time.

    Parameters
    ----------
    on_tick
        Called after each tick.
    now_s
        A clock that never goes back; tests pass their own.
    """

    def __init__(self, on_tick: Callable[[], None], now_s: Callable[[], float] = time.monotonic) -> None:
        self._on_tick, self._now_s = on_tick, now_s
        self._practice: Any = None
        self._clock = ReadingClock(0.0, now_s())
        self._signs: tuple[object, ...] = ()
        self._timer = qt.QTimer()
        self._timer.setInterval(TICK_MS)
        self._timer.connect("timeout()", self._tick)

    @property
    def idle(self) -> bool:
        """Whether it stands still because nobody seems to be there."""
        return self._clock.idle

    def follow(self, practice: Any) -> None:
        """Time this reading, given by its hidden node; None for none."""
        if practice is self._practice:
            return
        self.stop()
        if practice is not None:
            self._practice = practice
            self._clock = ReadingClock(read_seconds(practice), self._now_s())
            self._signs = self._look()
            self._timer.start()

    def stop(self) -> None:
        """Keep the time so far and stand still."""
        if self._practice is not None:
            self.count()
        self._timer.stop()
        self._practice = None

    def count(self) -> None:
        """Keep the time until now."""
        if not slicer.mrmlScene.IsNodePresent(self._practice):
            self._practice = None  # the scene was closed, or somebody deleted it
            self._timer.stop()
            return
        signs = self._look()
        self._clock = ticked(self._clock, self._now_s(), signs != self._signs)
        self._signs = signs
        write_seconds(self._practice, self._clock.seconds)

    def _tick(self) -> None:
        self.count()
        self._on_tick()

    def _look(self) -> tuple[object, ...]:
        return (*_pointer(), *signs_of_life(self._practice.GetNodeReference(PRACTICE_VOLUME_ROLE)))
