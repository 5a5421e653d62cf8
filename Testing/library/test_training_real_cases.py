"""Cases that a person trains on: what their labels mean, whose they are, which windows they give, and what is refused before a training."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from BrainMetsAILib.training import windows
from BrainMetsAILib.training.brats_labels import tissues
from BrainMetsAILib.training.config import TrainingConfig, TrainingRefused, checked
from BrainMetsAILib.training.patches import SIZE
from BrainMetsAILib.training.real_cases import LoadedCase, RealCase, check_cases, drawn_patients, find_cases, load_case, patient_of
from BrainMetsAILib.training.real_windows import draw_real_window
from BrainMetsAILib.training.session import KEPT_BACK, run_training
from BrainMetsAILib.training.windows import POOL, Windows, fixed_windows
from training_cases import write_cases


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cases(tmp_path_factory.mktemp("cases"))


def test_labels_of_real_cases_become_classes(cases: Path) -> None:
    case = find_cases(cases)[0]
    loaded = load_case(case)
    assert loaded.array.shape == loaded.classes.shape
    volumes = [np.count_nonzero(loaded.classes == value) for value in (1, 2)]  # mm³, for voxels are of 1 mm
    assert volumes[1] == pytest.approx(4 / 3 * np.pi * 4**3, rel=0.25)
    assert sum(volumes) == pytest.approx(4 / 3 * np.pi * 9**3, rel=0.1), "the halo (label 2) is background"
    assert set(np.unique(loaded.classes)) == {0, 1, 2}
    assert loaded.array[loaded.classes == 1].mean() > 2 * loaded.array[loaded.classes == 2].mean()
    (places,) = loaded.places
    assert len(places) == np.count_nonzero(loaded.classes) and np.all(loaded.classes[tuple(places.T)] > 0)


@pytest.mark.parametrize(
    ("case", "numbers", "enhancing", "necrotic"),
    [
        ("BraTS-MET-00001-000", [1, 2, 3, 4], [3], [1]),
        ("BraTS-MET-00001-000", [2, 4], [], []),  # after surgery: a cavity and oedema
        ("BraTS2021_00001", [1, 2, 4], [4], [1]),
        ("somebody", [1, 2, 3, 4], [3], [1]),
        ("somebody", [2, 4], [4], []),
    ],
)
def test_a_number_means_the_same_everywhere(case: str, numbers: list[int], enhancing: list[int], necrotic: list[int]) -> None:
    array = np.array([0, *numbers]).reshape(1, 1, -1)
    whole, necrosis = tissues(array, case)
    assert necrosis is not None
    assert sorted(array[whole & ~necrosis]) == enhancing and sorted(array[necrosis]) == necrotic


def test_outlines_alone_tell_no_tissues_apart(cases: Path, tmp_path: Path) -> None:
    whole, necrosis = tissues(np.array([[[0, 1]]]), "somebody")
    assert whole.tolist() == [[[False, True]]] and necrosis is None
    good = find_cases(cases)[0]
    (tmp_path / "a-t1c.nii.gz").write_bytes(good.t1c.read_bytes())
    sitk.WriteImage(sitk.ReadImage(str(good.outlines)) > 0, str(tmp_path / "a-seg.nii.gz"))
    assert set(np.unique(load_case(find_cases(tmp_path)[0]).classes)) == {0, 1}, "an outline is tumour, not necrosis"


def test_windows_of_real_cases_show_the_lesion_where_the_classes_say(cases: Path) -> None:
    loaded = [load_case(case) for case in find_cases(cases)]
    rng = np.random.default_rng(0)
    shown = 0
    for _ in range(12):
        array, classes = draw_real_window(loaded, rng)
        assert array.shape == classes.shape == (SIZE,) * 3 and array.dtype == np.float32
        if np.count_nonzero(classes == 1) > 300:
            shown += 1
            assert array[classes == 1].mean() > array[classes == 2].mean() + 1 if (classes == 2).any() else True
            assert array[classes == 1].mean() > array[classes == 0].mean() + 1
    assert shown >= 5


def test_small_lesions_have_as_many_windows_as_large_ones() -> None:
    array, classes = np.zeros((90, 90, 90), np.float32), np.zeros((90, 90, 90), np.uint8)
    classes[5:35, 5:35, 5:35] = 1
    classes[70:74, 70:74, 70:74] = 1
    large, small = np.argwhere(classes[:50]), np.argwhere(classes[50:]) + np.array([50, 0, 0])
    case = LoadedCase(array, classes, (large, small), np.array([[0, 0, 0]]), 0.0, 1.0)
    rng = np.random.default_rng(0)
    shown = [np.count_nonzero(draw_real_window([case], rng, 16)[1]) for _ in range(90)]
    assert 20 <= sum(0 < count <= 4**3 * 2 for count in shown) <= 45, "a third of the windows, not the 0.2 % of its voxels"


def test_beyond_the_image_there_is_air() -> None:
    array = np.full((24, 24, 24), -1.5, np.float32)  # z-scores: the head around 0, air below
    array[4:20, 4:20, 4:20] = 0.0
    corner = np.array([[4, 4, 4]])
    case = LoadedCase(array, np.zeros(array.shape, np.uint8), (corner,), corner, 0.0, 1.0)
    rng = np.random.default_rng(0)
    for _ in range(5):
        window, _ = draw_real_window([case], rng, 48)
        assert np.median(window) < -1.0, "most of it lies outside the image"


def test_every_case_is_shown(cases: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    empty = load_case(find_cases(cases)[0])
    held: list[str] = []

    def load(case: RealCase) -> LoadedCase:
        held.append(case.name)
        if case.name == "c3":
            raise TrainingRefused("The case c3 shows no head.")
        return empty

    monkeypatch.setattr(windows, "load_case", load)
    monkeypatch.setattr(windows, "draw_real_window", lambda pool, *_: (np.zeros((1, 1, 1), np.float32), np.zeros((1, 1, 1), np.uint8)))
    for count in (2, POOL, 3 * POOL):
        held.clear()
        some = [RealCase(f"c{n}", f"p{n}", Path(), Path()) for n in range(count)]
        fixed_windows(Windows((), some, 0.0, seed=5), 150 if count <= POOL else 20_000)
        assert set(held) == {case.name for case in some}
        assert count > POOL or len(held) == count, "none is read twice"
    assert caplog.messages == ["The case c3 shows no head. It is left out."] * 2
    with pytest.raises(TrainingRefused, match="None of the 1 cases"):
        fixed_windows(Windows((), [RealCase("c3", "p", Path(), Path())], 0.0, seed=5), 1)


def test_patients_are_told_by_names_or_by_a_table(cases: Path, tmp_path: Path) -> None:
    for name, patient in (
        ("BraTS-MET-00001-001", "BraTS-MET-00001"),
        ("sub-01_ses-2", "sub-01"),
        ("Yale_0001_2010-01-31", "Yale_0001"),
        ("P7_20100131", "P7"),
        ("somebody", "somebody"),
        ("BraTS2021_00001", "BraTS2021_00001"),
    ):
        assert patient_of(name) == patient
    table = tmp_path / "patients.csv"
    table.write_text("case,patient\nBraTS-MET-00002-000,BraTS-MET-00001\n", encoding="utf-8")
    assert {case.patient for case in find_cases(cases, table)} == {"BraTS-MET-00001"}
    table.write_text("name,whose\na,b\n", encoding="utf-8")
    with pytest.raises(TrainingRefused, match="columns case and patient"):
        find_cases(cases, table)


def test_some_patients_are_kept_back_but_never_all(cases: Path) -> None:
    found = find_cases(cases)
    for seed in range(5):
        for share in (0.01, 0.5, 0.9):
            assert len(drawn_patients(found, share, seed)) == 1
    assert drawn_patients(found, 0.0, 0) == drawn_patients(found[:2], 0.9, 0) == frozenset()
    assert drawn_patients(found, 0.5, 3) == drawn_patients(found, 0.5, 3)


def test_a_patient_who_is_kept_back_stays_so(cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one patient fewer and others more, a later call must not train on those of the validation."""
    used: list[set[str]] = []
    drawn = Windows.__init__

    def noted(stream: Windows, backgrounds: object, some: tuple[RealCase, ...], *rest: object) -> None:
        used.append({case.patient for case in some})
        drawn(stream, backgrounds, some, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Windows, "__init__", noted)
    tiny = {"widths": [4, 4, 4, 4]}
    config = checked(TrainingConfig("compact", tiny, steps=2, window_sizes=(24,), workers=0, cases=cases, validation_windows=1))
    run_training(config, tmp_path, 1e-6, "cpu", lambda *_: None)
    kept = json.loads((tmp_path / KEPT_BACK).read_text())
    validated, trained = used
    assert validated == set(kept) and trained | validated == {"BraTS-MET-00001", "BraTS-MET-00002"} and not trained & validated
    (tmp_path / KEPT_BACK).write_text(json.dumps(sorted(trained)))  # as if other patients had been drawn
    used.clear()
    run_training(config, tmp_path, 10, "cpu", lambda *_: None)
    assert used == [trained, validated]


