"""Unfolding image patches into columns, so that a convolution becomes one matrix product, and back.

Rows of the column matrix run over (channel, ky, kx), its columns over (oy, ox), as in Caffe.

`im2col` and `col2im` copy a block at a time, as a CPU's cache likes it. `unfold` and `fold` take many images at once
and the padding as they go: one kernel launch on a GPU, with a NumPy twin to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pysketch.convolution.receptive_field import ReceptiveField
from pysketch.device import Array, Kernel, array_module


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


def unfold(x: Array, window: Window, start: int, col: Array) -> None:
    """col (n, C, kh, kw, count) = the columns of so many output positions of each image, from the `start`th on.

    x: (n, C, H, W), every image contiguous. Position p is (oy, ox) = divmod(p, W'); col is contiguous:
    col[n, c, ky, kx, p - start] = x[n, c, oy sy + ky dy - py, ox sx + kx dx - px], 0 outside the image.
    """
    (_, channels, *size), count = x.shape, col.shape[-1]
    out_w = window.output_size(size)[1]
    if array_module(x) is np:
        ky, kx = np.ogrid[: window.kernel[0], : window.kernel[1]]
        oy, ox = np.divmod(start + np.arange(count), out_w)
        padded = np.pad(x, [(0, 0), (0, 0), *((pad, pad) for pad in window.pad)])
        rows = ky[..., None] * window.dilation[0] + oy * window.stride[0]
        col[...] = padded[:, :, rows, kx[..., None] * window.dilation[1] + ox * window.stride[1]]
        return
    images = len(x)
    assert x[0].flags.c_contiguous and col.flags.c_contiguous
    numbers = (images, channels, *size, out_w, start, count, *_geometry(window), x.strides[0] // x.itemsize)
    _IM2COL((count, channels, images), x, col, *numbers)


def fold(col: Array, window: Window, start: int, x: Array, top: int, bottom: int, fresh: int) -> None:
    """The transpose of `unfold`, for the rows top..bottom of every image of x (n, C, H, W): x = what col adds up to.

    Rows before `fresh` are added to, those from there on are overwritten, also if nothing of col belongs there.
    """
    (images, channels, *size), count = x.shape, col.shape[-1]
    out_w = window.output_size(size)[1]
    if array_module(x) is np:
        (py, px), (h, w) = window.pad, size
        sums = np.zeros((images, channels, h + 2 * py, w + 2 * px), x.dtype)
        oy, ox = np.divmod(start + np.arange(count), out_w)
        for ky, kx in np.ndindex(window.kernel):
            rows = oy * window.stride[0] + ky * window.dilation[0]
            sums[:, :, rows, ox * window.stride[1] + kx * window.dilation[1]] += col[:, :, ky, kx]
        x[:, :, fresh:bottom] = 0
        x[:, :, top:bottom] += sums[:, :, py + top : py + bottom, px : px + w]
        return
    assert x[0].flags.c_contiguous and col.flags.c_contiguous
    numbers = (images, channels, *size, top, bottom, fresh, out_w, start, count, *_geometry(window))
    _COL2IM(((bottom - top) * size[1], channels, images), col, x, *numbers, x.strides[0] // x.itemsize)


def _geometry(window: Window) -> tuple[int, ...]:
    return (*window.kernel, *window.stride, *window.pad, *window.dilation)


_SOURCE = r"""
// A division takes a GPU some thirty instructions, more than all the rest of a sum's step.
__device__ __forceinline__ int quotient(int x, int stride) {
    return stride == 1 ? x : x / stride;
}

// One thread for each position and channel writes a column's kh kw elements; neighbours write neighbours.
extern "C" __global__ void im2col(const real* __restrict__ x, real* __restrict__ col, int images, int channels,
                                  int height, int width, int out_w, int start, int count, int kh, int kw, int sy,
                                  int sx, int py, int px, int dy, int dx, long long x_image) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    int top = (start + i) / out_w * sy - py, left = (start + i) % out_w * sx - px;
    for (int n = blockIdx.z; n < images; n += gridDim.z) {
        for (int c = blockIdx.y; c < channels; c += gridDim.y) {
            const real* from = x + n * x_image + (long long)c * height * width;
            real* to = col + ((long long)n * channels + c) * kh * kw * count + i;
            for (int ky = 0; ky < kh; ++ky) {
                int y = top + ky * dy;
                for (int kx = 0; kx < kw; ++kx, to += count) {
                    int at = left + kx * dx;
                    bool inside = 0 <= y && y < height && 0 <= at && at < width;
                    *to = inside ? from[y * width + at] : (real)0;
                }
            }
        }
    }
}

// One thread for each pixel gathers what belongs there, in the order of (ky, kx).
extern "C" __global__ void col2im(const real* col, real* x, int images, int channels, int height, int width, int top,
                                  int bottom, int fresh, int out_w, int start, int count, int kh, int kw, int sy,
                                  int sx, int py, int px, int dy, int dx, long long x_image) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (bottom - top) * width) return;
    int y = top + i / width, at = i % width;
    for (int n = blockIdx.z; n < images; n += gridDim.z) {
        for (int c = blockIdx.y; c < channels; c += gridDim.y) {
            const real* from = col + ((long long)n * channels + c) * kh * kw * count;
            real sum = 0;
            for (int ky = 0; ky < kh; ++ky) {
                int below = y + py - ky * dy, oy = quotient(below, sy);
                if (below < 0 || oy * sy != below) continue;
                int row = oy * out_w - start;
                if (row >= count || row + out_w <= 0) continue;
                for (int kx = 0; kx < kw; ++kx) {
                    int right = at + px - kx * dx, ox = quotient(right, sx);
                    if (right < 0 || ox * sx != right || ox >= out_w || row + ox < 0 || row + ox >= count) continue;
                    sum += from[(long long)(ky * kw + kx) * count + row + ox];
                }
            }
            real* pixel = x + n * x_image + ((long long)c * height + y) * width + at;
            *pixel = y < fresh ? *pixel + sum : sum;
        }
    }
}
"""
_IM2COL, _COL2IM = Kernel("im2col", _SOURCE), Kernel("col2im", _SOURCE)
