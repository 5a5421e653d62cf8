"""Less common looks of metastases, and what surgery leaves behind; training windows show them more often than clinics do."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.synthesis.lesion_sampling import SyntheticLesion, draw_direction, draw_lesion, draw_lobes, draw_ripples
from BrainMetsAILib.synthesis.shapes import Grid, LesionShape, Lobe, Vector, coverage

SHARES: Mapping[str, float] = {
    "cystic": 0.06, "multilocular": 0.07, "haemorrhagic": 0.06, "edge-enhancing": 0.05, "treated": 0.06, "faint": 0.06,
    "nodular": 0.05, "ragged": 0.14, "infiltrative": 0.09,
}  # fmt: skip
"""Share of each variety among lesions of at least `LEAST_MM` (`ROUGH` ones: `LEAST_ROUGH_MM`, twice as many from `LARGE_MM` on); the
others are as `lesion_sampling.draw_lesion` makes them."""
LEAST_MM = 5.0
LEAST_ROUGH_MM = 8.0
"""Below it a surface is hardly seen to be rough."""
ROUGH = ("nodular", "ragged", "infiltrative")
LARGE_MM = 15.0
"""From here on the rough varieties are twice as frequent: hardly any large metastasis is a smooth ball."""
UNEVEN_LOOKS: Mapping[str, tuple[tuple[float, float], tuple[float, float], float, tuple[float, float], tuple[float, float]]] = {
    "ragged": ((0.35, 1.3), (0.0, 1.0), 0.4, (0.1, 0.6), (0.0, 0.6)),
    "infiltrative": ((0.3, 0.9), (0.4, 1.1), 0.7, (0.2, 0.7), (0.3, 1.0)),
}
"""Ranges of contrast and core, share with chambers, ranges of patchiness and softness in mm (`Enhancement`)."""
RIM_MM = (0.8, 1.6)
"""Thickness of the line that enhances around a resection cavity without tumour."""


def draw_varied_lesion(rng: np.random.Generator, centre_mm: Vector, diameter_mm: float) -> SyntheticLesion:
    """A lesion of any variety at a place."""
    lesion = draw_lesion(rng, centre_mm, diameter_mm)
    draw = float(rng.random())
    for variety, share in SHARES.items():
        share *= 2 if variety in ROUGH and diameter_mm >= LARGE_MM else 1
        if draw < share:
            least = LEAST_ROUGH_MM if variety in ROUGH else LEAST_MM
            return lesion if diameter_mm < least else as_variety(lesion, variety, rng)
        draw -= share
    return lesion


def as_variety(lesion: SyntheticLesion, variety: str, rng: np.random.Generator) -> SyntheticLesion:
    """The same lesion in another look.

    Parameters
    ----------
    lesion
        Its place and size stay, and its outline but for the `ROUGH` varieties.
    variety
        ``cystic``: a thin wall around dark fluid. ``multilocular``: enhancing septa divide the core into chambers. ``haemorrhagic``:
        T1-bright blood in patches, which on a single T1c cannot be told from enhancement and counts as such. ``edge-enhancing``: only a
        thin edge enhances, the inside looks like the tissue around it. ``faint``: hardly brighter than what is around it, with or
        without a core. ``treated``: faint and patchy around a large core, as months after radiosurgery. ``nodular``: a cyst whose wall
        hardly enhances in places, with a nodule at it. ``ragged``: a rim of uneven thickness winds around an uneven core, open here and
        there. ``infiltrative``: patchy, without a clear border, with parts that do not enhance.

    Raises
    ------
    KeyError
        For another word.
    """
    shape, look = lesion.shape, lesion.enhancement
    if variety == "faint":
        return SyntheticLesion(shape, replace(look, contrast=float(rng.uniform(0.15, 0.35))))
    if variety in ROUGH:
        return _rough(lesion, variety, rng)
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


def _rough(lesion: SyntheticLesion, variety: str, rng: np.random.Generator) -> SyntheticLesion:
    """Their contrast counts from sound tissue, so that nothing is called enhancing that is no brighter than that."""
    look = replace(lesion.enhancement, texture=float(rng.uniform(0.02, 0.12)), fingers=float(rng.uniform(0.2, 1.0)), above_sound=True)
    size = lesion.shape.diameter_mm
    if variety == "nodular":
        x, y, z = draw_direction(rng).tolist()
        nodule = Lobe(-float(rng.uniform(0.3, 0.9)), float(rng.uniform(3.0, 14.0)), (x, y, z))
        shape = replace(
            lesion.shape,
            core=float(rng.uniform(0.8, 0.97)),
            core_lobes=(nodule, *draw_lobes(rng, 0.1)),
            core_offset=(0.0, 0.0, 0.0),
            core_ripples=draw_ripples(rng, float(rng.uniform(0.0, 0.05)), 0.4, 1.5),
            least_rim=float(rng.uniform(0.2, 0.6)),
        )
        look = replace(
            look,
            core=float(rng.uniform(0.0, 0.25)),
            contrast=float(rng.uniform(0.35, 1.2)),
            patchiness=float(rng.uniform(0.2, 0.8)),
        )
        return SyntheticLesion(shape, look)
    shape = replace(
        lesion.shape,
        core=float(rng.uniform(0.55, 0.92)),
        core_lobes=draw_lobes(rng, 0.3),
        ripples=draw_ripples(rng, float(rng.uniform(0.03, 0.14)), 0.35, 1.6),
        core_ripples=draw_ripples(rng, float(rng.uniform(0.05, 0.2)), 0.3, 1.2),
        least_rim=float(rng.choice([0.0, rng.uniform(0.1, 0.4)])),
    )
    chambers = float(np.clip(rng.uniform(0.15, 0.4) * size, 2.5, 9.0))
    contrast, core_level, chambered, patchiness, softness_mm = UNEVEN_LOOKS[variety]
    look = replace(
        look,
        contrast=float(rng.uniform(*contrast)),
        core=float(rng.uniform(*core_level)),
        chambers_mm=chambers if rng.random() < chambered else 0.0,
        patchiness=float(rng.uniform(*patchiness)),
        softness_mm=float(rng.uniform(*softness_mm)),
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
