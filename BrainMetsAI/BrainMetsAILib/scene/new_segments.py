"""A segment before it has a mask: name, colour, terminology, and what made it."""

from __future__ import annotations

from typing import Any

import slicer

from BrainMetsAILib.models.finding import Provenance
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.colours import Colour

_TERMINOLOGY = (
    "Segmentation category and type - DICOM master list~SCT^49755003^Morphologically Altered Structure~{type}~^^"
    "~Anatomic codes - DICOM master list~SCT^12738006^Brain~^^"
)
LESION_TERMINOLOGY = _TERMINOLOGY.format(type="SCT^14799000^Neoplasm, Secondary")
NECROSIS_TERMINOLOGY = _TERMINOLOGY.format(type="SCT^6574001^Necrosis")


def new_segment(name: str, colour: Colour, terminology: str, provenance: Provenance | None) -> Any:
    """A vtkSegment that is in no segmentation yet; without provenance a person draws it."""
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.SetColor(*colour)
    segment.SetTerminology(terminology)
    segment.SetLabelValue(1)
    if provenance is None:
        tags.write_tag(segment, tags.ALGORITHM_TYPE, tags.MANUAL)
    else:
        write_provenance(segment, provenance, tags.AUTOMATIC)
    return segment


def write_provenance(segment: Any, provenance: Provenance, algorithm_type: str) -> None:
    """Say in a segment's tags which network made it, and whether that alone (`tags.AUTOMATIC`) or with a person (`tags.SEMIAUTOMATIC`)."""
    tags.write_tag(segment, tags.ALGORITHM_TYPE, algorithm_type)
    segment.SetTag(tags.ALGORITHM_NAME, f"BrainMetsAI {provenance.model} {provenance.version}".replace("|", "/"))
    tags.write_tag(segment, tags.MODEL, provenance.model)
    tags.write_tag(segment, tags.MODEL_VERSION, provenance.version)
    tags.write_tag(segment, tags.MODEL_SHA256, provenance.sha256)
