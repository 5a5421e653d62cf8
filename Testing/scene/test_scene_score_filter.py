"""The score filter: one rule that lists, tables, exports and views follow; it changes no outline and hides no judged lesion."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawn_heads import BALLS, Ball
from reviewed_scene import reviewed, seen, segment, uids

pytest.importorskip("slicer")

FIVE = (*BALLS, Ball((20.0, -25.0, -15.0), 5.0), Ball((-5.0, -5.0, 30.0), 4.0))
SCORES = (0.9, 0.5, 0.3, 0.5, 0.3)


@pytest.fixture
def nodes(scene: Any) -> Any:
    return reviewed(balls=FIVE, scores=SCORES)


def test_lists_tables_exports_and_views_agree(nodes: Any) -> None:
    from BrainMetsAILib.images.geometry import array_of
    from BrainMetsAILib.lesions.lesion_list import total_enhancing_ml
    from BrainMetsAILib.scene.listing import counted, list_lesions
    from BrainMetsAILib.scene.review import read_examination
    from BrainMetsAILib.scene.segments import read_lesion_list
    from BrainMetsAILib.scene.tables import lesion_table
    from BrainMetsAILib.scene.visibility import set_least_score

    segmentation = nodes.segmentation
    whole = read_lesion_list(segmentation)
    assert len(whole) == 5 and seen(segmentation) == [True] * 5, "no slider set: nothing is hidden"
    for value, expected in ((0.4, [1, 2, 4]), (0.5, [1, 2, 4]), (0.51, [1]), (1.0, []), (0.0, [1, 2, 3, 4, 5])):
        set_least_score(value)
        assert [lesion.number for lesion in read_lesion_list(segmentation)] == expected
        assert seen(segmentation) == [number in expected for number in range(1, 6)]
        exported = read_examination(segmentation).lesions
        assert [lesion.number for lesion in exported.lesions] == expected
        assert sorted(set(np.unique(array_of(exported.labels))) - {0}) == expected
        assert counted(list_lesions(segmentation)) == exported.lesions
        table = lesion_table(segmentation, nodes.table).GetTable()
        left_out = [table.GetColumnByName("Left out").GetValue(row) for row in range(5)]
        assert [row + 1 for row in range(5) if left_out[row] == "–"] == expected
        assert total_enhancing_ml(exported.lesions) == pytest.approx(
            sum(lesion.measurements.enhancing_ml for lesion in whole if lesion.number in expected)
        )
    assert read_lesion_list(segmentation) == whole, "outlines are what they were"


def test_judged_edited_commented_and_measured_lesions_are_never_hidden(nodes: Any) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.decisions import decide, set_comment, set_manual_diameters
    from BrainMetsAILib.scene.history import NoHistory
    from BrainMetsAILib.scene.masks import MaskCrop, oriented_image, reference_grid, segment_crop
    from BrainMetsAILib.scene.segments import read_lesion_list, segment_of
    from BrainMetsAILib.scene.visibility import set_least_score

    segmentation = nodes.segmentation
    first, second, third, fourth, fifth = uids(segmentation)
    decide(segmentation, [first], tags.ACCEPTED, NoHistory())
    set_comment(segmentation, second, "look again", NoHistory())
    set_manual_diameters(segmentation, third, ((0, 0, 0), (12, 0, 0)), ((0, 0, 0), (0, 7, 0)), NoHistory())
    own = reference_grid(segmentation)
    crop = segment_crop(segmentation, segment_of(segmentation, fourth) or "", own)
    assert crop is not None
    smaller = crop.mask.copy()
    smaller[0] = False
    segment(segmentation, fourth).AddRepresentation("Binary labelmap", oriented_image(MaskCrop(smaller, crop.box), own.ijk_to_ras))
    set_least_score(1.0)
    assert seen(segmentation) == [True, True, True, True, False]
    assert [lesion.lesion_uid for lesion in read_lesion_list(segmentation)] == [first, second, third, fourth]
    decide(segmentation, [fifth], tags.ACCEPTED, NoHistory())
    assert seen(segmentation) == [True] * 5


def test_it_holds_for_every_examination_and_for_what_is_found_later(nodes: Any, tmp_path: Path) -> None:
    from BrainMetsAILib.scene.log import read_log
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb
    from BrainMetsAILib.scene.review import reviews
    from BrainMetsAILib.scene.segments import read_lesion_list
    from BrainMetsAILib.scene.settings import least_score
    from BrainMetsAILib.scene.visibility import log_least_score, set_least_score

    set_least_score(0.6)
    log_least_score()
    assert (read_log()[-1]["event"], read_log()[-1]["value"]) == ("least score", 0.6)
    later = reviewed("oblique", FIVE, SCORES)
    assert seen(later.segmentation) == [True, False, False, False, False]
    set_least_score(0.4)
    assert seen(later.segmentation) == seen(nodes.segmentation) == [True, True, False, True, False]
    save_mrb(tmp_path / "scene.mrb")
    load_mrb(tmp_path / "scene.mrb")
    assert least_score() == 0.4
    for segmentation in reviews():
        assert seen(segmentation) == [True, True, False, True, False]
        assert len(read_lesion_list(segmentation)) == 3


def test_tags_and_masks_are_not_written(nodes: Any) -> None:
    import slicer

    from BrainMetsAILib.scene.visibility import set_least_score

    content = nodes.segmentation.GetSegmentation()
    events: list[str] = []
    kinds = slicer.vtkSegmentation
    for event in (kinds.SourceRepresentationModified, kinds.SegmentModified, kinds.SegmentAdded, kinds.SegmentRemoved):
        content.AddObserver(event, lambda caller, event: events.append(event))
    for value in (0.4, 1.0, 0.0):
        set_least_score(value)
    assert events == []


@pytest.mark.parametrize("value", [-0.1, 1.01, float("nan")])
def test_a_score_out_of_range_is_refused(scene: Any, value: float) -> None:
    from BrainMetsAILib.scene.settings import least_score
    from BrainMetsAILib.scene.visibility import set_least_score

    with pytest.raises(ValueError, match="from 0 to 1"):
        set_least_score(value)
    assert least_score() == 0.0


def test_listed_is_what_the_filter_lets_pass(scene: Any) -> None:
    from BrainMetsAILib.scene.decisions import decide
    from BrainMetsAILib.scene.history import NoHistory
    from BrainMetsAILib.scene.list_filter import EVERYTHING, LESIONS, ListFilter, read_filter, write_filter
    from BrainMetsAILib.scene.listing import list_lesions
    from BrainMetsAILib.scene.segments import BELOW_SCORE, TAKEN_OUT
    from BrainMetsAILib.scene.visibility import set_least_score

    segmentation = reviewed(balls=FIVE, scores=SCORES, removed={5: "vessel"}).segmentation
    decide(segmentation, uids(segmentation)[:1], "accepted", NoHistory())
    decide(segmentation, uids(segmentation)[1:2], "rejected", NoHistory())
    set_least_score(0.4)

    def names(state: str, least_mm: float = 0.0) -> list[str]:
        return [entry.lesion.name for entry in list_lesions(segmentation) if ListFilter(state, least_mm).passes(entry)]

    assert names(LESIONS) == ["M01", "M02", "M04"]
    assert names("unreviewed") == ["M04"] and names("accepted") == ["M01"] and names("rejected") == ["M02"]
    assert names(BELOW_SCORE) == ["M03"] and names(TAKEN_OUT) == ["M05"]
    assert names(EVERYTHING) == ["M01", "M02", "M03", "M04", "M05"]
    assert names(EVERYTHING, 11.0) == ["M01", "M02"], "balls of 18 and 12 mm"
    assert read_filter() == ListFilter()
    write_filter(ListFilter("accepted", 8.0))
    assert read_filter() == ListFilter("accepted", 8.0)
