"""Files of a review: the same as the command line's, complete or not there at all, in the volume's own grid."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from BrainMetsAILib.images.examination import ImageRefused
from BrainMetsAILib.images.geometry import array_of, ijk_to_ras
from drawn_heads import BALLS, GRIDS, draw_finding, draw_head

pytest.importorskip("slicer")


def review(grid: str, name: str = "T1c") -> Any:
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.volumes import add_volume

    return write_review(add_volume(draw_head(GRIDS[grid]), name), draw_finding(GRIDS[grid]))


def export(segmentation: Any, folder: Path) -> Path:
    from BrainMetsAILib.scene.export import export_steps

    steps = export_steps(segmentation, folder)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return Path(end.value)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def centre_ras(image: sitk.Image, number: int) -> np.ndarray:
    kji = np.argwhere(array_of(image) == number)
    return np.asarray((np.c_[kji[:, ::-1], np.ones(len(kji))] @ ijk_to_ras(image).T)[:, :3].mean(axis=0))


@pytest.mark.parametrize("grid", GRIDS)
def test_the_same_files_as_the_command_line(scene: Any, tmp_path: Path, grid: str) -> None:
    from BrainMetsAILib.cli.review_files import write_examination_files
    from BrainMetsAILib.exchange.lesion_files import LESION_FILES
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.log import read_log
    from BrainMetsAILib.scene.review import read_examination

    nodes = review(grid)
    tags.set_review(nodes.segmentation.GetSegmentation().GetNthSegment(1), tags.REJECTED)
    folder = export(nodes.segmentation, tmp_path)
    assert folder == tmp_path / "T1c lesions" and names_in(tmp_path) == ["T1c lesions"]
    assert names_in(folder) == sorted(LESION_FILES)
    by_command = tmp_path / "command"
    by_command.mkdir()
    write_examination_files(by_command, read_examination(nodes.segmentation), draw_finding(GRIDS[grid]))
    for name in LESION_FILES:
        assert (folder / name).read_bytes() == (by_command / name).read_bytes(), name

    labels, necrosis = (sitk.ReadImage(str(folder / name)) for name in ("lesions.nii.gz", "necrosis.nii.gz"))
    assert set(np.unique(array_of(labels))) == {0, 1, 3}
    assert labels.GetSize() == GRIDS[grid].GetSize()
    np.testing.assert_allclose(ijk_to_ras(labels), ijk_to_ras(GRIDS[grid]), atol=1e-4)
    for number in (1, 3):
        assert np.abs(centre_ras(labels, number) - BALLS[number - 1].centre).max() < 0.5 * max(GRIDS[grid].GetSpacing())
    assert np.all(array_of(labels)[array_of(necrosis) > 0] == 1) and array_of(necrosis).any()
    with (folder / "lesions.csv").open(encoding="utf-8", newline="") as file:
        assert [row["lesion"] for row in csv.DictReader(file)] == ["M01", "M03"]
    assert read_log()[-1]["event"] == "exported" and read_log()[-1]["lesions"] == 2


def test_after_a_scene_file_the_label_map_follows_the_volume(scene: Any, tmp_path: Path) -> None:
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb
    from BrainMetsAILib.scene.review import review_nodes, reviews
    from BrainMetsAILib.scene.volumes import ijk_to_ras_of

    review("left-handed oblique")
    save_mrb(tmp_path / "scene.mrb")
    load_mrb(tmp_path / "scene.mrb")
    labels = sitk.ReadImage(str(export(reviews()[0], tmp_path) / "lesions.nii.gz"))
    np.testing.assert_allclose(ijk_to_ras(labels), ijk_to_ras_of(review_nodes(reviews()[0]).volume), atol=1e-4)
    for number, ball in enumerate(BALLS, start=1):
        assert np.abs(centre_ras(labels, number) - ball.centre).max() < 0.8


def test_nothing_that_is_there_is_touched(scene: Any, tmp_path: Path) -> None:
    nodes = review("plain", "T1c: pre/post? ")
    (tmp_path / "lesions.csv").write_text("mine", encoding="utf-8")
    names = [export(nodes.segmentation, tmp_path).name for _ in range(3)]
    assert names == ["T1c_ pre_post_  lesions", "T1c_ pre_post_  lesions 2", "T1c_ pre_post_  lesions 3"]
    assert (tmp_path / "lesions.csv").read_text(encoding="utf-8") == "mine"


def test_stopped_half_way_nothing_is_left(scene: Any, tmp_path: Path) -> None:
    from BrainMetsAILib.scene.export import export_steps

    steps = export_steps(review("plain").segmentation, tmp_path)
    for _ in range(3):
        next(steps)
    assert len(names_in(tmp_path)) == 1, "a draft"
    steps.close()
    assert names_in(tmp_path) == []


def test_a_failing_disk_leaves_nothing_and_says_so(scene: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from BrainMetsAILib.exchange import lesion_files
    from BrainMetsAILib.exchange.new_folder import NotWritten

    nodes = review("plain")
    monkeypatch.setattr(lesion_files.sitk, "WriteImage", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("sitk::ERROR")))
    with pytest.raises(NotWritten, match=r"could not be written into .* choose another folder"):
        export(nodes.segmentation, tmp_path)
    assert names_in(tmp_path) == []


def test_folders_that_cannot_be_written_to_and_missing_volumes(scene: Any, tmp_path: Path) -> None:
    import slicer

    from BrainMetsAILib.exchange.new_folder import NotWritten

    nodes = review("plain")
    with pytest.raises(NotWritten, match="choose another folder"):
        export(nodes.segmentation, tmp_path / "not there")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(NotWritten, match="choose another folder"):
        export(nodes.segmentation, tmp_path / "file")
    slicer.mrmlScene.RemoveNode(nodes.volume)
    with pytest.raises(ImageRefused, match="no longer in the scene"):
        export(nodes.segmentation, tmp_path)
    assert names_in(tmp_path) == ["file"]
