"""Volumes of a case: roles filled in from names and headers, what a person chose stays, and warnings in words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from BrainMetsAILib.images.examination import BloodSignal, Role
from BrainMetsAILib.images.geometry import image_from_ijk_to_ras
from drawn_dicom import header
from drawn_heads import GRIDS, draw_finding, draw_head
from head_phantom import head_phantom

pytest.importorskip("slicer")


def add(name: str, image: sitk.Image | None = None) -> Any:
    from BrainMetsAILib.scene.volumes import add_volume

    return add_volume(image if image is not None else draw_head(GRIDS["plain"]), name)


def fill() -> dict[Role, str]:
    """Fill the roles as the panel does; the names of what was chosen."""
    from BrainMetsAILib.scene.case_volumes import CASE_ROLES, KnownVolumes, chosen_volume, fill_roles

    fill_roles(KnownVolumes())
    return {role: node.GetName() for role in CASE_ROLES if (node := chosen_volume(role)) is not None}


class Database:
    """Stands for ``slicer.dicomDatabase``: files by instance UID."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files

    def fileForInstance(self, uid: str) -> str:  # noqa: N802
        return str(self._files.get(uid, ""))


def test_every_sequence_finds_its_role_by_name(scene: Any) -> None:
    from BrainMetsAILib.scene.case_volumes import reason_of
    from BrainMetsAILib.scene.log import read_log

    for name in ("p1-t2f", "p1-t1c", "p1-t2w", "p1-t1n", "p1-seg"):
        add(name)
    assert fill() == {Role.T1C: "p1-t1c", Role.T1N: "p1-t1n", Role.T2W: "p1-t2w", Role.T2F: "p1-t2f"}
    assert "'t1c' in the volume's name" in reason_of(Role.T1C)
    logged = [entry for entry in read_log() if entry["event"] == "volume chosen"]
    assert {entry["role"] for entry in logged} == {"t1c", "t1n", "t2w", "t2f"} and {entry["by"] for entry in logged} == {"BrainMetsAI"}
    fill()
    assert len([entry for entry in read_log() if entry["event"] == "volume chosen"]) == 4, "what does not change is not logged again"


def test_the_other_sequences_are_those_of_the_same_examination(scene: Any) -> None:
    from BrainMetsAILib.scene.case_volumes import choose_volume

    nodes = {name: add(name) for name in ("a-t1c", "a-t2f", "b-t2f", "b-t1c")}
    choose_volume(Role.T1C, nodes["b-t1c"])
    assert fill() == {Role.T1C: "b-t1c", Role.T2F: "b-t2f"}


def test_the_only_volume_is_taken_until_a_better_one_comes(scene: Any) -> None:
    from BrainMetsAILib.scene.case_volumes import reason_of

    add("volume 1")
    assert fill() == {Role.T1C: "volume 1"}
    assert "the only volume" in reason_of(Role.T1C)
    add("T1_Gd")
    assert fill() == {Role.T1C: "T1_Gd"}
    add("T1 post contrast")
    assert fill() == {Role.T1C: "T1_Gd"}, "one that is as good takes nobody's place"


def test_a_t1_that_says_nothing_is_taken_but_one_that_says_without_is_not(scene: Any) -> None:
    add("T1_mprage")
    add("FLAIR")
    assert fill() == {Role.T1C: "T1_mprage", Role.T2F: "FLAIR"}
    scene.Clear(False)
    add("T1 without contrast")
    add("FLAIR")
    assert fill() == {Role.T1N: "T1 without contrast", Role.T2F: "FLAIR"}


def test_thin_slices_come_before_thick_ones(scene: Any) -> None:
    add("t1_tse_gd", draw_head(GRIDS["sagittal anisotropic"]))
    add("t1_mprage_gd")
    assert fill()[Role.T1C] == "t1_mprage_gd"


def test_what_a_person_chose_stays(scene: Any) -> None:
    from BrainMetsAILib.scene.case_volumes import choose_volume, chosen_volume, reason_of
    from BrainMetsAILib.scene.log import read_log

    other = add("my T1")
    add("t1c")
    flair = add("flair")
    choose_volume(Role.T1C, other)
    choose_volume(Role.T2F, None)
    assert fill() == {Role.T1C: "my T1"}
    assert reason_of(Role.T1C) == "you chose it"
    assert read_log()[0]["by"] == "person"
    scene.RemoveNode(other)
    assert chosen_volume() is None
    assert fill() == {Role.T1C: "t1c"}, "when the module is opened again a choice whose volume is gone counts no more"
    choose_volume(Role.T2F, flair)
    assert fill()[Role.T2F] == "flair"


def test_a_volume_plays_one_role(scene: Any) -> None:
    from BrainMetsAILib.scene.case_volumes import choose_volume

    flair = add("flair")
    add("t1c")
    assert fill() == {Role.T1C: "t1c", Role.T2F: "flair"}
    choose_volume(Role.T1C, flair)
    assert fill() == {Role.T1C: "flair"}


def test_nothing_keeps_a_deleted_volumes_voxels(scene: Any) -> None:
    import sys

    from BrainMetsAILib.scene.case_volumes import KnownVolumes

    node = add("t1c")
    before = sys.getrefcount(node)
    known = KnownVolumes()
    assert len(known.all()) == 1 and sys.getrefcount(node) > before
    scene.RemoveNode(node)
    assert known.all() == [] and sys.getrefcount(node) == before


