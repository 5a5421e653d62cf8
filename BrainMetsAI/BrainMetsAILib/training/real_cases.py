"""Real cases with outlines, in the naming of BraTS-METS: one folder a case, ``<case>-t1c.nii.gz`` beside ``<case>-seg.nii.gz``.

Labels are understood as in evaluation (`brats_labels.py`); an outline of 0 and 1 alone counts as enhancing. Other sequences may lie
there; these networks look at the T1c alone.
"""

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.geometry import array_of, image_like, same_grid
from BrainMetsAILib.images.head import head_mask, with_dark_background
from BrainMetsAILib.images.normalisation import BRAIN_PERCENTILES, intensity_scale
from BrainMetsAILib.images.resampling import resample_like, resample_to_spacing
from BrainMetsAILib.models.anatomy_inference import find_anatomy
from BrainMetsAILib.models.brain_region import brain_or_head, outlined_brain
from BrainMetsAILib.models.bundles import anatomy_bundle
from BrainMetsAILib.training.brats_labels import tissues
from BrainMetsAILib.training.config import TrainingRefused

SPACING_MM = 1.0
_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")
_IMAGE = re.compile(rf"(?P<case>[^.].*)[-_]t1ce?({'|'.join(re.escape(end) for end in _SUFFIXES)})")
_EXAMINATION = re.compile(
    r"(?P<patient>BraTS-\w+-\d+)-\d+|(?P<bids>sub-[A-Za-z0-9]+)[-_].+|(?P<dated>.+?)[-_](?:19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d"
)
"""Names of which a part is the patient: those of BraTS since 2023, of BIDS, and any with a date at the end."""


@dataclass(frozen=True)
class RealCase:
    """Where one case lies.

    Attributes
    ----------
    name
        Of the case, as its files begin.
    patient
        Cases of one patient never stand on both sides of a split.
    t1c, outlines
        The two files.
    """

    name: str
    patient: str
    t1c: Path
    outlines: Path


@dataclass(frozen=True)
class LoadedCase:
    """A case at 1 mm, LPS axes, arrays [k, j, i].

    Attributes
    ----------
    array
        float32 intensities.
    classes
        uint8: 0 background, 1 enhancing, 2 necrosis.
    places
        (n, 3) voxels [k, j, i] of each lesion, and of the head where there is none.
    tissue
        (m, 3) voxels of the head.
    median, width
        By which intensities are normalised.
    """

    array: NDArray[np.float32]
    classes: NDArray[np.uint8]
    places: tuple[NDArray[np.integer], ...]
    tissue: NDArray[np.integer]
    median: float
    width: float


def find_cases(folder: Path, patients: Path | None = None) -> tuple[RealCase, ...]:
    """All cases below a folder, by name.

    Parameters
    ----------
    folder
        With subfolders.
    patients
        CSV table with the columns ``case`` and ``patient``, for cases whose names do not say whose they are (`patient_of`).

    Raises
    ------
    TrainingRefused
        If there is none, one lacks its outlines, or the table cannot be used.
    """
    known = {} if patients is None else _patients(patients)
    cases = []
    for path in sorted(folder.rglob("*")):
        match = _IMAGE.fullmatch(path.name)
        if match is None or not path.is_file():
            continue
        name = match["case"]
        outlines = [path.parent / f"{name}{mark}seg{end}" for mark in "-_" for end in _SUFFIXES]
        there = [file for file in outlines if file.is_file()]
        if not there:
            raise TrainingRefused(f"{path} has no outlines beside it ({name}-seg.nii.gz); add them or take the case away.")
        cases.append(RealCase(name, known.get(name, patient_of(name)), path, there[0]))
    if not cases:
        raise TrainingRefused(f"There are no cases in {folder}; files must be called like BraTS-MET-00001-000-t1c.nii.gz and …-seg.nii.gz.")
    return tuple(cases)


