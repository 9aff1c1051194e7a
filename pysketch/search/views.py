"""Several views of one sketch: lines by their direction, finely and coarsely placed, and tone against its surround.

All work at half the frame's size, on the sketch divided by its own mean slope: neither a paper's tint nor how hard the
pencil was pressed changes a view. A view is sampled on a grid; where the grid is moved, the sketch is looked at
shifted, which costs little.

Lines by direction are histograms of oriented gradients (Dalal and Triggs, CVPR 2005), which forensic sketch matching
has rested on since (Klare, Li, Jain, IEEE TPAMI 33(3), 2011). Tone is a difference of Gaussians over its local
deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pysketch.errors import DataError
from pysketch.images import ndimage

FRAME = 250, 200
"""Height and width of an aligned sketch; the eyes are at (75, 125) and (125, 125)."""

HALF = 125, 100
"""The size at which views are computed: pixel (y, x) of it covers the frame's (2y, 2x) to (2y + 1, 2x + 1)."""

ORIENTATIONS = 8
_SMOOTH = 2.0  # deviations here are in pixels of the frame
_TONE, _SURROUND, _LOCAL = 3.0, 8.0, 12.0
_SLOPE = 4.0  # grey levels a pixel: what the mean slope is made
_FLOOR, _CLIP, _TONE_FLOOR = 25.0, 0.2, 25.0


class Grid(NamedTuple):
    """Where a view is sampled, in pixels of the frame about its middle: steps of `step`, so many each side."""

    step: int
    down: int
    across: int

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns."""
        return 2 * self.down + 1, 2 * self.across + 1

    def places(self, axis: int, shift: float = 0.0) -> np.ndarray:
        """(rows,) or (columns,) float: the places along an axis, moved by a shift."""
        count = (self.down, self.across)[axis]
        return FRAME[axis] / 2 + shift + self.step * np.arange(-count, count + 1.0)


class View(NamedTuple):
    """What of the sketch is sampled where. foot: how far around a place lines count, pixels; 0: tone, at the place."""

    name: str
    grid: Grid
    foot: float
    weight: float

    @property
    def length(self) -> int:
        """How many numbers."""
        return self.grid.shape[0] * self.grid.shape[1] * (ORIENTATIONS if self.foot else 1)

    @property
    def around(self) -> float:
        """How far around its place a number tells of the sketch: a deviation, pixels, no less than closes the grid.

        Of a triangle it is the foot / sqrt(6); Gaussians 0.6 steps wide add up to a plane.
        """
        return max(self.foot / 6**0.5 if self.foot else _TONE, 0.6 * self.grid.step)


VIEWS = (
    View("fine lines", Grid(10, 9, 7), 10.0, 1.0),
    View("coarse lines", Grid(16, 5, 4), 32.0, 0.4),
    View("tone", Grid(8, 11, 8), 0.0, 0.5),
)
"""Weights say how much a view counts beside the others; chosen on held out training pairs."""


class Looked(NamedTuple):
    """A sketch made ready: `smooth` and `tone`, (125, 100) float32."""

    smooth: np.ndarray
    tone: np.ndarray


def in_frame(sketch: np.ndarray) -> np.ndarray:
    """A grey sketch (H, W) as (250, 200): a smaller one at its centre, its border continued. DataError if larger."""
    if sketch.ndim != 2 or sketch.size == 0:
        raise DataError(f"expected a grey sketch (height, width), found an array {sketch.shape}")
    down, across = FRAME[0] - sketch.shape[0], FRAME[1] - sketch.shape[1]
    if down < 0 or across < 0:
        raise DataError(f"expected an aligned sketch of 200x250 pixels, found {sketch.shape[1]}x{sketch.shape[0]}")
    return np.pad(sketch, ((down // 2, down - down // 2), (across // 2, across - across // 2)), mode="edge")


def look(sketch: np.ndarray) -> Looked:
    """The two pictures that views are sampled from; sketch: grey (250, 200) or its centre. DataError if larger."""
    half = in_frame(sketch).astype(np.float32).reshape(HALF[0], 2, HALF[1], 2).mean(axis=(1, 3))
    smooth = _blurred(half, _SMOOTH)
    down, across = _slopes(smooth)
    smooth = (smooth - smooth.mean()) * (_SLOPE / max(float(np.hypot(down, across).mean()), 1e-3))
    difference = _blurred(smooth, np.sqrt(_TONE**2 - _SMOOTH**2)) - _blurred(smooth, np.sqrt(_SURROUND**2 - _SMOOTH**2))
    return Looked(smooth, difference / np.sqrt(_blurred(difference**2, _LOCAL) + _TONE_FLOOR))


def turned(looked: Looked, turn: float, size: float) -> Looked:
    """The same turned by degrees, anticlockwise as seen, and grown by a factor about the frame's middle; bilinear."""
    if turn == 0 and size == 1:
        return looked
    angle = np.deg2rad(turn)
    linear = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / size
    middle = (np.array(HALF) - 1) / 2
    offset = middle - linear @ middle
    warped = [ndimage().affine_transform(each, linear, offset, order=1, mode="nearest") for each in looked]
    return Looked(*warped)


