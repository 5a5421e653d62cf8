"""Random lesions as they occur: sizes, kinds, shapes, enhancement."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from BrainMetsAILib.synthesis.shapes import LesionShape, Lobe, Ripples, Vector

# Log-normal with mean 7.3 and SD 7.2 mm: the size distribution of metastases that the project's synthesis is specified with.
MEAN_MM, SD_MM = 7.3, 7.2
SIGMA = float(np.sqrt(np.log(1 + (SD_MM / MEAN_MM) ** 2)))
MU = float(np.log(MEAN_MM) - SIGMA**2 / 2)
SMALLEST_MM, LARGEST_MM = 2.0, 40.0
# Share of lesions with a necrotic core, by diameter in mm (0 below the first).
NECROTIC_SHARE = ((6.0, 0.2), (10.0, 0.55), (20.0, 0.8))
FAINT_SHARE = 0.12


@dataclass(frozen=True)
class Enhancement:
    """Intensities of a lesion, in units of the difference between white matter and dark fluid.

    Attributes
    ----------
    contrast
        Of the enhancing tissue above its surroundings.
    texture
        Relative unevenness of the enhancing tissue.
    core
        Of the necrotic core above dark fluid (0: as dark as fluid).
    oedema
        How much the surroundings darken.
    oedema_mm
        How far that reaches.
    chambers_mm
        Size of the chambers into which enhancing septa divide the core; 0 where it is one cavity.
    patchiness
        How much the contrast varies from one part of the lesion to another, relative to it; it never falls below two fifths.
    softness_mm
        How gradually it passes into its surroundings, as the SD of a Gaussian.
    above_sound
        Whether the contrast counts from the surroundings without the lesion's own oedema.
    fingers
        How unevenly the oedema reaches: 0, as far everywhere; 1, hardly in some places and twice as far in others.
    """

    contrast: float
    texture: float
    core: float
    oedema: float
    oedema_mm: float
    chambers_mm: float = 0.0
    patchiness: float = 0.0
    softness_mm: float = 0.0
    above_sound: bool = False
    fingers: float = 0.0


@dataclass(frozen=True)
class SyntheticLesion:
    """A shape with its look."""

    shape: LesionShape
    enhancement: Enhancement

    @property
    def kind(self) -> str:
        """Ring-enhancing, faint or solid."""
        if self.shape.core > 0:
            return "ring-enhancing"
        return "faint" if self.enhancement.contrast < 0.35 else "solid"


def draw_diameter(rng: np.random.Generator, low_mm: float = SMALLEST_MM, high_mm: float = LARGEST_MM) -> float:
    """A diameter from the log-normal, kept within [low, high] mm.

    What falls below the smallest size that can be drawn becomes one of the smallest, so that the median stays that of the log-normal.
    """
    for _ in range(10_000):
        value = float(rng.lognormal(MU, SIGMA))
        if value < SMALLEST_MM:
            value = float(rng.uniform(SMALLEST_MM, 1.75 * SMALLEST_MM))
        if low_mm <= value <= high_mm:
            return value
    return float(rng.uniform(low_mm, high_mm))


def draw_rotation(rng: np.random.Generator) -> tuple[float, ...]:
    """A uniform random rotation, row by row."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    if np.linalg.det(q) < 0:
        q[:, 0] = -q[:, 0]
    return tuple(float(v) for v in q.ravel())


def draw_direction(rng: np.random.Generator) -> NDArray[np.floating]:
    """A unit vector (3,), any direction as likely as any other."""
    d = rng.normal(size=3)
    return np.asarray(d / np.linalg.norm(d))


def draw_lobes(rng: np.random.Generator, strength: float) -> tuple[Lobe, ...]:
    """Between two and seven bumps and dents."""
    lobes = []
    for _ in range(int(rng.integers(2, 8))):
        d = draw_direction(rng)
        lobes.append(Lobe(float(rng.uniform(-0.7, 1.0) * strength), float(rng.uniform(2.0, 12.0)), (float(d[0]), float(d[1]), float(d[2]))))
    return tuple(lobes)


def draw_ripples(rng: np.random.Generator, height: float, shortest: float, longest: float) -> Ripples:
    """Twelve waves in random directions; the height and the lengths are shares of the lesion's radius."""
    waves = []
    for length in np.exp(rng.uniform(np.log(shortest), np.log(longest), 12)):
        d = 2 * np.pi / length * draw_direction(rng)
        waves.append(((float(d[0]), float(d[1]), float(d[2])), float(rng.uniform(0, 2 * np.pi))))
    return Ripples(height, tuple(waves))


def draw_shape(rng: np.random.Generator, centre_mm: Vector, diameter_mm: float) -> LesionShape:
    """An irregular body; the larger, the more often necrotic and the more lobed."""
    axes = np.exp(rng.normal(0, 0.13, size=3))
    axes /= np.prod(axes) ** (1 / 3)
    strength = float(rng.uniform(0.05, 0.3)) * min(1.0, diameter_mm / 8)
    share = max([p for size, p in NECROTIC_SHARE if diameter_mm >= size], default=0.0)
    ring = bool(rng.random() < share)
    return LesionShape(
        centre_mm=centre_mm,
        diameter_mm=diameter_mm,
        axes=(float(axes[0]), float(axes[1]), float(axes[2])),
        rotation=draw_rotation(rng),
        lobes=draw_lobes(rng, strength),
        core=float(rng.uniform(0.5, 0.85)) if ring else 0.0,
        core_lobes=draw_lobes(rng, 0.35) if ring else (),
        core_offset=tuple(float(v) for v in rng.uniform(-0.12, 0.12, size=3)) if ring else (0.0, 0.0, 0.0),  # type: ignore[arg-type]
    )


def draw_enhancement(rng: np.random.Generator, diameter_mm: float) -> Enhancement:
    """Mostly clear, one in eight faint; large lesions have more oedema."""
    faint = rng.random() < FAINT_SHARE
    contrast = float(rng.uniform(0.18, 0.35)) if faint else float(rng.uniform(0.35, 1.5))
    swollen = rng.random() < 0.25 + 0.5 * min(1.0, diameter_mm / 15)
    return Enhancement(
        contrast=contrast,
        texture=float(rng.uniform(0.02, 0.15)),
        core=float(rng.uniform(0.0, 0.7)),
        oedema=float(rng.uniform(0.08, 0.4)) if swollen else 0.0,
        oedema_mm=float(rng.uniform(2, 5) + rng.uniform(0.2, 0.8) * diameter_mm),
    )


def draw_lesion(rng: np.random.Generator, centre_mm: Vector, diameter_mm: float | None = None) -> SyntheticLesion:
    """A lesion at a place; its diameter drawn where it is not given."""
    size = draw_diameter(rng) if diameter_mm is None else diameter_mm
    return SyntheticLesion(draw_shape(rng, centre_mm, size), draw_enhancement(rng, size))
