"""Recovery files: an interrupted review comes back exactly, a file is whole or the one before, and nothing is offered without need."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawn_heads import BALLS, GRIDS, draw_finding, draw_head

pytest.importorskip("slicer")

HARD_TEXT = "left | right, “Größe” 5 mm; 100 %\nsecond line\t脑"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    from BrainMetsAILib.scene import recovery

    recovery._own.clear()
    yield tmp_path / "Recovery"
    recovery._own.clear()


def crash() -> None:
    """The scene and all that this process knows of its files is gone."""
    from BrainMetsAILib.scene import recovery
    from BrainMetsAILib.scene.headless import headless_scene

    recovery._own.clear()
    headless_scene()


def volume(grid: str) -> Any:
    from BrainMetsAILib.scene.volumes import add_volume

    return add_volume(draw_head(GRIDS[grid]), "T1c")


def review(grid: str) -> Any:
    """A review in the middle of the work: one accepted, one edited, one rejected and hidden, comments, settings and a log."""
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.log import append_log
    from BrainMetsAILib.scene.masks import REPRESENTATION, MaskCrop, oriented_image, reference_grid, segment_crop
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.settings import settings_node

    nodes = write_review(volume(grid), draw_finding(GRIDS[grid]))
    content = nodes.segmentation.GetSegmentation()
    ids = content.GetSegmentIDs()
    tags.set_review(content.GetSegment(ids[0]), tags.ACCEPTED)
    tags.write_tag(content.GetSegment(ids[0]), tags.COMMENT, HARD_TEXT)
    own = reference_grid(nodes.segmentation)
    crop = segment_crop(nodes.segmentation, ids[1], own)
    assert crop is not None
    mask = crop.mask.copy()
    mask[: mask.shape[0] // 2] = False
    content.GetSegment(ids[1]).AddRepresentation(REPRESENTATION, oriented_image(MaskCrop(mask, crop.box), own.ijk_to_ras))
    tags.set_review(content.GetSegment(ids[2]), tags.REJECTED)
    nodes.segmentation.GetDisplayNode().SetSegmentVisibility(ids[2], False)
    content.AddEmptySegment("drawn", "to be drawn")
    settings_node().SetParameter("Find.Model", HARD_TEXT)
    append_log("decided", lesion="M01", text=HARD_TEXT, score=0.1 + 0.2)
    return nodes


def contents(segmentation: Any) -> dict[str, Any]:
    """All that is known of a review, read through the functions that others use."""
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.masks import reference_grid, segment_crop
    from BrainMetsAILib.scene.segments import lesion_segment_ids, necrosis_segment_id, origin_of, read_lesion_list
    from BrainMetsAILib.scene.settings import read_facts, read_provenance
    from BrainMetsAILib.scene.sign_off import content_sha256

    content, grid = segmentation.GetSegmentation(), reference_grid(segmentation)
    necrosis = segment_crop(segmentation, necrosis_segment_id(segmentation) or "", grid)
    assert necrosis is not None
    return {
        "sha256": content_sha256(segmentation),
        "lesions": read_lesion_list(segmentation, include_rejected=True),
        "necrosis": (necrosis.box, necrosis.mask.tobytes()),
        "segments": [
            (content.GetSegment(i).GetName(), content.GetSegment(i).GetColor(), content.GetSegment(i).GetTerminology(),
             tags.read_all(content.GetSegment(i)), bool(segmentation.GetDisplayNode().GetSegmentVisibility(i)))
            for i in content.GetSegmentIDs()
        ],
        "origins": [origin_of(segmentation, i) for i in lesion_segment_ids(segmentation)],
        "facts": (read_facts(segmentation), read_provenance(segmentation)),
    }


def suffixes(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir())


def write_all(recovery: Any) -> None:
    for _ in range(10000):
        if not recovery.step():
            return
    raise AssertionError("it never ends")


@pytest.mark.parametrize("grid", GRIDS)
def test_an_interrupted_review_comes_back_exactly(scene: Any, folder: Path, grid: str) -> None:
    import slicer

    from BrainMetsAILib.scene.log import read_log
    from BrainMetsAILib.scene.masks import grid_of, reference_grid
    from BrainMetsAILib.scene.recovery import Recovery
    from BrainMetsAILib.scene.review import review_nodes, review_of
    from BrainMetsAILib.scene.settings import settings_node
    from BrainMetsAILib.scene.volumes import ijk_to_ras_of

    nodes = review(grid)
    before, log = contents(nodes.segmentation), read_log()
    maps = [slicer.util.arrayFromVolume(node).copy() for node in (nodes.probability, nodes.necrosis_probability)]
    assert before["origins"][:2] == ["AI", "AI, edited"]
    write_all(Recovery(folder))
    crash()
    assert read_log() == []

    again = Recovery(folder)
    loaded = volume(grid)
    offer = again.offer(loaded)
    assert offer is not None and offer.record is not None
    assert sorted(offer.record.reviews) == ["accepted", "rejected", "unreviewed", "unreviewed"]
    assert review_of(loaded) is None, "offered, not imposed"
    segmentation = again.restore(offer, loaded)
    assert contents(segmentation) == before
    assert review_of(loaded) is segmentation and review_nodes(segmentation).table.GetNumberOfRows() == 3
    assert segmentation.GetSegmentation().GetNumberOfLayers() == segmentation.GetSegmentation().GetNumberOfSegments()
    np.testing.assert_allclose(grid_of(segmentation).ijk_to_ras, reference_grid(segmentation).ijk_to_ras)
    assert settings_node().GetParameter("Find.Model") == HARD_TEXT
    assert read_log()[:-1] == log and read_log()[-1]["event"] == "restored"
    assert again.offer(loaded) is None
    assert suffixes(folder) == [".maps", ".npz"], "what was restored is kept until the next change"
    nodes = review_nodes(segmentation)
    for node, values in zip((nodes.probability, nodes.necrosis_probability), maps, strict=True):
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), values)
        np.testing.assert_allclose(ijk_to_ras_of(node), ijk_to_ras_of(loaded), atol=1e-9)
        assert node.GetDisplayNode().GetApplyThreshold()
    (path,) = folder.glob("*.maps")
    written = path.stat().st_mtime_ns
    write_all(again)
    assert path.stat().st_mtime_ns == written, "the maps are not written again"


def test_onto_a_scene_file_that_is_older(scene: Any, folder: Path, tmp_path: Path) -> None:
    """The usual way: saved, worked on, crashed; after a scene file the volume's slices are reversed, the masks' own grid is not."""
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.log import read_log
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb
    from BrainMetsAILib.scene.recovery import Recovery
    from BrainMetsAILib.scene.review import review_nodes, reviews

    review("left-handed oblique")
    save_mrb(tmp_path / "scene.mrb")
    load_mrb(tmp_path / "scene.mrb")
    recovery = Recovery(folder)
    recovery.loaded()
    write_all(recovery)
    assert not folder.exists(), "what is on the disk already needs no recovery"
    content = reviews()[0].GetSegmentation()
    tags.set_review(content.GetNthSegment(1), tags.ACCEPTED)
    content.RemoveSegment(content.GetNthSegmentID(2))
    before, log = contents(reviews()[0]), read_log()
    write_all(recovery)
    crash()

    load_mrb(tmp_path / "scene.mrb")
    again = Recovery(folder)
    again.loaded()
    saved = reviews()[0]
    offer = again.offer(review_nodes(saved).volume)
    assert offer is not None

    class Saved:
        count = 0

        def save(self) -> None:
            Saved.count += 1

    restored = again.restore(offer, review_nodes(saved).volume, Saved())
    assert restored is saved and Saved.count == 1 and len(reviews()) == 1
    assert contents(restored) == before and contents(restored)["origins"][0] == "AI"
    assert read_log()[:-1] == log, "no line twice"


def test_killed_in_the_middle_of_writing_the_file_before_is_whole(scene: Any, folder: Path) -> None:
    from BrainMetsAILib.scene.recovery import Recovery

    code = """
