"""Labels of the anatomy network: every training head with its regions, as .npz files.

``python -m BrainMetsAILib.training.anatomy_labels --data DATA --out FOLDER [NAME …]``

A label map keeps its own FreeSurfer tissue. Only what it does not tell, the lobe of its cortex and white matter, comes from the atlas: the
nearest lobe of the same hemisphere after registration of drawn tissue. A real volume takes all its regions from the ICBM atlas.
"""

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.brain import find_brain
from BrainMetsAILib.images.geometry import array_of, image_like
from BrainMetsAILib.images.head import head_mask
from BrainMetsAILib.images.resampling import block_average, resample_like, resample_to_spacing
from BrainMetsAILib.lesions.anatomy_regions import FIRST_OF_BRAIN, FIRST_OF_TISSUE, LEFT, RIGHT, Region
from BrainMetsAILib.training.anatomy_atlas import (
    FLUID,
    KNOWN,
    LEFT_CEREBRUM,
    RIGHT_CEREBRUM,
    Parcellation,
    drawing_of,
    read_icbm,
    read_parcellation,
)
from BrainMetsAILib.training.anatomy_registration import register_drawings, register_volumes

COARSE_MM = 2.0
CLOSING_MM = 6.0
"""Half the width of sulci that count as brain. Closing the ICBM atlas's lobes by 6 mm gives its own brain mask back with Dice 0.984."""


@dataclass(frozen=True)
class AnatomyHead:
    """One head to train on, at 1 mm, LPS axes, arrays [k, j, i] cropped to the head.

    Attributes
    ----------
    name
        Its file.
    labels
        uint8 compact tissue labels of a label map, or None for a real volume.
    label_ids
        FreeSurfer's (or SynthSeg's) number of each compact label.
    array
        float32 intensities of a real volume, or None.
    regions
        uint8 `Region`.
    stripped
        Whether a real volume shows the brain alone.
    """

    name: str
    labels: NDArray[np.uint8] | None
    label_ids: tuple[int, ...]
    array: NDArray[np.float32] | None
    regions: NDArray[np.uint8]
    stripped: bool = False


def regions_of_numbers(numbers: sitk.Image, parcellation: Parcellation) -> sitk.Image:
    """`Region` (uint8) of every voxel of a FreeSurfer-like label map, on its own grid.

    Parameters
    ----------
    numbers
        int32, LPS axes; FreeSurfer's numbers below 500, 0 for air, anything above for the rest of the head.
    """
    array = array_of(numbers)
    coarse = resample_to_spacing(numbers, COARSE_MM, sitk.sitkNearestNeighbor)
    transform = register_drawings(image_like(drawing_of(array_of(coarse)), coarse), parcellation.drawing)
    lobes = array_of(resample_like(parcellation.lobes, coarse, transform, sitk.sitkNearestNeighbor))
    known: dict[int, Iterable[int]] = {Region.HEAD: range(1, int(array.max()) + 1)}
    known |= {int(region): members for region, members in KNOWN.items()}
    found = _table(array, known)[array]
    for members, side in ((LEFT_CEREBRUM, LEFT), (RIGHT_CEREBRUM, RIGHT)):
        seeds = np.where(np.isin(lobes, side), lobes, 0)
        near = _on_grid(image_like(_nearest(seeds), coarse), numbers, sitk.sitkNearestNeighbor)
        mine = _table(array, {1: members})[array] > 0
        found[mine] = near[mine]
    plexus = _on_grid(resample_like(parcellation.choroid_plexus, coarse, transform), numbers, sitk.sitkLinear)
    found[(found == Region.VENTRICLES) & (plexus > 0.5)] = Region.CHOROID_PLEXUS
    tissue = found >= FIRST_OF_TISSUE
    within = _on_grid(_closed(resample_like(image_like(tissue.astype(np.uint8), numbers), coarse, None, sitk.sitkNearestNeighbor)), numbers)
    fluid = (_table(array, {1: (0, *FLUID)})[array] > 0) & (within > 0) & ~tissue
    found[fluid] = Region.FLUID
    return image_like(found, numbers)


def head_of_label_map(path: Path, parcellation: Parcellation) -> AnatomyHead:
    """One SynthSeg training label map with its regions."""
    image = _cropped(sitk.DICOMOrient(sitk.ReadImage(str(path), sitk.sitkInt32), "LPS"))
    array = array_of(image)
    ids = np.flatnonzero(np.bincount(array.ravel()))
    return AnatomyHead(
        name=path.name.split(".")[0],
        labels=_table(array, {position: (int(number),) for position, number in enumerate(ids)})[array],
        label_ids=tuple(int(n) for n in ids),
        array=None,
        regions=array_of(regions_of_numbers(image, parcellation)),
    )


