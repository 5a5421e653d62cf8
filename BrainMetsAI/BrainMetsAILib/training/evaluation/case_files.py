"""Which files of a folder are a case and its truth, and the truth as images. Needs no torch.

Names that are understood, a case in a folder of its own or several in one:

- BraTS: ``<case>-t1c.nii.gz`` with ``<case>-seg.nii.gz`` (`brats_labels.py`; oedema and cavities are no lesion);
- practice cases and the test set: ``<case>_t1c`` with ``_labels`` (lesion numbers), ``_necrosis``, ``_truth.csv``, ``_tags.json``;
- ``<case>_image`` with ``<case>_label`` or ``_mask``: whole outlines;
- any other volume, and a folder of DICOM slices: without lesions, so that everything found there is wrong. ``<case>_ignore`` or
  ``ms_lesions`` beside it: voxels in which nothing counts.
"""

import csv
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from BrainMetsAILib.images.geometry import array_of, image_like, same_grid
from BrainMetsAILib.lesions.instances import label_instances
from BrainMetsAILib.training.brats_labels import tissues
from BrainMetsAILib.training.evaluation.truth import Truth

VOLUME = re.compile(r"^(?P<stem>.+?)\.(nii\.gz|nii|nrrd|nhdr|mha|mhd)$", re.IGNORECASE)
IMAGE_WORDS = ("t1c", "t1ce", "image")
NUMBERS, CLASSES, MASKS = "labels", "seg", ("label", "mask")
BESIDE = {"t1n", "t2w", "t2f", "flair", NUMBERS, CLASSES, *MASKS, "necrosis", "ignore", "lesions", "probability", "ms_lesions"}
"""Last words of files that are no case of their own."""
OTHER_SEQUENCES = {"t1", "t2", "t1w", "adc", "dwi", "swi"}
"""Last words of files that are no case of their own where a T1c lies beside them; alone they may be all there is of one."""
GRID_TOLERANCE_MM = 0.01
FEWEST_SLICES = 5


class TruthRefused(ValueError):
    """A truth cannot be used; the message is one sentence: why, and what to do."""


@dataclass(frozen=True)
class CaseFiles:
    """One case as files.

    Attributes
    ----------
    name
        Unique among the cases of a folder.
    image
        Volume file or DICOM folder.
    truth, truth_word
        Lesions, and what the file holds: ``labels``, ``seg``, ``label`` or ``mask``; None where the case has no lesion.
    necrosis, table, ignore
        Where there are such files.
    tags
        Groups in which the case is counted.
    """

    name: str
    image: Path
    truth: Path | None = None
    truth_word: str = ""
    necrosis: Path | None = None
    table: Path | None = None
    ignore: Path | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def find_cases(path: Path) -> tuple[CaseFiles, ...]:
    """All cases of a folder with its subfolders, by name; of a file, the one that it is."""
    if path.is_file():
        beside = _cases_of(path.parent, [path.name, *sorted(p.name for p in path.parent.iterdir() if p.is_file() and p != path)])
        return tuple(case for case in beside if case.image == path)
    cases: list[CaseFiles] = []
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        cases += _cases_of(Path(folder), sorted(name for name in files if not name.startswith(".")))
    return tuple(_with_own_names(cases))


def _cases_of(folder: Path, names: list[str]) -> list[CaseFiles]:
    volumes = {match["stem"]: folder / name for name in names if (match := VOLUME.match(name))}
    if not volumes:
        slices = [name for name in names if name.lower().endswith((".dcm", ".ima")) or "." not in name]
        return [CaseFiles(folder.name, folder)] if len(slices) >= FEWEST_SLICES else []
    shown = {_beginning(stem) for stem in volumes if _last_word(stem) in IMAGE_WORDS}
    return [
        _case(folder, stem, volumes)
        for stem in sorted(volumes)
        if _last_word(stem) not in BESIDE
        and stem not in BESIDE
        and not (_last_word(stem) in OTHER_SEQUENCES and _beginning(stem) in shown)
    ]


def _last_word(stem: str) -> str:
    return re.split(r"[-_]", stem)[-1].lower()


def _beginning(stem: str) -> str:
    """Without the last word."""
    return stem[: -len(_last_word(stem))].rstrip("-_")