import os, signal, sys
from pathlib import Path
from BrainMetsAILib.scene.headless import headless_scene
headless_scene()
import test_scene_recovery as test
from BrainMetsAILib.scene import recovery, tags
recovery.PIECE = 500
nodes = test.review("oblique")
keeper = recovery.Recovery(Path(sys.argv[1]))
test.write_all(keeper)
tags.write_tag(nodes.segmentation.GetSegmentation().GetNthSegment(0), tags.COMMENT, "after the first file")
for _ in range(6):
    assert keeper.step()
parts = list(Path(sys.argv[1]).glob("*.part"))
assert len(parts) == 1 and parts[0].stat().st_size >= 0
os.kill(os.getpid(), signal.SIGKILL)
"""
    paths = [str(Path(__file__).parent), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    assert suffixes(folder) == [".maps", ".npz", ".part"]
    recovery = Recovery(folder)
    loaded = volume("oblique")
    offer = recovery.offer(loaded)
    assert offer is not None and offer.record is not None
    segmentation = recovery.restore(offer, loaded)
    assert [entry[3].get("BrainMetsAI.Comment", "") for entry in contents(segmentation)["segments"]][1:] == ["", "", "", ""]
    assert contents(segmentation)["lesions"][0].measurements.voxel_count > 100
    write_all(recovery)
    assert suffixes(folder) == [".maps", ".npz"], "the broken piece is written over"


@pytest.mark.parametrize("damage", ["cut short", "a byte changed", "emptied", "text", "another version", "voxels missing"])
def test_a_damaged_file_is_a_sentence(scene: Any, folder: Path, damage: str) -> None:
    from dataclasses import replace

    from BrainMetsAILib.scene.recovery import Recovery
    from BrainMetsAILib.scene.review import review_of
    from BrainMetsAILib.scene.review_record import record_bytes, record_from_bytes

    review("plain")
    write_all(Recovery(folder))
    (path,) = folder.glob("*.npz")
    content = path.read_bytes()
    record = record_from_bytes(content)
    middle = len(content) // 2
    path.write_bytes(
        {
            "cut short": content[: middle],
            "a byte changed": content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :],
            "emptied": b"",
            "text": json.dumps(record.state).encode(),
            "another version": record_bytes(replace(record, state={**record.state, "version": 99})),
            "voxels missing": record_bytes(replace(record, masks=record.masks[:-10])),
        }[damage]
    )
    crash()
    again, loaded = Recovery(folder), volume("plain")
    offer = again.offer(loaded)
    assert offer is not None and offer.record is None
    assert "damaged or of another version" in offer.problem and "discarded" in offer.problem
    with pytest.raises(ValueError, match="damaged"):
        again.restore(offer, loaded)
    assert review_of(loaded) is None
    again.discard(offer)
    assert again.offer(loaded) is None and list(folder.iterdir()) == []


def test_only_changes_are_written_and_an_answer_is_waited_for(scene: Any, folder: Path) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.recovery import Recovery

    nodes = review("plain")
    recovery = Recovery(folder)
    write_all(recovery)
    (path,) = folder.glob("*.npz")
    first = path.read_bytes()
    path.write_bytes(b"watched")
    write_all(recovery)
    nodes.segmentation.GetSegmentation().CollapseBinaryLabelmaps(False)
    write_all(recovery)
    assert path.read_bytes() == b"watched", "nothing has changed"
    tags.set_review(nodes.segmentation.GetSegmentation().GetNthSegment(1), tags.ACCEPTED)
    write_all(recovery)
    assert path.read_bytes() != b"watched"

    crash()
    path.write_bytes(first)
    other = review("plain")  # the person does not answer and begins anew
    recovery = Recovery(folder)
    write_all(recovery)
    offer = recovery.offer(other.volume)
    assert offer is not None and offer.path.read_bytes() == first, "what was left behind is not written over"
    recovery.closed()
    assert list(folder.glob("*.npz")) == [offer.path], "nor removed with the file of this session"
    scene.Clear(0)
    assert recovery.offer(volume("oblique")) is None, "another volume"
    assert recovery.offer(volume("plain")) is not None


def test_a_volume_that_was_deleted_and_loaded_again_gets_its_review_offered(scene: Any, folder: Path) -> None:
    import slicer

    from BrainMetsAILib.scene.recovery import Recovery
    from BrainMetsAILib.scene.review import reviews, write_review

    nodes, recovery = review("plain"), Recovery(folder)
    before = contents(nodes.segmentation)
    while recovery.step():
        pass
    slicer.mrmlScene.RemoveNode(nodes.volume)
    again = volume("plain")
    write_review(again, draw_finding(GRIDS["plain"]))  # a person searched it anew
    while recovery.step():
        pass
    offer = recovery.offer(again)
    assert offer is not None and offer.record is not None
    for node in reviews():
        slicer.mrmlScene.RemoveNode(node)
    restored = recovery.restore(offer, again)
    assert contents(restored) == before


def test_signed_and_saved_needs_no_file(scene: Any, folder: Path, tmp_path: Path) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.mrb import save_mrb
    from BrainMetsAILib.scene.reader import set_reader_name
    from BrainMetsAILib.scene.recovery import Recovery
    from BrainMetsAILib.scene.sign_off import sign_off

    nodes = review("left-handed")
    content = nodes.segmentation.GetSegmentation()
    recovery = Recovery(folder)
    write_all(recovery)
    save_mrb(tmp_path / "one.mrb")
    write_all(recovery)
    assert suffixes(folder) == [".maps", ".npz"], "not signed"
    set_reader_name("Dr. Example")
    sign_off(nodes.segmentation)
    set_reader_name("")
    write_all(recovery)
    assert scene.WriteToMRB(str(tmp_path / "two.mrb"))  # as Slicer does, which leaves the layers merged
    assert content.GetNumberOfLayers() < content.GetNumberOfSegments()
    write_all(recovery)
    assert list(folder.iterdir()) == []
    assert content.GetNumberOfLayers() == content.GetNumberOfSegments(), "measuring is quick again"
    tags.write_tag(content.GetNthSegment(0), tags.COMMENT, "one more look")
    write_all(recovery)
    save_mrb(tmp_path / "three.mrb")
    write_all(recovery)
    assert suffixes(folder) == [".npz"], "changed since it was signed"


@pytest.mark.parametrize("damage", ["missing", "cut short", "another version", "another grid"])
def test_without_usable_maps_the_review_comes_back_all_the_same(scene: Any, folder: Path, damage: str) -> None:
    from BrainMetsAILib.scene.recovery import Recovery
    from BrainMetsAILib.scene.recovery_maps import map_pieces
    from BrainMetsAILib.scene.review import PROBABILITY_ROLE, review_nodes

    before = contents(review("plain").segmentation)
    write_all(Recovery(folder))
    (path,) = folder.glob("*.maps")
    content = path.read_bytes()
    path.write_bytes(
        {
            "missing": b"",
            "cut short": content[: len(content) // 2],
            "another version": content.replace(b'"version": 1', b'"version": 9'),
            "another grid": b"".join(map_pieces({PROBABILITY_ROLE: np.zeros((2, 3, 4), np.float32)})),
        }[damage]
    )
    if damage == "missing":
        path.unlink()
    crash()
    again, loaded = Recovery(folder), volume("plain")
    offer = again.offer(loaded)
    assert offer is not None
    segmentation = again.restore(offer, loaded)
    assert contents(segmentation) == before and review_nodes(segmentation).probability is None


def test_every_value_that_a_map_of_the_scene_has_is_kept(scene: Any) -> None:
    import slicer

    from BrainMetsAILib.images.geometry import image_like
    from BrainMetsAILib.scene.recovery_maps import map_pieces, maps_from_bytes
    from BrainMetsAILib.scene.volumes import add_probability

    image = GRIDS["plain"]
    values = np.random.default_rng(5).random(image.GetSize()[::-1], dtype=np.float32)
    shown = slicer.util.arrayFromVolume(add_probability(image_like(values, image), "map"))
    assert len(np.unique(shown)) == 1001
    np.testing.assert_array_equal(maps_from_bytes(b"".join(map_pieces({"role": shown})))["role"], shown)


def test_maps_are_written_again_with_another_finding(scene: Any, folder: Path) -> None:
    from BrainMetsAILib.scene.recovery import Recovery
    from BrainMetsAILib.scene.recovery_maps import maps_from_bytes
    from BrainMetsAILib.scene.review import PROBABILITY_ROLE, write_review

    nodes = review("plain")
    recovery = Recovery(folder)
    write_all(recovery)
    (path,) = folder.glob("*.maps")
    before = maps_from_bytes(path.read_bytes())[PROBABILITY_ROLE]
    write_review(nodes.volume, draw_finding(GRIDS["plain"], BALLS[:1]))
    write_all(recovery)
    now = maps_from_bytes(path.read_bytes())[PROBABILITY_ROLE]
    assert 0 < now.sum() < before.sum()


def test_a_folder_that_cannot_be_written_to(scene: Any, tmp_path: Path) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.recovery import Recovery

    nodes = review("plain")
    (tmp_path / "file").write_text("", encoding="utf-8")
    recovery = Recovery(tmp_path / "file")
    for _ in range(2):
        assert recovery.step()
        with pytest.raises(OSError):
            recovery.step()
        assert not recovery.step(), "not tried again before something changes"
        tags.write_tag(nodes.segmentation.GetSegmentation().GetNthSegment(0), tags.COMMENT, f"{time.monotonic()}")


def test_what_nobody_asks_for_goes_after_a_month(folder: Path) -> None:
    from BrainMetsAILib.scene.recovery import Recovery

    folder.mkdir()
    for days, name in ((31, "old.npz"), (31, "old.npz.part"), (29, "young.npz"), (400, "other.txt")):
        path = folder / name
        path.write_bytes(b"")
        os.utime(path, (time.time() - days * 86400,) * 2)
    Recovery(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["other.txt", "young.npz"]


def test_restoring_one_examination_leaves_what_is_kept_of_another(scene: Any) -> None:
    from BrainMetsAILib.scene.review_record import record_of, restore_record
    from BrainMetsAILib.scene.settings import read_record, write_record
    from reviewed_scene import reviewed

    first, second = reviewed(), reviewed("oblique")
    for nodes in (first, second):
        write_record(nodes.segmentation, "Note", {"state": "before"})
    record = record_of(first.segmentation)
    for nodes in (first, second):
        write_record(nodes.segmentation, "Note", {"state": "after"})
    restore_record(record, first.volume)
    assert read_record(first.segmentation, "Note") == {"state": "before"}
    assert read_record(second.segmentation, "Note") == {"state": "after"}
