"""Unfolding image patches into columns, so that a convolution becomes one matrix product, and back.

Rows of the column matrix run over (channel, ky, kx), its columns over (oy, ox), as in Caffe.
Both functions work on a tile of the output, so that a net's columns never exceed its workspace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from pysketch.backend import Array, array_module
from pysketch.workers import DEFAULT_WORKSPACE


@dataclass(frozen=True)
class Window:
    """The geometry of a convolution: each pair is (vertical, horizontal), in pixels."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)

    def extent(self, axis: int) -> int:
        """How many input pixels one output sees along the axis: d (k - 1) + 1."""
        return self.dilation[axis] * (self.kernel[axis] - 1) + 1

    def output_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(out_h, out_w) for an input of size (h, w): (h + 2 pad - extent) // stride + 1; < 1: no fit."""
        return tuple((size[axis] + 2 * self.pad[axis] - self.extent(axis)) // self.stride[axis] + 1 for axis in (0, 1))


@dataclass(frozen=True)
class Tile:
    """A rectangle of output positions: rows top..bottom, columns left..right, ends excluded."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.bottom - self.top, self.right - self.left


class Workspace:
    """One flat buffer that a net's convolutions share, of at most `limit` bytes.

    `peak` is the largest number of bytes lent so far.
    """

    def __init__(self, limit: int = DEFAULT_WORKSPACE) -> None:
        self.limit = limit
        self.peak = 0
        self._buffer: Array | None = None

    def lend(self, shape: tuple[int, ...], dtype: np.dtype, xp: ModuleType) -> Array:
        """An uninitialised array, valid until the next call.

        More than `limit` is lent only where a single column (one output position) needs it.
        """
        count = int(np.prod(shape))
        size = count * dtype.itemsize
        self.peak = max(self.peak, size)
        buffer = self._buffer
        if buffer is None or buffer.nbytes < size or array_module(buffer) is not xp:
            self._buffer = None
            self._buffer = buffer = xp.empty(size, np.uint8)
        return buffer[:size].view(dtype).reshape(shape)

    def tiles(self, out_size: tuple[int, int], column_bytes: int) -> Iterator[Tile]:
        """Cut an output into tiles of whole rows, or of parts of a row where one row is too much."""
        out_h, out_w = out_size
        positions = max(1, self.limit // column_bytes)
        rows, cols = max(1, positions // out_w), min(out_w, positions)
        for top in range(0, out_h, rows):
            for left in range(0, out_w, cols):
                yield Tile(top, min(top + rows, out_h), left, min(left + cols, out_w))


def im2col(x: Array, window: Window, tile: Tile, out: Array) -> None:
    """Copy the patches of x that the tile's outputs see into out.

    x: (C, H, W), already padded. out: (C, kh, kw, rows, cols), overwritten:
    out[c, ky, kx, i, j] = x[c, (top + i) sy + ky dy, (left + j) sx + kx dx].
    """
    xp = array_module(x)
    (sy, sx), (dy, dx) = window.stride, window.dilation
    start = x[:, tile.top * sy :, tile.left * sx :]
    step_c, step_y, step_x = x.strides
    strides = (step_c, dy * step_y, dx * step_x, sy * step_y, sx * step_x)
    out[...] = xp.lib.stride_tricks.as_strided(start, shape=out.shape, strides=strides)


def col2im(col: Array, window: Window, tile: Tile, x: Array) -> None:
    """Add every column element to the pixel that im2col read it from: the transpose of im2col.

    col: (C, kh, kw, rows, cols). x: (C, H, W), already padded, added to.
    """
    (sy, sx), (dy, dx) = window.stride, window.dilation
    rows, cols = tile.size
    for ky in range(window.kernel[0]):
        top = tile.top * sy + ky * dy
        for kx in range(window.kernel[1]):
            left = tile.left * sx + kx * dx
            x[:, top : top + (rows - 1) * sy + 1 : sy, left : left + (cols - 1) * sx + 1 : sx] += col[:, ky, kx]
