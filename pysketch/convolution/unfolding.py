"""The three products with unfolded patches that make a convolution, block by block on the workers.

With col the unfolded patches of one image (C kh kw rows, H' W' columns):

    gather    y = W col
    scatter   dx = col2im(W^T dy)
    outer     dW += dy col^T

Columns exist for a block of the output at a time, on each worker: about as many bytes as stay in a core's cache, within
the workers' workspace (or for one output position, if that is more). A 1x1 kernel at stride 1 without padding
needs none: x is col. Every image must be C-contiguous. So a CPU likes it; `unfolding_batched` does the same as a GPU
likes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import ModuleType

import numpy as np

from pysketch.convolution.blocks import Block, cut, parts
from pysketch.convolution.gemm import multiply_columns
from pysketch.convolution.im2col import Window, col2im, copy_seen, im2col
from pysketch.convolution.rectifier import Finish
from pysketch.device import SLACK, Arena, Array, Workers, array_module, padded

_CACHE = 1 << 20  # bytes of columns that stay in a core's cache; longer blocks are slower
_OVERLAP = 8  # a scattered block is so many times higher than its overlap with the next, if it can be


def gather(window: Window, workers: Workers, x: Array, W: Array, y: Array, finish: Finish) -> None:
    """y = W col, overwritten and finished, a block of output positions at a time.

    x: (N, C, H, W), W: (O, C, kh, kw), y: (N, O, H', W').
    """
    xp = array_module(x)
    matrix = xp.ascontiguousarray(W).reshape(len(W), -1)
    column_bytes = _column_bytes(window, x, y, matrix.shape[1])

    def work(block: Block, arena: Arena) -> None:
        arena.reserve(_block_bytes(window, x, block, column_bytes), xp)
        col = _columns(window, x[block.image], block, arena)
        target = y[block.image, :, block.top : block.bottom, block.left : block.right]
        if block.cols == y.shape[3]:
            out = _flat(y[block.image])[:, block.top * y.shape[3] : block.bottom * y.shape[3]]
            multiply_columns(matrix, col, out)
        else:
            target[...] = (matrix @ col).reshape(target.shape)
        finish(target, block)

    workers.run(work, _output_blocks(window, workers, x, y, column_bytes), xp)


def outer(window: Window, workers: Workers, x: Array, dy: Array, dW: Array) -> None:
    """dW (O, C, kh, kw) += dy col^T: each share of the blocks has a sum of its own, and these are added in order."""
    xp, o = array_module(x), dW.shape[0]
    rows = math.prod(dW.shape[1:])
    column_bytes = _column_bytes(window, x, dy, rows)
    sum_bytes = padded(o * rows * dW.itemsize)
    blocks = _output_blocks(window, workers, x, dy, column_bytes)
    shares = max(1, min(workers.number(xp), len(blocks), workers.limit // (4 * sum_bytes)))
    sums: list[Array] = [xp.zeros((o, rows), dW.dtype) for _ in range(shares)]

    def work(share: int, arena: Arena) -> None:
        for block in blocks[share::shares]:
            arena.reserve(_block_bytes(window, x, block, column_bytes) + sum_bytes, xp)
            col = _columns(window, x[block.image], block, arena)
            part = arena.take((o, rows), dW.dtype)
            diff = dy[block.image, :, block.top : block.bottom, block.left : block.right]
            xp.matmul(diff.reshape(o, -1), col.T, out=part)
            sums[share] += part

    workers.run(work, range(shares), xp)
    for part in sums:
        dW += part.reshape(dW.shape)


def scatter(window: Window, workers: Workers, W: Array, dy: Array, dx: Array, finish: Finish) -> None:
    """dx = col2im(W^T dy), overwritten and finished: some rows of some channels at a time, which nobody else writes.

    W: (O, C, kh, kw), dy: (N, O, H', W'), dx: (N, C, H, W). Outputs that two neighbouring pieces see are multiplied
    twice.
    """
    xp, (n, c, h, w), itemsize = array_module(dy), dx.shape, dx.itemsize
    transposed = xp.ascontiguousarray(W).reshape(len(W), -1).T
    if window == Window((1, 1)):
        gather(window, workers, dy, transposed[:, :, None, None], dx, finish)
        return
    taps = math.prod(window.kernel)
    overlap = window.extent(0) - 1
    row_bytes = taps * dy.shape[3] * itemsize // window.stride[0] + w * itemsize
    budget = _budget(workers, xp) - SLACK
    height = max(1, min(h, max(_OVERLAP * overlap, budget // row_bytes) if overlap else h))
    channels = max(1, min(c, -(-n * c // (2 * workers.number(xp))), budget // (row_bytes * (height + overlap))))
    if channels == 1:
        height = max(1, min(height, -(-n * c * h // (2 * workers.number(xp))), budget // row_bytes - overlap))
    tasks = [(block, part) for block in cut(n, h, w, height, w) for part in parts(c, channels)]
    sums = xp is np and window.stride == (1, 1) and all(window.pad[k] < window.extent(k) for k in (0, 1))

    def work(task: tuple[Block, tuple[int, int]], arena: Arena) -> None:
        block, (first, last) = task
        target = dx[block.image, first:last, block.top : block.bottom]
        W_part, diff = transposed[first * taps : last * taps], dy[block.image]
        if sums and _sum_bytes(window, diff, target) <= workers.room(xp):
            _sum_rows(window, W_part, diff, block, target, arena)
        else:
            _scatter_rows(window, W_part, diff, block, target, arena)
        finish(target, block, first)

    workers.run(work, tasks, xp)


def _scatter_rows(window: Window, W: Array, dy: Array, block: Block, target: Array, arena: Arena) -> None:
    """The rows of a block of dx, some channels of it: target (C, rows, W), overwritten; W (C kh kw, O)."""
    xp, (c, _, w), (kh, kw) = array_module(dy), target.shape, window.kernel
    (pad_h, pad_w), stride = window.pad, window.stride[0]
    top = max(0, -(-(block.top + pad_h - window.extent(0) + 1) // stride))
    bottom = min(dy.shape[1], (block.bottom - 1 + pad_h) // stride + 1)
    if top >= bottom:
        target[...] = 0
        return
    first, last = window.input_range(top, bottom, 0)
    start, stop = min(first, block.top), max(last, block.bottom)
    width = w + 2 * pad_w
    numbers = c * kh * kw * (bottom - top) * dy.shape[2] + c * (stop - start) * width
    arena.reserve(numbers * dy.itemsize + SLACK, xp)
    col = arena.take((c, kh, kw, bottom - top, dy.shape[2]), dy.dtype)
    multiply_columns(W, _flat(dy)[:, top * dy.shape[2] : bottom * dy.shape[2]], col.reshape(len(W), -1))
    image = arena.take((c, stop - start, width), dy.dtype)
    image[...] = 0
    col2im(col, window, image[:, first - start :])
    target[...] = image[:, block.top - start : block.bottom - start, pad_w : pad_w + w]


def _sum_rows(window: Window, W: Array, dy: Array, block: Block, target: Array, arena: Arena) -> None:
    """As `_scatter_rows` at stride 1, in one pass: every pixel is the sum of its kh kw elements of the columns.

    Zeros around dy make these as many for the pixels at the border.
    """
    (c, rows, w), o = target.shape, len(dy)
    (down, across), (kh, kw) = window.dilation, window.kernel
    pad_h, pad_w = (window.extent(axis) - 1 - window.pad[axis] for axis in (0, 1))
    height, width = rows + window.extent(0) - 1, w + window.extent(1) - 1
    arena.reserve(_sum_bytes(window, dy, target), np)
    if pad_h or pad_w:
        seen = arena.take((o, height, width), dy.dtype)
        copy_seen(dy, block.top - pad_h, -pad_w, seen)
    else:
        seen = dy[:, block.top : block.top + height]
    col = arena.take((c, kh, kw, height, width), dy.dtype)
    multiply_columns(W, seen.reshape(o, -1), col.reshape(len(W), -1))
    first = col[..., (kh - 1) * down :, (kw - 1) * across :]
    s = col.strides
    steps = (s[0], s[1] - down * s[3], s[2] - across * s[4], s[3], s[4])
    np.add.reduce(np.lib.stride_tricks.as_strided(first, (c, kh, kw, rows, w), steps), axis=(1, 2), out=target)


def _sum_bytes(window: Window, dy: Array, target: Array) -> int:
    """What `_sum_rows` takes in an arena, at most: columns, and dy with zeros around it."""
    (c, rows, w), taps = target.shape, math.prod(window.kernel)
    positions = (rows + window.extent(0) - 1) * (w + window.extent(1) - 1)
    return (c * taps + len(dy)) * positions * dy.itemsize + SLACK


def add_sums(workers: Workers, dy: Array, db: Array | None) -> None:
    """db += the sum of dy (N, O, H', W') over all but the channels."""
    if db is None:
        return
    xp, n = array_module(dy), len(dy)
    sums = xp.empty(dy.shape[:2], dy.dtype)

    def work(image: int, arena: Arena) -> None:
        sums[image] = dy[image].sum(axis=(1, 2))

    workers.run(work, range(n), xp)
    db += sums.sum(axis=0)


def _columns(window: Window, x: Array, block: Block, arena: Arena) -> Array:
    """The columns (C kh kw, positions) of a block of one image x (C, H, W): a view of x for a 1x1 kernel."""
    (c, h, w), kernel = x.shape, window.kernel
    if window == Window((1, 1)):
        if block.cols == w:
            return _flat(x)[:, block.top * w : block.bottom * w]
        return x[:, block.top : block.bottom, block.left : block.right].reshape(c, -1)
    (top, bottom), (left, right) = (
        window.input_range(block.top, block.bottom, 0),
        window.input_range(block.left, block.right, 1),
    )
    if top < 0 or left < 0 or bottom > h or right > w:
        seen = arena.take((c, bottom - top, right - left), x.dtype)
        copy_seen(x, top, left, seen)
    else:
        seen = x[:, top:bottom, left:right]
    col = arena.take((c, *kernel, block.rows, block.cols), x.dtype)
    im2col(seen, window, col)
    return col.reshape(c * math.prod(kernel), -1)


def _column_bytes(window: Window, x: Array, y: Array, rows: int) -> int:
    """What one output position takes in an arena: its column; or in the cache, where there are no columns."""
    return rows * x.itemsize if window != Window((1, 1)) else (x.shape[1] + y.shape[1]) * x.itemsize


def _block_bytes(window: Window, x: Array, block: Block, column_bytes: int) -> int:
    if window == Window((1, 1)):
        return SLACK
    seen = [window.input_range(0, size, axis) for axis, size in enumerate((block.rows, block.cols))]
    image = math.prod(stop - start for start, stop in seen) if any(window.pad) else 0
    return block.count * column_bytes + x.shape[1] * image * x.itemsize + SLACK


def _output_blocks(window: Window, workers: Workers, x: Array, y: Array, column_bytes: int) -> Sequence[Block]:
    """Blocks of whole rows, or of parts of a row where one row is too much."""
    xp, (n, _, h, w) = array_module(x), y.shape
    share = 2 if any(window.pad) else 1  # a padded copy of what a block sees needs room as well
    positions = max(1, _budget(workers, xp, share) // column_bytes)
    positions = min(positions, max(1, -(-n * h * w // (2 * workers.number(xp)))))
    rows, cols = max(1, positions // w), min(w, positions)
    return cut(n, h, w, rows, cols)


def _budget(workers: Workers, xp: ModuleType, share: int = 1) -> int:
    """The bytes of a block's columns: a part of a worker's room; on a CPU no more than stays in a core's cache."""
    room = workers.room(xp) // share
    return min(_CACHE, room) if xp is np else room


def _flat(x: Array) -> Array:
    """(C, H, W) -> (C, H W), a view."""
    return x.reshape(len(x), -1)
