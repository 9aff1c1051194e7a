"""Which engine a convolution takes: `ENGINES`, a table of geometry and device, and who stands where in it.

What the netdef leaves open a small model of the costs decides:

    cost = FLOPs / FLOPS_PER_BYTE + bytes moved,  in bytes, for one image's forward pass

With K = kh kw, P = H' W' and T tiles of TILE^2 (see `winograd`):

    GEMM       2 O C K P FLOPs;       columns written and read, outputs written:  4 (2 U K P + O P) bytes, U = C or,
               where the outputs are unfolded instead, O
    Winograd   2 TILE^2 T C O FLOPs;  transformed tiles, about four times each:   4 TILE^2 T 4 (C + O) bytes,
               transformed kernels likewise, 4 TILE^2 4 C O bytes, and START_BYTES for starting the workers

FLOPS_PER_BYTE says how many operations of a matrix product cost as much as moving a byte. 7 was fitted on two
AVX-512 cores (140 GFLOP/s, 20 GB/s); the choices for the shipped nets stay the same from 5 to 30. The backward
passes cost about the same as the forward, twice, with either engine.
"""

from __future__ import annotations

from collections.abc import Callable

from pysketch.convolution import unfolding, unfolding_batched
from pysketch.convolution.gemm_engine import GemmEngine, ThinGemmEngine
from pysketch.convolution.im2col import Window
from pysketch.convolution.winograd import KERNELS, TILE
from pysketch.convolution.winograd_batched import BatchedWinogradEngine
from pysketch.convolution.winograd_engine import WinogradEngine
from pysketch.device import Workers

Engine = GemmEngine | ThinGemmEngine | WinogradEngine | BatchedWinogradEngine

ENGINES: dict[tuple[str, str], Callable[[Window, Workers, bool], Engine]] = {
    ("gemm", "cpu"): lambda window, workers, keep: GemmEngine(window, workers, unfolding),
    ("gemm", "gpu"): lambda window, workers, keep: GemmEngine(window, workers, unfolding_batched),
    ("thin", "cpu"): lambda window, workers, keep: ThinGemmEngine(window, workers, unfolding),
    ("thin", "gpu"): lambda window, workers, keep: ThinGemmEngine(window, workers, unfolding_batched),
    ("winograd", "cpu"): lambda window, workers, keep: WinogradEngine(window.kernel[0], window.pad, workers, keep),
    ("winograd", "gpu"): lambda window, workers, keep: BatchedWinogradEngine(window.kernel[0], window.pad, workers),
}
"""(way, kind of device) -> the engine, of a window, workers, and whether it may keep the transformed kernels."""

FLOPS_PER_BYTE = 7.0

START_BYTES = 4e6
"""0.2 ms: dealing the work out to threads, and waiting for the last of them."""


def winograd_fits(window: Window) -> bool:
    """True for square kernels of 2 to 7 pixels at stride 1 and dilation 1."""
    (kernel_h, kernel_w) = window.kernel
    square = kernel_h == kernel_w and kernel_h in KERNELS
    return square and window.stride == (1, 1) and window.dilation == (1, 1)


def unfolds_outputs(window: Window, channels: int, filters: int) -> bool:
    """True if GEMM unfolds the outputs: possible, and fewer than the inputs."""
    return ThinGemmEngine.fits(window) and filters < channels and window.kernel != (1, 1)


def gemm_cost(window: Window, channels: int, filters: int, out: tuple[int, int]) -> float:
    """Cost of im2col and a matrix product, in bytes; out = (H', W')."""
    positions = out[0] * out[1]
    taps = window.kernel[0] * window.kernel[1]
    unfolded = filters if unfolds_outputs(window, channels, filters) else channels
    columns = 0 if window == Window((1, 1)) else 2 * unfolded * taps * positions
    return 2 * filters * channels * taps * positions / FLOPS_PER_BYTE + 4 * (columns + filters * positions)


def winograd_cost(window: Window, channels: int, filters: int, out: tuple[int, int]) -> float:
    """Cost of Winograd's filtering, in bytes; the window must fit it."""
    m = TILE + 1 - window.kernel[0]
    tiles = -(-out[0] // m) * -(-out[1] // m)
    flops = 2 * TILE * TILE * tiles * channels * filters
    transformed = TILE * TILE * (tiles * (channels + filters) + channels * filters)
    return flops / FLOPS_PER_BYTE + 4 * 4 * transformed + START_BYTES


def prefers_winograd(window: Window, channels: int, filters: int, out: tuple[int, int]) -> bool:
    """True if Winograd's filtering is possible and costs less."""
    if not winograd_fits(window) or min(out) < 1:
        return False
    return winograd_cost(window, channels, filters, out) < gemm_cost(window, channels, filters, out)


def choose_way(asked: str, window: Window, channels: int, filters: int, out: tuple[int, int], device: str) -> str:
    """A row of `ENGINES`, "gemm", "thin" or "winograd", for one group's channels and filters; out = (H', W').

    asked: the netdef's CAFFE or WINOGRAD, which the window must fit; any other word leaves it open. device: "cpu" or
    "gpu", where Winograd's must be asked for: nothing has been measured there yet.
    """
    if asked == "WINOGRAD":
        return "winograd"
    if asked != "CAFFE" and device == "cpu" and prefers_winograd(window, channels, filters, out):
        return "winograd"
    return "thin" if unfolds_outputs(window, channels, filters) else "gemm"
