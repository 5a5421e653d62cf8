"""Recovery files: a copy of each open review on the disk, offered again after a crash when the same volume is loaded.

One file a volume, whatever its name or folder, and one beside it with the probability maps. Written in small steps from copies, put in
place in one move, and removed once the review is signed and saved or the scene is closed. They hold no image, but outlines, comments and
what is known of the patient: the folder is its owner's alone, and what nobody asks for within a month is removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
import zlib
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from BrainMetsAILib.scene.history import History
from BrainMetsAILib.scene.log import log_text
from BrainMetsAILib.scene.masks import REPRESENTATION, split_merged_layers
from BrainMetsAILib.scene.recovery_maps import map_pieces, maps_from_bytes, maps_of, maps_stamp, restore_maps
from BrainMetsAILib.scene.review import review_nodes, reviews
from BrainMetsAILib.scene.review_record import ReviewRecord, record_bytes, record_from_bytes, record_of, restore_record
from BrainMetsAILib.scene.settings import EXAMINATION_UID, settings_node
from BrainMetsAILib.scene.sign_off import changed_since, read_sign_off
from BrainMetsAILib.scene.translation import tr as _
from BrainMetsAILib.scene.volumes import ijk_to_ras_of

PIECE = 1 << 18  # bytes written a step
KEPT_DAYS = 30

_own: set[Path] = set()  # files that this process writes; any other was left by one that crashed


@dataclass(frozen=True)
class Offer:
    """A review that a crash left behind.

    Attributes
    ----------
    path
        Its file.
    record
        What it holds; ``None`` where it cannot be read.
    problem
        Why it cannot be read, a sentence.
    """

    path: Path
    record: ReviewRecord | None
    problem: str = ""


class Recovery:
    """Keeps the reviews of the scene in recovery files.

    Parameters
    ----------
    folder
        Made when it is needed. Not a temporary one: systems empty these when they restart, as they do after a crash.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stamps: dict[str, tuple[int, ...]] = {}  # segmentation ID → state when it was last looked at
        self._kept: dict[Path, str] = {}  # file → SHA-256 of the record that needs no writing any more
        self._examinations: dict[Path, str] = {}  # file → UID of the examination in it
        self._kept_maps: dict[Path, tuple[int, ...]] = {}  # file → stamp of the maps that need none
        self._identities: dict[tuple[int, bytes], str] = {}
        self._offers: dict[Path, Offer] = {}
        self._writing: Generator[None, None, None] | None = None
        self._stored = slicer.mrmlScene.GetStoredTime()
        _remove_old(folder)

    def step(self) -> bool:
        """Look for a change, or write a piece of one; 0.1 s at the most, and 1 s after large scenes were saved, whose layers are split.

        Returns
        -------
        bool
            Whether more is to be written.

        Raises
        ------
        OSError
            If the file cannot be written; the next change is tried again.
        """
        if self._stored != slicer.mrmlScene.GetStoredTime():  # saving a scene sends no event
            self._stored = slicer.mrmlScene.GetStoredTime()
            self._saved()
        if self._writing is None:
            self._writing = self._next_change()
            return self._writing is not None
        try:
            next(self._writing)
        except StopIteration:
            self._writing = None
        except OSError:
            self._writing = None
            raise
        return True

    def loaded(self) -> None:
        """A scene file was loaded: what it holds is on the disk already."""
        self._stored = slicer.mrmlScene.GetStoredTime()
        for segmentation in reviews():
            if segmentation.GetID() not in self._stamps and review_nodes(segmentation).volume is not None:
                split_merged_layers(segmentation)
                self._needs_no_writing(segmentation)

    def closed(self) -> None:
        """A person closes the scene, or the application: nothing of this session is to be offered again."""
        self._stop_writing()
        for path in [path for path in _own if path.parent == self._folder]:
            with contextlib.suppress(OSError):
                _remove(path)
            _own.discard(path)
        self._stamps.clear()
        self._kept.clear()
        self._examinations.clear()
        self._kept_maps.clear()

    def offer(self, volume: Any) -> Offer | None:
        """The newest review of this volume that an earlier session left behind; ``None`` where there is none."""
        if volume.GetImageData() is None:
            return None
        path = self._file(volume)
        left = sorted(self._folder.glob(f"{path.stem}.*.npz"), key=lambda file: file.name, reverse=True)
        if not left:
            return None
        if left[0] not in self._offers:
            self._offers[left[0]] = _read(left[0])
        return self._offers[left[0]]

    def restore(self, offer: Offer, volume: Any, history: History | None = None) -> Any:
        """Put an offered review back onto its volume; returns its segmentation node.

        Raises
        ------
        ValueError
            If it cannot be read.
        """
        if offer.record is None:
            raise ValueError(offer.problem)
        segmentation = restore_record(offer.record, volume, history)
        self._stop_writing()
        path = self._file(volume)
        self._examinations[path] = segmentation.GetAttribute(EXAMINATION_UID)
        offer.path.replace(path)  # until the next change it is the copy of what is open now
        with contextlib.suppress(OSError, ValueError):  # the review itself is there: the maps can be found again
            restore_maps(maps_from_bytes(_maps(offer.path).read_bytes()), segmentation, volume)
            _maps(offer.path).replace(_maps(path))
            self._kept_maps[path] = maps_stamp(segmentation)
        return segmentation

    def discard(self, offer: Offer) -> None:
        """Remove an offered review for good."""
        self._offers.pop(offer.path, None)
        _remove(offer.path)

    def _saved(self) -> None:
        """The scene was saved: reviews that are signed as they are need no recovery file any more."""
        self._stop_writing()
        for segmentation in reviews():
            split_merged_layers(segmentation)  # saving merges them, and reading merged ones is slow
            signed = read_sign_off(segmentation)
            if review_nodes(segmentation).volume is not None and signed and not changed_since(segmentation, signed):
                _remove(self._needs_no_writing(segmentation))

    def _next_change(self) -> Generator[None, None, None] | None:
        open_now = [segmentation.GetAttribute(EXAMINATION_UID) for segmentation, _ in _with_volume()]
        for segmentation, volume in _with_volume():
            stamp = _stamp(segmentation)
            if self._stamps.get(segmentation.GetID()) == stamp:
                continue
            self._stamps[segmentation.GetID()] = stamp
            path, record = self._file(volume), record_of(segmentation)
            # The volume was deleted and loaded again: the copy is all that can be offered of the review that it had.
            if path.exists() and self._examinations.get(path, open_now[0]) not in open_now:
                _set_aside(path)
            self._examinations[path] = segmentation.GetAttribute(EXAMINATION_UID)
            if self._kept.get(path) != record.sha256:
                return self._write(path, record)
        return self._next_maps()

    def _next_maps(self) -> Generator[None, None, None] | None:
        """The maps of a review that is in a file, where they are not."""
        for segmentation, volume in _with_volume():
            path, stamp = self._file(volume), maps_stamp(segmentation)
            if stamp and path.exists() and self._kept_maps.get(path) != stamp:
                self._kept_maps[path] = stamp
                return write_steps(_maps(path), map_pieces(maps_of(segmentation)))
        return None

    def _write(self, path: Path, record: ReviewRecord) -> Generator[None, None, None]:
        content = record_bytes(record)
        yield from write_steps(path, (content[start : start + PIECE] for start in range(0, len(content), PIECE)))
        self._kept[path] = record.sha256

    def _needs_no_writing(self, segmentation: Any) -> Path:
        path = self._file(review_nodes(segmentation).volume)
        self._stamps[segmentation.GetID()] = _stamp(segmentation)
        self._kept[path] = record_of(segmentation).sha256
        self._kept_maps[path] = maps_stamp(segmentation)
        return path

    def _stop_writing(self) -> None:
        if self._writing is not None:
            self._writing.close()
            self._writing = None

    def _file(self, volume: Any) -> Path:
        """Where this session keeps a volume's review; what an earlier session left under that name is set aside first."""
        image = volume.GetImageData()
        key = (image.GetMTime(), ijk_to_ras_of(volume).tobytes())
        if key not in self._identities:
            self._identities[key] = volume_identity(volume)
        path = self._folder / f"{self._identities[key]}.npz"
        if path not in _own:
            if path.exists():
                _set_aside(path)
            _own.add(path)
        return path


