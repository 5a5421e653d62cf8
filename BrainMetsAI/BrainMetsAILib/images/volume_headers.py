"""What kind of file it is, and whether its own header and length can be trusted: checks that ITK's readers leave out.

ITK reads a NIfTI file that is cut short without a word (the rest is garbage), turns its voxels that are not numbers into 0, takes a
voxel size of zero or NaN for 1 mm, and gives a voxel size of 1 mm to NRRD and MetaImage headers that have none.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from BrainMetsAILib.images.examination import ImageRefused

_CHUNK = 1 << 20
# NIfTI's codes for voxels that may hold NaN.
_FLOATS = {16: "f4", 64: "f8"}


class FileKind(StrEnum):
    """Kinds of file, told by content and not by name."""

    NIFTI = "NIfTI"
    NIFTI_PAIR = "NIfTI pair"
    ANALYZE = "Analyze"
    NRRD = "NRRD"
    META = "MetaImage"
    DICOM = "DICOM"
    ZIP = "zip archive"
    EMPTY = "empty file"
    UNKNOWN = "unknown"


VOLUME_KINDS = frozenset({FileKind.NIFTI, FileKind.NIFTI_PAIR, FileKind.NRRD, FileKind.META})


def file_kind(path: Path) -> FileKind:
    """Kind of a file by its first bytes.

    Raises
    ------
    OSError
        If the file cannot be opened.
    """
    with path.open("rb") as file:
        start = file.read(1024)
    if not start:
        return FileKind.EMPTY
    if start[128:132] == b"DICM" or (path.suffix.lower() in ("", ".dcm", ".ima") and start[:2] in (b"\x08\x00", b"\x02\x00")):
        return FileKind.DICOM
    if start[:4] == b"PK\x03\x04":
        return FileKind.ZIP
    if start[:4] == b"NRRD":
        return FileKind.NRRD
    if start.lstrip()[:10] in (b"ObjectType", b"NDims = 3\n") or (b"ElementType" in start and b"ElementDataFile" in start):
        return FileKind.META
    if start[:2] == b"\x1f\x8b":
        try:
            start = zlib.decompressobj(wbits=31).decompress(start, 1024)
        except zlib.error:
            return FileKind.UNKNOWN
    return _nifti_kind(start)


def check_header(path: Path, kind: FileKind) -> tuple[str, ...]:
    """Notes about the header; refuses what ITK would misread.

    Raises
    ------
    ImageRefused
        For a file that is cut short, or a voxel size that is absent, zero, not finite or contradictory.
    """
    if kind in (FileKind.NIFTI, FileKind.NIFTI_PAIR):
        return _check_nifti(path, kind)
    if kind is FileKind.NRRD:
        return _check_text_header(path, end=b"\n\n", sizes=("space directions", "spacings"), orientation=("space directions",))
    if kind is FileKind.META:
        return _check_text_header(
            path,
            end=b"ElementDataFile",
            sizes=("elementspacing", "elementsize"),
            orientation=("transformmatrix", "orientation", "rotation"),
        )
    return ()


def is_compressed(path: Path) -> bool:
    """Whether the file starts as gzip does."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _nifti_kind(start: bytes) -> FileKind:
    if len(start) < 348:
        return FileKind.UNKNOWN
    size = {struct.unpack("<i", start[:4])[0], struct.unpack(">i", start[:4])[0]}
    if 348 in size:
        return {b"n+1": FileKind.NIFTI, b"ni1": FileKind.NIFTI_PAIR}.get(start[344:347], FileKind.ANALYZE)
    if 540 in size:
        return {b"n+2": FileKind.NIFTI, b"ni2": FileKind.NIFTI_PAIR}.get(start[4:7], FileKind.UNKNOWN)
    return FileKind.UNKNOWN


