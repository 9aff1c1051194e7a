"""Convolution as im2col and matrix products, forward and backward, in a bounded workspace: any geometry."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from pysketch.backend import Array, array_module
from pysketch.im2col import Tile, Window, Workspace, col2im, im2col


class GemmEngine:
    """With col the unfolded patches of one image (C kh kw rows, H' W' columns):

        y = W col,    dW += dy col^T,    dx = col2im(W^T dy)

    The columns are made for a tile of the output at a time, so that at most the workspace holds columns,
    however large the image or the batch. A 1x1 kernel at stride 1 without padding needs none: x is col.
    Shapes: x, dx (N, C, H, W); W, dW (O, C, kh, kw); y, dy (N, O, H', W'); every image C-contiguous.
    """

    def __init__(self, window: Window, workspace: Workspace) -> None:
        self.window = window
        self.workspace = workspace

    def forward(self, x: Array, W: Array, y: Array) -> None:
        """y = W col, overwritten, tile by tile, each product written straight into y where the tile is whole rows."""
        matrix = _rows(W)
        for image, out in zip(self._padded(x), y, strict=True):
            for tile, col in self._columns(image, W.shape, out):
                if tile.size[1] == out.shape[2]:
                    array_module(x).matmul(matrix, col, out=_tile_of(out, tile))
                else:
                    product = (matrix @ col).reshape(-1, *tile.size)
                    out[:, tile.top : tile.bottom, tile.left : tile.right] = product

    def backward_weights(self, x: Array, dy: Array, dW: Array) -> None:
        """dW += dy col^T."""
        sums = _rows(dW)
        for image, diff in zip(self._padded(x), dy, strict=True):
            for tile, col in self._columns(image, dW.shape, diff):
                sums += _tile_of(diff, tile) @ col.T

    def backward_bottom(self, W: Array, dy: Array, dx: Array) -> None:
        """dx = col2im(W^T dy), overwritten."""
        xp, (pad_h, pad_w), (_, c, h, w) = array_module(dy), self.window.pad, dx.shape
        transposed = _rows(W).T
        padded = xp.empty((c, h + 2 * pad_h, w + 2 * pad_w), dx.dtype) if pad_h or pad_w else None
        for target, diff in zip(dx, dy, strict=True):
            if self._is_pointwise:
                xp.matmul(transposed, _rows(diff), out=_rows(target))
                continue
            image = target if padded is None else padded
            image[...] = 0
            for tile in self._tiles(W.shape, diff):
                col = self._lend_columns(W.shape, tile, dx.dtype, dy)
                xp.matmul(transposed, _tile_of(diff, tile), out=_rows(col, 3))
                col2im(col, self.window, tile, image)
            if padded is not None:
                target[...] = padded[:, pad_h : pad_h + h, pad_w : pad_w + w]

    def _columns(self, x: Array, filters: tuple[int, ...], y: Array) -> Iterator[tuple[Tile, Array]]:
        """(tile, columns (C kh kw, positions)) of one padded image."""
        if self._is_pointwise:
            yield Tile(0, y.shape[1], 0, y.shape[2]), _rows(x)
            return
        for tile in self._tiles(filters, y):
            col = self._lend_columns(filters, tile, x.dtype, x)
            im2col(x, self.window, tile, col)
            yield tile, _rows(col, 3)

    def _tiles(self, filters: tuple[int, ...], y: Array) -> Iterator[Tile]:
        return self.workspace.tiles(y.shape[1:], math.prod(filters[1:]) * y.dtype.itemsize)

    def _lend_columns(self, filters: tuple[int, ...], tile: Tile, dtype: np.dtype, like: Array) -> Array:
        return self.workspace.lend((*filters[1:], *tile.size), dtype, array_module(like))

    @property
    def _is_pointwise(self) -> bool:
        return self.window == Window((1, 1))

    def _padded(self, x: Array) -> Iterator[Array]:
        """The images of a batch one by one, with their zeros around them; each is valid until the next."""
        (pad_h, pad_w), (_, c, h, w) = self.window.pad, x.shape
        if not (pad_h or pad_w):
            yield from x
            return
        padded = array_module(x).zeros((c, h + 2 * pad_h, w + 2 * pad_w), x.dtype)
        for image in x:
            padded[:, pad_h : pad_h + h, pad_w : pad_w + w] = image
            yield padded


def _rows(x: Array, lead: int = 1) -> Array:
    """x as a matrix: the first `lead` axes become rows, the others columns; a view."""
    return x.reshape(math.prod(x.shape[:lead]), -1)


def _tile_of(y: Array, tile: Tile) -> Array:
    """(O, H', W') -> (O, positions of the tile): a view where the tile is whole rows, else a copy."""
    if tile.size[1] == y.shape[2]:
        return _rows(y)[:, tile.top * y.shape[2] : tile.bottom * y.shape[2]]
    return _rows(y[:, tile.top : tile.bottom, tile.left : tile.right])
