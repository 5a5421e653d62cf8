"""Reading a stack of DICOM slices as one image on a regular grid."""

from __future__ import annotations

from collections.abc import Sequence as Many
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import SimpleITK as sitk
from scipy import ndimage

from BrainMetsAILib.images.acquisition import number_of, text_of
from BrainMetsAILib.images.dicom_geometry import StackGeometry, same_places, stack_geometry
from BrainMetsAILib.images.dicom_slices import Slice, Stack
from BrainMetsAILib.images.examination import ImageRefused
from BrainMetsAILib.images.quiet import quiet_readers
from BrainMetsAILib.images.volume_files import usable_image

Voxels = npt.NDArray[np.float32]
_AGAIN = "send or export the series again"


def read_stack(stack: Stack) -> tuple[sitk.Image, tuple[str, ...]]:
    """Image of a stack (float32, LPS, mm; slices sorted along their normal) and notes about anything unusual.

    MR must be complete and evenly spaced. CT with uneven distances, and any stack that is sheared (gantry tilt), is put onto a regular
    grid: each slice is shifted within its own plane, and in between slices are interpolated linearly.

    Raises
    ------
    ImageRefused
        With one sentence, for whatever has no usable geometry or cannot be read.
    """
    name, modality = stack.name, text_of(stack.header, "Modality").upper()
    _check_kind(stack)
    slices, notes = _one_for_each_place(stack)
    geometry = stack_geometry(slices)
    if modality != "CT":
        _check_complete(name, [slices[i] for i in geometry.order], geometry, stack)
    with quiet_readers():
        voxels = _pixels([slices[i] for i in geometry.order])
    if text_of(stack.header, "PhotometricInterpretation") == "MONOCHROME1":
        voxels = _bright_as_bright(voxels, slices[geometry.order[0]])
        notes.append("The pixels were stored inverted (MONOCHROME1) and have been turned round.")
    notes += _gap_notes(stack, geometry)
    image, changed = _on_regular_grid(voxels, geometry)
    return usable_image(image, name), (*notes, *changed)


def _bright_as_bright(voxels: Voxels, first: Slice) -> Voxels:
    """Voxels of a MONOCHROME1 series the other way round, unless the reader has done so: newer versions of ITK do, older ones do not."""
    try:
        frames = pydicom.dcmread(first.path).pixel_array.astype(np.float64)
    except Exception:  # compressed in a way that pydicom cannot read, which raises many classes: rely on the newer version
        return voxels
    stored = frames[first.frame] if frames.ndim == 3 else frames
    inverted = np.vdot(stored - stored.mean(), voxels[0] - voxels[0].mean()) < 0
    return voxels if inverted else voxels.max() + voxels.min() - voxels


def _check_kind(stack: Stack) -> None:
    name = stack.name
    if (number_of(stack.header, "SamplesPerPixel", 1.0) or 1) > 1:
        raise ImageRefused(f"{name} is in colour (a screenshot or a map): give a plain grey-scale series.")
    first = stack.slices[0]
    if first.position is None or first.row is None or first.column is None:
        raise ImageRefused(f"{name} does not say where its slices lie: give the original series, not a secondary capture.")
    if min(first.pixel_mm) <= 0:
        raise ImageRefused(f"{name} has no usable pixel spacing: give the original series.")
    if abs(np.dot(first.row, first.column)) > 0.01 or min(np.linalg.norm(first.row), np.linalg.norm(first.column)) < 0.9:
        raise ImageRefused(f"{name} has no usable slice orientation: give the original series.")
    if len(stack.slices) < 2:
        raise ImageRefused(f"{name} has one slice only (a scout, or a copy of a single image): give the folder of the whole series.")


def _one_for_each_place(stack: Stack) -> tuple[list[Slice], list[str]]:
    """One slice for each place, duplicates left out; refuses series with several different images in one place."""
    places = same_places(stack.slices)
    counts = [len(place) for place in places]
    if max(counts) == 1:
        return list(stack.slices), []
    if len(places) < 2:
        raise ImageRefused(f"{stack.name} shows one place {counts[0]} times (a time series of one slice): give a whole volume.")
    chosen: list[Slice] = []
    different = 0
    with quiet_readers():
        for place in places:
            # The latest instance of a repeated slice is the one that replaced the others.
            candidates = sorted((stack.slices[i] for i in place), key=lambda s: s.instance_number or 0)
            chosen.append(candidates[-1])
            if len(candidates) > 1:
                pixels = _pixels(candidates)
                different += int(np.any(pixels != pixels[-1]))
    modality = text_of(stack.header, "Modality").upper()
    if different and modality != "CT":
        if min(counts) > 1 or different > 1:
            raise ImageRefused(
                f"{stack.name} is four-dimensional: it shows each place up to {max(counts)} times (a time or diffusion series), "
                "export one of its volumes as a series of its own."
            )
        raise ImageRefused(f"{stack.name} holds different images of the same slice: {_AGAIN} without the repeated slice.")
    extra = sum(counts) - len(counts)
    what = "were there twice" if not different else "were there more than once, the last of each was taken"
    return chosen, [f"{extra} slices {what}."]


