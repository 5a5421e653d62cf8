"""Whether a lesion is large enough to be measured for response."""

from dataclasses import dataclass

from BrainMetsAILib.lesions.diameters import DiameterPair

MINIMUM_LONGEST_MM = 10.0
MINIMUM_PERPENDICULAR_MM = 5.0
MINIMUM_SLICES = 2
_ROUNDING_MM = 1e-6


@dataclass(frozen=True)
class Measurability:
    """Whether a lesion is measurable, and why, in words."""

    measurable: bool
    reason: str


def rano_bm_measurability(whole: DiameterPair, enhancing: DiameterPair | None, slice_count: int) -> Measurability:
    """Measurable disease by RANO-BM: at least 10 mm by at least 5 mm, on two or more axial slices.

    Lin et al., Lancet Oncol 2015, doi 10.1016/S1470-2045(15)70057-4: measurable is a contrast-enhancing lesion of at least
    10 mm, its perpendicular at least 5 mm, visible on two or more axial slices that are preferably at most 5 mm apart without gaps
    (ideally 1.5 mm); with thicker slices it should be at least twice the slice thickness. Thickness is not weighed here:
    two slices already ask for it, and reading warns of slices above 3 mm.

    The whole outline decides, necrosis included, as metastases are contoured and followed. RANO-BM counts a cystic lesion
    only if a solid part of it reaches the size by itself, so the reason says when the enhancing tissue alone does not.

    Parameters
    ----------
    whole, enhancing
        The two pairs of diameters, mm; ``None`` where nothing enhances.
    slice_count
        Axial slices on which the lesion is visible.
    """
    by_hand = "; diameters measured by hand" if whole.manual else ""
    failures = []
    if not _at_least(whole.longest_mm, MINIMUM_LONGEST_MM):
        failures.append(f"longest diameter {whole.longest_mm:.1f} mm is below {MINIMUM_LONGEST_MM:.0f} mm")
    if not _at_least(whole.perpendicular_mm, MINIMUM_PERPENDICULAR_MM):
        failures.append(f"perpendicular diameter {whole.perpendicular_mm:.1f} mm is below {MINIMUM_PERPENDICULAR_MM:.0f} mm")
    if slice_count < MINIMUM_SLICES:
        failures.append(f"visible on {slice_count} axial slice, {MINIMUM_SLICES} are needed")
    if failures:
        return Measurability(False, "; ".join(failures) + by_hand)
    size = f"{whole.longest_mm:.1f} × {whole.perpendicular_mm:.1f} mm on {slice_count} axial slices"
    if enhancing is None:
        return Measurability(True, f"{size}; nothing of it enhances{by_hand}")
    solid = _at_least(enhancing.longest_mm, MINIMUM_LONGEST_MM) and _at_least(enhancing.perpendicular_mm, MINIMUM_PERPENDICULAR_MM)
    if not solid:
        size += f"; enhancing tissue alone reaches only {enhancing.longest_mm:.1f} × {enhancing.perpendicular_mm:.1f} mm"
    return Measurability(True, size + by_hand)


def _at_least(value_mm: float, limit_mm: float) -> bool:
    return value_mm >= limit_mm - _ROUNDING_MM
