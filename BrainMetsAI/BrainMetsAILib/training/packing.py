"""Everything that training reads, in one small folder: ``python -m BrainMetsAILib.training.packing DATA PACK``."""

import argparse
import shutil
from pathlib import Path

from BrainMetsAILib.training.backgrounds import training_files

GROUPS = ("training", "validation and tuning")
# What the labels of the anatomy network are carried over from.
ATLAS = ("icbm152_09a_t1", "icbm152_09a_brainmask", "icbm152_09a_lobes", "fslmni152_hcp_avgwmparc")
LARGEST_BYTES = 50_000_000


def pack(data: Path, target: Path) -> int:
    """Copy what may be trained and validated on, never what is reserved; returns the bytes.

    Parameters
    ----------
    data
        Folder with ``split.json``; its files are compressed already.
    target
        A folder that appears in one move; what it held is replaced.

    Raises
    ------
    ValueError
        If it came out larger than 50 MB.
    """
    draft = target.with_name(target.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    wanted = [data / "split.json", data / "README.md", *(path for group in GROUPS for path in training_files(data, group))]
    wanted += [path.with_name("ms_lesions.nii.gz") for path in list(wanted) if path.with_name("ms_lesions.nii.gz").exists()]
    wanted += [path for name in ATLAS for path in sorted((data / "atlas").glob(f"{name}.*"))]
    for path in wanted:
        place = draft / path.relative_to(data)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    size = sum(path.stat().st_size for path in draft.rglob("*") if path.is_file())
    if size > LARGEST_BYTES:
        shutil.rmtree(draft)
        raise ValueError(f"The pack would have {size / 1e6:.1f} MB, more than {LARGEST_BYTES / 1e6:.0f}; leave a volume out.")
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)
    return size


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("pack", type=Path)
    args = parser.parse_args()
    print(f"{args.pack}: {pack(args.data, args.pack) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
