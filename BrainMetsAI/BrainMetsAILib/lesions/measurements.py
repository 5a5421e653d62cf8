"""Everything that is measured of one lesion, from its masks in the patient's own grid."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from BrainMetsAILib.lesions.diameters import DiameterPair, Point, diameter_3d_mm, enhancing_pair, whole_pair
from BrainMetsAILib.lesions.grid import Mask, Matrix, axial_axis, bounding_crop, to_ras, voxel_ml
from BrainMetsAILib.lesions.measurability import Measurability, rano_bm_measurability
from BrainMetsAILib.lesions.volumes import volume_interval

__all__ = ["DiameterPair", "LesionMeasurements", "Measurability", "measure_lesion"]


@dataclass(frozen=True)
class LesionMeasurements:
    """Measurements of one lesion.

    Attributes
    ----------
    volume_ml, volume_low_ml, volume_high_ml
        Whole volume, and what it would be with the outline half a voxel further in or out (`volumes`), mL.
    enhancing_ml, necrotic_ml
        The two parts of the volume, mL; they add up to it.
    enhancing_low_ml, enhancing_high_ml
        What the enhancing part would be with its outline half a voxel further in or out, towards the necrosis too: of a thin rim that is
        most of it.
    necrotic_fraction
        Necrotic part of the volume, 0 to 1.
    whole
        Diameters across the whole outline (`diameters`), mm.
    enhancing
        Diameters within enhancing tissue, mm; ``None`` where nothing enhances.
    diameter_3d_mm
        Largest distance within the lesion in any direction, mm.
    centroid_ras
        Mean of the voxels' centres, RAS mm; of a bent lesion it may lie outside.
    voxel_count, slice_count
        Voxels, and axial slices on which there are any.
    measurability
        RANO-BM measurability with its reason.
    """

    volume_ml: float
    volume_low_ml: float
    volume_high_ml: float
    enhancing_ml: float
    necrotic_ml: float
    enhancing_low_ml: float
    enhancing_high_ml: float
    necrotic_fraction: float
    whole: DiameterPair
    enhancing: DiameterPair | None
    diameter_3d_mm: float
    centroid_ras: Point
    voxel_count: int
    slice_count: int
    measurability: Measurability


def measure_lesion(lesion: Mask, necrosis: Mask, geometry: Matrix) -> LesionMeasurements:
    """Measure one lesion.

    Parameters
    ----------
    lesion
        Boolean array [k, j, i]: the whole lesion, enhancing and necrotic, at least one voxel.
    necrosis
        Boolean array of the same shape; what of it lies outside the lesion does not count.
    geometry
        (4, 4) matrix from voxel (i, j, k) to RAS mm; of the crop (`grid.cropped_matrix`) where the arrays are crops.

    Raises
    ------
    ValueError
        If the lesion is empty or the shapes differ.
    """
    lesion, necrosis = np.asarray(lesion, dtype=bool), np.asarray(necrosis, dtype=bool)
    if lesion.shape != necrosis.shape:
        raise ValueError(f"Lesion {lesion.shape} and necrosis {necrosis.shape} are not on the same grid.")
    box = bounding_crop(lesion, geometry)
    inside = lesion[box.slices]
    dead = necrosis[box.slices] & inside
    matrix = np.ascontiguousarray(box.ijk_to_ras, dtype=np.float64)
    measured = _measured(inside.shape, np.packbits(inside).tobytes(), np.packbits(dead).tobytes(), matrix.tobytes())
    return in_whole_array(measured, box.slices[axial_axis(geometry)].start)


@lru_cache(maxsize=1000)  # lists, tables and panels ask for the same lesion again and again
def _measured(shape: tuple[int, ...], lesion: bytes, necrosis: bytes, matrix: bytes) -> LesionMeasurements:
    """Measurements on a tight crop; the masks as packed bits, the crop's matrix as 16 float64."""
    count = int(np.prod(shape))
    inside, dead = (np.unpackbits(np.frombuffer(bits, np.uint8), count=count).reshape(shape).astype(bool) for bits in (lesion, necrosis))
    geometry = np.frombuffer(matrix, np.float64).reshape(4, 4)
    axis = axial_axis(geometry)
    interval, core = (volume_interval(mask, voxel_ml(geometry)) for mask in (inside, dead))
    voxel_count, necrotic_count = int(np.count_nonzero(inside)), int(np.count_nonzero(dead))
    whole = whole_pair(inside, geometry)
    enhancing = enhancing_pair(inside & ~dead, geometry)
    slice_count = int(np.count_nonzero(inside.any(axis=tuple(other for other in range(3) if other != axis))))
    centroid = to_ras(np.argwhere(inside).mean(axis=0, keepdims=True), geometry)[0]
    return LesionMeasurements(
        volume_ml=interval.volume_ml,
        volume_low_ml=interval.low_ml,
        volume_high_ml=interval.high_ml,
        enhancing_ml=(voxel_count - necrotic_count) * voxel_ml(geometry),
        necrotic_ml=necrotic_count * voxel_ml(geometry),
        enhancing_low_ml=max(0.0, interval.low_ml - core.high_ml),
        enhancing_high_ml=interval.high_ml - core.low_ml,
        necrotic_fraction=necrotic_count / voxel_count,
        whole=whole,
        enhancing=enhancing,
        diameter_3d_mm=diameter_3d_mm(inside, geometry),
        centroid_ras=(float(centroid[0]), float(centroid[1]), float(centroid[2])),
        voxel_count=voxel_count,
        slice_count=slice_count,
        measurability=rano_bm_measurability(whole, enhancing, slice_count),
    )


def with_diameters(measurements: LesionMeasurements, whole: DiameterPair) -> LesionMeasurements:
    """The measurements with other diameters across the whole outline, and whether the lesion is measurable by those."""
    measurability = rano_bm_measurability(whole, measurements.enhancing, measurements.slice_count)
    return replace(measurements, whole=whole, measurability=measurability)


def in_whole_array(measurements: LesionMeasurements, first_slice: int) -> LesionMeasurements:
    """Measurements made on a crop, with slices counted in the array it was cut from.

    Parameters
    ----------
    measurements
        Made on the crop with the crop's matrix, so that all positions are in the patient already.
    first_slice
        Where the crop begins along the array's axial axis (`grid.axial_axis`).
    """
    enhancing = measurements.enhancing
    return replace(
        measurements,
        whole=replace(measurements.whole, slice_index=measurements.whole.slice_index + first_slice),
        enhancing=None if enhancing is None else replace(enhancing, slice_index=enhancing.slice_index + first_slice),
    )
