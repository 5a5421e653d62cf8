"""A scene file written by the real writer and read back in a process of its own: complete, and in the same places."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from BrainMetsAILib.exchange.examined import ExaminationFacts
from BrainMetsAILib.images.examination import Patient
from BrainMetsAILib.images.geometry import array_of, ijk_to_ras
from drawn_heads import BALLS, GRIDS, draw_finding, draw_head

pytest.importorskip("slicer")

HARD_TEXT = "left | right, “Größe” 5 mm; 100 %\nsecond line \t ~^^:; <b>&amp;</b> 脑"

READ_BACK = """
import json, sys
from pathlib import Path
from BrainMetsAILib.scene.headless import headless_scene
scene = headless_scene()
import numpy as np, slicer
from BrainMetsAILib.scene import tags
from BrainMetsAILib.scene.layout import segment_centre
from BrainMetsAILib.scene.log import read_log
from BrainMetsAILib.scene.mrb import load_mrb
from BrainMetsAILib.scene.review import read_examination, review_nodes, reviews
from BrainMetsAILib.scene.segments import lesion_segment_ids, necrosis_segment_id, origin_of
from BrainMetsAILib.scene.volumes import ijk_to_ras_of
load_mrb(Path(sys.argv[1]))
def exported(nodes, segment_id):
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(nodes.segmentation, segment_id, nodes.volume) > 0
    kji = np.argwhere(mask)
    return (np.c_[kji[:, ::-1], np.ones(len(kji))] @ ijk_to_ras_of(nodes.volume).T)[:, :3]
out = []
for segmentation in reviews():
    nodes, content = review_nodes(segmentation), segmentation.GetSegmentation()
    examination = read_examination(segmentation)
    points = {s: exported(nodes, s) for s in content.GetSegmentIDs()}
    dead = {tuple(p) for p in points[necrosis_segment_id(segmentation)].round(3).tolist()}
    table = nodes.table.GetTable()
    display = nodes.volume.GetDisplayNode()
    heat = nodes.probability.GetDisplayNode()
    volume = slicer.util.arrayFromVolume(nodes.volume)
    probes = json.loads(sys.argv[2])
    to_ijk = np.linalg.inv(ijk_to_ras_of(nodes.volume))
    values = [float(volume[tuple(np.rint((to_ijk @ [*p, 1.0])[:3]).astype(int)[::-1])]) for p in probes]
    out.append(dict(
        name=nodes.volume.GetName(), values=values, window=[display.GetWindowLevelMin(), display.GetWindowLevelMax()],
        lesions=[dict(
            name=content.GetSegment(s).GetName(), colour=content.GetSegment(s).GetColor(), centre=points[s].mean(axis=0).tolist(),
            count=len(points[s]), inside=sum(tuple(p) in dead for p in points[s].round(3).tolist()),
            uid=tags.read_tag(content.GetSegment(s), tags.LESION_UID), tracking=tags.read_tag(content.GetSegment(s), tags.TRACKING_UID),
            review=tags.read_tag(content.GetSegment(s), tags.REVIEW), comment=tags.read_tag(content.GetSegment(s), tags.COMMENT),
            terminology=content.GetSegment(s).GetTerminology(), origin=origin_of(segmentation, s), world=segment_centre(segmentation, s),
            surface=content.GetSegment(s).GetRepresentation("Closed surface") is not None) for s in lesion_segment_ids(segmentation)],
        read=[[l.name, l.measurements.volume_ml, l.measurements.necrotic_ml, list(l.measurements.centroid_ras)]
              for l in examination.lesions.lesions],
        patient=examination.facts.patient.name, warnings=examination.facts.warnings, model=examination.provenance.model,
        volumes=[table.GetColumnByName("Volume (mL)").GetValue(r) for r in range(table.GetNumberOfRows())],
        threshold=heat.GetLowerThreshold(), thresholded=bool(heat.GetApplyThreshold()),
        heat=[heat.GetWindowLevelMin(), heat.GetWindowLevelMax()],
        colours=heat.GetColorNode().GetName(), outline=segmentation.GetDisplayNode().GetOpacity2DOutline(),
        fill=segmentation.GetDisplayNode().GetOpacity2DFill(), transform=nodes.volume.GetTransformNodeID() is not None))
