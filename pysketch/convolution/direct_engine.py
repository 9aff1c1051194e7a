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
from pysketch.convolution.gemm_engine import GemmEngine
from pysketch.convolution.im2col import Window
from pysketch.convolution.rectifier import NOTHING, Finish
from pysketch.convolution.strip_engine import StripEngine, Strips
from pysketch.convolution.unfolding import add_sums
from pysketch.convolution.winograd import Matrices
from pysketch.device import Array, Workers
from pysketch.native import kernels

_CACHE = 1 << 20  # bytes of a block's scratch memory: half of a core's second cache

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


@dataclass(frozen=True)
class Way:
    """How compiled kernels do a correlation: which of them; a block has whole units of outputs, but at the border.

    told: what the kernel is told besides; matrices: those of a filtering, in the end.
    """

    name: str
    unit: Pair = (1, 1)
    told: tuple[int, ...] = ()
    matrices: Matrices | None = None


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
        self._plans: dict[tuple, _Plan] = {}

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
        """dW += the gradient, as `GemmEngine`; db += the sums of dy."""
        GemmEngine(self.window, self.workers).backward_weights(x, dy, dW, db)

    def backward_bias(self, dy: Array, db: Array | None) -> None:
        """db += the sums of dy, if it is given."""
        add_sums(self.workers, dy, db)

    def _way(self, correlation: Correlation) -> Way:
        """How a correlation is done."""
        return Way("direct")

    def _taps(self, correlation: Correlation, W: Array) -> Array:
        """Filters as they are multiplied: (1, O, taps), or (n, O, taps) of n products."""
        return W.reshape(1, len(W), -1)

    def _forward_kernels(self, correlation: Correlation, W: Array) -> Array:
        """The packed filters; the kept ones if they belong to these weights."""
        if self._kept is None or self._kept[0].shape != W.shape or not bool((self._kept[0] == W).all()):
            packed = self._packed(correlation, W)
            if not self.keep_kernels:
                return packed
            self._kept = W.copy(), packed
        return self._kept[1]

    def _packed(self, correlation: Correlation, W: Array) -> Array:
        """Filters (O, C, kh, kw) as the kernels take them: so many side by side, (O / side, n, taps, side), 0 for none."""
        side, filters, U = kernels().rows(), len(W), self._taps(correlation, W)
        packed = np.zeros((-(-filters // side), len(U), U.shape[2], side), W.dtype)
        for first in range(0, filters, side):
            some = U[:, first : first + side]
            packed[first // side, :, :, : some.shape[1]] = some.transpose(0, 2, 1)
        return packed

    def _correlate(self, correlation: Correlation, x: Array, packed: Array, y: Array, finish: Finish) -> None:
        workers = self.workers
        key = correlation, x.shape, y.shape, y.dtype, workers.threads, workers.limit
        if key not in self._plans:
            self._plans[key] = _Plan(correlation, self._way(correlation), x.shape[1], y.shape, y.dtype, workers)
        plan = self._plans[key]
        scratch = workers.scratch(plan.nbytes, len(plan.blocks))
        images, target = (x, packed, finish.bias, finish.made, y), (*plan.target, finish.slope is not None)
        rest = (correlation.size, plan.blocks, scratch, *plan.told)
        plan.run(workers.team, *images, plan.geometry, (*target, finish.slope or 0.0), *rest)


class StripDirectEngine(DirectEngine):
    """Strips, where a correlation's columns can be filtered: see `strip_engine`."""

    name = "WINOGRAD_1D"

    @staticmethod
    def fits(window: Window) -> bool:
        """True for kernels of two rows or more in a phase, without a dilation along the columns."""
        return window.dilation[0] == 1 and StripEngine.fits(window)

    def _way(self, correlation: Correlation) -> Way:
        if not StripDirectEngine.fits(correlation.window):
            return super()._way(correlation)
        strips = Strips(correlation.window)
        return Way("strips", (strips.outputs, 1), (strips.outputs, strips.parts), strips.matrices)

    def _taps(self, correlation: Correlation, W: Array) -> Array:
        if not StripDirectEngine.fits(correlation.window):
            return super()._taps(correlation, W)
        return StripEngine(correlation.window, self.workers).transformed(W)


class _Plan:
    """What the kernels are told of a correlation besides arrays.

    geometry, target: Slab and Finish of pysketch/native, for output (0, 0); blocks: (image, top, bottom, left, right)
    of the outputs; nbytes: of the largest one's scratch memory; told: what a way's kernel is told in the end.
    """

    def __init__(
        self,
        correlation: Correlation,
        way: Way,
        channels: int,
        shape: tuple[int, ...],
        dtype: np.dtype,
        workers: Workers,
    ) -> None:
        images, filters = shape[:2]
        self.geometry = (*correlation.kernel, *correlation.stride, *correlation.dilation, *correlation.first)
        self.target = (*correlation.place, *correlation.step)
        self.run = getattr(kernels(), way.name)
        self.told = way.told
        if way.matrices:
            self.told = (*way.told, way.matrices.AT.astype(dtype), way.matrices.BT.astype(dtype))
        (height, width), (high, wide), room = correlation.size, way.unit, workers.room(np)
        units, across = -(-height // high), -(-width // wide)

        def scratch(rows: int, cols: int) -> int:
            size = rows * high, cols * wide, dtype.itemsize
            return getattr(kernels(), f"{way.name}_scratch")(channels, filters, self.geometry, *size, *way.told)

        rows, cols = max(1, -(-images * units // (2 * workers.threads))), across
        while rows > 1 and scratch(rows, cols) > min(_CACHE, room):
            rows = -(-rows // 2)
        while cols > 1 and scratch(rows, cols) > room:
            cols = -(-cols // 2)
        in_all = images * -(-units // rows)
        if in_all < 8 * workers.threads and in_all % workers.threads:  # as many for each worker
            even = -(-in_all // workers.threads) * workers.threads
            rows = max(1, -(-images * units // even))
        self.nbytes = scratch(rows, cols)
        self.blocks = [
            (
                block.image,
                block.top * high,
                min(block.bottom * high, height),
                block.left * wide,
                min(block.right * wide, width),
            )
            for block in cut(images, units, across, rows, cols)
        ]


def _residues(window: Window, axis: int, length: int) -> list[tuple[slice, tuple[int, ...]]]:
    """For every residue r of dx's rows (or columns): the taps that reach them, in the order of what they see of dy.

    And (kernel, stride, dilation, first, size, place, step) of a Correlation, along one axis. A tap k of row r + s j
    sees dy's row j + (r + p - d k) / s, if that is whole: of every s / gcd(s, d) taps one.
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