def icbm_regions(data: Path, parcellation: Parcellation) -> sitk.Image:
    """`Region` of the ICBM atlas (uint8, LPS axes): its own tissue and brain mask, the parcellation's lobes."""
    numbers = read_icbm(data)
    brain = array_of(_atlas(data, "brainmask")) > 0
    original = array_of(numbers)
    original[brain & (original == 0)] = 24
    regions = array_of(regions_of_numbers(image_like(original, numbers), parcellation))
    regions[brain & (regions < FIRST_OF_BRAIN)] = Region.FLUID
    regions[~brain & (regions == Region.FLUID)] = Region.BACKGROUND
    # The atlas leaves the plane between its halves unlabelled: between tissue on both sides it is tissue.
    left = np.roll(regions, -1, axis=2)
    gap = (regions == Region.FLUID) & (left >= FIRST_OF_TISSUE) & (np.roll(regions, 1, axis=2) >= FIRST_OF_TISSUE)
    regions[gap] = left[gap]
    return image_like(regions, numbers)


def carry_onto_volume(image: sitk.Image, stripped: bool, data: Path, regions: sitk.Image) -> sitk.Image:
    """The atlas's regions on a real volume, non-linearly: `Region` on the volume's grid.

    Parameters
    ----------
    image
        T1-like, LPS axes.
    stripped
        Whether it shows the brain alone.
    regions
        Of `icbm_regions`.
    """
    atlas = block_average(sitk.Mask(sitk.Cast(_atlas(data, "t1"), sitk.sitkFloat32), _atlas(data, "brainmask")), COARSE_MM)
    values = np.clip(array_of(image), 0, np.percentile(array_of(image), 99.8)).astype(np.float32)
    clipped, head = image_like(values, image), head_mask(image)
    if stripped:
        transform = register_volumes(block_average(clipped, COARSE_MM), atlas)
    else:
        # The atlas shows a brain alone: first a rough brain of the volume, then what the first registration says is brain.
        rough = find_brain(image, CLOSING_MM)
        if rough is None:
            raise ValueError("no brain was found in this volume, so no atlas can be carried onto it")
        mask = image_like(rough.region.astype(np.uint8), rough.reference)
        for _ in range(2):
            mask = resample_like(mask, image, None, sitk.sitkNearestNeighbor)
            transform = register_volumes(block_average(sitk.Mask(clipped, mask), COARSE_MM), atlas)
            brain = sitk.Cast(resample_like(regions, image, transform, sitk.sitkNearestNeighbor) >= int(FIRST_OF_BRAIN), sitk.sitkUInt8)
            mask = sitk.BinaryDilate(brain, [2, 2, 2])
    found = array_of(resample_like(regions, image, transform, sitk.sitkNearestNeighbor))
    outside = found < FIRST_OF_BRAIN
    if stripped:
        # What was extracted is the brain: its own edge is truer than the atlas's. Sulci may have been emptied; they count as brain.
        seen = image_like((values > 0).astype(np.uint8), image)
        coarse = resample_to_spacing(seen, COARSE_MM, sitk.sitkNearestNeighbor)
        shown = (_on_grid(_closed(coarse), image) > 0) | (values > 0)
        emptied = shown & (values <= 0) & (found != Region.VENTRICLES) & (found != Region.CHOROID_PLEXUS)
        found[shown & outside] = Region.FLUID
        found[emptied] = Region.FLUID
        found[~shown] = Region.BACKGROUND
    else:
        found[outside] = np.where(array_of(head)[outside] > 0, np.uint8(Region.HEAD), np.uint8(Region.BACKGROUND))
    return image_like(found, image)


def head_of_volume(path: Path, data: Path, regions: sitk.Image) -> AnatomyHead:
    """One real volume with the atlas's regions carried onto it."""
    image = sitk.DICOMOrient(sitk.ReadImage(str(path), sitk.sitkFloat32), "LPS")
    image = _cropped(resample_to_spacing(image, 1.0, sitk.sitkLinear))
    array = np.maximum(array_of(image), 0)
    stripped = shows_brain_alone(path)
    carried = carry_onto_volume(image_like(array, image), stripped, data, regions)
    name = path.name.split(".")[0]
    return AnatomyHead(
        name=f"{path.parent.name}-{name}",
        labels=None,
        label_ids=(),
        array=array,
        regions=array_of(carried),
        stripped=stripped,
    )


