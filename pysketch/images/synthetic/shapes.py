"""Antialiased curves, fills and pencil strokes on the fixed canvas of the synthetic faces.

Points are arrays (n, 2) of x, y in pixels; the centre of the top left pixel is (0, 0). A mask is a float32
array (HEIGHT, WIDTH) from 0 to 1. Ink is like a mask, but may exceed 1 where strokes lie on each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pysketch.images.filters import ndimage

WIDTH, HEIGHT = 200, 250

COLUMNS = np.arange(WIDTH, dtype=np.float32)[None, :]
ROWS = np.arange(HEIGHT, dtype=np.float32)[:, None]


_SAMPLES = 16  # points per span of a smooth curve
_T = np.arange(_SAMPLES)[:, None] / _SAMPLES
_CATMULL_ROM = 0.5 * _T ** np.arange(4) @ np.array([(0, 2, 0, 0), (-1, 0, 1, 0), (2, -5, 4, -1), (-1, 3, -3, 1)])


def smooth_curve(points: ArrayLike, closed: bool = False) -> np.ndarray:
    """The uniform Catmull-Rom curve through the points (Catmull and Rom, 1974), 16 points per span."""
    knots = np.asarray(points, dtype=float)
    if closed:
        padded = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    spans = len(padded) - 3
    neighbours = padded[np.arange(spans)[:, None] + np.arange(4)]  # (spans, 4, 2)
    return np.concatenate([(_CATMULL_ROM @ neighbours).reshape(-1, 2), padded[-2:-1]])


def lengths(curve: np.ndarray) -> np.ndarray:
    """Length of the polyline from its start to each of its points, in pixels."""
    steps = curve[1:] - curve[:-1]
    along = np.zeros(len(curve))
    np.cumsum(np.sqrt(steps[:, 0] ** 2 + steps[:, 1] ** 2), out=along[1:])
    return along


def resample(curve: np.ndarray, density: float, least: int = 2) -> np.ndarray:
    """Points at equal distances along the polyline, ends included: `density` to a pixel, or `least`."""
    along = lengths(curve)
    count = max(int(density * along[-1]) + 1, least)
    at = np.arange(count) * (along[-1] / (count - 1))
    points = np.empty((count, 2))
    points[:, 0], points[:, 1] = np.interp(at, along, curve[:, 0]), np.interp(at, along, curve[:, 1])
    return points


def fill(outline: np.ndarray) -> np.ndarray:
    """Mask of the inside of a polygon; the last point joins the first.

    Each piece of the outline adds its height, signed, to the pixel it crosses; the running sum along a row is
    then the share of each pixel inside. Pieces are cut at row borders, so every row sums to zero.
    """
    outline = np.concatenate([outline, outline[:1]]) + 0.5
    outline = resample(outline, density=2, least=8)  # pieces shorter than one row
    (x0, y0), (x1, y1) = outline[:-1].T, outline[1:].T
    first, second = np.floor(y0), np.floor(y1)
    border = np.where(first == second, y1, np.maximum(first, second))
    row = np.concatenate([first, second])
    height = np.concatenate([border - y0, y1 - border])
    x = np.tile(np.clip((x0 + x1) / 2, 0, WIDTH), 2)
    kept = (row >= 0) & (row < HEIGHT)
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    if not kept.any():
        return mask
    row, height, x = row[kept].astype(int), height[kept], x[kept]
    column = x.astype(int)
    top, left = row.min(), column.min()
    rows, columns = row.max() - top + 1, column.max() - left + 2
    at = (row - top) * columns + column - left
    share = x - column
    edges = np.bincount(
        np.concatenate([at, at + 1]), np.concatenate([height * (1 - share), height * share]), rows * columns
    )
    inside = np.minimum(np.abs(np.cumsum(edges.reshape(rows, columns), axis=1)), 1)
    mask[top : top + rows, left : left + columns] = inside[:, : WIDTH - left]
    return mask


def disc(x: float, y: float, radius: float) -> np.ndarray:
    """Mask of a round disc."""
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    top, left = max(int(y - radius) - 1, 0), max(int(x - radius) - 1, 0)
    box = (slice(top, int(y + radius) + 3), slice(left, int(x + radius) + 3))
    mask[box] = np.clip(radius + 0.5 - np.hypot(COLUMNS[:, box[1]] - x, ROWS[box[0]] - y), 0, 1)
    return mask


def splat(points: ArrayLike, weights: ArrayLike) -> np.ndarray:
    """Ink (HEIGHT, WIDTH): each point's weight shared among the four pixels around it; outside is dropped."""
    x, y = points.reshape(-1, 2).T
    weights = np.broadcast_to(weights, points.shape[:-1]).reshape(-1)
    kept = (x > 0) & (x < WIDTH - 1) & (y > 0) & (y < HEIGHT - 1)
    ink = np.zeros((HEIGHT, WIDTH), np.float32)
    if not kept.any():
        return ink
    x, y, weights = x[kept], y[kept], weights[kept]
    column, row = x.astype(int), y.astype(int)
    right, below = x - column, y - row
    top, left = row.min(), column.min()
    rows, columns = row.max() - top + 2, column.max() - left + 2
    at = (row - top) * columns + column - left
    upper, lower = weights * (1 - below), weights * below
    box = np.bincount(
        np.concatenate([at, at + 1, at + columns, at + columns + 1]),
        np.concatenate([upper * (1 - right), upper * right, lower * (1 - right), lower * right]),
        rows * columns,
    )
    ink[top : top + rows, left : left + columns] = box.reshape(rows, columns)
    return ink