def test_damaged_cases_are_named_before_a_training(cases: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingRefused, match="no cases"):
        find_cases(tmp_path)
    good = find_cases(cases)[0]
    t1c = tmp_path / "a-t1c.nii.gz"
    t1c.write_bytes(good.t1c.read_bytes())
    (tmp_path / "._a-t1c.nii.gz").write_bytes(b"what macOS leaves")
    (tmp_path / "a-seg.json").write_text("{}")
    with pytest.raises(TrainingRefused, match="no outlines"):
        find_cases(tmp_path)
    outlines = sitk.ReadImage(str(good.outlines))
    sitk.WriteImage(outlines * 3, str(tmp_path / "a-seg.nii.gz"))
    config = checked(TrainingConfig("compact", steps=1, cases=tmp_path))
    with pytest.raises(TrainingRefused, match=r"a hold the unknown label 6"):
        run_training(config, tmp_path / "out", 10, "cpu", lambda *_: None)
    outlines.SetOrigin((1.0, 2.0, 3.0))
    sitk.WriteImage(outlines, str(tmp_path / "a-seg.nii.gz"))
    with pytest.raises(TrainingRefused, match="grid"):
        check_cases(find_cases(tmp_path), lambda _: None)
    t1c.write_bytes(b"nothing")
    with pytest.raises(TrainingRefused, match="case a cannot be read"):
        load_case(find_cases(tmp_path)[0])
