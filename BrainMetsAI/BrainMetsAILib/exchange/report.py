"""The report: one HTML file that holds everything, pictures included, and runs nothing."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from BrainMetsAILib.exchange.examined import ExaminationFacts, ReviewedExamination
from BrainMetsAILib.exchange.lesion_columns import Column, column
from BrainMetsAILib.exchange.pictures import Picture
from BrainMetsAILib.exchange.report_style import STYLE
from BrainMetsAILib.exchange.response_summary import ResponseRow, ResponseSummary
from BrainMetsAILib.exchange.short_figures import date_text, ml_text, mm_text
from BrainMetsAILib.lesions.lesion_list import Lesion, total_enhancing_ml

RESEARCH_USE = (
    "For research only, not for clinical decisions. Every outline and figure here was made by a computer and must be checked by a person. "
    "It looks for metastases within the brain; it was never made for leptomeningeal, dural or skull metastases, and finding none says "
    "nothing about them."
)
SYNTHETIC = "Synthetic: the lesions in these images were put there by a computer. No figure here describes a patient."


def write_report(
    path: Path,
    examination: ReviewedExamination,
    pictures: Sequence[Picture],
    follow_up: ReviewedExamination | None = None,
    summary: ResponseSummary | None = None,
) -> None:
    """Write the report of one examination, or of two compared.

    Parameters
    ----------
    path
        The HTML file.
    examination
        The only one, or the baseline.
    pictures
        From `pictures.review_pictures`; they go into the file.
    follow_up, summary
        The second examination and the comparison.
    """
    path.write_text(report_html(examination, pictures, follow_up, summary), encoding="utf-8")


def report_html(
    examination: ReviewedExamination,
    pictures: Sequence[Picture],
    follow_up: ReviewedExamination | None = None,
    summary: ResponseSummary | None = None,
) -> str:
    """The report as text; see `write_report`. Everything that comes from outside is escaped."""
    reviewed = [examination] if follow_up is None else [examination, follow_up]
    title = "Brain metastases: review" if follow_up is None else "Brain metastases: review and response"
    parts = [f"<h1>{title}</h1>", _notice(RESEARCH_USE)]
    if any(entry.facts.synthetic for entry in reviewed):
        parts.append(_notice(SYNTHETIC))
    parts.append(_facts_table([entry.facts for entry in reviewed]))
    if summary is not None:
        parts.append(_response(summary))
    for entry in reviewed:
        parts.append(_findings(entry))
    parts.append(_pictures(pictures))
    parts.append(_provenance(reviewed))
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _notice(*sentences: str) -> str:
    if len(sentences) == 1:
        return f'<div class="notice">{escape(sentences[0])}</div>'
    return f'<div class="notice"><ul>{"".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)}</ul></div>'


def _facts_table(facts: Sequence[ExaminationFacts]) -> str:
    rows = (
        ("Patient", [entry.patient.name.replace("^", ", ", 1).replace("^", " ").strip(" ,") for entry in facts]),
        ("Patient ID", [entry.patient.patient_id for entry in facts]),
        ("Born", [date_text(entry.patient.birth_date) for entry in facts]),
        ("Sex", [entry.patient.sex for entry in facts]),
        ("Examined", [date_text(entry.study_date) for entry in facts]),
        ("Image", [entry.description for entry in facts]),
    )
    head = ""
    if len(facts) > 1:
        head = f"<tr><th></th>{''.join(f'<th>{escape(entry.title)}</th>' for entry in facts)}</tr>"
    lines = []
    for name, values in rows:
        if any(values):
            cells = "".join(f"<td>{escape(value or 'not known')}</td>" for value in values)
            lines.append(f"<tr><th>{name}</th>{cells}</tr>")
    return f'<table class="facts">{head}{"".join(lines)}</table>'


def _findings(examination: ReviewedExamination) -> str:
    lesions = examination.lesions.lesions
    parts = [f"<h2>{escape(examination.facts.title)}</h2>"]
    if examination.facts.warnings:
        parts.append(_notice(*examination.facts.warnings))
    necrotic = sum(lesion.measurements.necrotic_ml for lesion in lesions)
    measurable = sum(lesion.measurements.measurability.measurable for lesion in lesions)
    parts.append(
        _figures(
            ("lesion" if len(lesions) == 1 else "lesions", str(len(lesions))),
            ("enhancing in total", f"{total_enhancing_ml(lesions):.2f} mL"),
            ("necrotic in total", f"{necrotic:.2f} mL"),
            ("measurable (RANO-BM)", str(measurable)),
        )
    )
    if lesions:
        parts.append(_lesion_table(lesions))
        parts.append(
            '<p class="faint">Volume: what the outline encloses, necrosis included; in brackets what it would be with the outline half '
            "a voxel further in or out. Diameters: longest axial one and its perpendicular, across the whole outline and within enhancing "
            "tissue only. Centre: from the scanner’s origin. Measurable after RANO-BM: at least 10 by 5 mm on two or more slices. "
            "Score: how sure the network is, 0 to 1.</p>"
        )
    else:
        parts.append("<p>No lesion was found. That does not mean that there is none.</p>")
    return "\n".join(parts)


def _figures(*figures: tuple[str, str]) -> str:
    return f'<div class="figures">{"".join(f"<div><b>{escape(value)}</b>{escape(name)}</div>" for name, value in figures)}</div>'


def _short(entry: Column, lesion: Lesion) -> str:
    value = entry.value(lesion)
    if isinstance(value, float) and entry.unit == "mL":
        return ml_text(value)
    if isinstance(value, float) and entry.unit == "mm":
        return mm_text(value)
    return entry.text(lesion, "–")


def _lesion_table(lesions: Iterable[Lesion]) -> str:
    def text(lesion: Lesion, key: str) -> str:
        return escape(_short(column(key), lesion))

    def pair(lesion: Lesion, first: str, second: str) -> str:
        return "–" if column(first).value(lesion) is None else f"{text(lesion, first)} × {text(lesion, second)}"

    sizes = ("Volume (mL)", "Enhancing (mL)", "Necrotic (mL)", "Diameters (mm)", "Enhancing diameters (mm)", "3D (mm)")
    headings = ("Lesion", *sizes, "Centre (mm)", "Score")
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    rows = []
    for lesion in lesions:
        measured = lesion.measurements
        low, high = text(lesion, "volume_low_ml"), text(lesion, "volume_high_ml")
        necrotic = text(lesion, "necrotic_ml") + (f" ({100 * measured.necrotic_fraction:.0f} %)" if measured.necrotic_ml > 0 else "")
        r, a, s = measured.centroid_ras
        place = f"{abs(r):.0f} {'R' if r >= 0 else 'L'}, {abs(a):.0f} {'A' if a >= 0 else 'P'}, {abs(s):.0f} {'S' if s >= 0 else 'I'}"
        score = "–" if lesion.score is None else f"{lesion.score:.2f}"
        measurable = "measurable" if measured.measurability.measurable else "not measurable"
        reason = "" if measured.measurability.measurable else f"<br><span class=faint>{escape(measured.measurability.reason)}</span>"
        cells = (
            f"{text(lesion, 'volume_ml')}<br><span class=faint>({low}–{high})</span>",
            text(lesion, "enhancing_ml"),
            necrotic,
            pair(lesion, "longest_diameter_mm", "perpendicular_diameter_mm") + (" by hand" if measured.whole.manual else ""),
            pair(lesion, "enhancing_longest_diameter_mm", "enhancing_perpendicular_mm"),
            text(lesion, "diameter_3d_mm"),
            place,
            score,
        )
        rows.append(
            f"<tr><td><b>{escape(lesion.name)}</b></td>{''.join(f'<td>{cell}</td>' for cell in cells)}"
            f"<td class=text>{measurable}{reason}</td></tr>"
        )
    return f'<div class="wide"><table><thead><tr>{head}<th class=text>RANO-BM</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _response(summary: ResponseSummary) -> str:
    parts = ["<h2>Response</h2>", '<div class="readings">']
    for reading in summary.readings:
        reasons = "".join(f"<li>{escape(reason)}</li>" for reason in reading.reasons)
        parts.append(f"<section><h3>{escape(reading.title)}</h3><b>{escape(reading.category)}</b><ul>{reasons}</ul></section>")
    parts.append("</div>")
    if summary.notes:
        parts.append(_notice(*summary.notes))
    volumes, lengths = ("Baseline (mL)", "Follow-up (mL)", "Change"), ("Baseline (mm)", "Follow-up (mm)", "Change")
    headings = ("Lesion", *volumes, "By volume", *lengths, "By diameter")
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    rows = "".join(_response_row(row) for row in summary.rows)
    parts.append(f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>')
    parts.append(
        '<p class="faint">mL: enhancing volume, necrosis left out. mm: longest axial diameter of the whole outline; * marks the lesions '
        "that the diameter reading adds up. Several lesions on one side are added up.</p>"
    )
    return "\n".join(parts)


def _response_row(row: ResponseRow) -> str:
    def amount(value: float | None) -> str:
        return "–" if value is None else ml_text(value)

    def length(value: float | None) -> str:
        return "–" if value is None else mm_text(value)

    def change(value: float | None) -> str:
        return "–" if value is None else f"{value:+.0f} %"

    cells = (
        amount(row.baseline_enhancing_ml),
        amount(row.follow_up_enhancing_ml),
        change(row.change_percent),
        f'<span title="{escape(row.volumetric_reason)}">{escape(row.volumetric_category or "–")}</span>',
        length(row.baseline_longest_mm) + (" *" if row.target else ""),
        length(row.follow_up_longest_mm),
        change(row.diameter_change_percent),
        f'<span title="{escape(row.diameter_reason)}">{escape(row.diameter_category or "–")}</span>',
    )
    names = " → ".join((" + ".join(row.baseline_names) or "none", " + ".join(row.follow_up_names) or "none"))
    name = f"<b>{escape(row.fate)}</b><br><span class=faint>{escape(names)}</span>"
    return f"<tr><td>{name}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _pictures(pictures: Sequence[Picture]) -> str:
    if not pictures:
        return ""
    parts = ["<h2>Pictures</h2>", '<p class="faint">The patient’s right is on the left of axial and coronal pictures.</p>']
    for picture in pictures:
        data = base64.b64encode(picture.png).decode("ascii")
        caption = escape(picture.caption)
        image = f'<img src="data:image/png;base64,{data}" alt="{caption}" loading="lazy">'
        parts.append(f"<figure>{image}<figcaption>{caption}</figcaption></figure>")
    return "\n".join(parts)


def _provenance(examinations: Sequence[ReviewedExamination]) -> str:
    parts = ["<h2>How it was made</h2>"]
    for entry in examinations:
        made = entry.provenance
        if made is None:
            parts.append(f"<p>{escape(entry.facts.title)}: outlined by a person, not by a network.</p>")
            continue
        rows = (
            ("Network", f"{made.model}, version {made.version}"),
            ("SHA-256 of its weights", made.sha256),
            ("Threshold a voxel", f"{made.voxel_threshold:g}"),
            ("Computed", f"{made.created}, on {made.device}, {made.seconds:.0f} s"),
        )
        lines = "".join(f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in rows)
        parts.append(f'<h3>{escape(entry.facts.title)}</h3><table class="facts">{lines}</table>')
    return "\n".join(parts)