def stroke(curve: np.ndarray, width: float = 1.0, pressure: float = 1.0, taper: float = 0.25) -> np.ndarray:
    """Ink of one pencil stroke. `taper` is the share of the length over which each end thins to nothing."""
    curve = resample(curve, density=1.2, least=8)
    t = np.arange(len(curve)) / (len(curve) - 1)
    swell = np.ones(len(curve)) if taper == 0 else np.minimum(np.minimum(t, 1 - t) / taper, 1) ** 0.7
    along = np.concatenate([curve[1:] - curve[:-1], curve[-1:] - curve[-2:-1]])
    step = np.sqrt(along[:, 0] ** 2 + along[:, 1] ** 2)
    normal = along[:, ::-1] * (-1, 1) / np.maximum(step, 1e-9)[:, None]
    lanes = int(np.ceil(1.5 * width))
    offsets = (np.arange(lanes) + 0.5) / lanes - 0.5
    points = curve + (offsets[:, None, None] * width) * (normal * swell[:, None])
    return splat(points, pressure * swell * step * width / lanes)


def strands(paths: np.ndarray, weights: ArrayLike) -> np.ndarray:
    """Ink of many hairs at once. paths: (k, m, 2); weights broadcast to (k, m), 1 is a full pencil line."""
    steps = paths[:, 1:] - paths[:, :-1]
    weights = np.broadcast_to(weights, paths.shape[:2])[:, :-1]
    return splat(paths[:, :-1], weights * np.sqrt(steps[..., 0] ** 2 + steps[..., 1] ** 2))


def glow(x: float, y: float, radius_x: float, radius_y: float) -> np.ndarray:
    """Soft round mask exp(-(dx^2 + dy^2) / 2), with dx and dy measured in radii."""
    return np.exp(-0.5 * ((ROWS - y) / radius_y) ** 2) * np.exp(-0.5 * ((COLUMNS - x) / radius_x) ** 2)


def soften(mask: np.ndarray, radius: float) -> np.ndarray:
    """The mask blurred by a Gaussian of that radius in pixels."""
    margin = int(2.5 * radius) + 2
    box = bounds(mask, margin)
    soft = np.zeros((HEIGHT, WIDTH), np.float32)
    soft[box] = ndimage().gaussian_filter(mask[box], radius, mode="nearest", truncate=2.5)
    return soft


def bounds(mask: np.ndarray, margin: int = 0) -> tuple[slice, slice]:
    """The slices (rows, columns) around all that is not nearly zero, widened by a margin."""
    rows = np.flatnonzero(mask.max(axis=1) > 0.002)
    if rows.size == 0:
        return slice(0, 0), slice(0, 0)
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].max(axis=0) > 0.002)
    return (
        slice(max(rows[0] - margin, 0), rows[-1] + 1 + margin),
        slice(max(columns[0] - margin, 0), columns[-1] + 1 + margin),
    )


def grain(rng: np.random.Generator, radius: float) -> np.ndarray:
    """Noise (HEIGHT, WIDTH) of mean 0 and deviation about 1, within -2..2, with grains of that radius."""
    noise = ndimage().gaussian_filter(
        rng.standard_normal((HEIGHT, WIDTH), dtype=np.float32), radius, mode="wrap", truncate=2.5
    )
    return np.clip(noise / noise.std(), -2, 2)


def paint(image: np.ndarray, colour: ArrayLike, mask: np.ndarray) -> None:
    """Lays a colour (3 numbers, or an image) over the image (HEIGHT, WIDTH, 3), in place, where masked."""
    box = bounds(mask)
    colour = np.asarray(colour, dtype=np.float32)
    if colour.ndim == 3:
        colour = colour[box]
    image[box] += np.clip(mask[box], 0, 1)[..., None] * (colour - image[box])
