"""Winograd's filtering as a GPU likes it: long runs of tiles, three kernels and one batched product each.

`winograd_engine` does the same in small blocks, as a CPU's cache likes it; `winograd_transforms` has the kernels and
the layouts. It has run on an emulated device, on no card yet, so that a netdef must ask for it: ``engine: WINOGRAD``.
"""

from __future__ import annotations

from collections.abc import Iterator

from pysketch.convolution.gemm import multiply
from pysketch.convolution.rectifier import NOTHING, Finish
from pysketch.convolution.unfolding_batched import add_sums
from pysketch.convolution.winograd import TILE
from pysketch.convolution.winograd_transforms import transforms
from pysketch.device import Array, Workers, array_module, padded

_STEP = 32  # tiles of a run, or a multiple: cuBLAS reads rows that begin at whole cache lines


def run_length(total: int, c: int, o: int, itemsize: int, limit: int) -> int:
    """The tiles of a run, of `total` in all: what fits into `limit` bytes beside the transformed kernels."""
    number_bytes = TILE * TILE * itemsize
    fit = (limit - number_bytes * o * c) // (number_bytes * (c + o))
    return min(total, max(1, fit // _STEP) * _STEP)


class BatchedWinogradEngine:
    """The convolution of stride 1 with square kernels of `kernel` pixels and `pad` zeros (height, width) around.

    Transformed kernels (or their gradient) and a run of tiles stay within the workers' workspace; 32 tiles, if that is
    more. Shapes as in `WinogradEngine`, whose results it gives up to rounding; W and dW are contiguous.
    """

    name = "WINOGRAD"

    def __init__(self, kernel: int, pad: tuple[int, int], workers: Workers) -> None:
        self.kernel = kernel
        self.pad = pad
        self.workers = workers
        self.transforms = transforms(kernel)

    def forward(self, x: Array, W: Array, y: Array, finish: Finish = NOTHING) -> None:
        """y = W * x, overwritten and finished."""
        self._correlate(x, W, y, self.pad, finish, turned=False)

    def backward_bottom(self, W: Array, dy: Array, dx: Array, finish: Finish = NOTHING) -> None:
        """dx = the correlation of dy, padded by r - 1 - pad, with the kernels turned by half a circle."""
        self._correlate(dy, W, dx, tuple(self.kernel - 1 - p for p in self.pad), finish, turned=True)

    def backward_weights(self, x: Array, dy: Array, dW: Array, db: Array | None = None) -> None:
        """dW += G^T (sum of dM V^T) G; db += the sums of dy."""
        for start, U, V, dM in self._runs(x, dy):
            self.transforms.input(x, self.pad, start, V)
            self.transforms.diff(dy, start, dM)
            multiply(dM, V.transpose(0, 2, 1), U, add=start > 0)
        self.transforms.gradient(U, dW)
        self.backward_bias(dy, db)

    def backward_bias(self, dy: Array, db: Array | None) -> None:
        """db += the sums of dy, if it is given."""
        add_sums(self.workers, dy, db)

    def _correlate(self, x: Array, W: Array, y: Array, pad: tuple[int, int], finish: Finish, turned: bool) -> None:
        for start, U, V, M in self._runs(x, y):
            if start == 0:
                self.transforms.weights(W, U, turned)
            self.transforms.input(x, pad, start, V)
            multiply(U, V, M)
            self.transforms.output(M, start, y, finish)

    def _runs(self, x: Array, y: Array) -> Iterator[tuple[int, Array, Array, Array]]:
        """(start, U (n^2, O, C), V (n^2, C, count), M (n^2, O, count)) of every run of tiles; all share one U."""
        (images, o, *out), c, squared, memory = y.shape, x.shape[1], TILE * TILE, self.workers.shared
        down, across = self.transforms.tiles(out)
        total, kernels = images * down * across, (squared, o, c)
        count = run_length(total, c, o, x.itemsize, self.workers.limit)
        memory.reserve(sum(padded(squared * k * x.itemsize) for k in (o * c, c * count, o * count)), array_module(x))
        U = memory.take(kernels, x.dtype)
        for start in range(0, total, count):
            with memory.scratch():
                size = min(count, total - start)
                V, M = (memory.take((squared, k, size), x.dtype) for k in (c, o))
                yield start, U, V, M
