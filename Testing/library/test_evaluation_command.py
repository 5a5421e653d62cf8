"""``brainmets evaluate`` from files to files, with the network that is known by hand; and which files are taken for a case."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("monai", reason="evaluation needs the packages of the extra `training`")
pytest.importorskip("matplotlib", reason="evaluation needs the packages of the extra `training`")

from analytic_bundle import head_with_balls, write_analytic_bundle
from BrainMetsAILib.cli.main import main
from BrainMetsAILib.cli.process import TaskFailed, WorkerProcess
from BrainMetsAILib.images.geometry import array_of, image_like
from BrainMetsAILib.training.evaluation.case_files import TruthRefused, check_grids, find_cases, read_truth
from BrainMetsAILib.training.evaluation.evaluation_files import EVALUATION_FILES

RADII = (55.0, 62.0, 52.0)
SIZE = (56, 62, 54)
MATRIX = np.array([[-2.1, 0, 0, 58], [0, -2.1, 0, 64], [0, 0, 2.1, -56], [0, 0, 0, 1]])
BALLS = [((14.0, 4.0, 2.0), 10.0), ((-16.0, 12.0, -8.0), 7.0)]


def truth_of(image: sitk.Image) -> np.ndarray:
    """Balls are 250, their cores 1000: the analytic network calls these enhancing and necrosis."""
    return np.asarray(array_of(image))


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BraTS case with a lesion that is not there, a practice-like case, and a head without lesions."""
    folder = tmp_path_factory.mktemp("cases")
    head = head_with_balls(SIZE, MATRIX, BALLS, RADII, cores=True)
    values = truth_of(head)
    brats = np.where(values >= 999, 1, np.where(values >= 249, 3, 0))
    brats[12:16, 30:34, 10:14] = 3  # a lesion that nothing shows
    brats[20:24, 10:14, 30:34] = 2  # oedema is no lesion
    numbers = array_of(sitk.ConnectedComponent(image_like((values >= 249).astype(np.uint8), head)))
    files = {
        "a/BraTS-MET-00001-000/BraTS-MET-00001-000-t1c.nii.gz": head,
        "a/BraTS-MET-00001-000/BraTS-MET-00001-000-t1n.nii.gz": head,
        "a/BraTS-MET-00001-000/BraTS-MET-00001-000-seg.nii.gz": image_like(brats.astype(np.uint8), head),
        "b/case_t1c.nii.gz": head,
        "b/case_labels.nii.gz": image_like(numbers.astype(np.uint16), head),
        "b/case_necrosis.nii.gz": image_like((values >= 999).astype(np.uint8), head),
        "c/healthy.nrrd": head_with_balls(SIZE, MATRIX, [((0.0, -20.0, 10.0), 8.0)], RADII),
    }
    for name, image in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        sitk.WriteImage(image, str(folder / name))
    (folder / "b/case_tags.json").write_text(json.dumps({"contrast": "gradient-echo"}))
    (folder / "b/case_truth.csv").write_text("number,kind,diameter_mm\n1,ring,20.5\n2,ring,13.5\n")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "analytic"
    # The floor lies above the scores of the head's own brightest spots: what is left are the balls.
    return write_analytic_bundle(folder, spacing_mm=2.1, brain_only=False, score_floor=0.95, operating_points={"balanced": 0.4})


def test_names_that_are_cases(cases: Path) -> None:
    found = find_cases(cases)
    assert [(case.name, case.truth_word) for case in found] == [("BraTS-MET-00001-000", "seg"), ("case", "labels"), ("healthy", "")]
    assert found[1].tags == {"contrast": "gradient-echo"} and found[1].table is not None and found[2].truth is None
    assert [case.name for case in find_cases(cases / "c/healthy.nrrd")] == ["healthy"]
    check_grids(found)


def test_truth_of_each_kind(cases: Path) -> None:
    found = find_cases(cases)
    images = [sitk.ReadImage(str(case.image), sitk.sitkFloat32) for case in found]
    brats, practice, healthy = (read_truth(case, image) for case, image in zip(found, images, strict=True))
    assert array_of(brats.labels).max() == 3, "two balls and the one that is not there; oedema is none"
    values = truth_of(images[0])
    assert brats.necrosis is not None and np.array_equal(array_of(brats.necrosis) > 0, values >= 999)
    assert practice.kinds == {1: "ring", 2: "ring"} and practice.diameters_mm[1] == 20.5
    assert array_of(healthy.labels).max() == 0 and healthy.necrosis is None


