"""Heads without lesions to train on: real volumes, and label maps from which any contrast can be rendered."""

import json
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.brain import SPACING_MM as BRAIN_SPACING_MM
from BrainMetsAILib.images.brain import closed, distance_mm
from BrainMetsAILib.images.geometry import array_of, ijk_to_lps, image_like
from BrainMetsAILib.images.normalisation import BRAIN_PERCENTILES, intensity_scale
from BrainMetsAILib.images.resampling import resample_like, resample_to_spacing
from BrainMetsAILib.synthesis.practice import already_enhanced
from BrainMetsAILib.synthesis.shapes import Grid
from BrainMetsAILib.synthesis.tissue import Tissue, estimate_tissue
from BrainMetsAILib.synthesis.vessels import draw_normal_enhancement, tube_share

SPACING_MM = 1.0
VESSEL_VARIANTS = 4
# FreeSurfer numbers of the label maps.
WHITE = (2, 41, 7, 46, 16, 28, 60, 85)
FLUID = (4, 5, 14, 15, 24, 43, 44)
VENTRICLES = (4, 43, 14, 15)
VESSEL = (30, 62)
FIRST_EXTRACEREBRAL = 500


@dataclass(frozen=True)
class Background:
    """One head at 1 mm, LPS axes, arrays [k, j, i].

    Attributes
    ----------
    name
        Its file.
    labels
        uint8 compact labels, or None for a real volume.
    label_ids
        The original number of each compact label.
    array
        float32 intensities of a real volume, or None.
    hull, junction
        bool: brain; places where lesions mostly grow.
    excluded
        bool: real lesions of the volume, which are neither lesion nor background, or None.
    vessels
        uint8 [variant, k, j, i]: share of vessels and membranes, 200 is one.
    fluid_level, white_level
        Of a real volume.
    enhanced
        Whether the volume shows a contrast agent already.
    """

    name: str
    labels: NDArray[np.uint8] | None
    label_ids: tuple[int, ...]
    array: NDArray[np.float32] | None
    hull: NDArray[np.bool_]
    junction: NDArray[np.bool_]
    excluded: NDArray[np.bool_] | None
    vessels: NDArray[np.uint8]
    fluid_level: float = 0.0
    white_level: float = 1.0
    enhanced: bool = False

    @cached_property
    def brain_scale(self) -> tuple[float, float]:
        """Median and width by which a real volume is normalised."""
        assert self.array is not None
        return intensity_scale(self.array[self.hull], BRAIN_PERCENTILES)

    @cached_property
    def brain_counts(self) -> NDArray[np.floating]:
        """Voxels of each compact label in the brain of a label map."""
        assert self.labels is not None
        return np.bincount(self.labels[self.hull], minlength=len(self.label_ids)).astype(float)


def training_files(data: Path, group: str = "training") -> list[Path]:
    """The T1 and T1c volumes and label maps that ``split.json`` in `data` puts into a group; none where it knows no such group."""
    entries: list[str] = json.loads((data / "split.json").read_text(encoding="utf-8")).get(group, [])
    files = []
    for entry in entries:
        if entry.startswith("labelmaps/"):
            first, last = entry.rsplit("_", 1)[1].split("..")
            files += [data / f"labelmaps/training_seg_{n:02d}.nii.gz" for n in range(int(first), int(last) + 1)]
        elif entry.startswith("t1/"):
            files.append(data / f"{entry}.nii.gz")
        elif entry.startswith("t1c/"):
            files.append(data / entry / "t1c.nii.gz")
    return files


def load_background(path: Path, seed: int = 0) -> Background:
    """Read one volume or label map and draw its vessels (tens of seconds)."""
    rng = np.random.default_rng([seed, *path.name.encode()])
    image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")
    return _from_labels(path.stem, image, rng) if "labelmaps" in path.parts else _from_volume(path, image, rng)


def _from_labels(name: str, image: sitk.Image, rng: np.random.Generator) -> Background:
    image = _cropped(sitk.Cast(image, sitk.sitkInt32))
    numbers, compact = np.unique(array_of(image), return_inverse=True)
    brain = (numbers > 0) & (numbers < FIRST_EXTRACEREBRAL)
    tissue = _tissue_of_labels(image, numbers[brain])
    hull = array_of(
        resample_like(image_like(tissue.hull.astype(np.uint8), tissue.reference), image, None, sitk.sitkNearestNeighbor)
    ).astype(bool)
    return Background(
        name=name,
        labels=compact.reshape(hull.shape).astype(np.uint8),
        label_ids=tuple(int(n) for n in numbers),
        array=None,
        hull=hull,
        junction=_junction(tissue, image),
        excluded=None,
        vessels=_vessel_maps(tissue, image, rng),
    )


