"""Colours that tell lesions apart on grey, and from necrosis."""

from __future__ import annotations

import colorsys

Colour = tuple[float, float, float]

NECROSIS_COLOUR: Colour = (0.25, 0.55, 1.0)

# Bright, and no blue, which is necrosis' own. The first ones differ for colour-blind readers too (after Okabe and Ito, 2008).
_FIRST: tuple[Colour, ...] = (
    (0.95, 0.35, 0.10),
    (0.15, 0.85, 0.55),
    (0.95, 0.90, 0.25),
    (0.95, 0.45, 0.75),
    (0.35, 0.95, 0.95),
    (1.00, 0.65, 0.10),
    (0.65, 0.95, 0.25),
    (0.85, 0.55, 1.00),
)
_BLUE = (0.53, 0.70)  # hues kept free for necrosis


def lesion_colour(number: int) -> Colour:
    """Colour of lesion ``number`` (from 1), RGB from 0 to 1; the same number always has the same colour."""
    if number <= len(_FIRST):
        return _FIRST[number - 1]
    free = 1.0 - (_BLUE[1] - _BLUE[0])
    hue = (number * 0.618034) % 1.0 * free  # the golden angle keeps neighbours apart
    if hue >= _BLUE[0]:
        hue += _BLUE[1] - _BLUE[0]
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.6 + 0.3 * (number % 2), 1.0)
    return red, green, blue
