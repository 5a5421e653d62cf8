"""Whether lesions can be sought on an image: MR of a head, with slices thin enough.

Reading takes whatever has a usable geometry; these checks come before finding. Figures for extent and volume are wide bounds around
what heads and brains without skull measure (adult heads about 3 to 5 L, brains 1.0 to 1.6 L; ICRP Publication 89, 2002,
doi:10.1016/S0146-6453(03)00002-2), so that children, cropped fields of view and heads with neck pass. The consensus protocol asks for
slices of at most 1.5 mm (Kaufmann et al., Neuro-Oncology 2020;22:757, doi:10.1093/neuonc/noaa030) and RANO-BM for at most 5 mm (Lin et
al., Lancet Oncol 2015;16:e270, doi:10.1016/S1470-2045(15)70057-4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from BrainMetsAILib.images.examination import ImageRefused, Role, RoleGuess, Sequence
from BrainMetsAILib.images.geometry import array_of
from BrainMetsAILib.images.head import head_mask
from BrainMetsAILib.images.resampling import block_average

WARN_ABOVE_MM = 3.0
CONFIRM_ABOVE_MM = 5.0
HEAD_ML = (150.0, 9000.0)
HEAD_EXTENT_MM = (90.0, 350.0)
SLAB_MM = 20.0
# Measured on 20 real volumes: at most 0.14 of neighbours are equal in MR, at least 0.74 in masks and label maps.
LABEL_MAP_EQUAL = 0.5
# Range of the middle 90 % over the median, at 3 mm, away from the surface: at least 0.39 in those 20 volumes.
UNIFORM_SPREAD = 0.2
CUT_SHARE = 0.35


class Unsuitable(ImageRefused):
    """An image on which lesions cannot be sought; the message is one sentence: why, and what to do."""


class ThickSlices(Unsuitable):
    """Slices above 5 mm, which a person has to accept first."""


@dataclass(frozen=True)
class _Views:
    """What the checks look at: voxels, head mask (both ``[k, j, i]``), spacing (i, j, k) in mm."""

    image: sitk.Image
    voxels: npt.NDArray[np.float32]
    head: npt.NDArray[np.bool_]
    spacing: npt.NDArray[np.float64]


def check_head_mr(sequence: Sequence, accept_thick: bool = False) -> tuple[str, ...]:
    """Warnings for a person before lesions are sought on a sequence.

    Raises
    ------
    ThickSlices
        Above 5 mm between slices, unless ``accept_thick``.
    Unsuitable
        If it is not MR of a head.
    """
    if sequence.guess.role is Role.CT:
        raise Unsuitable("This is a CT: lesions are sought on contrast-enhanced T1 MR only, give such a series.")
    if sequence.body_part:
        raise Unsuitable(f"The header says that this shows {sequence.body_part.lower()}: give an MR of the head.")
    warnings = check_image(sequence.image, sequence.modality, accept_thick)
    return (*warnings, *role_warnings(sequence.guess, sequence.modality))


def role_warnings(guess: RoleGuess, modality: str) -> tuple[str, ...]:
    """A sentence where a sequence looks like another one than a T1 with contrast agent."""
    role, reason = guess.role, guess.reason
    if role in (Role.T2W, Role.T2F) or (role is Role.OTHER and modality == "MR"):
        what = "This does not look like a T1" if role is Role.OTHER else f"This looks like {role}"
        return (f"{what} ({reason}): lesions are sought on contrast-enhanced T1, so what is found here means little.",)
    # Only a header's silence counts: most file names say nothing about contrast.
    if role is Role.T1N and modality == "MR":
        return (f"This looks like a T1 without contrast agent ({reason}): metastases that do not stand out will be missed.",)
    return ()


def check_image(image: sitk.Image, modality: str = "", accept_thick: bool = False) -> tuple[str, ...]:
    """As `check_head_mr` for an image without a header, such as a volume that is already in Slicer.

    Raises
    ------
    ThickSlices
        Above 5 mm between slices, unless ``accept_thick``.
    Unsuitable
        If it is not MR of a head.
    """
    if modality == "CT":
        raise Unsuitable("This is a CT: lesions are sought on contrast-enhanced T1 MR only, give such a series.")
    if modality not in ("", "MR"):
        raise Unsuitable(f"This is {modality}, not MR: give a contrast-enhanced T1 of the head.")
    warnings = check_voxels(image)
    return (*_check_thickness(image, accept_thick), *warnings)


def check_voxels(image: sitk.Image) -> tuple[str, ...]:
    """What the voxels alone say, whatever the distance between slices: warnings about a head that is cut off.

    It works at 3 mm, so an image that was thinned out before (every n-th voxel) gives the same answers sooner.

    Raises
    ------
    Unsuitable
        If it is not MR of a head.
    """
    _check_field_of_view(image)
    voxels = array_of(sitk.Cast(image, sitk.sitkFloat32))
    if not np.all(np.isfinite(voxels)):
        raise Unsuitable("The image has voxels that are not numbers (NaN or infinite): replace them first.")
    if voxels.min() == voxels.max():
        raise Unsuitable("Every voxel of the image has the same value: check that the right volume was chosen.")
    if _looks_like_ct(voxels):
        raise Unsuitable("The voxel values look like a CT's (air at -1000, tissue near 0): give a contrast-enhanced T1 MR.")
    views = _Views(image, voxels, array_of(head_mask(image)) > 0, np.array(image.GetSpacing()))
    _check_head(views)
    warnings = _coverage_warnings(views)
    if _spread_inside(views) < UNIFORM_SPREAD:
        raise Unsuitable("This looks like a phantom (the same brightness all through): give an MR of a head.")
    return warnings


def _check_field_of_view(image: sitk.Image) -> None:
    extents = sorted(n * s for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True))
    if extents[0] < SLAB_MM or extents[1] < HEAD_EXTENT_MM[0]:
        size = " × ".join(f"{extent:.0f}" for extent in extents)
        raise Unsuitable(f"The image covers only {size} mm, too little for a head: give the whole series.")


def _looks_like_ct(voxels: npt.NDArray[np.float32]) -> bool:
    air = np.mean((voxels > -1100) & (voxels < -900))
    tissue = np.mean((voxels > -20) & (voxels < 100))
    bone = np.mean((voxels > 300) & (voxels < 4000))
    return bool(air > 0.1 and tissue > 0.05 and bone > 0.005)


def _check_head(views: _Views) -> None:
    volume_ml = float(views.head.sum() * np.prod(views.spacing) / 1000.0)
    extents = [_extent_mm(views, axis) for axis in range(3)]
    what = f"the tissue in it measures {volume_ml:.0f} mL and {' × '.join(f'{e:.0f}' for e in extents)} mm"
    # Masks first: a lesion mask is small too, and "a mask" says more than "too small".
    if views.head.any() and _equal_neighbours(views) > LABEL_MAP_EQUAL:
        raise Unsuitable("The image is a mask, a label map or a drawing (neighbouring voxels are alike): give the MR itself.")
    if volume_ml < HEAD_ML[0] or sorted(extents)[1] < HEAD_EXTENT_MM[0]:
        raise Unsuitable(f"This does not look like a head ({what}, too little): give an MR of the whole head.")
    if volume_ml > HEAD_ML[1] or max(extents) > HEAD_EXTENT_MM[1]:
        raise Unsuitable(f"This does not look like a head ({what}, too much): crop it to the head, or give an MR of the head.")


def _extent_mm(views: _Views, axis: int) -> float:
    """Extent of the head along image axis 0 = i, 1 = j, 2 = k."""
    others = tuple(a for a in range(3) if a != 2 - axis)
    planes = np.flatnonzero(views.head.any(axis=others))
    return float((planes[-1] - planes[0] + 1) * views.spacing[axis]) if planes.size else 0.0


def _equal_neighbours(views: _Views) -> float:
    """Share of neighbouring voxels along i, within the head, that have exactly the same value."""
    both = views.head[:, :, 1:] & views.head[:, :, :-1]
    return float(np.mean(views.voxels[:, :, 1:][both] == views.voxels[:, :, :-1][both])) if both.any() else 0.0


def _spread_inside(views: _Views) -> float:
    """Range of the middle 90 % over the median a centimetre below the surface, in blocks of 3 mm so that noise does not count."""
    coarse = array_of(block_average(sitk.Cast(views.image, sitk.sitkFloat32), 3.0))
    mask = sitk.GetImageFromArray(views.head.astype(np.float32))
    mask.CopyInformation(views.image)
    shrunk = block_average(mask, 3.0)
    head = array_of(shrunk) > 0.5
    # Faces of the field of view are no surface: the head may go on behind them.
    spacing_kji = shrunk.GetSpacing()[::-1]
    depth = ndimage.distance_transform_edt(np.pad(head, 1, mode="edge"), sampling=spacing_kji)[1:-1, 1:-1, 1:-1]
    deep = depth > 10.0 if np.any(depth > 10.0) else head
    values = coarse[deep]
    # A coil's sensitivity makes a phantom uneven, but smoothly so: what a quadratic surface explains is taken off.
    places = np.stack([np.argwhere(deep)[:, a] / deep.shape[a] - 0.5 for a in range(3)], axis=1)
    terms = np.column_stack([np.ones(len(places)), places, places**2, places[:, [0]] * places[:, 1:], places[:, 1] * places[:, 2]])
    smooth = terms @ np.linalg.lstsq(terms, values, rcond=None)[0]
    low, high = np.percentile(values - smooth, [5, 95])
    middle = float(np.median(values))
    # Images that are centred on zero have no meaningful ratio: their own range stands in for the median.
    scale = max(abs(float(middle)), 0.25 * float(np.percentile(coarse, 99) - np.percentile(coarse, 1)), 1e-12)
    return float(high - low) / scale


def _check_thickness(image: sitk.Image, accept_thick: bool) -> tuple[str, ...]:
    # Tenths of a millimetre: a nominal 3 or 5 mm often comes as 3.0004.
    spacing = round(max(image.GetSpacing()), 1)
    if spacing > CONFIRM_ABOVE_MM and not accept_thick:
        raise ThickSlices(
            f"Slices are {spacing:g} mm apart, more than {CONFIRM_ABOVE_MM:g} mm, so small metastases are missed and volumes are rough: "
            "give a thinner series, or accept it with --accept-thick."
        )
    if spacing > WARN_ABOVE_MM:
        return (f"Slices are {spacing:g} mm apart: metastases smaller than that may be missed, and volumes are rough.",)
    return ()


def _coverage_warnings(views: _Views) -> tuple[str, ...]:
    """Sentences on a head that is cut off by the field of view; the neck may always be. Refuses a piece cut from the inside."""
    direction = np.array(views.image.GetDirection()).reshape(3, 3)
    warnings: list[str] = []
    cut: list[str] = []
    for axis in range(3):
        toward = int(np.argmax(np.abs(direction[:, axis])))
        names = (("right", "left"), ("front", "back"), ("bottom", "top"))[toward]
        if direction[toward, axis] < 0:
            names = (names[1], names[0])
        areas = views.head.sum(axis=tuple(a for a in range(3) if a != 2 - axis))
        for name, area in zip(names, (areas[0], areas[-1]), strict=True):
            if name != "bottom" and area > CUT_SHARE * areas.max():
                cut.append(name)
        height = _extent_mm(views, axis)
        if toward == 2 and height < 100.0:
            warnings.append(f"The image covers only {height:.0f} mm of the head from bottom to top: metastases outside are not seen.")
    if len(cut) > 3:
        raise Unsuitable("The image shows no whole head (tissue goes on behind nearly every face of it): give the whole series.")
    if cut:
        warnings.append(f"The head is cut off at the {' and '.join(cut)} of the image: metastases outside are not seen.")
    return tuple(warnings)
