"""What Slicer knows of a loaded volume beside its voxels: patient, date and series, from the subject hierarchy's DICOM attributes."""

from typing import Any

import slicer
from slicer.i18n import tr as _

from BrainMetsAILib.exchange.examined import ExaminationFacts
from BrainMetsAILib.images.examination import Patient
from BrainMetsAILib.images.suitability import CONFIRM_ABOVE_MM, WARN_ABOVE_MM
from BrainMetsAILib.scene.practice import SYNTHETIC


def facts_of_volume(volume: Any, title: str, warnings: tuple[str, ...] = ()) -> ExaminationFacts:
    """The facts of a volume node; empty texts where it was not loaded from DICOM."""
    return ExaminationFacts(
        title=title,
        patient=Patient(
            patient_id=_attribute(volume, "DICOM.PatientID", "Patient"),
            name=_attribute(volume, "DICOM.PatientName", "Patient"),
            birth_date=_attribute(volume, "DICOM.PatientBirthDate", "Patient"),
            sex=_attribute(volume, "DICOM.PatientSex", "Patient"),
        ),
        study_date=_attribute(volume, "DICOM.StudyDate", "Study"),
        description=volume.GetName(),
        warnings=warnings,
        synthetic=bool(volume.GetAttribute(SYNTHETIC)),
        series_uid=_series_uid(volume),
    )


def modality_of_volume(volume: Any) -> str:
    """``MR``, ``CT`` …; empty where it is not known."""
    return _attribute(volume, "DICOM.Modality")


def _attribute(volume: Any, name: str, level: str = "") -> str:
    """An attribute of the volume's own item, or of the patient or study above it."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume.GetScene())
    item = hierarchy.GetItemByDataNode(volume) if hierarchy else 0
    if not item:
        return ""
    if level:
        return str(hierarchy.GetAttributeFromItemAncestor(item, name, level) or "")
    return str(hierarchy.GetItemAttribute(item, name) or "")


def _series_uid(volume: Any) -> str:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume.GetScene())
    item = hierarchy.GetItemByDataNode(volume) if hierarchy else 0
    return str(hierarchy.GetItemUID(item, "DICOM") or "") if item else ""


def thickness_warning(volume: Any) -> str:
    """A sentence where the slices are thick enough to hide lesions; empty where they are not."""
    thickest = _thickest_mm(volume)
    if thickest <= WARN_ABOVE_MM:
        return ""
    sentence = _("The slices are {thickness} mm apart: lesions smaller than that are missed or measured wrongly.")
    return sentence.format(thickness=f"{thickest:.1f}")


def needs_thickness_confirmation(volume: Any) -> bool:
    """Whether a person has to agree before the volume is searched."""
    return _thickest_mm(volume) > CONFIRM_ABOVE_MM


def _thickest_mm(volume: Any) -> float:
    return round(float(max(volume.GetSpacing())), 1)  # as the worker's check does: a nominal 3 mm often comes as 3.0004