def _case(folder: Path, stem: str, volumes: Mapping[str, Path]) -> CaseFiles:
    name = _beginning(stem) if _last_word(stem) in IMAGE_WORDS else stem
    by_name = {known.lower(): path for known, path in volumes.items()}

    def beside(what: str) -> Path | None:
        return next((by_name[key] for end in "-_" if (key := f"{name}{end}{what}".lstrip("-_").lower()) in by_name), None)

    word_found = next((what for what in (NUMBERS, CLASSES, *MASKS) if beside(what) is not None), "")
    table, tags = folder / f"{name}_truth.csv", folder / f"{name}_tags.json"
    return CaseFiles(
        name=name or folder.name,
        image=volumes[stem],
        truth=beside(word_found) if word_found else None,
        truth_word=word_found,
        necrosis=beside("necrosis"),
        table=table if table.is_file() else None,
        ignore=beside("ignore") or by_name.get("ms_lesions"),
        tags=_tags(tags),
    )


def _tags(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TruthRefused(f"{path.name} is not readable as JSON: mend or remove it.") from error
    return {str(key): str(value) for key, value in content.items()} if isinstance(content, dict) else {}


def _with_own_names(cases: list[CaseFiles]) -> list[CaseFiles]:
    names = [case.name for case in cases]
    return [
        case if names.count(case.name) == 1 else CaseFiles(**{**vars(case), "name": f"{case.image.parent.name}/{case.name}"})
        for case in cases
    ]


def check_grids(cases: tuple[CaseFiles, ...]) -> None:
    """Raise TruthRefused where a truth cannot belong to its image; reads headers only."""
    for case in cases:
        for truth in (case.truth, case.necrosis, case.ignore):
            if truth is not None and case.image.is_file() and np.max(np.abs(_frame(case.image) - _frame(truth))) > GRID_TOLERANCE_MM:
                raise TruthRefused(f"{truth.name} lies on another grid than {case.image.name}: resample it to the image first.")


def read_truth(case: CaseFiles, image: sitk.Image) -> Truth:
    """The truth of a case on the grid of its image.

    Raises
    ------
    TruthRefused
        Where it lies elsewhere or cannot be read.
    """
    nothing = image_like(np.zeros(tuple(reversed(image.GetSize())), np.uint16), image)
    ignore = None if case.ignore is None else _read(case.ignore, image)
    if case.truth is None:
        return Truth(nothing, ignore=ignore)
    values = _read(case.truth, image)
    kinds, diameters = _table(case.table)
    if case.truth_word == NUMBERS:
        necrosis = None if case.necrosis is None else _read(case.necrosis, image)
        return Truth(sitk.Cast(values, sitk.sitkUInt16), necrosis, kinds, diameters, ignore)
    numbers = np.rint(array_of(values)).astype(np.int32)
    whole, necrosis = numbers > 0, None
    if case.truth_word == CLASSES:
        try:
            whole, necrosis = tissues(numbers, case.name.rpartition("/")[2])
        except ValueError as error:
            raise TruthRefused(f"The outlines {case.truth.name} {error}, or call the file _labels where they number lesions.") from error
    dead = None if necrosis is None else image_like(necrosis, image)
    return Truth(label_instances(image_like(whole, image)), dead, ignore=ignore)


def _frame(path: Path) -> NDArray[np.float64]:
    """Where a file's voxels lie: size, then first, last and three edge voxels in LPS mm, as one vector; reads the header only."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise TruthRefused(f"{path.name} cannot be read: give NIfTI, NRRD or MHA.") from error
    if reader.GetDimension() != 3:
        raise TruthRefused(f"{path.name} has {reader.GetDimension()} dimensions: give a volume of three.")
    size = np.array(reader.GetSize(), float)
    axes = np.array(reader.GetDirection()).reshape(3, 3) * np.array(reader.GetSpacing()) * (size - 1)
    return np.concatenate([size, *(np.array(reader.GetOrigin()) + axes @ corner for corner in (*np.eye(3), np.zeros(3), np.ones(3)))])


def _read(path: Path, image: sitk.Image) -> sitk.Image:
    try:
        read = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise TruthRefused(f"{path.name} cannot be read: give NIfTI, NRRD or MHA.") from error
    if read.GetDimension() != 3 or not same_grid(read, image, GRID_TOLERANCE_MM):
        raise TruthRefused(f"{path.name} lies on another grid than its image: resample it to the image first.")
    read.CopyInformation(image)
    return read


def _table(path: Path | None) -> tuple[dict[int, str], dict[int, float]]:
    if path is None:
        return {}, {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {int(row["number"]): row["kind"] for row in rows}, {int(row["number"]): float(row["diameter_mm"]) for row in rows}
    except (OSError, KeyError, ValueError) as error:
        raise TruthRefused(f"{path.name} is not a table of lesions (number, kind, diameter_mm): mend or remove it.") from error
