"""Unfolding image patches into columns, so that a convolution becomes one matrix product, and back.

Rows of the column matrix run over (channel, ky, kx), its columns over (oy, ox), as in Caffe.
"""

from __future__ import annotations

from dataclasses import dataclass

from pysketch.backend import Array, array_module
from pysketch.receptive_field import ReceptiveField


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

    def receptive_field(self, axis: int) -> ReceptiveField:
        """What an output sees along the axis."""
        return ReceptiveField(self.stride[axis], self.pad[axis], self.extent(axis) - 1 - self.pad[axis])

    def input_range(self, start: int, stop: int, axis: int) -> tuple[int, int]:
        """The input pixels that the outputs start..stop see along the axis, ends excluded; some may be padding."""
        return self.receptive_field(axis).seen_range(start, stop)

    def output_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(out_h, out_w) for an input of size (h, w): (h + 2 pad - extent) // stride + 1; < 1: no fit."""
        return tuple((size[axis] + 2 * self.pad[axis] - self.extent(axis)) // self.stride[axis] + 1 for axis in (0, 1))


def copy_seen(image: Array, top: int, left: int, out: Array) -> None:
    """out (C, h, w) = the part of an image (C, H, W) that begins at (top, left), zeros outside the image."""
    h, w = out.shape[1:]
    y0, x0 = max(0, -top), max(0, -left)
    y1, x1 = min(h, image.shape[1] - top), min(w, image.shape[2] - left)
    if (y0, x0, y1, x1) != (0, 0, h, w):
        out[...] = 0
    if y1 > y0 and x1 > x0:
        out[:, y0:y1, x0:x1] = image[:, top + y0 : top + y1, left + x0 : left + x1]


def im2col(x: Array, window: Window, out: Array) -> None:
    """Copy the patches of x into out. x: (C, h, w), with its padding. out: (C, kh, kw, rows, cols), overwritten:

    out[c, ky, kx, i, j] = x[c, i sy + ky dy, j sx + kx dx].
    """
    (sy, sx), (dy, dx) = window.stride, window.dilation
    step_c, step_y, step_x = x.strides
    strides = (step_c, dy * step_y, dx * step_x, sy * step_y, sx * step_x)
    out[...] = array_module(x).lib.stride_tricks.as_strided(x, shape=out.shape, strides=strides)


def col2im(col: Array, window: Window, x: Array) -> None:
    """Add every column element to the pixel that im2col read it from: the transpose of im2col.

    col: (C, kh, kw, rows, cols). x: (C, h, w), with its padding, added to.
    """
    (sy, sx), (dy, dx) = window.stride, window.dilation
    rows, cols = col.shape[3:]
    for ky in range(window.kernel[0]):
        for kx in range(window.kernel[1]):
            top, left = ky * dy, kx * dx
            x[:, top : top + (rows - 1) * sy + 1 : sy, left : left + (cols - 1) * sx + 1 : sx] += col[:, ky, kx]
