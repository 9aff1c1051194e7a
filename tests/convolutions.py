"""Convolutions for the engines' tests: geometries, arrays, all three passes."""

from __future__ import annotations

import numpy as np

from pysketch.convolution.im2col import Window

WINDOWS = [
    *(Window((height, 3)) for height in range(2, 15)),
    Window((3, 1), pad=(1, 0)),
    Window((3, 3), pad=(2, 1)),
    Window((9, 2), pad=(9, 3)),
    Window((4, 4), stride=(2, 2), pad=(1, 1)),
    Window((3, 3), stride=(2, 1)),
    Window((5, 3), stride=(3, 2), pad=(1, 2)),
    Window((18, 2), stride=(2, 2), pad=(0, 1)),
    Window((3, 3), dilation=(2, 2), pad=(2, 2)),
    Window((3, 2), dilation=(4, 1), pad=(4, 0)),
    Window((3, 3), stride=(1, 2), dilation=(2, 3), pad=(1, 0)),
]


def arrays(window, size, n=2, c=3, o=4, dtype=np.float64):
    """Random x, W, dy."""
    rng = np.random.default_rng(sum(size))
    shapes = (n, c, *size), (o, c, *window.kernel), (n, o, *window.output_size(size))
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def run(engine, x, W, dy):
    """(y, dW, dx): dW starts at 1, the others as NaN."""
    y, dW, dx = np.full_like(dy, np.nan), np.ones_like(W), np.full_like(x, np.nan)
    engine.forward(x, W, y)
    engine.backward_weights(x, dy, dW)
    engine.backward_bottom(W, dy, dx)
    return y, dW, dx
