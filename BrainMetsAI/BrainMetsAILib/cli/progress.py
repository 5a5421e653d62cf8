"""Progress on standard error: one bar that is drawn over in a terminal, one line a stage elsewhere. Standard output stays clean."""

import shutil
import sys
import time
from typing import Self, TextIO

_BAR = 24


class Progress:
    """Shows stages one after the other, each with its own share from 0 to 1.

    Parameters
    ----------
    stream
        Standard error if None.
    quiet
        Show nothing at all.
    """

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._terminal = self._stream.isatty()
        self._title = ""
        self._began = time.monotonic()

    def stage(self, title: str) -> Self:
        """Begin the next stage; the object itself is then called with a share and words."""
        self.finish()
        self._title = title
        self._began = time.monotonic()
        if not self._terminal:
            self._write(f"{title} …\n")
        return self

    def __call__(self, fraction: float, message: str = "") -> None:
        """Show how far the stage is."""
        if self._terminal and self._title:
            filled = round(_BAR * min(1.0, max(0.0, fraction)))
            line = f"{self._title}  [{'█' * filled}{'·' * (_BAR - filled)}] {fraction:4.0%}  {message}"
            self._write(f"\r\033[K{line[: shutil.get_terminal_size().columns - 1]}")

    def finish(self) -> None:
        """End the stage."""
        if self._title and self._terminal:
            self._write(f"\r\033[K{self._title}  done in {time.monotonic() - self._began:.0f} s\n")
        self._title = ""

    def clear(self) -> None:
        """Take an unfinished bar away, before something else is said."""
        if self._title and self._terminal:
            self._write("\r\033[K")
        self._title = ""

    def _write(self, text: str) -> None:
        if not self._quiet:
            self._stream.write(text)
            self._stream.flush()
