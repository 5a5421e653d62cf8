"""Whether a registration can be believed: figures, and a sentence where it cannot."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from BrainMetsAIResponseLib.heads import Head, in_place_of
from BrainMetsAIResponseLib.rigid import rotation_degrees

LEAST_HEAD_OVERLAP = 0.8
LEAST_COMMON_VIEW = 0.6
# Measured: 0.43-0.55 for two T1 of one head, 0.20 for T1 and FLAIR of one head, 0.10-0.12 for heads of different people.
LEAST_PEAK_GAIN = 0.15
LARGEST_ROTATION_DEGREES = 45.0
_PROBE_MM = 5.0
_PROBE_DEGREES = 5.0


@dataclass(frozen=True)
class RegistrationQuality:
    """Figures of a registration.

    Attributes
    ----------
    head_overlap
        Dice coefficient of the two heads where both examinations have an image, 0 to 1.
    common_view
        Share of the baseline's head that the follow-up has an image of, 0 to 1.
    peak_gain
        How much of the mutual information is lost on average by moving 5 mm or turning 5° away, as a share; at most 0 where
        some such move would be better: then the search stopped in the wrong place.
    rotation_degrees, shift_mm
        How far the head moved: rotation angle, and distance of the head's centre in scanner coordinates.
    """

    head_overlap: float
    common_view: float
    peak_gain: float
    rotation_degrees: float
    shift_mm: float


def assess(fixed: Head, moving: Head, transform: sitk.Euler3DTransform, metric: Callable[[sitk.Transform], float]) -> RegistrationQuality:
    """Figures of a registration.

    Parameters
    ----------
    fixed, moving
        Baseline and follow-up at one level.
    transform
        Points fixed → moving, LPS mm.
    metric
        Mutual information of a transform (`registration.mutual_information`).
    """
    _, moved_mask, moved_view = in_place_of(fixed, moving, transform)
    head = sitk.GetArrayViewFromImage(fixed.mask) != 0
    seen = sitk.GetArrayViewFromImage(moved_view) != 0
    other = (sitk.GetArrayViewFromImage(moved_mask) != 0) & seen
    common = head & seen
    together = np.count_nonzero(common) + np.count_nonzero(other)
    centre = np.array(fixed.centre_lps)
    return RegistrationQuality(
        head_overlap=float(2 * np.count_nonzero(common & other) / together) if together else 0.0,
        common_view=float(np.count_nonzero(common)) / float(np.count_nonzero(head)),
        peak_gain=_peak_gain(transform, metric),
        rotation_degrees=rotation_degrees(transform),
        shift_mm=float(np.linalg.norm(np.array(transform.TransformPoint(centre.tolist())) - centre)),
    )


def warning_sentence(quality: RegistrationQuality) -> str:
    """What a person should know before trusting the registration; "" where nothing looks wrong."""
    doubts = []
    if quality.head_overlap < LEAST_HEAD_OVERLAP:
        doubts.append(f"the two heads overlap by only {quality.head_overlap:.0%}")
    if quality.common_view < LEAST_COMMON_VIEW:
        doubts.append(f"the follow-up shows only {quality.common_view:.0%} of the baseline's head")
    if quality.peak_gain <= 0:
        doubts.append("another position fits better than the one that was found")
    elif quality.peak_gain < LEAST_PEAK_GAIN:
        doubts.append("no position fits clearly better than its neighbours, as happens when the heads are not the same person's")
    if quality.rotation_degrees > LARGEST_ROTATION_DEGREES:
        doubts.append(f"the head would have turned by {quality.rotation_degrees:.0f}°")
    if not doubts:
        return ""
    return f"Check the registration in the overlay before using this comparison: {'; '.join(doubts)}."


def _peak_gain(transform: sitk.Euler3DTransform, metric: Callable[[sitk.Transform], float]) -> float:
    best = metric(transform)
    steps = np.concatenate([np.radians(_PROBE_DEGREES) * np.eye(6)[:3], _PROBE_MM * np.eye(6)[3:]])
    probes = []
    for step in np.concatenate([steps, -steps]):
        probe = sitk.Euler3DTransform(transform)
        probe.SetParameters((np.array(transform.GetParameters()) + step).tolist())
        probes.append(metric(probe))
    if not np.isfinite(best) or best <= 0:
        return 0.0
    reached = [value for value in probes if np.isfinite(value)]
    if not reached:
        return 1.0
    return 0.0 if max(reached) > best else float(1.0 - np.mean(reached) / best)