def test_maps_of_the_network_play_no_role(scene: Any) -> None:
    from BrainMetsAILib.scene.case_volumes import KnownVolumes
    from BrainMetsAILib.scene.review import write_review

    nodes = write_review(add("flair t2 t1c"), draw_finding(GRIDS["plain"]))
    nodes.probability.SetName("FLAIR")
    assert [facts.node.GetName() for facts in KnownVolumes().all()] == ["flair t2 t1c"]


def test_a_reviewed_volume_keeps_its_role(scene: Any) -> None:
    from BrainMetsAILib.scene.review import write_review

    write_review(add("volume 1"), draw_finding(GRIDS["plain"]))
    add("t1c")
    assert fill() == {Role.T1C: "volume 1"}


def test_dicom_headers_speak_before_names(scene: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import slicer

    from BrainMetsAILib.scene.case_volumes import KnownVolumes
    from BrainMetsAILib.scene.case_warnings import header_warnings

    spin = header(SeriesDescription="t1 space", ScanningSequence="SE", EchoTime=20, RepetitionTime=600, ContrastBolusAgent="Gadovist")
    spine = header(SeriesDescription="t1 tse", ScanningSequence="SE", EchoTime=10, RepetitionTime=600, BodyPartExamined="LSPINE")
    files = {}
    for uid, dataset in (("1.2.3", spin), ("1.2.4", spine)):
        files[uid] = tmp_path / f"{uid}.dcm"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
        dataset.save_as(files[uid], enforce_file_format=True)
    monkeypatch.setattr(slicer, "dicomDatabase", Database(files), raising=False)
    head, back, moved = add("5: FLAIR"), add("6: t1c"), add("7: t1_mprage_gd")
    head.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.9")
    back.SetAttribute("DICOM.instanceUIDs", "1.2.4")
    moved.SetAttribute("DICOM.instanceUIDs", "1.2.5")  # its file is gone: the name has to do
    known = KnownVolumes()
    assert known.of(head).guess.role is Role.T1C and "Gadovist" in known.of(head).guess.reason
    assert known.of(head).guess.blood is BloodSignal.BLACK and header_warnings(known.of(head)) == ()
    warnings = header_warnings(known.of(back))
    assert len(warnings) == 2 and "without contrast agent" in warnings[0] and "lspine, not the head" in warnings[1]
    assert known.of(moved).guess.role is Role.T1C and known.of(moved).guess.blood is BloodSignal.GRADIENT_ECHO


@pytest.mark.parametrize(
    ("name", "word"),
    [("t1n", "No contrast agent likely"), ("FLAIR", "This looks like t2f"), ("head_ct", "This is a CT"), ("t1c", ""), ("volume", "")],
)
def test_names_are_warned_of(scene: Any, name: str, word: str) -> None:
    from BrainMetsAILib.scene.case_volumes import KnownVolumes
    from BrainMetsAILib.scene.case_warnings import header_warnings

    warnings = header_warnings(KnownVolumes().of(add(name)))
    assert len(warnings) == bool(word) and all(word in warning for warning in warnings)


def test_voxels_are_looked_at_once_and_again_when_they_change(scene: Any) -> None:
    import slicer

    from BrainMetsAILib.scene.case_warnings import VoxelWarnings

    node = add("t1c", head_phantom(2.0))
    looks = VoxelWarnings()
    assert looks.known(node) is None
    assert looks.look(node) == () == looks.known(node)
    array = slicer.util.arrayFromVolume(node)
    array[:] = 7
    slicer.util.arrayFromVolumeModified(node)
    assert looks.known(node) is None
    assert "same value" in looks.look(node)[0]
    node.SetSpacing(0.1, 0.1, 0.1)
    assert looks.known(node) is None and "too little for a head" in looks.look(node)[0]


@pytest.mark.parametrize("steps", [(1, 1, 1), (2, 3, 1)])
def test_a_part_of_a_head_is_seen_on_the_thinned_copy(scene: Any, steps: tuple[int, int, int]) -> None:
    from BrainMetsAILib.scene.case_warnings import thinned_image, voxel_warnings

    whole = head_phantom(1.5)
    upper = sitk.RegionOfInterest(whole, (whole.GetSize()[0], whole.GetSize()[1], 40), (0, 0, 60))
    assert voxel_warnings(add("whole", whole)) == ()
    node = add("part", upper[:: steps[0], :: steps[1], :: steps[2]])
    warnings = voxel_warnings(node)
    assert any("mm of the head from bottom to top" in warning for warning in warnings), warnings
    thin = thinned_image(node)
    assert max(thin.GetSpacing()) <= 4.5 and np.prod(thin.GetSize()) <= 100_000
    assert thin.TransformIndexToPhysicalPoint((0, 0, 0)) == pytest.approx(upper.TransformIndexToPhysicalPoint((0, 0, 0)), abs=1e-4)


def test_a_noise_volume_is_no_head(scene: Any) -> None:
    from BrainMetsAILib.scene.case_warnings import voxel_warnings

    rng = np.random.default_rng(1)
    noise = image_from_ijk_to_ras(rng.normal(100, 10, (60, 60, 60)).astype(np.float32), np.diag([2.0, 2.0, 2.0, 1.0]))
    assert len(voxel_warnings(add("noise", noise))) == 1
