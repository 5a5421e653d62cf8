"""Whether a T1 was acquired after contrast agent, guessed from header and names with the reason."""

from __future__ import annotations

from dataclasses import dataclass

from BrainMetsAILib.images.acquisition import Acquisition, Named
from BrainMetsAILib.images.words import any_of, first_hint, readings

_AGENT = r"(?:contrast|contraste|gd|gad|gado|gadolinium|km|kontrast|injection|c|enhancement)"
_SEQUENCE = r"(?:t1|t1w|t1wi|mprage|mpr|mp2rage|bravo|f?spgr|ffe|tfe|vibe|space|cube|vista|tse|fse|se|flash)"

# The names of the BraTS challenges and their like: nothing beside them can outweigh them.
_EXPLICIT = any_of(r"\bt1w? ?(?:c|ce|gd|gad|km)\b")
_WITHOUT = any_of(
    r"\bt1w?n\b",
    rf"\bpre ?{_AGENT}\b",
    r"\bpre\b(?! ?(?:op|treat|therap|rt|srs|surg|radio))",
    r"\bnativ(?:e|o|a)?\b(?! space)",
    rf"\b(?:ohne|sans|sin|senza|without|w ?o|no|non) ?(?:iv )?{_AGENT}\b",
    r"\bohne\b|\bsans\b",
    r"\bunenhanced|\bnon ?enhanced",
)
_WITH = any_of(
    rf"{_SEQUENCE} ?\+ ?c?(?![a-z0-9])",
    rf"{_SEQUENCE}(?:c|ce|gd|gad|gado|km|post|contrast|postgd|postcontrast|enhanced)\b",
    r"(?:^| )\+ ?c\b|\bc\+",
    r"(?<![a-z])(?:gd|gad|gado[a-z]*)(?![a-z])",
    r"(?<![a-z])(?:dota|dotarem|prohance|clariscan|magnevist|omniscan|multihance|vueway|elucirem)(?![a-z])",
    r"\bpost\b(?! ?(?:op|surg|treat|ther|rt|srs|radio|proc|fossa))",
    r"\bpost(?:c|con|gd|gad|contrast|km|inj)",
    r"\b[mn]?km\b|\bkontrast|\bcontrast|\bce\b|\benhanced|\binject",
)
# Planning images for stereotactic radiosurgery are contrast-enhanced T1 as a rule (Kaufmann et al., Neuro-Oncology 2020;22:757,
# doi:10.1093/neuonc/noaa030, ask for it), and such exports often lose the agent when they are anonymised.
_RADIOSURGERY = any_of(r"\bgk\b|gamma ?knife|leksell", r"\bstereo\b|stereotact", r"\bsrs\b|radiosurg|cyber ?knife")


@dataclass(frozen=True)
class Contrast:
    """Whether contrast agent was given, and why that is believed; `stated` where a name says so, not mere silence."""

    given: bool
    reason: str
    stated: bool = False


def guess_contrast(acquisition: Acquisition) -> Contrast:
    """Contrast agent or not: what the name says first, then the header's agent, then radiosurgery planning.

    A name that says "pre" beats a header that names an agent: technicians often enter the agent once for the whole visit.
    """
    agent = acquisition.contrast_agent
    for name in acquisition.names:
        explicit = first_hint(_EXPLICIT, (name,))
        without = "" if explicit else first_hint(_WITHOUT, (name,))
        given = explicit or _hint_beside(without, name)
        if given and not without:
            return Contrast(True, f"{given} says contrast" + (f", and the header names the agent {agent}" if agent else ""), True)
        if without and not given:
            although = f", although the header names the agent {agent}" if agent else ""
            return Contrast(False, f"{without} says no contrast{although}", True)
    if acquisition.contrast_agent:
        return Contrast(True, f"the header names the contrast agent {acquisition.contrast_agent}")
    planning = first_hint(_RADIOSURGERY, acquisition.names + acquisition.context)
    if planning:
        return Contrast(True, f"no agent is named, but {planning} says radiosurgery planning, which is done with contrast")
    if acquisition.has_header:
        return Contrast(False, "the header names no contrast agent and no name hints at one")
    return Contrast(False, "nothing in its name says contrast")


def _hint_beside(without: str, name: Named) -> str:
    """Words for contrast in a name, leaving out those that belong to a negation: "pre contrast" holds "contrast"."""
    label, text = name
    rest = tuple((label, _WITHOUT.sub(" ", reading)) for reading in readings(text)) if without else (name,)
    return first_hint(_WITH, rest)
