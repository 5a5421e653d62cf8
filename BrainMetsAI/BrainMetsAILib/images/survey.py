"""What is in a folder (or one file): candidates for sequences with their guessed roles, before any voxel is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from BrainMetsAILib.images.acquisition import file_stem, from_dicom, from_file_name, other_body_part, patient_of, study_date_of, text_of
from BrainMetsAILib.images.dicom_geometry import same_places, stack_geometry
from BrainMetsAILib.images.dicom_series import read_stack
from BrainMetsAILib.images.dicom_slices import Named, Stack, collect_stacks
from BrainMetsAILib.images.examination import ImageRefused, Patient, Role, RoleGuess, Sequence
from BrainMetsAILib.images.quiet import quiet_readers
from BrainMetsAILib.images.roles import guess_role, override_role
from BrainMetsAILib.images.volume_files import read_volume_file
from BrainMetsAILib.images.volume_headers import VOLUME_KINDS, FileKind, file_kind

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Candidate:
    """A sequence that has not been read yet: a volume file, or a stack of DICOM slices.

    Attributes
    ----------
    visit
        What tells examinations apart: patient and study of DICOM; a volume file may be of anyone, so each has its own.
    coarseness
        Order among candidates of one role, lowest first: derived after original, then distance between slices (mm), then fewer slices.
    """

    name: str
    source: Path
    guess: RoleGuess
    description: str
    modality: str = ""
    patient: Patient = field(default_factory=Patient)
    study_date: str = ""
    visit: str = ""
    series_uid: str = ""
    coarseness: tuple[float, ...] = ()
    stack: Stack | None = None
    body_part: str = ""

    def read(self, role: Role | None = None) -> Sequence:
        """The sequence itself, with ``role`` instead of the guess where given.

        Raises
        ------
        ImageRefused
            With one sentence: why, and what to do.
        """
        image, notes = read_stack(self.stack) if self.stack else read_volume_file(self.source)
        guess = override_role(self.guess, role)
        if guess.role is not self.guess.role:
            notes = (*notes, f"Taken as {guess.role}: {guess.reason}.")
        return Sequence(
            image=image,
            guess=guess,
            source=self.source,
            description=self.description,
            modality=self.modality,
            patient=self.patient,
            study_date=self.study_date,
            series_uid=self.series_uid,
            notes=tuple(notes),
            body_part=self.body_part,
        )


@dataclass(frozen=True)
class Survey:
    """Candidates, and what is no sequence with its reason; ``unread`` names files that may well have been slices."""

    candidates: tuple[Candidate, ...]
    ignored: tuple[Named, ...]
    unread: tuple[str, ...] = ()


def survey(path: Path, progress: Progress | None = None) -> Survey:
    """Candidates in a folder with its subfolders, or in one file; only headers are read.

    Raises
    ------
    ImageRefused
        If the path does not exist or cannot be opened.
    """
    files, ignored = _files(path)
    volumes: list[Path] = []
    dicom: list[Path] = []
    for done, file in enumerate(files):
        if progress and done % 50 == 0:
            progress(0.5 * done / len(files), f"looking at {file.name}")
        try:
            kind = file_kind(file)
        except OSError as error:
            ignored.append((file.name, f"cannot be opened ({(error.strerror or 'error').lower()})"))
            continue
        if kind is FileKind.DICOM:
            dicom.append(file)
        elif kind in VOLUME_KINDS and not (kind is FileKind.NIFTI_PAIR and file.suffix.lower() == ".img"):
            volumes.append(file)
        elif _looks_like_a_volume(file) and not _companion(file, files):
            # It will be refused when it is read, with the reason.
            volumes.append(file)
        else:
            ignored.append((file.name, _companion(file, files) or ("an empty file" if kind is FileKind.EMPTY else "not an image")))
    if progress:
        progress(0.5, f"{len(dicom)} DICOM files")
    with quiet_readers():
        stacks, strays = collect_stacks(dicom)
        candidates = [_from_stack(stack) for stack in stacks] + [_from_file(file, path) for file in volumes]
    if progress:
        progress(1.0, f"{len(candidates)} sequences")
    unread = tuple(name for name, reason in ignored + strays if "cannot be" in reason)
    return Survey(tuple(candidates), tuple(ignored + strays), unread)


def _files(path: Path) -> tuple[list[Path], list[Named]]:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise ImageRefused(f"There is no file or folder {path}: check the path.") from error
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "not a path").lower()
        raise ImageRefused(f"{path} cannot be opened ({reason}): check the path and its permissions.") from error
    if stat.S_ISREG(mode):
        return [path], []
    files: list[Path] = []
    ignored: list[Named] = []

    def closed(error: OSError) -> None:
        reason = (error.strerror or "error").lower()
        if Path(error.filename or "") == path:
            raise ImageRefused(f"The folder {path} cannot be opened ({reason}): check its permissions.") from error
        ignored.append((Path(error.filename or "?").name, f"a folder that cannot be opened ({reason})"))

    for folder, below, names in os.walk(path, onerror=closed):
        below[:] = sorted(name for name in below if not name.startswith(".") and name != "__MACOSX")
        files += [Path(folder) / name for name in sorted(names) if not name.startswith(".") and (Path(folder) / name).is_file()]
    return files, ignored


def _looks_like_a_volume(file: Path) -> bool:
    return file.name.lower().endswith((".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr"))


def _companion(file: Path, files: list[Path]) -> str:
    """Why a file that is no image by itself is there: it belongs to another one."""
    stem, suffix = file_stem(file), file.suffix.lower()
    for other in files:
        if other != file and other.parent == file.parent and file_stem(other).split(".")[0] == stem.split(".")[0]:
            if suffix == ".json" and _looks_like_a_volume(other):
                return f"read together with {other.name}"
            if suffix in (".raw", ".zraw", ".img") and other.suffix.lower() in (".mhd", ".nhdr", ".hdr"):
                return f"the voxels of {other.name}"
    return ""


def _from_file(file: Path, within: Path) -> Candidate:
    facts = from_file_name(file)
    name = file.relative_to(within).as_posix() if file != within else file.name
    coarseness: tuple[float, ...] = (1.0, float("inf"), 0.0)
    try:
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(file))
        reader.ReadImageInformation()
        coarseness = (0.0, round(max(reader.GetSpacing()[:3]), 2), -float(np.prod(reader.GetSize())))
    except RuntimeError:
        pass  # Reading it will say why.
    return Candidate(name, file, guess_role(facts), file.name, modality=facts.modality, visit=name, coarseness=coarseness)


def _from_stack(stack: Stack) -> Candidate:
    header = stack.header
    derived = "DERIVED" in text_of(header, "ImageType").upper().split()
    step = float("inf")
    placed = stack.slices[0].position is not None and stack.slices[0].row is not None
    places = same_places(stack.slices) if placed else []
    if len(places) > 1:
        step = round(stack_geometry([stack.slices[place[0]] for place in places]).middle_step, 2)
    patient = patient_of(header)
    description = text_of(header, "SeriesDescription") or text_of(header, "ProtocolName") or stack.folder.name
    return Candidate(
        name=stack.name,
        source=stack.slices[0].path if len({s.path for s in stack.slices}) == 1 else stack.folder,
        guess=guess_role(from_dicom(header, stack.folder.name)),
        description=f"{description}, {stack.part}" if stack.part else description,
        modality=text_of(header, "Modality").upper(),
        patient=patient,
        study_date=study_date_of(header),
        visit=f"{patient.patient_id}/{text_of(header, 'StudyInstanceUID')}",
        series_uid=text_of(header, "SeriesInstanceUID"),
        coarseness=(float(derived), step, -float(len(stack.slices))),
        stack=stack,
        body_part=other_body_part(header),
    )
