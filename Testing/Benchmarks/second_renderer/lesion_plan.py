"""Which lesions a test volume holds, and where."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from Benchmarks.second_renderer.head import Head, Mask

SIZES_MM: dict[str, tuple[tuple[float, float], ...]] = {
    # Every size occurs often enough to be counted; patients have more small ones.
    "usual": ((2.0, 3.0), (2.2, 3.0), (3.0, 5.0), (3.0, 5.0), (3.5, 5.0), (5.0, 7.5), (5.5, 10.0), (7.0, 10.0), (10.0, 14.0), (12.0, 22.0)),
    "large": ((2.0, 3.0), (3.0, 5.0), (4.0, 5.0), (5.0, 8.0), (6.0, 10.0), (10.0, 15.0), (14.0, 22.0), (22.0, 30.0)),
    "huge": ((40.0, 52.0), (30.0, 38.0), (22.0, 28.0), (4.0, 6.0)),
    "edges": ((16.0, 22.0), (12.0, 16.0), (9.0, 13.0), (8.0, 11.0), (7.0, 10.0), (6.0, 9.0), (5.0, 7.0), (4.0, 6.0)),
    "none": (),
}
EDGES = "edges"
"""The plan whose lesions all lie where post-processing takes candidates out: in the wall of a ventricle, bulging into it, or bulging out of
the brain. The other plans keep away from ventricles, and their lesions end at the hull."""
GAP_MM = 3.0
TRIES = 300
PLACES = ("junction", "surface", "anywhere")
PLACE_SHARES = (0.55, 0.25, 0.2)


@dataclass(frozen=True)
class PlannedLesion:
    """One lesion to be drawn.

    Attributes
    ----------
    kind
        solid, faint, ring, cystic or haemorrhagic.
    diameter_mm
        Of the sphere with its volume.
    centre
        Voxel (k, j, i).
    touches
        Whether it touches the lesion before it.
    bulges
        Whether it grows beyond tissue, into a ventricle or out of the brain.
    """

    kind: str
    diameter_mm: float
    centre: NDArray[np.float64]
    touches: bool = False
    bulges: bool = False


def plan_lesions(head: Head, name: str, rng: np.random.Generator) -> list[PlannedLesion]:
    """Lesions of one of the plans in `SIZES_MM`, largest first; one of middle size gets a neighbour that touches it."""
    depth = head.depth_mm
    places = _places(head, depth)
    to_ventricle = ndimage.distance_transform_edt(~head.ventricles, sampling=head.spacing_kji) if head.ventricles.any() else None
    planned: list[PlannedLesion] = []
    sizes = sorted((float(rng.uniform(*span)) for span in SIZES_MM[name]), reverse=True)
    if name == EDGES:
        return _at_edges(sizes, depth, to_ventricle, head, rng)
    for diameter in sizes:
        centre = _free_place(diameter, places, depth, to_ventricle, planned, head, rng)
        if centre is None:
            continue
        planned.append(PlannedLesion(_kind(diameter, rng), diameter, centre))
        if 7.0 < diameter < 16.0 and not any(lesion.touches for lesion in planned):
            other = float(rng.uniform(0.5, 0.8)) * diameter
            direction = rng.normal(size=3)
            direction /= np.linalg.norm(direction)
            beside = centre + direction * 0.43 * (diameter + other) / head.spacing_kji
            index = tuple(np.rint(beside).astype(int))
            if all(0 <= n < size for n, size in zip(index, depth.shape, strict=True)) and depth[index] > 0.35 * other:
                planned.append(PlannedLesion("solid", other, beside, touches=True))
    return planned


def _at_edges(
    sizes: list[float], depth: NDArray[np.float32], to_ventricle: NDArray[np.float64] | None, head: Head, rng: np.random.Generator
) -> list[PlannedLesion]:
    """By turns in the wall of a ventricle and at the surface, the centre within 0.3 diameters of it: up to half of a ball lies beyond."""
    planned: list[PlannedLesion] = []
    for number, diameter in enumerate(sizes):
        off = to_ventricle if number % 2 == 0 and to_ventricle is not None else depth
        places = np.argwhere(head.brain & (off > 0.0) & (off < 0.3 * diameter))
        for _ in range(TRIES if len(places) else 0):
            centre = places[rng.integers(0, len(places))] + rng.uniform(-0.5, 0.5, 3)
            if _apart(centre, diameter, planned, head):
                planned.append(PlannedLesion(_kind(diameter, rng), diameter, np.asarray(centre, np.float64), bulges=True))
                break
    return planned


def _apart(centre: NDArray[np.floating], diameter: float, others: list[PlannedLesion], head: Head) -> bool:
    gaps = [float(np.linalg.norm((centre - o.centre) * head.spacing_kji)) - 0.62 * (diameter + o.diameter_mm) for o in others]
    return not gaps or min(gaps) > GAP_MM


def _places(head: Head, depth: NDArray[np.float32]) -> dict[str, NDArray[np.intp]]:
    inside = head.brain & (depth > 2.0)
    grey = ndimage.distance_transform_edt(head.white, sampling=head.spacing_kji)
    junction: Mask = inside & head.white & (grey < 2.6)
    masks = {"junction": junction, "surface": head.brain & (depth > 1.0) & (depth < 6.0), "anywhere": inside}
    return {name: np.argwhere(mask if mask.any() else inside) for name, mask in masks.items()}


def _kind(diameter: float, rng: np.random.Generator) -> str:
    kinds = ["solid", "faint"]
    shares = [0.8, 0.2]
    if diameter >= 7:
        kinds += ["ring", "haemorrhagic"]
        shares = [0.45, 0.12, 0.33, 0.1]
    if diameter >= 11:
        kinds, shares = [*kinds, "cystic"], [0.3, 0.08, 0.42, 0.05, 0.15]
    if diameter >= 16:
        shares = [0.15, 0.03, 0.57, 0.05, 0.2]
    return str(rng.choice(kinds, p=shares))


def _free_place(
    diameter: float,
    places: dict[str, NDArray[np.intp]],
    depth: NDArray[np.float32],
    to_ventricle: NDArray[np.float64] | None,
    others: list[PlannedLesion],
    head: Head,
    rng: np.random.Generator,
) -> NDArray[np.float64] | None:
    for _ in range(TRIES):
        name = str(rng.choice(PLACES, p=PLACE_SHARES))
        index = places[name][rng.integers(0, len(places[name]))]
        if depth[tuple(index)] < min(0.3 * diameter, 8.0):
            continue
        if to_ventricle is not None and to_ventricle[tuple(index)] < 0.5 * diameter + 0.5:
            continue
        centre = index + rng.uniform(-0.5, 0.5, 3)
        if _apart(centre, diameter, others, head):
            return np.asarray(centre, np.float64)
    return None
