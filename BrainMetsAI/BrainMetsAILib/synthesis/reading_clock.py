"""How long a person reads: a clock that stands still while nobody does."""

from __future__ import annotations

from dataclasses import dataclass

IDLE_AFTER_S = 120.0


@dataclass(frozen=True)
class ReadingClock:
    """A clock of reading time.

    After two minutes without a sign of life it stands still until the next one; those two minutes count. Whoever keeps it starts a new one
    with the same seconds after a pause (another module is open), so that the pause does not count.

    Attributes
    ----------
    seconds
        Time read so far.
    at_s
        When it was last looked at, on a clock that never goes back (`time.monotonic`).
    quiet_s
        How long there has been no sign of life since.
    """

    seconds: float
    at_s: float
    quiet_s: float = 0.0

    @property
    def idle(self) -> bool:
        """Whether it stands still."""
        return self.quiet_s >= IDLE_AFTER_S


def ticked(clock: ReadingClock, now_s: float, alive: bool) -> ReadingClock:
    """The clock at a later time.

    Parameters
    ----------
    clock
        As it was.
    now_s
        The time now, on the same clock as `ReadingClock.at_s`.
    alive
        Whether there was a sign of life since: the pointer moved, a slice was scrolled, an outline changed.
    """
    passed = max(0.0, now_s - clock.at_s)
    counted = min(passed, max(0.0, IDLE_AFTER_S - clock.quiet_s))
    return ReadingClock(clock.seconds + counted, now_s, 0.0 if alive else clock.quiet_s + passed)
