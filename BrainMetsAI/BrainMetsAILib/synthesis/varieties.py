"""Less common looks of metastases, and what surgery leaves behind; training windows show them more often than clinics do."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.synthesis.lesion_sampling import SyntheticLesion, draw_lesion, draw_lobes
from BrainMetsAILib.synthesis.shapes import Grid, LesionShape, Vector, coverage

SHARES: Mapping[str, float] = {
    "cystic": 0.07, "multilocular": 0.1, "haemorrhagic": 0.07, "edge-enhancing": 0.06, "treated": 0.07, "faint": 0.06,
}  # fmt: skip
"""Share of each variety among lesions of at least `LEAST_MM`; the others are as `lesion_sampling.draw_lesion` makes them."""
LEAST_MM = 5.0
RIM_MM = (0.8, 1.6)
"""Thickness of the line that enhances around a resection cavity without tumour."""


def draw_varied_lesion(rng: np.random.Generator, centre_mm: Vector, diameter_mm: float) -> SyntheticLesion:
    """A lesion of any variety at a place."""
    lesion = draw_lesion(rng, centre_mm, diameter_mm)
    draw = float(rng.random())
    for variety, share in SHARES.items():
        if draw < share:
            return lesion if diameter_mm < LEAST_MM else as_variety(lesion, variety, rng)
        draw -= share
    return lesion


def as_variety(lesion: SyntheticLesion, variety: str, rng: np.random.Generator) -> SyntheticLesion:
    """The same lesion in another look.

    Parameters
    ----------
    lesion
        Its place, size and outline stay.
    variety
        ``cystic``: a thin wall around dark fluid. ``multilocular``: enhancing septa divide the core into chambers. ``haemorrhagic``:
        T1-bright blood in patches, which on a single T1c cannot be told from enhancement and counts as such. ``edge-enhancing``: only a
        thin edge enhances, the inside looks like the tissue around it. ``faint``: hardly brighter than what is around it, with or
        without a core. ``treated``: faint and patchy around a large core, as months after radiosurgery.

    Raises
    ------
    KeyError
        For another word.
    """
    shape, look = lesion.shape, lesion.enhancement
    if variety == "faint":
        return SyntheticLesion(shape, replace(look, contrast=float(rng.uniform(0.15, 0.35))))
    cores = {
        "cystic": (0.75, 0.92),
        "multilocular": (0.7, 0.92),
        "haemorrhagic": (0.0, 0.0),
        "edge-enhancing": (0.75, 0.9),
        "treated": (0.45, 0.8),
    }
    low, high = cores[variety]
    core = float(rng.uniform(low, high)) if high else 0.0
    shape = replace(shape, core=core, core_lobes=draw_lobes(rng, 0.15) if core else ())
    if variety == "cystic":
        look = replace(look, core=float(rng.uniform(0.0, 0.2)), contrast=float(rng.uniform(0.4, 1.4)))
    elif variety == "multilocular":
        look = replace(look, chambers_mm=float(np.clip(rng.uniform(0.2, 0.5) * shape.diameter_mm, 2.5, 10.0)))
    elif variety == "haemorrhagic":
        look = replace(look, contrast=float(rng.uniform(0.6, 2.0)), texture=float(rng.uniform(0.25, 0.5)))
    elif variety == "edge-enhancing":
        look = replace(look, core=float(rng.uniform(0.8, 1.4)), contrast=float(rng.uniform(0.3, 1.2)))
    else:
        look = replace(
            look,
            contrast=float(rng.uniform(0.12, 0.4)),
            texture=float(rng.uniform(0.1, 0.3)),
            core=float(rng.uniform(0.2, 0.7)),
            oedema=max(look.oedema, float(rng.uniform(0.05, 0.3))),
        )
    return SyntheticLesion(shape, look)


def draw_cavity(
    array: NDArray[np.float32], grid: Grid, shape: LesionShape, fluid_level: float, white_level: float, rng: np.random.Generator
) -> None:
    """Draw a resection cavity into `array`, in place: fluid, and around it sometimes a thin enhancing line. It is no lesion.

    Parameters
    ----------
    array
        Intensities [k, j, i]; changed.
    grid
        Its voxels in the frame of `shape`.
    shape
        Of the cavity with its wall.
    fluid_level, white_level
        Intensities of dark fluid and of white matter.
    rng
        Source of chance.
    """
    part = coverage(shape, grid, samples=2)
    if part is None:
        return
    rim = float(rng.uniform(*RIM_MM))
    inside = coverage(replace(shape, diameter_mm=max(shape.diameter_mm - 2 * rim, 0.5 * shape.diameter_mm)), grid, samples=2)
    whole, fluid = part.whole, np.zeros_like(part.whole)
    if inside is not None:
        held = [slice(i.start - p.start, i.stop - p.start) for i, p in zip(inside.box, part.box, strict=True)]
        fluid[tuple(held)] = inside.whole
    unit = white_level - fluid_level
    bright = white_level + float(rng.uniform(0.1, 0.9)) * unit if rng.random() < 0.7 else fluid_level
    patchy = np.clip(ndimage.gaussian_filter(rng.normal(size=whole.shape), 2.0) * 4 + float(rng.uniform(0, 1)), 0, 1).astype(np.float32)
    patch = array[part.box]
    content = fluid_level + float(rng.uniform(-0.2, 0.5)) * unit
    wall = np.clip(whole - fluid, 0, 1) * (patchy if bright > white_level else 1.0)
    array[part.box] = (patch + wall * (bright - patch) + fluid * (content - patch)).astype(np.float32)
