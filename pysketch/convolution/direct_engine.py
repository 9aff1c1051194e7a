"""Convolution by compiled kernels: products taken from the image itself, no columns; or in strips, as `strip_engine`.

What a tap (c, ky, kx) of a filter contributes to a row of outputs is a number times a row of pixels. So a block of
outputs is

    y[o][p] = sum over taps of W[o][tap] slab[at[tap] + p]

with the slab the part of the image that the block sees, its rows one behind the other (`pysketch/native/multiply.h`).
Nothing is unfolded: what im2col writes C kh kw times is written once, to be beside its neighbours in the cache. With
Winograd's filtering along the columns (`StripDirectEngine`) the same products are taken of the strips' transformed
rows, and there are fewer of them.

Every pass is a correlation whose outputs lie in an image on a grid, and of every part of that grid: dx of a convolution
of stride s is s^2 correlations of stride 1, one for each residue of dx's rows and columns, as a tap ky reaches only the
rows iy with s oy = iy + p - d ky.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from pysketch.convolution.blocks import Block, cut
from pysketch.convolution.im2col import Window
from pysketch.convolution.rectifier import NOTHING, Finish
from pysketch.convolution.strip_engine import StripEngine, Strips
from pysketch.convolution.unfolding import add_sums
from pysketch.convolution.winograd import TILE
from pysketch.device import SLACK, Arena, Array, Workers, padded
from pysketch.native import kernels

_CACHE = 1 << 20  # bytes of a block's scratch memory: half of a core's second cache

_GRADIENT_CACHE = 5 << 20  # of a block of the filters' gradient: sums over longer runs are worth more than the cache
_RUN = 1024  # pixels of a filter's run there: beyond, six filters do not stay in the first cache

Pair = tuple[int, int]


@dataclass(frozen=True)
class Correlation:
    """What is multiplied with what, and where it goes; each pair is (vertical, horizontal).

    Output (j, i) sees the pixels first + (j, i) stride + k dilation, k < kernel, and lies at place + (j, i) step of an
    image. size: how many outputs there are.
    """

    kernel: Pair
    stride: Pair
    dilation: Pair
    first: Pair
    size: Pair
    place: Pair = (0, 0)
    step: Pair = (1, 1)

    @property
    def window(self) -> Window:
        """Without its place."""
        return Window(self.kernel, self.stride, (0, 0), self.dilation)

    def seen(self, outputs: int, axis: int) -> int:
        """Pixels of each of the stride's phases that so many outputs see along an axis."""
        return outputs + (self.kernel[axis] - 1) * self.dilation[axis] // self.stride[axis]


