"""Which engine a convolution takes when the netdef leaves it open: a small model of what each one costs.

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

from pysketch.gemm_engine import ThinGemmEngine
from pysketch.im2col import Window
from pysketch.winograd import KERNELS, TILE

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
