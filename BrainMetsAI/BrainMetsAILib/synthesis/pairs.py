"""Plans of a pair of examinations: which lesions there are, and what becomes of each."""

from dataclasses import dataclass, replace

import numpy as np

from BrainMetsAILib.synthesis.lesion_sampling import (
    Enhancement,
    SyntheticLesion,
    draw_diameter,
    draw_direction,
    draw_enhancement,
    draw_lesion,
)
from BrainMetsAILib.synthesis.placement import NoRoom, Placement
from BrainMetsAILib.synthesis.shapes import LesionShape, Vector

# Volume ratios well clear of the volumetric thresholds of response (+72.8 %, -65.7 %), so that the truth is not a matter of a voxel.
GROWN = (2.2, 4.0)
SHRUNK = (0.06, 0.22)
UNCHANGED = (0.92, 1.08)
PARTS = (0.2, 0.28)


@dataclass(frozen=True)
class Course:
    """One or more lesions at baseline, what they are at follow-up, and the name of that change."""

    baseline: tuple[SyntheticLesion, ...]
    follow_up: tuple[SyntheticLesion, ...]
    fate: str


def plan_courses(placement: Placement, rng: np.random.Generator, singles: int | None = None) -> tuple[Course, ...]:
    """A random patient in whom each fate occurs at least once.

    Parameters
    ----------
    placement
        Where lesions may be.
    rng
        Source of chance.
    singles
        Lesions besides the splitting one, the merging pair and the new ones; 7 to 11 if None.

    Raises
    ------
    NoRoom
        Where the head is too small for that many lesions.
    """
    count = int(rng.integers(7, 12)) if singles is None else singles
    fates = ["grown", "grown", "shrunk", "shrunk", "vanished", "unchanged"]
    fates += [str(f) for f in rng.choice(["grown", "shrunk", "vanished", "unchanged"], max(count - len(fates), 0))]
    # Shrinking needs a size to shrink from: those lesions were large enough to be treated.
    planned = sorted(((draw_diameter(rng, 7.0 if fate == "shrunk" else 2.0, 28.0), fate) for fate in fates), reverse=True)
    courses = [_splitting(placement, rng)]
    courses.append(_merging(placement, rng, _all_lesions(courses)))
    for size, fate in planned:
        courses.append(_single(placement, rng, size, fate, _all_lesions(courses)))
    for _ in range(int(rng.integers(1, 4))):
        size = max(draw_diameter(rng, 3.0, 14.0), 4.0)
        courses.append(Course((), (draw_lesion(rng, placement.draw(rng, size, _all_lesions(courses)), size),), "new"))
    return tuple(courses)


def _all_lesions(courses: list[Course]) -> list[SyntheticLesion]:
    return [lesion for course in courses for lesion in (*course.baseline, *course.follow_up)]


def _single(placement: Placement, rng: np.random.Generator, size_mm: float, fate: str, others: list[SyntheticLesion]) -> Course:
    ratio = {"grown": GROWN, "shrunk": SHRUNK, "unchanged": UNCHANGED}.get(fate)
    factor = float(rng.uniform(*ratio)) if ratio else 1.0
    before = draw_lesion(rng, placement.draw(rng, size_mm * max(1.0, factor) ** (1 / 3), others), size_mm)
    if fate == "vanished":
        return Course((before,), (), fate)
    return Course((before,), (replace(before, shape=before.shape.resized(factor), enhancement=_later(before.enhancement, rng)),), fate)


def _later(look: Enhancement, rng: np.random.Generator) -> Enhancement:
    """The same lesion on another day: dose and timing of the contrast agent differ."""
    return replace(look, contrast=look.contrast * float(rng.uniform(0.85, 1.15)))


def _along(centre: Vector, direction: np.ndarray, step_mm: float) -> Vector:
    p = np.asarray(centre) + step_mm * direction
    return float(p[0]), float(p[1]), float(p[2])


def _splitting(placement: Placement, rng: np.random.Generator) -> Course:
    size = float(rng.uniform(11.0, 17.0))
    before = draw_lesion(rng, placement.draw(rng, size * 1.3, []), size)
    before = replace(before, enhancement=replace(before.enhancement, contrast=max(before.enhancement.contrast, 0.5)))
    away = draw_direction(rng)
    parts = []
    for side in (-1.0, 1.0):
        solid = LesionShape(_along(before.shape.centre_mm, away, side * 0.5 * size * 0.95), size * float(rng.uniform(*PARTS)) ** (1 / 3))
        parts.append(SyntheticLesion(solid, before.enhancement))
    return Course((before,), tuple(parts), "split")


def _merging(placement: Placement, rng: np.random.Generator, others: list[SyntheticLesion]) -> Course:
    """Two neighbours 3.5 mm apart, and the one longish lesion that later takes in both."""
    for _ in range(60):
        sizes = [float(rng.uniform(6.5, 9.0)) for _ in range(2)]
        middle, away = placement.draw(rng, 16.0, others), draw_direction(rng)
        gap = sum(sizes) / 2 + 3.5
        ends = [_along(middle, away, side * gap / 2) for side in (-1, 1)]
        if all(placement.is_inside(end, 4.0) for end in ends):
            break
    else:
        raise NoRoom("no room for two neighbouring lesions; choose a volume of a whole head")
    look = replace(draw_enhancement(rng, 8.0), contrast=float(rng.uniform(0.5, 1.3)))
    before = tuple(SyntheticLesion(LesionShape(end, size), look) for end, size in zip(ends, sizes, strict=True))
    stretch = 1.4
    half = gap / 2 + 0.3 * sum(sizes)
    basis = np.linalg.qr(np.column_stack([away, rng.normal(size=(3, 2))]))[0]
    after = LesionShape(
        middle, 2 * half / stretch, (stretch, stretch**-0.5, stretch**-0.5), rotation=tuple(float(v) for v in basis.ravel())
    )
    return Course(before, (SyntheticLesion(after, look),), "merged")
