"""An aligned sketch as numbers: what of it is compared, and how.

A description is a long vector of norm 1, `detail`, for which a match is one dot product, and a short one, `outline`,
by which the nearest thousand are found first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pysketch.errors import DataError
from pysketch.images import ndimage

DESCRIPTION = 1
"""The version of all that stands here: descriptions of different versions are not compared."""

FRAME = 250, 200
"""Height and width of an aligned sketch; the eyes are at (75, 125) and (125, 125)."""

ROWS, COLUMNS = np.arange(25, 225, 8), np.arange(25, 176, 8)
ORIENTATIONS = 8
_SMOOTH = 2.0  # pixels, deviation
_CELL = 16  # pixels, half the foot of the triangle over which gradients are added up
_FLOOR, _CLIP = 25.0, 0.2

OUTLINE = (len(ROWS) // 4) * (len(COLUMNS) // 4) * ORIENTATIONS
DETAIL = len(ROWS) * len(COLUMNS) * ORIENTATIONS
OUTLINE_SCALE, DETAIL_SCALE = 300.0, 1200.0
"""What numbers of norm 1 are multiplied with before they are rounded to int8."""


class Description(NamedTuple):
    """outline: (OUTLINE,) int8 and detail: (DETAIL,) int8: vectors of norm 1 times their scales, rounded."""

    outline: np.ndarray
    detail: np.ndarray


def describe(sketch: np.ndarray) -> Description:
    """What is kept of an aligned sketch, grey uint8 (250, 200) or its centre; DataError if it is larger."""
    detail = details(gradient_maps(in_frame(sketch)), [(0.0, 0.0)])
    return Description(_rounded(outlines(detail)[0], OUTLINE_SCALE), _rounded(detail[0], DETAIL_SCALE))


def in_frame(sketch: np.ndarray) -> np.ndarray:
    """A grey sketch (H, W) as (250, 200): a smaller one at its centre, its border continued. DataError if larger."""
    down, across = FRAME[0] - sketch.shape[0], FRAME[1] - sketch.shape[1]
    if down < 0 or across < 0:
        raise DataError(f"expected an aligned sketch of 200x250 pixels, found {sketch.shape[1]}x{sketch.shape[0]}")
    return np.pad(sketch, ((down // 2, down - down // 2), (across // 2, across - across // 2)), mode="edge")


def gradient_maps(sketch: np.ndarray) -> np.ndarray:
    """(ORIENTATIONS, 250, 200) float32: around each pixel, how strong the lines of each direction are."""
    smooth = ndimage().gaussian_filter(sketch.astype(np.float32), _SMOOTH)
    down, across = np.gradient(smooth)
    strength, angle = np.hypot(across, down), (np.arctan2(down, across) % np.pi) / np.pi * ORIENTATIONS
    foot = np.concatenate([np.arange(1, _CELL + 1), np.arange(_CELL - 1, 0, -1)]).astype(np.float32) / _CELL
    maps = np.empty((ORIENTATIONS, *sketch.shape), np.float32)
    for k in range(ORIENTATIONS):
        apart = np.abs((angle - k + ORIENTATIONS / 2) % ORIENTATIONS - ORIENTATIONS / 2)
        share = np.clip(1 - apart, 0, None) * strength
        for axis in (0, 1):
            share = ndimage().convolve1d(share, foot, axis=axis, mode="constant")
        maps[k] = share
    return maps


def details(maps: np.ndarray, shifts: list[tuple[float, float]]) -> np.ndarray:
    """(len(shifts), DETAIL) float32 of norm 1: the maps looked at on the grid, moved by each (down, across)."""
    found = np.empty((len(shifts), DETAIL), np.float32)
    for k, (down, across) in enumerate(shifts):
        rows, columns = np.rint(ROWS + down).astype(int), np.rint(COLUMNS + across).astype(int)
        cells = maps[:, rows[:, None], columns]
        around = ndimage().uniform_filter((cells**2).sum(axis=0), 3) * 9
        cells = np.minimum(cells / np.sqrt(around + _FLOOR), _CLIP)
        vector = np.moveaxis(cells, 0, -1).ravel()
        vector = vector - vector.mean()
        found[k] = vector / max(np.linalg.norm(vector), 1e-12)
    return found


def places() -> np.ndarray:
    """(DETAIL, 3) float: of each number of a detail the frame's row and column, and how far around it looks, pixels."""
    rows, columns = np.meshgrid(ROWS, COLUMNS, indexing="ij")
    around = np.full(rows.size, _CELL / np.sqrt(6))  # the deviation of a triangle
    return np.stack([rows.ravel(), columns.ravel(), around], axis=1).repeat(ORIENTATIONS, axis=0)


def outlines(details: np.ndarray) -> np.ndarray:
    """(N, OUTLINE) float32 of norm 1, of (N, DETAIL): four by four places together."""
    grid = details.reshape(-1, len(ROWS), len(COLUMNS), ORIENTATIONS)
    down, across = len(ROWS) // 4 * 4, len(COLUMNS) // 4 * 4
    blocks = grid[:, :down, :across].reshape(-1, down // 4, 4, across // 4, 4, ORIENTATIONS).mean(axis=(2, 4))
    vectors = blocks.reshape(len(details), -1)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _rounded(vector: np.ndarray, scale: float) -> np.ndarray:
    return np.clip(np.rint(vector * scale), -127, 127).astype(np.int8)
