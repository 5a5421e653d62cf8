"""Slices and stacks of DICOM files: which files are images, and which of them belong together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from BrainMetsAILib.images.acquisition import element_of, functional_number, number_of, text_of, texts_of

Named = tuple[str, str]
Vector = tuple[float, float, float]

# Two slices share a stack when no direction cosine differs by more (0.3°); scanners round cosines to six digits or fewer.
_SAME_COSINE = 5e-3
_UNREADABLE = "its DICOM header cannot be read"
_PARTS_OF_COMPLEX = ("M", "P", "R", "I", "MAGNITUDE", "PHASE", "REAL", "IMAGINARY")


@dataclass(frozen=True)
class Slice:
    """One plane of pixels: a file, or one frame of a multi-frame file.

    Attributes
    ----------
    position
        Centre of the first pixel, LPS, mm; None where the header gives none.
    row, column
        Directions of increasing column and row index, LPS; None where the header gives none.
    pixel_mm
        Distance between pixels along ``row`` and along ``column``.
    """

    path: Path
    frame: int
    position: Vector | None
    row: Vector | None
    column: Vector | None
    pixel_mm: tuple[float, float]
    instance_number: int | None
    uid: str


@dataclass(frozen=True)
class Stack:
    """Slices of one series with one orientation, pixel grid, echo and part (magnitude or phase), unsorted."""

    header: Any
    slices: tuple[Slice, ...]
    part: str = ""

    @property
    def folder(self) -> Path:
        """Folder of the first slice."""
        return self.slices[0].path.parent

    @property
    def name(self) -> str:
        """Name for a person: series number, description, and the part of the series if it has several."""
        number, description = text_of(self.header, "SeriesNumber"), text_of(self.header, "SeriesDescription")
        words = [f"series {number}" if number else "series", f"'{description}'" if description else "", self.part]
        return " ".join(word for word in words if word) + f" in {self.folder.name}"


@dataclass(eq=False)
class _Group:
    key: tuple[Any, ...]
    orientation: np.ndarray
    header: Any
    slices: list[Slice]
    part: str


def collect_stacks(paths: Iterable[Path]) -> tuple[list[Stack], list[Named]]:
    """Stacks of the DICOM images among ``paths``, and what was ignored with its reason.

    Duplicate instances (the same SOP Instance UID) count once and are listed as ignored.
    """
    groups: list[_Group] = []
    ignored: list[Named] = []
    seen: set[tuple[str, int]] = set()
    for path in paths:
        try:
            dataset = read_header(path)
        except Exception:  # damaged headers raise errors of a dozen unrelated classes in pydicom
            ignored.append((path.name, _UNREADABLE))
            continue
        reason = _not_an_image(dataset)
        if reason:
            ignored.append((path.name, reason))
            continue
        uid = text_of(dataset, "SOPInstanceUID") or str(path)
        for frame, (item, slice_) in enumerate(_slices(path, dataset, uid)):
            if (uid, frame) in seen:
                ignored.append((path.name, "a second copy of an image that is already there"))
                break
            seen.add((uid, frame))
            _place(groups, dataset, item, slice_)
    return [Stack(group.header, tuple(group.slices), group.part) for group in _named_parts(groups)], ignored


def read_header(path: Path) -> Any:
    """Header of a DICOM file without its pixels; files without preamble are read too."""
    try:
        return pydicom.dcmread(path, stop_before_pixels=True)
    except InvalidDicomError:
        return pydicom.dcmread(path, stop_before_pixels=True, force=True)


def _not_an_image(dataset: Any) -> str:
    sop_class = text_of(dataset, "SOPClassUID")
    # Only names from the standard's own list: a damaged UID is no name.
    known = UID(sop_class).name
    name = known if known != sop_class else ""
    if "Media Storage Directory" in name or element_of(dataset, "DirectoryRecordSequence") is not None:
        return "an index of the folder (DICOMDIR), not an image"
    modality = text_of(dataset, "Modality")
    if modality in ("SEG", "RTDOSE", "RTSTRUCT", "RTPLAN", "SR", "PR", "KO", "REG"):
        return f"DICOM, but {modality} and not an examination"
    if number_of(dataset, "Rows") is None or number_of(dataset, "Columns") is None:
        return f"DICOM, but not an image ({name or modality})" if name or modality else _UNREADABLE
    return ""


def _slices(path: Path, dataset: Any, uid: str) -> list[tuple[Any, Slice]]:
    """Each frame's functional groups (the dataset itself for a classic file) and its slice."""
    instance = number_of(dataset, "InstanceNumber")
    number = int(instance) if instance is not None else None
    frames = element_of(dataset, "PerFrameFunctionalGroupsSequence")
    count = int(number_of(dataset, "NumberOfFrames", 1.0) or 1)
    if not frames:
        # A multi-frame file without functional groups has no positions of its own: its frames cannot be placed.
        placed = dataset if count == 1 else pydicom.Dataset()
        return [(dataset, _slice(path, frame, placed, placed, placed, number, uid)) for frame in range(count)]
    shared = (element_of(dataset, "SharedFunctionalGroupsSequence") or [pydicom.Dataset()])[0]
    found = []
    for frame, item in enumerate(frames):
        position, orientation, measures = (
            (element_of(item, group) or element_of(shared, group) or [pydicom.Dataset()])[0]
            for group in ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")
        )
        found.append((item, _slice(path, frame, position, orientation, measures, frame + 1, uid)))
    return found


