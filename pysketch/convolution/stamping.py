"""Images enlarged by stamps that lie side by side, and the transpose: a Deconvolution that needs no engine.

Every pixel stamps its channel's kernel (kh, kw), so that every output has one term:

    y[n, c, kh i + ky, kw j + kx] = W[c, ky, kx] x[n, c, i, j] + b[c]

Compiled kernels do it in one pass; NumPy and a GPU in one for each (ky, kx).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pysketch.device import Array, Workers, array_module
from pysketch.native import kernels


def stamp(x: Array, W: Array, b: Array | None, y: Array, workers: Workers) -> None:
    """y (N, C, kh H, kw W'), overwritten, of x (N, C, H, W'), W (C, 1, kh, kw) and b (C,)."""
    if array_module(x) is np and kernels():
        kernels().stamp(workers.team, workers.threads, x, y, W, b)
        return
    for part, weight, _ in stamped(y, W):
        array_module(x).multiply(x, weight, out=part)
    if b is not None:
        y += b[:, None, None]


def unstamp(dy: Array, W: Array, dx: Array, workers: Workers) -> None:
    """dx[n, c, i, j] = sum over (ky, kx) of W[c, ky, kx] dy[n, c, kh i + ky, kw j + kx], overwritten."""
    if array_module(dy) is np and kernels():
        kernels().unstamp(workers.team, workers.threads, dy, dx, W)
        return
    dx[...] = 0
    for part, weight, _ in stamped(dy, W):
        dx += weight * part


def stamped(image: Array, W: Array) -> Iterator[tuple[Array, Array, tuple[int, int]]]:
    """For every pixel (ky, kx) of a stamp: those of an (N, C, H', W') image that it makes, and its (C, 1, 1)."""
    height, width = W.shape[2:]
    for ky, kx in np.ndindex(height, width):
        yield image[:, :, ky::height, kx::width], W[:, 0, ky, kx, None, None], (ky, kx)
