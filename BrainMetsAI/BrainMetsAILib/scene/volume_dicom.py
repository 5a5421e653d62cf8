"""What Slicer knows of a loaded volume beside its voxels: DICOM attributes, its header in the database, or names alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import slicer

from BrainMetsAILib.images.acquisition import Acquisition, from_dicom, from_file_name, other_body_part
from BrainMetsAILib.images.quiet import quiet_readers

SYNTHETIC = "BrainMetsAI.Synthetic"  # node attribute of volumes of practice cases
INSTANCE_UIDS = "DICOM.instanceUIDs"  # node attribute that Slicer's DICOM plugins write


def dicom_attribute(volume: Any, name: str, level: str = "") -> str:
    """An attribute of the volume's own subject hierarchy item, or of the ``Patient`` or ``Study`` above it; empty where there is none."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume.GetScene())
    item = hierarchy.GetItemByDataNode(volume) if hierarchy else 0
    if not item:
        return ""
    if level:
        return str(hierarchy.GetAttributeFromItemAncestor(item, name, level) or "")
    return str(hierarchy.GetItemAttribute(item, name) or "")


def series_uid(volume: Any) -> str:
    """UID of the DICOM series that a volume was loaded from; empty where it was not."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume.GetScene())
    item = hierarchy.GetItemByDataNode(volume) if hierarchy else 0
    return str(hierarchy.GetItemUID(item, "DICOM") or "") if item else ""


def study_uid(volume: Any) -> str:
    """UID of the DICOM study that a volume belongs to; empty where that is not known."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume.GetScene())
    item = hierarchy.GetItemByDataNode(volume) if hierarchy else 0
    study = hierarchy.GetItemAncestorAtLevel(item, "Study") if item else 0
    return str(hierarchy.GetItemUID(study, "DICOM") or "") if study else ""


def header_of(volume: Any) -> Any:
    """DICOM header (a pydicom dataset without voxels) of a volume's first slice; None where its file is not at hand."""
    database = getattr(slicer, "dicomDatabase", None)
    uids = (volume.GetAttribute(INSTANCE_UIDS) or "").split()
    path = database.fileForInstance(uids[0]) if database is not None and uids else ""
    if not path or not Path(path).is_file():
        return None
    import pydicom

    try:
        with quiet_readers():
            return pydicom.dcmread(path, stop_before_pixels=True)
    except (pydicom.errors.InvalidDicomError, OSError, ValueError):
        return None  # the name has to do


def acquisition_of(volume: Any) -> Acquisition:
    """Facts that a volume's role is guessed from: its DICOM header, else its name and what lies beside its file."""
    header = header_of(volume)
    if header is not None:
        return from_dicom(header)
    named = (("volume's name", volume.GetName() or ""),)
    storage = volume.GetStorageNode()
    file = storage.GetFileName() if storage else ""
    facts = from_file_name(Path(file)) if file else Acquisition(names=())
    return replace(facts, names=named + facts.names, modality=facts.modality or dicom_attribute(volume, "DICOM.Modality"))


def body_part_of(volume: Any) -> str:
    """Body part that the header names, if it is clearly not the head; else empty."""
    header = header_of(volume)
    return other_body_part(header) if header is not None else ""
