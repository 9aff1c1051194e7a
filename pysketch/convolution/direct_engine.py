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
from typing import Any

import numpy as np

from pysketch.convolution.blocks import Block, cut_units
from pysketch.convolution.im2col import Window
from pysketch.convolution.rectifier import NOTHING, Finish
from pysketch.convolution.strip_engine import StripEngine, Strips
from pysketch.convolution.unfolding import add_sums
from pysketch.convolution.winograd import TILE
from pysketch.device import SLACK, Array, Workers, padded
from pysketch.native import kernels

_CACHE = 1 << 20  # bytes of a block's scratch memory: half of a core's second cache
_GRADIENT_CACHE = 5 << 20  # of a block of the filters' gradient: long runs are worth more than a small block
_SIDE = 6  # filters at a time there, as in pysketch/native/dots.h
_VECTOR = 16  # pixels
_RUN = 1024  # pixels of a filter's run there: six filters of more do not stay in the first cache

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
    def geometry(self) -> tuple[int, ...]:
        """As compiled kernels are told it: the places of SLAB_ITEMS in pysketch/native/calls.h."""
        return (*self.kernel, *self.stride, *self.dilation, *self.first)

    @property
    def window(self) -> Window:
        """Without its place."""
        return Window(self.kernel, self.stride, (0, 0), self.dilation)


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
        self._plans: dict[tuple, Any] = {}

    def forward(self, x: Array, W: Array, y: Array, finish: Finish = NOTHING) -> None:
        """y = W * x, overwritten and finished."""
        correlation = self._forward_correlation(y)
        self._correlate(correlation, x, self._forward_kernels(correlation, W), y, finish)

    def forward_blocks(self, x: Array, y: Array) -> list[tuple[int, ...]]:
        """What the workers share in a forward pass: (image, top, bottom, left, right) of the outputs. Shapes count."""
        return self._plan(self._forward_correlation(y), x.shape[1], y).blocks

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
        """dW += the gradient; db += the sums of dy. As W[o][tap] multiplies slab[at[tap] + p] for every p,

            dW[o][tap] = sum over p of dy[o][p] slab[at[tap] + p]

        and in strips, where y = A^T M and M[i][o][p] = sum over taps of U[i][o][tap] R[i][at[tap] + p],

            dM = A dy,    dU[i][o][tap] = sum over p of dM[i][o][p] R[i][at[tap] + p],    dW = G^T dU.

        p runs over whole rows of the slab; dy has zeros where these have no outputs. Strips are taken only where that
        costs less: not for small images. They mix rows: where one of their sums is not finite, because a pixel is not,
        the gradient is taken directly, so that this reaches only those who see it.
        """
        workers, dtype = self.workers, dW.dtype
        key = "weights", x.shape, dy.shape, dtype, workers.threads, workers.limit
        if key not in self._plans:
            self._plans[key] = self._gradient_plan(self._forward_correlation(dy), x, dy)
        plan = self._plans[key]
        workers.shared.reserve(plan.sum_bytes, np)
        sums = workers.shared.take((plan.shares, *plan.shape), dtype)
        sums.fill(0)
        biases = None if db is None else np.zeros((plan.shares, len(dW)), dtype)
        scratch = workers.scratch(plan.nbytes, plan.shares)
        plan.run(workers.team, x, dy, sums, biases, plan.geometry, plan.shares, plan.blocks, scratch, *plan.matrices)
        spoilt = plan.add(sums, dW, workers)
        if spoilt is not None and spoilt.any():
            directly = np.zeros(dW.shape, dtype)
            DirectEngine(self.window, workers).backward_weights(x, dy, directly)
            dW[spoilt] += directly[spoilt]
        for share in () if db is None else biases:
            db += share

    def backward_bias(self, dy: Array, db: Array | None) -> None:
        """db += the sums of dy, if it is given."""
        add_sums(self.workers, dy, db)

    def _forward_correlation(self, y: Array) -> Correlation:
        window = self.window
        first = -window.pad[0], -window.pad[1]
        return Correlation(window.kernel, window.stride, window.dilation, first, y.shape[2:])

    def _strips(self, correlation: Correlation) -> Strips | None:
        """How a correlation is cut into strips, None where it is not."""
        return None

    def _plan(self, correlation: Correlation, channels: int, y: Array) -> Any:
        """What the kernels are told of a correlation."""
        return _Plan(correlation, self._strips(correlation), channels, len(y), y.dtype, self.workers)

    def _gradient_plan(self, correlation: Correlation, x: Array, dy: Array) -> Any:
        """The cheapest one of those that there are."""
        ways = dict.fromkeys([None, self._strips(correlation)])
        return min((_GradientPlan(correlation, way, x, dy, self.workers) for way in ways), key=lambda plan: plan.cost)

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
        strips, side = self._strips(correlation), kernels().rows()
        numbers = TILE * W.shape[1] * strips.depth if strips else math.prod(W.shape[1:])
        shape = -(-len(W) // side), numbers, side
        if self.keep_kernels:
            packed = np.empty(shape, W.dtype)
        else:  # until the next pass, in memory that is there: the system would clear new one
            self.workers.shared.reserve(math.prod(shape) * W.itemsize + SLACK, np)
            packed = self.workers.shared.take(shape, W.dtype)
        kernels().pack(self.workers.team, self.workers.threads, W, packed, *_parts(strips, W.dtype))
        return packed

    def _correlate(self, correlation: Correlation, x: Array, packed: Array, y: Array, finish: Finish) -> None:
        workers = self.workers
        key = correlation, x.shape, y.shape, y.dtype, workers.threads, workers.limit
        if key not in self._plans:
            self._plans[key] = self._plan(correlation, x.shape[1], y)
        plan = self._plans[key]
        scratch = workers.scratch(plan.nbytes, len(plan.blocks))
        images, target = (x, packed, finish.bias, finish.made, y), (*plan.target, finish.slope is not None)
        rest = (correlation.size, plan.blocks, scratch, *plan.matrices)
        plan.run(workers.team, *images, plan.geometry, (*target, finish.slope or 0.0), *rest)


class StripDirectEngine(DirectEngine):
    """Strips, where a correlation's columns can be filtered: see `strip_engine`."""

    name = "WINOGRAD_1D"

    @staticmethod
    def fits(window: Window) -> bool:
        """True for kernels of two rows or more in a phase, without a dilation along the columns."""
        return window.dilation[0] == 1 and StripEngine.fits(window)

    def _strips(self, correlation: Correlation) -> Strips | None:
        return Strips(correlation.window) if StripDirectEngine.fits(correlation.window) else None


class _Plan:
    """What the kernels are told of a correlation besides arrays.

    geometry, target: Slab and Finish of pysketch/native, for output (0, 0); blocks: (image, top, bottom, left, right)
    of the outputs; nbytes: of the largest one's scratch memory; matrices: what the strips' kernel is told in the end.
    """

    def __init__(
        self,
        correlation: Correlation,
        strips: Strips | None,
        channels: int,
        images: int,
        dtype: np.dtype,
        workers: Workers,
    ) -> None:
        self.geometry = correlation.geometry
        self.target = (*correlation.place, *correlation.step)
        self.matrices = ()
        self.run, self._bytes, self._told = kernels().direct, kernels().direct_scratch, ()
        if strips:
            self.run, self._bytes, self._told = (
                kernels().strips,
                kernels().strips_scratch,
                (strips.outputs, strips.parts),
            )
            self.matrices = (*self._told, strips.matrices.AT.astype(dtype), strips.matrices.BT.astype(dtype))
        self._channels, self._item = channels, dtype.itemsize
        height, width = correlation.size
        unit, room = strips.outputs if strips else 1, workers.room(np)
        units, cols = -(-height // unit), width
        rows = max(1, -(-images * units // (2 * workers.threads)))
        while rows > 1 and self._scratch(rows * unit, cols) > min(_CACHE, room):
            rows = -(-rows // 2)
        while cols > 1 and self._scratch(rows * unit, cols) > room:
            cols = -(-cols // 2)
        in_all = images * -(-units // rows)
        if in_all < 8 * workers.threads and in_all % workers.threads:  # as many for each worker
            even = -(-in_all // workers.threads) * workers.threads
            rows = max(1, -(-images * units // even))
        self.nbytes = self._scratch(rows * unit, cols)
        self.blocks = cut_units(images, (height, width), (unit, 1), rows, cols)

    def _scratch(self, rows: int, cols: int) -> int:
        """Bytes that a block works in."""
        return self._bytes(self._channels, self.geometry, rows, cols, self._item, *self._told)


def _parts(strips: Strips | None, dtype: np.dtype) -> tuple[Any, ...]:
    """What the kernels are told of how filters are transformed: phases, parts, outputs, rows of a part, G."""
    if strips is None:
        return 1, 1, 1, 0, None
    return strips.phases, strips.parts, strips.outputs, strips.taps, strips.matrices.G.astype(dtype)


class _GradientPlan:
    """As `_Plan`, for the filters' gradient. Share k sums the blocks k, k + shares, ...: all shares (shares, *shape).

    cost: how long it takes, in products of six filters' runs with a vector of pixels. To sum a run's lanes takes as
    long as 11 of them, to cut out or transform a vector 0.5 and 20; that strips take 1.4 times what this makes is
    measured, for the layers of the shipped nets.
    """

    def __init__(self, correlation: Correlation, strips: Strips | None, x: Array, dy: Array, workers: Workers) -> None:
        (images, filters, height, width), channels, dtype = dy.shape, x.shape[1], dy.dtype
        self.geometry = correlation.geometry
        self.strips, self.matrices = strips, ()
        self.shape = 1, filters, channels * math.prod(correlation.kernel)
        self.run, scratch, told = kernels().direct_gradient, kernels().direct_gradient_scratch, ()
        if strips:
            self.run, scratch = kernels().strips_gradient, kernels().strips_gradient_scratch
            told = strips.outputs, strips.parts
            self.matrices = (*told, strips.matrices.AT.astype(dtype), strips.matrices.BT.astype(dtype))
            self.shape = TILE, filters, channels * strips.depth

        def nbytes(rows: int, cols: int) -> int:
            return scratch(channels, self.geometry, rows * unit, cols, dtype.itemsize, filters, *told) + SLACK

        unit = strips.outputs if strips else 1
        units, cols = -(-height // unit), width
        one = padded(math.prod(self.shape) * dtype.itemsize)
        shares = max(1, min(workers.threads, workers.limit // (one + nbytes(1, 1))))
        room = workers.limit // shares - one
        rows = max(1, min(_RUN // width, -(-images * units // shares)))
        while rows > 1 and nbytes(rows, cols) > min(_GRADIENT_CACHE, room):
            rows -= 1
        while cols > 1 and nbytes(rows, cols) > room:
            cols = -(-cols // 2)
        self.nbytes = nbytes(rows, cols)
        self.blocks = cut_units(images, (height, width), (unit, 1), rows, cols)
        self.shares = min(shares, len(self.blocks))
        planes, runs = channels * math.prod(correlation.stride), images * units * width / _VECTOR
        products = -(-filters // _SIDE) * self.shape[0] * self.shape[2] * (runs + 11 * len(self.blocks))
        self.cost = (products + (planes + filters) * runs * (20 if strips else 0.5)) * (1.4 if strips else 1)
        self.sum_bytes = self.shares * one + SLACK

    def add(self, sums: Array, dW: Array, workers: Workers) -> Array | None:
        """dW += what all shares have summed; in strips but for those filters (O,), True, whose sums are not finite."""
        spoilt = None if self.strips is None else np.zeros(len(dW), bool)
        rest = *_parts(self.strips, dW.dtype), self.shares, spoilt
        kernels().unpack(workers.team, workers.threads, dW, sums, *rest)
        return spoilt


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
