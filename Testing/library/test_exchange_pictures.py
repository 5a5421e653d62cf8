"""The pictures show the right place, the right way round, at the right size: asserted on colours at known places."""

import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

import BrainMetsAILib.exchange.pictures as pictures_module
from BrainMetsAILib.exchange.drawing import DIAMETER_COLOUR, LESION_COLOUR, NECROSIS_COLOUR, Colour, Look, Plane, draw_plane
from BrainMetsAILib.exchange.examined import ExaminationFacts, ReviewedExamination
from BrainMetsAILib.exchange.pictures import HEADLINE, PANEL, lesion_picture, overview, review_pictures, write_pictures
from BrainMetsAILib.exchange.planes import AXIAL, CORONAL, SAGITTAL, cut, radiological
from BrainMetsAILib.exchange.response_summary import ResponseRow, ResponseSummary
from BrainMetsAILib.images.geometry import lps_to_ras
from BrainMetsAILib.lesions.lesion_list import lesion_set
from drawn_heads import BALLS, GRIDS, PROVENANCE, Ball, draw_finding, draw_head

EVERY_GRID = pytest.mark.parametrize("grid", list(GRIDS))


def reviewed(grid: sitk.Image, balls: tuple[Ball, ...] = BALLS, title: str = "Baseline", seed: int = 0) -> ReviewedExamination:
    finding = draw_finding(grid, balls)
    lesions = lesion_set(finding.labels, finding.necrosis_mask, finding.scores)
    return ReviewedExamination(ExaminationFacts(title=title), draw_head(grid, balls, seed), lesions, PROVENANCE)


