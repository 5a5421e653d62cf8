"""How long a task will still take, in plain words, from how far it has come in the time so far. Needs no Qt."""

from slicer.i18n import tr as _

SILENT_S = 4.0  # at first the guess jumps about
SILENT_SHARE = 0.1  # until here images are prepared and networks loaded, at another pace than the rest


class TimeLeft:
    """Follows one task.

    The pace is taken from where the search begins, for what comes before it is another kind of work.
    """

    def __init__(self) -> None:
        self._from: tuple[float, float] | None = None

    def words(self, elapsed_s: float, share: float) -> str:
        """What to say after some seconds at a share from 0 to 1; empty where it is too early to tell, or nearly done."""
        if share >= SILENT_SHARE and self._from is None:
            self._from = elapsed_s, share
        if self._from is None:
            return ""
        began_s, began_share = self._from
        if elapsed_s - began_s < SILENT_S or share <= began_share or share >= 1:
            return ""
        return seconds_in_words((elapsed_s - began_s) * (1 - share) / (share - began_share))


def seconds_in_words(seconds: float) -> str:
    """``about 40 seconds left``: as coarse as such a guess is."""
    if seconds < 10:
        return _("a few seconds left")
    if seconds < 55:
        return _("about {count} seconds left").format(count=10 * round(seconds / 10))
    if seconds < 90:
        return _("about a minute left")
    return _("about {count} minutes left").format(count=round(seconds / 60))
