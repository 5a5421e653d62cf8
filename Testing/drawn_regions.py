"""A drawn brain whose regions are known by formula: halves, lobes by thirds, cerebellum, brain stem, ventricles."""

import numpy as np
import SimpleITK as sitk

from BrainMetsAILib.lesions.anatomy_regions import Region

BRAIN_MM = (60.0, 75.0, 55.0)
"""Half-axes (left-right, front-back, up-down) of the brain around the origin; the outer 4 mm are fluid."""
FLUID_MM, SKULL_MM = 4.0, 10.0


def lps_points(image: sitk.Image) -> np.ndarray:
    """Position (3, k, j, i) of every voxel's centre, LPS mm."""
    k, j, i = np.meshgrid(*[np.arange(n) for n in reversed(image.GetSize())], indexing="ij")
    matrix = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    return np.einsum("rc,c...->r...", matrix, np.stack([i, j, k])) + np.array(image.GetOrigin())[:, None, None, None]


def empty_grid(spacing_mm: float = 2.0, direction: np.ndarray | None = None, half_mm: float = 92.0) -> sitk.Image:
    """A cube around the origin; columns of `direction` are its axes in LPS."""
    axes = np.eye(3) if direction is None else direction
    size = round(2 * half_mm / spacing_mm)
    image = sitk.Image([size] * 3, sitk.sitkUInt8)
    image.SetSpacing([spacing_mm] * 3)
    image.SetDirection(axes.ravel().tolist())
    image.SetOrigin((-axes @ np.full(3, (size - 1) / 2 * spacing_mm)).tolist())
    return image


def ellipsoid(points: np.ndarray, centre: tuple[float, float, float], half: tuple[float, ...] | float) -> np.ndarray:
    """Mask of an ellipsoid (or ball)."""
    axes = (half,) * 3 if isinstance(half, float) else half
    return sum(((points[a] - centre[a]) / axes[a]) ** 2 for a in range(3)) < 1.0


def draw_regions(grid: sitk.Image) -> sitk.Image:
    """`Region` (uint8) on a grid: x > 0 is left, y > 0 is back, z > 0 is up (LPS)."""
    points = lps_points(grid)
    x, y, z = points
    grown = [tuple(h + d for h in BRAIN_MM) for d in (SKULL_MM, 0.0, -FLUID_MM)]
    found = np.zeros(x.shape, np.uint8)
    found[ellipsoid(points, (0, 0, 0), grown[0])] = Region.HEAD
    found[ellipsoid(points, (0, 0, 0), grown[1])] = Region.FLUID
    tissue = ellipsoid(points, (0, 0, 0), grown[2])
    third = grown[2][1] / 3
    for where, region in (
        (y < -third, Region.FRONTAL_LEFT),
        (np.abs(y) <= third, Region.PARIETAL_LEFT),
        (y > third, Region.OCCIPITAL_LEFT),
        ((y > third) & (z < -15), Region.CEREBELLUM_LEFT),
    ):
        found[tissue & where & (x > 0)] = region
        found[tissue & where & (x <= 0)] = region + 1
    found[ellipsoid(points, (20.0, 0.0, 0.0), 8.0)] = Region.DEEP_GREY_LEFT
    found[ellipsoid(points, (-20.0, 0.0, 0.0), 8.0)] = Region.DEEP_GREY_RIGHT
    found[tissue & (np.hypot(x, y) < 12) & (z < -20)] = Region.BRAIN_STEM
    for side in (-1.0, 1.0):
        found[ellipsoid(points, (side * 9.0, 0.0, 5.0), (5.0, 20.0, 8.0))] = Region.VENTRICLES
        found[ellipsoid(points, (side * 9.0, 10.0, 5.0), 4.0)] = Region.CHOROID_PLEXUS
    image = sitk.GetImageFromArray(found)
    image.CopyInformation(grid)
    return image
