"""What makes a volume unsuitable for the search, in sentences: at once from header and name, and from a thinned-out copy of the voxels."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer

from BrainMetsAILib.images.contrast import guess_contrast
from BrainMetsAILib.images.examination import ImageRefused, Role
from BrainMetsAILib.images.geometry import image_from_ijk_to_ras
from BrainMetsAILib.images.suitability import check_voxels, role_warnings
from BrainMetsAILib.scene.case_volumes import VolumeFacts
from BrainMetsAILib.scene.translation import tr as _
from BrainMetsAILib.scene.volumes import ijk_to_ras_of

LOOKED_AT_MM = 4.0


def header_warnings(facts: VolumeFacts) -> tuple[str, ...]:
    """What header and name say against a volume as the contrast-enhanced T1 of a head; takes no time."""
    guess, modality = facts.guess, facts.acquisition.modality
    if guess.role is Role.CT or modality == "CT":
        return (_("This is a CT: lesions are sought on contrast-enhanced T1 MR only."),)
    if modality not in ("", "MR"):
        return (_("This is {modality}, not MR: lesions are sought on contrast-enhanced T1 MR only.").format(modality=modality),)
    warnings = role_warnings(guess, modality)
    if not warnings and guess.role is Role.T1N and guess_contrast(facts.acquisition).stated:
        sentence = _("No contrast agent likely ({reason}): metastases that do not stand out will be missed.")
        warnings = (sentence.format(reason=guess.reason),)
    if facts.body_part:
        sentence = _("The header says that this shows {part}, not the head.")
        warnings = (*warnings, sentence.format(part=facts.body_part.lower()))
    return warnings


class VoxelWarnings:
    """Looks at a volume's voxels once, and again when they changed. One look takes about a tenth of a second."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[object, tuple[str, ...]]] = {}

    def known(self, volume: Any) -> tuple[str, ...] | None:
        """What was found; None where the voxels were not looked at since they changed."""
        version, warnings = self._found.get(volume.GetID(), (None, ()))
        return warnings if version == _version(volume) else None

    def look(self, volume: Any) -> tuple[str, ...]:
        """Look at the voxels; see `voxel_warnings`."""
        self._found[volume.GetID()] = _version(volume), voxel_warnings(volume)
        return self._found[volume.GetID()][1]


def voxel_warnings(volume: Any) -> tuple[str, ...]:
    """What the voxels say against a volume: no head, no MR, only a part of a head."""
    try:
        return check_voxels(thinned_image(volume))
    except ImageRefused as refusal:
        return (str(refusal),)


def thinned_image(volume: Any, spacing_mm: float = LOOKED_AT_MM) -> sitk.Image:
    """Every n-th voxel of a volume along each axis, so that they are up to that many millimetres apart.

    Raises
    ------
    ImageRefused
        If the volume is empty, not one number a voxel, or sheared.
    """
    array = slicer.util.arrayFromVolume(volume) if volume.GetImageData() else None
    if array is None or array.ndim != 3 or array.size == 0:
        sentence = _("The volume “{name}” is not one grey value a voxel in three dimensions; choose another.")
        raise ImageRefused(sentence.format(name=volume.GetName()))
    matrix = ijk_to_ras_of(volume)
    steps = np.maximum(np.floor(spacing_mm / np.linalg.norm(matrix[:3, :3], axis=0)), 1).astype(int)  # i, j, k
    thin = array[:: steps[2], :: steps[1], :: steps[0]].astype(np.float32)
    try:
        return image_from_ijk_to_ras(thin, matrix @ np.diag([*steps.tolist(), 1.0]))
    except ValueError as error:
        raise ImageRefused(_("The volume “{name}” cannot be used: {reason}.").format(name=volume.GetName(), reason=error)) from error


def _version(volume: Any) -> object:
    data = volume.GetImageData()
    return (data.GetMTime() if data else 0), ijk_to_ras_of(volume).tobytes()
