"""The fixed synthetic test set: ``python Testing/Benchmarks/synthetic_test_set.py -o SET``, then ``brainmets evaluate SET -o RESULT``.

Reserved backgrounds (`shared/data/split.json`), the reserved renderer (`second_renderer`), fixed seeds: every machine makes the same
volumes. ``--validation`` makes another, small set from the label maps set aside for tuning: thresholds are chosen there, never here.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from Benchmarks.second_renderer.volume import BLACK_BLOOD, GRADIENT_ECHO, SKULL_ON, STRIPPED, RenderedVolume, VolumeSpec, make_volume
from BrainMetsAILib.synthesis.truth import TrueLesion, write_table

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
THIN, FINE, THICK = (1.0, 1.0, 1.0), (0.9, 0.9, 1.2), (0.8, 0.8, 2.5)


def _maps(numbers: tuple[int, ...], first_seed: int) -> tuple[VolumeSpec, ...]:
    """Five volumes a label map, among them each contrast with and without skull."""
    specs = []
    for place, number in enumerate(numbers):
        background, seed = f"labelmaps/training_seg_{number:02d}", first_seed + 10 * place
        other = (THICK, FINE)[place % 2]
        specs += [
            VolumeSpec(f"map{number}_gre_a", background, GRADIENT_ECHO, SKULL_ON, seed),
            VolumeSpec(f"map{number}_gre_b", background, GRADIENT_ECHO, SKULL_ON, seed + 1, other, "large"),
            VolumeSpec(f"map{number}_gre_stripped", background, GRADIENT_ECHO, STRIPPED, seed + 2),
            VolumeSpec(f"map{number}_black", background, BLACK_BLOOD, SKULL_ON, seed + 3, (THIN, FINE)[place % 2]),
            VolumeSpec(f"map{number}_black_stripped", background, BLACK_BLOOD, STRIPPED, seed + 4, THIN, ("usual", "large")[place % 2]),
        ]
    return tuple(specs)


RESERVED = (
    *_maps((17, 18, 19, 20), 1700),
    VolumeSpec("seg3d_gre", "t1/seg3d_t1", GRADIENT_ECHO, SKULL_ON, 1801, None),
    VolumeSpec("seg3d_gre_stripped", "t1/seg3d_t1", GRADIENT_ECHO, STRIPPED, 1802, THIN),
    VolumeSpec("seg3d_black", "t1/seg3d_t1", BLACK_BLOOD, SKULL_ON, 1803, None),
    VolumeSpec("datalad_gre", "t1/datalad_t1", GRADIENT_ECHO, SKULL_ON, 1804, None, "large"),
    VolumeSpec("datalad_black_stripped", "t1/datalad_t1", BLACK_BLOOD, STRIPPED, 1805, None),
    VolumeSpec("map18_gre_free", "labelmaps/training_seg_18", GRADIENT_ECHO, SKULL_ON, 1806, THIN, "none"),
    VolumeSpec("map20_black_free", "labelmaps/training_seg_20", BLACK_BLOOD, SKULL_ON, 1807, THIN, "none"),
    VolumeSpec("map17_huge", "labelmaps/training_seg_17", GRADIENT_ECHO, SKULL_ON, 1808, THIN, "huge"),
    VolumeSpec("map19_huge_stripped", "labelmaps/training_seg_19", GRADIENT_ECHO, STRIPPED, 1809, FINE, "huge"),
    VolumeSpec("map20_huge_thick", "labelmaps/training_seg_20", GRADIENT_ECHO, SKULL_ON, 1810, (0.8, 0.8, 5.0), "huge"),
)
VALIDATION = (
    *_maps((15, 16), 1500),
    VolumeSpec("map15_gre_c", "labelmaps/training_seg_15", GRADIENT_ECHO, SKULL_ON, 9011, THIN),
    VolumeSpec("map15_gre_stripped_c", "labelmaps/training_seg_15", GRADIENT_ECHO, STRIPPED, 9012, FINE),
    VolumeSpec("map16_gre_c", "labelmaps/training_seg_16", GRADIENT_ECHO, SKULL_ON, 9013, FINE),
    VolumeSpec("map16_gre_d", "labelmaps/training_seg_16", GRADIENT_ECHO, SKULL_ON, 9014, THIN, "large"),
    VolumeSpec("map15_gre_edges", "labelmaps/training_seg_15", GRADIENT_ECHO, SKULL_ON, 9021, THIN, "edges"),
    VolumeSpec("map16_gre_edges", "labelmaps/training_seg_16", GRADIENT_ECHO, SKULL_ON, 9022, FINE, "edges"),
    VolumeSpec("map16_black_edges", "labelmaps/training_seg_16", BLACK_BLOOD, SKULL_ON, 9023, THIN, "edges"),
    VolumeSpec("map15_huge", "labelmaps/training_seg_15", GRADIENT_ECHO, SKULL_ON, 9001, THIN, "huge"),
    VolumeSpec("map16_huge", "labelmaps/training_seg_16", GRADIENT_ECHO, SKULL_ON, 9002, FINE, "huge"),
    VolumeSpec("map15_huge_thick", "labelmaps/training_seg_15", GRADIENT_ECHO, SKULL_ON, 9003, (0.5, 0.5, 6.0), "huge"),
)
QUICK = (
    "map17_gre_a",
    "map18_gre_stripped",
    "map19_gre_b",
    "map20_black",
    "map17_black_stripped",
    "seg3d_gre",
    "datalad_gre",
    "map18_gre_free",
)
"""A third of the set, of every kind."""


def main() -> None:
    """Make the volumes that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the set; what is there already is kept")
    parser.add_argument("--data", type=Path, default=DATA, help="shared/data")
    parser.add_argument("--validation", action="store_true", help="the set for tuning instead of the reserved one")
    parser.add_argument("--quick", action="store_true", help="a third of the reserved set")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="these volumes only")
    parser.add_argument("--list", action="store_true", help="say what the set holds, and make nothing")
    args = parser.parse_args()
    for spec in chosen(args.validation, args.quick, args.only):
        if args.list:
            print(spec)
            continue
        folder = args.output / spec.name
        if folder.exists():
            print(f"{spec.name}: is there", flush=True)
            continue
        began = time.monotonic()
        volume = make_volume(spec, args.data)
        write_volume(volume, folder)
        sizes = ", ".join(f"{lesion.diameter_mm:.1f} mm {lesion.kind}" for lesion in volume.lesions)
        print(f"{spec.name}: {len(volume.lesions)} lesions ({sizes}), {time.monotonic() - began:.0f} s", flush=True)