def _slice(path: Path, frame: int, position: Any, orientation: Any, measures: Any, number: int | None, uid: str) -> Slice:
    cosines = _numbers(orientation, "ImageOrientationPatient", 6)
    where = _numbers(position, "ImagePositionPatient", 3)
    spacing = _numbers(measures, "PixelSpacing", 2) or (0.0, 0.0)
    row = (cosines[0], cosines[1], cosines[2]) if cosines else None
    column = (cosines[3], cosines[4], cosines[5]) if cosines else None
    # DICOM gives the distance between rows first.
    return Slice(
        path, frame, (where[0], where[1], where[2]) if where else None, row, column, (abs(spacing[1]), abs(spacing[0])), number, uid
    )


def _numbers(dataset: Any, keyword: str, count: int) -> tuple[float, ...] | None:
    try:
        values = tuple(float(text) for text in texts_of(dataset, keyword))
    except ValueError:
        return None
    return values if len(values) == count and np.all(np.isfinite(values)) else None


def _place(groups: list[_Group], dataset: Any, item: Any, slice_: Slice) -> None:
    """Put a slice into the group that it fits, or into a new one."""
    modality = text_of(dataset, "Modality").upper()
    echo = number_of(dataset, "EchoTime")
    part, kinds, diffusion = "", texts_of(dataset, "ImageType"), number_of(dataset, "DiffusionBValue")
    if item is not dataset:
        echo = _own_number(item, "MREchoSequence", "EffectiveEchoTime", echo)
        diffusion = _own_number(item, "MRDiffusionSequence", "DiffusionBValue", diffusion)
        for group in element_of(item, "MRImageFrameTypeSequence") or ():
            kinds = texts_of(group, "FrameType") or kinds
    if modality == "MR":
        part = f"TE {echo:g} ms" if echo is not None else ""
    # Only MR puts different pictures of one place into one series; CT marks reconstruction details there.
    kind = tuple(value for value in kinds[2:] if value in _PARTS_OF_COMPLEX) if modality == "MR" else ()
    key = (
        text_of(dataset, "SeriesInstanceUID"),
        number_of(dataset, "Rows"),
        number_of(dataset, "Columns"),
        number_of(dataset, "SamplesPerPixel"),
        round(echo, 1) if echo is not None and modality == "MR" else None,
        diffusion,
        kind,
        tuple(round(size, 3) for size in slice_.pixel_mm),
        slice_.row is None,
        slice_.position is None,
    )
    orientation = np.array([*(slice_.row or (0, 0, 0)), *(slice_.column or (0, 0, 0))], dtype=float)
    for group in groups:
        if group.key == key and np.max(np.abs(group.orientation - orientation)) <= _SAME_COSINE:
            group.slices.append(slice_)
            return
    groups.append(_Group(key, orientation, dataset, [slice_], part))


def _own_number(item: Any, group: str, keyword: str, default: float | None) -> float | None:
    holder = pydicom.Dataset()
    holder.PerFrameFunctionalGroupsSequence = [item]
    found = functional_number(holder, group, keyword)
    return default if found is None else found


def _named_parts(groups: list[_Group]) -> list[_Group]:
    """Groups with a part's name only where their series has several groups."""
    names = []
    for group in groups:
        alike = [other for other in groups if other.key[0] == group.key[0]]
        # Scouts of one slice need no number beside a whole stack.
        namesakes = [other for other in alike if other.part == group.part and len(other.slices) > 1]
        number = f"part {namesakes.index(group) + 1}" if len(namesakes) > 1 and group in namesakes else ""
        names.append(" ".join(word for word in (group.part, number) if word) if len(alike) > 1 else "")
    for group, name in zip(groups, names, strict=True):
        group.part = name
    return groups
