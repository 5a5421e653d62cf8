"""Signals of tissues from relaxation times, pulse sequence and concentration of the contrast agent.

Relaxation times are rounded from Stanisz et al., MRM 2005;54:507 and Wansapura et al., JMRI 1999;9:531 (3 T), Bojorquez et al., MRI
2017;35:69; relaxivity from Rohrer et al., Invest Radiol 2005;40:715.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

RELAXIVITY = 4.0
"""1/(mmol/L)/s of a macrocyclic agent at 3 T (T1); about 5 for T2."""
RELAXIVITY_T2 = 5.0


@dataclass(frozen=True)
class Tissue:
    """T1 and T2 in s, proton density relative to water."""

    t1_s: float
    t2_s: float
    density: float


WHITE = Tissue(0.83, 0.075, 0.70)
CEREBELLAR_WHITE = Tissue(0.88, 0.075, 0.71)
CORTEX = Tissue(1.35, 0.095, 0.82)
THALAMUS = Tissue(1.12, 0.085, 0.78)
STRIATUM = Tissue(1.25, 0.085, 0.80)
PALLIDUM = Tissue(0.95, 0.065, 0.75)
STEM = Tissue(0.93, 0.080, 0.73)
FLUID = Tissue(4.0, 1.8, 1.0)
BLOOD = Tissue(1.65, 0.12, 0.92)
FAT = Tissue(0.34, 0.07, 0.66)
MUSCLE = Tissue(1.25, 0.035, 0.72)
SKIN = Tissue(0.75, 0.035, 0.6)
BONE = Tissue(0.6, 0.004, 0.09)
MARROW = Tissue(0.45, 0.05, 0.45)
MUCOSA = Tissue(1.5, 0.09, 0.8)
TUMOUR = Tissue(1.45, 0.11, 0.85)
NECROSIS = Tissue(2.4, 0.25, 0.93)
CYST = Tissue(3.2, 0.9, 0.98)
DAMAGED_WHITE = Tissue(1.05, 0.095, 0.74)
OLD_BLOOD = Tissue(0.42, 0.06, 0.8)
OEDEMA = Tissue(1.45, 0.14, 0.82)
PLEXUS = Tissue(1.6, 0.13, 0.9)
DURA = Tissue(0.9, 0.03, 0.55)

FLUID_LEFT = 0.6
"""Of the signal of free fluid in a long train of spin echoes: its pulsation spoils the rest."""


@dataclass(frozen=True)
class PulseSequence:
    """How the scanner weighs tissues.

    Attributes
    ----------
    black_blood
        Spin echo with flow voids, instead of an inversion-prepared gradient echo in which blood with contrast agent is bright.
    repetition_s, inversion_s, echo_s
        Times; the inversion time is of the gradient echo only.
    blood_mmol
        Concentration of contrast agent in blood.
    fat_suppressed
        Whether fat is dark.
    """

    black_blood: bool
    repetition_s: float
    inversion_s: float
    echo_s: float
    blood_mmol: float
    fat_suppressed: bool = False

    def signal(self, tissue: Tissue, mmol: float | NDArray[np.floating] = 0.0) -> NDArray[np.float64]:
        """Magnitude of a tissue with that concentration; white matter without contrast agent has the signal 1."""
        return self._raw(tissue, mmol) / self._raw(WHITE, 0.0)

    def blood(self) -> float:
        """Signal of flowing blood; nearly none where it flows out between pulses."""
        return 0.06 if self.black_blood else float(self.signal(BLOOD, self.blood_mmol))

    def of_fat(self) -> float:
        """Signal of fat."""
        return 0.25 if self.fat_suppressed else float(self.signal(FAT))

    def _raw(self, tissue: Tissue, mmol: float | NDArray[np.floating]) -> NDArray[np.float64]:
        concentration = np.asarray(mmol, float)
        rate_1 = 1.0 / tissue.t1_s + RELAXIVITY * concentration
        rate_2 = 1.0 / tissue.t2_s + RELAXIVITY_T2 * concentration
        decay = np.exp(-self.echo_s * rate_2)
        if self.black_blood:
            moving = FLUID_LEFT if tissue.t2_s > 1.0 else 1.0
            return np.asarray(moving * tissue.density * (1.0 - np.exp(-self.repetition_s * rate_1)) * decay)
        recovered = 1.0 - 2.0 * np.exp(-self.inversion_s * rate_1) / (1.0 + np.exp(-self.repetition_s * rate_1))
        # The train of small pulses after the inversion pulls every tissue towards its steady state: no tissue is quite nulled.
        return np.asarray(tissue.density * (0.06 + 0.94 * np.abs(recovered)) * decay)


def gradient_echo(rng: np.random.Generator) -> PulseSequence:
    """Inversion-prepared 3D gradient echo with contrast agent, settings as they vary between sites."""
    return PulseSequence(
        black_blood=False,
        repetition_s=float(rng.uniform(1.8, 2.3)),
        inversion_s=float(rng.uniform(0.86, 1.02)),
        echo_s=float(rng.uniform(0.002, 0.0035)),
        blood_mmol=float(rng.uniform(0.55, 1.1)),
        fat_suppressed=bool(rng.random() < 0.15),
    )


def black_blood(rng: np.random.Generator) -> PulseSequence:
    """3D turbo spin echo with flow voids."""
    return PulseSequence(
        black_blood=True,
        repetition_s=float(rng.uniform(0.6, 0.9)),
        inversion_s=0.0,
        echo_s=float(rng.uniform(0.012, 0.022)),
        blood_mmol=float(rng.uniform(0.55, 1.1)),
        fat_suppressed=bool(rng.random() < 0.6),
    )


def varied(tissue: Tissue, rng: np.random.Generator, spread: float = 0.03) -> Tissue:
    """The tissue of one person."""
    return replace(
        tissue, t1_s=tissue.t1_s * float(np.exp(rng.normal(0, spread))), density=tissue.density * float(np.exp(rng.normal(0, 0.01)))
    )