def _check_nifti(path: Path, kind: FileKind) -> tuple[str, ...]:
    try:
        with _open(path) as file:
            header = file.read(544)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ImageRefused(_cut_short(path)) from error
    order = "<" if struct.unpack("<i", header[:4])[0] in (348, 540) else ">"

    def field(code: str, offset: int) -> tuple[float, ...]:
        return struct.unpack_from(order + code, header, offset)

    if struct.unpack(order + "i", header[:4])[0] == 348:
        dims, pixdim, (kind_of_voxel, bits), offset = field("8h", 40), field("8f", 76), field("2h", 70), field("f", 108)[0]
        qform, sform, rows = field("h", 252)[0], field("h", 254)[0], field("12f", 280)
    else:
        dims, pixdim, (kind_of_voxel, bits), offset = field("8q", 16), field("8d", 104), field("2h", 12), field("q", 168)[0]
        qform, sform, rows = field("i", 344)[0], field("i", 348)[0], field("12d", 400)
    sizes = [abs(s) for s in pixdim[1 : 1 + min(3, int(dims[0]))]]
    _check_spacing(path, sizes)
    if sform > 0:
        columns = [math.sqrt(sum(rows[4 * r + c] ** 2 for r in range(3))) for c in range(3)]
        _check_spacing(path, columns)
        if any(abs(c - s) > 0.01 * s for c, s in zip(columns, sizes, strict=False)):
            raise ImageRefused(
                f"{path.name} gives two different voxel sizes in its header ({_mm(sizes)} and {_mm(columns)} mm), so nothing could be "
                "measured on it: convert it again from the original DICOM series."
            )
    length = math.prod(int(d) for d in dims[1 : 1 + int(dims[0])] if d > 0) * int(bits) // 8
    _check_voxels(path if kind is FileKind.NIFTI else _voxels_beside(path), int(offset), length, _FLOATS.get(int(kind_of_voxel)), order)
    if qform <= 0 and sform <= 0:
        return ("The file says nothing about the patient's orientation (no qform or sform): left and right may be swapped.",)
    return ()


def _check_text_header(path: Path, end: bytes, sizes: tuple[str, ...], orientation: tuple[str, ...]) -> tuple[str, ...]:
    with path.open("rb") as file:
        # Headers of these formats are a few hundred bytes; a long one is metadata.
        head = file.read(_CHUNK).replace(b"\r\n", b"\n").split(end)[0].decode("latin-1")
    lines = [line for line in head.splitlines() if not line.startswith("#")]
    keys = {line.replace("=", ":").split(":")[0].strip().lower() for line in lines}
    if not keys & set(sizes):
        raise ImageRefused(f"{path.name} gives no voxel size in its header: export it again from the original DICOM series.")
    if not keys & set(orientation):
        return ("The file says nothing about the patient's orientation: left and right may be swapped.",)
    return ()


def _check_spacing(path: Path, sizes: list[float]) -> None:
    if any(not math.isfinite(size) or size <= 0 for size in sizes):
        raise ImageRefused(f"{path.name} has no usable voxel size ({_mm(sizes)} mm): convert it again from the original DICOM series.")


def _voxels_beside(path: Path) -> Path:
    """The file of voxels that belongs to the header of a pair."""
    beside = path.with_suffix(path.suffix.replace("hdr", "img").replace("HDR", "IMG"))
    if beside == path or not beside.is_file():
        raise ImageRefused(f"{path.name} is the header of a pair and its .img file is not beside it: copy both into one folder.")
    return beside


def _check_voxels(path: Path, offset: int, length: int, code: str | None, order: str) -> None:
    """Refuse a file that ends before its last voxel, whose gzip checksum does not fit, or with floats that are not numbers."""
    found = broken = 0
    try:
        with _open(path) as file:
            file.read(offset)
            # Whole multiples of any voxel's size, so that no number is cut in two.
            while chunk := file.read(_CHUNK):
                if code and found < length:
                    size = min(len(chunk), length - found) // int(code[1]) * int(code[1])
                    floats = np.frombuffer(chunk[:size], dtype=order + code)
                    broken += int(floats.size - np.count_nonzero(np.isfinite(floats)))
                found += len(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        found = -1
    if found < length:
        raise ImageRefused(_cut_short(path))
    if broken:
        raise ImageRefused(not_numbers(path.name, broken))


def not_numbers(name: str, count: int) -> str:
    """Sentence that refuses voxels that are NaN or infinite."""
    voxels = "a voxel that is not a number" if count == 1 else f"{count} voxels that are not numbers"
    return f"{name} has {voxels} (NaN or infinite): export it again, or replace them by 0 first."


def _cut_short(path: Path) -> str:
    return f"{path.name} is damaged or cut short: copy or download it again."


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if is_compressed(path) else path.open("rb")


def _mm(sizes: list[float]) -> str:
    return " × ".join(f"{size:g}" for size in sizes)