def _check_complete(name: str, slices: Many[Slice], geometry: StackGeometry, stack: Stack) -> None:
    steps, middle = geometry.steps, geometry.middle_step
    if geometry.missing:
        raise ImageRefused(
            f"{name} lacks {geometry.missing} of {len(slices) + geometry.missing} slices (a gap of {steps.max():.1f} mm where slices are "
            f"{middle:.1f} mm apart): {_AGAIN}."
        )
    if not geometry.is_even:
        raise ImageRefused(
            f"{name} has slices {steps.min():.2f} to {steps.max():.2f} mm apart, so some are missing or belong to several scans: {_AGAIN}."
        )
    # Every second slice missing leaves even distances: the numbers and the header's own distance give it away together.
    numbers = [s.instance_number for s in slices]
    announced = number_of(stack.header, "SpacingBetweenSlices")
    if announced and len(slices) > 2 and all(n is not None for n in numbers):
        skips = {abs((b or 0) - (a or 0)) for a, b in pairwise(numbers)}
        if len(skips) == 1 and (skip := skips.pop()) >= 2 and abs(middle / abs(announced) - skip) < 0.05 * skip:
            raise ImageRefused(
                f"{name} has only every {'second' if skip == 2 else f'{skip}th'} slice ({middle:.1f} mm apart instead of "
                f"{abs(announced):.1f} mm): {_AGAIN}."
            )


def _gap_notes(stack: Stack, geometry: StackGeometry) -> list[str]:
    thickness = number_of(stack.header, "SliceThickness")
    if not geometry.is_even or not thickness or geometry.middle_step <= 1.1 * thickness:
        return []
    return [
        f"Slices are {thickness:g} mm thick and {geometry.middle_step:.1f} mm apart: "
        f"{geometry.middle_step - thickness:.1f} mm between them was not imaged."
    ]


def _pixels(slices: Many[Slice]) -> Voxels:
    """Rescaled pixels of slices, ``[k, j, i]``, in the order given."""
    whole: dict[Path, Voxels] = {}
    planes: list[Voxels] = []
    for item in slices:
        if item.path not in whole:
            try:
                # One file at a time is kept, except that frames of one file follow each other.
                whole = {item.path: sitk.GetArrayFromImage(sitk.ReadImage(str(item.path), imageIO="GDCMImageIO")).astype(np.float32)}
            except RuntimeError as error:
                raise ImageRefused(
                    f"{item.path.name} is damaged or compressed in a way that cannot be read: {_AGAIN}, uncompressed."
                ) from error
        frames = whole[item.path]
        frames = frames[np.newaxis] if frames.ndim == 2 else frames
        if frames.ndim != 3 or item.frame >= len(frames):
            raise ImageRefused(f"{item.path.name} holds fewer images than its header says: {_AGAIN}.")
        planes.append(frames[item.frame])
    if len({plane.shape for plane in planes}) > 1:
        raise ImageRefused(f"{slices[0].path.parent.name} holds slices of different sizes in one series: {_AGAIN}.")
    return np.stack(planes)


def _on_regular_grid(voxels: Voxels, geometry: StackGeometry) -> tuple[sitk.Image, tuple[str, ...]]:
    """Image of sorted slices; shifted and interpolated only where they are not straight and even."""
    notes: list[str] = []
    origin, step = geometry.origin, float(geometry.heights[-1]) / (len(voxels) - 1)
    if not geometry.is_straight:
        voxels, offset = _straightened(voxels, geometry)
        origin = origin + geometry.axes[:, :2] @ offset
        notes.append(
            f"The slices are tilted by {geometry.tilt_degrees:.1f}° against the direction of the stack (gantry tilt): "
            "each was shifted within its plane onto an upright grid."
        )
    if not geometry.is_even:
        step = geometry.common_step
        voxels = _evened(voxels, geometry.heights, step)
        notes.append(
            f"The distance between slices varies from {geometry.steps.min():.1f} to {geometry.steps.max():.1f} mm: "
            f"slices were interpolated to one every {step:.1f} mm."
        )
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing([*geometry.pixel_mm, step])
    image.SetDirection(geometry.axes.flatten().tolist())
    image.SetOrigin(origin.tolist())
    return image, tuple(notes)


def _straightened(voxels: Voxels, geometry: StackGeometry) -> tuple[Voxels, npt.NDArray[np.float64]]:
    """Slices shifted within their planes onto one grid wide enough for all, and that grid's offset along row and column, mm."""
    pixel = np.array(geometry.pixel_mm)
    shifts = geometry.shifts_mm / pixel
    first = np.floor(shifts.min(axis=0) + 1e-6)
    last = np.ceil(shifts.max(axis=0) - 1e-6)
    wider = (last - first).astype(int)
    background = float(voxels.min())
    grid = np.full((len(voxels), voxels.shape[1] + wider[1], voxels.shape[2] + wider[0]), background, dtype=np.float32)
    for plane, source, shift in zip(grid, voxels, shifts - first, strict=True):
        plane[: source.shape[0], : source.shape[1]] = source
        plane[:] = ndimage.shift(plane, (shift[1], shift[0]), order=1, mode="constant", cval=background)
    return grid, first * pixel


def _evened(voxels: Voxels, heights: npt.NDArray[np.float64], step: float) -> Voxels:
    """Slices at ``heights`` (mm) interpolated linearly to one every ``step`` mm, from the first to the last."""
    targets = np.arange(0.0, heights[-1] + 0.01 * step, step)
    above = np.clip(np.searchsorted(heights, targets, side="right"), 1, len(heights) - 1)
    weights = np.clip((targets - heights[above - 1]) / (heights[above] - heights[above - 1]), 0.0, 1.0).astype(np.float32)
    return np.stack([(1 - w) * voxels[a - 1] + w * voxels[a] for a, w in zip(above, weights, strict=True)])
