"""Which engine a convolution takes: `ENGINES`, a table of way and device, and who stands where in it.

A CPU with compiled kernels (`pysketch.native`) is a device of its own, "compiled", beside "cpu" and "gpu". What the
netdef leaves open a small model of the costs decides, but for a GPU: the seconds of one image's forward pass,

    start + FLOPs / rate + cached / cache + moved / memory

cached: bytes of columns or of transformed tiles, written once. moved: bytes of inputs, filters as the engine keeps them
and outputs. `RATES` has the rest, fitted to what `tools/benchmark.py NETDEF --engines` measured for every engine in
every layer of the shipped nets on two AVX-512 cores; how well the model fits, that command shows. With K = kh kw,
P = H' W', T tiles of TILE^2 (see `winograd`) and S strips of TILE rows (see `strip_engine`):

    gemm       2 O C K P FLOPs, C K P numbers cached; none for 1x1 kernels
    thin       2 O C K H W FLOPs, O K H W numbers cached
    winograd   2 TILE^2 T C O FLOPs, TILE^2 T (C + O) numbers cached, TILE^2 C O of filters moved
    strips     2 TILE S W' D C O FLOPs, TILE S W' (D C + O) numbers cached, TILE D C O of filters; D = `Strips.depth`

and of compiled kernels, which do filters four at a time, O' = 4 ceil(O / 4), and unfold nothing:

    direct     2 O' C K P FLOPs, C H W numbers cached
    strips     2 TILE S W' D C O' FLOPs, TILE S W' (D C / kw + O) numbers cached, the same filters
    winograd   2 TILE^2 T C O' FLOPs, (TILE^2 + 4 m^2) T (C + O) numbers cached, m outputs a tile's row; as many filters

The backward passes cost about the same as the forward, twice, with either engine; which way a compiled engine takes for
the filters' gradient it sees by itself (`direct_engine`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from pysketch.convolution import unfolding, unfolding_batched
from pysketch.convolution.direct_engine import DirectEngine, StripDirectEngine
from pysketch.convolution.gemm_engine import GemmEngine, ThinGemmEngine
from pysketch.convolution.im2col import Window
from pysketch.convolution.strip_engine import StripEngine, Strips
from pysketch.convolution.tile_engine import TileDirectEngine
from pysketch.convolution.winograd import TILE
from pysketch.convolution.winograd_batched import BatchedWinogradEngine
from pysketch.convolution.winograd_engine import WinogradEngine, winograd_fits
from pysketch.device import Workers
from pysketch.native import kernels

Engine = GemmEngine | ThinGemmEngine | WinogradEngine | BatchedWinogradEngine | StripEngine | DirectEngine

Maker = Callable[[Window, Workers, bool], Engine]

_ON_CPU: dict[str, Maker] = {
    "gemm": lambda window, workers, keep: GemmEngine(window, workers, unfolding),
    "thin": lambda window, workers, keep: ThinGemmEngine(window, workers, unfolding),
    "winograd": lambda window, workers, keep: WinogradEngine(window.kernel[0], window.pad, workers, keep),
    "strips": StripEngine,
}
_COMPILED: dict[str, Maker] = {
    "direct": DirectEngine,
    "strips": StripDirectEngine,
    "winograd": TileDirectEngine,
}
_ON_GPU: dict[str, Maker] = {
    "gemm": lambda window, workers, keep: GemmEngine(window, workers, unfolding_batched),
    "thin": lambda window, workers, keep: ThinGemmEngine(window, workers, unfolding_batched),
    "winograd": lambda window, workers, keep: BatchedWinogradEngine(window.kernel[0], window.pad, workers),
}

ENGINES: dict[tuple[str, str], Maker] = {
    (way, device): make
    for device, ways in (("cpu", _ON_CPU), ("compiled", _ON_CPU | _COMPILED), ("gpu", _ON_GPU))
    for way, make in ways.items()
}
"""(way, device) -> the engine, of a window, workers, and whether it may keep the transformed kernels."""


@dataclass(frozen=True)
class Rates:
    """What a way of convolving does in a second: FLOPs, bytes in the caches and in memory; seconds before it begins."""

    flops: float
    cache: float
    memory: float
    start: float


_NUMPY_RATES = {
    "gemm": Rates(150e9, 6e9, 14e9, 0.45e-3),
    "thin": Rates(110e9, 3.3e9, 10e9, 0.45e-3),
    "winograd": Rates(250e9, 4.4e9, 6e9, 2.0e-3),
    "strips": Rates(165e9, 16e9, 5.5e9, 1.0e-3),
}
_COMPILED_RATES = {
    "direct": Rates(200e9, 100e9, 27e9, 0.1e-3),
    "strips": Rates(185e9, 100e9, 17e9, 0.2e-3),
    "winograd": Rates(115e9, 37e9, 72e9, 0.2e-3),
}
RATES = {
    (way, device): rates
    for device, table in (("cpu", _NUMPY_RATES), ("compiled", _NUMPY_RATES | _COMPILED_RATES))
    for way, rates in table.items()
}
"""(way, device) -> what it does in a second, on two cores."""

ITEM = 4
"""Bytes of a number."""


def device_of(xp: ModuleType) -> str:
    """The column of `ENGINES` for arrays of this module: "gpu", "compiled" or "cpu"."""
    if xp is not np:
        return "gpu"
    return "cpu" if kernels() is None else "compiled"


def unfolds_outputs(window: Window, channels: int, filters: int) -> bool:
    """True if of both im2cols the outputs' is taken: possible, and they are fewer than the inputs."""
    return ThinGemmEngine.fits(window) and filters < channels and window.kernel != (1, 1)


