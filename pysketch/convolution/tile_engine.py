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
strips; so is the gradient of the filters where that costs less.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pysketch.convolution.blocks import cut_units
from pysketch.convolution.direct_engine import Correlation, StripDirectEngine
from pysketch.convolution.winograd import TILE, winograd_matrices
from pysketch.convolution.winograd_engine import winograd_fits
from pysketch.device import SLACK, Array, Workers, padded
from pysketch.native import kernels

_RUN = 384  # tiles of a filter's run in a block of the gradient
_GRADIENT_CACHE = 10 << 20  # bytes of its scratch memory
_ROWS = range(1, 13)  # of tiles of a block
_PARTS = (1, 2, 3, 4, 6, 8, 16, 32, 64)  # into which a row of tiles is cut
_BEGIN = 0.25  # what a block costs beside its vectors of tiles, in these
_AT_ONCE = 1 << 20  # bytes of V that is made for all pairs at once: half of a core's second cache
_SPILL = 12 << 20  # bytes of scratch memory that double the time: measured from 1 to 7 MiB


class TileDirectEngine(StripDirectEngine):
    """Tiles, where `winograd_fits` a correlation's window and one fits the workspace; else `StripDirectEngine`."""

    name = "WINOGRAD"

    def _in_tiles(self, correlation: Correlation, channels: int, filters: int, item: int) -> bool:
        """Whether a correlation is done in tiles: where the window allows it, and the workspace holds one."""
        if not winograd_fits(correlation.window):
            return False
        m = TILE + 1 - correlation.kernel[0]
        one = channels, correlation.geometry, m, m, item, filters, m, 1
        return kernels().tiles_scratch(*one) <= self.workers.room(np)

    def _plan(self, correlation: Correlation, channels: int, y: Array) -> Any:
        if not self._in_tiles(correlation, channels, y.shape[1], y.itemsize):
            return super()._plan(correlation, channels, y)
        return _TilePlan(correlation, channels, y.shape, y.dtype, self.workers)

    def _gradient_plan(self, correlation: Correlation, x: Array, dy: Array) -> Any:
        """In tiles, if that is the cheapest way."""
        plan = super()._gradient_plan(correlation, x, dy)
        if not winograd_fits(correlation.window):
            return plan
        return min(plan, _TileGradientPlan(correlation, x, dy, self.workers), key=lambda plan: plan.cost)

    def _packed(self, correlation: Correlation, W: Array) -> Array:
        """U (O / side, TILE^2, C, side): the filters are brought into order while they are small."""
        if not self._in_tiles(correlation, W.shape[1], len(W), W.itemsize):
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
        self.geometry = correlation.geometry
        self.target = (*correlation.place, *correlation.step)
        down, across, room = -(-height // m), -(-width // m), workers.room(np)
        more, lanes = (TILE - 1) // m, kernels().vector() // dtype.itemsize

        def vectors_of(rows: int, cols: int) -> int:
            return -(-((rows - 1) * (cols + more) + cols) // lanes)

        def scratch(rows: int, cols: int, pairs: int) -> int:
            told = rows * m, cols * m, dtype.itemsize, filters, m, pairs
            return kernels().tiles_scratch(channels, self.geometry, *told)

        def pairs_of(rows: int, cols: int) -> int:
            V = TILE * TILE * channels * vectors_of(rows, cols) * kernels().vector()
            return 4 if V <= _AT_ONCE and scratch(rows, cols, 4) <= room else 1

        def cost(size: tuple[int, int]) -> float:
            rows, cols = size
            count, nbytes = images * -(-down // rows) * -(-across // cols), scratch(rows, cols, pairs_of(rows, cols))
            vectors = vectors_of(rows, cols)
            each = math.inf if nbytes > room else (vectors + _BEGIN) * (1 + nbytes / _SPILL)
            return -(-count // workers.threads) * each

        highs = {-(-down // -(-down // rows)) for rows in _ROWS}  # about equally high: as `cut` makes them
        widths = {-(-across // parts) for parts in _PARTS} | {1}
        rows, cols = min(((high, wide) for high in sorted(highs) for wide in sorted(widths)), key=cost)
        pairs, matrices = pairs_of(rows, cols), winograd_matrices(m, correlation.kernel[0])
        self.nbytes, self.run = scratch(rows, cols, pairs), kernels().tiles
        self.matrices = m, pairs, matrices.AT.astype(dtype), matrices.BT.astype(dtype)
        self.blocks = cut_units(images, (height, width), (m, m), rows, cols)


class _TileGradientPlan:
    """As `_GradientPlan` of `direct_engine`, in tiles.

    With y = A^T M A and M = U V, dM = A dy A^T of every tile and dU (j, i, O, C) = the sum over f of dM V^T; as
    U = G g G^T, dg = G^T dU G.
    """

    def __init__(self, correlation: Correlation, x: Array, dy: Array, workers: Workers) -> None:
        (images, filters, height, width), channels, dtype = dy.shape, x.shape[1], dy.dtype
        kernel, m = correlation.kernel[0], TILE + 1 - correlation.kernel[0]
        matrices = winograd_matrices(m, kernel)
        self.geometry = correlation.geometry
        self.run, self.matrices = kernels().tiles_gradient, (m, matrices.AT.astype(dtype), matrices.BT.astype(dtype))
        self.G2 = np.einsum("jx,iy->jiyx", matrices.G, matrices.G).reshape(TILE * TILE, -1).astype(dtype)
        self.shape = TILE * TILE, filters, channels

        def nbytes(rows: int, cols: int) -> int:
            size = rows * m, cols * m, dtype.itemsize
            return kernels().tiles_gradient_scratch(channels, self.geometry, *size, filters, m) + SLACK

        down, across, more, item = -(-height // m), -(-width // m), (TILE - 1) // m, dtype.itemsize
        one = padded(math.prod(self.shape) * item)
        shares = max(1, min(workers.threads, workers.limit // (one + nbytes(1, 1))))
        room = workers.limit // shares - one
        rows, cols = max(1, min(_RUN // (across + more), -(-images * down // shares))), across
        while rows > 1 and nbytes(rows, cols) > min(_GRADIENT_CACHE, room):
            rows -= 1
        while cols > 1 and nbytes(rows, cols) > room:
            cols = -(-cols // 2)
        self.nbytes = nbytes(rows, cols)
        self.blocks = cut_units(images, (height, width), (m, m), rows, cols)
        self.shares = min(shares, len(self.blocks))
        self.sum_bytes = self.shares * one + SLACK
        runs = images * down * (across + more) / 16
        products = -(-filters // 6) * TILE * TILE * channels * (runs + 11 * len(self.blocks))
        self.cost = (products + (channels + filters) * runs * 270) * 1.8

    def add(self, sums: Array, dW: Array, workers: Workers) -> Array:
        """As `_GradientPlan.add`."""
        with np.errstate(invalid="ignore"), workers.single_threaded_blas():  # infinities of both signs
            for share in sums[1:]:
                sums[0] += share
            found = (sums[0].reshape(TILE * TILE, -1).T @ self.G2).reshape(dW.shape)
        spoilt = ~np.isfinite(found).all(axis=(1, 2, 3))
        found[spoilt] = 0
        dW += found
        return spoilt
