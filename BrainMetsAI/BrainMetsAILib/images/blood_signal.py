"""Whether a T1 shows flowing blood dark (spin echo, prepared) or bright (gradient echo), guessed with its reason.

Spin-echo based and flow-suppressed sequences find more small metastases because vessels do not enhance on them: Suh et al.,
J Neurooncol 2016;129:363, doi:10.1007/s11060-016-2185-y. Both kinds are accepted by the consensus protocol for brain metastases:
Kaufmann et al., Neuro-Oncology 2020;22:757, doi:10.1093/neuonc/noaa030.
"""

from __future__ import annotations

from BrainMetsAILib.images.acquisition import Acquisition
from BrainMetsAILib.images.examination import BloodSignal
from BrainMetsAILib.images.words import any_of, first_hint

# Preparation pulses that suppress flowing blood, whatever the readout.
_PREPARED = any_of(r"black ?blood|dark ?blood|\bbb\b", r"\bi?msde|\bdante\b|motion sensiti[sz]ed")
_SPIN_ECHO = any_of(
    r"\bspace\b|\bspc|\bcube\b|\bvista\b|brainview|\bmvox|isofse",  # three-dimensional turbo spin echoes of the manufacturers
    r"(?:\b|[^a-z])t?[ft]se|\bse\b|\bse[23]d|spin ?echo",
)
_GRADIENT_ECHO = any_of(
    r"mp2? ?rage|\bmpr\b|\bbravo|spgr|\bt?ffe|[23]dt?ffe|\btfe|[23]dtfe|\btfl|tigre",  # magnetisation-prepared and spoiled
    r"vibe|\blava|\bthrive|\bflash|\bfl[23]d|\bgre\b|gradient",
)


def guess_blood_signal(acquisition: Acquisition) -> tuple[BloodSignal, str]:
    """Blood signal of a T1 and the reason in words.

    The order is: a named preparation pulse, the header's Scanning Sequence, the words in the names.
    """
    prepared = first_hint(_PREPARED, acquisition.names)
    if prepared:
        return BloodSignal.BLACK, f"{prepared}: a preparation that suppresses flowing blood"
    spin = first_hint(_SPIN_ECHO, acquisition.names)
    gradient = first_hint(_GRADIENT_ECHO, acquisition.names)
    named = f" and {gradient or spin}" if gradient or spin else ""
    if "GR" in acquisition.scanning and "SE" not in acquisition.scanning:
        return BloodSignal.GRADIENT_ECHO, f"the header's scanning sequence is GR{f' and {gradient}' if gradient else ''}"
    if "SE" in acquisition.scanning and "GR" not in acquisition.scanning:
        return BloodSignal.BLACK, f"the header's scanning sequence is SE (spin echo){named if spin and not gradient else ''}"
    if gradient and not spin:
        return BloodSignal.GRADIENT_ECHO, f"{gradient}: a gradient echo"
    if spin and not gradient:
        return BloodSignal.BLACK, f"{spin}: a spin echo, in which flowing blood is dark"
    if spin and gradient:
        return BloodSignal.UNKNOWN, f"{spin} speaks for a spin echo, {gradient} for a gradient echo"
    return BloodSignal.UNKNOWN, "neither header nor name says whether it is a spin or a gradient echo"
