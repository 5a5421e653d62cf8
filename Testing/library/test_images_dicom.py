"""DICOM folders against the field they were drawn from: geometry, gaps, tilt, duplicates, strays, several series."""

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.uid import RLELossless

from BrainMetsAILib.images.examination import BloodSignal, ImageRefused, Role
from BrainMetsAILib.images.geometry import array_of, ijk_to_lps
from BrainMetsAILib.images.reading import read_folder, read_sequence
from drawn_dicom import AXIAL, COLUMNS, PIXEL_MM, ROWS, blob, header, write_enhanced, write_series, write_slice

EVEN = [3.0 * n for n in range(14)]


def largest_error(image: sitk.Image) -> float:
    """Largest difference to the field at voxel centres, away from where the grid was filled up."""
    voxels = array_of(image)
    k, j, i = np.indices(voxels.shape)
    points = np.stack([i, j, k, np.ones_like(i)], axis=-1) @ ijk_to_lps(image).T
    return float(np.max(np.abs(voxels - blob(points[..., :3]))[voxels > 100.5]))


def refusal(path: Path, role: Role | None = None) -> str:
    with pytest.raises(ImageRefused) as caught:
        read_sequence(path, role)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message and ": " in message
    return message


def test_even_series_has_the_geometry_of_its_slices(tmp_path: Path) -> None:
    write_series(tmp_path, EVEN)
    sequence = read_sequence(tmp_path)
    assert sequence.image.GetSize() == (COLUMNS, ROWS, len(EVEN))
    assert sequence.image.GetSpacing() == pytest.approx((*PIXEL_MM, 3.0))
    assert sequence.image.GetPixelID() == sitk.sitkFloat32
    assert largest_error(sequence.image) <= 0.51
    assert sequence.patient.patient_id == "P1" and sequence.patient.birth_date == "19600102" and sequence.patient.sex == "F"
    assert sequence.study_date == "20240305" and sequence.modality == "MR" and sequence.notes == ()


@pytest.mark.parametrize("angles", [(0.3, 0.0, 0.0), (0.2, -0.4, 0.9), (np.pi / 2, 0.0, 0.0), (np.pi / 2, 0.1, np.pi / 2)])
def test_oblique_series(tmp_path: Path, angles: tuple[float, float, float]) -> None:
    turn = sitk.Euler3DTransform((0, 0, 0), *angles)
    axes = np.array(turn.GetMatrix()).reshape(3, 3)
    write_series(tmp_path, EVEN, cosines=[*axes[:, 0], *axes[:, 1]], drift=axes[:, 2].tolist())
    image = read_sequence(tmp_path).image
    assert np.allclose(np.array(image.GetDirection()).reshape(3, 3), axes, atol=1e-6)
    assert largest_error(image) <= 0.51


def test_slices_stored_from_the_top_down(tmp_path: Path) -> None:
    write_series(tmp_path, EVEN[::-1])
    assert largest_error(read_sequence(tmp_path).image) <= 0.51


@pytest.mark.parametrize(("lost", "words"), [([5], "lacks 1 of 14"), ([4, 5, 6], "lacks 3 of 14"), ([2, 9], "lacks 2 of 14")])
def test_missing_slices_of_mr_are_refused(tmp_path: Path, lost: list[int], words: str) -> None:
    write_series(tmp_path, [h for n, h in enumerate(EVEN) if n not in lost])
    assert words in refusal(tmp_path)


def test_every_second_slice_missing_is_refused(tmp_path: Path) -> None:
    paths = write_series(tmp_path, EVEN, header(SpacingBetweenSlices=3.0))
    for path in paths[1::2]:
        path.unlink()
    assert "every second slice" in refusal(tmp_path)


def test_uneven_mr_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path, [0, 3, 6, 9, 11, 14, 17])
    assert "2.00 to 3.00 mm apart" in refusal(tmp_path)


def test_ct_with_varying_gaps_is_read_onto_a_regular_grid(tmp_path: Path) -> None:
    heights = [0, 2, 4, 6, 8, 10, 11, 15, 19, 23, 27, 31, 35, 39]
    write_series(tmp_path, heights, header("CT"))
    sequence = read_sequence(tmp_path)
    assert sequence.image.GetSpacing()[2] == pytest.approx(2.0)
    # Linear interpolation over 4 mm of a bump 11 mm wide: f''·h²/8 ≈ 1000/121·16/8.
    assert largest_error(sequence.image) < 18
    assert any("from 1.0 to 4.0 mm" in note for note in sequence.notes)


