"""The one undo history of a review: masks and tags change only after their state was saved."""

from __future__ import annotations

from typing import Protocol


class History(Protocol):
    """Where the state of masks and tags is saved before a person changes them.

    In the panel it is the embedded Segment Editor's own history (up to `panel`), so that one undo takes back mask and decision.
    """

    def save(self) -> None:
        """Keep the present state as one step of undo; whoever asks for it logs what it changes then."""


class NoHistory:
    """For changes that nobody can take back: the command line, and scenes without an editor."""

    def save(self) -> None:
        """Keep nothing."""
