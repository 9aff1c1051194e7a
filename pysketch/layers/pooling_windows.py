"""Sums and maxima over windows along one axis; two of them, one after the other, pool over rectangles.

The maximum, or the sum, over a rectangle is that over a column of what each of its rows gives. So a k x k window takes
2 k passes over memory instead of k^2, forward and backward. All functions take arrays of NumPy or CuPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pysketch.device import Array, array_module


@dataclass(frozen=True)
class Windows:
    """Windows of `kernel` elements along an axis of `size`, `stride` apart, the first one `pad` before the axis.

    A window may reach beyond the axis at either end, but has at least one element on it. count: how many there are.
    """

    size: int
    count: int
    kernel: int
    stride: int = 1
    pad: int = 0

    @classmethod
    def along(cls, size: int, kernel: int, stride: int, pad: int, ceil: bool) -> Windows:
        """As many as Caffe has: the last one may reach beyond the padding (ceil) or not, and begins before its end.

        (size + 2 pad - kernel) / stride + 1, rounded up or down; less 1 if the last began at size + pad or later.
        """
        room = size + 2 * pad - kernel
        count = (-(-room // stride) if ceil else room // stride) + 1
        return cls(size, count - ((count - 1) * stride >= size + pad), kernel, stride, pad)

    def lengths(self) -> np.ndarray:
        """How long each window is, cut off at size + pad: with the padding, without what lies behind it."""
        starts = np.arange(self.count) * self.stride - self.pad
        return np.minimum(starts + self.kernel, self.size + self.pad) - starts

    def taps(self, axis: int, ndim: int) -> Iterator[tuple[int, tuple[slice, ...], tuple[slice, ...]]]:
        """For every place k of a window: (k, what the windows have there, which windows do), as indices."""
        for k in range(self.kernel):
            first = max(0, -(-(self.pad - k) // self.stride))
            last = min(self.count, (self.size - 1 + self.pad - k) // self.stride + 1)
            if first < last:
                start = first * self.stride - self.pad + k
                stop = start + (last - first - 1) * self.stride + 1
                yield k, _index(axis, ndim, slice(start, stop, self.stride)), _index(axis, ndim, slice(first, last))


def pool(x: Array, rows: Windows, cols: Windows, mean: bool) -> Array:
    """(n, H, W) -> (n, H', W'): the mean of every window, its padding counted, or its largest element."""
    if mean:
        return window_sums(window_sums(x, cols, 2), rows, 1) / _sizes(rows, cols, x)
    return window_maxima(window_maxima(x, cols, 2), rows, 1)


def unpool(x: Array, dy: Array, rows: Windows, cols: Windows, mean: bool) -> Array:
    """dx (n, H, W) of `pool`; the maxima are looked for again, which is cheaper than keeping where they were."""
    if mean:
        return spread_sums(spread_sums(dy / _sizes(rows, cols, x), rows, 1), cols, 2)
    row_maxima, right = first_maxima(x, cols, 2)
    _, down = first_maxima(row_maxima, rows, 1)
    return spread_maxima(spread_maxima(dy, down, rows, 1), right, cols, 2)


def window_sums(x: Array, windows: Windows, axis: int) -> Array:
    """y[o] = the sum of x[s o - p + k] over k; zeros outside."""
    y = array_module(x).zeros(_resized(x, axis, windows.count), x.dtype)
    for _, seen, outs in windows.taps(axis, x.ndim):
        y[outs] += x[seen]
    return y


def spread_sums(dy: Array, windows: Windows, axis: int) -> Array:
    """The transpose of window_sums: every window hands its dy to all its elements."""
    dx = array_module(dy).zeros(_resized(dy, axis, windows.size), dy.dtype)
    for _, seen, outs in windows.taps(axis, dy.ndim):
        dx[seen] += dy[outs]
    return dx


def window_maxima(x: Array, windows: Windows, axis: int) -> Array:
    """y[o] = the largest x[s o - p + k]; not a number if one of them is none."""
    xp = array_module(x)
    y = xp.full(_resized(x, axis, windows.count), -np.inf, x.dtype)
    for _, seen, outs in windows.taps(axis, x.ndim):
        xp.maximum(y[outs], x[seen], out=y[outs])
    return y


def first_maxima(x: Array, windows: Windows, axis: int) -> tuple[Array, Array]:
    """(y, k): the maxima, and the place in its window of the first element that none exceeds.

    Reckoned with truth values as numbers: choosing by them, element by element, takes a CPU twenty times longer.
    """
    y = window_maxima(x, windows, axis)
    place = array_module(x).zeros(y.shape, np.int32)
    for k, seen, outs in reversed(list(windows.taps(axis, x.ndim))):
        place[outs] += ~(x[seen] < y[outs]) * (k - place[outs])
    return y, place


def spread_maxima(dy: Array, place: Array, windows: Windows, axis: int) -> Array:
    """Every window hands its dy to its first largest element."""
    dx = array_module(dy).zeros(_resized(dy, axis, windows.size), dy.dtype)
    for k, seen, outs in windows.taps(axis, dy.ndim):
        dx[seen] += dy[outs] * (place[outs] == k)
    return dx


def _sizes(rows: Windows, cols: Windows, like: Array) -> Array:
    """(H', W'): how many elements each window has, padding included."""
    return array_module(like).asarray(np.multiply.outer(rows.lengths(), cols.lengths()), like.dtype)


def _index(axis: int, ndim: int, part: slice) -> tuple[slice, ...]:
    return tuple(part if k == axis % ndim else slice(None) for k in range(ndim))


def _resized(x: Array, axis: int, length: int) -> tuple[int, ...]:
    return tuple(length if k == axis % x.ndim else n for k, n in enumerate(x.shape))
