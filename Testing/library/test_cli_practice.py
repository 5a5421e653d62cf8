"""``brainmets practice``: the case of a head, its truth, and refusals."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from BrainMetsAILib.cli.examination_input import is_practice_volume
from BrainMetsAILib.cli.main import main
from BrainMetsAILib.cli.practice import CASE_FILES
from BrainMetsAILib.images.geometry import same_grid
from BrainMetsAILib.synthesis.truth import read_fates, read_lesions
from head_phantom import head_phantom


def test_a_case_with_its_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = tmp_path / "head.nii.gz"
    image = head_phantom()
    sitk.WriteImage(image, str(head))
    assert main(["practice", str(head), "-o", str(tmp_path / "case"), "--seed", "3", "--quiet"]) == 0
    said = capsys.readouterr()
    assert "synthetic, seed 3" in said.out and said.err == ""
    assert {path.name for path in (tmp_path / "case").iterdir()} == set(CASE_FILES)
    truth = read_lesions(tmp_path / "case" / "baseline_truth.csv")
    labels = sitk.ReadImage(str(tmp_path / "case" / "baseline_labels.nii.gz"))
    assert same_grid(labels, image)
    numbers = set(np.unique(sitk.GetArrayViewFromImage(labels))) - {0}
    assert numbers and numbers <= {lesion.number for lesion in truth}
    assert f"{len(truth)} lesions at baseline" in said.out
    assert read_fates(tmp_path / "case" / "fates.csv")
    assert is_practice_volume(tmp_path / "case" / "followup_t1c.nii.gz")
    assert not is_practice_volume(head)
    assert main(["practice", str(head), "-o", str(tmp_path / "case"), "--quiet"]) == 2, "it is there already"


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "text.nii.gz"
    text.write_text("not an image")
    noise = tmp_path / "noise.nii.gz"
    made = sitk.GetImageFromArray(np.random.default_rng(0).normal(100, 20, (60, 60, 60)).astype(np.float32))
    made.SetSpacing((3.0, 3.0, 3.0))
    sitk.WriteImage(made, str(noise))
    head = tmp_path / "head.nii.gz"
    sitk.WriteImage(head_phantom(3.0), str(head))
    for order in ([str(text)], [str(noise)], [str(tmp_path / "nowhere")], [str(head), "--seed", "-1"]):
        assert main(["practice", *order, "-o", str(tmp_path / "out"), "--quiet"]) == 2
        said = capsys.readouterr()
        assert said.err.startswith("brainmets practice: ") and said.err.count("\n") == 1 and "Traceback" not in said.err
    assert {path.name for path in tmp_path.iterdir()} == {"text.nii.gz", "noise.nii.gz", "head.nii.gz"}
