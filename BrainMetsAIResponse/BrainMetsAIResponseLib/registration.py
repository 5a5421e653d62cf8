"""Rigid registration of a follow-up to its baseline: position only, never shape.

Two examinations of one adult head differ by a rigid motion; an affine or deformable transform would change the very
volumes that are to be compared. The result places points; masks are never resampled.

Method: mutual information (Mattes et al., IEEE Trans Med Imaging 2003, doi 10.1109/TMI.2003.809072) over the baseline's head,
on grids of 8, 4 and 2 mm. Several positions and rotations are tried first; the best go through 8 mm, the best of those goes
on. Samples lie on a regular grid and the seed is fixed: the same two images give the same transform.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from BrainMetsAILib.models.finding import Cancelled
from BrainMetsAIResponseLib.heads import Head, prepare_head
from BrainMetsAIResponseLib.registration_quality import RegistrationQuality, assess, warning_sentence

_SPACINGS_MM = (8.0, 4.0, 2.0)
_SHARE_OF_VOXELS = (1.0, 0.5, 0.15)
_ITERATIONS = (40, 40, 30)
_HISTOGRAM_BINS = 32
_START_ROTATIONS_DEGREES = (15.0, -15.0, 30.0, -30.0)
_STARTS_KEPT = 3
_SEED = 20250607

Progress = Callable[[float, str], None]


class RegistrationFailed(ValueError):
    """The two examinations cannot be registered; the message is one sentence for a person."""


@dataclass(frozen=True)
class RigidRegistration:
    """Where the baseline lies in the follow-up.

    Attributes
    ----------
    transform
        Rigid; maps points of the FIXED image (baseline) to points of the MOVING image (follow-up), LPS mm.
    metric
        Mutual information in nats at the end; higher is better, comparable only between runs on the same images.
    quality
        The figures that the warning rests on.
    warning
        A sentence for a person where the result looks wrong, otherwise "".
    """

    transform: sitk.Transform
    metric: float
    quality: RegistrationQuality
    warning: str


def _silent(fraction: float, message: str) -> None:
    """Progress for callers who do not want any."""


def _never() -> bool:
    return False


def register_rigid(
    fixed: sitk.Image,
    moving: sitk.Image,
    progress: Progress = _silent,
    cancelled: Callable[[], bool] = _never,
) -> RigidRegistration:
    """Register two examinations of the same head.

    Parameters
    ----------
    fixed, moving
        3D images of the head or of the stripped brain: baseline and follow-up. Any grid, any contrast, LPS mm.
    progress
        Called with a fraction from 0 to 1 and what is being done.
    cancelled
        Asked throughout; True stops.

    Raises
    ------
    Cancelled
        If ``cancelled`` said so.
    RegistrationFailed
        If an image shows no head, or the heads cannot be brought to overlap.
    """
    progress(0.0, "Preparing both heads")
    baseline = _levels(fixed, "baseline")
    _stop_if(cancelled)
    follow_up = _levels(moving, "follow-up")

    progress(0.2, "Trying starting positions")
    candidates = _best_starts(baseline[0], follow_up[0], cancelled)
    found = [_optimised(baseline[0], follow_up[0], start, 0, cancelled) for start in candidates]
    transform, metric = max(found, key=lambda pair: pair[1])
    for level, fraction in ((1, 0.4), (2, 0.6)):
        progress(fraction, f"Registering at {_SPACINGS_MM[level]:.0f} mm")
        transform, metric = _optimised(baseline[level], follow_up[level], transform, level, cancelled)
    progress(0.9, "Checking the registration")
    quality = assess(baseline[1], follow_up[1], transform, lambda moved: mutual_information(baseline[1], follow_up[1], moved))
    progress(1.0, "Registered")
    return RigidRegistration(transform, metric, quality, warning_sentence(quality))


def mutual_information(fixed: Head, moving: Head, transform: sitk.Transform) -> float:
    """Mutual information in nats of two heads under a transform of points fixed → moving; −inf where they hardly overlap."""
    method = _method(fixed, 1.0)
    method.SetInitialTransform(transform)
    try:
        return -float(method.MetricEvaluate(fixed.image, moving.image))
    except RuntimeError:  # ITK refuses when nearly all samples fall outside the moving image
        return float("-inf")


def _levels(image: sitk.Image, which: str) -> list[Head]:
    """The head on each grid, coarsest first; each is made from the next finer one."""
    heads: list[Head] = []
    for spacing in reversed(_SPACINGS_MM):
        head = prepare_head(heads[-1].image if heads else image, spacing)
        if head is None:
            raise RegistrationFailed(f"The {which} shows no head to register; choose a volume of the same head.")
        heads.append(head)
    return heads[::-1]


def _best_starts(fixed: Head, moving: Head, cancelled: Callable[[], bool]) -> list[sitk.Euler3DTransform]:
    """Starting positions with the highest mutual information.

    Head on head (centres of mass), and as the scanner's coordinates say; each upright and turned about each axis.
    """
    to_head = np.array(moving.centre_lps) - np.array(fixed.centre_lps)
    rotations = [np.zeros(3)] + [np.radians(angle) * axis for angle in _START_ROTATIONS_DEGREES for axis in np.eye(3)]
    scored: list[tuple[float, int, sitk.Euler3DTransform]] = []
    for shift in (to_head, np.zeros(3)):
        for rotation in rotations:
            _stop_if(cancelled)
            start = sitk.Euler3DTransform(fixed.centre_lps, *rotation.tolist(), shift.tolist())
            scored.append((mutual_information(fixed, moving, start), len(scored), start))
    scored.sort(key=lambda entry: (-entry[0], entry[1]))
    return [start for _, _, start in scored[:_STARTS_KEPT]]


def _optimised(
    fixed: Head, moving: Head, start: sitk.Euler3DTransform, level: int, cancelled: Callable[[], bool]
) -> tuple[sitk.Euler3DTransform, float]:
    """One level of the search from a start: the transform and its mutual information in nats."""
    method = _method(fixed, _SHARE_OF_VOXELS[level])
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=_SPACINGS_MM[level] / 4.0,
        minStep=_SPACINGS_MM[level] / 800.0,
        numberOfIterations=_ITERATIONS[level],
        relaxationFactor=0.6,
        gradientMagnitudeTolerance=1e-8,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    moved = sitk.Euler3DTransform(start)
    method.SetInitialTransform(moved, inPlace=True)
    method.AddCommand(sitk.sitkIterationEvent, lambda: method.StopRegistration() if cancelled() else None)
    try:
        method.Execute(fixed.image, moving.image)
    except RuntimeError as error:
        raise RegistrationFailed(
            "The two examinations could not be brought to overlap; check that both show the same head, or align them by hand and harden "
            "that transform first."
        ) from error
    _stop_if(cancelled)
    return moved, -float(method.GetMetricValue())


def _method(fixed: Head, share: float) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(_HISTOGRAM_BINS)
    method.SetMetricSamplingStrategy(method.REGULAR if share < 1.0 else method.NONE)
    method.SetMetricSamplingPercentage(share, _SEED)
    method.SetMetricFixedMask(fixed.region)
    method.SetInterpolator(sitk.sitkLinear)
    return method


def _stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Cancelled("Registration was stopped.")
