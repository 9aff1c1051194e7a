"""Convolution by Winograd's filtering in both directions, in compiled kernels: `winograd_engine` without its copies.

A tile is TILE x TILE pixels, of which F(m x m, r x r) makes m x m outputs (see `winograd`); tiles are m pixels apart.
For a block of tiles f, with j a tile's transformed columns and i its rows,

    V (j, i, C, f)      = B^T x B of the tiles
    M (j, i, O, f)      = U V, with U (j, i, O, C) = G g G^T the transformed filters g: TILE^2 products over channels
    y (O, r, k, f)      = A^T M A, rows r and columns k of the tiles' outputs, k < m

Vectors lie along f. Where tiles overlap, nothing is copied: pixel (p, q) of tile (b, t) is the image's row m b + p and
column m t + q, and the slab keeps rows and columns by their remainder by m, so that it is number (b + p / m, t + q / m)
of the plane (p % m, q % m). Over that plane tiles are one row, whose vectors begin anywhere.

A block's V is as large as 64 / m^2 images, and its M as well: too large for the cache. So both exist for two j at a
time, those of the points a and -a (and 0 with infinity), for the sake of which fewer products are needed: with
s = sum over even q of B^T[j, q] x_q and d the same over odd q, one is s + d, the other s - d; and of what they give to
column k of the outputs, A^T[k, j] = a^k, it is their sum for even k and their difference for odd k that is taken a^k
times. U is read once in a block. `pysketch/native/tiles.h` tells the order in the cache.

The row of tiles must be 8 x 8 with the same m in both directions: square kernels at stride 1. Other correlations, as
some of those that a strided convolution's dx is made of, are done in strips.
"""

from __future__ import annotations

import numpy as np

from pysketch.convolution.direct_engine import Correlation, StripDirectEngine, Way
from pysketch.convolution.im2col import Window
from pysketch.convolution.winograd import KERNELS, TILE, winograd_matrices
from pysketch.device import Array
from pysketch.native import kernels


class TileDirectEngine(StripDirectEngine):
    """Tiles, where a correlation's kernel is square, in strips where it is not."""

    name = "WINOGRAD"

    @staticmethod
    def fits(window: Window) -> bool:
        """True for square kernels of 2 to 7 pixels at stride 1 and dilation 1."""
        kernel_h, kernel_w = window.kernel
        return kernel_h == kernel_w and kernel_h in KERNELS and window.stride == window.dilation == (1, 1)

    def _way(self, correlation: Correlation) -> Way:
        if not self.fits(correlation.window):
            return super()._way(correlation)
        m = TILE + 1 - correlation.kernel[0]
        return Way("tiles", (m, m), (m,), winograd_matrices(m, correlation.kernel[0]))

    def _packed(self, correlation: Correlation, W: Array) -> Array:
        """U (O / side, TILE^2, C, side); the small filters are transposed, the large ones come out as they lie."""
        if not self.fits(correlation.window):
            return super()._packed(correlation, W)
        side, (o, c, r, _) = kernels().rows(), W.shape
        groups, G = -(-o // side), winograd_matrices(TILE + 1 - r, r).G
        filters = np.zeros((groups * side, c, r * r), W.dtype)
        filters[:o] = W.reshape(o, c, -1)
        filters = filters.reshape(groups, side, c, r * r).transpose(0, 3, 2, 1).reshape(groups, r * r, -1)
        G2 = np.einsum("jx,iy->jiyx", G, G).reshape(TILE * TILE, -1).astype(W.dtype)
        return (G2 @ filters).reshape(groups, TILE * TILE, c, side)
