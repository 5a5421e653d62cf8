"""Slicer's translation of the sentences that scene functions refuse with; outside the application they stay as they are written.

Take `tr` from here as ``_`` and call it by that name: Slicer looks up which file called it. What is kept in the scene (names, tags,
reasons, the log) is not translated, for it is compared and counted later.
"""

try:
    from slicer.i18n import tr
except ImportError:  # the wheel of the command line and the tests

    def tr(text: str) -> str:
        """The text itself."""
        return text


__all__ = ["tr"]
