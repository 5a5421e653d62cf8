"""Measures an anatomy bundle: ``python -m BrainMetsAILib.training.anatomy_evaluation --help``.

Rendered heads: label maps never trained on, drawn with fixed seeds, against their own labels. Real volumes: against the ICBM atlas
carried over non-linearly, which is itself no truth: the figures say how well two automatic outlines agree, and the pictures are there to
be looked at.
"""

import argparse
import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from PIL import Image

from BrainMetsAILib.images.geometry import array_of
from BrainMetsAILib.images.resampling import block_average, resample_like
from BrainMetsAILib.lesions.anatomy_regions import FIRST_OF_BRAIN, FIRST_OF_TISSUE, LEFT, RIGHT, Region
from BrainMetsAILib.models.anatomy_inference import find_anatomy
from BrainMetsAILib.models.bundles import Bundle, find_bundle
from BrainMetsAILib.models.settings import ORIENTATION
from BrainMetsAILib.training.anatomy_atlas import read_parcellation
from BrainMetsAILib.training.anatomy_labels import AnatomyHead, carry_onto_volume, icbm_regions, prepare, read_head, shows_brain_alone
from BrainMetsAILib.training.anatomy_windows import SPACING_MM, Choices, draw_window

RESERVED_MAPS = tuple(f"labelmaps/training_seg_{n}.nii.gz" for n in (17, 18, 19, 20))
RESERVED_VOLUMES = ("t1/seg3d_t1.nii.gz", "t1/datalad_t1.nii.gz", "t1c/mr_gd.nii.gz")
KINDS: Mapping[str, Choices] = {
    "skull on": Choices(no_head=0, far=0, strip=0, deface=0, cut=0, thick=0, disease=0),
    "skull on, diseased, thick slices": Choices(no_head=0, far=0, strip=0, deface=0, cut=0, thick=1, disease=1),
    "defaced": Choices(no_head=0, far=0, strip=0, deface=1, cut=0, thick=0.3, disease=0.5),
    "brain extracted": Choices(no_head=0, far=0, strip=1, deface=0, cut=0, thick=0.3, disease=0.5),
    "part of the head": Choices(no_head=0, far=0, strip=0.3, deface=0, cut=1, thick=0.3, disease=0.5),
}
COLOURS = np.array(
    [
        (0, 0, 0), (60, 60, 60), (90, 120, 160), (220, 60, 60), (255, 140, 140), (60, 180, 60), (150, 240, 150), (60, 90, 230),
        (140, 170, 255), (220, 200, 40), (255, 240, 130), (200, 60, 200), (240, 150, 240), (240, 120, 20), (255, 180, 110),
        (20, 160, 160), (110, 220, 220), (150, 90, 40), (255, 255, 255), (255, 0, 0),
    ],
    np.uint8,
)  # fmt: skip


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Dice of two masks of one shape; 1 where both are empty."""
    total = int(np.count_nonzero(a) + np.count_nonzero(b))
    return 2.0 * int(np.count_nonzero(a & b)) / total if total else 1.0


def compared(found: NDArray[np.uint8], truth: NDArray[np.uint8]) -> dict[str, float]:
    """Figures of one head: Dice of the brain, the mean over regions, each region of at least 0.5 mL, and voxels on the wrong side."""
    figures = {"brain": dice(found >= FIRST_OF_BRAIN, truth >= FIRST_OF_BRAIN)}
    least = 500 / SPACING_MM**3
    for region in Region:
        if region >= FIRST_OF_TISSUE and np.count_nonzero(truth == region) >= least:
            figures[region.name.lower()] = dice(found == region, truth == region)
    figures["mean over regions"] = float(np.mean([value for name, value in figures.items() if name != "brain"]))
    sided = np.isin(truth, LEFT + RIGHT) & np.isin(found, LEFT + RIGHT)
    wrong = np.isin(truth[sided], LEFT) != np.isin(found[sided], LEFT)
    figures["wrong side"] = float(wrong.mean()) if wrong.size else 0.0
    return figures


def evaluate_rendered(bundle: Bundle, heads: Sequence[AnatomyHead], each: int, pictures: Path) -> list[dict[str, Any]]:
    """Each head drawn `each` times a kind, with seeds that depend on nothing else."""
    rows = []
    for kind, choices in KINDS.items():
        for head in heads:
            for number in range(each):
                rng = np.random.default_rng([sum(kind.encode()), sum(head.name.encode()), number])
                array, truth = draw_window([head], np.ones(1), rng, choices)
                image = sitk.GetImageFromArray(array - array.min())
                image.SetSpacing([SPACING_MM] * 3)
                anatomy = find_anatomy(image, bundle, device="cpu")
                found = array_of(anatomy.regions)
                rows.append({"kind": kind, "head": head.name, "number": number, "is head": anatomy.is_head, **compared(found, truth)})
                if number == 0:
                    save_picture(pictures / f"{kind.replace(', ', '-').replace(' ', '-')}-{head.name}.png", array, found, truth)
    return rows


def evaluate_volume(bundle: Bundle, path: Path, data: Path, atlas: sitk.Image, pictures: Path) -> dict[str, Any]:
    """One real volume against the atlas carried over."""
    image = sitk.DICOMOrient(sitk.ReadImage(str(path), sitk.sitkFloat32), ORIENTATION)
    truth_image = carry_onto_volume(image, shows_brain_alone(path), data, atlas)
    anatomy = find_anatomy(image, bundle, device="cpu")
    truth = array_of(resample_like(truth_image, anatomy.regions, None, sitk.sitkNearestNeighbor))
    shown = array_of(resample_like(block_average(image, 1.5), anatomy.regions))
    name = "-".join(path.parts[-2:]).split(".")[0]
    save_picture(pictures / f"{name}.png", shown, array_of(anatomy.regions), truth)
    return {"kind": "real volume", "head": name, "number": 0, "is head": anatomy.is_head, **compared(array_of(anatomy.regions), truth)}


def save_picture(path: Path, array: NDArray[np.floating], found: NDArray[np.uint8], truth: NDArray[np.uint8], columns: int = 10) -> None:
    """Axial, coronal and sagittal slices: image, what was found, and the truth below each other."""
    low, high = np.percentile(array, [1, 99.5])
    grey = np.clip((array - low) / max(float(high - low), 1e-6), 0, 1) * 255
    inside = np.argwhere((truth >= FIRST_OF_BRAIN) | (found >= FIRST_OF_BRAIN))
    low_kji, high_kji = (inside.min(axis=0), inside.max(axis=0)) if len(inside) else (np.zeros(3, int), np.array(array.shape) - 1)
    side = max(array.shape)
    rows = []
    for axis in range(3):
        slices = np.linspace(low_kji[axis] + 2, max(high_kji[axis] - 2, low_kji[axis] + 2), columns).astype(int)
        for volume in (np.repeat(grey[..., None], 3, axis=-1), COLOURS[found], COLOURS[truth]):
            tiles = []
            for at in slices:
                plane = np.take(volume, int(at), axis=axis)
                tile = np.zeros((side, side, 3))
                tile[: plane.shape[0], : plane.shape[1]] = plane if axis == 0 else plane[::-1]
                tiles.append(tile)
            rows.append(np.concatenate(tiles, axis=1))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows, axis=0).astype(np.uint8)).save(path)


def summary(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean and least brain Dice, mean over regions and wrong side, a kind."""
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        kinds.setdefault(str(row["kind"]), []).append(row)
    return {
        kind: {
            "heads": len(members),
            "brain Dice, mean": float(np.mean([m["brain"] for m in members])),
            "brain Dice, least": float(np.min([m["brain"] for m in members])),
            "region Dice, mean": float(np.mean([m["mean over regions"] for m in members])),
            "wrong side, mean": float(np.mean([m["wrong side"] for m in members])),
            "taken for a head": float(np.mean([m["is head"] for m in members])),
        }
        for kind, members in kinds.items()
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bundle", required=True, help="folder of the bundle")
    parser.add_argument("--labels", type=Path, required=True, help="folder of the .npz labels (made where missing)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--each", type=int, default=2, help="drawings a head and kind")
    parser.add_argument("--skip-real", action="store_true")
    args = parser.parse_args()
    bundle = find_bundle(args.bundle)
    heads = [read_head(path) for path in prepare(args.data, args.labels, [args.data / name for name in RESERVED_MAPS])]
    rows = evaluate_rendered(bundle, heads, args.each, args.out)
    if not args.skip_real:
        atlas = icbm_regions(args.data, read_parcellation(args.data))
        rows += [evaluate_volume(bundle, args.data / name, args.data, atlas, args.out) for name in RESERVED_VOLUMES]
    args.out.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    with (args.out / "cases.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    found = summary(rows)
    (args.out / "anatomy.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