@pytest.mark.parametrize("degrees", [-20.0, 18.5])
def test_gantry_tilt_is_straightened(tmp_path: Path, degrees: float) -> None:
    angle = np.radians(degrees)
    cosines = [1, 0, 0, 0, np.cos(angle), np.sin(angle)]
    write_series(tmp_path, [3.0 * n for n in range(14)], header("CT"), cosines=cosines)
    sequence = read_sequence(tmp_path)
    direction = np.array(sequence.image.GetDirection()).reshape(3, 3)
    assert np.allclose(direction.T @ direction, np.eye(3), atol=1e-9)
    assert sequence.image.GetSpacing()[2] == pytest.approx(3.0 * np.cos(angle))
    assert any(f"{abs(degrees):.1f}°" in note for note in sequence.notes)
    # In-plane interpolation at pixels of 2 mm; the last row beside the fill-up mixes with it and is left out.
    inner = sequence.image[:, 1:-1, :]
    voxels = array_of(inner)
    k, j, i = np.indices(voxels.shape)
    truth = blob((np.stack([i, j, k, np.ones_like(i)], axis=-1) @ ijk_to_lps(inner).T)[..., :3])
    filled = voxels == voxels.min()
    edge = filled | np.roll(filled, 1, axis=1) | np.roll(filled, -1, axis=1)
    assert np.max(np.abs(voxels - truth)[~edge]) < 6
    assert (~edge).sum() > 0.6 * COLUMNS * ROWS * 14


def test_tilt_and_gaps_together(tmp_path: Path) -> None:
    angle = np.radians(15.0)
    write_series(tmp_path, [0, 3, 6, 9, 12, 15, 21, 27, 33, 39], header("CT"), cosines=[1, 0, 0, 0, np.cos(angle), -np.sin(angle)])
    sequence = read_sequence(tmp_path)
    assert len(sequence.notes) == 2
    assert sequence.image.GetSpacing()[2] == pytest.approx(3.0 * np.cos(angle))


