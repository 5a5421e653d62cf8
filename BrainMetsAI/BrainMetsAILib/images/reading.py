"""Reading examinations: one sequence, or everything in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from BrainMetsAILib.images.examination import ImageRefused, Role, Sequence
from BrainMetsAILib.images.survey import Candidate, Named, Progress, Survey, survey

__all__ = ["FolderContents", "ImageRefused", "read_each", "read_folder", "read_sequence"]


@dataclass(frozen=True)
class FolderContents:
    """What a folder holds: sequences read, and ``(name, reason)`` of what was refused and of what was ignored."""

    sequences: tuple[Sequence, ...]
    refused: tuple[Named, ...]
    ignored: tuple[Named, ...]


def read_sequence(path: Path, role: Role | None = None) -> Sequence:
    """One sequence of a file (NIfTI, NRRD, MHA, multi-frame DICOM) or of a folder.

    Parameters
    ----------
    role
        What to take it as, whatever was guessed. In a folder with several series it picks among those guessed to have it
        (``t1c`` where not given): the original one with the closest slices. A folder's only readable series is taken as it is.

    Raises
    ------
    ImageRefused
        With one sentence: why, and what to do.
    """
    path = Path(path)
    found = survey(path)
    if not found.candidates:
        raise ImageRefused(_nothing(path, found))
    if path.is_file() and found.candidates[0].stack and len(found.candidates[0].stack.slices) == 1:
        raise ImageRefused(f"{path.name} is a single slice of a DICOM series: give the folder of the series.")
    sequence = found.candidates[0].read(role) if len(found.candidates) == 1 else _best(path, found.candidates, role)
    if found.unread:
        # Slices lost at either end of a stack leave no gap that could be seen.
        names = ", ".join(found.unread[:3]) + (" …" if len(found.unread) > 3 else "")
        note = f"{len(found.unread)} files beside it could not be opened or read ({names}): slices may be missing at the ends."
        return replace(sequence, notes=(*sequence.notes, note))
    return sequence


def read_folder(path: Path, progress: Callable[[float, str], None] | None = None) -> FolderContents:
    """Everything in a folder with its subfolders (or in one file).

    Raises
    ------
    ImageRefused
        If the path does not exist or cannot be opened. What is refused inside the folder is listed instead.
    """
    found = survey(Path(path), _part(progress, 0.0, 0.3))
    sequences: list[Sequence] = []
    refused: list[Named] = []
    for candidate, outcome in read_each(found, _part(progress, 0.3, 1.0)):
        if isinstance(outcome, Sequence):
            sequences.append(outcome)
        else:
            refused.append((candidate.name, str(outcome)))
    return FolderContents(tuple(sequences), tuple(refused), found.ignored)


def read_each(found: Survey, progress: Progress | None = None) -> Iterator[tuple[Candidate, Sequence | ImageRefused]]:
    """Each candidate with its sequence or its refusal, one after the other: a whole archive need not fit into memory."""
    for done, candidate in enumerate(found.candidates):
        if progress:
            progress(done / len(found.candidates), f"reading {candidate.name}")
        try:
            outcome: Sequence | ImageRefused = candidate.read()
        except ImageRefused as refusal:
            outcome = refusal
        yield candidate, outcome
    if progress:
        progress(1.0, "done")


def _best(path: Path, candidates: tuple[Candidate, ...], role: Role | None) -> Sequence:
    wanted = role or Role.T1C
    matching = sorted((c for c in candidates if c.guess.role is wanted), key=lambda c: c.coarseness)
    if not matching:
        return _only_readable(path, candidates, wanted, role)
    first_of_visit = {c.visit: c for c in reversed(matching)}
    if len(first_of_visit) > 1:
        listed = "; ".join(sorted(f"{c.name}, {c.study_date}" if c.study_date else c.name for c in first_of_visit.values()))
        raise ImageRefused(
            f"{path.name} holds {wanted} of {len(first_of_visit)} examinations or persons ({listed}): give the file or folder of one."
        )
    refusals: list[ImageRefused] = []
    for candidate in matching:
        try:
            sequence = candidate.read(role)
        except ImageRefused as refusal:
            refusals.append(refusal)
            continue
        notes = tuple(f"Another {wanted} was passed over: {refusal}" for refusal in refusals)
        others = [c.name for c in matching if c is not candidate][len(refusals) :]
        if others:
            notes += (f"Chosen among {len(matching)} series that look like {wanted}, for its slices; the others: {'; '.join(others)}.",)
        return replace(sequence, notes=sequence.notes + notes)
    raise refusals[0]


def _only_readable(path: Path, candidates: tuple[Candidate, ...], wanted: Role, role: Role | None) -> Sequence:
    """The one series of a folder that can be read at all; scouts and screenshots beside it do not count."""
    whole = [c for c in candidates if not c.stack or len(c.stack.slices) > 1]
    if len(whole) == 1:
        return whole[0].read(role)
    listed = "; ".join(f"{c.name}: {c.guess.role}" for c in (whole or candidates)[:6])
    more = f" and {len(whole) - 6} more" if len(whole) > 6 else ""
    raise ImageRefused(
        f"None of the {len(candidates)} series in {path.name} looks like {wanted} ({listed}{more}): "
        "give the file or folder of the one to use."
    )


def _nothing(path: Path, found: Survey) -> str:
    if path.is_file():
        reason = found.ignored[0][1] if found.ignored else "not an image"
        return f"{path.name} cannot be used ({reason}): give a NIfTI, NRRD or MHA file, or a folder of DICOM files."
    if not found.ignored:
        return f"The folder {path.name} is empty: give the folder that holds the images."
    return f"There is no image among the {len(found.ignored)} files in {path.name}: give a folder with DICOM, NIfTI, NRRD or MHA files."


def _part(progress: Progress | None, start: float, end: float) -> Progress | None:
    if progress is None:
        return None
    return lambda fraction, message: progress(start + (end - start) * fraction, message)