def _patients(table: Path) -> Mapping[str, str]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            return {row["case"]: row["patient"] for row in csv.DictReader(file)}
    except (OSError, UnicodeDecodeError, KeyError, csv.Error) as error:
        raise TrainingRefused(f"The table {table} cannot be used; it needs the columns case and patient, separated by commas.") from error


def patient_of(name: str) -> str:
    """The patient of a case: BraTS-MET-00001-000 and …-001 are two examinations of one, so are sub-01_ses-1 and name_2020-01-31."""
    match = _EXAMINATION.fullmatch(name)
    return name if match is None else next(part for part in (match["patient"], match["bids"], match["dated"]) if part)


def drawn_patients(cases: Sequence[RealCase], share: float, seed: int) -> frozenset[str]:
    """Patients to keep back: at least one where there are two and `share` is above 0, never all."""
    patients = sorted({case.patient for case in cases})
    order = np.random.default_rng(seed).permutation(len(patients))
    count = min(max(round(share * len(patients)), int(share > 0)), len(patients) - 1)
    return frozenset(patients[n] for n in order[:count])


def check_cases(cases: Sequence[RealCase], progress: Callable[[int], None]) -> None:
    """Read every case, so that a damaged one is named before a training begins and not hours later.

    Parameters
    ----------
    cases
        All that will be used.
    progress
        Called with the number of cases before each of them.

    Raises
    ------
    TrainingRefused
        As `load_case`, but for a T1c that shows no head.
    """
    for number, case in enumerate(cases):
        progress(number)
        _read(case)


def load_case(case: RealCase) -> LoadedCase:
    """Read one case; raises TrainingRefused with its name where it cannot be used."""
    image, classes_there = _read(case)
    image = resample_to_spacing(image, SPACING_MM, smooth=True)
    classes = array_of(resample_like(classes_there, image, None, sitk.sitkNearestNeighbor)).astype(np.uint8)
    head = head_mask(image)
    in_head = array_of(head).astype(bool)
    if not in_head.any():
        raise TrainingRefused(f"The T1c of the case {case.name} shows no head; take the case away.")
    array = array_of(image).astype(np.float32)
    bundle = anatomy_bundle()  # so the brain is outlined as it will be in use
    brain = outlined_brain(image, head, None if bundle is None else find_anatomy(image, bundle, "cpu"))
    median, width = intensity_scale(array[brain_or_head(brain, head)], BRAIN_PERCENTILES)
    tissue = np.argwhere(in_head).astype(np.int16)
    return LoadedCase(array, classes, _places(classes) or (tissue,), tissue, median, width)


def _read(case: RealCase) -> tuple[sitk.Image, sitk.Image]:
    """T1c and classes on its grid, LPS axes."""
    try:
        image = sitk.DICOMOrient(with_dark_background(sitk.ReadImage(str(case.t1c), sitk.sitkFloat32)), "LPS")
        outlines = sitk.DICOMOrient(sitk.ReadImage(str(case.outlines), sitk.sitkUInt8), "LPS")
    except RuntimeError as error:
        raise TrainingRefused(f"The case {case.name} cannot be read; take it away or mend its files.") from error
    if not same_grid(image, outlines, tolerance_mm=0.05):
        raise TrainingRefused(f"The outlines of the case {case.name} are not on the grid of its T1c; take it away or mend its files.")
    try:
        whole, necrosis = tissues(array_of(outlines), case.name)
    except ValueError as error:
        raise TrainingRefused(f"The outlines of the case {case.name} {error}.") from error
    classes = whole.astype(np.uint8)
    if necrosis is not None:
        classes[necrosis] = 2
    return image, image_like(classes, image)


def _places(classes: NDArray[np.uint8]) -> tuple[NDArray[np.integer], ...]:
    """Voxels of each lesion."""
    pieces, _ = ndimage.label(classes > 0, np.ones((3, 3, 3)))
    return tuple(np.stack(where, axis=1).astype(np.int16) for where in ndimage.value_indices(pieces, ignore_value=0).values())
