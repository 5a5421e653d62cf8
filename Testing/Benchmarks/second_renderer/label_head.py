"""Heads from label maps (SynthSeg's training maps): pulled out of shape, tilted, cut by another grid, and given signals."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from Benchmarks.second_renderer import physics
from Benchmarks.second_renderer.head import Head, Mask, Values, signed_depth_mm, smooth_field
from Benchmarks.second_renderer.physics import PulseSequence, Tissue, varied
from Benchmarks.second_renderer.sinuses import tentorial_veins

LEFT_RIGHT = {41: 2, 42: 3, 43: 4, 44: 5, 46: 7, 47: 8, 49: 10, 50: 11, 51: 12, 52: 13, 53: 17, 54: 18, 57: 25, 58: 26, 60: 28, 62: 30}
TISSUES: dict[int, Tissue] = {
    2: physics.WHITE,
    3: physics.CORTEX,
    4: physics.FLUID,
    5: physics.FLUID,
    7: physics.CEREBELLAR_WHITE,
    8: physics.CORTEX,
    10: physics.THALAMUS,
    11: physics.STRIATUM,
    12: physics.STRIATUM,
    13: physics.PALLIDUM,
    14: physics.FLUID,
    15: physics.FLUID,
    16: physics.STEM,
    17: physics.CORTEX,
    18: physics.CORTEX,
    24: physics.FLUID,
    25: physics.DAMAGED_WHITE,
    26: physics.STRIATUM,
    28: physics.STEM,
    30: physics.FLUID,
    72: physics.FLUID,
    77: physics.DAMAGED_WHITE,
    85: physics.WHITE,
    502: physics.BLOOD,
    506: physics.FLUID,
    507: physics.MUSCLE,
    508: physics.MUSCLE,
    509: physics.MUCOSA,
    511: physics.SKIN,
    512: physics.STEM,
    514: physics.BLOOD,
    515: physics.BONE,
    516: physics.MARROW,
    530: physics.WHITE,
}
ARTERY, MUCOSA, SKIN, SOFT, SINUS = 502, 509, 511, 507, 514
FLUID_IDS, VENTRICLES = (4, 5, 14, 15, 24, 30, 72), (4, 5, 14, 15)
WHITE_IDS = (2, 7, 25, 77, 85)
BELOW_BRAIN_MM, AROUND_HEAD_MM = 28.0, 6.0


@dataclass(frozen=True)
class Cut:
    """How the head lies in the image: voxel edges (i, j, k) in mm, tilt in degrees, how far it is pulled out of shape."""

    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    tilt_degrees: float = 4.0
    pull_mm: float = 2.5


def label_head(path: Path, sequence: PulseSequence, cut: Cut, rng: np.random.Generator) -> Head:
    """A head that looks like the one of the label map, but is not the same.

    Parameters
    ----------
    path
        Label map.
    sequence
        Pulse sequence.
    cut
        Grid, tilt and deformation.
    rng
        Source of chance.
    """
    source = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")
    numbers = np.rint(sitk.GetArrayFromImage(source)).astype(np.int16)
    for other, same in LEFT_RIGHT.items():
        numbers[numbers == other] = same
    grid = _grid(source, numbers, cut, rng)
    labels, places = _pulled(source, numbers, grid, cut, rng)
    signal = _signals(numbers, labels, places, grid, sequence, rng)
    return _head(labels, signal, grid, sequence)


def _grid(source: sitk.Image, numbers: NDArray[np.int16], cut: Cut, rng: np.random.Generator) -> sitk.Image:
    """A tilted box around the head, from below the brain upwards (source axes are LPS with 1 mm)."""
    head = np.argwhere(numbers[::3, ::3, ::3] > 0) * 3
    low, high = head.min(0).astype(float), head.max(0).astype(float)
    brain = np.argwhere(((numbers > 0) & (numbers < 500))[::3, ::3, ::3]) * 3
    low[0] = max(low[0], np.percentile(brain[:, 0], 0.5) - BELOW_BRAIN_MM)
    centre = source.TransformContinuousIndexToPhysicalPoint([float(v) for v in (0.5 * (low + high))[::-1]])
    angles = np.radians(cut.tilt_degrees) * rng.uniform(-1, 1, 3)
    turn = np.array(sitk.Euler3DTransform((0, 0, 0), *(float(a) for a in angles)).GetMatrix()).reshape(3, 3)
    extent = (high - low)[::-1] + 2 * AROUND_HEAD_MM
    size = [int(np.ceil(e / s)) for e, s in zip(extent, cut.spacing_mm, strict=True)]
    grid = sitk.Image(size, sitk.sitkUInt8)
    grid.SetSpacing(cut.spacing_mm)
    grid.SetDirection(turn.flatten().tolist())
    half = turn @ (0.5 * (np.array(size) - 1) * np.array(cut.spacing_mm))
    grid.SetOrigin((np.array(centre) - half).tolist())
    return grid


def _pulled(
    source: sitk.Image, numbers: NDArray[np.int16], grid: sitk.Image, cut: Cut, rng: np.random.Generator
) -> tuple[NDArray[np.int16], Values]:
    """Nearest labels on the grid, and where each voxel comes from: float32 (3, k, j, i) in the source's indices (k, j, i)."""
    shape = grid.GetSize()[::-1]
    to_lps = np.array(grid.GetDirection()).reshape(3, 3) * np.array(grid.GetSpacing())
    from_lps = np.linalg.inv(np.array(source.GetDirection()).reshape(3, 3) * np.array(source.GetSpacing()))
    matrix = from_lps @ to_lps
    offset = from_lps @ (np.array(grid.GetOrigin()) - np.array(source.GetOrigin()))
    scale = 1.0 + rng.uniform(-0.05, 0.05, 3)
    middle = 0.5 * np.array(numbers.shape[::-1], float)
    k, j, i = (np.arange(n, dtype=np.float32) for n in shape)
    places = np.empty((3, *shape), np.float32)
    spacing = np.array(grid.GetSpacing()[::-1], float)
    for axis in range(3):  # i, j, k of the source
        row = matrix[axis]
        flat = row[2] * k[:, None, None] + row[1] * j[None, :, None] + row[0] * i[None, None, :] + offset[axis]
        pull = cut.pull_mm * smooth_field(shape, 38.0, spacing, rng)
        places[2 - axis] = (flat - middle[axis]) * scale[axis] + middle[axis] + pull
    return _gather(numbers, places), places