def test_names_without_words(tmp_path: Path) -> None:
    image = sitk.Image([4, 4, 4], sitk.sitkUInt8) + 1
    for name in (
        "brain1_image.nrrd",
        "brain1_label.nrrd",
        "x/t1c.nii.gz",
        "x/ms_lesions.nii.gz",
        "x/t2f.nii.gz",
        "y/x_t1c.nii",
        "z/x_t1c.nii",
        "old/BraTS2021_00001_t1.nii.gz",
        "old/BraTS2021_00001_t1ce.nii.gz",
        "old/BraTS2021_00001_t2.nii.gz",
        "old/BraTS2021_00001_seg.nii.gz",
        "alone/Mueller_T1.nii.gz",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        sitk.WriteImage(image, str(tmp_path / name))
    found = {case.name: case for case in find_cases(tmp_path)}
    assert set(found) == {"brain1", "x/x", "y/x", "z/x", "BraTS2021_00001", "Mueller_T1"}
    assert found["BraTS2021_00001"].truth_word == "seg", "its T1 and T2 are no cases of their own"
    assert found["brain1"].truth_word == "label"
    assert next(case for case in found.values() if case.image.name == "t1c.nii.gz").ignore == tmp_path / "x/ms_lesions.nii.gz"
    truth = read_truth(found["brain1"], sitk.ReadImage(str(tmp_path / "brain1_image.nrrd")))
    assert array_of(truth.labels).max() == 1 and truth.necrosis is None
    sitk.WriteImage(sitk.Image([4, 4, 5], sitk.sitkUInt8), str(tmp_path / "brain1_label.nrrd"))
    with pytest.raises(TruthRefused, match="another grid"):
        check_grids(find_cases(tmp_path))
    (tmp_path / "brain1_label.nrrd").write_text("nothing")
    with pytest.raises(TruthRefused, match="cannot be read"):
        check_grids(find_cases(tmp_path))


def test_from_files_to_tables(cases: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    order = ["evaluate", str(cases), "-o", str(out), "--model", str(model), "--threads", "1", "--resamples", "50"]
    assert main(order) == 0
    said = capsys.readouterr()
    assert "3 cases, of which 1 count" in said.out and "Traceback" not in said.err and "1/3 BraTS" in said.err
    assert {path.name for path in out.iterdir()} == set(EVALUATION_FILES)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")], "no draft is left"
    content = json.loads((out / "metrics.json").read_text())
    assert content["about"]["sha256"] and content["summary"]["threshold"] == 0.4
    whole = content["summary"]["groups"][0]["counts"]
    assert whole["all"] == {"found": 4, "lesions": 5, "false": 1, "scans": 3}
    brats, practice, healthy = content["cases"]
    assert [lesion["candidate"] is None for lesion in brats["lesions"]].count(True) == 1
    assert all(lesion["whole"]["dice"] > 0.95 and 0 < lesion["necrosis"]["dice"] < 1 for lesion in practice["lesions"])
    assert practice["lesions"][0]["diameter_mm"] == 20.5 and not healthy["lesions"] and len(healthy["candidates"]) == 1
    assert brats["lesion_wise"]["TC"]["misses"] == 1 and practice["lesion_wise"]["TC"]["dice"] > 0.95
    assert "4/5 = 80 %" in (out / "tables.md").read_text(encoding="utf-8")
    assert main(order) == 2 and "--overwrite" in capsys.readouterr().err
    assert main([*order, "--overwrite", "--limit", "1", "--quiet", "--score", "1"]) == 0
    assert json.loads((out / "metrics.json").read_text())["summary"]["groups"][0]["counts"]["all"]["scans"] == 1


def test_refusals_are_one_sentence(cases: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "small").mkdir()
    sitk.WriteImage(sitk.Image([8, 8, 8], sitk.sitkUInt8) + 1, str(tmp_path / "small/tiny.nii.gz"))
    for path, word in (
        (tmp_path / "absent", "does not exist"),
        (tmp_path / "empty", "holds no case"),
        (tmp_path / "small", "None of the 1"),
    ):
        assert main(["evaluate", str(path), "-o", str(tmp_path / "out"), "--model", str(model), "--quiet"]) == 2
        said = capsys.readouterr()
        assert word in said.err and not said.out and len(said.err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
    assert main(["evaluate", str(cases), "-o", str(tmp_path / "out"), "--model", "nobody"]) == 2
    with pytest.raises(SystemExit):
        main(["evaluate", str(cases), "-o", str(tmp_path / "out"), "--score", "2"])


def test_missing_packages_are_named(
    cases: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("BrainMetsAILib.cli.evaluate.PACKAGES", ("no_such_package",))
    assert main(["evaluate", str(cases), "-o", str(tmp_path / "out"), "--model", str(model)]) == 2
    assert "needs the package no_such_package" in capsys.readouterr().err


def test_a_case_that_fails_does_not_cost_the_others(
    cases: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, searched = WorkerProcess.run, []

    def failing(worker: WorkerProcess, *order: Any) -> Any:
        searched.append(worker)
        if len(searched) == 2:
            raise TaskFailed("The search ran out of memory.")
        return run(worker, *order)

    monkeypatch.setattr(WorkerProcess, "run", failing)
    order = ["evaluate", str(cases), "-o", str(tmp_path / "out"), "--model", str(model), "--threads", "1", "--resamples", "20", "--quiet"]
    assert main(order) == 0
    assert "Left out: case: The search ran out of memory." in capsys.readouterr().out
    content = json.loads((tmp_path / "out/metrics.json").read_text())
    assert [case["name"] for case in content["cases"]] == ["BraTS-MET-00001-000", "healthy"]
    assert content["about"]["refused"] == {"case": "The search ran out of memory."}
    assert searched[0] is searched[1] is not searched[2], "the third is searched by a fresh worker"
