"""Grey slices with thin outlines, letters and a scale bar: the pencil of `pictures`. numpy and PIL only."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

Colour = tuple[int, int, int]
Grey = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

LESION_COLOUR: Colour = (255, 176, 32)
NECROSIS_COLOUR: Colour = (90, 170, 255)
NEIGHBOUR_COLOUR: Colour = (150, 205, 110)
DIAMETER_COLOUR: Colour = (245, 70, 200)
TEXT_COLOUR: Colour = (235, 235, 235)
FAINT_COLOUR: Colour = (150, 150, 150)

# Everything is drawn at twice the size and brought down, which smooths lines.
OVERSAMPLING = 2


@dataclass(frozen=True)
class Plane:
    """One slice, ready to be drawn: row 0 on top, column 0 on the left of the picture.

    Attributes
    ----------
    grey
        Intensities, any scale, [row, column].
    lesions
        Outlines to draw: mask [row, column] and its colour.
    necrosis
        Mask [row, column].
    spacing_mm
        (down, across).
    letters
        Patient's directions (top, bottom, left, right): ``("A", "P", "R", "L")``.
    lines
        Diameters: ends as (row, column) in voxels, voxel centres at whole numbers.
    names
        Text at (row, column).
    """

    grey: Grey
    lesions: tuple[tuple[Mask, Colour], ...]
    necrosis: Mask
    spacing_mm: tuple[float, float]
    letters: tuple[str, str, str, str]
    lines: tuple[tuple[tuple[float, float], tuple[float, float]], ...] = ()
    names: tuple[tuple[str, float, float, Colour], ...] = ()


@dataclass(frozen=True)
class Look:
    """How a plane is drawn: size in pixels, grey window, what goes on top."""

    size: int
    window: tuple[float, float]
    outlines: bool = True
    scale_bar: bool = True
    letters: bool = True


def draw_plane(plane: Plane, look: Look) -> Image.Image:
    """One square panel; the slice keeps its shape in millimetres and is centred."""
    rows, columns = plane.grey.shape
    height_mm, width_mm = rows * plane.spacing_mm[0], columns * plane.spacing_mm[1]
    pixels_per_mm = look.size * OVERSAMPLING / max(height_mm, width_mm)
    size = (max(1, round(width_mm * pixels_per_mm)), max(1, round(height_mm * pixels_per_mm)))
    scaled = np.clip((plane.grey - look.window[0]) / (look.window[1] - look.window[0]), 0.0, 1.0).astype(np.float32)
    # Smooth between voxels, as every viewer draws; the voxels themselves are far larger than the pixels.
    enlarged = Image.fromarray(scaled, mode="F").resize(size, Image.Resampling.BICUBIC)
    shade = np.clip(np.asarray(enlarged) * 255.0, 0, 255).astype(np.uint8)
    picture = np.repeat(shade[..., None], 3, axis=2)
    if look.outlines:
        for mask, colour in plane.lesions:
            _outline(picture, mask, colour, size)
        _outline(picture, plane.necrosis, NECROSIS_COLOUR, size)
    side = look.size * OVERSAMPLING
    canvas = Image.new("RGB", (side, side))
    corner = ((side - size[0]) // 2, (side - size[1]) // 2)
    canvas.paste(Image.fromarray(picture), corner)
    pen = ImageDraw.Draw(canvas)
    if look.outlines:
        for start, end in plane.lines:
            ends = [_pixel(point, plane.grey.shape, size, corner) for point in (start, end)]
            pen.line(ends, DIAMETER_COLOUR, OVERSAMPLING)
    canvas = canvas.resize((look.size, look.size), Image.Resampling.BOX)
    pen = ImageDraw.Draw(canvas)
    if look.outlines:
        for text, row, column, colour in plane.names:
            x, y = _pixel((row, column), plane.grey.shape, size, corner)
            write(pen, (x / OVERSAMPLING, y / OVERSAMPLING), text, colour, 12, "lm")
    if look.letters:
        _letters(pen, plane.letters, look.size)
    if look.scale_bar:
        _scale_bar(pen, pixels_per_mm / OVERSAMPLING, look.size)
    return canvas


def write(pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, colour: Colour, size: int, anchor: str) -> None:
    """Text with a dark rim, readable on any grey."""
    pen.text(place, text, fill=colour, font=font(size), anchor=anchor, stroke_width=1, stroke_fill=(0, 0, 0))


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """PIL's own font: the same on every machine."""
    return ImageFont.load_default(size)


