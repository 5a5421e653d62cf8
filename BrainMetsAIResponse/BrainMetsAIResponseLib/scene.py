"""A comparison as nodes of the scene: the follow-up placed on the baseline, shared tracking UIDs, the response table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
import slicer

from BrainMetsAILib.images.geometry import lps_to_ras
from BrainMetsAILib.scene.layout import show_pair as show_response
from BrainMetsAILib.scene.log import append_log
from BrainMetsAILib.scene.response_record import BASELINE_ROLE, write_response_summary
from BrainMetsAILib.scene.response_record import read_response_summary as read_response
from BrainMetsAILib.scene.review import TABLE_ROLE, ReviewNodes, review_nodes
from BrainMetsAILib.scene.segments import segment_of
from BrainMetsAILib.scene.settings import EXAMINATION_UID
from BrainMetsAILib.scene.tables import MISSING, fill_table, lesion_table
from BrainMetsAILib.scene.tracking import share_tracking
from BrainMetsAILib.scene.volumes import array_of_matrix, vtk_matrix
from BrainMetsAIResponseLib.report import summarise
from BrainMetsAIResponseLib.response import PatientResponse
from BrainMetsAIResponseLib.response_words import HEADERS, response_rows

# Roles of the follow-up segmentation's references, so that comparing again writes into the same nodes.
TRANSFORM_ROLE = "BrainMetsAI.Registration"
RESPONSE_ROLE = "BrainMetsAI.ResponseTable"

__all__ = ["BASELINE_ROLE", "ResponseNodes", "matrix_of", "read_response", "response_table", "show_response", "write_response"]

_NUMBERS = frozenset(header for header in HEADERS if any(unit in header for unit in ("(mL)", "(mm)", "(%)")))


@dataclass(frozen=True)
class ResponseNodes:
    """What a comparison adds: the rigid transform of the follow-up, and the table."""

    transform: Any
    table: Any


def write_response(baseline_segmentation: Any, follow_up_segmentation: Any, response: PatientResponse) -> ResponseNodes:
    """Put a comparison into the scene; comparing the same two again writes into the same nodes.

    The follow-up's volume, overlays and segmentation go under a rigid transform onto the baseline; no mask is resampled, and what is
    measured stays in each examination's own space. Matched lesions share a tracking UID and a colour.
    """
    follow_up = review_nodes(follow_up_segmentation)
    transform = _transform_node(baseline_segmentation, follow_up_segmentation, response.transform, follow_up)
    for node in (follow_up.volume, follow_up.segmentation, follow_up.probability, follow_up.necrosis_probability):
        if node is not None:
            node.SetAndObserveTransformNodeID(transform.GetID())
    _share_identity(baseline_segmentation, follow_up_segmentation, response)
    for segmentation in (baseline_segmentation, follow_up_segmentation):  # they show tracking UIDs
        if segmentation.GetNodeReference(TABLE_ROLE) is not None:
            lesion_table(segmentation, segmentation.GetNodeReference(TABLE_ROLE))
    table = response_table(response, follow_up_segmentation.GetNodeReference(RESPONSE_ROLE))
    follow_up_segmentation.SetNodeReferenceID(TRANSFORM_ROLE, transform.GetID())
    follow_up_segmentation.SetNodeReferenceID(RESPONSE_ROLE, table.GetID())
    table.SetAttribute(EXAMINATION_UID, follow_up_segmentation.GetAttribute(EXAMINATION_UID))
    summary = summarise(response)
    write_response_summary(baseline_segmentation, follow_up_segmentation, summary)
    append_log(
        "compared",
        baseline=baseline_segmentation.GetName(),
        follow_up=follow_up_segmentation.GetName(),
        readings={reading.title: reading.category for reading in summary.readings},
        notes=list(summary.notes),
    )
    return ResponseNodes(transform, table)


def response_table(response: PatientResponse, table: Any = None) -> Any:
    """The comparison as a table node, one row a lesion; rebuilt in place where a node is given."""
    table = table or slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", slicer.mrmlScene.GenerateUniqueName("Response"))
    rows = response_rows(response)
    columns: list[tuple[str, list[object]]] = []
    for header in HEADERS:
        cells = [row[header] for row in rows]
        if header in _NUMBERS:
            columns.append((header, [float(cell) if cell != "" else float("nan") for cell in cells]))
        else:
            columns.append((header, [str(cell).replace('"', "'") or MISSING for cell in cells]))
    fill_table(table, columns)
    return table


def matrix_of(transform: sitk.Transform) -> npt.NDArray[np.float64]:
    """4×4 matrix of an affine SimpleITK transform, between RAS points (mm)."""
    origin = lps_to_ras(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    for axis in range(3):
        matrix[:3, axis] = lps_to_ras(transform.TransformPoint(lps_to_ras(np.eye(3)[axis]).tolist())) - origin
    matrix[:3, 3] = origin
    return matrix


def _transform_node(baseline: Any, follow_up_segmentation: Any, transform: sitk.Transform, follow_up: ReviewNodes) -> Any:
    """The node that places the follow-up on the baseline, wherever that one is shown: the inverse of baseline → follow-up, then what the
    baseline lies under (as the follow-up of an earlier examination).
    """
    node = follow_up_segmentation.GetNodeReference(TRANSFORM_ROLE)
    if node is None:
        volume = follow_up.volume.GetName() if follow_up.volume else follow_up_segmentation.GetName()
        name = slicer.mrmlScene.GenerateUniqueName(f"{volume} to baseline")
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    shown = vtk_matrix(np.eye(4))
    slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(baseline.GetParentTransformNode(), None, shown)
    node.SetMatrixTransformToParent(vtk_matrix(array_of_matrix(shown) @ np.linalg.inv(matrix_of(transform))))
    return node


def _share_identity(baseline: Any, follow_up: Any, response: PatientResponse) -> None:
    """One tracking UID for all that is one lesion, and the baseline's colour at follow-up."""
    share_tracking(baseline, {side.lesion_uid: lesion.tracking_uid for lesion in response.lesions for side in lesion.baseline})
    share_tracking(follow_up, {side.lesion_uid: lesion.tracking_uid for lesion in response.lesions for side in lesion.follow_up})
    with slicer.util.NodeModify(baseline), slicer.util.NodeModify(follow_up):
        for lesion in response.lesions:
            colour = None
            for segmentation, sides in ((baseline, lesion.baseline), (follow_up, lesion.follow_up)):
                for side in sides:
                    segment_id = segment_of(segmentation, side.lesion_uid)
                    if segment_id is None:
                        continue
                    segment = segmentation.GetSegmentation().GetSegment(segment_id)
                    if colour is None:
                        colour = segment.GetColor()
                    elif segmentation is follow_up:
                        segment.SetColor(*colour)
