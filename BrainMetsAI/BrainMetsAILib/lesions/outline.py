"""Where the edge of a mask is: the points that every diameter is measured on.

A mask says of each voxel only whether its centre is inside, so the edge lies half-way between the last centre inside and
the first one outside: on the face that the two voxels share. The outline used here runs through the middles of those faces
(in a slice: the middles of the pixels' edges), which is the 0.5 level of the linearly interpolated mask and the vertices of
its surface mesh. The Image Biomarker Standardisation Initiative measures its diameters on the same points (Zwanenburg et
al., Radiology 2020, doi 10.1148/radiol.2020191145, section "maximum 3D diameter").

Why not the pixels' corners: they stick out of the object by up to half a diagonal, and the longest diameter picks the two
that stick out most. On digitised discs corners make a diameter 1.1 to 1.4 pixels too long, middles of edges 0.3 to 0.9 (each
end within half a pixel of the truth); n pixels in a row measure n pixels with the middles, and a diagonal more with corners.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from BrainMetsAILib.lesions.grid import Mask

Points = NDArray[np.float64]


def edge_midpoints(inside: Mask) -> Points:
    """Middles of the pixel edges between inside and outside.

    Parameters
    ----------
    inside
        Boolean slice [row, column]; what lies beyond the array is outside.

    Returns
    -------
    ndarray (n, 2)
        [row, column] in pixels, pixel centres at whole numbers.
    """
    padded = np.pad(inside, 1)
    between_rows = np.argwhere(padded[1:, :] != padded[:-1, :]) + np.array([-0.5, -1.0])
    between_columns = np.argwhere(padded[:, 1:] != padded[:, :-1]) + np.array([-1.0, -0.5])
    return np.concatenate([between_rows, between_columns])


def row_ends(inside: Mask) -> Points:
    """Centres of the first and last element inside of every row along the last axis, in array order: (n, inside.ndim)."""
    rows = np.argwhere(inside)
    row_changes = np.any(rows[1:, :-1] != rows[:-1, :-1], axis=1)
    first = np.concatenate([[True], row_changes])
    last = np.concatenate([row_changes, [True]])
    return rows[first | last].astype(float)


def extreme_points(centres: Points) -> Points:
    """Face middles of a mask among which its farthest two are found: the corners of their convex hull.

    Parameters
    ----------
    centres
        (n, 2) or (n, 3): centres of the mask's elements; those from `row_ends` are enough.

    Returns
    -------
    ndarray (m, 2) or (m, 3)
        In array order, in voxels, voxel centres at whole numbers. Linear maps keep convex hulls, so the farthest pair in
        millimetres is among them whatever the grid's spacing, obliquity or handedness.
    """
    dimensions = centres.shape[1]
    half_steps = 0.5 * np.concatenate([np.eye(dimensions), -np.eye(dimensions)])
    # The hull of the face middles is the hull of the centres widened by half a voxel: reduce the centres first, they are fewer.
    faces = (_hull_corners(centres)[:, None, :] + half_steps[None, :, :]).reshape(-1, dimensions)
    return _hull_corners(faces)


def farthest_pair(points: Points) -> tuple[float, int, int]:
    """Largest distance among points (n, d), n at least 2, and the two places in the list that have it."""
    distances = pdist(points)
    best = int(np.argmax(distances))
    count = len(points)
    starts = np.cumsum(np.arange(count - 1, 0, -1))
    first = int(np.searchsorted(starts, best, side="right"))
    second = best - (int(starts[first - 1]) if first else 0) + first + 1
    return float(distances[best]), first, second


def _hull_corners(points: Points) -> Points:
    """Corners of the convex hull; the points themselves where they lie in one line or plane and have none."""
    if len(points) <= points.shape[1] + 1:
        return points
    try:
        return points[ConvexHull(points).vertices]
    except QhullError:
        return points
