"""Where metastases grow: mostly at the junction of grey and white matter, never on top of each other."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from BrainMetsAILib.images.brain import SPACING_MM, distance_mm
from BrainMetsAILib.images.geometry import ijk_to_lps
from BrainMetsAILib.synthesis.lesion_sampling import SyntheticLesion
from BrainMetsAILib.synthesis.shapes import Vector
from BrainMetsAILib.synthesis.tissue import Tissue

JUNCTION_SHARE = 0.8  # haematogenous emboli lodge where the arteries narrow: Hwang et al., Cancer 1996;77:1551
JUNCTION_MM = 2.5
TRIES = 400


class NoRoom(ValueError):
    """No free place for another lesion of this size."""


class Placement:
    """Candidate places of one head, as LPS points."""

    def __init__(self, tissue: Tissue) -> None:
        self.tissue = tissue
        self.matrix = ijk_to_lps(tissue.reference)
        self.inverse = np.linalg.inv(self.matrix)
        brain = tissue.hull & ~ndimage.binary_dilation(tissue.ventricles)
        to_edge = np.minimum(distance_mm(~tissue.white), 50.0) + distance_mm(tissue.white)
        self.junction = np.argwhere(brain & (tissue.depth_mm > 2.5) & (to_edge <= JUNCTION_MM) & ~tissue.dark)
        self.anywhere = np.argwhere(brain & (tissue.depth_mm > 2.5) & ~tissue.dark)

    def draw(self, rng: np.random.Generator, diameter_mm: float, others: Sequence[SyntheticLesion], gap_mm: float = 3.0) -> Vector:
        """A place whose ball lies in the brain for the most part and `gap_mm` clear of the others.

        Raises
        ------
        NoRoom
            After 400 tries.
        """
        for _ in range(TRIES):
            places = self.junction if rng.random() < JUNCTION_SHARE and len(self.junction) else self.anywhere
            index = places[rng.integers(0, len(places))] + rng.uniform(-0.5, 0.5, 3)
            if self.tissue.depth_mm[tuple(np.rint(index).astype(int))] < min(0.32 * diameter_mm, 9.0):
                continue
            room = 0.7 * diameter_mm / SPACING_MM
            if np.any(index < room) or np.any(index > np.array(self.tissue.hull.shape) - 1 - room):
                continue  # it would reach out of the field of view
            point = self.matrix[:3, :3] @ index[::-1] + self.matrix[:3, 3]
            if is_free(point, diameter_mm, others, gap_mm):
                return float(point[0]), float(point[1]), float(point[2])
        raise NoRoom(f"no free place for a lesion of {diameter_mm:.0f} mm; ask for fewer or smaller ones")

    def is_inside(self, point_mm: Vector, margin_mm: float) -> bool:
        """Whether a point lies at least `margin_mm` below the hull's surface."""
        index = np.rint(self.inverse[:3, :3] @ np.asarray(point_mm) + self.inverse[:3, 3]).astype(int)[::-1]
        if np.any(index < 0) or np.any(index >= self.tissue.hull.shape):
            return False
        return bool(self.tissue.depth_mm[tuple(index)] >= margin_mm)


def is_free(point_mm: NDArray[np.floating] | Vector, diameter_mm: float, others: Sequence[SyntheticLesion], gap_mm: float) -> bool:
    """Whether a ball stays `gap_mm` away from all others (their reach, not their nominal size)."""
    return all(
        float(np.linalg.norm(np.asarray(point_mm) - np.asarray(o.shape.centre_mm))) > 0.6 * diameter_mm + o.shape.reach_mm + gap_mm
        for o in others
    )
