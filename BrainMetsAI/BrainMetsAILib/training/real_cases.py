"""Real cases with outlines, in the naming of BraTS-METS: one folder a case, ``<case>-t1c.nii.gz`` beside ``<case>-seg.nii.gz``.

Labels as in BraTS-METS 2023 (Moawad et al., arXiv:2306.00838): 1 non-enhancing tumour core (here: necrosis), 2 surrounding
FLAIR hyperintensity (here: background), 3 enhancing tumour; 4, the resection cavity of later years, is background. Other sequences may
lie there; these networks look at the T1c alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from BrainMetsAILib.images.geometry import array_of, same_grid
from BrainMetsAILib.images.head import head_mask
from BrainMetsAILib.images.normalisation import BRAIN_PERCENTILES, intensity_scale
from BrainMetsAILib.images.resampling import resample_like, resample_to_spacing
from BrainMetsAILib.models.anatomy_inference import find_anatomy
from BrainMetsAILib.models.brain_region import brain_or_head, outlined_brain
from BrainMetsAILib.models.bundles import anatomy_bundle
from BrainMetsAILib.training.config import TrainingRefused

SPACING_MM = 1.0
NECROTIC, OEDEMA, ENHANCING, CAVITY = 1, 2, 3, 4
_IMAGE = re.compile(r"(?P<case>.+)[-_]t1c(\.nii\.gz|\.nii|\.nrrd|\.mha)$")


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
        (n, 3) voxels [k, j, i] of lesions, and of the head where there are none.
    tissue
        (m, 3) voxels of the head.
    median, width
        By which intensities are normalised.
    """

    array: NDArray[np.float32]
    classes: NDArray[np.uint8]
    places: NDArray[np.integer]
    tissue: NDArray[np.integer]
    median: float
    width: float


def find_cases(folder: Path) -> tuple[RealCase, ...]:
    """All cases below a folder, by name.

    Raises
    ------
    TrainingRefused
        If there is none, or one lacks its outlines.
    """
    cases = []
    for path in sorted(folder.rglob("*")):
        match = _IMAGE.match(path.name)
        if match is None or not path.is_file():
            continue
        name = match["case"]
        outlines = [p for p in path.parent.glob(f"{name}[-_]seg.*") if p.is_file()]
        if not outlines:
            raise TrainingRefused(f"{path} has no outlines beside it ({name}-seg.nii.gz); add them or take the case away.")
        cases.append(RealCase(name, patient_of(name), path, outlines[0]))
    if not cases:
        raise TrainingRefused(f"There are no cases in {folder}; files must be called like BraTS-MET-00001-000-t1c.nii.gz and …-seg.nii.gz.")
    return tuple(cases)


def patient_of(name: str) -> str:
    """The patient of a case: BraTS-MET-00001-000 and BraTS-MET-00001-001 are two examinations of one."""
    match = re.fullmatch(r"(BraTS-\w+-\d+)-\d+", name)
    return match[1] if match else name


def split_by_patient(cases: Sequence[RealCase], share: float, seed: int) -> tuple[tuple[RealCase, ...], tuple[RealCase, ...]]:
    """Training and validation; at least one patient on each side where there are two and `share` is above 0."""
    patients = sorted({case.patient for case in cases})
    order = np.random.default_rng(seed).permutation(len(patients))
    count = round(share * len(patients))
    if share > 0 and len(patients) > 1:
        count = min(max(count, 1), len(patients) - 1)
    kept_back = {patients[n] for n in order[:count]}
    return tuple(c for c in cases if c.patient not in kept_back), tuple(c for c in cases if c.patient in kept_back)


def load_case(case: RealCase) -> LoadedCase:
    """Read one case; raises TrainingRefused with its name where it cannot be used."""
    try:
        image = sitk.DICOMOrient(sitk.ReadImage(str(case.t1c), sitk.sitkFloat32), "LPS")
        outlines = sitk.DICOMOrient(sitk.ReadImage(str(case.outlines), sitk.sitkUInt8), "LPS")
    except RuntimeError as error:
        raise TrainingRefused(f"The case {case.name} cannot be read; take it away or mend its files.") from error
    if not same_grid(image, outlines, tolerance_mm=0.05):
        raise TrainingRefused(f"The outlines of the case {case.name} are not on the grid of its T1c; take it away or mend its files.")
    image = resample_to_spacing(image, SPACING_MM, smooth=True)
    labels = array_of(resample_like(outlines, image, None, sitk.sitkNearestNeighbor))
    unknown = sorted(set(np.unique(labels)) - {0, NECROTIC, OEDEMA, ENHANCING, CAVITY})
    if unknown:
        raise TrainingRefused(f"The outlines of the case {case.name} hold the unknown label {unknown[0]}; use those of BraTS-METS.")
    classes = np.zeros(labels.shape, np.uint8)
    classes[labels == ENHANCING], classes[labels == NECROTIC] = 1, 2
    head = head_mask(image)
    in_head = array_of(head).astype(bool)
    if not in_head.any():
        raise TrainingRefused(f"The T1c of the case {case.name} shows no head; take the case away.")
    array = array_of(image).astype(np.float32)
    bundle = anatomy_bundle()  # so the brain is outlined as it will be in use
    brain = outlined_brain(image, head, None if bundle is None else find_anatomy(image, bundle, "cpu"))
    median, width = intensity_scale(array[brain_or_head(brain, head)], BRAIN_PERCENTILES)
    tissue = np.argwhere(in_head).astype(np.int16)
    places = np.argwhere(classes > 0).astype(np.int16) if classes.any() else tissue
    return LoadedCase(array, classes, places, tissue, median, width)
