"""Convolution by Winograd's minimal filtering, forward and backward, block by block on several threads.

Arrays are kept with the channels last inside a block, so that every transform and every sum over channels is
a matrix product on memory as it lies, without copies in between:

    slab (h, w, C)            the part of an image that a block of tiles sees, zeros outside the image
    VA (j, h, tx, C)          = B^T along the rows of each tile's columns
    V (j, i, tiles, C)        = B^T along the columns: the transformed tiles
    M (j, i, tiles, O)        = V U, with U (j, i, C, O) the transformed kernels: n^2 products over channels
    y (O, rows, columns)      = A^T M A

j runs over a tile's transformed columns, i over its rows. Of V and M only some j exist at a time, as many as are no
larger than _CACHE: they are transformed, multiplied and transformed back while they are in the cache. Fewer at a time
would cost more in Python, which only one thread runs at a time, than they gain.

The row of the point 1 in A is (1, 1, ..., 1). So what is added to M[1, 1] is added to all outputs of a tile: there the
bias goes. And dM[1, 1], of the weights' gradient, is the sum of a tile's dy: there db comes from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pysketch.convolution.blocks import Block, cut, parts
from pysketch.convolution.gemm import multiply_rows, row_group
from pysketch.convolution.im2col import Window, copy_seen
from pysketch.convolution.rectifier import NOTHING, Finish, rectify
from pysketch.convolution.unfolding import add_sums
from pysketch.convolution.winograd import KERNELS, TILE, winograd_matrices
from pysketch.device import SLACK, Arena, Array, Workers, array_module, padded

_ONE = 1  # the index of the point 1
_MANY_TILES = 96  # of a block, where one group of rows (see `gemm`) has as many
_GROUPS = 3  # of rows of a block, where many channels make the groups small
_CACHE = 5 << 19  # bytes of V and M


@dataclass(frozen=True)
class _Kernels:
    """Transformed kernels, and a copy of the weights that they belong to."""

    weights: Array
    transformed: Array


def winograd_fits(window: Window) -> bool:
    """True for square kernels of 2 to 7 pixels at stride 1 and dilation 1."""
    (kernel_h, kernel_w) = window.kernel
    square = kernel_h == kernel_w and kernel_h in KERNELS
    return square and window.stride == (1, 1) and window.dilation == (1, 1)


class WinogradEngine:
    """The convolution of stride 1 with square kernels of `kernel` pixels and `pad` zeros (height, width) around.

    Blocks, transformed kernels and sums stay within the workers' workspace (one tile and one sum, if that
    is more). With keep_kernels the forward pass keeps the transformed kernels, TILE^2 C O numbers, and a copy of the
    weights, for as long as the weights stay the same: for drawing; in training they never do.
    Sums are made in an order that depends only on shapes and the number of workers, so that results repeat bit
    for bit. Shapes: x, dx (N, C, H, W); W, dW (O, C, r, r); db (O,); y, dy (N, O, H', W').
    """

    name = "WINOGRAD"

    def __init__(self, kernel: int, pad: tuple[int, int], workers: Workers, keep_kernels: bool = False) -> None:
        self.kernel = kernel
        self.pad = pad
        self.workers = workers
        self.outputs = TILE + 1 - kernel
        self.matrices = winograd_matrices(self.outputs, kernel)
        self.keep_kernels = keep_kernels
        self._kept: _Kernels | None = None

    def forward(self, x: Array, W: Array, y: Array, finish: Finish = NOTHING) -> None:
        """y = W * x, overwritten and finished."""
        self._correlate(x, self._forward_kernels(W), y, self.pad, finish)

    def backward_bottom(self, W: Array, dy: Array, dx: Array, finish: Finish = NOTHING) -> None:
        """dx = the correlation of dy, padded by r - 1 - pad, with the kernels turned by half a circle."""
        pad = tuple(self.kernel - 1 - p for p in self.pad)
        U = self._transformed_kernels(W, self._borrowed((TILE, TILE, *W.shape[:2]), W), turned=True)
        self._correlate(dy, U, dx, pad, finish)

    def backward_weights(self, x: Array, dy: Array, dW: Array, db: Array | None = None) -> None:
        """dW += the gradient: with dM = A dy A^T of every tile, dU = sum of V^T dM, and dW += G^T dU G.

        The transpose of the forward: y = A^T (V U) A is linear in U, and U = G W G^T in W. db += the sums of dy.
        """
        xp, dtype, n = array_module(x), dy.dtype, TILE
        o, c = dW.shape[:2]
        sum_bytes, part_bytes = (padded(k * n * o * c * dtype.itemsize) for k in (n, 1))
        limit = self.workers.limit - sum_bytes  # the forward's transformed kernels, as large as a sum, are still held
        smallest = self._block_bytes(Block(0, 0, 1, 0, 1), c, o, dtype)
        shares = max(1, min(self.workers.number(xp), limit // (sum_bytes + part_bytes + smallest)))
        room = limit // shares - sum_bytes - part_bytes
        blocks = self._blocks(dy, c, room)
        shares = min(shares, len(blocks))
        BT, A = xp.asarray(self.matrices.BT, dtype), xp.asarray(self.matrices.AT.T, dtype)
        dU = [xp.zeros((n, n, o, c), dtype) for _ in range(shares)]
        sums = [xp.zeros(o, dtype) for _ in range(shares)]

        def work(share: int, arena: Arena) -> None:
            for block in blocks[share::shares]:
                arena.reserve(self._block_bytes(block, c, o, dtype) + part_bytes, xp)
                VA = self._half_transformed(x[block.image], block, self.pad, arena)
                dMA = self._half_transformed_diff(dy[block.image], block, arena)
                some = _at_a_time(block.count * (c + o) * dtype.itemsize)
                V, dM = (arena.take((some, n, block.count, k), dtype) for k in (c, o))
                part = arena.take((n, o, c), dtype)
                for start in range(0, n, some):
                    xp.matmul(BT, VA[start : start + some], out=_by_tile_rows(V, block))
                    xp.matmul(A, dMA[start : start + some], out=_by_tile_rows(dM, block))
                    for j in range(some):
                        xp.matmul(dM[j].transpose(0, 2, 1), V[j], out=part)
                        dU[share][start + j] += part
                    if start <= _ONE < start + some:
                        sums[share] += dM[_ONE - start, _ONE].sum(axis=0)

        self.workers.run(work, range(shares), xp)
        for k in range(1, shares):
            dU[0] += dU[k]
            sums[0] += sums[k]
        dW += (dU[0].reshape(n * n, -1).T @ xp.asarray(self._G2, dtype)).reshape(dW.shape)
        if db is not None:
            db += sums[0]

    @property
    def _G2(self) -> np.ndarray:
        """(n n, r r): what makes the transformed kernel (j, i) of a kernel (ky, kx)."""
        G = self.matrices.G
        return np.einsum("jx,iy->jiyx", G, G).reshape(TILE * TILE, -1)

    def _forward_kernels(self, W: Array) -> Array:
        """The transformed kernels (j, i, C, O); the kept ones if they belong to these weights."""
        kept = self._kept
        if kept is None or kept.weights.shape != W.shape or not bool((kept.weights == W).all()):
            shape = (TILE, TILE, W.shape[1], W.shape[0])
            if not self.keep_kernels:
                return self._transformed_kernels(W, self._borrowed(shape, W), turned=False)
            xp = array_module(W)
            transformed = self._transformed_kernels(W, xp.empty(shape, W.dtype), turned=False)
            self._kept = kept = _Kernels(W.copy(), transformed)
        return kept.transformed

    def _borrowed(self, shape: tuple[int, ...], like: Array) -> Array:
        """Memory that all workers may read, valid until the next call."""
        shared = self.workers.shared
        shared.reserve(padded(int(np.prod(shape)) * like.itemsize), array_module(like))
        return shared.take(shape, like.dtype)

    def _transformed_kernels(self, W: Array, U: Array, turned: bool) -> Array:
        """U = G g G^T for every kernel g of W: (j, i, C, O), or, of turned kernels, (j, i, O, C). Overwritten."""
        xp = array_module(W)
        G2 = xp.asarray(self._G2[:, ::-1] if turned else self._G2, W.dtype)
        kernels = W if turned else W.transpose(1, 0, 2, 3)
        target = U.reshape(len(G2), *kernels.shape[:2])

        def work(part: tuple[int, int], arena: Arena) -> None:
            rows = kernels[part[0] : part[1]]
            out = target[:, part[0] : part[1]].reshape(len(G2), -1)  # a view: all of the columns are there
            xp.matmul(G2, rows.reshape(-1, G2.shape[1]).T, out=out)

        step = -(-len(kernels) // (2 * self.workers.number(xp)))
        self.workers.run(work, parts(len(kernels), step), xp)
        return U

    def backward_bias(self, dy: Array, db: Array | None) -> None:
        """db += the sums of dy, if it is given."""
        add_sums(self.workers, dy, db)

    def _correlate(self, x: Array, U: Array, y: Array, pad: tuple[int, int], finish: Finish) -> None:
        xp, (c, o) = array_module(x), U.shape[2:]
        AT, BT = (xp.asarray(matrix, y.dtype) for matrix in (self.matrices.AT, self.matrices.BT))

        def work(block: Block, arena: Arena) -> None:
            arena.reserve(self._block_bytes(block, c, o, y.dtype), xp)
            VA = self._half_transformed(x[block.image], block, pad, arena)
            some = _at_a_time(block.count * (c + o) * y.itemsize)
            V, M = (arena.take((some, TILE, block.count, k), y.dtype) for k in (c, o))
            half = arena.take((TILE, self.outputs, block.count * o), y.dtype)
            V_rows, products, M_flat = _by_tile_rows(V, block), M.reshape(-1, *M.shape[2:]), M.reshape(some, TILE, -1)
            for j in range(0, TILE, some):
                xp.matmul(BT, VA[j : j + some], out=V_rows)
                multiply_rows(V.reshape(-1, *V.shape[2:]), U[j : j + some].reshape(-1, c, o), products)
                if j <= _ONE < j + some and finish.bias is not None:
                    M[_ONE - j, _ONE] += finish.bias
                xp.matmul(AT, M_flat, out=half[j : j + some])
            self._write_outputs(half, AT, block, y, finish, arena)

        self.workers.run(work, self._blocks(y, c, self.workers.room(xp, shared=U.nbytes)), xp)

    def _half_transformed(self, x: Array, block: Block, pad: tuple[int, int], arena: Arena) -> Array:
        """VA of a block, as the windows that B^T is to be applied to: (j, tile rows, n, tx C)."""
        xp, m, n, c = array_module(x), self.outputs, TILE, x.shape[0]
        h, w = (block.rows - 1) * m + n, (block.cols - 1) * m + n
        VA = arena.take((n, h, block.cols, c), x.dtype)
        with arena.scratch():
            slab = arena.take((h, w, c), x.dtype)
            copy_seen(x, block.top * m - pad[0], block.left * m - pad[1], slab.transpose(2, 0, 1))
            s = slab.strides
            windows = _strided(slab, (h, block.cols, n, c), (s[0], m * s[1], s[1], s[2]))
            xp.matmul(xp.asarray(self.matrices.BT, x.dtype), windows, out=VA.transpose(1, 2, 0, 3))
        s = VA.strides
        return _strided(VA, (n, block.rows, n, block.cols * c), (s[0], m * s[1], s[1], s[3]))

    def _half_transformed_diff(self, dy: Array, block: Block, arena: Arena) -> Array:
        """A along the rows of every tile of dy, as what A is to be applied to: (j, tile rows, m, tx O)."""
        xp, m, n, o = array_module(dy), self.outputs, TILE, dy.shape[0]
        rows, cols = block.rows, block.cols
        half = arena.take((n, rows * m, cols, o), dy.dtype)
        with arena.scratch():
            slab = arena.take((rows * m, cols * m, o), dy.dtype)
            copy_seen(dy, block.top * m, block.left * m, slab.transpose(2, 0, 1))
            A = xp.asarray(self.matrices.AT.T, dy.dtype)
            xp.matmul(A, slab.reshape(rows * m, cols, m, o), out=half.transpose(1, 2, 0, 3))
        return half.reshape(n, rows, m, cols * o)

    def _write_outputs(self, half: Array, AT: Array, block: Block, y: Array, finish: Finish, arena: Arena) -> None:
        """y = A^T M A, without what hangs over the image's right and lower border; finished, but for the bias."""
        xp, m, n, o = array_module(half), self.outputs, TILE, y.shape[1]
        rows, cols = block.rows, block.cols
        whole = arena.take((rows, m, cols, m, o), half.dtype)
        half = half.reshape(n, m, rows, cols, o).transpose(1, 2, 3, 0, 4)
        xp.matmul(AT, half, out=whole.transpose(1, 0, 2, 3, 4))
        if finish.slope is not None and finish.made is None:
            rectify(whole, finish.slope)
        bottom, right = (min(size, end * m) for size, end in zip(y.shape[2:], (block.bottom, block.right), strict=True))
        pixels = Block(block.image, block.top * m, bottom, block.left * m, right)
        target = y[block.image, :, pixels.top : bottom, pixels.left : right]
        target[...] = whole.reshape(rows * m, cols * m, o)[: pixels.rows, : pixels.cols].transpose(2, 0, 1)
        if finish.made is not None:
            Finish(slope=finish.slope, made=finish.made)(target, pixels)

    def _blocks(self, y: Array, c: int, room: int) -> list[Block]:
        """y (N, O, H', W') in blocks of tiles, nearly square, of as many tiles as suit the matrix products and fit."""
        (images, o, *size), workers = y.shape, self.workers.number(array_module(y))
        down, across = (-(-length // self.outputs) for length in size)
        group, width = row_group(c, o)
        tiles = min(group, _MANY_TILES) if width == o else _GROUPS * group
        fit = (room - SLACK) // (self._block_bytes(Block(0, 0, 1, 0, 1), c, o, y.dtype) - SLACK)
        tiles = max(1, min(tiles, fit, -(-images * down * across // (2 * workers))))
        cols = min(across, -(-tiles // min(down, max(1, int(tiles**0.5)))))
        return cut(images, down, across, max(1, tiles // cols), cols)

    def _block_bytes(self, block: Block, c: int, o: int, dtype: np.dtype) -> int:
        """What a block takes of a worker's arena, at most.

        VA; half of what becomes y, or of dM; then either a slab, or some j of V and M (or dM) and the block of y.
        """
        m, n, tiles = self.outputs, TILE, block.count
        h, w = (block.rows - 1) * m + n, (block.cols - 1) * m + n
        halves = n * h * block.cols * c + n * m * tiles * o
        some = _at_a_time(tiles * (c + o) * dtype.itemsize)
        rest = max(h * w * c, some * n * tiles * (c + o) + m * m * tiles * o)
        return (halves + rest) * dtype.itemsize + SLACK


def _at_a_time(row_bytes: int) -> int:
    """How many j of V and M exist at a time, where a row i of them takes so many bytes: 1, 2, 4 or TILE."""
    some = TILE
    while some > 1 and some * TILE * row_bytes > _CACHE:
        some //= 2
    return some


def _by_tile_rows(V: Array, block: Block) -> Array:
    """V (j, i, tiles, C), some j of the transformed tiles, as (j, tile rows, i, tx C): a view."""
    return V.reshape(len(V), TILE, block.rows, -1).transpose(0, 2, 1, 3)


def _strided(x: Array, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    """A view of x in which tiles overlap."""
    if isinstance(x, np.ndarray) and x.flags.c_contiguous:
        return np.ndarray(shape, x.dtype, x, 0, strides)  # a tenth of the time
    return array_module(x).lib.stride_tricks.as_strided(x, shape=shape, strides=strides)
