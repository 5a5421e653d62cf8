"""A comparison as rows of a table and as a few plain sentences."""

from collections import Counter

from BrainMetsAIResponseLib.criteria import Reading
from BrainMetsAIResponseLib.fates import Fate
from BrainMetsAIResponseLib.response import LesionResponse, PatientResponse

Cell = str | float

# Header (unit included) of each column, in the order of the table.
HEADERS = (
    "Lesion",
    "At baseline",
    "At follow-up",
    "Change",
    "Enhancing volume at baseline (mL)",
    "Enhancing volume at follow-up (mL)",
    "Change of enhancing volume (%)",
    "Longest diameter at baseline (mm)",
    "Longest diameter at follow-up (mm)",
    "Change of longest diameter (%)",
    "Target lesion",
    "RANO-BM (diameters)",
    "Volumetric",
    "Reason (diameters)",
    "Reason (volumetric)",
    "Gap after registration (mm)",
    "Overlap after registration (%)",
    "Tracking UID",
)

_ORDER = (Fate.NEW, Fate.GROWN, Fate.UNCHANGED, Fate.SHRUNK, Fate.VANISHED, Fate.SPLIT, Fate.MERGED, Fate.UNDECIDED)


def response_rows(response: PatientResponse) -> list[dict[str, Cell]]:
    """One row a lesion, keyed by `HEADERS` in their order; "" where there is nothing to say."""
    return [_row(lesion) for lesion in response.lesions]


def response_summary(response: PatientResponse) -> tuple[str, ...]:
    """The comparison in a few sentences: counts, enhancing volume, both readings with the reasons that decided."""
    counts = Counter(lesion.fate for lesion in response.lesions)
    parts = ", ".join(f"{counts[fate]} {fate}" for fate in _ORDER if counts[fate])
    sentences = [f"Lesions: {parts}." if parts else "No lesion in either examination."]
    change = "" if response.enhancing_change is None else f" ({response.enhancing_change:+.0%})"
    sentences.append(f"Enhancing volume {response.baseline_enhancing_ml:.2f} mL → {response.follow_up_enhancing_ml:.2f} mL{change}.")
    sentences.extend(_reading_words(reading) for reading in (response.diameter_reading, response.volumetric_reading))
    return tuple(sentences)


def _reading_words(reading: Reading) -> str:
    return f"{reading.profile.title}: {reading.category}. {' '.join(reading.reasons)}"


def _row(lesion: LesionResponse) -> dict[str, Cell]:
    cells: tuple[Cell, ...] = (
        lesion.name,
        " + ".join(one.name for one in lesion.baseline),
        " + ".join(one.name for one in lesion.follow_up),
        str(lesion.fate),
        _number(lesion.baseline_enhancing_ml),
        _number(lesion.follow_up_enhancing_ml),
        _percent(lesion.enhancing_change),
        _number(lesion.baseline_longest_mm),
        _number(lesion.follow_up_longest_mm),
        _percent(lesion.diameter_change),
        "yes" if lesion.target else "no",
        str(lesion.diameter.category),
        str(lesion.volumetric.category),
        "; ".join(lesion.diameter.reasons),
        "; ".join(lesion.volumetric.reasons),
        _number(lesion.match.distance_mm),
        _percent(lesion.match.overlap),
        lesion.tracking_uid,
    )
    return dict(zip(HEADERS, cells, strict=True))


def _number(value: float | None) -> Cell:
    return "" if value is None or value != value else round(value, 4)  # NaN is the only number that differs from itself


def _percent(value: float | None) -> Cell:
    return "" if value is None or value != value else round(100.0 * value, 2)
