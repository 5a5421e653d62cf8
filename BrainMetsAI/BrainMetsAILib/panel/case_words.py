"""What the panel says about the chosen volume: warnings first, then how it shows vessels."""

from collections.abc import Sequence

from slicer.i18n import tr as _

from BrainMetsAILib.images.examination import BloodSignal
from BrainMetsAILib.panel.volume_facts import thickness_warning
from BrainMetsAILib.scene.case_volumes import VolumeFacts
from BrainMetsAILib.scene.case_warnings import header_warnings


def case_sentences(facts: VolumeFacts, from_voxels: Sequence[str]) -> list[str]:
    """Sentences about the volume in which lesions are to be sought.

    Parameters
    ----------
    facts
        What header and name say.
    from_voxels
        What the voxels say; empty while they were not looked at.
    """
    thick = thickness_warning(facts.node)
    warnings = [*header_warnings(facts), *([thick] if thick else []), *from_voxels]
    return [f"⚠ {warning}" for warning in warnings] + [sentence for sentence in (_blood_sentence(facts),) if sentence]


def _blood_sentence(facts: VolumeFacts) -> str:
    guess = facts.guess
    if guess.blood is BloodSignal.BLACK:
        return _("Black-blood sequence ({reason}): vessels are dark on it.").format(reason=guess.blood_reason)
    if guess.blood is BloodSignal.GRADIENT_ECHO:
        return _("Gradient-echo sequence ({reason}): vessels are bright on it too, and some look like metastases.").format(
            reason=guess.blood_reason
        )
    return ""