class DirectEngine:
    """The convolution of any window, forward and backward, on a CPU with compiled kernels.

    Blocks stay within the workers' workspace (one row, or as much of its width as fits, if that is more). With
    keep_kernels the forward pass keeps the packed filters, and a copy of the weights, for as long as these stay the
    same: for drawing. Sums are made in an order that depends only on shapes and the number of workers. Shapes: x, dx
    (N, C, H, W); W, dW (O, C, kh, kw); db (O,); y, dy (N, O, H', W'), float32 or float64; every image C-contiguous.
    """

    name = "DIRECT"

    def __init__(self, window: Window, workers: Workers, keep_kernels: bool = False) -> None:
        self.window = window
        self.workers = workers
        self.keep_kernels = keep_kernels
        self._kept: tuple[Array, Array] | None = None

    def forward(self, x: Array, W: Array, y: Array, finish: Finish = NOTHING) -> None:
        """y = W * x, overwritten and finished."""
        window = self.window
        first = -window.pad[0], -window.pad[1]
        correlation = Correlation(window.kernel, window.stride, window.dilation, first, y.shape[2:])
        self._correlate(correlation, x, self._forward_kernels(correlation, W), y, finish)

    def backward_bottom(self, W: Array, dy: Array, dx: Array, finish: Finish = NOTHING) -> None:
        """dx = what each of dy's pixels stamps, overwritten and finished: a correlation for each residue of dx."""
        turned = W.transpose(1, 0, 2, 3)
        for rows, y in _residues(self.window, 0, dx.shape[2]):
            for cols, x in _residues(self.window, 1, dx.shape[3]):
                correlation = Correlation(*zip(y, x, strict=True))
                if 0 in correlation.kernel:
                    _finish_nothing(correlation, dx, finish)
                else:
                    packed = self._packed(correlation, turned[:, :, rows][:, :, :, cols])
                    self._correlate(correlation, dy, packed, dx, finish)

    def backward_weights(self, x: Array, dy: Array, dW: Array, db: Array | None = None) -> None:
        """dW += the gradient: dW[o][tap] = sum over p of dy[o][p] slab[at[tap] + p]. db += the sums of dy.

        In strips, with M[i] = sum over taps of U[i] R[i] and y = A^T M, dM = A dy of every strip, and dU[i][o][tap] is
        the sum of dM[i][o] R[i][tap]; dW += G^T dU.
        """
        window, (filters, c), item = self.window, dW.shape[:2], dW.itemsize
        correlation = Correlation(window.kernel, window.stride, window.dilation, tuple(-p for p in window.pad), dy.shape[2:])
        work = _Block(correlation, self._strips(correlation), c, x.shape[2:], item)
        strips = work.strips
        shape = (TILE, filters, c * strips.depth) if strips else (1, filters, dW[0].size)
        nbytes = padded(math.prod(shape) * item)
        smallest = work.gradient_scratch(filters, work.unit, 1) + SLACK
        shares = max(1, min(self.workers.threads, self.workers.limit // (nbytes + smallest)))
        blocks = work.gradient_blocks(len(dy), filters, shares, self.workers.limit // shares - nbytes)
        shares = min(shares, len(blocks))
        sums = [np.zeros(shape, dW.dtype) for _ in range(shares)]
        biases = None if db is None else np.zeros((shares, filters), dW.dtype)
        matrices = work.matrices(dW.dtype)
        run = kernels().strips_gradient if strips else kernels().direct_gradient

        def serve(share: int, arena: Arena) -> None:
            bias = None if biases is None else biases[share]
            for block in blocks[share::shares]:
                top, bottom = block.top * work.unit, min(block.bottom * work.unit, correlation.size[0])
                nbytes = work.gradient_scratch(filters, bottom - top, block.cols)
                arena.reserve(nbytes + SLACK, np)
                scratch = arena.take((nbytes,), np.dtype(np.uint8))
                slab = work.slab(top, bottom - top, block.left, block.cols)
                place = (*dy.shape[2:], top, block.left, 1, 1, False, 0.0)
                size = filters, bottom - top, block.cols
                run(x[block.image], dy[block.image], sums[share], bias, slab, place, *size, scratch, *matrices)

        self.workers.run(serve, range(shares), np)
        for each in sums[1:]:
            sums[0] += each
        if strips:
            if not np.isfinite(sums[0]).all():
                DirectEngine(window, self.workers).backward_weights(x, dy, dW, db)
                return
            StripEngine(window, self.workers).add_gradient(sums[0], dW)
        else:
            dW += sums[0].reshape(dW.shape)
        if db is not None:
            for each in biases:
                db += each

    def backward_bias(self, dy: Array, db: Array | None) -> None:
        """db += the sums of dy, if it is given."""
        add_sums(self.workers, dy, db)

    def _strips(self, correlation: Correlation) -> Strips | None:
        """How a correlation is cut into strips, None where it is not."""
        return None

    def _forward_kernels(self, correlation: Correlation, W: Array) -> Array:
        """The packed filters; the kept ones if they belong to these weights."""
        if self._kept is None or self._kept[0].shape != W.shape or not bool((self._kept[0] == W).all()):
            packed = self._packed(correlation, W)
            if not self.keep_kernels:
                return packed
            self._kept = W.copy(), packed
        return self._kept[1]

    def _packed(self, correlation: Correlation, W: Array) -> Array:
        """Filters (O, C, kh, kw) as the kernels take them: so many side by side, (O / side, taps, side), 0 for none.

        In strips (O / side, TILE, taps, side) of the transformed ones.
        """
        strips, side, filters = self._strips(correlation), kernels().rows(), len(W)
        U = W.reshape(1, filters, -1) if strips is None else StripEngine(strips.window, self.workers).transformed(W)
        packed = np.zeros((-(-filters // side), len(U), U.shape[2], side), W.dtype)
        for first in range(0, filters, side):
            some = U[:, first : first + side]
            packed[first // side, :, :, : some.shape[1]] = some.transpose(0, 2, 1)
        return packed

    def _correlate(self, correlation: Correlation, x: Array, packed: Array, y: Array, finish: Finish) -> None:
        c, o, item = x.shape[1], y.shape[1], y.itemsize
        work = _Block(correlation, self._strips(correlation), c, x.shape[2:], item)
        rule = finish.slope is not None, finish.slope or 0.0
        matrices = work.matrices(y.dtype)
        run = kernels().strips if work.strips else kernels().direct

        def serve(block: Block, arena: Arena) -> None:
            top, bottom = block.top * work.unit, min(block.bottom * work.unit, correlation.size[0])
            nbytes = work.scratch(bottom - top, block.cols)
            arena.reserve(nbytes + SLACK, np)
            scratch = arena.take((nbytes,), np.dtype(np.uint8))
            made = None if finish.made is None else finish.made[block.image]
            place = [
                at + first * step
                for at, first, step in zip(correlation.place, (top, block.left), correlation.step, strict=True)
            ]
            slab = work.slab(top, bottom - top, block.left, block.cols)
            target = (*y.shape[2:], *place, *correlation.step, *rule)
            size = o, bottom - top, block.cols
            run(x[block.image], packed, finish.bias, made, y[block.image], slab, target, *size, scratch, *matrices)

        self.workers.run(serve, work.blocks(len(y), self.workers), np)


class StripDirectEngine(DirectEngine):
    """Strips, where a correlation's columns can be filtered: see `strip_engine`."""

    name = "WINOGRAD_1D"

    @staticmethod
    def fits(window: Window) -> bool:
        """True for kernels of two rows or more in a phase, without a dilation along the columns."""
        return window.dilation[0] == 1 and StripEngine.fits(window)

    def _strips(self, correlation: Correlation) -> Strips | None:
        return Strips(correlation.window) if self.fits(correlation.window) else None


@dataclass(frozen=True)
class _Block:
    """What the kernels are told of a block of a correlation's outputs, for one image of (C, *size)."""

    correlation: Correlation
    strips: Strips | None
    channels: int
    size: Pair
    item: int

    @property
    def unit(self) -> int:
        """Rows of outputs that are made together."""
        return self.strips.outputs if self.strips else 1

    def slab(self, top: int, rows: int, left: int, cols: int) -> tuple[int, ...]:
        """`Slab` of pysketch/native/slab.h for so many rows and columns of outputs, from (top, left) on."""
        correlation, strips = self.correlation, self.strips
        (first_y, first_x), (sy, sx) = correlation.first, correlation.stride
        seen = correlation.seen(rows, 0)
        if strips:
            seen = (strips.count(rows) + strips.parts - 2) * strips.outputs + TILE
        window = *correlation.kernel, *correlation.stride, *correlation.dilation
        return (
            self.channels,
            *self.size,
            *window,
            first_y + top * sy,
            first_x + left * sx,
            seen,
            correlation.seen(cols, 1),
        )

    def matrices(self, dtype: np.dtype) -> tuple:
        """What the strips' kernel is told besides."""
        if not self.strips:
            return ()
        matrices = self.strips.matrices
        return self.strips.outputs, self.strips.parts, matrices.AT.astype(dtype), matrices.BT.astype(dtype)

    def scratch(self, rows: int, cols: int) -> int:
        """Bytes that so many rows and columns of outputs take of a worker's arena."""
        slab = self.slab(0, rows, 0, cols)
        if self.strips:
            return kernels().strips_scratch(slab, rows, cols, self.item, self.strips.outputs, self.strips.parts)
        return kernels().direct_scratch(slab, rows, cols, self.item)

    def blocks(self, images: int, workers: Workers) -> list[Block]:
        """Blocks of units of rows: as high as the cache keeps, about equally many for each worker."""
        (height, cols), unit, room = self.correlation.size, self.unit, workers.room(np)
        width, units = cols, -(-height // unit)
        rows = max(1, -(-images * units // (2 * workers.threads)))
        while rows > 1 and self.scratch(rows * unit, cols) > min(_CACHE, room):
            rows = -(-rows // 2)
        while cols > 1 and self.scratch(rows * unit, cols) > room:
            cols = -(-cols // 2)
        return cut(images, units, width, rows, cols)

    def gradient_scratch(self, filters: int, rows: int, cols: int) -> int:
        """As `scratch`, of a block of the filters' gradient."""
        slab = self.slab(0, rows, 0, cols)
        if self.strips:
            parts = self.strips.outputs, self.strips.parts
            return kernels().strips_gradient_scratch(slab, filters, rows, cols, self.item, *parts)
        return kernels().direct_gradient_scratch(slab, filters, rows, cols, self.item)

    def gradient_blocks(self, images: int, filters: int, shares: int, room: int) -> list[Block]:
        """Blocks for the filters' gradient: long runs of sums, as the room allows, as many for each share."""
        (height, width), unit = self.correlation.size, self.unit
        units = -(-height // unit)
        rows, cols = max(1, min(units, -(-images * units // shares), _RUN // width)), width
        while rows > 1 and self.gradient_scratch(filters, rows * unit, cols) > min(_GRADIENT_CACHE, room):
            rows = -(-rows // 2)
        while cols > 1 and self.gradient_scratch(filters, rows * unit, cols) > room:
            cols = -(-cols // 2)
        return cut(images, units, width, rows, cols)


def _residues(window: Window, axis: int, length: int) -> list[tuple[slice, tuple[int, ...]]]:
    """For every residue r of dx's rows (or columns): the taps that reach them, in the order of what they see of dy.

    And (kernel, stride, dilation, first, size, place, step) of a Correlation, along one axis. A tap k of row r + s j sees
    dy's row j + (r + p - d k) / s, if that is whole: of every s / gcd(s, d) taps one.
    """
    s, p, d, count = window.stride[axis], window.pad[axis], window.dilation[axis], window.kernel[axis]
    found = []
    for r in range(min(s, length)):
        taps = [k for k in range(count) if (r + p - d * k) % s == 0]
        first, gap = (r + p - d * taps[-1]) // s if taps else 0, d // math.gcd(s, d)
        step = s // math.gcd(s, d)
        chosen = slice(taps[-1], taps[0] - 1 if taps[0] else None, -step) if taps else slice(0, 0)
        found.append((chosen, (len(taps), 1, gap, first, -(-(length - r) // s), r, s)))
    return found


def _finish_nothing(correlation: Correlation, y: Array, finish: Finish) -> None:
    """Outputs that no tap reaches: 0, finished."""
    (top, left), (down, along), (rows, cols) = correlation.place, correlation.step, correlation.size
    grid = (slice(None), slice(None), slice(top, None, down), slice(left, None, along))
    rest = replace(finish, made=None if finish.made is None else finish.made[grid])
    target = y[grid]
    target[...] = 0
    for image in range(len(y)):
        rest(target[image], Block(image, 0, rows, 0, cols))
