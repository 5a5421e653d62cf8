"""Lesions drawn into a head: fine-grid signals from concentrations of contrast agent, averaged over voxels; and their truth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from Benchmarks.second_renderer import physics
from Benchmarks.second_renderer.blobs import Blob, block_mean, grow_blob, hollow, to_fine
from Benchmarks.second_renderer.head import Head, Mask, Values, smooth_field
from Benchmarks.second_renderer.lesion_plan import PlannedLesion
from Benchmarks.second_renderer.vessel_tree import FINE

Span = tuple[float, float]
MMOL: dict[str, Span] = {
    "solid": (0.22, 0.75),
    "faint": (0.08, 0.16),
    "ring": (0.3, 0.8),
    "cystic": (0.35, 0.9),
    "haemorrhagic": (0.2, 0.6),
}
CORE_SHARE: dict[str, Span] = {"ring": (0.18, 0.6), "cystic": (0.55, 0.85)}
MOST_OUT_MM = 4.0
LEAST_RIM_MM: dict[str, Span] = {"ring": (0.9, 1.8), "cystic": (0.7, 1.2)}


@dataclass(frozen=True)
class Painted:
    """Truth of a lesion: volumes in mm³ from the fine grid, centroid in voxels (k, j, i)."""

    lesion: PlannedLesion
    volume_mm3: float
    necrotic_mm3: float
    centroid: NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """Lesion numbers and necrosis a voxel [k, j, i], and the lesions in the order of their numbers."""

    labels: NDArray[np.uint16]
    necrosis: Mask
    lesions: tuple[Painted, ...]


def paint_lesions(signal: Values, head: Head, planned: list[PlannedLesion], rng: np.random.Generator) -> Truth:
    """Draw the lesions into `signal`, in place: oedema first, then the lesions themselves.

    Where two touch, the later one takes the room that the earlier left.
    """
    blobs = [_blob(lesion, head, rng) for lesion in planned]
    taken = np.zeros(signal.shape, np.float32)
    best = np.zeros(signal.shape, np.float32)
    labels = np.zeros(signal.shape, np.uint16)
    necrosis = np.zeros(signal.shape, bool)
    _paint_oedema(signal, head, planned, blobs, rng)
    painted: list[Painted] = []
    for lesion, blob in zip(planned, blobs, strict=True):
        whole = blob.whole & ~to_fine(taken[blob.box] > 0.5) & to_fine(_allowed(lesion, head, blob))
        filled = block_mean(whole)
        filled = np.minimum(filled, 1.0 - taken[blob.box])
        if not (filled > 0).any():
            continue
        own = _signals(lesion, blob, whole, head, rng)
        share = block_mean(whole)
        mean = block_mean(own * whole) / np.maximum(share, 1e-6)
        signal[blob.box] += filled * (mean - signal[blob.box])
        taken[blob.box] += filled
        dead = block_mean(blob.core & whole)
        number = len(painted) + 1
        mine = filled >= 0.5 if (filled >= 0.5).any() else filled == filled.max()
        mine &= filled > best[blob.box]
        if not mine.any():
            continue
        labels[blob.box][mine] = number
        necrosis[blob.box][mine] = dead[mine] >= 0.5 * share[mine]
        best[blob.box][mine] = filled[mine]
        voxel = float(np.prod(head.spacing_kji))
        centroid = np.array(ndimage.center_of_mass(filled)) + [s.start for s in blob.box]
        painted.append(
            Painted(lesion, float(filled.sum()) * voxel, float((dead * filled / np.maximum(share, 1e-6)).sum()) * voxel, centroid)
        )
    return Truth(labels, necrosis, tuple(painted))


def _blob(lesion: PlannedLesion, head: Head, rng: np.random.Generator) -> Blob:
    blob = grow_blob(lesion.centre, lesion.diameter_mm, head.signal.shape, head.spacing_kji, rng)
    if lesion.kind in CORE_SHARE:
        rim = min(float(rng.uniform(*LEAST_RIM_MM[lesion.kind])), 0.16 * lesion.diameter_mm)
        blob = hollow(blob, float(rng.uniform(*CORE_SHARE[lesion.kind])), rim, head.spacing_kji, rng)
    return blob


def _allowed(lesion: PlannedLesion, head: Head, blob: Blob) -> Mask:
    """Metastases of the brain stay in it, but fill the sulcus they lie at; those that bulge leave it, or grow into ventricles."""
    if lesion.bulges:
        return np.asarray(head.depth_mm[blob.box] > -MOST_OUT_MM)
    return np.asarray(ndimage.binary_dilation(head.hull[blob.box]) & ~head.ventricles[blob.box])


def _signals(lesion: PlannedLesion, blob: Blob, whole: Mask, head: Head, rng: np.random.Generator) -> Values:
    """Signal of every fine cell of the lesion; elsewhere 0."""
    fine = head.spacing_kji / FINE
    scale = max(0.35 * lesion.diameter_mm, 0.8)
    level = float(rng.uniform(*MMOL[lesion.kind]))
    uneven = np.exp(float(rng.uniform(0.1, 0.45)) * smooth_field(whole.shape, scale, fine, rng)[whole])
    own = np.zeros(whole.shape, np.float32)
    own[whole] = head.sequence.signal(physics.TUMOUR, level * uneven)
    if lesion.kind == "haemorrhagic":
        bleeding = whole & (smooth_field(whole.shape, scale, fine, rng) > 0.3)
        own[bleeding] = float(head.sequence.signal(physics.OLD_BLOOD, 0.05))
    core = blob.core & whole
    if core.any():
        tissue = physics.CYST if lesion.kind == "cystic" else physics.NECROSIS
        leaked = float(rng.uniform(0.0, 0.06)) * np.exp(0.4 * smooth_field(whole.shape, scale, fine, rng)[core])
        own[core] = head.sequence.signal(tissue, leaked)
    return own


def _paint_oedema(signal: Values, head: Head, planned: list[PlannedLesion], blobs: list[Blob], rng: np.random.Generator) -> None:
    """Water that spreads through white matter, with fingers."""
    level = float(head.sequence.signal(physics.OEDEMA))
    for lesion, blob in zip(planned, blobs, strict=True):
        if lesion.diameter_mm < 5 or rng.random() > 0.55:
            continue
        extent = float(rng.uniform(3.0, 5.0 + 0.45 * lesion.diameter_mm))
        room = np.ceil((extent + 4.0) / head.spacing_kji).astype(int)
        starts = [max(s.start - int(r), 0) for s, r in zip(blob.box, room, strict=True)]
        stops = [min(s.stop + int(r), n) for s, r, n in zip(blob.box, room, signal.shape, strict=True)]
        box = tuple(slice(a, b) for a, b in zip(starts, stops, strict=True))
        inside = np.zeros([b - a for a, b in zip(starts, stops, strict=True)], bool)
        inner = tuple(slice(s.start - a, s.stop - a) for s, a in zip(blob.box, starts, strict=True))
        inside[inner] = block_mean(blob.whole) > 0.3
        away = ndimage.distance_transform_edt(~inside, sampling=head.spacing_kji)
        away = away + 2.0 * smooth_field(away.shape, 7.0, head.spacing_kji, rng)
        share = np.clip((extent - away) / 2.5, 0, 1) * float(rng.uniform(0.6, 1.0))
        share = share * ndimage.gaussian_filter(head.white[box].astype(np.float32), 0.7)
        signal[box] += (share * np.minimum(level - signal[box], 0)).astype(np.float32)