def _gather(numbers: NDArray[np.int16], places: Values, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> NDArray[np.int16]:
    index = [np.rint(places[a] + shift[a]).astype(np.int32) for a in range(3)]
    inside = np.ones(places.shape[1:], bool)
    for a in range(3):
        inside &= (index[a] >= 0) & (index[a] < numbers.shape[a])
        np.clip(index[a], 0, numbers.shape[a] - 1, out=index[a])
    return np.where(inside, numbers[index[0], index[1], index[2]], 0).astype(np.int16)


def _signals(
    numbers: NDArray[np.int16],
    labels: NDArray[np.int16],
    places: Values,
    grid: sitk.Image,
    sequence: PulseSequence,
    rng: np.random.Generator,
) -> Values:
    """Mean over eight points a voxel of the signal of the label there, with texture."""
    table = np.zeros(1024, np.float32)
    for number, tissue in TISSUES.items():
        table[number] = float(sequence.signal(varied(tissue, rng)))
    for number in range(100, 200):  # small unnamed structures of the brain
        table[number] = float(sequence.signal(physics.STEM))
    table[ARTERY] = table[SINUS] = sequence.blood()
    table[MUCOSA] = float(sequence.signal(physics.MUCOSA, rng.uniform(0.1, 0.35)))
    spacing = np.array(grid.GetSpacing()[::-1], float)
    step = 0.25 * spacing
    signal = np.zeros(labels.shape, np.float32)
    for corner in np.ndindex(2, 2, 2):
        shift = tuple(float(s) * (2 * c - 1) for s, c in zip(step, corner, strict=True))
        signal += table[_gather(numbers, places, (shift[0], shift[1], shift[2]))] / 8.0
    signal = _with_fat(signal, labels, float(table[SOFT]), sequence, spacing, rng)
    uneven = 1.0 + 0.02 * smooth_field(labels.shape, 9.0, spacing, rng) + 0.015 * smooth_field(labels.shape, 2.5, spacing, rng)
    return np.asarray(signal * uneven, np.float32)


def _with_fat(
    signal: Values,
    labels: NDArray[np.int16],
    muscle: float,
    sequence: PulseSequence,
    spacing: NDArray[np.float64],
    rng: np.random.Generator,
) -> Values:
    """Soft tissue outside the skull is fat under the skin, and muscles with fat between them elsewhere."""
    soft = labels == SOFT
    from_skin = ndimage.distance_transform_edt(labels != SKIN, sampling=spacing)
    under_skin = from_skin < 4.0 + 1.5 * smooth_field(labels.shape, 25.0, spacing, rng)
    between = smooth_field(labels.shape, 7.0, spacing, rng) > 0.9
    share = ndimage.gaussian_filter((soft & (under_skin | between)).astype(np.float32), 0.5)
    return np.asarray(np.where(soft, signal + share * (sequence.of_fat() - muscle), signal), np.float32)


def _head(labels: NDArray[np.int16], signal: Values, grid: sitk.Image, sequence: PulseSequence) -> Head:
    spacing = np.array(grid.GetSpacing()[::-1], float)
    brain = (labels > 0) & (labels < 500) & ~np.isin(labels, FLUID_IDS)
    fluid = np.isin(labels, FLUID_IDS)
    hull = brain | fluid
    sinus = (labels == SINUS) | tentorial_veins(hull, labels == 8, labels == 3, signed_depth_mm(hull, spacing), spacing)
    lateral = labels == 4
    near_fissure = np.isin(labels, (10, 17))  # the plexus is fixed between thalamus and fornix, and along the hippocampus
    close = ndimage.distance_transform_edt(~near_fissure, sampling=spacing) < 3.2 if near_fissure.any() else near_fissure
    roof = (labels == 15) & (ndimage.distance_transform_edt(labels != 8, sampling=spacing) < 2.0)
    return Head(
        grid=grid,
        sequence=sequence,
        signal=signal,
        hull=hull,
        brain=brain,
        white=np.isin(labels, WHITE_IDS),
        fluid=fluid,
        ventricles=np.isin(labels, VENTRICLES),
        blood_roots=sinus,
        arteries=labels == ARTERY,
        plexus=(lateral & close) | roof,
        gland_mm=_gland(labels == 85, grid),
        mucosa=labels == MUCOSA,
    )


def _gland(chiasm: Mask, grid: sitk.Image) -> tuple[float, float, float] | None:
    places = np.argwhere(chiasm)
    if not len(places):
        return None
    x, y, z = grid.TransformContinuousIndexToPhysicalPoint([float(v) for v in places.mean(0)[::-1]])
    return x, y + 1.0, z - 11.0
