"""What a layer's forward pass has to do: operations, bytes, kernel launches. For tools/benchmark.py.

A pass is what reaches memory once: on a GPU a kernel or a matrix product, on a CPU a whole layer, whose columns or
transformed tiles are made and used block by block in the caches. Its bytes are what must move at least: each array
that it reads, once, and each that it writes, once. Per image, with K = kh kw, P = H' W', T tiles of 8x8 (Winograd):

    CAFFE, a GPU     unfold   reads x, writes columns (C K P)
                     product  2 O C K P operations; reads columns and W, writes y
                     finish   reads y, writes y: bias and ReLU
                     1x1 kernels need no columns. Layers with fewer filters than channels unfold their outputs: O K H W
                     columns, 2 C O K H W operations, and "fold" reads columns and writes y
    WINOGRAD, a GPU  kernels  reads W, writes U (64 O C)
                     input    reads x, writes V (64 C T)
                     product  128 O C T operations; reads U and V, writes M (64 O T)
                     output   reads M, writes y, finished
    a CPU            reads x, W (WINOGRAD and WINOGRAD_1D, see `strip_engine`: U, which is kept); y is written; all
                     operations
    other layers     read their bottoms, write their tops; operations not counted

Operations are multiplications and additions of products, and of Winograd's transforms as products of small dense
matrices. What a piece of work reads of its neighbour's is counted once; a number takes 4 bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pysketch.benchmark.nets import layer_flops
from pysketch.convolution import TILE, Strips, Window, choose_way, cut_tiles, run_length
from pysketch.device import Blob
from pysketch.layers import Convolution, Layer
from pysketch.net import Net

ITEM = 4
"""Bytes of a number."""


@dataclass(frozen=True)
class Pass:
    """One pass over memory; launches: kernels and products that a GPU is told to do for it."""

    name: str
    flops: int
    nbytes: int
    launches: int = 1


@dataclass(frozen=True)
class Work:
    """The passes of a layer, its engine's name in the netdef, and the direct algorithm's operations (convolutions).

    cached: bytes of columns, or of transformed tiles, written and read in a CPU's caches.
    """

    engine: str | None
    direct_flops: int
    passes: tuple[Pass, ...]
    cached: int = 0

    @property
    def flops(self) -> int:
        """All passes'."""
        return sum(each.flops for each in self.passes)

    @property
    def nbytes(self) -> int:
        """All passes'."""
        return sum(each.nbytes for each in self.passes)

    @property
    def launches(self) -> int:
        """All passes'."""
        return sum(each.launches for each in self.passes)

    def seconds(self, flops: float, bandwidth: float) -> float:
        """What the passes take, each either at `flops` FLOP/s or at `bandwidth` bytes/s, whichever is slower."""
        return sum(max(each.flops / flops, each.nbytes / bandwidth) for each in self.passes)


