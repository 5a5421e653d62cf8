"""Small heads with drawn-in lesions on any grid, for the tests of scene, views and exchange."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from BrainMetsAILib.images.geometry import ijk_to_ras, image_from_ijk_to_ras, image_like
from BrainMetsAILib.models.finding import Finding, Provenance

PROVENANCE = Provenance("drawn", "0.1", "ab" * 32, "cpu", 0.5, 1.5, "2026-01-02T03:04:05+00:00")


@dataclass(frozen=True)
class Ball:
    """A ball in the patient (RAS mm), with a necrotic core where `core_mm` is above 0."""

    centre: tuple[float, float, float]
    radius_mm: float
    core_mm: float = 0.0


BALLS = (Ball((25.0, 10.0, 15.0), 9.0, 4.0), Ball((-28.0, -20.0, 5.0), 6.0), Ball((-15.0, 30.0, -12.0), 4.0))


def rotation(degrees: float) -> np.ndarray:
    """Turn about the S axis, then half as much about R."""
    a, b = np.radians([degrees, degrees / 2])
    about_s = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_r = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return about_r @ about_s


def grid(axes: np.ndarray, spacing: tuple[float, float, float], field_mm: tuple[float, float, float] = (110.0, 130.0, 100.0)) -> sitk.Image:
    """An empty float image around the origin whose i, j, k axes are the columns of `axes` (RAS, orthonormal; any handedness)."""
    along = np.abs(axes).T @ np.array(field_mm)
    size = np.maximum(np.rint(along / np.array(spacing)).astype(int), 4)
    matrix = np.eye(4)
    matrix[:3, :3] = axes * np.array(spacing)
    matrix[:3, 3] = -matrix[:3, :3] @ ((size - 1) / 2)
    return image_from_ijk_to_ras(np.zeros(size[::-1], np.float32), matrix)


GRIDS = {
    "plain": grid(np.diag([-1.0, -1.0, 1.0]), (1.2, 1.2, 1.5)),
    "left-handed": grid(np.diag([1.0, 1.0, -1.0]), (1.2, 1.2, 1.5)),
    "oblique": grid(rotation(17.0) @ np.diag([-1.0, -1.0, 1.0]), (1.0, 1.3, 1.6)),
    "left-handed oblique": grid(rotation(-12.0) @ np.diag([-1.0, -1.0, -1.0]), (1.2, 1.0, 1.4)),
    "sagittal anisotropic": grid(np.array([[0.0, 0, -1], [-1, 0, 0], [0, 1, 0]]), (0.9, 0.9, 4.0)),
}


def distance_mm(image: sitk.Image, centre: tuple[float, float, float]) -> np.ndarray:
    """Distance [k, j, i] of every voxel's centre from a point (RAS mm)."""
    matrix = ijk_to_ras(image)
    k, j, i = np.meshgrid(*[np.arange(n) for n in reversed(image.GetSize())], indexing="ij", sparse=True)
    squares = [(matrix[r, 0] * i + matrix[r, 1] * j + matrix[r, 2] * k + matrix[r, 3] - centre[r]) ** 2 for r in range(3)]
    return np.sqrt(squares[0] + squares[1] + squares[2])


def draw_head(on: sitk.Image, balls: tuple[Ball, ...] = BALLS, seed: int = 0) -> sitk.Image:
    """Grey head with bright balls and dark cores; whole numbers."""
    noise = np.random.default_rng(seed).normal(0.0, 8.0, tuple(reversed(on.GetSize())))
    head = distance_mm(on, (0.0, 0.0, 0.0)) < 52.0
    array = np.where(head, 300.0, 0.0)
    for ball in balls:
        distance = distance_mm(on, ball.centre)
        array[distance < ball.radius_mm] = 600.0
        array[distance < ball.core_mm] = 150.0
    return image_like(np.clip(np.rint(array + noise * head), 0, None).astype(np.float32), on)


def draw_finding(on: sitk.Image, balls: tuple[Ball, ...] = BALLS) -> Finding:
    """What a perfect network would find: the balls in the order given, their cores as necrosis."""
    labels = np.zeros(tuple(reversed(on.GetSize())), np.uint16)
    dead = np.zeros_like(labels, dtype=np.uint8)
    for number, ball in enumerate(balls, start=1):
        distance = distance_mm(on, ball.centre)
        labels[distance < ball.radius_mm] = number
        dead[distance < ball.core_mm] = 1
    foreground = np.where(labels > 0, 0.9, 0.02).astype(np.float32)
    necrosis = np.where(dead > 0, 0.8, 0.0).astype(np.float32)
    return Finding(
        enhancing=image_like(np.clip(foreground - necrosis, 0, 1), on),
        necrosis=image_like(necrosis, on),
        labels=image_like(labels, on),
        necrosis_mask=image_like(dead, on),
        scores={number: round(1.0 - number / 10, 3) for number in range(1, len(balls) + 1)},
        provenance=PROVENANCE,
    )
