"""Table nodes: derived from tags and masks, and rebuilt at any time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer
import vtk

from BrainMetsAILib.exchange.lesion_columns import COLUMNS
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.segments import left_out, origin_of, read_lesion_list, segments_by_uid

# A scene file turns an empty cell into "nan".
MISSING = "–"


def lesion_table(segmentation: Any, table: Any = None, name: str = "") -> Any:
    """The lesion list as a table node: the columns of the CSV file, then review, removal, origin, and why a lesion is left out of totals.

    Parameters
    ----------
    segmentation
        Written by `segments.write_lesions`; lesions that do not count are listed too, marked as such.
    table
        A table node to rebuild; a new one without it.
    name
        Name of a new table.

    Notes
    -----
    Numbers are rounded to what they are worth: a scene file keeps six digits of a number.
    """
    table = table or slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", slicer.mrmlScene.GenerateUniqueName(name or "Lesions"))
    lesions = read_lesion_list(segmentation, include_rejected=True)
    columns: list[tuple[str, Sequence[object]]] = []
    for entry in COLUMNS:
        if entry.decimals is not None:
            values: list[object] = [_number(entry.text(lesion)) for lesion in lesions]
        elif all(isinstance(entry.value(lesion), int) and not isinstance(entry.value(lesion), bool) for lesion in lesions) and lesions:
            values = [entry.value(lesion) for lesion in lesions]
        else:
            values = [entry.text(lesion) or MISSING for lesion in lesions]
        columns.append((entry.heading, values))
    content = segmentation.GetSegmentation()
    by_uid = segments_by_uid(segmentation)
    ids = [by_uid[lesion.lesion_uid] for lesion in lesions]
    columns.append(("Review", [tags.read_tag(content.GetSegment(segment_id), tags.REVIEW) or MISSING for segment_id in ids]))
    columns.append(("Removed", [lesion.removed or MISSING for lesion in lesions]))
    columns.append(("Origin", [origin_of(segmentation, segment_id) for segment_id in ids]))
    columns.append(("Left out", [left_out(segmentation, segment_id) or MISSING for segment_id in ids]))
    fill_table(table, columns)
    return table


def fill_table(table: Any, columns: Sequence[tuple[str, Sequence[object]]]) -> None:
    """Replace all columns of a table node: numbers as doubles or ints, everything else as text."""
    with slicer.util.NodeModify(table):
        table.RemoveAllColumns()
        for title, values in columns:
            if values and all(isinstance(value, int) for value in values):
                column: Any = vtk.vtkIntArray()
            elif values and all(isinstance(value, float) for value in values):
                column = vtk.vtkDoubleArray()
            else:
                column = vtk.vtkStringArray()
            column.SetName(title)
            for value in values:
                column.InsertNextValue(value if not isinstance(column, vtk.vtkStringArray) else str(value))
            table.AddColumn(column)
        table.SetLocked(True)


def _number(text: str) -> float:
    return float(text) if text else float("nan")
