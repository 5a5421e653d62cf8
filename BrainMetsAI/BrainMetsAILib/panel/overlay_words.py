"""What an overlay is called, what it shows, and what it does not prove, in words for a person."""

from dataclasses import dataclass

from slicer.i18n import tr as _


@dataclass(frozen=True)
class OverlayWords:
    """Title in the list, and the two things to know."""

    title: str
    shows: str
    limits: str


def overlay_words(key: str) -> OverlayWords:
    """Words for an entry of `scene/overlays.py`; raises KeyError for one that has none yet."""
    return {
        "probability": OverlayWords(
            _("Probability of lesion"),
            _("How sure the network is, voxel by voxel, that this is metastasis, enhancing or necrotic."),
            _(
                "It is no proof: vessels, meninges and haemorrhage can score high, and a faint or tiny metastasis low. Where no colour "
                "lies the network found nothing; that does not mean that nothing is there. Outlines do not follow the threshold here."
            ),
        ),
        "necrosis": OverlayWords(
            _("Probability of necrosis"),
            _("How sure the network is, voxel by voxel, that this is the dead core of a metastasis."),
            _("It is no proof: a cyst, blood or fluid in a cavity after surgery look alike. Outlines do not follow the threshold here."),
        ),
    }[key]


def nothing_shown(any_offered: bool) -> str:
    """What to say while no overlay is shown."""
    if any_offered:
        return _("No overlay is shown.")
    return _("There is nothing to show yet: find lesions first.")
