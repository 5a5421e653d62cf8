"""Vessels as trees: every twig takes the cheapest way through fluid to a sinus or artery, and trunks carry what flows together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from Benchmarks.second_renderer.head import Mask, Values

NODE_MM = 2.0
FINE = 4
"""Parts of a voxel edge: vessels and lesions are drawn so much finer and averaged over blocks."""


@dataclass(frozen=True)
class Branch:
    """A part of a vessel: points (n, 3) in voxels (k, j, i), radius (n,) in mm, brightness from 0 to 1."""

    points: NDArray[np.float64]
    radius_mm: NDArray[np.float64]
    strength: float


def grow_tree(
    ways: Mask,
    roots: Mask,
    spacing_kji: NDArray[np.float64],
    twigs: int,
    twig_radius_mm: float,
    most_radius_mm: float,
    rng: np.random.Generator,
    reach_mm: float = 120.0,
) -> list[Branch]:
    """Vessels through `ways` that end in `roots`.

    Parameters
    ----------
    ways, roots
        [k, j, i]: where vessels may run, and where they drain to.
    spacing_kji
        Voxel edges in mm.
    twigs
        Number of ends.
    twig_radius_mm, most_radius_mm
        Radius of an end, and of the thickest trunk. Radii grow with the cube root of the twigs that flow together (Murray's law).
    rng
        Source of chance.
    reach_mm
        Length of the longest vessel.
    """
    step = np.maximum(1, np.rint(NODE_MM / spacing_kji)).astype(int)
    coarse_ways, coarse_roots = _any_of_blocks(ways, step), _any_of_blocks(roots, step)
    nodes = coarse_ways | coarse_roots
    if not coarse_roots.any() or not nodes.any():
        return []
    numbers = np.full(nodes.shape, -1, np.int64)
    numbers[nodes] = np.arange(np.count_nonzero(nodes))
    places = np.argwhere(nodes)
    cost = np.exp(rng.normal(0, 0.6, len(places)))
    graph = _graph(numbers, cost)
    distance, before, _ = csgraph.dijkstra(graph, indices=numbers[coarse_roots], min_only=True, return_predecessors=True)
    reachable = np.flatnonzero(np.isfinite(distance) & (distance > 4.0) & (distance < reach_mm))
    if not len(reachable):
        return []
    ends = rng.choice(reachable, min(twigs, len(reachable)), replace=False)
    flow = np.zeros(len(places))
    paths = []
    for end in ends:
        path = [int(end)]
        while before[path[-1]] >= 0:
            path.append(int(before[path[-1]]))
        flow[path] += 1
        paths.append(path)
    jitter = rng.uniform(-0.45, 0.45, places.shape)
    drawn = np.zeros(len(places), bool)
    branches = []
    for path in paths:
        new = [n for n, node in enumerate(path) if not drawn[node]]
        if len(new) < 2:
            continue
        part = path[: min(len(path), new[-1] + 3)]
        drawn[part] = True
        line = (places[part] + 0.5 + jitter[part]) * step - 0.5
        radius = np.minimum(twig_radius_mm * np.cbrt(flow[part]), most_radius_mm)
        branches.append(_smooth(line, radius, spacing_kji, float(rng.uniform(0.65, 1.0))))
    return branches


def _any_of_blocks(mask: Mask, step: NDArray[np.integer]) -> Mask:
    padded = np.pad(mask, [(0, int(-n % s)) for n, s in zip(mask.shape, step, strict=True)])
    a, b, c = (n // s for n, s in zip(padded.shape, step, strict=True))
    return np.asarray(padded.reshape(a, step[0], b, step[1], c, step[2]).any(axis=(1, 3, 5)))


def _graph(numbers: NDArray[np.int64], cost: NDArray[np.float64]) -> sparse.csr_matrix:
    rows, columns, weights = [], [], []
    for offset in np.ndindex(3, 3, 3):
        step = np.array(offset) - 1
        if tuple(step) <= (0, 0, 0):
            continue
        here = tuple(slice(max(0, -s), n - max(0, s)) for s, n in zip(step, numbers.shape, strict=True))
        there = tuple(slice(max(0, s), n - max(0, -s)) for s, n in zip(step, numbers.shape, strict=True))
        both = (numbers[here] >= 0) & (numbers[there] >= 0)
        a, b = numbers[here][both], numbers[there][both]
        rows.append(a)
        columns.append(b)
        weights.append(NODE_MM * float(np.linalg.norm(step)) * 0.5 * (cost[a] + cost[b]))
    size = int(numbers.max()) + 1
    half = sparse.coo_matrix((np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))), shape=(size, size)).tocsr()
    return half + half.T


def _smooth(line: NDArray[np.float64], radius: NDArray[np.float64], spacing: NDArray[np.float64], strength: float) -> Branch:
    bent = ndimage.gaussian_filter1d(line, 1.0, axis=0, mode="nearest")
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(bent, axis=0) * spacing, axis=1))])
    samples = np.arange(0.0, max(along[-1], 0.3), 0.3)
    points = np.stack([np.interp(samples, along, bent[:, a]) for a in range(3)], axis=1)
    return Branch(points, np.interp(samples, along, radius), strength)


def filled_shares(branches: Sequence[Branch], shape: tuple[int, ...], spacing_kji: NDArray[np.float64]) -> Values:
    """Share of each voxel [k, j, i] that vessels fill, times their brightness; counted on a grid four times finer."""
    fine_spacing = spacing_kji / FINE
    fine_shape = np.array(shape) * FINE
    share = np.zeros(int(np.prod(shape)), np.float32)
    for level in (0.75, 0.85, 1.0):  # three steps of brightness are enough
        members = [b for b in branches if (b.strength <= level) and (level < 0.8 or b.strength > level - (0.1 if level < 0.9 else 0.15))]
        cells = [_cells(b, fine_spacing, fine_shape) for b in members]
        if not cells:
            continue
        cells_all = np.unique(np.concatenate(cells))
        k, j, i = np.unravel_index(cells_all, tuple(fine_shape))
        voxels = np.ravel_multi_index((k // FINE, j // FINE, i // FINE), shape)
        filled = np.bincount(voxels, minlength=share.size).astype(np.float32) / FINE**3
        np.maximum(share, level * filled, out=share)
    return share.reshape(shape)


def _cells(branch: Branch, spacing: NDArray[np.float64], shape: NDArray[np.integer]) -> NDArray[np.int64]:
    """Numbers of the fine cells whose centre lies in the vessel."""
    found = []
    centres = (branch.points + 0.5) * FINE - 0.5
    for radius in np.unique(np.round(branch.radius_mm, 1)):
        chosen = centres[np.round(branch.radius_mm, 1) == radius]
        reach = np.ceil(max(radius, 0.15) / spacing).astype(int)
        ball = np.stack(np.meshgrid(*[np.arange(-r, r + 1) for r in reach], indexing="ij"), axis=-1).reshape(-1, 3)
        ball = ball[(((ball * spacing) ** 2).sum(axis=1)) <= max(radius, 0.15) ** 2]
        cells = (np.rint(chosen).astype(int)[:, None, :] + ball[None]).reshape(-1, 3)
        cells = cells[np.all((cells >= 0) & (cells < shape), axis=1)]
        found.append(np.ravel_multi_index(tuple(cells.T), tuple(shape)))
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)
