"""What a device does at best, for the roofline of tools/benchmark.py: a large product and a large copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pysketch.benchmark.contender.clock import Call, EventClock, HostClock
from pysketch.convolution import multiply, parts
from pysketch.device import Arena, Array, Device, Workers

ORDERS = {"cpu": 2048, "gpu": 4096}
"""Rows and columns of the square float32 matrices that are multiplied."""

COPIED = 256 << 20
"""Bytes that are copied: more than any cache holds."""

_RUNS = 5


@dataclass(frozen=True)
class Machine:
    """Measured rates: FLOP/s of float32 products; bytes/s of a copy, what is read and what is written added up.

    order, copied: of what was measured, the matrices' rows and the bytes.
    """

    flops: float
    bandwidth: float
    order: int
    copied: int


def measure(device: Device, workers: Workers, clock: HostClock | EventClock, order: int, nbytes: int) -> Machine:
    """The fastest of five products of order x order matrices, and of five copies of nbytes, after one of each.

    The products are those that convolutions call, in the math mode that holds; on a CPU they use as many threads as
    BLAS has, the copies as many as there are workers.
    """
    xp = device.xp
    a, b = (xp.asarray(np.random.default_rng(k).random((order, order), np.float32)) for k in range(2))
    c, source = xp.empty_like(a), xp.ones(nbytes // 4, np.float32)
    target = xp.empty_like(source)
    product = _fastest(clock, lambda: multiply(a, b, c))
    copy = _fastest(clock, lambda: _copy(source, target, workers))
    return Machine(2 * order**3 / product, 2 * source.nbytes / copy, order, source.nbytes)


def _fastest(clock: HostClock | EventClock, call: Call) -> float:
    clock.time([call])
    return min(times.seconds for times in clock.time([call] * _RUNS))


def _copy(source: Array, target: Array, workers: Workers) -> None:
    def work(part: tuple[int, int], arena: Arena) -> None:
        target[slice(*part)] = source[slice(*part)]

    if isinstance(source, np.ndarray):
        workers.run(work, parts(len(source), -(-len(source) // workers.threads)), np)
    else:
        target[...] = source