def opened(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def close_to(picture: np.ndarray, colour: Colour, tolerance: int = 60) -> np.ndarray:
    return np.abs(picture - np.array(colour)).max(axis=-1) < tolerance


@EVERY_GRID
def test_right_is_left_front_is_up_and_the_head_is_up(grid: str) -> None:
    """A ball right of, in front of and above the middle appears left, up and up."""
    marker = Ball((18.0, 16.0, 14.0), 7.0)
    examination = reviewed(GRIDS[grid], (marker,))
    view = radiological(examination.image, examination.lesions.labels, examination.lesions.necrosis)
    # Shown where the marker is on the plane's own axis, with the middle of the head in the middle of the other two.
    for plane, expected in ((AXIAL, (-1, -1)), (CORONAL, (-1, -1)), (SAGITTAL, (-1, -1))):
        at = view.index_of((0.0, 0.0, 0.0))
        at[plane] = view.index_of(marker.centre)[plane]
        crop = cut(view, plane, at, 45.0, {1: LESION_COLOUR})
        row, column = np.argwhere(crop.grey > 450).mean(axis=0)
        middle = (np.array(crop.grey.shape) - 1) / 2
        # Axial: anterior up, right on the left. Coronal: superior up, right on the left. Sagittal: superior up, anterior on the left.
        assert np.sign(row - middle[0]) == expected[0], plane
        assert np.sign(column - middle[1]) == expected[1], plane
        assert crop.lesions[0][0][round(row), round(column)]


@EVERY_GRID
def test_outline_encloses_the_lesion_at_the_right_size(grid: str) -> None:
    examination = reviewed(GRIDS[grid])
    ball = BALLS[1]
    picture = opened(lesion_picture(examination, examination.lesions.lesions[1]).png)
    assert picture.shape == (HEADLINE + 2 * PANEL + 4, 3 * PANEL + 8, 3)
    for column in range(3):
        panel = picture[HEADLINE + PANEL + 4 :, column * (PANEL + 4) : column * (PANEL + 4) + PANEL]
        outline = np.argwhere(close_to(panel, LESION_COLOUR))
        height, width = np.ptp(outline, axis=0) + 1
        # Crops are 40 mm wide, and a voxel or so more; a rim voxel more or less either way.
        mm = 40.0 / PANEL
        slack = 2.2 * max(GRIDS[grid].GetSpacing())
        assert abs(height * mm - 2 * ball.radius_mm) < slack and abs(width * mm - 2 * ball.radius_mm) < slack
        plain = picture[HEADLINE : HEADLINE + PANEL, column * (PANEL + 4) : column * (PANEL + 4) + PANEL]
        assert (np.ptp(plain, axis=2) < 12).all(), "the picture above has no marks"
        assert plain[PANEL // 2, PANEL // 2, 0] > 200 > plain[PANEL // 2, 8, 0]


def test_necrosis_has_its_own_colour_inside_the_lesion() -> None:
    examination = reviewed(GRIDS["plain"])
    picture = opened(lesion_picture(examination, examination.lesions.lesions[0]).png)
    panel = picture[HEADLINE + PANEL + 4 :, :PANEL]
    inner = np.argwhere(close_to(panel, NECROSIS_COLOUR)) - PANEL / 2
    outer = np.argwhere(close_to(panel, LESION_COLOUR)) - PANEL / 2
    assert len(inner) > 30
    assert np.median(np.hypot(*inner.T)) / np.median(np.hypot(*outer.T)) == pytest.approx(4 / 9, abs=0.12)
    without = opened(lesion_picture(examination, examination.lesions.lesions[1]).png)
    assert not close_to(without[HEADLINE + PANEL :], NECROSIS_COLOUR).any()


def test_diameters_are_drawn_as_long_as_they_are_measured() -> None:
    on = GRIDS["plain"]
    balls = (Ball((5.0, 5.0, 5.0), 9.0), Ball((15.0, 5.0, 5.0), 6.0))  # two that touch: a pear, longer than wide
    finding = draw_finding(on, balls)
    merged = sitk.Cast(finding.labels > 0, sitk.sitkUInt16)
    lesions = lesion_set(merged, finding.necrosis_mask, {1: 0.9})
    examination = ReviewedExamination(ExaminationFacts(), draw_head(on, balls), lesions, None)
    (lesion,) = lesions.lesions
    picture = opened(lesion_picture(examination, lesion).png)
    line = np.argwhere(close_to(picture[HEADLINE + PANEL + 4 :, :PANEL], DIAMETER_COLOUR))
    spread = line - line.mean(axis=0)
    longest = np.ptp(spread @ np.linalg.svd(spread, full_matrices=False)[2][0])
    side_mm = 2 * max(20.0, 0.8 * lesion.measurements.diameter_3d_mm)
    assert longest * side_mm / PANEL == pytest.approx(lesion.measurements.whole.longest_mm, rel=0.08)


def test_anisotropic_voxels_keep_their_shape() -> None:
    mask = np.zeros((10, 40), bool)
    mask[3:7, 12:28] = True  # 16 by 16 mm
    plane = Plane(np.zeros((10, 40), np.float32), ((mask, LESION_COLOUR),), np.zeros_like(mask), (4.0, 1.0), ("S", "I", "A", "P"))
    picture = np.asarray(draw_plane(plane, Look(200, (0.0, 1.0), letters=False, scale_bar=False))).astype(int)
    height, width = np.ptp(np.argwhere(close_to(picture, LESION_COLOUR)), axis=0)
    assert height == pytest.approx(80, abs=9) and width == pytest.approx(80, abs=6)


@pytest.mark.parametrize("voxels", [1, 2, 5])
def test_the_smallest_outlines_are_still_drawn(voxels: int) -> None:
    mask = np.zeros((40, 40), bool)
    mask[20, 20 : 20 + voxels] = True
    plane = Plane(np.zeros((40, 40), np.float32), ((mask, LESION_COLOUR),), np.zeros_like(mask), (1.0, 1.0), ("A", "P", "R", "L"))
    picture = np.asarray(draw_plane(plane, Look(200, (0.0, 1.0), letters=False, scale_bar=False))).astype(int)
    marked = np.argwhere(close_to(picture, LESION_COLOUR, 120))
    assert len(marked) >= 8
    assert np.abs(marked.mean(axis=0) - [102.5, 100 + 2.5 * voxels]).max() < 3


def test_scale_bar_is_as_long_as_it_says() -> None:
    plane = Plane(np.zeros((50, 50), np.float32), (), np.zeros((50, 50), bool), (1.0, 1.0), ("A", "P", "R", "L"))
    picture = np.asarray(draw_plane(plane, Look(250, (0.0, 1.0), letters=False))).astype(int)
    row = picture[250 - 9]
    assert np.ptp(np.flatnonzero(row[:, 0] > 150)) == pytest.approx(10 * 250 / 50, abs=2), "10 mm of 50 mm across 250 pixels"


def test_overview_shows_every_lesion() -> None:
    examination = reviewed(GRIDS["oblique"])
    made = overview(examination)
    assert "not shown" not in made.caption
    picture = opened(made.png)
    count = np.count_nonzero(close_to(picture, LESION_COLOUR))
    assert count > 150
    empty = opened(overview(reviewed(GRIDS["oblique"], ())).png)
    assert not close_to(empty, LESION_COLOUR).any() and empty.max() > 100


def test_a_hundred_lesions_are_named_or_said_to_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures_module, "MOST_PICTURES", 3)
    places = [(x, y, z) for x in range(-30, 31, 12) for y in range(-30, 31, 12) for z in range(-30, 31, 6)][:100]
    examination = reviewed(GRIDS["plain"], tuple(Ball((float(x), float(y), float(z)), 2.2) for x, y, z in places))
    made = overview(examination)
    assert len(made.png) < 400_000
    made_all = review_pictures(examination)
    assert len(made_all) == 1 + 3
    sizes = [lesion.measurements.volume_ml for lesion in examination.lesions.lesions]
    largest = examination.lesions.lesions[int(np.argmax(sizes))].name
    assert made_all[1].name == f"lesion_{largest}"


def test_both_examinations_are_shown_at_the_same_place(tmp_path: Path) -> None:
    move = sitk.Euler3DTransform()
    move.SetRotation(0.15, -0.1, 0.2)
    move.SetTranslation((6.0, -4.0, 5.0))

    def moved(ball: Ball, radius: float) -> Ball:
        return Ball(tuple(lps_to_ras(move.TransformPoint(lps_to_ras(ball.centre).tolist())).tolist()), radius)

    new = Ball((10.0, -25.0, 20.0), 5.0)
    baseline = reviewed(GRIDS["plain"], (Ball(BALLS[1].centre, 6.0), BALLS[2]))
    follow_up = reviewed(GRIDS["left-handed oblique"], (moved(BALLS[1], 9.0), moved(new, 5.0)), "Follow-up", 3)
    rows = (
        ResponseRow("M01", "grown", ("M01",), ("M01",)),
        ResponseRow("M02", "vanished", ("M02",), ()),
        ResponseRow("new M02", "new", (), ("M02",)),
    )
    pictures = {p.name: p for p in review_pictures(baseline, follow_up, ResponseSummary(rows, ()), move)}
    paths = write_pictures(tmp_path / "pictures", tuple(pictures.values()))
    assert len(paths) == len(pictures) == 2 + 4 + 3
    assert all(path.stat().st_size < 200_000 for path in paths)
    for name, expected in (("compare_M01_to_M01", (6.0, 9.0)), ("compare_M02", (4.0, None)), ("compare_to_M02", (None, 5.0))):
        picture = opened(pictures[name].png)
        for half, radius in enumerate(expected):
            top = HEADLINE + half * (PANEL + 4)
            for column in range(1, 4):
                panel = picture[top : top + PANEL, column * (PANEL + 4) : column * (PANEL + 4) + PANEL]
                outline = np.argwhere(close_to(panel, LESION_COLOUR))
                if radius is None:
                    assert len(outline) == 0, (name, half, column)
                    continue
                distance = np.hypot(*(outline - (PANEL - 1) / 2).T) * 40.0 / PANEL
                assert math.isclose(float(np.median(distance)), radius, abs_tol=1.2), (name, half, column)


def test_two_lesions_of_one_name_get_a_picture_each() -> None:
    examination = reviewed(GRIDS["plain"])
    first, second, third = examination.lesions.lesions
    twice = replace(examination, lesions=replace(examination.lesions, lesions=(first, replace(second, name="M01"), third)))
    names = [picture.name for picture in review_pictures(twice)]
    assert len(names) == len(set(names)) == 4
