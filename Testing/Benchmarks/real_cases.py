"""The real volumes for evaluation in one folder: ``python Testing/Benchmarks/real_cases.py -o REAL``, then ``brainmets evaluate REAL``.

Only what ``shared/data/split.json`` reserves: heads without tumour (whatever is found there is false), the radiosurgery MR with the
schwannoma's contours rasterised, and the two thick-slice tumours. None of the tumours is a metastasis.
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from BrainMetsAILib.images.geometry import ijk_to_lps, image_like
from BrainMetsAILib.images.reading import read_sequence

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
LESION_FREE = {
    "t1c/mr_gd": "contrast-enhanced",
    "t1/seg3d_t1": "no contrast agent",
    "t1/datalad_t1": "no contrast agent",
    "longitudinal/openms12_study1_T1W": "no contrast agent",
    "longitudinal/openms12_study2_T1W": "no contrast agent",
}
TUMOURS = ("brain1", "brain2")
SCHWANNOMA = "srs_planning_mr"
STRUCTURE = "TV"


def main() -> None:
    """Copy and convert."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to be made")
    parser.add_argument("--data", type=Path, default=DATA, help="shared/data")
    args = parser.parse_args()
    args.output.mkdir(parents=True)
    for source, agent in LESION_FREE.items():
        name = Path(source).name
        shutil.copyfile(args.data / f"{source}.nii.gz", args.output / f"{name}_t1c.nii.gz")
        _write_tags(args.output / f"{name}_tags.json", f"none (real, {agent})")
    for name in TUMOURS:
        for part in ("image", "label"):
            shutil.copyfile(args.data / f"tumour/{name}_{part}.nrrd", args.output / f"{name}_{part}.nrrd")
        _write_tags(args.output / f"{name}_tags.json", "real tumour, thick slices")
    image = read_sequence(args.data / "dicom" / SCHWANNOMA).image
    content = json.loads((args.data / "dicom" / f"{SCHWANNOMA}_contours.json").read_text(encoding="utf-8"))
    contours = [np.array(line) for one in content if one["structure_name"] == STRUCTURE for line in one["LPS_contour_points"]]
    sitk.WriteImage(image, str(args.output / f"{SCHWANNOMA}_t1c.nii.gz"))
    sitk.WriteImage(image_like(filled_contours(contours, image), image), str(args.output / f"{SCHWANNOMA}_mask.nii.gz"))
    _write_tags(args.output / f"{SCHWANNOMA}_tags.json", "real schwannoma")


def filled_contours(contours: Sequence[NDArray[np.floating]], image: sitk.Image) -> NDArray[np.bool_]:
    """Voxels [k, j, i] whose centre lies inside contours (each (n, 3), LPS mm, in one slice); inner contours cut holes."""
    inverse = np.linalg.inv(ijk_to_lps(image))
    mask = np.zeros(image.GetSize()[::-1], bool)
    for line in contours:
        ijk = line @ inverse[:3, :3].T + inverse[:3, 3]
        number = round(float(ijk[:, 2].mean()))
        if 0 <= number < mask.shape[0]:
            mask[number] ^= _inside(ijk[:, 0], ijk[:, 1], mask.shape[1:])
    return mask


def _inside(x: NDArray[np.floating], y: NDArray[np.floating], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Even-odd rule for a closed polygon on a pixel grid (rows j, columns i)."""
    j, i = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    inside = np.zeros(shape, bool)
    for x0, y0, x1, y1 in zip(x, y, np.roll(x, -1), np.roll(y, -1), strict=True):
        if y0 != y1:
            crosses = (y0 > j) != (y1 > j)
            inside ^= crosses & (i < (x1 - x0) * (j - y0) / (y1 - y0) + x0)
    return inside


def _write_tags(path: Path, lesions: str) -> None:
    path.write_text(json.dumps({"lesions": lesions}), encoding="utf-8")


if __name__ == "__main__":
    main()
