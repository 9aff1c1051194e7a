"""Convolution by Winograd's filtering in both directions, in compiled kernels: `winograd_engine` without its copies.

A tile is TILE x TILE pixels, of which F(m x m, r x r) makes m x m outputs (see `winograd`); tiles are m pixels apart.
For a block of tiles f, with j a tile's transformed columns and i its rows,

    V (j, i, C, f)      = B^T x B of the tiles
    M (j, i, O, f)      = U V, with U (j, i, O, C) = G g G^T the transformed filters g: TILE^2 products over channels
    y (O, r, k, f)      = A^T M A, rows r and columns k of the tiles' outputs, k < m

Vectors lie along f. Where tiles overlap, nothing is copied: pixel (p, q) of tile (b, t) is the image's row m b + p and
column m t + q, and the slab keeps rows and columns by their remainder by m, so that it is number (b + p / m, t + q / m)
of the plane (p % m, q % m). Over that plane tiles are one row, whose vectors begin anywhere.

A block's V is as large as 64 / m^2 images, and its M as well: often too large for the cache. Then both exist for two j
at a time, those of the points a and -a (or 0 and infinity), for the sake of which fewer products are needed: with s the
sum of B^T[j, q] x_q over the even q and d that over the odd ones, the transformed columns are s + d and s - d; and of
what comes of them, column k of the outputs takes A^T[k, j] = a^k times the sum for even k, the difference for odd k.
U is read once in a block. `pysketch/native/tiles.h` tells the order in the cache.

A correlation whose kernel is not square, as some of those that a strided convolution's dx is made of, is done in
strips; so is the gradient of the filters.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pysketch.convolution.blocks import cut
from pysketch.convolution.direct_engine import Correlation, StripDirectEngine
from pysketch.convolution.winograd import TILE, winograd_matrices
from pysketch.convolution.winograd_engine import winograd_fits
from pysketch.device import Array, Workers
from pysketch.native import kernels

_ROWS = range(1, 13)  # of tiles of a block
_PARTS = (1, 2, 3, 4, 6, 8, 16, 32, 64)  # into which a row of tiles is cut
_BEGIN = 0.25  # what a block costs beside its vectors of tiles, in these
_AT_ONCE = 1 << 20  # bytes of V that is made for all pairs at once: half of a core's second cache
_SPILL = 12 << 20  # bytes of scratch memory that double the time: measured from 1 to 7 MiB


class TileDirectEngine(StripDirectEngine):
    """Tiles, where `winograd_fits` a correlation's window; see `StripDirectEngine` for others."""

    name = "WINOGRAD"

    def _plan(self, correlation: Correlation, channels: int, y: Array) -> Any:
        if not winograd_fits(correlation.window):
            return super()._plan(correlation, channels, y)
        return _TilePlan(correlation, channels, y.shape, y.dtype, self.workers)

    def _packed(self, correlation: Correlation, W: Array) -> Array:
        """U (O / side, TILE^2, C, side): the filters are brought into order while they are small."""
        if not winograd_fits(correlation.window):
            return super()._packed(correlation, W)
        side, (o, c, r, _) = kernels().rows(), W.shape
        groups, G = -(-o // side), winograd_matrices(TILE + 1 - r, r).G
        filters = np.zeros((groups * side, c, r * r), W.dtype)
        filters[:o] = W.reshape(o, c, -1)
        filters = filters.reshape(groups, side, c, r * r).transpose(0, 3, 2, 1).reshape(groups, r * r, -1)
        G2 = np.einsum("jx,iy->jiyx", G, G).reshape(TILE * TILE, -1).astype(W.dtype)
        return (G2 @ filters).reshape(groups, TILE * TILE, c, side)


class _TilePlan:
    """As `_Plan` of `direct_engine`, in tiles.

    Of all blocks that fit the workspace those are taken that should be done first: the tiles of a block are one row of
    vectors, `more` at the end of each row of tiles are none, and what does not stay in the cache costs more.
    """

    def __init__(
        self, correlation: Correlation, channels: int, shape: tuple[int, ...], dtype: np.dtype, workers: Workers
    ) -> None:
        (images, filters), (height, width), m = shape[:2], correlation.size, TILE + 1 - correlation.kernel[0]
        self.geometry = (*correlation.kernel, *correlation.stride, *correlation.dilation, *correlation.first)
        self.target = (*correlation.place, *correlation.step)
        down, across, room = -(-height // m), -(-width // m), workers.room(np)
        more, lanes = (TILE - 1) // m, kernels().vector() // dtype.itemsize

        def vectors_of(rows: int, cols: int) -> int:
            return -(-((rows - 1) * (cols + more) + cols) // lanes)

        def pairs_of(rows: int, cols: int) -> int:
            return 4 if TILE * TILE * channels * vectors_of(rows, cols) * kernels().vector() <= _AT_ONCE else 1

        def scratch(rows: int, cols: int) -> int:
            told = dtype.itemsize, filters, m, pairs_of(rows, cols)
            return kernels().tiles_scratch(channels, self.geometry, rows * m, cols * m, *told)

        def cost(size: tuple[int, int]) -> float:
            rows, cols = size
            count, nbytes = images * -(-down // rows) * -(-across // cols), scratch(rows, cols)
            vectors = vectors_of(rows, cols)
            each = math.inf if nbytes > room else (vectors + _BEGIN) * (1 + nbytes / _SPILL)
            return -(-count // workers.threads) * each

        highs = {-(-down // -(-down // rows)) for rows in _ROWS}  # about equally high: as `cut` makes them
        widths = {-(-across // parts) for parts in _PARTS} | {1}
        rows, cols = min(((high, wide) for high in sorted(highs) for wide in sorted(widths)), key=cost)
        self.nbytes = scratch(rows, cols)
        matrices = winograd_matrices(m, correlation.kernel[0])
        self.run = kernels().tiles
        self.matrices = m, pairs_of(rows, cols), matrices.AT.astype(dtype), matrices.BT.astype(dtype)
        self.blocks = [
            (
                block.image,
                block.top * m,
                min(block.bottom * m, height),
                block.left * m,
                min(block.right * m, width),
            )
            for block in cut(images, down, across, rows, cols)
        ]
