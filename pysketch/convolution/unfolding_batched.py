"""The three products of `unfolding` as a GPU likes them: few large tiles, each one kernel and one product.

A tile is as many images, or as many output positions of one, as the workspace has room for columns:

    gather    unfold x, multiply straight into y, finish      (many small images: one batched product)
    scatter   multiply, fold: rows that the tile before has begun are added to, the others overwritten; finish
    outer     unfold x, add dy col^T to dW where it lies (beta = 1), one image after the other

Everything runs in order on one stream, so that one piece of memory serves all tiles, and sums repeat. The functions
take NumPy arrays too, for comparison; there `unfolding`'s small blocks are faster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pysketch.convolution.blocks import parts
from pysketch.convolution.gemm import multiply
from pysketch.convolution.im2col import Window, fold, unfold
from pysketch.convolution.rectifier import Finish, finish_images
from pysketch.device import Array, Kernel, Workers, array_module, padded

_STEP = 32  # positions: cuBLAS reads columns that begin at whole cache lines


@dataclass(frozen=True)
class Tile:
    """Output positions start..stop, as oy W' + ox, of the images first..last, ends excluded."""

    first: int
    last: int
    start: int
    stop: int

    @property
    def images(self) -> slice:
        """Its images."""
        return slice(self.first, self.last)

    @property
    def positions(self) -> slice:
        """Its output positions, of each image."""
        return slice(self.start, self.stop)


def gather(window: Window, workers: Workers, x: Array, W: Array, y: Array, finish: Finish) -> None:
    """As `unfolding.gather`."""
    matrix = array_module(x).ascontiguousarray(W).reshape(len(W), -1)
    for tile, col in _unfolded(window, workers, x, y, matrix.shape[1]):
        multiply(matrix, col, _flat(y)[tile.images, :, tile.positions])
        finish_images(finish, y, tile.images, tile.positions)


def outer(window: Window, workers: Workers, x: Array, dy: Array, dW: Array) -> None:
    """As `unfolding.outer`; dW is contiguous."""
    matrix = dW.reshape(len(dW), -1)
    assert dW.flags.c_contiguous
    for tile, col in _unfolded(window, workers, x, dy, matrix.shape[1]):
        for image, columns in enumerate(col, tile.first):
            multiply(_flat(dy)[image, :, tile.positions], columns.T, matrix, add=True)


def scatter(window: Window, workers: Workers, W: Array, dy: Array, dx: Array, finish: Finish) -> None:
    """As `unfolding.scatter`."""
    transposed = array_module(W).ascontiguousarray(W).reshape(len(W), -1).T
    if window == Window((1, 1)):
        multiply(transposed, _flat(dy), _flat(dx))
        finish_images(finish, dx, slice(None), slice(None))
        return
    width = dx.shape[3]
    tiles = cut_tiles(*dy.shape[:3:2], dy.shape[3], len(transposed) * dy.itemsize, workers.limit)
    bounds = [_rows(window, tile, dx, dy) for tile in tiles]
    fresh = 0
    for k, (tile, (top, bottom)) in enumerate(zip(tiles, bounds, strict=True)):
        col = _columns(workers, tile, len(transposed), dy)
        multiply(transposed, _flat(dy)[tile.images, :, tile.positions], col)
        fresh = fresh if tile.start else 0
        top = min(top, fresh)
        shape = (tile.last - tile.first, dx.shape[1], *window.kernel, tile.stop - tile.start)
        fold(col.reshape(shape), window, tile.start, dx[tile.images], top, bottom, fresh)
        done = min(bounds[k + 1][0], bottom) if tile.stop < dy.shape[2] * dy.shape[3] else bottom
        finish_images(finish, dx, tile.images, slice(top * width, done * width))
        fresh = bottom


