"""The two diameters that a person drew of a lesion, as one tag: their ends in the segmentation's own space."""

from __future__ import annotations

import json
from typing import Any

from BrainMetsAILib.lesions.diameters import Ends, drawn_pair
from BrainMetsAILib.lesions.measurements import LesionMeasurements, with_diameters
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.masks import Grid


def read_manual_diameters(segment: Any) -> tuple[Ends, Ends] | None:
    """The ends (RAS mm) of the lines drawn as longest and as perpendicular diameter; ``None`` where the automatic ones hold."""
    text = tags.read_tag(segment, tags.MANUAL_DIAMETERS)
    if not text:
        return None
    try:
        stored = json.loads(text)
        return _ends(stored["longest"]), _ends(stored["perpendicular"])
    except (ValueError, KeyError, TypeError):  # written by another program
        return None


def manual_diameters_text(longest: Ends, perpendicular: Ends) -> str:
    """The tag's value: to a thousandth of a millimetre."""
    lines = {"longest": longest, "perpendicular": perpendicular}
    return json.dumps({name: [[round(x, 3) for x in end] for end in ends] for name, ends in lines.items()})


def with_manual(measurements: LesionMeasurements, segment: Any, grid: Grid) -> LesionMeasurements:
    """The measurements with the diameters that a person drew, where there are some."""
    drawn = read_manual_diameters(segment)
    return measurements if drawn is None else with_diameters(measurements, drawn_pair(*drawn, grid.ijk_to_ras))


def _ends(stored: Any) -> Ends:
    first, second = ((float(r), float(a), float(s)) for r, a, s in stored)
    return first, second
