"""What to copy into a radiology report: a few plain lines, without signs that reporting systems may not know."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from BrainMetsAILib.exchange.examined import ExaminationFacts
from BrainMetsAILib.exchange.response_summary import ResponseSummary
from BrainMetsAILib.exchange.short_figures import date_text, ml_text, mm_text
from BrainMetsAILib.lesions.lesion_list import Lesion, total_enhancing_ml
from BrainMetsAILib.models.finding import Provenance

LISTED = 10
"""So many lesions are listed one by one; a longer list belongs into an attachment."""

METASTASIS = "metastasis"
RESEARCH_USE = (
    "BrainMetsAI is for research, not for clinical decisions; it was never made for leptomeningeal, dural or skull metastases, and finding "
    "none says nothing about them."
)
SYNTHETIC = "SYNTHETIC: the lesions in this image were put there by a computer. Nothing here describes a patient."


@dataclass(frozen=True)
class ReportContent:
    """Everything that the text says.

    Attributes
    ----------
    facts
        What is known of the examination.
    spacing_mm
        Of its voxels, mm; ``None`` where the image is gone.
    lesions
        Those that count.
    provenance
        What found them; ``None`` where no network did.
    classes
        Lesion UID → what the reader calls it, where it was said.
    unreviewed
        UIDs of the lesions that nobody has judged.
    signed
        ``Dr. Example, 2026-01-31 14:05``; empty where nobody signed.
    changed_since_signed
        Whether something was changed after that.
    response
        The comparison with an earlier examination, where there is one.
    baseline_date
        Of the earlier examination, YYYYMMDD; empty where not known.
    changed_since_compared
        Whether lesions were changed after the comparison.
    """

    facts: ExaminationFacts
    spacing_mm: tuple[float, float, float] | None
    lesions: Sequence[Lesion]
    provenance: Provenance | None = None
    classes: Mapping[str, str] = field(default_factory=dict)
    unreviewed: Sequence[str] = ()
    signed: str = ""
    changed_since_signed: bool = False
    response: ResponseSummary | None = None
    baseline_date: str = ""
    changed_since_compared: bool = False


def report_text(content: ReportContent) -> str:
    """The text: paragraphs with an empty line between them, no trailing newline."""
    paragraphs = [
        SYNTHETIC if content.facts.synthetic else "",
        _technique(content),
        "\n".join(_findings(content)),
        "\n".join(_response(content, content.response)) if content.response is not None else "",
        "Limits: " + " ".join(content.facts.warnings) if content.facts.warnings else "",
        f"{_review(content)}\n{RESEARCH_USE}",
    ]
    return _plain("\n\n".join(paragraph for paragraph in paragraphs if paragraph))


def _technique(content: ReportContent) -> str:
    known = [date_text(content.facts.study_date), content.facts.description]
    if content.spacing_mm is not None:
        known.append(f"voxels {_by(*content.spacing_mm)}")
    details = ", ".join(part for part in known if part)
    made = content.provenance
    found = f"Lesions found with BrainMetsAI (network {made.model}, version {made.version})" if made else "Lesions outlined by a person"
    return f"Technique: contrast-enhanced T1-weighted MRI of the head{f' ({details})' if details else ''}. {found}."


def _findings(content: ReportContent) -> list[str]:
    lesions = sorted(content.lesions, key=lambda lesion: -lesion.measurements.whole.longest_mm)
    if not lesions:
        return ["Findings: no lesion outlined. That does not mean that there is none."]
    necrotic = sum(lesion.measurements.necrotic_ml for lesion in lesions)
    measurable = sum(lesion.measurements.measurability.measurable for lesion in lesions)
    apart = f" ({ml_text(necrotic)} mL of necrosis excluded)" if necrotic else ""
    lines = [
        f"Findings: {_count(len(lesions), 'lesion')}, {ml_text(total_enhancing_ml(lesions))} mL enhancing in total{apart}; "
        f"{measurable or 'none'} measurable by RANO-BM.{_classes(content, lesions)}"
    ]
    if len(lesions) > 1:
        first = lesions[0].measurements
        place = f" in the {lesions[0].location}" if lesions[0].location else ""
        size = _by(first.whole.longest_mm, first.whole.perpendicular_mm)
        lines.append(f"Largest: {lesions[0].name}{place}, {size}, {ml_text(first.enhancing_ml)} mL enhancing.")
    lines.append("Lesion, longest axial diameter x perpendicular (whole lesion), enhancing volume (necrosis excluded), necrosis, location:")
    lines.extend(_rows(content, lesions[:LISTED]))
    rest = lesions[LISTED:]
    if rest:
        largest = max(lesion.measurements.whole.longest_mm for lesion in rest)
        lines.append(
            f"and {len(rest)} more, each at most {mm_text(largest)} mm long, {ml_text(total_enhancing_ml(rest))} mL enhancing together."
        )
    return lines


def _rows(content: ReportContent, lesions: Sequence[Lesion]) -> list[str]:
    """Columns padded with spaces, each figure with its unit, so that the rows read well in any font."""
    rows = []
    for lesion in lesions:
        measured = lesion.measurements
        called = content.classes.get(lesion.lesion_uid, "")
        rows.append(
            (
                lesion.name,
                _by(measured.whole.longest_mm, measured.whole.perpendicular_mm),
                f"{ml_text(measured.enhancing_ml)} mL",
                f"{ml_text(measured.necrotic_ml)} mL" if measured.necrotic_ml else "no necrosis",
                (lesion.location or "location not known") + (f" [{called}]" if called not in ("", METASTASIS) else ""),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return ["  ".join((*(cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)), row[4])) for row in rows]


def _classes(content: ReportContent, lesions: Sequence[Lesion]) -> str:
    """How many of each kind, once the reader called any lesion something else than a metastasis."""
    called = Counter(content.classes.get(lesion.lesion_uid, "") or "not classified" for lesion in lesions)
    if set(called) <= {"not classified", METASTASIS}:
        return ""
    return f" By class: {', '.join(f'{count} {name}' for name, count in called.most_common())}."


def _response(content: ReportContent, response: ResponseSummary) -> list[str]:
    earlier = f"the examination of {date_text(content.baseline_date)}" if content.baseline_date else "the baseline examination"
    readings = "; ".join(f"{reading.title}: {reading.category}" for reading in response.readings)
    fates = Counter(row.fate for row in response.rows)
    changes = f" Lesions: {', '.join(f'{count} {fate}' for fate, count in fates.most_common())}." if fates else ""
    lines = [f"Response, compared with {earlier}, from images alone (no steroids, no clinical state): {readings}.{changes}"]
    if content.changed_since_compared:
        lines.append("OUTDATED: lesions were changed after this comparison; compare again.")
    return lines


def _review(content: ReportContent) -> str:
    open_names = [lesion.name for lesion in content.lesions if lesion.lesion_uid in content.unreviewed]
    if open_names:
        names = ", ".join(open_names[:LISTED]) + (", ..." if len(open_names) > LISTED else "")
        reviewed = f"NOT REVIEWED by a person: {len(open_names)} of {_count(len(content.lesions), 'lesion')} ({names})."
    else:
        reviewed = "All lesions were reviewed by a person." if content.lesions else ""
    if not content.signed:
        signed = "Not signed off."
    elif content.changed_since_signed:
        signed = f"CHANGED since it was signed by {content.signed}."
    else:
        signed = f"Signed off by {content.signed}."
    return f"Review: {f'{reviewed} ' if reviewed else ''}{signed}"


def _by(*lengths_mm: float) -> str:
    return " x ".join(mm_text(length) for length in lengths_mm) + " mm"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _plain(text: str) -> str:
    """Typographic signs as plain ones; letters of names stay."""
    for sign, plain in (("×", "x"), ("–", "-"), ("—", "-"), ("≥", ">="), ("≤", "<="), ("→", "->"), ("’", "'"), ("“", '"'), ("”", '"')):
        text = text.replace(sign, plain)
    return unicodedata.normalize("NFC", text)