def _set_aside(path: Path) -> None:
    """Give a copy a name under which it is offered."""
    aside = path.with_suffix(f".{path.stat().st_mtime_ns}.npz")
    path.replace(aside)
    if _maps(path).exists():
        _maps(path).replace(_maps(aside))


def volume_identity(volume: Any) -> str:
    """What tells a volume from all others: a hash of its grid and all its voxels, 32 hexadecimal digits (0.1 s at 512 × 512 × 200)."""
    voxels = np.ascontiguousarray(slicer.util.arrayFromVolume(volume))
    matrix = np.round(ijk_to_ras_of(volume), 4) + 0.0  # no minus zero
    head = f"{voxels.shape} {voxels.dtype} {matrix.tolist()} {zlib.crc32(voxels.data)}"
    return hashlib.sha256(head.encode()).hexdigest()[:32]


def write_steps(path: Path, pieces: Iterable[bytes]) -> Generator[None, None, None]:
    """Write a file in small pieces and put it in place in one move; what was there before stays whole until then."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            for piece in pieces:
                file.write(piece)
                yield
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _with_volume() -> list[tuple[Any, Any]]:
    """The reviews whose volume is there, with it."""
    found = [(segmentation, review_nodes(segmentation).volume) for segmentation in reviews()]
    return [(segmentation, volume) for segmentation, volume in found if volume is not None and volume.GetImageData() is not None]


def _stamp(segmentation: Any) -> tuple[int, ...]:
    """Changes with every change of a review; cheap."""
    content = segmentation.GetSegmentation()
    segments = [content.GetSegment(segment_id) for segment_id in content.GetSegmentIDs()]
    images = [segment.GetRepresentation(REPRESENTATION) for segment in segments]
    display = segmentation.GetDisplayNode()
    return (
        len(segments),
        content.GetMTime(),
        settings_node().GetMTime(),
        len(log_text()),
        display.GetMTime() if display else 0,
        max((segment.GetMTime() for segment in segments), default=0),
        max((image.GetMTime() for image in images if image is not None), default=0),
    )


def _maps(path: Path) -> Path:
    """The file with the maps of a review that is kept in ``path``."""
    return path.with_suffix(".maps")


def _remove(path: Path) -> None:
    for each in (path, _maps(path)):
        each.unlink(missing_ok=True)


def _read(path: Path) -> Offer:
    try:
        return Offer(path, record_from_bytes(path.read_bytes()))
    except ValueError as error:
        return Offer(path, None, str(error))
    except OSError as error:
        sentence = _("The kept review cannot be read ({reason}). Close what holds it open, or discard it.")
        return Offer(path, None, sentence.format(reason=error.strerror))


def _remove_old(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for path in [*folder.glob("*.npz"), *folder.glob("*.maps"), *folder.glob("*.part")]:
            if time.time() - path.stat().st_mtime > KEPT_DAYS * 86400:
                path.unlink()