def possible_ways(window: Window, device: str) -> list[str]:
    """The rows of `ENGINES` that can do it, in the column of a device."""
    in_strips = StripDirectEngine if device == "compiled" else StripEngine
    fits = {
        "gemm": True,
        "thin": ThinGemmEngine.fits(window) and window.kernel != (1, 1),
        "winograd": winograd_fits(window),
        "strips": in_strips.fits(window),
        "direct": True,
    }
    return [way for way, possible in fits.items() if possible and (way, device) in ENGINES]


def cost(way: str, device: str, window: Window, channels: int, filters: int, size: tuple[int, int]) -> float:
    """Seconds, by the model, of a way's forward pass for one image of size (H, W), on the cores of `RATES`."""
    (c, o), out, taps = (channels, filters), window.output_size(size), math.prod(window.kernel)
    inputs, outputs, kernels = math.prod(size), math.prod(out), taps * c * o
    compiled = device == "compiled" and way in _COMPILED
    done = -(-o // 4) * 4 if compiled else o
    if way == "gemm":
        flops, cached = 2 * outputs * kernels, 0 if window == Window((1, 1)) else c * taps * outputs
    elif way == "thin":
        flops, cached = 2 * inputs * kernels, o * taps * inputs
    elif way == "direct":
        flops, cached = 2 * outputs * taps * c * done, c * inputs
    elif way == "winograd":
        tiles = math.prod(-(-length // (TILE + 1 - window.kernel[0])) for length in out)
        kernels = TILE * TILE * c * o
        flops, cached = 2 * tiles * TILE * TILE * c * done, TILE * TILE * tiles * (c + o)
        cached += 4 * (TILE + 1 - window.kernel[0]) ** 2 * tiles * (c + o) if compiled else 0
    else:
        strips = Strips(window)
        kernels = TILE * strips.depth * c * o
        positions = strips.count(out[0]) * strips.residues * out[1]
        flops = 2 * positions * TILE * strips.depth * c * done
        cached = TILE * positions * (strips.depth * c / (window.kernel[1] if compiled else 1) + o)
    moved, rates = c * inputs + o * outputs + kernels, RATES[way, device]
    return rates.start + flops / rates.flops + ITEM * cached / rates.cache + ITEM * moved / rates.memory


def choose_way(asked: str, window: Window, channels: int, filters: int, size: tuple[int, int], device: str) -> str:
    """A row of `ENGINES` for one group's channels and filters; size: (H, W) of what is convolved.

    asked: the netdef's CAFFE or WINOGRAD, which the window must fit; any other word leaves it open. device: a column of
    `ENGINES`; on "gpu" Winograd's must be asked for: nothing has been measured there yet.
    """
    if asked == "WINOGRAD":
        return "winograd"
    if asked != "CAFFE" and device != "gpu" and min(window.output_size(size)) > 0:
        ways = possible_ways(window, device)
        return min(ways, key=lambda way: cost(way, device, window, channels, filters, size))
    return "thin" if unfolds_outputs(window, channels, filters) else "gemm"
