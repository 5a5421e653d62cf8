"""Finding telling words in the names that scanners, archives and people give to sequences."""

from __future__ import annotations

import re
from collections.abc import Iterable

from BrainMetsAILib.images.acquisition import Named

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[a-z0-9])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[^a-z0-9+*]+")


def any_of(*alternatives: str) -> re.Pattern[str]:
    """Pattern that finds any of the regular expressions given."""
    return re.compile("|".join(alternatives))


def readings(text: str) -> tuple[str, ...]:
    """Lower case, every separator but ``+`` and ``*`` one space, camel case taken apart and left alone.

    ``T1wPost_Gd`` gives ``t1w post gd`` and ``t1wpost gd``. Camel case is a guess ("MPRage" is one word), so both readings count.
    """
    apart, together = (_SEPARATORS.sub(" ", form.lower()).strip() for form in (_CAMEL.sub(" ", text), text))
    return (together,) if together == apart else (apart, together)


def first_hint(pattern: re.Pattern[str], names: Iterable[Named]) -> str:
    """``'mprage' in the series description`` for the first name that holds the pattern, with the whole words around it; else ``""``."""
    for label, text in names:
        for reading in readings(text):
            match = pattern.search(reading)
            if match and match.group().strip():
                start = reading.rfind(" ", 0, match.start() + 1) + 1
                end = reading.find(" ", match.end())
                return f"'{reading[start : end if end >= 0 else None].strip()}' in the {label}"
    return ""