def _tissue_of_labels(image: sitk.Image, brain_numbers: NDArray[np.integer]) -> Tissue:
    coarse = resample_to_spacing(image, BRAIN_SPACING_MM, sitk.sitkNearestNeighbor)
    array = array_of(coarse)
    hull = closed(np.isin(array, brain_numbers), 6.0)
    depth = distance_mm(hull) - distance_mm(~hull)
    return Tissue(
        reference=sitk.Cast(coarse, sitk.sitkFloat32),
        head=array > 0,
        hull=hull,
        white=np.isin(array, WHITE),
        dark=np.isin(array, FLUID) | (hull & (array == 0)),
        ventricles=np.isin(array, VENTRICLES),
        mucosa=np.zeros(array.shape, bool),
        depth_mm=depth,
        fluid_level=0.2,
        grey_level=0.7,
        white_level=1.0,
    )


def _from_volume(path: Path, image: sitk.Image, rng: np.random.Generator) -> Background:
    image = _cropped(resample_to_spacing(sitk.Cast(image, sitk.sitkFloat32), SPACING_MM, sitk.sitkLinear))
    tissue = estimate_tissue(image)
    array = np.maximum(array_of(image), 0)
    lesions = path.with_name("ms_lesions.nii.gz")
    excluded = None
    if lesions.exists():
        known = sitk.DICOMOrient(sitk.ReadImage(str(lesions), sitk.sitkUInt8), "LPS")
        excluded = ndimage.binary_dilation(array_of(resample_like(known, image, None, sitk.sitkNearestNeighbor)) > 0)
    hull = array_of(
        resample_like(image_like(tissue.hull.astype(np.uint8), tissue.reference), image, None, sitk.sitkNearestNeighbor)
    ).astype(bool)
    return Background(
        name=str(path.stem),
        labels=None,
        label_ids=(),
        array=array,
        hull=hull,
        junction=_junction(tissue, image),
        excluded=excluded,
        vessels=_vessel_maps(tissue, image, rng),
        fluid_level=tissue.fluid_level,
        white_level=tissue.white_level,
        enhanced=already_enhanced(tissue),
    )


def _cropped(image: sitk.Image, margin: int = 8) -> sitk.Image:
    """The head's box with a margin; air costs memory."""
    array = array_of(image)
    filled = np.argwhere(array > 0.02 * np.percentile(array, 99.5))
    low = np.maximum(filled.min(axis=0) - margin, 0)[::-1]
    high = np.minimum(filled.max(axis=0) + 1 + margin, array.shape)[::-1]
    return sitk.RegionOfInterest(image, [int(v) for v in high - low], [int(v) for v in low])


def _junction(tissue: Tissue, like: sitk.Image) -> NDArray[np.bool_]:
    edge = (distance_mm(~tissue.white) + distance_mm(tissue.white)) <= 2.5
    mask = edge & tissue.hull & (tissue.depth_mm > 2.0) & ~tissue.ventricles
    return array_of(resample_like(image_like(mask.astype(np.uint8), tissue.reference), like, None, sitk.sitkNearestNeighbor)).astype(bool)


def _vessel_maps(tissue: Tissue, like: sitk.Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    grid = Grid(tuple(reversed(like.GetSize())), ijk_to_lps(like))
    maps = []
    for _ in range(VESSEL_VARIANTS):
        normal = draw_normal_enhancement(tissue, rng)
        share = np.maximum(tube_share(normal.tubes, grid), array_of(resample_like(normal.membranes, like)))
        maps.append(np.rint(200 * np.clip(share, 0, 1)).astype(np.uint8))
    return np.stack(maps)


def _prepare(job: tuple[Path, Path, int]) -> None:
    path, kept, seed = job
    background = load_background(path, seed)
    draft = kept.with_name(f"{kept.stem}.new.npz")
    np.savez(draft, **{k: v for k, v in vars(background).items() if v is not None})
    draft.replace(kept)


def load_backgrounds(files: Sequence[Path], cache: Path, seed: int = 0) -> list[Background]:
    """All backgrounds, kept as ``.npz`` in `cache` so that resuming is quick."""
    cache.mkdir(parents=True, exist_ok=True)
    places = [cache / f"{path.parent.name}-{path.stem.split('.')[0]}.npz" for path in files]
    missing = [(path, kept, seed) for path, kept in zip(files, places, strict=True) if not kept.exists()]
    if missing:
        # Started anew, not forked: a process that already has threads must not be.
        with ProcessPoolExecutor(min(len(missing), os.cpu_count() or 1), multiprocessing.get_context("spawn")) as pool:
            list(pool.map(_prepare, missing))
    found = []
    for kept in places:
        with np.load(kept) as data:
            found.append(
                Background(
                    name=str(data["name"]),
                    labels=data.get("labels"),
                    label_ids=tuple(int(n) for n in data["label_ids"]),
                    array=data.get("array"),
                    hull=data["hull"],
                    junction=data["junction"],
                    excluded=data.get("excluded"),
                    vessels=data["vessels"],
                    **{k: float(data[k]) for k in ("fluid_level", "white_level")},
                    enhanced=bool(data["enhanced"]),
                )
            )
    return found
