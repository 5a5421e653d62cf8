"""Reader, counts, sign-off: what was signed is known again after saving, and every later change is told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawn_heads import GRIDS, draw_finding, draw_head

pytest.importorskip("slicer")


@pytest.fixture
def person(scene: Any) -> Any:
    """Slicer's user information, empty before and after."""
    import slicer

    user = slicer.app.applicationLogic().GetUserInformation()
    user.SetFromString("")
    yield user
    user.SetFromString("")


def review(grid: str) -> Any:
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.volumes import add_volume

    return write_review(add_volume(draw_head(GRIDS[grid]), "T1c"), draw_finding(GRIDS[grid]))


def segment(nodes: Any, index: int) -> Any:
    return nodes.segmentation.GetSegmentation().GetNthSegment(index)


def erase_one_voxel(segmentation: Any, segment_id: str) -> None:
    from BrainMetsAILib.scene.masks import REPRESENTATION, MaskCrop, oriented_image, reference_grid, segment_crop

    grid = reference_grid(segmentation)
    crop = segment_crop(segmentation, segment_id, grid)
    assert crop is not None
    mask = crop.mask.copy()
    mask[tuple(np.argwhere(mask)[len(np.argwhere(mask)) // 2])] = False
    image = oriented_image(MaskCrop(mask, crop.box), grid.ijk_to_ras)
    segment = segmentation.GetSegmentation().GetSegment(segment_id)
    segment.AddRepresentation(REPRESENTATION, image)
    segment.SetLabelValue(1)


def test_the_readers_name_has_one_place(person: Any) -> None:
    from BrainMetsAILib.scene.log import append_log, read_log
    from BrainMetsAILib.scene.reader import reader_name, set_reader_name

    assert reader_name() == ""
    append_log("opened")
    person.SetLogin("amueller")
    assert reader_name() == "amueller"
    person.SetName("Änne Müller")
    assert reader_name() == "Änne Müller"
    set_reader_name("  Dr. B: C;  D ")
    assert reader_name() == "Dr. B: C; D"
    append_log("decided", lesion="M01")
    copy = person.GetAsString()  # as Slicer keeps it between sessions
    person.SetFromString("")
    person.SetFromString(copy)
    assert reader_name() == "Dr. B: C; D" and person.GetName() == "Änne Müller"
    set_reader_name("")
    assert reader_name() == "Änne Müller"
    assert [entry["who"] for entry in read_log()] == ["", "Dr. B: C; D"]


def test_counts_and_the_way_to_the_next_one(scene: Any) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.review_counts import next_unreviewed, review_counts
    from BrainMetsAILib.scene.segments import read_lesion_list

    nodes = review("plain")
    first, second, third = (lesion.lesion_uid for lesion in read_lesion_list(nodes.segmentation))
    nodes.segmentation.GetSegmentation().AddEmptySegment()  # empty: not there yet
    counts = review_counts(nodes.segmentation)
    assert counts.counting == counts.unreviewed == (first, second, third) and counts.rejected == counts.hidden == 0
    assert [next_unreviewed(counts, uid) for uid in ("", first, second, third)] == [first, second, third, first]
    tags.set_review(segment(nodes, 1), tags.ACCEPTED)
    tags.write_tag(segment(nodes, 2), tags.REMOVED, "choroid plexus")
    counts = review_counts(nodes.segmentation)
    assert counts.counting == (first, second) and counts.unreviewed == (first,) and counts.hidden == 1
    assert next_unreviewed(counts, second) == next_unreviewed(counts, first) == first
    tags.set_review(segment(nodes, 0), tags.REJECTED)
    counts = review_counts(nodes.segmentation)
    assert counts.unreviewed == () and counts.rejected == 1 and next_unreviewed(counts, second) == ""


def test_nobody_signs_without_a_name(person: Any) -> None:
    from BrainMetsAILib.scene.sign_off import read_sign_off, sign_off

    nodes = review("plain")
    with pytest.raises(ValueError, match="type the reader's name"):
        sign_off(nodes.segmentation)
    assert read_sign_off(nodes.segmentation) is None


@pytest.mark.parametrize("grid", ["plain", "left-handed oblique", "sagittal anisotropic"])
def test_a_sign_off_holds_through_a_scene_file(person: Any, tmp_path: Path, grid: str) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.log import read_log
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb
    from BrainMetsAILib.scene.reader import set_reader_name
    from BrainMetsAILib.scene.review import reviews
    from BrainMetsAILib.scene.segments import lesion_segment_ids
    from BrainMetsAILib.scene.sign_off import changed_since, outlines_sha256, read_sign_off, sign_off

    nodes = review(grid)
    set_reader_name("Dr. Änne | Müller")
    tags.set_review(segment(nodes, 0), tags.ACCEPTED)
    tags.write_tag(segment(nodes, 0), tags.COMMENT, "near the | sinus\nlook again")
    signed = sign_off(nodes.segmentation)
    assert (signed.lesions, signed.unreviewed) == (3, 2)
    outlines = outlines_sha256(nodes.segmentation)
    save_mrb(tmp_path / "signed.mrb")
    assert not changed_since(nodes.segmentation, signed), "saving changes nothing"
    load_mrb(tmp_path / "signed.mrb")
    (segmentation,) = reviews()
    assert read_sign_off(segmentation) == signed and not changed_since(segmentation, signed)
    assert outlines_sha256(segmentation) == outlines
    entry = next(entry for entry in read_log() if entry["event"] == "signed off")
    assert entry["who"] == entry["reader"] == "Dr. Änne | Müller" and entry["sha256"] == signed.sha256
    erase_one_voxel(segmentation, lesion_segment_ids(segmentation)[1])
    assert changed_since(segmentation, signed)


def test_every_change_of_what_counts_is_told_and_nothing_else(person: Any) -> None:
    import slicer

    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.reader import set_reader_name
    from BrainMetsAILib.scene.segments import lesion_segment_ids, necrosis_segment_id
    from BrainMetsAILib.scene.sign_off import changed_since, sign_off

    nodes = review("oblique")
    set_reader_name("Dr. Example")
    content = nodes.segmentation.GetSegmentation()
    for index in range(2):
        tags.set_review(segment(nodes, index), tags.ACCEPTED)
    tags.set_review(segment(nodes, 2), tags.REJECTED)

    def changes(change: Any) -> bool:
        signed = sign_off(nodes.segmentation)
        change()
        return changed_since(nodes.segmentation, signed)

    logic = slicer.vtkSlicerSegmentationsModuleLogic
    untold = {
        "colour": lambda: segment(nodes, 0).SetColor(0.1, 0.2, 0.3),
        "visibility": lambda: nodes.segmentation.GetDisplayNode().SetSegmentVisibility(content.GetNthSegmentID(0), False),
        "tracking": lambda: tags.write_tag(segment(nodes, 0), tags.TRACKING_UID, "2.25.1"),
        "Slicer's status": lambda: logic.SetSegmentStatus(segment(nodes, 0), logic.InProgress),
        "layers": lambda: content.CollapseBinaryLabelmaps(False),
        "a rejected one": lambda: tags.write_tag(segment(nodes, 2), tags.COMMENT, "vessel"),
        "a rejected outline": lambda: erase_one_voxel(nodes.segmentation, lesion_segment_ids(nodes.segmentation)[2]),
    }
    told = {
        "class": lambda: tags.write_tag(segment(nodes, 0), tags.CLASS, "vascular"),
        "comment": lambda: tags.write_tag(segment(nodes, 1), tags.COMMENT, "?"),
        "name": lambda: segment(nodes, 0).SetName("left frontal"),
        "outline": lambda: erase_one_voxel(nodes.segmentation, lesion_segment_ids(nodes.segmentation)[0]),
        "necrosis": lambda: erase_one_voxel(nodes.segmentation, necrosis_segment_id(nodes.segmentation) or ""),
        "taken back": lambda: tags.set_review(segment(nodes, 2), tags.ACCEPTED),
        "gone": lambda: content.RemoveSegment(content.GetNthSegmentID(1)),
    }
    assert [name for name, change in untold.items() if changes(change)] == []
    assert [name for name, change in told.items() if not changes(change)] == []
