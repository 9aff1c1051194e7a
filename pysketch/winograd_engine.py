"""Convolution by Winograd's minimal filtering, forward and backward, block by block on several threads.

Arrays are kept with the channels last inside a block, so that every transform and every sum over channels is
a matrix product on memory as it lies, without copies in between:

    slab (h, w, C)            the part of an image that a block of tiles sees, zeros outside the image
    VA (j, h, tx, C)          = B^T along the rows of each tile's columns
    V (j, i, tiles, C)        = B^T along the columns: the transformed tiles
    M (j, i, tiles, O)        = V U, with U (j, i, C, O) the transformed kernels: n^2 products over channels
    y (O, rows, columns)      = A^T M A

j runs over a tile's transformed columns, i over its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from pysketch.backend import Array, array_module
from pysketch.winograd import TILE, winograd_matrices
from pysketch.workers import Arena, Workers

_TILES_OF_A_BLOCK = 128  # of a forward: its M and V stay in a core's cache
_TILES_OF_A_SUM = 512  # of a weight gradient: fewer, longer sums
_SLACK = 512  # bytes of an arena lost to alignment, at most


@dataclass(frozen=True)
class Block:
    """A rectangle of tiles of one image: tile rows top..bottom, tile columns left..right, ends excluded."""

    image: int
    top: int
    bottom: int
    left: int
    right: int

    @property
    def rows(self) -> int:
        """Tile rows."""
        return self.bottom - self.top

    @property
    def cols(self) -> int:
        """Tile columns."""
        return self.right - self.left


class WinogradEngine:
    """The convolution of stride 1 with square kernels of `kernel` pixels and `pad` zeros (height, width) around.

    limit: bytes that all workers' arenas may take together (one tile each, if that is more); transformed
    kernels, TILE^2 C O numbers, two for each worker in backward_weights, come on top. Sums are made in an
    order that depends only on shapes and the number of workers, so that results repeat bit for bit.
    """

    def __init__(self, kernel: int, pad: tuple[int, int], workers: Workers, limit: int) -> None:
        self.kernel = kernel
        self.pad = pad
        self.workers = workers
        self.limit = limit
        self.outputs = TILE + 1 - kernel
        self.matrices = winograd_matrices(self.outputs, kernel)

    def forward(self, x: Array, W: Array, y: Array) -> None:
        """y = W * x. x: (N, C, H, W), W: (O, C, r, r), y: (N, O, H', W'), overwritten."""
        with self.workers.single_threaded_blas():
            self._correlate(x, W, y, self.pad)

    def backward_bottom(self, W: Array, dy: Array, dx: Array) -> None:
        """dx = the correlation of dy, padded by r - 1 - pad, with the kernels turned by half a circle."""
        turned = W.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
        pad = tuple(self.kernel - 1 - p for p in self.pad)
        with self.workers.single_threaded_blas():
            self._correlate(dy, turned, dx, pad)

    def backward_weights(self, x: Array, dy: Array, dW: Array) -> None:
        """dW += the gradient: with dM = A dy A^T of every tile, dU = sum of V^T dM, and dW += G^T dU G.

        The transpose of the forward: y = A^T (V U) A is linear in U, and U = G W G^T in W.
        """
        with self.workers.single_threaded_blas():
            self._add_weights_gradient(x, dy, dW)

    def _add_weights_gradient(self, x: Array, dy: Array, dW: Array) -> None:
        xp, dtype = array_module(x), dW.dtype
        (o, c), n = dW.shape[:2], TILE
        A, G = (xp.asarray(m, dtype) for m in (self.matrices.AT.T, self.matrices.G))
        sums: list[Array | None] = [None] * self.workers.threads
        parts: list[Array | None] = [None] * self.workers.threads

        def work(block: Block, arena: Arena, worker: int) -> None:
            V = self._transformed(x[block.image], block, self.pad, arena)
            dM = self._transformed_diff(dy[block.image], block, A, arena)
            if sums[worker] is None:
                sums[worker], parts[worker] = xp.zeros((n, n, c, o), dtype), xp.empty((n, n, c, o), dtype)
            xp.matmul(V.transpose(0, 1, 3, 2), dM, out=parts[worker])
            sums[worker] += parts[worker]

        self._share(work, dy, c, _TILES_OF_A_SUM)
        dU = sum(part for part in sums if part is not None)  # in the workers' order
        dW += xp.einsum("jl,jico,ik->ockl", G, dU, G, optimize=True)

    def _correlate(self, x: Array, W: Array, y: Array, pad: tuple[int, int]) -> None:
        xp, dtype = array_module(x), y.dtype
        o, c = W.shape[:2]
        G, AT = (xp.asarray(m, dtype) for m in (self.matrices.G, self.matrices.AT))
        U = xp.ascontiguousarray(xp.einsum("jl,ockl,ik->jico", G, W, G, optimize=True))

        def work(block: Block, arena: Arena, worker: int) -> None:
            V = self._transformed(x[block.image], block, pad, arena)
            M = arena.take((TILE, TILE, block.rows * block.cols, o), dtype)
            xp.matmul(V, U, out=M)
            self._write_outputs(M, AT, block, y[block.image], arena)

        self._share(work, y, c, _TILES_OF_A_BLOCK)

    def _transformed(self, x: Array, block: Block, pad: tuple[int, int], arena: Arena) -> Array:
        """B^T d B of every tile d of the block: (j, i, tiles, C)."""
        xp, m, n, c = array_module(x), self.outputs, TILE, x.shape[0]
        h, w = (block.rows - 1) * m + n, (block.cols - 1) * m + n
        slab = arena.take((h, w, c), x.dtype)
        _fill_slab(slab, x, block.top * m - pad[0], block.left * m - pad[1])
        BT = xp.asarray(self.matrices.BT, x.dtype)
        VA = arena.take((n, h, block.cols, c), x.dtype)
        s = slab.strides
        tiles = _strided(slab, (h, block.cols, n, c), (s[0], m * s[1], s[1], s[2]))
        xp.matmul(BT, tiles, out=VA.transpose(1, 2, 0, 3))
        V = arena.take((n, n, block.rows, block.cols * c), x.dtype)
        s = VA.strides
        tiles = _strided(VA, (n, block.rows, n, block.cols * c), (s[0], m * s[1], s[1], s[3]))
        xp.matmul(BT, tiles, out=V.transpose(0, 2, 1, 3))
        return V.reshape(n, n, block.rows * block.cols, c)

    def _transformed_diff(self, dy: Array, block: Block, A: Array, arena: Arena) -> Array:
        """A d A^T of every tile d of dy: (j, i, tiles, O)."""
        xp, m, n, o = array_module(dy), self.outputs, TILE, dy.shape[0]
        rows, cols = block.rows, block.cols
        slab = arena.take((rows * m, cols * m, o), dy.dtype)
        _fill_slab(slab, dy, block.top * m, block.left * m)
        half = arena.take((n, rows * m, cols, o), dy.dtype)
        xp.matmul(A, slab.reshape(rows * m, cols, m, o), out=half.transpose(1, 2, 0, 3))
        dM = arena.take((n, n, rows, cols * o), dy.dtype)
        xp.matmul(A, half.reshape(n, rows, m, cols * o), out=dM.transpose(0, 2, 1, 3))
        return dM.reshape(n, n, rows * cols, o)

    def _write_outputs(self, M: Array, AT: Array, block: Block, y: Array, arena: Arena) -> None:
        """y = A^T M A, without what hangs over the image's right and lower border."""
        xp, m, n, o = array_module(M), self.outputs, TILE, M.shape[-1]
        rows, cols = block.rows, block.cols
        half = arena.take((n, m, rows * cols * o), M.dtype)
        xp.matmul(AT, M.reshape(n, n, rows * cols * o), out=half)
        whole = arena.take((rows, m, cols, m, o), M.dtype)
        half = half.reshape(n, m, rows, cols, o).transpose(1, 2, 3, 0, 4)
        xp.matmul(AT, half, out=whole.transpose(1, 0, 2, 3, 4))
        target = y[:, block.top * m : block.bottom * m, block.left * m : block.right * m]
        target[...] = whole.reshape(rows * m, cols * m, o)[: target.shape[1], : target.shape[2]].transpose(2, 0, 1)

    def _share(self, work: Callable[[Block, Arena, int], None], y: Array, c: int, tiles: int) -> None:
        """Cut the output y (N, O, H', W') into blocks of at most so many tiles and deal them out to the workers.

        Blocks are smaller if memory is short. Worker k does blocks k, k + workers, ...; always the same ones.
        A GPU needs only one worker.
        """
        xp = array_module(y)
        tile_bytes = self._numbers_of_a_tile(c, y.shape[1]) * y.dtype.itemsize
        fit = (self.limit // self.workers.threads - _SLACK) // tile_bytes
        blocks = list(self._blocks(y.shape, max(1, min(tiles, fit))))
        workers = min(self.workers.threads, len(blocks)) if xp is np else 1

        def run(worker: int) -> None:
            arena = self.workers.arenas[worker]
            for block in blocks[worker::workers]:
                arena.reserve(block.rows * block.cols * tile_bytes + _SLACK, xp)
                work(block, arena, worker)

        self.workers.run(run, workers)

    def _blocks(self, shape: tuple[int, ...], tiles: int) -> Iterator[Block]:
        """The blocks of a batch's output (N, O, H', W'), of at most so many tiles."""
        down, across = (-(-size // self.outputs) for size in shape[2:])
        cols = min(across, tiles)
        rows = min(down, max(1, tiles // cols))
        for image in range(shape[0]):
            for top in range(0, down, rows):
                for left in range(0, across, cols):
                    yield Block(image, top, min(top + rows, down), left, min(left + cols, across))

    def _numbers_of_a_tile(self, c: int, o: int) -> int:
        """How many numbers a tile takes of a worker's arena, at most: slab, VA and V; M (or dM), half and whole."""
        m, n = self.outputs, TILE
        return 3 * n * n * c + (n * n + n * m + m * m) * o


def _fill_slab(slab: Array, image: Array, top: int, left: int) -> None:
    """slab (h, w, C) = the part of an image (C, H, W) that begins at (top, left), zeros outside the image."""
    h, w = slab.shape[:2]
    y0, x0 = max(0, -top), max(0, -left)
    y1, x1 = min(h, image.shape[1] - top), min(w, image.shape[2] - left)
    if (y0, x0, y1, x1) != (0, 0, h, w):
        slab[...] = 0
    if y1 > y0 and x1 > x0:
        slab[y0:y1, x0:x1] = image[:, top + y0 : top + y1, left + x0 : left + x1].transpose(1, 2, 0)


def _strided(x: Array, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    """A view of x in which tiles overlap."""
    return array_module(x).lib.stride_tricks.as_strided(x, shape=shape, strides=strides)
