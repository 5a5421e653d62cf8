"""The lesions of one examination."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from BrainMetsAILib.images.geometry import ijk_to_ras, same_grid
from BrainMetsAILib.lesions.grid import axial_axis, cropped_matrix
from BrainMetsAILib.lesions.measurements import LesionMeasurements, in_whole_array, measure_lesion


@dataclass(frozen=True)
class Lesion:
    """One lesion.

    Attributes
    ----------
    number
        Its value in the label image, from 1.
    name
        What people see: ``M01``.
    lesion_uid
        DICOM UID of this lesion in this examination, made once and never changed.
    tracking_uid
        DICOM UID shared by the same lesion across examinations.
    score
        How sure the network is, 0 to 1; ``None`` where no network made it.
    measurements
        Sizes in mm and mL.
    removed
        Why post-processing took it out; empty where it counts.
    location
        Where it lies, in words (``left frontal lobe``); empty where that is not known.
    """

    number: int
    name: str
    lesion_uid: str
    tracking_uid: str
    score: float | None
    measurements: LesionMeasurements
    removed: str = ""
    location: str = ""


@dataclass(frozen=True)
class LesionSet:
    """All lesions of an examination with their masks in its own grid.

    Attributes
    ----------
    labels
        uint16, the lesion's number a voxel, 0 outside.
    necrosis
        uint8, 1 where tissue is necrotic; counts only inside lesions.
    lesions
        In the order of their numbers.
    """

    labels: sitk.Image
    necrosis: sitk.Image
    lesions: tuple[Lesion, ...]


def lesion_set(
    labels: sitk.Image, necrosis: sitk.Image, scores: Mapping[int, float] | None = None, locations: Mapping[int, str] | None = None
) -> LesionSet:
    """Measure every lesion of a label image.

    Parameters
    ----------
    labels
        Integer image, the lesion's number a voxel. Numbers are kept, gaps are allowed.
    necrosis
        Integer image on the same grid, not 0 where necrotic.
    scores
        Score of each number, where known.
    locations
        Where each number lies, in words, where known.

    Raises
    ------
    ValueError
        If the two images are not on the same grid.
    """
    if not same_grid(labels, necrosis):
        raise ValueError("The lesions and the necrosis are not on the same grid; make both from the same image.")
    numbered = sitk.Cast(labels, sitk.sitkUInt16)
    values = sitk.GetArrayViewFromImage(numbered)
    dead = sitk.GetArrayViewFromImage(necrosis) != 0
    matrix = ijk_to_ras(numbered)
    lesions = []
    for number, box in enumerate(ndimage.find_objects(values), start=1):
        if box is not None:
            measured = measure_lesion(values[box] == number, dead[box], cropped_matrix(matrix, box))
            first = box[axial_axis(matrix)].start
            score, location = (scores or {}).get(number), (locations or {}).get(number, "")
            lesions.append(new_lesion(number, in_whole_array(measured, first), score, location))
    return LesionSet(numbered, sitk.Cast(necrosis != 0, sitk.sitkUInt8), tuple(lesions))


def new_lesion(number: int, measurements: LesionMeasurements, score: float | None = None, location: str = "") -> Lesion:
    """A lesion with UIDs of its own."""
    return Lesion(number, lesion_name(number), new_uid(), new_uid(), score, measurements, location=location)


def lesion_name(number: int) -> str:
    """What people see: 3 → ``M03``."""
    return f"M{number:02d}"


def new_uid() -> str:
    """A DICOM UID from a random UUID (DICOM PS3.5, annex B.2: root 2.25)."""
    return f"2.25.{uuid.uuid4().int}"


def total_enhancing_ml(lesions: Iterable[Lesion]) -> float:
    """Enhancing volume of the patient in mL."""
    return float(np.sum([lesion.measurements.enhancing_ml for lesion in lesions]))
