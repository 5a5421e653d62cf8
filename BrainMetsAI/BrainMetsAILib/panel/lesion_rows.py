"""What the lesion table says of each lesion, column by column."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from slicer.i18n import tr as _

from BrainMetsAILib.lesions.lesion_list import total_enhancing_ml
from BrainMetsAILib.panel.result_table import Figure, Value, Worded
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.listing import ListedLesion, counted
from BrainMetsAILib.scene.segments import BELOW_SCORE, TAKEN_OUT


@dataclass(frozen=True)
class LesionColumn:
    """One column: a key that settings keep, a short heading, what it means in full, and what it shows of a lesion."""

    key: str
    heading: str
    meaning: str
    value: Callable[[ListedLesion], Value]


CHANGE = "change"
HIDDEN_AT_FIRST = ("necrotic", "measurable", "class", "origin")  # the panel is narrow; “Columns” brings them


def lesion_columns() -> tuple[LesionColumn, ...]:
    """All columns, in order."""
    return (
        LesionColumn("lesion", _("ID"), _("Name of the segment"), lambda entry: entry.lesion.name),
        LesionColumn("review", _("State"), _("What a person decided (open: nothing yet), or why it is left out"), state_text),
        LesionColumn("location", _("Location"), _("Where it lies; L and R are the patient’s left and right"), location_text),
        LesionColumn(
            "volume",
            _("mL"),
            _("Volume of the whole lesion in mL, enhancing and necrotic"),
            lambda entry: Figure(entry.lesion.measurements.volume_ml, 3),
        ),
        LesionColumn(
            "enhancing", _("Enh."), _("Enhancing volume in mL"), lambda entry: Figure(entry.lesion.measurements.enhancing_ml, 3)
        ),
        LesionColumn("necrotic", _("Necr."), _("Necrotic volume in mL"), lambda entry: Figure(entry.lesion.measurements.necrotic_ml, 3)),
        LesionColumn(
            "diameters",
            _("mm"),
            _("Longest axial diameter and the longest one at right angles to it, necrosis included; * measured by hand"),
            diameters_text,
        ),
        LesionColumn("score", _("Score"), _("How sure the network is, from 0 to 1"), score_text),
        LesionColumn(CHANGE, _("Change"), _("Change of the enhancing volume since the linked examination before"), change_text),
        LesionColumn("measurable", _("Meas."), _("Measurable by RANO-BM: at least 10 mm by 5 mm, on two slices or more"), measurable_text),
        LesionColumn("class", _("Class"), _("What a person says it is"), lambda entry: class_text(entry.lesion_class)),
        LesionColumn("origin", _("Made by"), _("The network (AI), the network and then a person, or a person"), origin_text),
    )


def row_tooltip(entry: ListedLesion) -> str:
    """What appears when the pointer rests on a row."""
    lines = [text for text in (entry.lesion.location, entry.lesion.measurements.measurability.reason) if text]
    if entry.left_out == TAKEN_OUT:
        lines.append(_("Taken out: {reason}").format(reason=entry.lesion.removed))
    if entry.comment:
        lines.append(entry.comment)
    return "\n".join(lines)


def totals_text(listed: Iterable[ListedLesion]) -> str:
    """Count and enhancing volume of the lesions that count, and how many do not."""
    listed = tuple(listed)
    lesions = counted(listed)
    count = _("1 lesion") if len(lesions) == 1 else _("{count} lesions").format(count=len(lesions))
    parts = [_("{lesions}, {volume} mL enhancing").format(lesions=count, volume=f"{total_enhancing_ml(lesions):.2f}")]
    open_ones = sum(not entry.left_out and entry.review == tags.UNREVIEWED for entry in listed)
    if lesions:
        parts.append(_("{count} not reviewed yet").format(count=open_ones) if open_ones else _("all reviewed"))
    for reason, sentence in (
        (tags.REJECTED, _("{count} rejected")),
        (BELOW_SCORE, _("{count} hidden by the score")),
        (TAKEN_OUT, _("{count} taken out by post-processing")),
    ):
        number = sum(entry.left_out == reason for entry in listed)
        if number:
            parts.append(sentence.format(count=number))
    return " · ".join(parts)


def state_text(entry: ListedLesion) -> str:
    """Review state, or why a lesion is left out, in a word."""
    words = {
        tags.UNREVIEWED: _("open"),
        tags.ACCEPTED: _("accepted"),
        tags.REJECTED: _("rejected"),
        TAKEN_OUT: _("taken out"),
        BELOW_SCORE: _("below score"),
    }
    key = entry.left_out or entry.review
    return words.get(key, key)


def location_text(entry: ListedLesion) -> str:
    """``L frontal`` for the left frontal lobe: the panel is narrow; the tooltip has it in full."""
    text = entry.lesion.location.removesuffix(" lobe").removesuffix(" matter")
    for side, letter in (("left ", _("L")), ("right ", _("R"))):
        if text.startswith(side):
            return f"{letter} {text.removeprefix(side)}"
    return text or "–"


def class_text(name: str) -> str:
    """A class as people read it; an own word stays as it is."""
    words = {
        "metastasis": _("metastasis"),
        "meningioma or schwannoma": _("meningioma or schwannoma"),
        "vascular": _("vascular"),
        "post-operative": _("post-operative"),
        "uncertain": _("uncertain"),
    }
    return words.get(name, name)


def diameters_text(entry: ListedLesion) -> Value:
    """``12.3 × 8.1``, with a star where a person measured."""
    pair = entry.lesion.measurements.whole
    star = "*" if pair.manual else ""
    return Worded(f"{pair.longest_mm:.1f} × {pair.perpendicular_mm:.1f}{star}", pair.longest_mm)


def score_text(entry: ListedLesion) -> Value:
    """The score; nothing where no network made the lesion."""
    return "" if entry.lesion.score is None else Figure(entry.lesion.score, 2)


def change_text(entry: ListedLesion) -> Value:
    """``-35 %``; nothing where there is no examination before."""
    change = entry.change_percent
    return "" if change is None else Worded(f"{change:+.0f} %", change)


def measurable_text(entry: ListedLesion) -> str:
    """Whether it is measurable."""
    return _("yes") if entry.lesion.measurements.measurability.measurable else _("no")


def origin_text(entry: ListedLesion) -> str:
    """Who made the outline."""
    words = {"AI": _("AI"), "AI, edited": _("AI, edited"), "manual": _("manual")}
    return words.get(entry.origin, entry.origin)