def shows_brain_alone(path: Path) -> bool:
    """Whether the brain was extracted in one of the public volumes (their README says so; air is exactly zero in others too)."""
    return "stripped" in path.name or "t1c" in path.parts


def write_head(head: AnatomyHead, path: Path) -> None:
    """One head as .npz, in one move."""
    entries: dict[str, Any] = {key: value for key, value in vars(head).items() if value is not None}
    if head.array is not None:
        entries["array"] = head.array.astype(np.float16) if head.array.max() < 6e4 else head.array
    fresh = path.with_suffix(".new.npz")
    np.savez_compressed(fresh, **entries)
    fresh.replace(path)


def read_head(path: Path) -> AnatomyHead:
    """One head written by `write_head`."""
    with np.load(path) as data:
        array = data.get("array")
        return AnatomyHead(
            name=str(data["name"]),
            labels=data.get("labels"),
            label_ids=tuple(int(n) for n in data["label_ids"]),
            array=None if array is None else array.astype(np.float32),
            regions=data["regions"],
            stripped=bool(data["stripped"]),
        )


def prepare(data: Path, folder: Path, files: list[Path]) -> list[Path]:
    """The .npz files of those volumes and label maps, made where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    parcellation: Parcellation | None = None
    atlas: sitk.Image | None = None
    found = []
    for path in files:
        kept = folder / f"{path.parent.name}-{path.name.split('.')[0]}.npz"
        if not kept.exists():
            parcellation = parcellation or read_parcellation(data)
            if "labelmaps" in path.parts:
                write_head(head_of_label_map(path, parcellation), kept)
            else:
                if atlas is None:
                    atlas = icbm_regions(data, parcellation)
                write_head(head_of_volume(path, data, atlas), kept)
            print(kept.name, flush=True)
        found.append(kept)
    return found


def _atlas(data: Path, what: str) -> sitk.Image:
    return sitk.DICOMOrient(sitk.ReadImage(str(data / f"atlas/icbm152_09a_{what}.nii.gz"), sitk.sitkUInt8), "LPS")


def _cropped(image: sitk.Image, margin: int = 4) -> sitk.Image:
    array = array_of(image)
    filled = array > 0.02 * np.percentile(array[::3, ::3, ::3], 99.5)
    axes = [np.flatnonzero(filled.any(axis=tuple(a for a in range(3) if a != axis))) for axis in (2, 1, 0)]
    low = [max(int(line[0]) - margin, 0) for line in axes]
    high = [min(int(line[-1]) + 1 + margin, size) for line, size in zip(axes, image.GetSize(), strict=True)]
    return sitk.RegionOfInterest(image, [b - a for a, b in zip(low, high, strict=True)], low)


def _table(array: NDArray[np.integer], members: Mapping[int, Iterable[int]]) -> NDArray[np.uint8]:
    """Lookup table over the array's values: the key of each value, later keys first, 0 for values not named."""
    table = np.zeros(int(array.max()) + 1, np.uint8)
    for key, values in members.items():
        table[[value for value in values if value < len(table)]] = key
    return table


def _nearest(seeds: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every voxel with the value of the nearest seed above 0."""
    if not seeds.any():
        return seeds
    where = ndimage.distance_transform_edt(seeds == 0, return_distances=False, return_indices=True)
    return np.asarray(seeds[tuple(where)])


def _closed(mask: sitk.Image) -> sitk.Image:
    """Closing by a ball of `CLOSING_MM`, holes filled; the field of view's faces are no surface."""
    room = int(np.ceil(CLOSING_MM / COARSE_MM)) + 1
    padded = np.pad(array_of(mask).astype(bool), room)
    grown = ndimage.distance_transform_edt(~padded) * COARSE_MM <= CLOSING_MM
    back = (ndimage.distance_transform_edt(grown) * COARSE_MM > CLOSING_MM) | padded
    filled = ndimage.binary_fill_holes(back)[room:-room, room:-room, room:-room]
    return image_like(filled, mask)


def _on_grid(image: sitk.Image, grid: sitk.Image, interpolator: int = sitk.sitkNearestNeighbor) -> NDArray[Any]:
    # The coarse field of view may end half a voxel early: the nearest voxel is right there.
    same = sitk.Transform(3, sitk.sitkIdentity)
    return array_of(sitk.Resample(image, grid, same, interpolator, 0.0, image.GetPixelID(), True))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the public volumes")
    parser.add_argument("--out", type=Path, required=True, help="folder for the .npz files")
    parser.add_argument("files", type=Path, nargs="+", help="volumes and label maps, relative to the data")
    args = parser.parse_args()
    prepare(args.data, args.out, [args.data / path for path in args.files])


if __name__ == "__main__":
    main()
