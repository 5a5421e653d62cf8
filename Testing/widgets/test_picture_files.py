"""The pictures of the README: small files in which outlines keep their colour, and folded sections look folded."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from picture_files import LARGEST_FILE, save_small, side_by_side, widget_picture
from slicer_facade import SlicerFacade


def test_a_large_picture_gets_small_and_its_outlines_keep_their_colour(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (700, 700, 1)).astype(np.uint8).repeat(3, axis=2)
    grey[100:110, 100:110] = (255, 0, 255)
    save_small(Image.fromarray(grey), tmp_path / "new" / "picture.png")
    path = tmp_path / "new" / "picture.png"
    assert path.stat().st_size <= LARGEST_FILE
    red, green, blue = np.array(Image.open(path).convert("RGB"))[105, 105].astype(int)
    assert red > 180 and blue > 180 and green < 90


def test_pictures_side_by_side() -> None:
    one, two, three = (np.full((10, 20, 3), value, np.uint8) for value in (10, 20, 30))
    sheet = np.array(side_by_side([one, two, three], 2))
    assert sheet.shape == (24, 44, 3)
    assert (sheet[5, 5, 0], sheet[5, 30, 0], sheet[20, 5, 0]) == (10, 20, 30)


def test_folded_sections_are_drawn_folded_and_come_back(slicer_app: SlicerFacade) -> None:
    panel: Any = slicer_app.panel(slicer_app.load("BrainMetsAI"))
    root = panel.roots["Practice"]
    root.setParent(None)
    section = panel.practice.ui.practiceSection
    assert section.collapsed
    folded = widget_picture(root)
    assert not panel.practice.ui.practiceButton.isHidden()
    section.collapsed = False
    unfolded = widget_picture(root)
    assert folded.width == unfolded.width == 500 and folded.height < unfolded.height / 3
    panel.cleanup()
