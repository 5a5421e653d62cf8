"""Files damaged at random: each is read or refused in one sentence, never anything else."""

import random
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from BrainMetsAILib.images.examination import ImageRefused
from BrainMetsAILib.images.reading import read_sequence
from drawn_dicom import write_enhanced, write_series

CASES = 60


def damaged(content: bytes, chance: random.Random, header: int) -> bytes:
    """A few bytes of the header changed or taken out, or the end cut off."""
    result = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 4, 10])):
        place, kind = chance.randrange(min(header, len(result) - 1)), chance.random()
        if kind < 0.6:
            result[place] = chance.randrange(256)
        elif kind < 0.8:
            result[place : place + 4] = bytes(chance.choice([[255] * 4, [0] * 4, [0, 0, 128, 127]]))
        elif kind < 0.9:
            del result[place : place + chance.randrange(1, 8)]
        else:
            result = result[: chance.randrange(2, len(result))]
    return bytes(result)


@pytest.mark.parametrize("name", ["t1c.nii", "t1c.nii.gz", "t1c.mha", "t1c.nrrd", "enhanced.dcm", "series"])
def test_damaged_files_are_read_or_refused(tmp_path: Path, name: str) -> None:
    chance = random.Random(name)
    if name == "series":
        path = write_series(tmp_path / "series", [3.0 * n for n in range(6)])[2]
        given = path.parent
    else:
        given = path = tmp_path / name
        if name == "enhanced.dcm":
            write_enhanced(path, [3.0 * n for n in range(6)])
        else:
            voxels = np.random.default_rng(0).integers(1, 1000, (6, 7, 8)).astype(np.int16)
            sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))
    whole = path.read_bytes()
    refused = 0
    for _ in range(CASES):
        path.write_bytes(damaged(whole, chance, 1400 if path.suffix == ".dcm" else 400))
        try:
            image = read_sequence(given).image
            assert image.GetDimension() == 3 and np.all(np.isfinite(sitk.GetArrayViewFromImage(image)))
        except ImageRefused as refusal:
            refused += 1
            message = str(refusal)
            assert message.endswith(".") and message.isprintable() and len(message) < 700
    assert refused > CASES / 10