def strengths(smooth: np.ndarray) -> np.ndarray:
    """(N, ORIENTATIONS, 125, 100) float32, of (N, 125, 100): how steep it is in each direction.

    Direction k is k 180 / ORIENTATIONS degrees, light to dark as dark to light. A slope counts in a direction with the
    eighth power of the cosine of twice the angle between, none where that is negative: the half at 12 degrees.
    """
    down, across = _slopes(smooth)
    steep = np.hypot(down, across)
    unit = 1 / np.maximum(steep, 1e-6)
    double = np.stack([(across * across - down * down), 2 * across * down], axis=1) * (unit * unit)[:, None]
    angles = 2 * np.pi / ORIENTATIONS * np.arange(ORIENTATIONS)
    turned_by = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = (turned_by @ double.reshape(len(smooth), 2, -1)).reshape(len(smooth), ORIENTATIONS, *HALF)
    np.maximum(found, 0, out=found)
    for _ in range(3):
        np.multiply(found, found, out=found)
    found *= steep[:, None]
    return found


def sampled(looked: Sequence[Looked], downs: Sequence[float], acrosses: Sequence[float]) -> list[np.ndarray]:
    """For each of VIEWS (N len(downs) len(acrosses), length) float32: each sketch on the grids, moved by each shift.

    downs, acrosses: pixels; the rows are sketch by sketch, then by the shift down, then across.
    """
    lines = strengths(np.stack([each.smooth for each in looked]))
    tone = np.stack([each.tone for each in looked])[:, None]
    found = []
    for view in VIEWS:
        maps = lines if view.foot else tone
        rows, columns = (
            np.concatenate([_pooling(view.grid.places(axis, shift), view.foot, HALF[axis]) for shift in shifts])
            for axis, shifts in enumerate((downs, acrosses))
        )
        cells = rows @ maps @ columns.T
        height, width = view.grid.shape
        cells = cells.reshape(len(looked), -1, len(downs), height, len(acrosses), width).transpose(0, 2, 4, 1, 3, 5)
        cells = np.ascontiguousarray(cells).reshape(-1, maps.shape[1], height, width)
        found.append((_evened(cells) if view.foot else cells).reshape(len(cells), -1))
    return found


def _pooling(places: np.ndarray, foot: float, size: int) -> np.ndarray:
    """(places, size) float32: how much each pixel of a half-sized axis counts at a place: a triangle, `foot` each side.

    Without a foot: linear interpolation. Beyond the border nothing is added, or the border's pixel taken.
    """
    at = (places - 0.5) / 2
    if not foot:
        at = at.clip(0, size - 1)
    apart = np.abs(np.arange(size) - at[:, None]) * 2
    share = np.clip(1 - apart / (foot or 2.0), 0, None)
    return (share * (2 / foot**0.5) if foot else share).astype(np.float32)


def _evened(cells: np.ndarray) -> np.ndarray:
    """Each cell over the norm of the nine cells around it, at most _CLIP: (M, ORIENTATIONS, rows, columns)."""
    energy = np.pad((cells * cells).sum(axis=1), ((0, 0), (1, 1), (1, 1)), mode="edge")
    energy = energy[:, :-2] + energy[:, 1:-1] + energy[:, 2:]
    energy = energy[..., :-2] + energy[..., 1:-1] + energy[..., 2:]
    return np.minimum(cells / np.sqrt(energy + np.float32(_FLOOR))[:, None], np.float32(_CLIP))


def _blurred(picture: np.ndarray, deviation: float) -> np.ndarray:
    """By a Gaussian; deviation in pixels of the frame, picture of half its size."""
    return ndimage().gaussian_filter(picture, deviation / 2, truncate=3, mode="nearest")


def _slopes(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Down and across, grey levels a pixel of the frame; the last two axes of a picture of half its size."""
    return tuple(np.gradient(picture, 2.0, axis=axis) for axis in (-2, -1))
