"""The selected lesion in every view, the others dimmed, and all of it undone; change since a linked examination."""

from typing import Any

import numpy as np
import pytest

from drawn_heads import BALLS, Ball
from reviewed_scene import reviewed, segment, uids

pytest.importorskip("slicer")


def opacities(segmentation: Any) -> list[tuple[float, float]]:
    from BrainMetsAILib.scene.segments import lesion_segment_ids

    display = segmentation.GetDisplayNode()
    ids = lesion_segment_ids(segmentation)
    return [(display.GetSegmentOpacity2DOutline(segment_id), display.GetSegmentOpacity3D(segment_id)) for segment_id in ids]


def test_views_jump_zoom_and_dim(scene: Any) -> None:
    import slicer

    from BrainMetsAILib.scene.focus import focus_lesion, unfocus
    from BrainMetsAILib.scene.segments import read_lesion_list, segment_of

    segmentation = reviewed(balls=(Ball((20.0, 5.0, 10.0), 16.0), *BALLS[1:])).segmentation
    camera = scene.AddNewNodeByClass("vtkMRMLCameraNode")
    first, second, _ = read_lesion_list(segmentation)
    plain = opacities(segmentation)
    focus_lesion(segmentation, segment_of(segmentation, second.lesion_uid) or "", second.measurements.whole)
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        place = np.array([node.GetSliceToRAS().GetElement(row, 3) for row in range(3)])
        assert np.abs(place - BALLS[1].centre).max() < 1.0
        assert node.GetFieldOfView()[0] == pytest.approx(60.0)
    dimmed = opacities(segmentation)
    assert dimmed[1] == plain[1] and all(dimmed[other][0] < 0.5 * plain[other][0] for other in (0, 2))
    assert [surface for _, surface in dimmed] == [1.0, 1.0, 1.0], "without surfaces 3D is left alone"
    focal, position = np.array(camera.GetFocalPoint()), np.array(camera.GetPosition())
    assert np.abs(focal - BALLS[1].centre).max() < 1.0
    assert np.linalg.norm(position - focal) * np.tan(np.radians(camera.GetViewAngle() / 2)) == pytest.approx(30.0)

    segmentation.CreateClosedSurfaceRepresentation()
    focus_lesion(segmentation, segment_of(segmentation, first.lesion_uid) or "", first.measurements.whole)
    assert opacities(segmentation)[0] == (1.0, 1.0) and all(surface < 0.5 for _, surface in opacities(segmentation)[1:])
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        assert node.GetFieldOfView()[0] == pytest.approx(2.5 * first.measurements.whole.longest_mm), "32 mm need more room"
    unfocus(segmentation)
    assert opacities(segmentation) == plain


def test_the_axial_view_shows_the_slice_of_the_diameters(scene: Any) -> None:
    import slicer

    from BrainMetsAILib.scene.decisions import set_manual_diameters
    from BrainMetsAILib.scene.focus import focus_lesion
    from BrainMetsAILib.scene.history import NoHistory
    from BrainMetsAILib.scene.segments import read_lesion_list, segment_of

    segmentation = reviewed().segmentation
    uid = uids(segmentation)[0]
    set_manual_diameters(segmentation, uid, ((18.0, 10.0, 19.5), (32.0, 10.0, 19.5)), ((25.0, 5.0, 19.5), (25.0, 15.0, 19.5)), NoHistory())
    lesion = read_lesion_list(segmentation)[0]
    focus_lesion(segmentation, segment_of(segmentation, uid) or "", lesion.measurements.whole)
    axial = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    assert axial.GetSliceToRAS().GetElement(2, 3) == pytest.approx(19.5, abs=0.01)


def test_outlines_go_and_come_back(scene: Any) -> None:

    from BrainMetsAILib.scene.focus import toggle_outlines
    from BrainMetsAILib.scene.layout import show_review

    nodes = reviewed()
    show_review(nodes)
    display = nodes.segmentation.GetDisplayNode()
    for expected in (False, True):
        toggle_outlines(nodes.segmentation)
        assert bool(display.GetVisibility2D()) is expected


def test_change_since_the_linked_examination_before(scene: Any) -> None:
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.links import earlier_examination
    from BrainMetsAILib.scene.listing import list_lesions
    from BrainMetsAILib.scene.segments import read_lesion_list

    before = reviewed().segmentation
    after = reviewed(balls=(Ball(BALLS[0].centre, 7.0, 3.0), Ball(BALLS[1].centre, 7.5), Ball((30.0, -20.0, -10.0), 4.0))).segmentation
    assert earlier_examination(after) is None and all(entry.change_percent is None for entry in list_lesions(after))
    for old, new in zip(uids(before)[:2], uids(after)[:2], strict=True):
        tags.write_tag(segment(after, new), tags.TRACKING_UID, tags.read_tag(segment(before, old), tags.TRACKING_UID))
    assert earlier_examination(after) is before and earlier_examination(before) is None
    old_ml, new_ml = ([lesion.measurements.enhancing_ml for lesion in read_lesion_list(node)] for node in (before, after))
    changes = [entry.change_percent for entry in list_lesions(after)]
    assert changes[:2] == pytest.approx([100 * (new / old - 1) for old, new in zip(old_ml[:2], new_ml[:2], strict=True)])
    assert changes[0] is not None and changes[0] < -30 and changes[1] is not None and changes[1] > 60 and changes[2] is None

    # A lesion that split: its parts share the tracking UID, and the change is that of the whole.
    shared = tags.read_tag(segment(after, uids(after)[1]), tags.TRACKING_UID)
    tags.write_tag(segment(after, uids(after)[2]), tags.TRACKING_UID, shared)
    whole = 100 * ((new_ml[1] + new_ml[2]) / old_ml[1] - 1)
    assert [entry.change_percent for entry in list_lesions(after)][1:] == pytest.approx([whole, whole])


def test_dates_say_which_examination_came_before(scene: Any) -> None:
    """Loaded in the wrong order."""
    from dataclasses import replace

    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.links import earlier_examination
    from BrainMetsAILib.scene.settings import read_facts, write_examination

    later, earlier = reviewed().segmentation, reviewed().segmentation
    tags.write_tag(segment(later, uids(later)[0]), tags.TRACKING_UID, tags.read_tag(segment(earlier, uids(earlier)[0]), tags.TRACKING_UID))
    assert earlier_examination(earlier) is later
    for node, date in ((later, "20260301"), (earlier, "20251201")):
        write_examination(node, replace(read_facts(node), study_date=date), None)
    assert earlier_examination(later) is earlier and earlier_examination(earlier) is None
