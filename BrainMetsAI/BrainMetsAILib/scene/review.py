"""A finding as nodes of the scene, and an examination read back from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import SimpleITK as sitk
import slicer

from BrainMetsAILib.exchange.examined import ExaminationFacts, ReviewedExamination
from BrainMetsAILib.images.examination import ImageRefused
from BrainMetsAILib.lesions.lesion_list import LesionSet, lesion_set, new_uid
from BrainMetsAILib.models.finding import Finding
from BrainMetsAILib.scene.history import History, NoHistory
from BrainMetsAILib.scene.log import append_log
from BrainMetsAILib.scene.masks import grid_of, reference_grid, share_voxels
from BrainMetsAILib.scene.rerun import replace_untouched
from BrainMetsAILib.scene.segments import new_segmentation, read_lesions, set_necrosis, write_lesions
from BrainMetsAILib.scene.settings import EXAMINATION_UID, begin_least_score, read_facts, read_provenance, settings_node, write_examination
from BrainMetsAILib.scene.shown import show_counted
from BrainMetsAILib.scene.tables import lesion_table
from BrainMetsAILib.scene.translation import tr as _
from BrainMetsAILib.scene.volumes import add_probability, check_same_grid, volume_image

# Roles of the segmentation node's references to the other nodes of its examination.
PROBABILITY_ROLE = "BrainMetsAI.Probability"
NECROSIS_ROLE = "BrainMetsAI.NecrosisProbability"
TABLE_ROLE = "BrainMetsAI.LesionTable"
SEGMENTATION_ROLE = "BrainMetsAI.Segmentation"  # of the settings node: the examinations, in the order they came


@dataclass(frozen=True)
class ReviewNodes:
    """The nodes of one examination; any but the segmentation may be ``None`` after a person deleted it."""

    volume: Any
    segmentation: Any
    probability: Any
    necrosis_probability: Any
    table: Any


def write_review(
    volume_node: Any,
    finding: Finding,
    lesions: LesionSet | None = None,
    facts: ExaminationFacts | None = None,
    history: History | None = None,
) -> ReviewNodes:
    """Put a finding into the scene; a second finding in the same volume goes into the same nodes.

    Parameters
    ----------
    volume_node
        The volume that was looked at.
    finding
        On the volume's grid.
    lesions
        The lesions of the finding, where they were measured already (so that files and scene share UIDs).
    facts
        What is known of the examination; by default the volume's name.
    history
        Saved before lesions that are there change, so that an undo afterwards takes back the run and nothing else.

    Raises
    ------
    ValueError
        If the finding is not on the volume's grid, or the lesions that are there are not any more; nothing has been changed then.

    Notes
    -----
    Run again, lesions that a person judged, edited or drew stay exactly as they are, and new candidates that touch them are left out.
    """
    lesions = _with_removed(lesions or lesion_set(finding.labels, finding.necrosis_mask, finding.scores, finding.locations), finding)
    check_same_grid(volume_node, lesions.labels)
    facts = facts or ExaminationFacts(description=volume_node.GetName())
    segmentation = review_of(volume_node)
    again = segmentation is not None
    if again:
        if not share_voxels(grid_of(segmentation), reference_grid(segmentation)):
            sentence = _("“{name}” was moved or turned since its lesions were found: undo that, or search a copy of the volume.")
            raise ValueError(sentence.format(name=volume_node.GetName()))
        (history or NoHistory()).save()
        replace_untouched(segmentation, lesions, finding.provenance)
    else:
        segmentation = write_lesions(volume_node, lesions, finding.provenance, f"{volume_node.GetName()} lesions")
        _enlist(segmentation)
    write_examination(segmentation, facts, finding.provenance)
    begin_least_score(finding.provenance.balanced_score)
    show_counted(segmentation)
    enhancing, necrosis = (sitk.Cast(entry, sitk.sitkFloat32) for entry in (finding.enhancing, finding.necrosis))
    put_maps(segmentation, volume_node, {PROBABILITY_ROLE: sitk.Add(enhancing, necrosis), NECROSIS_ROLE: necrosis})
    table = lesion_table(segmentation, segmentation.GetNodeReference(TABLE_ROLE), f"{volume_node.GetName()} lesion table")
    segmentation.SetNodeReferenceID(TABLE_ROLE, table.GetID())
    append_log(
        "found again" if again else "found",
        examination=segmentation.GetAttribute(EXAMINATION_UID),
        volume=volume_node.GetName(),
        lesions=sum(not lesion.removed for lesion in lesions.lesions),
        removed=sum(bool(lesion.removed) for lesion in lesions.lesions),
        model=finding.provenance.model,
        version=finding.provenance.version,
        sha256=finding.provenance.sha256,
        voxel_threshold=finding.provenance.voxel_threshold,
    )
    return review_nodes(segmentation)


def begin_review(volume_node: Any, facts: ExaminationFacts | None = None) -> ReviewNodes:
    """An examination without a finding, for lesions that a person brings or draws; where the volume has one already, that one."""
    segmentation = review_of(volume_node)
    if segmentation is None:
        segmentation = new_segmentation(volume_node, f"{volume_node.GetName()} lesions")
        set_necrosis(segmentation, None)
        _enlist(segmentation)
        write_examination(segmentation, facts or ExaminationFacts(description=volume_node.GetName()), None)
        table = lesion_table(segmentation, None, f"{volume_node.GetName()} lesion table")
        segmentation.SetNodeReferenceID(TABLE_ROLE, table.GetID())
        append_log("begun", examination=segmentation.GetAttribute(EXAMINATION_UID), volume=volume_node.GetName())
    return review_nodes(segmentation)


def _enlist(segmentation: Any) -> None:
    """Make a segmentation known as an examination."""
    segmentation.SetAttribute(EXAMINATION_UID, new_uid())
    settings_node().AddNodeReferenceID(SEGMENTATION_ROLE, segmentation.GetID())


def _with_removed(lesions: LesionSet, finding: Finding) -> LesionSet:
    """The lesions and behind them what post-processing took out, for the scene keeps both."""
    removed = finding.removed
    if removed is None:
        return lesions
    more = lesion_set(removed.labels, finding.necrosis_mask, removed.scores, finding.locations)
    marked = tuple(replace(lesion, removed=removed.reasons[lesion.number]) for lesion in more.lesions)
    labels = sitk.Add(sitk.Cast(lesions.labels, sitk.sitkUInt16), sitk.Cast(more.labels, sitk.sitkUInt16))
    return LesionSet(labels, more.necrosis, (*lesions.lesions, *marked))


def review_nodes(segmentation: Any) -> ReviewNodes:
    """The nodes that belong to a segmentation."""
    return ReviewNodes(
        volume=segmentation.GetNodeReference(segmentation.GetReferenceImageGeometryReferenceRole()),
        segmentation=segmentation,
        probability=segmentation.GetNodeReference(PROBABILITY_ROLE),
        necrosis_probability=segmentation.GetNodeReference(NECROSIS_ROLE),
        table=segmentation.GetNodeReference(TABLE_ROLE),
    )


def reviews() -> list[Any]:
    """The segmentation nodes that BrainMetsAI wrote into the scene, oldest first."""
    settings = settings_node()
    count = settings.GetNumberOfNodeReferences(SEGMENTATION_ROLE)
    listed = [settings.GetNthNodeReference(SEGMENTATION_ROLE, index) for index in range(count)]
    found = [node for node in listed if node is not None]
    # Loading a scene onto another re-points the settings node's references: what is marked counts too.
    marked = [node for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if node.GetAttribute(EXAMINATION_UID)]
    return found + [node for node in marked if node not in found]


def review_of(volume_node: Any) -> Any:
    """The segmentation that BrainMetsAI wrote for a volume; ``None`` where there is none."""
    return next((node for node in reviews() if review_nodes(node).volume is volume_node), None)


def read_examination(segmentation: Any) -> ReviewedExamination:
    """Everything that CSV, pictures and report need, measured from the masks as they are now, of the lesions that count.

    Raises
    ------
    ImageRefused
        If the volume is gone from the scene.
    """
    volume = review_nodes(segmentation).volume
    if volume is None:
        sentence = _("The volume of “{name}” is no longer in the scene; load it again.")
        raise ImageRefused(sentence.format(name=segmentation.GetName()))
    return ReviewedExamination(
        facts=read_facts(segmentation),
        image=volume_image(volume),
        lesions=read_lesions(segmentation),
        provenance=read_provenance(segmentation),
    )


def put_maps(segmentation: Any, volume_node: Any, maps: Mapping[str, sitk.Image]) -> None:
    """Put probability maps into the scene, in the volume's place; those of an earlier finding are written over.

    Parameters
    ----------
    maps
        By reference role: `PROBABILITY_ROLE`, that of lesion, enhancing or necrotic; `NECROSIS_ROLE`. Float, 0 to 1, on the volume's grid.
    """
    titles = {PROBABILITY_ROLE: "lesion probability", NECROSIS_ROLE: "necrosis probability"}
    for role, image in maps.items():
        node = add_probability(image, f"{volume_node.GetName()} {titles[role]}", segmentation.GetNodeReference(role))
        node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
        segmentation.SetNodeReferenceID(role, node.GetID())
