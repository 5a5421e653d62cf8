"""Lesions and response as text for a terminal."""

from collections.abc import Sequence

from BrainMetsAILib.exchange.lesion_columns import column
from BrainMetsAILib.exchange.response_summary import ResponseSummary
from BrainMetsAILib.lesions.lesion_list import Lesion, total_enhancing_ml

_HEADINGS = ("Lesion", "Volume mL", "Interval mL", "Enhancing mL", "Necrotic %", "Diameters mm", "Measurable", "Score", "Centre R A S mm")


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they need to be; the first to the left, the others to the right."""
    widths = [max(len(line[n]) for line in (header, *rows)) for n in range(len(header))]
    lines = [
        "  ".join(_aligned(cell, width, n) for n, (cell, width) in enumerate(zip(line, widths, strict=True))) for line in (header, *rows)
    ]
    return "\n".join(line.rstrip() for line in (lines[0], "  ".join("-" * width for width in widths), *lines[1:]))


def lesion_table(lesions: Sequence[Lesion]) -> str:
    """One line a lesion, and the patient's enhancing volume."""
    if not lesions:
        return "No lesion was found."
    rows = [_lesion_row(lesion) for lesion in lesions]
    count = "1 lesion" if len(lesions) == 1 else f"{len(lesions)} lesions"
    return f"{text_table(_HEADINGS, rows)}\n{count}, {total_enhancing_ml(lesions):.2f} mL enhancing."


def response_text(summary: ResponseSummary) -> str:
    """One line a lesion, then the readings with their reasons and the notes."""
    header = ("Lesion", "Change", "Baseline", "Follow-up", "Enhancing mL", "Change %", "Longest mm", "RANO-BM", "Volumetric")
    rows = [
        (
            row.name,
            row.fate,
            " + ".join(row.baseline_names) or "–",
            " + ".join(row.follow_up_names) or "–",
            f"{_number(row.baseline_enhancing_ml, 2)} → {_number(row.follow_up_enhancing_ml, 2)}",
            "" if row.change_percent is None else f"{row.change_percent:+.0f}",
            f"{_number(row.baseline_longest_mm, 1)} → {_number(row.follow_up_longest_mm, 1)}",
            row.diameter_category,
            row.volumetric_category,
        )
        for row in summary.rows
    ]
    lines = [text_table(header, rows) if rows else "No lesion in either examination.", ""]
    lines += [f"{reading.title}: {reading.category}. {' '.join(reading.reasons)}".rstrip() for reading in summary.readings]
    lines += [f"Note: {note}" for note in summary.notes]
    return "\n".join(lines)


def _lesion_row(lesion: Lesion) -> tuple[str, ...]:
    size = lesion.measurements
    return (
        lesion.name,
        f"{size.volume_ml:.3f}",
        f"{size.volume_low_ml:.3f}–{size.volume_high_ml:.3f}",
        f"{size.enhancing_ml:.3f}",
        f"{100 * size.necrotic_fraction:.0f}",
        f"{size.whole.longest_mm:.1f} × {size.whole.perpendicular_mm:.1f}",
        column("rano_bm_measurable").text(lesion),
        column("score").text(lesion),
        " ".join(f"{value:.0f}" for value in size.centroid_ras),
    )


def _number(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:.{decimals}f}"


def _aligned(cell: str, width: int, place: int) -> str:
    return cell.ljust(width) if place == 0 else cell.rjust(width)
