"""What the practice section says: a reading in words, and its lesions as rows."""

from slicer.i18n import tr as _

from BrainMetsAILib.exchange.practice_record import Tally
from BrainMetsAILib.lesions.sizes import SIZE_BINS, SizeBin
from BrainMetsAILib.panel.result_table import Figure, Value
from BrainMetsAILib.synthesis.reading import FALSE_CALL, FOUND, MISSED, Outcome, Reading


def practice_names() -> tuple[str, str]:
    """Names of the two volumes of a case."""
    return _("Practice baseline"), _("Practice follow-up")


def time_text(seconds: float) -> str:
    """``4:07``, or ``1:02:09`` from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def help_text(network: str) -> str:
    """Whether a network helped."""
    return _("with the network’s help") if network else _("without the network")


def calls_text(calls: int, unjudged: int) -> str:
    """What would be submitted now."""
    text = _("1 call") if calls == 1 else _("{count} calls").format(count=calls)
    return _("{calls}, {unjudged} of them not yet judged").format(calls=text, unjudged=unjudged) if unjudged else text


def headings() -> tuple[tuple[str, str], ...]:
    """Columns of the table of outcomes."""
    return (
        (_("True"), _("The true lesion; empty for a false call")),
        (_("Yours"), _("Your outline; empty for a missed lesion")),
        (_("Result"), _("Found: one true lesion and one outline overlap, intersection over union at least 0.1")),
        (_("mm"), _("Diameter of the sphere with the true lesion’s volume (of a false call, the outline’s)")),
        (_("Dice"), _("Overlap of your outline and the true one, from 0 to 1")),
        (_("Vol. %"), _("How much your outline is too large (+) or too small (−) in volume")),
        (_("Kind"), _("How the lesion was drawn")),
    )


def outcome_row(outcome: Outcome) -> tuple[Value, ...]:
    """What the table shows of one outcome."""
    found = outcome.result == FOUND
    return (
        outcome.true_name,
        outcome.name,
        result_text(outcome.result),
        Figure(outcome.diameter_mm, 1),
        Figure(outcome.dice, 2) if found else "",
        "" if outcome.volume_error is None else Figure(round(100.0 * outcome.volume_error) + 0.0, 0),  # never “-0”
        {"solid": _("solid"), "faint": _("faint"), "ring-enhancing": _("ring")}.get(outcome.kind, outcome.kind),
    )


def outcome_key(outcome: Outcome) -> str:
    """What identifies an outcome among those of its reading."""
    return f"{outcome.true_number} {outcome.lesion_uid}"


def result_text(result: str) -> str:
    """Found, missed or false call."""
    return {FOUND: _("found"), MISSED: _("missed"), FALSE_CALL: _("false call")}[result]


def reading_words(reading: Reading, seconds: float, network: str) -> str:
    """A reading in words, a line each: sensitivity and false calls, sensitivity by size, outlines."""
    found, lesions = reading.counted()
    false = len(reading.of(FALSE_CALL))
    sentence = _("{found} of {lesions} lesions found in {time}, {help}; {false}.").format(
        found=found,
        lesions=lesions,
        time=time_text(seconds),
        help=help_text(network),
        false={0: _("no false call"), 1: _("1 false call")}.get(false, _("{count} false calls").format(count=false)),
    )
    lines = [sentence]
    sizes = [_size_text(size, *reading.counted(size)) for size in SIZE_BINS if reading.counted(size)[1]]
    if sizes:
        lines.append(_("Found by size: {sizes}.").format(sizes=", ".join(sizes)))
    if reading.mean_dice is not None and reading.mean_volume_error is not None:
        lines.append(
            _("Outlines of found lesions: mean Dice {dice}, volumes {error} % off on average.").format(
                dice=f"{reading.mean_dice:.2f}", error=f"{100.0 * reading.mean_volume_error:.0f}"
            )
        )
    return "\n".join(lines)


def _size_text(size: SizeBin, found: int, lesions: int) -> str:
    return _("{size} {found} of {lesions}").format(found=found, lesions=lesions, size=size.name)


def tally_words(tally: Tally | None) -> str:
    """The last cases in one line."""
    if tally is None:
        return _("No case in the record yet.")
    name = _("Your last case") if tally.cases == 1 else _("Your last {cases} cases").format(cases=tally.cases)
    sensitivity = f"{100.0 * tally.found / tally.lesions:.0f} %" if tally.lesions else "–"
    return _(
        "{name}: {sensitivity} of {lesions} lesions found, {false} false calls and {time} a case, Dice {dice}; "
        "the network was used in {helped}."
    ).format(
        name=name,
        sensitivity=sensitivity,
        lesions=tally.lesions,
        false=f"{tally.false_calls / tally.cases:.1f}",
        dice="–" if tally.mean_dice is None else f"{tally.mean_dice:.2f}",
        time=time_text(tally.mean_seconds),
        helped=tally.with_network,
    )