def test_duplicates_and_strays_are_left_out(tmp_path: Path) -> None:
    paths = write_series(tmp_path, EVEN)
    (tmp_path / "again").mkdir()
    for path in paths[:4]:
        (tmp_path / "again" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "empty.dcm").touch()
    (tmp_path / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\x08\x00\x05\x00rubbish")
    (tmp_path / ".hidden").write_text("x")
    contents = read_folder(tmp_path)
    assert len(contents.sequences) == 1 and contents.refused == ()
    assert contents.sequences[0].image.GetSize()[2] == len(EVEN)
    reasons = dict(contents.ignored)
    assert set(reasons) == {"notes.txt", "empty.dcm", "broken.dcm", *(path.name for path in paths[:4])}
    assert "second copy" in reasons[paths[0].name] and reasons["notes.txt"] == "not an image"


def test_an_unreadable_slice_at_the_end_is_told(tmp_path: Path) -> None:
    path = write_series(tmp_path, EVEN)[-1]
    path.write_bytes(path.read_bytes()[:140])
    assert any(path.name in note and "may be missing" in note for note in read_sequence(tmp_path).notes)


def test_same_slices_sent_twice_under_new_uids_are_read_once(tmp_path: Path) -> None:
    dataset = header()
    write_series(tmp_path / "a", EVEN, dataset)
    write_series(tmp_path / "b", EVEN, dataset)
    sequence = read_sequence(tmp_path)
    assert sequence.image.GetSize()[2] == len(EVEN)
    assert any("twice" in note for note in sequence.notes)


def test_time_series_is_refused_as_four_dimensional(tmp_path: Path) -> None:
    dataset = header()
    for volume in range(3):
        write_series(tmp_path, EVEN, dataset, prefix=f"t{volume}_", field=lambda p, v=volume: blob(p) * (1 + 0.1 * v))  # type: ignore[misc]
    assert "four-dimensional" in refusal(tmp_path)


def test_echoes_and_orientations_of_one_series_are_taken_apart(tmp_path: Path) -> None:
    dataset = header(SeriesDescription="t2 tse")
    for echo in (20, 90):
        dataset.EchoTime = echo
        write_series(tmp_path, EVEN, dataset, prefix=f"e{echo}_", field=lambda p, e=echo: blob(p) + e)  # type: ignore[misc]
    write_slice(tmp_path / "scout.dcm", dataset, (0, 0, 0), 99, cosines=[0, 1, 0, 0, 0, -1])
    contents = read_folder(tmp_path)
    assert sorted(s.description for s in contents.sequences) == ["t2 tse, TE 20 ms", "t2 tse, TE 90 ms"]
    lowest = sorted(float(array_of(s.image).min()) for s in contents.sequences)
    assert lowest[1] - lowest[0] == pytest.approx(70, abs=1.1)
    assert len(contents.refused) == 1 and "one slice only" in contents.refused[0][1]


def test_best_t1c_of_several_series(tmp_path: Path) -> None:
    write_series(tmp_path / "a", EVEN, header(SeriesDescription="t1 tse tra KM", SeriesNumber=8, ScanningSequence="SE"))
    fine = [1.0 * n for n in range(42)]
    gradient = ["GR", "IR"]
    after = header(SeriesDescription="t1 mprage", ContrastBolusAgent="Gadovist", SeriesNumber=9, ScanningSequence=gradient)
    write_series(tmp_path / "b", fine, after)
    write_series(tmp_path / "c", fine, header(SeriesDescription="t1 mprage", SeriesNumber=3, ScanningSequence=gradient))
    write_series(tmp_path / "d", EVEN, header(SeriesDescription="FLAIR tra", SeriesNumber=4))
    best = read_sequence(tmp_path)
    assert best.guess.role is Role.T1C and best.image.GetSize()[2] == 42 and "Gadovist" in best.guess.reason
    assert best.guess.blood is BloodSignal.GRADIENT_ECHO
    assert any("series 8" in note for note in best.notes)
    assert read_sequence(tmp_path, Role.T2F).description == "FLAIR tra"
    assert read_sequence(tmp_path, Role.T1N).guess.role is Role.T1N
    assert "t2w" in refusal(tmp_path, Role.T2W)


def test_incomplete_best_series_gives_way_to_the_next(tmp_path: Path) -> None:
    write_series(tmp_path / "a", EVEN, header(SeriesDescription="t1 post"))
    write_series(tmp_path / "b", [h for h in np.arange(0, 40, 1.0) if h != 7], header(SeriesDescription="t1 mprage post"))
    sequence = read_sequence(tmp_path)
    assert sequence.description == "t1 post" and any("lacks 1" in note for note in sequence.notes)


def test_two_visits_in_one_folder_are_not_chosen_between(tmp_path: Path) -> None:
    write_series(tmp_path / "a", EVEN, header(StudyInstanceUID="1.1", StudyDate="20230101"))
    write_series(tmp_path / "b", EVEN, header(StudyInstanceUID="1.2", StudyDate="20240101"))
    message = refusal(tmp_path)
    assert "20230101" in message and "20240101" in message
    assert read_sequence(tmp_path / "b").study_date == "20240101"


def test_override_wins_and_keeps_the_guess(tmp_path: Path) -> None:
    write_series(tmp_path, EVEN, header(SeriesDescription="t2 tse"))
    sequence = read_sequence(tmp_path, Role.T1C)
    assert sequence.guess.role is Role.T1C
    assert "you said so" in sequence.guess.reason and "t2w" in sequence.guess.reason
    assert sequence.notes


def test_enhanced_multi_frame_with_shuffled_frames(tmp_path: Path) -> None:
    path = write_enhanced(tmp_path / "enhanced.dcm", [EVEN[(5 * n) % 14] for n in range(14)], AcquisitionContrast="T1")
    for given in (path, tmp_path):
        sequence = read_sequence(given)
        assert sequence.image.GetSpacing() == pytest.approx((*PIXEL_MM, 3.0))
        assert largest_error(sequence.image) <= 0.51


def test_compressed_transfer_syntax(tmp_path: Path) -> None:
    write_series(tmp_path, EVEN, compress=RLELossless)
    assert largest_error(read_sequence(tmp_path).image) <= 0.51


def test_inverted_pixels_are_turned_round_once(tmp_path: Path) -> None:
    plain = read_sequence(write_series(tmp_path / "plain", [0.0, 2.0, 4.0, 6.0, 8.0])[0].parent)
    inverted = header()
    inverted.PhotometricInterpretation = "MONOCHROME1"
    paths = write_series(tmp_path / "inverted", [0.0, 2.0, 4.0, 6.0, 8.0], inverted, field=lambda points: 4095.0 - blob(points))
    turned = read_sequence(paths[0].parent)
    assert any("MONOCHROME1" in note for note in turned.notes)
    one, other = array_of(plain.image), array_of(turned.image)
    assert np.allclose(one - one.min(), other - other.min())


def test_rescale_differs_between_slices(tmp_path: Path) -> None:
    dataset = header()
    for number, height in enumerate(EVEN, 1):
        dataset.RescaleSlope, dataset.RescaleIntercept = 1.0 / number, float(number)
        field = lambda p, n=number: (blob(p) - n) * n  # noqa: E731
        write_slice(tmp_path / f"{number}.dcm", dataset, (2, 3, -4 + height), number, field=field)
    assert largest_error(read_sequence(tmp_path).image) <= 0.51


def test_paths_and_names_beyond_ascii(tmp_path: Path) -> None:
    folder = tmp_path / "Größe 脳 été"
    write_series(folder, EVEN, header(PatientName="Müller^Jörg", SeriesDescription="T1 après gado"))
    sequence = read_sequence(folder)
    assert sequence.patient.name == "Müller^Jörg" and sequence.guess.role is Role.T1C


def test_files_without_suffix_and_without_preamble(tmp_path: Path) -> None:
    for number, path in enumerate(write_series(tmp_path / "in", EVEN)):
        target = tmp_path / "out" / f"IM{number:05d}"
        target.parent.mkdir(exist_ok=True)
        # Without the preamble and the DICM mark: the stream begins with group 0002.
        target.write_bytes(path.read_bytes()[132:])
    assert largest_error(read_sequence(tmp_path / "out").image) <= 0.51


def test_one_file_of_a_series_asks_for_the_folder(tmp_path: Path) -> None:
    path = write_series(tmp_path, EVEN)[3]
    assert "folder" in refusal(path)


def test_damaged_pixels_are_refused(tmp_path: Path) -> None:
    path = write_series(tmp_path, EVEN)[3]
    path.write_bytes(path.read_bytes()[:-600])
    assert "damaged" in refusal(tmp_path)


def test_colour_and_missing_positions_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "colour", EVEN, header(SamplesPerPixel=3, PhotometricInterpretation="RGB"))
    assert "colour" in refusal(tmp_path / "colour")
    paths = write_series(tmp_path / "lost", EVEN)
    import pydicom

    for path in paths:
        dataset = pydicom.dcmread(path)
        del dataset.ImagePositionPatient
        dataset.save_as(path)
    assert "does not say where" in refusal(tmp_path / "lost")