print("@@" + json.dumps(dict(examinations=out, log=read_log(), background=[c.GetBackgroundVolumeID()
    for c in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")], first=reviews()[0] and review_nodes(reviews()[0]).volume.GetID(),
    layout=slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode").GetViewArrangement(),
    orientations=[n.GetOrientation() for n in slicer.util.getNodesByClass("vtkMRMLSliceNode")],
    legend=len(slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode")))))
"""


PROBES_IJK = ((3, 4, 5), (20, 40, 10), (50, 60, 20), (41, 33, 25))


def read_back(path: Path, probes: list[list[float]]) -> dict[str, Any]:
    """What a fresh process finds in a scene file, the volumes' values at some places (RAS mm) included."""
    done = subprocess.run([sys.executable, "-c", READ_BACK, str(path), json.dumps(probes)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout.split("@@", 1)[1])
    return result


@pytest.mark.parametrize("grid", ["plain", "left-handed oblique", "sagittal anisotropic"])
def test_a_fresh_process_finds_everything_in_its_place(scene: Any, tmp_path: Path, grid: str) -> None:
    import slicer

    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.layout import show_for_file
    from BrainMetsAILib.scene.mrb import save_mrb
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.segments import read_lesion_list
    from BrainMetsAILib.scene.volumes import add_volume

    image = draw_head(GRIDS[grid])
    facts = ExaminationFacts("Baseline", Patient("7", "Müller^Änne"), "20260102", "t1 | gd", (HARD_TEXT,))
    nodes = write_review(add_volume(image, "Baseline T1c"), draw_finding(GRIDS[grid]), facts=facts)
    tags.write_tag(nodes.segmentation.GetSegmentation().GetNthSegment(1), tags.COMMENT, HARD_TEXT)
    tags.set_review(nodes.segmentation.GetSegmentation().GetNthSegment(1), tags.ACCEPTED)
    show_for_file(nodes)
    before = read_lesion_list(nodes.segmentation)
    colours = [nodes.segmentation.GetSegmentation().GetNthSegment(index).GetColor() for index in range(3)]
    save_mrb(tmp_path / "scene ü.mrb")
    assert [entry.name for entry in tmp_path.iterdir()] == ["scene ü.mrb"], "nothing else is left behind"
    assert read_lesion_list(nodes.segmentation) == before, "saving changes nothing"

    probes = [(ijk_to_ras(image) @ [*index, 1.0])[:3].tolist() for index in PROBES_IJK]
    found = read_back(tmp_path / "scene ü.mrb", probes)
    (examination,) = found["examinations"]
    assert found["background"] == [found["first"]] * 3
    assert found["layout"] == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpTableView
    assert found["legend"] == 1
    if grid == "plain":
        assert found["orientations"] == ["Axial", "Sagittal", "Coronal"]
    assert examination["name"] == "Baseline T1c"
    assert examination["values"] == [array_of(image)[index[::-1]] for index in PROBES_IJK]
    low, high = examination["window"]
    assert low < 150 and 550 < high < 660
    for lesion, ball, earlier, colour in zip(examination["lesions"], BALLS, before, colours, strict=True):
        assert lesion["uid"] == earlier.lesion_uid and lesion["tracking"] == earlier.tracking_uid
        np.testing.assert_allclose(lesion["centre"], earlier.measurements.centroid_ras, atol=1e-3)
        assert np.abs(np.array(lesion["centre"]) - ball.centre).max() < 0.5 * max(GRIDS[grid].GetSpacing())
        np.testing.assert_allclose(lesion["colour"], colour, atol=1e-4)
        assert lesion["count"] == earlier.measurements.voxel_count
        voxel_ml = float(np.prod(GRIDS[grid].GetSpacing())) / 1000
        assert lesion["inside"] * voxel_ml == pytest.approx(earlier.measurements.necrotic_ml, abs=1e-9), "overlap survives"
        assert lesion["origin"] == "AI" and lesion["surface"]
        assert "Neoplasm, Secondary" in lesion["terminology"]
    assert examination["lesions"][0]["inside"] > 0
    assert examination["lesions"][1]["comment"] == HARD_TEXT
    assert [lesion["review"] for lesion in examination["lesions"]] == ["unreviewed", "accepted", "unreviewed"]
    for row, earlier in zip(examination["read"], before, strict=True):
        assert row[0] == earlier.name
        assert row[1:3] == pytest.approx([earlier.measurements.volume_ml, earlier.measurements.necrotic_ml], rel=1e-6)
        np.testing.assert_allclose(row[3], earlier.measurements.centroid_ras, atol=1e-4)
    assert examination["volumes"] == pytest.approx([entry.measurements.volume_ml for entry in before], abs=1e-3)
    assert examination["patient"] == "Müller^Änne" and examination["warnings"] == [HARD_TEXT]
    assert examination["model"] == "drawn"
    assert examination["threshold"] == pytest.approx(0.1) and examination["thresholded"] and examination["heat"] == [0.0, 1.0]
    assert examination["colours"] == "BrainMetsAI probability"
    assert examination["outline"] == 1.0 and 0 < examination["fill"] < 0.4
    assert found["log"][0]["event"] == "found" and found["log"][0]["lesions"] == 3


def test_a_file_that_is_no_scene_is_refused_with_a_sentence(scene: Any, tmp_path: Path) -> None:
    from BrainMetsAILib.scene.mrb import load_mrb

    broken = tmp_path / "broken.mrb"
    broken.write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(OSError, match="cannot be read"):
        load_mrb(broken)


def test_a_folder_that_is_missing_is_refused_and_nothing_is_left(scene: Any, tmp_path: Path) -> None:
    from BrainMetsAILib.scene.mrb import save_mrb

    with pytest.raises(OSError):
        save_mrb(tmp_path / "nowhere" / "scene.mrb")
    assert list(tmp_path.iterdir()) == []


def test_a_scene_that_is_added_leaves_what_is_known_of_the_open_cases(scene: Any, tmp_path: Path) -> None:
    import slicer

    from BrainMetsAILib.scene.log import append_log, join_logs, read_log
    from BrainMetsAILib.scene.mrb import save_mrb
    from BrainMetsAILib.scene.reader import set_reader_name
    from BrainMetsAILib.scene.review import reviews, write_review
    from BrainMetsAILib.scene.settings import examination_records, put_back, read_facts, read_provenance
    from BrainMetsAILib.scene.sign_off import read_sign_off, sign_off
    from BrainMetsAILib.scene.volumes import add_volume

    grid = GRIDS["plain"]
    write_review(add_volume(draw_head(grid), "follow-up"), draw_finding(grid))
    save_mrb(tmp_path / "added.mrb")
    slicer.mrmlScene.Clear(0)
    assert examination_records() == {}
    nodes = write_review(add_volume(draw_head(grid), "baseline"), draw_finding(grid))
    set_reader_name("Dr. Reader")
    sign_off(nodes.segmentation)
    set_reader_name("")
    append_log("opened")
    before = read_facts(nodes.segmentation), read_provenance(nodes.segmentation), read_sign_off(nodes.segmentation)
    records = examination_records()  # as the module does when an import begins, and when it ends
    slicer.mrmlScene.ReadFromMRB(str(tmp_path / "added.mrb"), False)
    put_back(records)
    join_logs()
    assert len(reviews()) == 2 and None not in before
    assert (read_facts(nodes.segmentation), read_provenance(nodes.segmentation), read_sign_off(nodes.segmentation)) == before
    other = next(node for node in reviews() if node is not nodes.segmentation)
    assert read_facts(other).description == "follow-up" and read_sign_off(other) is None
    assert sorted(entry["event"] for entry in read_log()) == ["found", "found", "opened", "signed off"]


def test_every_line_of_the_log_stays(scene: Any, tmp_path: Path) -> None:
    from BrainMetsAILib.scene.log import append_log, read_log
    from BrainMetsAILib.scene.mrb import load_mrb, save_mrb

    append_log("opened", text=HARD_TEXT)
    append_log("decided", lesion="M01", score=0.1 + 0.2)
    save_mrb(tmp_path / "scene.mrb")
    load_mrb(tmp_path / "scene.mrb")
    append_log("closed")
    entries = read_log()
    assert [entry["event"] for entry in entries] == ["opened", "decided", "closed"]
    assert entries[0]["text"] == HARD_TEXT and entries[1]["score"] == 0.1 + 0.2
