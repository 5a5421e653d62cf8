"""Radiological slices out of an examination: axial, coronal and sagittal, cut along the image's own axes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from BrainMetsAILib.exchange.drawing import LESION_COLOUR, Colour, Plane
from BrainMetsAILib.images.geometry import array_of, ras_to_ijk
from BrainMetsAILib.lesions.diameters import DiameterPair

AXIAL, CORONAL, SAGITTAL = 0, 1, 2
PLANE_NAMES = ("axial", "coronal", "sagittal")

# Top, bottom, left, right of each plane, patient's right on the picture's left.
_LETTERS = (("A", "P", "R", "L"), ("S", "I", "R", "L"), ("S", "I", "A", "P"))

Point = tuple[float, float, float]


@dataclass(frozen=True)
class RadiologicalView:
    """An image and its labels with the axes turned, never resampled, so that k, j, i run to S, P, L as nearly as they can.

    Attributes
    ----------
    image, labels, necrosis
        On one grid, ``sitk.DICOMOrient(…, "LPS")``. An oblique acquisition keeps its own tilted planes.
    """

    image: sitk.Image
    labels: sitk.Image
    necrosis: sitk.Image

    @cached_property
    def arrays(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint16], npt.NDArray[np.bool_]]:
        """Intensities, lesion numbers and necrosis, all [k, j, i]."""
        return (array_of(self.image).astype(np.float32), array_of(self.labels).astype(np.uint16), array_of(self.necrosis) != 0)

    def index_of(self, ras: Point) -> npt.NDArray[np.float64]:
        """Continuous [k, j, i] of a point (RAS mm)."""
        index: npt.NDArray[np.float64] = (ras_to_ijk(self.image) @ np.array([*ras, 1.0]))[2::-1]
        return index

    @property
    def spacing_kji(self) -> npt.NDArray[np.float64]:
        """Voxel size along k, j, i in mm."""
        return np.array(self.image.GetSpacing())[::-1]


def radiological(image: sitk.Image, labels: sitk.Image, necrosis: sitk.Image) -> RadiologicalView:
    """Turn axes; no value changes."""
    turned = [sitk.DICOMOrient(entry, "LPS") for entry in (image, labels, necrosis)]
    return RadiologicalView(*turned)


def cut(
    view: RadiologicalView,
    plane: int,
    at: npt.NDArray[np.float64],
    half_mm: float,
    shown: dict[int, Colour],
    pairs: tuple[DiameterPair, ...] = (),
) -> Plane:
    """A square crop of one plane around a place.

    Parameters
    ----------
    view
        From `radiological`.
    plane
        `AXIAL`, `CORONAL` or `SAGITTAL`.
    at
        Continuous [k, j, i] of the middle; the slice is the nearest one.
    half_mm
        Half of the crop's side. Outside the image it is black.
    shown
        Lesion number → colour of its outline; others get none.
    pairs
        Diameters to draw where they lie in this slice.
    """
    image, labels, necrosis = view.arrays
    index = int(np.clip(round(float(at[plane])), 0, image.shape[plane] - 1))
    axes = [axis for axis in range(3) if axis != plane]  # down, across
    low = [round(float(at[axis] - half_mm / view.spacing_kji[axis])) for axis in axes]
    high = [round(float(at[axis] + half_mm / view.spacing_kji[axis])) + 1 for axis in axes]
    grey = _window(np.take(image, index, axis=plane), low, high)
    numbers = _window(np.take(labels, index, axis=plane), low, high)
    dead = _window(np.take(necrosis, index, axis=plane), low, high) & np.isin(numbers, list(shown))
    lines = []
    for pair in pairs:
        for ends in (pair.longest_ends_ras, pair.perpendicular_ends_ras):
            points = np.array([view.index_of(end) for end in ends])
            if np.abs(points[:, plane] - index).max() < 0.6:
                lines.append(tuple((float(p[axes[0]] - low[0]), float(p[axes[1]] - low[1])) for p in points))
    result = Plane(
        grey=grey,
        lesions=tuple((numbers == number, colour) for number, colour in shown.items()),
        necrosis=dead,
        spacing_mm=(float(view.spacing_kji[axes[0]]), float(view.spacing_kji[axes[1]])),
        letters=_LETTERS[plane],
        lines=tuple((line[0], line[1]) for line in lines),
    )
    return result if plane == AXIAL else _upright(result)


def whole_slice(view: RadiologicalView, plane: int, index: int, shown: dict[int, Colour] | None = None) -> Plane:
    """One whole slice with all its lesions outlined."""
    image, labels, necrosis = view.arrays
    numbers = np.take(labels, index, axis=plane)
    axes = [axis for axis in range(3) if axis != plane]
    present = [int(number) for number in np.unique(numbers) if number]
    colours = {number: (shown or {}).get(number, LESION_COLOUR) for number in present}
    result = Plane(
        grey=np.take(image, index, axis=plane),
        lesions=tuple((numbers == number, colour) for number, colour in colours.items()),
        necrosis=np.take(necrosis, index, axis=plane) & (numbers > 0),
        spacing_mm=(float(view.spacing_kji[axes[0]]), float(view.spacing_kji[axes[1]])),
        letters=_LETTERS[plane],
    )
    return result if plane == AXIAL else _upright(result)


def _window(array: npt.NDArray[Any], low: list[int], high: list[int]) -> npt.NDArray[Any]:
    """``array[low:high]`` in both directions, zero outside."""
    result = np.zeros([h - lo for lo, h in zip(low, high, strict=True)], dtype=array.dtype)
    inside = [(max(lo, 0), min(h, n)) for lo, h, n in zip(low, high, array.shape, strict=True)]
    if all(a < b for a, b in inside):
        target = tuple(slice(a - lo, b - lo) for (a, b), lo in zip(inside, low, strict=True))
        result[target] = array[tuple(slice(a, b) for a, b in inside)]
    return result


def _upright(plane: Plane) -> Plane:
    """Coronal and sagittal slices: rows run from I to S in the array and from S to I in the picture."""
    last = plane.grey.shape[0] - 1
    return Plane(
        grey=plane.grey[::-1],
        lesions=tuple((mask[::-1], colour) for mask, colour in plane.lesions),
        necrosis=plane.necrosis[::-1],
        spacing_mm=plane.spacing_mm,
        letters=plane.letters,
        lines=tuple(((last - a[0], a[1]), (last - b[0], b[1])) for a, b in plane.lines),
    )