def test_gap_between_thick_slices_is_noted(tmp_path: Path) -> None:
    write_series(tmp_path, EVEN, header(SliceThickness=2.0))
    assert any("1.0 mm between them was not imaged" in note for note in read_sequence(tmp_path).notes)


def test_empty_missing_and_imageless_folders(tmp_path: Path) -> None:
    assert "is empty" in refusal(tmp_path)
    (tmp_path / "readme.txt").write_text("hello")
    assert "no image" in refusal(tmp_path)
    assert "no file or folder" in refusal(tmp_path / "nowhere")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may open everything")
def test_closed_folder_and_file(tmp_path: Path) -> None:
    paths = write_series(tmp_path, EVEN)
    paths[0].chmod(0)
    assert (paths[0].name, "cannot be opened (permission denied)") in read_folder(tmp_path).ignored
    tmp_path.chmod(0)
    try:
        assert "permissions" in refusal(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_nothing_of_the_readers_reaches_standard_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_series(tmp_path, EVEN)[0]
    path.write_bytes(path.read_bytes()[:-600])
    refusal(tmp_path)
    assert capfd.readouterr().err == ""


def test_axes_of_the_drawing_are_axial() -> None:
    assert np.allclose(np.cross(AXIAL[:3], AXIAL[3:]), (0, 0, 1))
