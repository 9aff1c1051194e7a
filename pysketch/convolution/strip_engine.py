"""Convolution in strips: Winograd's minimal filtering along the columns of an image, unfolded along its rows.

A strip is a tile of TILE rows, as long as the image is wide, of which F(m, r) makes m rows of outputs (see `winograd`).
Along the rows a filter's taps are unfolded, as im2col does. So every array lies as the image does, row after row, and
there is nothing to transpose:

    R (i, C, strips, w)       = B^T x of the strips' rows
    V (i, C kw, strips, W')   = R, shifted along the rows: kw taps
    M (i, O, strips, W')      = U V, with U (i, O, C kw) the transformed filters: TILE products over channels
    y (O, m strips, W')       = A^T M, straight into the image

An output takes TILE / m kw C multiplications, where im2col has kh kw C: of 3x3 kernels 4 C instead of 9 C. Winograd's
filtering in both directions has 1.8 C, but moves and transposes more: it is better for many channels (`engine_choice`).

Any geometry is one of stride 1 along the columns:

    high kernels   are `parts` kernels of r = 5 rows, m = 4 rows apart, which begin where strips begin: part a of strip
                   t sees what part 0 of strip t + a sees. 9 rows are two parts.
    stride s       rows s j + p of the image are channels of their own, one for each phase p; tap s l + p of a filter is
                   tap l of phase p.
    dilation d     the outputs d j + p see only the rows d j + p: each p is an image of its own.

The bias is added to M[1], the row of the point 1, whose column in A^T is (1, ..., 1); see `winograd_engine`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pysketch.convolution.blocks import Block, parts
from pysketch.convolution.gemm_engine import GemmEngine
from pysketch.convolution.im2col import Window, copy_seen
from pysketch.convolution.rectifier import NOTHING, Finish, gate, rectify
from pysketch.convolution.unfolding import add_sums
from pysketch.convolution.winograd import TILE, Matrices, winograd_matrices
from pysketch.device import SLACK, Arena, Array, Workers, padded

_ONE = 1  # the index of the point 1
_CACHE = 5 << 19  # bytes of a block's V and M: smaller ones cost more in Python than they gain in the cache
_HIGHEST = 6  # rows of a kernel that stays in one part
_PART = 5  # rows of each part of a higher one


@dataclass(frozen=True)
class Strips:
    """How a window is cut along the columns: `parts` kernels of `taps` rows for each of `phases`; m outputs a strip."""

    window: Window

    @property
    def phases(self) -> int:
        """Kinds of rows that are channels of their own: the stride."""
        return self.window.stride[0]

    @property
    def residues(self) -> int:
        """Kinds of rows that are images of their own: the dilation."""
        return self.window.dilation[0]

    @property
    def rows(self) -> int:
        """A filter's rows in each phase."""
        return -(-self.window.kernel[0] // self.phases)

    @property
    def taps(self) -> int:
        """r: rows of a part."""
        return self.rows if self.rows <= _HIGHEST else _PART

    @property
    def outputs(self) -> int:
        """m: rows of outputs of a strip, and how far the parts are apart."""
        return TILE + 1 - self.taps

    @property
    def parts(self) -> int:
        """How many kernels of `taps` rows a filter has in each phase."""
        return 1 if self.rows <= _HIGHEST else 1 + -(-(self.rows - self.taps) // self.outputs)

    @property
    def depth(self) -> int:
        """Rows of U for each channel: phases, parts and the taps along the row."""
        return self.phases * self.parts * self.window.kernel[1]

    @property
    def matrices(self) -> Matrices:
        """Of F(m, r)."""
        return winograd_matrices(self.outputs, self.taps)

    def count(self, height: int) -> int:
        """Strips that make so many rows of outputs, of each residue."""
        return -(-height // (self.residues * self.outputs))


class StripEngine:
    """The convolution of any window that `fits`, forward and backward, on a CPU.

    Blocks stay within the workers' workspace (one strip, or as much of its length as fits, if that is more). With
    keep_kernels the forward pass keeps the transformed filters, and a copy of the weights, for as long as these stay
    the same: for drawing. Sums are made in an order that depends only on shapes and the number of workers. Shapes: x,
    dx (N, C, H, W); W, dW (O, C, kh, kw); db (O,); y, dy (N, O, H', W').
    """

    name = "WINOGRAD_1D"

    def __init__(self, window: Window, workers: Workers, keep_kernels: bool = False) -> None:
        self.window = window
        self.workers = workers
        self.strips = Strips(window)
        self.matrices = self.strips.matrices
        self.keep_kernels = keep_kernels
        self._kept: tuple[Array, Array] | None = None

    @staticmethod
    def fits(window: Window) -> bool:
        """True for kernels of two rows or more in a phase, with a stride or a dilation along the columns, not both."""
        return Strips(window).rows > 1 and 1 in (window.stride[0], window.dilation[0])

    def forward(self, x: Array, W: Array, y: Array, finish: Finish = NOTHING) -> None:
        """y = W * x, overwritten and finished."""
        self._correlate(x, self._forward_kernels(W), y, finish)

    def backward_bottom(self, W: Array, dy: Array, dx: Array, finish: Finish = NOTHING) -> None:
        """dx = the correlation of dy, padded by extent - 1 - pad, with the kernels turned by half a circle.

        With a stride, where that would be a correlation with gaps, as `GemmEngine` does it.
        """
        window = self.window
        pad = tuple(window.extent(axis) - 1 - window.pad[axis] for axis in (0, 1))
        if window.stride != (1, 1) or min(pad) < 0:
            GemmEngine(window, self.workers).backward_bottom(W, dy, dx, finish)
            return
        twin = StripEngine(Window(window.kernel, (1, 1), pad, window.dilation), self.workers)
        twin.forward(dy, W.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1], dx, finish)

    def backward_weights(self, x: Array, dy: Array, dW: Array, db: Array | None = None) -> None:
        """dW += the gradient: with dM = A dy of every strip, dU = sum of dM V^T, and dW += G^T dU. db += sums of dy."""
        strips, (o, c), dtype = self.strips, dW.shape[:2], dy.dtype
        depth = c * strips.depth
        sum_bytes = padded(TILE * o * depth * dtype.itemsize)
        smallest = self._block_bytes(c, o, 1, 1, dtype)
        shares = max(1, min(self.workers.threads, self.workers.limit // (2 * sum_bytes + smallest)))
        blocks = self._blocks(dy, c, self.workers.limit // shares - 2 * sum_bytes)
        shares = min(shares, len(blocks))
        workshops = _Workshops(self, c, o, blocks, dtype)
        A = self.matrices.AT.T.astype(dtype)
        dU = [np.zeros((TILE, o, depth), dtype) for _ in range(shares)]

        def work(share: int, arena: Arena) -> None:
            part = np.empty((TILE, o, depth), dtype)
            for residue, block in blocks[share::shares]:
                here = workshops.of(arena, block)
                here.unfold(x[block.image], residue, block)
                diff = self._outputs(dy[block.image], residue, block)
                if diff.shape[1] == block.rows * strips.outputs:
                    np.matmul(A, _by_strips(diff, strips.outputs), out=here.M)
                else:
                    copy_seen(diff, 0, 0, here.whole)
                    np.matmul(A, here.whole_strips, out=here.M)
                np.matmul(here.products, here.V.transpose(0, 2, 1), out=part)
                dU[share] += part

        self.workers.run(work, range(shares), np)
        for each in dU[1:]:
            dU[0] += each
        self.add_gradient(dU[0], dW)
        self.backward_bias(dy, db)

    def backward_bias(self, dy: Array, db: Array | None) -> None:
        """db += the sums of dy, if it is given."""
        add_sums(self.workers, dy, db)

    def transformed(self, W: Array) -> Array:
        """U (i, O, C phases parts kw)."""
        return self._transform(W, np.empty((TILE, len(W), W.shape[1] * self.strips.depth), W.dtype))

    def add_gradient(self, dU: Array, dW: Array) -> None:
        """dW += G^T dU, the transpose of `transformed`; dU (i, O, C phases parts kw)."""
        strips, G = self.strips, self.matrices.G.astype(dW.dtype)
        source = dU.reshape(TILE, *dW.shape[:2], strips.phases, strips.parts, -1).transpose(3, 4, 1, 2, 0, 5)
        for phase, part, taps in self._taps():
            dW[:, :, taps] += np.matmul(G[:, : len(taps)].T, source[phase, part])

    def _forward_kernels(self, W: Array) -> Array:
        """U (i, O, C phases parts kw); the kept ones if they belong to these weights."""
        if self._kept is None or self._kept[0].shape != W.shape or not bool((self._kept[0] == W).all()):
            shape = (TILE, len(W), W.shape[1] * self.strips.depth)
            if not self.keep_kernels:
                shared = self.workers.shared
                shared.reserve(padded(int(np.prod(shape)) * W.itemsize), np)
                return self._transform(W, shared.take(shape, W.dtype))
            self._kept = W.copy(), self.transformed(W)
        return self._kept[1]

    def _transform(self, W: Array, U: Array) -> Array:
        """U = G g for the column g of every part of every filter: overwritten."""
        strips, G = self.strips, self.matrices.G.astype(W.dtype)
        target = U.reshape(TILE, *W.shape[:2], strips.phases, strips.parts, -1).transpose(3, 4, 1, 2, 0, 5)
        for phase, part, taps in self._taps():
            np.matmul(G[:, : len(taps)], W[:, :, taps], out=target[phase, part])
        return U

    def _taps(self) -> list[tuple[int, int, range]]:
        """(phase, part, the filter's rows there): every row belongs to one part, the last part has the most."""
        strips, height = self.strips, self.window.kernel[0]
        found = []
        for phase in range(strips.phases):
            rows = range(phase, height, strips.phases)
            for part in range(strips.parts):
                start = part * strips.outputs
                stop = start + strips.outputs if part < strips.parts - 1 else len(rows)
                found.append((phase, part, rows[start : max(start, stop)]))
        return found

    def _correlate(self, x: Array, U: Array, y: Array, finish: Finish) -> None:
        c, o, bias = x.shape[1], U.shape[1], finish.bias
        blocks = self._blocks(y, c, self.workers.room(np, shared=U.nbytes))
        workshops = _Workshops(self, c, o, blocks, y.dtype)
        AT, m = self.matrices.AT.astype(y.dtype), self.strips.outputs

        def work(task: tuple[int, Block], arena: Arena) -> None:
            residue, block = task
            here = workshops.of(arena, block)
            here.unfold(x[block.image], residue, block)
            np.matmul(U, here.V, out=here.products)
            if bias is not None:
                np.add(here.ones, bias[:, None], out=here.ones)
            target = self._outputs(y[block.image], residue, block)
            if target.shape[1] == block.rows * m:
                np.matmul(AT, here.M, out=_by_strips(target, m))
            else:
                np.matmul(AT, here.M, out=here.whole_strips)
                np.copyto(target, here.whole[:, : target.shape[1]])
            if finish.made is not None:
                gate(target, self._outputs(finish.made[block.image], residue, block), finish.slope or 0.0)
            elif finish.slope is not None:
                rectify(target, finish.slope)

        self.workers.run(work, blocks, np)

    def _outputs(self, y: Array, residue: int, block: Block) -> Array:
        """The rows of outputs (O, at most m strips, W') that a block makes, without what hangs over: a view of y."""
        m, step = self.strips.outputs, self.strips.residues
        return y[:, block.top * m * step + residue : block.bottom * m * step : step, block.left : block.right]

    def _blocks(self, y: Array, c: int, room: int) -> list[tuple[int, Block]]:
        """y (N, O, H', W') as blocks of strips, of each residue: as many as the cache keeps, at least two a worker."""
        images, o, height, width = y.shape
        strips, workers = self.strips, self.workers.threads
        number = y.itemsize * TILE * (c * strips.depth + o)
        cols = width
        while cols > 1 and self._block_bytes(c, o, 1, cols, y.dtype) > room:
            cols = -(-cols // 2)
        rows = max(1, _CACHE // (number * cols))
        while rows > 1 and self._block_bytes(c, o, rows, cols, y.dtype) > room:
            rows -= 1
        tasks = []
        for residue in range(min(strips.residues, height)):
            down = strips.count(height - residue)
            rows_here = max(1, min(rows, -(-images * strips.residues * down // (2 * workers))))
            tasks += [
                (residue, Block(image, *part, *side))
                for image in range(images)
                for part in parts(down, rows_here)
                for side in parts(width, cols)
            ]
        return tasks

    def _block_bytes(self, c: int, o: int, rows: int, cols: int, dtype: np.dtype) -> int:
        """What a block takes of a worker's arena, at most: what it sees, R, V, M, and its outputs."""
        strips, window = self.strips, self.window
        left, right = window.input_range(0, cols, 1)
        count, step = rows + strips.parts - 1, max(strips.phases, strips.residues)
        seen = ((count - 1) * strips.outputs + TILE - 1) * step + strips.phases
        half = c * (right - left) * (seen + TILE * strips.phases * count)
        return (half + rows * cols * (TILE * (c * strips.depth + o) + strips.outputs * o)) * dtype.itemsize + SLACK


class _Workshop:
    """The arrays of blocks of one size in a worker's arena, and the views of them that each step takes.

    Made once: what Python does between NumPy's calls keeps the other workers from beginning theirs.
    """

    def __init__(self, engine: StripEngine, c: int, o: int, block: Block, arena: Arena, dtype: np.dtype) -> None:
        strips, window = engine.strips, engine.window
        self.engine, self.BT = engine, engine.matrices.BT.astype(dtype)
        m, phases, step = strips.outputs, strips.phases, max(strips.phases, strips.residues)
        rows, cols, count = block.rows, block.cols, block.rows + strips.parts - 1
        left, right = window.input_range(0, cols, 1)
        self.step, self.top = m * step, ((count - 1) * m + TILE - 1) * step + phases
        self.seen = arena.take((c, self.top, right - left), dtype)
        self.cut = (c, phases, count, TILE, right - left)
        self.seen_strips = self._strips(self.seen)
        R = arena.take((TILE, c, phases, count, right - left), dtype)
        self.R = R.transpose(1, 2, 3, 0, 4)
        s, kernel = R.strides, window.kernel[1]
        V = arena.take((TILE, c * phases, strips.parts, kernel, rows, cols), dtype)
        steps = (s[0], s[2], s[3], window.dilation[1] * s[4], s[3], window.stride[1] * s[4])
        self.shifted, self.unfolded = _strided(R, V.shape, steps), V
        self.V = V.reshape(TILE, c * strips.depth, -1)
        M = arena.take((TILE, o, rows, cols), dtype)
        self.products, self.M = M.reshape(TILE, o, -1), M.transpose(1, 2, 0, 3)
        self.ones = self.products[_ONE]
        self.whole = arena.take((o, rows * m, cols), dtype)
        self.whole_strips = _by_strips(self.whole, m)

    def unfold(self, x: Array, residue: int, block: Block) -> None:
        """V (i, C phases parts kw, strips W') of a block of one image x (C, H, W)."""
        window, (_, height, width) = self.engine.window, self.seen.shape
        top, left = block.top * self.step + residue - window.pad[0], block.left * window.stride[1] - window.pad[1]
        if top < 0 or left < 0 or top + height > x.shape[1] or left + width > x.shape[2]:
            copy_seen(x, top, left, self.seen)
            strips = self.seen_strips
        else:
            strips = self._strips(x[:, top : top + height, left : left + width])
        np.matmul(self.BT, strips, out=self.R)
        np.copyto(self.unfolded, self.shifted)

    def _strips(self, seen: Array) -> Array:
        """(C, rows, w) -> (C, phases, strips, TILE, w)."""
        s, phases, residues = seen.strides, self.engine.strips.phases, self.engine.strips.residues
        return _strided(seen, self.cut, (s[0], s[1], self.step * s[1], max(phases, residues) * s[1], s[2]))


class _Workshops:
    """Every worker's workshops for some blocks."""

    def __init__(self, engine: StripEngine, c: int, o: int, blocks: list[tuple[int, Block]], dtype: np.dtype) -> None:
        self.engine, self.c, self.o, self.dtype = engine, c, o, dtype
        sizes = {(block.rows, block.cols) for _, block in blocks}
        self.nbytes = max(engine._block_bytes(c, o, *size, dtype) for size in sizes)
        self.made: dict[tuple[int, int, int], _Workshop] = {}

    def of(self, arena: Arena, block: Block) -> _Workshop:
        """The worker's for blocks of this size."""
        key = id(arena), block.rows, block.cols
        if key not in self.made:
            arena.reserve(self.nbytes, np)
            self.made[key] = _Workshop(self.engine, self.c, self.o, block, arena, self.dtype)
        return self.made[key]


def _by_strips(x: Array, rows: int) -> Array:
    """(O, rows strips, W') -> (O, strips, rows, W'), a view."""
    o, height, width = x.shape
    s = x.strides
    return _strided(x, (o, height // rows, rows, width), (s[0], rows * s[1], s[1], s[2]))


def _strided(x: Array, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """A view of x in which strips overlap; if x is contiguous, in a tenth of the time that as_strided takes."""
    if x.flags.c_contiguous:
        return np.ndarray(shape, x.dtype, x, 0, strides)
    return np.lib.stride_tricks.as_strided(x, shape, strides)