@dataclass(frozen=True)
class Shape:
    """One group of one convolution: N images of c channels of size (H, W), o filters, outputs of size (H', W')."""

    window: Window
    images: int
    c: int
    size: tuple[int, int]
    o: int
    out: tuple[int, int]

    @property
    def x(self) -> int:
        """Bytes of the bottom."""
        return ITEM * self.images * self.c * math.prod(self.size)

    @property
    def y(self) -> int:
        """Bytes of the top."""
        return ITEM * self.images * self.o * math.prod(self.out)

    @property
    def W(self) -> int:
        """Bytes of the weights."""
        return ITEM * self.o * self.c * self.taps

    @property
    def taps(self) -> int:
        """K, the weights of one channel of a filter."""
        return math.prod(self.window.kernel)

    @property
    def tiles(self) -> int:
        """Winograd's tiles of all images."""
        outputs = TILE + 1 - self.window.kernel[0]
        return self.images * math.prod(-(-length // outputs) for length in self.out)


def net_work(net: Net, gpu: bool, fused: bool = False) -> list[Work]:
    """Every layer's work; gpu: as it would be on a GPU, wherever the net is.

    fused: as in a whole forward, where convolutions do the ReLUs in place; else as run one by one.
    """
    rectifying = net.fusion.forward if fused else {}
    works = []
    for index, parts in enumerate(zip(net.layers, net.bottoms, net.tops, strict=True)):
        done = index in rectifying.values()
        works.append(Work(None, 0, ()) if done else layer_work(*parts, gpu, index in rectifying))
    return works


def layer_work(layer: Layer, bottom: Sequence[Blob], top: Sequence[Blob], gpu: bool, rectifies: bool = False) -> Work:
    """One layer's work, with the engine that it would have on that device; rectifies: it does a ReLU's as well."""
    if not isinstance(layer, Convolution):
        nbytes = ITEM * sum(blob.count for blob in (*bottom, *top))
        return Work(None, 0, (Pass(layer.type, 0, nbytes),) if bottom else ())
    way = _way(layer, gpu)
    finishes = rectifies or layer.options.bias_term
    works = [_convolution(shape, way, layer, gpu, finishes) for shape in _shapes(layer, bottom, top)]
    direct, _ = layer_flops(layer, list(bottom), list(top), [False] * len(bottom))
    name = {"winograd": "WINOGRAD", "strips": "WINOGRAD_1D", "direct": "DIRECT"}.get(way, "CAFFE")
    passes = tuple(each for work in works for each in work.passes)
    return Work(name, direct, passes, sum(work.cached for work in works))


def _way(layer: Convolution, gpu: bool) -> str:
    """The layer's row of `ENGINES`, there or here."""
    o, c = layer.blobs[0].shape[:2]
    if not gpu:
        return layer.way
    return choose_way(layer.options.engine, layer.window, c, o // layer.options.group, (0, 0), "gpu")


def _shapes(layer: Convolution, bottom: Sequence[Blob], top: Sequence[Blob]) -> list[Shape]:
    (o, c), group = layer.blobs[0].shape[:2], layer.options.group
    shapes = []
    for x, y in zip(bottom, top, strict=True):
        shape = Shape(layer.window, x.shape[0], c, x.shape[2:], o // group, y.shape[2:])
        shapes += [shape] * group
    return shapes


def _convolution(shape: Shape, way: str, layer: Convolution, gpu: bool, finishes: bool) -> Work:
    limit = layer.context.workers.limit
    ways = {"gemm": _gemm, "thin": _thin, "direct": _direct, "strips": _strips, "winograd": _winograd}
    passes, between = ways[way](shape, limit)
    if not gpu:
        each = {"winograd": TILE * TILE, "strips": TILE * Strips(shape.window).depth}.get(way, shape.taps)
        kernels = ITEM * each * shape.o * shape.c
        flops = sum(each.flops for each in passes if each.name != "kernels")
        return Work(None, 0, (Pass(layer.type, flops, shape.x + kernels + shape.y),), between)
    if way != "winograd" and finishes:
        passes.append(Pass("finish", 0, 2 * shape.y, passes[-1].launches))
    return Work(None, 0, tuple(passes))


def _gemm(shape: Shape, limit: int) -> tuple[list[Pass], int]:
    """The passes, without the last one, and the bytes written and read between them."""
    positions = math.prod(shape.out)
    product = Pass("product", 2 * shape.images * shape.o * shape.c * shape.taps * positions, shape.W + shape.y)
    if shape.window == Window((1, 1)):
        return [replace(product, nbytes=product.nbytes + shape.x)], 0
    rows = ITEM * shape.c * shape.taps
    columns, tiles = shape.images * rows * positions, len(cut_tiles(shape.images, *shape.out, rows, limit))
    unfold = Pass("unfold", 0, shape.x + columns, tiles)
    return [unfold, replace(product, nbytes=product.nbytes + columns, launches=tiles)], 2 * columns


def _thin(shape: Shape, limit: int) -> tuple[list[Pass], int]:
    positions, rows = math.prod(shape.size), ITEM * shape.o * shape.taps
    columns, tiles = shape.images * rows * positions, len(cut_tiles(shape.images, *shape.size, rows, limit))
    flops = 2 * shape.images * shape.o * shape.c * shape.taps * positions
    product = Pass("product", flops, shape.x + shape.W + columns, tiles)
    passes = [Pass("turn", 0, 2 * shape.W), product, Pass("fold", 0, columns + shape.y, tiles)]
    return passes, 2 * columns


def _direct(shape: Shape, limit: int) -> tuple[list[Pass], int]:
    flops = 2 * shape.images * shape.o * shape.c * shape.taps * math.prod(shape.out)
    return [Pass("product", flops, shape.x + shape.W + shape.y)], 2 * shape.x


def _strips(shape: Shape, limit: int) -> tuple[list[Pass], int]:
    strips, n = Strips(shape.window), TILE
    rows = shape.images * strips.residues * strips.count(shape.out[0])
    positions = rows * shape.out[1]
    flops = 2 * n * positions * strips.depth * shape.c * shape.o
    flops += 2 * n * n * rows * strips.phases * shape.c * shape.size[1] + 2 * n * strips.outputs * positions * shape.o
    cached = ITEM * n * positions * (strips.depth * shape.c + shape.o)
    return [Pass("product", flops, shape.x + shape.W + shape.y)], 2 * cached


def _winograd(shape: Shape, limit: int) -> tuple[list[Pass], int]:
    r, n, c, o, tiles = shape.window.kernel[0], TILE, shape.c, shape.o, shape.tiles
    m, number = n + 1 - r, ITEM * n * n
    runs = -(-tiles // run_length(tiles, c, o, ITEM, limit))
    U, V, M = number * o * c, number * c * tiles, number * o * tiles
    passes = [
        Pass("kernels", 2 * (n * r * r + n * n * r) * o * c, shape.W + U),
        Pass("input", 2 * 2 * n**3 * c * tiles, shape.x + V, runs),
        Pass("product", 2 * n * n * o * c * tiles, U + V + M, runs),
        Pass("output", 2 * (m * n * n + m * m * n) * o * tiles, M + shape.y, runs),
    ]
    return passes, 2 * (V + M)
