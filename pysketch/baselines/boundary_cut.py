"""Stitching overlapping patches along minimum-error boundary cuts.

Where two patches overlap, the pixels on one side of a path come from one and on the other side from the other. The
path is the one along which they differ least: with e = (difference)^2, y the row and x the column of the overlap,

    E(y, x) = e(y, x) + min( E(y-1, x-1), E(y-1, x), E(y-1, x+1) ),

followed back from the least E of the last row.

Source: Efros and Freeman, Image Quilting for Texture Synthesis and Transfer, SIGGRAPH 2001, section 2.1. There
patches join the picture one by one, in raster order, along an L of two cuts. Here each row of patches becomes a strip
first, and then the strips become the picture: no overlap meets another, so all cuts of one kind are found together.
"""

from __future__ import annotations

import numpy as np

from pysketch.baselines.patches import Grid


def minimum_error_cut(error: np.ndarray) -> np.ndarray:
    """The path of least summed error from the first row to the last: its column in each row.

    error (..., h, w), any number of overlaps; the path (..., h) moves by at most one column a row.
    Of equal ways the leftmost is taken.
    """
    h, w = error.shape[-2:]
    total = np.empty_like(error)
    total[..., 0, :] = error[..., 0, :]
    for y in range(1, h):
        total[..., y, :] = error[..., y, :] + _above(total[..., y - 1, :]).min(axis=-1)
    path = np.empty(error.shape[:-1], np.intp)
    path[..., -1] = total[..., -1, :].argmin(axis=-1)
    for y in range(h - 2, -1, -1):
        below = path[..., y + 1, None]
        near = np.clip(below + np.array([-1, 0, 1]), 0, w - 1)
        step = np.take_along_axis(total[..., y, :], near, axis=-1).argmin(axis=-1)
        path[..., y] = np.take_along_axis(near, step[..., None], axis=-1)[..., 0]
    return path


def stitch(patches: np.ndarray, grid: Grid) -> np.ndarray:
    """One picture (H, W) of patches (R, C, size, size) that lie on a grid whose step is size / 2 at least.

    On the path itself the pixels are the right or the lower patch's.
    """
    strips = _join(patches.swapaxes(0, 1), grid.lefts)  # (R, size, W)
    return _join(strips.swapaxes(1, 2), grid.tops).T


def _join(pieces: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Pieces (n, ..., h, w) that begin at these columns as one (..., h, W).

    All but the last are equally far apart, and no two overlaps meet; the last may overlap several.
    """
    even = len(starts) < 3 or starts[-1] - starts[-2] == starts[1] - starts[0]
    if not even:
        rest = _join(pieces[:-1], starts[:-1])
        seam = _seam(rest[..., starts[-1] :], pieces[-1][..., : rest.shape[-1] - starts[-1]])
        return np.concatenate([rest[..., : starts[-1]], seam, pieces[-1][..., seam.shape[-1] :]], axis=-1)
    w = pieces.shape[-1]
    joined = np.empty((*pieces.shape[1:-1], starts[-1] + w), pieces.dtype)
    for start, piece in zip(starts, pieces, strict=True):
        joined[..., start : start + w] = piece
    if len(starts) > 1 and (overlap := w - starts[1]):
        seams = _seam(pieces[:-1, ..., starts[1] :], pieces[1:, ..., :overlap])
        for start, seam in zip(starts[1:], seams, strict=True):
            joined[..., start : start + overlap] = seam
    return joined


def _seam(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Overlaps (..., h, w): left of the path those of the left pieces, from it on those of the right ones."""
    path = minimum_error_cut(np.square(np.subtract(left, right, dtype=np.float32)))
    return np.where(np.arange(left.shape[-1]) < path[..., None], left, right)


def _above(total: np.ndarray) -> np.ndarray:
    """(..., w, 3): each column's left neighbour, itself and its right neighbour; infinity beyond the ends."""
    beyond = np.full((*total.shape[:-1], 1), np.inf, total.dtype)
    padded = np.concatenate([beyond, total, beyond], axis=-1)
    return np.lib.stride_tricks.sliding_window_view(padded, 3, axis=-1)
