"""Every engine in every convolution of a net: what the cost model expects, what it takes, for tools/benchmark.py.

The model (`convolution.engine_choice`) counts seconds of the two cores that it was fitted on. Here one factor, the same
for all, brings them to this machine and number of threads: the median of what was measured over what was expected. What
is left is the model's error. A choice is wrong by as much as the chosen engine is slower than the fastest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pysketch.benchmark.contender.clock import HostClock
from pysketch.benchmark.nets import Job, build
from pysketch.benchmark.race import Spread
from pysketch.convolution import ENGINES, Finish, Window, cost, device_of, possible_ways
from pysketch.device import Array, Workers
from pysketch.layers import Convolution
from pysketch.report import aligned


@dataclass(frozen=True)
class Trial:
    """One way of convolving in one layer; expected: the model's milliseconds, not yet brought to this machine."""

    layer: str
    geometry: str
    way: str
    chosen: bool
    expected: float
    measured: Spread


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
                    trials.append(Trial(layer.name, geometry, way, way == layer.way, expected, spreads[way]))
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
    return [
        f"{job.netdef}: forward, batch {job.batch}, {job.where}, median (quartiles) of {runs} runs",
        "",
        *aligned(rows),
        "",
        f"The model's times are scaled by {scale:.2f}, for this machine; its error is {np.median(errors):.0%} in the "
        "median.",
        f"The fastest engine is chosen in {sum(x == 1 for x in wrong.values())} of {len(wrong)} layers; elsewhere the "
        f"chosen one takes at most {max(wrong.values()):.2f} times as long.",
    ]


def summary_engines(job: Job, trials: Sequence[Trial]) -> dict[str, Any]:
    """The object of --json; times in milliseconds, the model's scaled."""
    scale = factor(trials)
    return {
        "netdef": job.netdef,
        "batch": job.batch,
        "threads": job.threads,
        "scale": scale,
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