def sheet(panels: Sequence[Sequence[Image.Image]], gap: int = 4, top: int = 0) -> Image.Image:
    """Panels in rows, with a gap between them and room for a line of text above."""
    widths = [sum(panel.width for panel in row) + gap * (len(row) - 1) for row in panels]
    heights = [max(panel.height for panel in row) for row in panels]
    canvas = Image.new("RGB", (max(widths), sum(heights) + gap * (len(panels) - 1) + top), (0, 0, 0))
    y = top
    for row, height in zip(panels, heights, strict=True):
        x = 0
        for panel in row:
            canvas.paste(panel, (x, y))
            x += panel.width + gap
        y += height + gap
    return canvas


def png(picture: Image.Image) -> bytes:
    """Compressed with a palette of our own, greys and outlines: a third of the size of full colour."""
    buffer = io.BytesIO()
    picture.quantize(palette=_palette(), dither=Image.Dither.NONE).save(buffer, "PNG", compress_level=7)
    return buffer.getvalue()


@cache
def _palette() -> Image.Image:
    """112 greys, and each colour mixed with greys, as the rims of lines and letters are."""
    greys = [round(255 * step / 111) for step in range(112)]
    colours: list[Colour] = [(grey, grey, grey) for grey in greys]
    for colour in (LESION_COLOUR, NECROSIS_COLOUR, NEIGHBOUR_COLOUR, DIAMETER_COLOUR):
        for grey in (0, 85, 170, 255):
            for share in (1.0, 0.85, 0.7, 0.55, 0.4, 0.25, 0.12):
                red, green, blue = (round(share * part + (1 - share) * grey) for part in colour)
                colours.append((red, green, blue))
    colours = list(dict.fromkeys(colours))[:256]
    colours += [colours[-1]] * (256 - len(colours))
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in colours for part in colour])
    return palette


def _outline(picture: npt.NDArray[np.uint8], mask: Mask, colour: Colour, size: tuple[int, int]) -> None:
    """A line two pixels wide (one after bringing down) just inside the boundary.

    The mask's corners are rounded over about half a voxel, and the area stays exactly what it is.
    """
    covered = int(mask.sum())
    if not covered:
        return
    rounded = ndimage.gaussian_filter(np.pad(mask, 1, mode="edge").astype(np.float32), 0.6)[1:-1, 1:-1]
    smooth = np.asarray(Image.fromarray(rounded, mode="F").resize(size, Image.Resampling.BICUBIC)).ravel()
    candidates = smooth[smooth > 0.05]  # the rest is far outside
    area = min(max(round(covered * smooth.size / mask.size), 1), candidates.size)
    inside = (smooth >= np.partition(candidates, candidates.size - area)[candidates.size - area]).reshape(size[1], size[0])
    edge = inside & ~ndimage.binary_erosion(inside, structure=np.ones((3, 3), dtype=bool), iterations=OVERSAMPLING, border_value=1)
    picture[edge] = colour


def _pixel(point: tuple[float, float], shape: tuple[int, ...], size: tuple[int, int], corner: tuple[int, int]) -> tuple[float, float]:
    """(row, column) in voxels → (x, y) in the oversampled panel; a voxel's centre is half a voxel from its edge."""
    return corner[0] + (point[1] + 0.5) / shape[1] * size[0], corner[1] + (point[0] + 0.5) / shape[0] * size[1]


def _letters(pen: ImageDraw.ImageDraw, letters: tuple[str, str, str, str], size: int) -> None:
    top, bottom, left, right = letters
    middle, rim = size / 2, 4
    write(pen, (middle, rim), top, TEXT_COLOUR, 13, "mt")
    write(pen, (middle, size - rim), bottom, TEXT_COLOUR, 13, "mb")
    write(pen, (rim, middle), left, TEXT_COLOUR, 13, "lm")
    write(pen, (size - rim, middle), right, TEXT_COLOUR, 13, "rm")


def _scale_bar(pen: ImageDraw.ImageDraw, pixels_per_mm: float, size: int) -> None:
    """The longest of 5, 10, 20, 50 mm that fits into a third of the panel, in the lower right corner."""
    length_mm = max((mm for mm in (5, 10, 20, 50) if mm * pixels_per_mm <= size / 3), default=5)
    right, y = size - 8, size - 9
    left = right - length_mm * pixels_per_mm
    pen.line([(left, y), (right, y)], TEXT_COLOUR, 2)
    for x in (left, right):
        pen.line([(x, y - 3), (x, y + 3)], TEXT_COLOUR, 1)
    write(pen, ((left + right) / 2, y - 5), f"{length_mm} mm", TEXT_COLOUR, 11, "mb")
