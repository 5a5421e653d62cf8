"""The section with the comparison: in words, and a table whose rows show their lesion in every view."""

from typing import Any

from slicer.i18n import tr as _

from BrainMetsAILib.exchange.response_summary import ResponseRow, ResponseSummary
from BrainMetsAILib.panel.result_table import Figure, ResultTable, Value
from BrainMetsAILib.scene.layout import show_lesion
from BrainMetsAILib.scene.response_record import BASELINE_ROLE, changed_since_compared
from BrainMetsAILib.scene.segments import lesion_segment_ids
from BrainMetsAILib.scene.tracking import shared_tracking, tracking_uid
from BrainMetsAIResponseLib.panel.choices import Pair, chosen_pair
from BrainMetsAIResponseLib.scene import read_response


class ResultSection:
    """Shows the comparison that the scene holds for the chosen follow-up.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAIResponseResult.ui.
    """

    def __init__(self, ui: Any) -> None:
        self.ui = ui
        categories = _("CR complete response, PR partial response, SD stable disease, PD progressive disease, NE not evaluable")
        headings = (
            (_("Lesion"), _("Name at baseline, or at follow-up where it is new")),
            (_("Change"), _("What became of it, by enhancing volume")),
            (_("mL"), _("Enhancing volume at baseline")),
            (_("→ mL"), _("Enhancing volume at follow-up")),
            (_("%"), _("Change of the enhancing volume")),
            (_("RANO"), _("By diameters (RANO-BM): {categories}").format(categories=categories)),
            (_("Vol."), _("By enhancing volume: {categories}").format(categories=categories)),
            (_("mm"), _("Longest axial diameter at baseline")),
            (_("→ mm"), _("Longest axial diameter at follow-up")),
        )
        self.table = ResultTable(ui.responseTable, headings, self._on_row)

    def refresh(self) -> None:
        """Show what the scene holds."""
        follow_up = chosen_pair().follow_up_lesions
        summary = read_response(follow_up) if follow_up is not None else None
        if summary is None:
            self.table.fill({})
            self.ui.responseSummaryLabel.text = _("Nothing compared yet. Choose two examinations and press “Compare”.")
            return
        rows = {row.tracking_uid: row for row in summary.rows}
        self.table.fill({key: response_row(row) for key, row in rows.items()}, {key: reasons(row) for key, row in rows.items()})
        self.ui.responseSummaryLabel.text = "\n".join([*outdated(chosen_pair()), *summary_lines(summary)])

    def _on_row(self, key: str) -> None:
        pair = chosen_pair()
        for segmentation in (pair.baseline_lesions, pair.follow_up_lesions):
            if segmentation is None:
                continue
            content, shared = segmentation.GetSegmentation(), shared_tracking(segmentation)
            for segment_id in lesion_segment_ids(segmentation):
                if tracking_uid(content.GetSegment(segment_id), shared) == key:
                    show_lesion(segmentation, segment_id)  # the follow-up lies on the baseline: one place for both
                    return


def outdated(pair: Pair) -> list[str]:
    """What to say of a comparison that is not of what is there now."""
    if pair.follow_up_lesions.GetNodeReference(BASELINE_ROLE) is not pair.baseline_lesions:
        return [_("OUTDATED: this comparison was made with another baseline; press “Compare”.")]
    if changed_since_compared(pair.follow_up_lesions):
        return [_("OUTDATED: lesions were changed after this comparison; press “Compare” again.")]
    return []


def response_row(row: ResponseRow) -> tuple[Value, ...]:
    """What the table shows of one lesion."""
    return (
        row.name,
        row.fate,
        _number(row.baseline_enhancing_ml, 3),
        _number(row.follow_up_enhancing_ml, 3),
        _number(row.change_percent, 0),
        row.diameter_category,
        row.volumetric_category,
        _number(row.baseline_longest_mm, 1),
        _number(row.follow_up_longest_mm, 1),
    )


def reasons(row: ResponseRow) -> str:
    """Why a lesion is judged as it is, by each reading."""
    return "\n".join(reason for reason in (row.diameter_reason, row.volumetric_reason) if reason)


def summary_lines(summary: ResponseSummary) -> list[str]:
    """The readings with their reasons, then the notes."""
    readings = [f"{reading.title}: {reading.category}. {' '.join(reading.reasons)}" for reading in summary.readings]
    return [*readings, *summary.notes]


def _number(value: float | None, digits: int) -> Value:
    return "" if value is None else Figure(value, digits)
