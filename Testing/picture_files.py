"""Pictures of panels and views as small PNG files."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pythonqt_facade import QtWidgets, application, ctk, qt

PANEL_WIDTH = 500
LARGEST_FILE = 300_000
GAP = 4
_GAP_COLOUR = (90, 90, 90)


def widget_picture(widget: Any, width: int = PANEL_WIDTH) -> Image.Image:
    """A widget that stands alone, as high as it wants to be; folded sections are drawn folded."""
    hidden = _fold(widget)
    widget.show()
    layout = widget.layout()
    for _ in range(3):  # what wraps its text knows its height only once it has its width
        widget.resize(width, layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else layout.totalSizeHint().height())
        application.processEvents()
    picture = widget.grab().toImage().convertToFormat(qt.QImage.Format.Format_RGB888)
    rows = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), picture.bytesPerLine())
    content = rows[:, : 3 * picture.width()].reshape(picture.height(), picture.width(), 3).copy()
    for child in hidden:
        child.setVisible(True)
    return Image.fromarray(content)


def _fold(widget: Any) -> list[Any]:
    """Hide what is in folded sections, as ctkCollapsibleButton does in the application; returns what was hidden."""
    sections = [section for section in widget.findChildren(ctk.ctkCollapsibleButton) if section.collapsed]
    content = [child for section in sections for child in section.findChildren(QtWidgets.QWidget) if not child.isHidden()]
    for child in content:
        child.setVisible(False)
    return content


def side_by_side(pictures: list[np.ndarray], columns: int) -> Image.Image:
    """Pictures of one size, uint8 [row, column, RGB], in rows."""
    height, width, _ = pictures[0].shape
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (width + GAP) - GAP, rows * (height + GAP) - GAP), _GAP_COLOUR)
    for index, picture in enumerate(pictures):
        place = (index % columns * (width + GAP), index // columns * (height + GAP))
        sheet.paste(Image.fromarray(np.ascontiguousarray(picture)), place)
    return sheet


def save_small(picture: Image.Image, path: Path) -> None:
    """Write a PNG, with a palette of as many colours as the largest file leaves room for where all are too many.

    Raises
    ------
    ValueError
        If sixteen colours are too many.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The palette covers all colours evenly: by their number, the few coloured pixels of an outline would turn grey.
    palettes = (picture.quantize(colours, Image.Quantize.MAXCOVERAGE) for colours in (256, 128, 64, 32, 16))
    for candidate in itertools.chain([picture], palettes):
        candidate.save(path, optimize=True)
        if path.stat().st_size <= LARGEST_FILE:
            return
    raise ValueError(f"{path} has {path.stat().st_size} bytes even with 16 colours; make the picture smaller")