def add_sums(workers: Workers, dy: Array, db: Array | None) -> None:
    """As `unfolding.add_sums`: chunks of each image's channel, then chunks of these, until one is left."""
    if db is None:
        return
    dy = _flat(dy)
    if array_module(dy) is np:
        db += np.add.reduceat(dy, range(0, dy.shape[2], _CHUNK), axis=2).sum(axis=(0, 2))
        return
    sums = dy
    while sums is not db:
        (images, channels, count), x = sums.shape, sums
        chunks = -(-count // _CHUNK)
        last = images == chunks == 1
        sums = db if last else array_module(x).empty((1, channels, images * chunks), x.dtype)
        assert x.strides[2] == x.itemsize
        steps = (step // x.itemsize for step in x.strides[:2])
        _SUMS((chunks * _SUMS.threads, channels, images), x, sums, images, channels, count, *steps, last)


def _unfolded(window: Window, workers: Workers, x: Array, y: Array, rows: int) -> Iterator[tuple[Tile, Array]]:
    """Every tile of the outputs y with its columns (images, C kh kw, positions): parts of x for a 1x1 kernel."""
    n, _, out_h, out_w = y.shape
    if window == Window((1, 1)):
        yield Tile(0, n, 0, out_h * out_w), _flat(x)
        return
    for tile in cut_tiles(n, out_h, out_w, rows * x.itemsize, workers.limit):
        col = _columns(workers, tile, rows, x)
        shape = (tile.last - tile.first, x.shape[1], *window.kernel, tile.stop - tile.start)
        unfold(x[tile.images], window, tile.start, col.reshape(shape))
        yield tile, col


def _columns(workers: Workers, tile: Tile, rows: int, like: Array) -> Array:
    """Memory for a tile's columns (images, rows, positions), until the next tile's."""
    shape = (tile.last - tile.first, rows, tile.stop - tile.start)
    workers.shared.reserve(padded(int(np.prod(shape)) * like.itemsize), array_module(like))
    return workers.shared.take(shape, like.dtype)


def cut_tiles(images: int, height: int, width: int, column_bytes: int, limit: int) -> list[Tile]:
    """Whole images, or parts of one, of about equal size; one position, if not even that has room."""
    positions, fit = height * width, max(1, limit // column_bytes)
    if fit >= positions:
        return [Tile(*part, 0, positions) for part in parts(images, fit // positions)]
    size = -(-positions // -(-positions // fit))
    if fit >= _STEP:
        size = min(fit // _STEP, -(-size // _STEP)) * _STEP
    starts = range(0, positions, size)
    return [Tile(k, k + 1, start, min(start + size, positions)) for k in range(images) for start in starts]


def _rows(window: Window, tile: Tile, dx: Array, dy: Array) -> tuple[int, int]:
    """The rows of dx that a tile's columns belong to; with the first and the last tile, up to the image's ends."""
    h, (out_h, out_w) = dx.shape[2], dy.shape[2:]
    top, bottom = window.input_range(tile.start // out_w, (tile.stop - 1) // out_w + 1, 0)
    top, bottom = min(max(0, top), h), min(max(0, bottom), h)
    return top if tile.start else 0, bottom if tile.stop < out_h * out_w else h


def _flat(x: Array) -> Array:
    """(N, C, H, W) -> (N, C, H W), a view: every image is contiguous."""
    assert x[0].flags.c_contiguous
    return x.reshape(*x.shape[:2], -1)


_CHUNK = 8192  # positions that one block of threads adds up

_SOURCE = r"""
// A block of 256 threads for each chunk of 8192 positions: every thread adds some, then pairs of threads, and so on.
// After the last barrier thread 0 alone reads part, and only part[0], which it alone writes next.
// sums: (channels, images, chunks), overwritten or, if so asked, added to.
extern "C" __global__ void channel_sums(const real* x, real* sums, int images, int channels, int count,
                                        long long x_image, long long x_channel, int adds) {
    __shared__ real part[256];
    int t = threadIdx.x, start = blockIdx.x * 8192, stop = count - start < 8192 ? count : start + 8192;
    for (int n = blockIdx.z; n < images; n += gridDim.z) {
        for (int c = blockIdx.y; c < channels; c += gridDim.y) {
            real sum = 0;
            for (int i = start + t; i < stop; i += 256) sum += x[n * x_image + c * x_channel + i];
            part[t] = sum;
            __syncthreads();
            for (int half = 128; half > 0; half /= 2) {
                if (t < half) part[t] += part[t + half];
                __syncthreads();
            }
            if (t > 0) continue;
            real* to = sums + ((long long)c * images + n) * gridDim.x + blockIdx.x;
            *to = adds ? *to + part[0] : part[0];
        }
    }
}
"""
_SUMS = Kernel("channel_sums", _SOURCE, threads=256)
