"""Every engine in every convolution of a net: what the cost model expects, what it takes, for tools/benchmark.py.

The model (`convolution.engine_choice`) counts seconds of the two cores that it was fitted on. Here one factor, the same
for all, brings them to this machine and number of threads: the median of what was measured over what was expected. What
is left is the model's error. A choice is wrong by as much as the chosen engine is slower than the fastest.

How many cores a net can feed: compiled kernels cut a layer into blocks, which whoever is free takes, and the layer
takes as long as the core with the most outputs. `speedup` counts these; what cores share, memory and a few microseconds
for each layer to begin, is not in it.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pysketch.benchmark.contender.clock import HostClock
from pysketch.benchmark.nets import Job, build
from pysketch.benchmark.race import Spread
from pysketch.convolution import ENGINES, DirectEngine, Finish, Window, cost, device_of, possible_ways
from pysketch.device import Array, Workers
from pysketch.layers import Convolution
from pysketch.report import aligned

CORES = (2, 4, 8, 16, 32)
"""Numbers of cores that are counted for."""


@dataclass(frozen=True)
class Trial:
    """One way of convolving in one layer.

    expected: the model's milliseconds, not yet brought to this machine. shares: number of cores -> the part of the
    outputs that the core with the most of them makes; empty where NumPy convolves.
    """

    layer: str
    geometry: str
    way: str
    chosen: bool
    expected: float
    measured: Spread
    shares: Mapping[int, float] = field(default_factory=dict)


def measure_engines(job: Job, runs: int) -> list[Trial]:
    """Forward, with a bias and a ReLU as in a net, on the CPU: of each layer all ways in turn, once before the clock.

    Of a convolution in groups one group is measured.
    """
    net, _ = build(job)
    workers, rng = net.context.workers, np.random.default_rng(job.seed)
    trials, device = [], device_of(np)
    with workers.single_threaded_blas():
        for layer, bottom, top in zip(net.layers, net.bottoms, net.tops, strict=True):
            if isinstance(layer, Convolution):
                (o, c), group = layer.blobs[0].shape[:2], layer.options.group
                n, _, *size = bottom[0].shape
                shapes = (n, c, *size), (o // group, c, *layer.window.kernel)
                x, W = (rng.uniform(-1, 1, shape).astype(np.float32) for shape in shapes)
                y = np.empty((n, o // group, *top[0].shape[2:]), np.float32)
                ways = possible_ways(layer.window, device)
                spreads = _time(ways, layer.window, workers, (x, W, y), runs)
                geometry = _describe(layer.window, c, o // group, y.shape)
                for way in ways:
                    expected = 1e3 * n * cost(way, device, layer.window, c, o // group, tuple(size))
                    shares = _shares(way, layer.window, x, y) if way == layer.way else {}
                    trials.append(Trial(layer.name, geometry, way, way == layer.way, expected, spreads[way], shares))
    return trials


def _time(
    ways: Sequence[str], window: Window, workers: Workers, arrays: tuple[Array, Array, Array], runs: int
) -> dict[str, Spread]:
    engines = {way: ENGINES[way, device_of(np)](window, workers, True) for way in ways}
    finish, clock = Finish(np.zeros(len(arrays[1]), np.float32), 0.0), HostClock()
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(runs):
        for way, engine in engines.items():
            *_, last = clock.time([lambda engine=engine: engine.forward(*arrays, finish)] * 2)
            times[way].append(1e3 * last.seconds)
    return {way: Spread(found) for way, found in times.items()}


def _shares(way: str, window: Window, x: Array, y: Array) -> dict[int, float]:
    """The largest core's share of the outputs."""
    found = {}
    for cores in (1, *CORES):
        engine = ENGINES[way, device_of(np)](window, Workers(cores), False)
        if not isinstance(engine, DirectEngine):
            return {}
        busy = [0] * cores
        for _, top, bottom, left, right in engine.forward_blocks(x, y):
            heapq.heapreplace(busy, busy[0] + (bottom - top) * (right - left))
        found[cores] = max(busy) / (len(y) * y.shape[2] * y.shape[3])
    return found