def chosen(validation: bool = False, quick: bool = False, only: list[str] | None = None) -> tuple[VolumeSpec, ...]:
    """The specifications wanted; raises SystemExit where a name is unknown."""
    specs = VALIDATION if validation else RESERVED
    names = only or (list(QUICK) if quick and not validation else [spec.name for spec in specs])
    unknown = [name for name in names if name not in {spec.name for spec in specs}]
    if unknown:
        raise SystemExit(f"There is no volume called {unknown[0]} in this set; --list names them.")
    return tuple(spec for spec in specs if spec.name in names)


def write_volume(volume: RenderedVolume, folder: Path) -> None:
    """``<name>_t1c``, ``_labels``, ``_necrosis`` (NIfTI), ``_truth.csv`` and ``_tags.json`` in a folder that appears in one move."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        name = volume.spec.name
        for part, image in (("t1c", volume.image), ("labels", volume.labels), ("necrosis", volume.necrosis)):
            sitk.WriteImage(image, str(draft / f"{name}_{part}.nii.gz"), useCompression=True, compressionLevel=4)
        write_table(draft / f"{name}_truth.csv", volume.lesions, TrueLesion)
        (draft / f"{name}_tags.json").write_text(json.dumps(dict(volume.spec.tags), indent=1), encoding="utf-8")
        draft.chmod(0o755)
        draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


if __name__ == "__main__":
    main()
