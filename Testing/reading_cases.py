"""A small practice case with balls as lesions, and readers of all kinds, for the tests of practice mode."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk

from BrainMetsAILib.images.geometry import image_like
from BrainMetsAILib.lesions.lesion_list import LesionSet, lesion_set
from BrainMetsAILib.scene.practice_case import PracticeCase, PracticeExamination
from BrainMetsAILib.synthesis.truth import TrueLesion
from drawn_heads import BALLS, GRIDS, Ball, distance_mm, draw_finding, draw_head

# Two far apart, then two beside each other, which one outline can cover.
TRUE_BALLS = (*BALLS[:2], Ball((-15.0, 30.0, -12.0), 4.0), Ball((-5.0, 30.0, -12.0), 3.5))
ELSEWHERE = Ball((10.0, -35.0, 20.0), 4.0)


def examination(grid: str = "plain", balls: Sequence[Ball] = TRUE_BALLS) -> PracticeExamination:
    """A head with balls, and its truth."""
    finding = draw_finding(GRIDS[grid], tuple(balls))
    truth = tuple(
        TrueLesion(n, f"T{n:02d}", "faint" if n == 2 else "solid", 2 * ball.radius_mm, *_volumes(ball), *ball.centre)
        for n, ball in enumerate(balls, start=1)
    )
    return PracticeExamination(draw_head(GRIDS[grid], tuple(balls)), finding.labels, finding.necrosis_mask, truth)


def _volumes(ball: Ball) -> tuple[float, float, float]:
    whole, core = (4 / 3 * np.pi * radius**3 / 1000 for radius in (ball.radius_mm, ball.core_mm))
    return whole, whole - core, core


def practice_case(grid: str = "plain", seed: int = 7) -> PracticeCase:
    """Both examinations; the follow-up lacks the last ball."""
    return PracticeCase(examination(grid), examination(grid, TRUE_BALLS[:-1]), seed, "head_t1.nii.gz")


def outlines(on: sitk.Image, pieces: Sequence[Sequence[Ball]]) -> LesionSet:
    """One outline for each group of balls."""
    labels = np.zeros(tuple(reversed(on.GetSize())), np.uint16)
    for number, group in enumerate(pieces, start=1):
        for ball in group:
            labels[distance_mm(on, ball.centre) < ball.radius_mm] = number
    image = image_like(labels, on)
    return lesion_set(image, image_like(np.zeros_like(labels, np.uint8), on))


def read_by_hand(volume: Any, pieces: Sequence[Sequence[Ball]], on: sitk.Image) -> Any:
    """A person's own outlines in the scene, without any network; returns the segmentation node."""
    from BrainMetsAILib.lesions.lesion_list import new_uid
    from BrainMetsAILib.scene.segments import write_lesions
    from BrainMetsAILib.scene.settings import EXAMINATION_UID

    segmentation = write_lesions(volume, outlines(on, pieces), None, "my lesions")
    segmentation.SetAttribute(EXAMINATION_UID, new_uid())
    return segmentation