def speedup(trials: Sequence[Trial], threads: int) -> dict[int, float]:
    """Number of cores -> how many times as fast as one the net's compiled convolutions are, by their blocks alone.

    threads: as many as there were when they were measured, one of `CORES` or 1; {} if nothing is known.
    """
    chosen = [trial for trial in trials if trial.chosen and threads in trial.shares]
    if not chosen:
        return {}

    def seconds(cores: int) -> float:
        return sum(trial.measured.median * trial.shares[cores] / trial.shares[threads] for trial in chosen)

    return {cores: seconds(1) / seconds(cores) for cores in CORES}


def _describe(window: Window, c: int, o: int, y: tuple[int, ...]) -> str:
    text = f"{window.kernel[0]}x{window.kernel[1]}, {c} -> {o}, {y[2]}x{y[3]}"
    text += f", stride {window.stride[0]}" if window.stride != (1, 1) else ""
    return text + (f", dilation {window.dilation[0]}" if window.dilation != (1, 1) else "")


def factor(trials: Sequence[Trial]) -> float:
    """What brings the model's times to this machine."""
    return float(np.median([trial.measured.median / trial.expected for trial in trials]))


def slower(trials: Sequence[Trial]) -> dict[str, float]:
    """By layer, how many times as long as the fastest the chosen engine takes."""
    found = {}
    for layer in dict.fromkeys(trial.layer for trial in trials):
        ways = [trial for trial in trials if trial.layer == layer]
        chosen = next(trial for trial in ways if trial.chosen)
        found[layer] = chosen.measured.median / min(trial.measured.median for trial in ways)
    return found


def report_engines(job: Job, trials: Sequence[Trial]) -> list[str]:
    """A table for people: "<" marks what is chosen, "fastest" what should be."""
    scale, wrong = factor(trials), slower(trials)
    rows = [["layer", "convolution", "engine", "", "model ms", "measured ms", "model's error", ""]]
    for trial in trials:
        peers = [other.measured.median for other in trials if other.layer == trial.layer]
        rows.append(
            [
                trial.layer,
                trial.geometry,
                trial.way,
                "<" if trial.chosen else "",
                f"{scale * trial.expected:.2f}",
                str(trial.measured),
                f"{scale * trial.expected / trial.measured.median - 1:+.0%}",
                "fastest" if trial.measured.median == min(peers) else "",
            ]
        )
    errors = [abs(scale * trial.expected / trial.measured.median - 1) for trial in trials]
    runs = len(trials[0].measured.runs) if trials else 0
    fed = ", ".join(f"{cores}: {times:.1f}" for cores, times in speedup(trials, job.threads or 0).items())
    return [
        f"{job.netdef}: forward, batch {job.batch}, {job.where}, median (quartiles) of {runs} runs",
        "",
        *aligned(rows),
        "",
        f"The model's times are scaled by {scale:.2f}, for this machine; its error is {np.median(errors):.0%} in the "
        "median.",
        f"The fastest engine is chosen in {sum(x == 1 for x in wrong.values())} of {len(wrong)} layers; elsewhere the "
        f"chosen one takes at most {max(wrong.values()):.2f} times as long.",
        *([f"By their blocks alone, so many cores are so many times as fast as one: {fed}."] if fed else []),
    ]


def summary_engines(job: Job, trials: Sequence[Trial]) -> dict[str, Any]:
    """The object of --json; times in milliseconds, the model's scaled."""
    scale = factor(trials)
    return {
        "netdef": job.netdef,
        "batch": job.batch,
        "threads": job.threads,
        "scale": scale,
        "speedup": speedup(trials, job.threads or 0),
        "layers": [
            {
                "name": trial.layer,
                "convolution": trial.geometry,
                "way": trial.way,
                "chosen": trial.chosen,
                "model_ms": scale * trial.expected,
                "measured_ms": trial.measured.median,
            }
            for trial in trials
        ],
    }
