"""DICOM series drawn for tests: a smooth field sampled wherever the slices lie, so that any reader can be checked against the field."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import CTImageStorage, EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

Field = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
PIXEL_MM = (1.5, 2.0)  # along the row (i) and along the column (j)
COLUMNS, ROWS = 32, 28


def blob(points: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A lopsided smooth bump, 100 to 1100, of LPS points ``(..., 3)``."""
    centre, widths = np.array([24.0, 28.0, 20.0]), np.array([14.0, 18.0, 11.0])
    return 100.0 + 1000.0 * np.exp(-0.5 * np.sum(((points - centre) / widths) ** 2, axis=-1))


def plane(position: Sequence[float], cosines: Sequence[float] = AXIAL, field: Field = blob) -> npt.NDArray[np.int16]:
    """Pixels of one slice ``[j, i]``."""
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    i, j = np.meshgrid(np.arange(COLUMNS) * PIXEL_MM[0], np.arange(ROWS) * PIXEL_MM[1])
    points = np.array(position) + i[..., None] * row + j[..., None] * column
    return np.rint(field(points)).astype(np.int16)


def header(modality: str = "MR", **elements: Any) -> FileDataset:
    """A dataset without pixels and position; ``elements`` are DICOM keywords."""
    kind = {"MR": MRImageStorage, "CT": CTImageStorage}[modality]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = kind
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = kind
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.Modality = modality
    dataset.PatientID, dataset.PatientName, dataset.PatientBirthDate, dataset.PatientSex = "P1", "Doe^Jane", "19600102", "F"
    dataset.StudyDate, dataset.StudyInstanceUID = "20240305", "1.2.3.4"
    dataset.SeriesInstanceUID, dataset.SeriesNumber, dataset.SeriesDescription = generate_uid(), 5, "t1 post gd"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"] if modality == "MR" else ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    dataset.Rows, dataset.Columns, dataset.PixelSpacing = ROWS, COLUMNS, [PIXEL_MM[1], PIXEL_MM[0]]
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def write_slice(
    path: Path,
    dataset: FileDataset,
    position: Sequence[float],
    number: int,
    cosines: Sequence[float] = AXIAL,
    field: Field = blob,
    compress: str = "",
) -> Path:
    """One file; ``dataset`` is changed on the way."""
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.InstanceNumber = number
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [float(p) for p in position], [float(c) for c in cosines]
    dataset.PixelData = plane(position, cosines, field).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    if compress:
        packed = pydicom.dcmread(_saved(dataset, path))
        packed.compress(compress)
        packed.save_as(path)
        return path
    return _saved(dataset, path)


def write_series(
    folder: Path,
    heights: Sequence[float],
    dataset: FileDataset | None = None,
    drift: Sequence[float] = (0.0, 0.0, 1.0),
    cosines: Sequence[float] = AXIAL,
    field: Field = blob,
    prefix: str = "im",
    compress: str = "",
) -> list[Path]:
    """Slices at ``heights`` (mm) along the direction ``drift``, numbered from 1, their files named in another order."""
    dataset = dataset or header()
    paths = []
    for number, height in enumerate(heights, 1):
        position = np.array([2.0, 3.0, -4.0]) + height * np.array(drift)
        name = f"{prefix}{(number * 7) % 101:03d}.dcm"
        paths.append(write_slice(folder / name, dataset, position.tolist(), number, cosines, field, compress))
    return paths


def write_enhanced(path: Path, heights: Sequence[float], **elements: Any) -> Path:
    """One multi-frame Enhanced MR file with its frames in the order of ``heights``."""
    dataset = header(**elements)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.NumberOfFrames = len(heights)
    del dataset.PixelSpacing
    measures, orientation, shared = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    measures.PixelSpacing, measures.SliceThickness = [PIXEL_MM[1], PIXEL_MM[0]], 3.0
    orientation.ImageOrientationPatient = list(AXIAL)
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Items([measures]), Items([orientation])
    dataset.SharedFunctionalGroupsSequence = Items([shared])
    frames, pixels = [], []
    for height in heights:
        where, frame = pydicom.Dataset(), pydicom.Dataset()
        where.ImagePositionPatient = [2.0, 3.0, -4.0 + height]
        frame.PlanePositionSequence = Items([where])
        frames.append(frame)
        pixels.append(plane([2.0, 3.0, -4.0 + height]))
    dataset.PerFrameFunctionalGroupsSequence = Items(frames)
    dataset.PixelData = np.stack(pixels).tobytes()
    return _saved(dataset, path)


def _saved(dataset: FileDataset, path: Path) -> Path:
    dataset.save_as(path, enforce_file_format=True)
    return path
