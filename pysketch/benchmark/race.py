"""Running the contenders of tools/benchmark.py in turn: processes, comparison of results, times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pysketch.benchmark.contender.child import OURS, read_arrays
from pysketch.benchmark.contender.libraries import LIBRARIES
from pysketch.benchmark.contender.peers import (
    ON_A_CARD,
    TRAINING,
    Arrays,
    check_known,
    describe,
    missing_libraries,
    param_name,
)
from pysketch.benchmark.machine import Machine
from pysketch.benchmark.nets import RATE, Job, build, layer_flops
from pysketch.benchmark.work import Pass, Work
from pysketch.errors import PysketchError
from pysketch.interop import onnx_model
from pysketch.net import Net
from pysketch.shipped import how_to_install

LIMITS = {"default": 1e-3, "tf32": 3e-2}
"""How far apart, as a part of the largest magnitude, the results of a peer and ours may be, by math mode."""

GRADIENTS = 5
"""So many times as far in phase train: rounding turns the sign of values at kinks, a ReLU's or a difference's."""

PAUSE = 0.1
"""Seconds between two turns: OpenMP's and OpenBLAS's threads wait busily for up to 0.03 s after work."""

WARM_UPS = 1
"""Runs at the start of each turn that are not counted: after the others' turns caches hold their data."""

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class BenchmarkError(PysketchError):
    """A contender that is missing, that fails, or whose results are not ours."""


@dataclass
class Spread:
    """Some runs' milliseconds: median and quartiles."""

    runs: list[float]

    @property
    def median(self) -> float:
        """As many runs were faster as slower."""
        return float(np.median(self.runs))

    def __str__(self) -> str:
        values = self.median, *np.percentile(self.runs, (25, 75))
        return "{} ({}-{})".format(*(f"{value:.{1 if value >= 10 else 2}f}" for value in values))


@dataclass
class LayerResult:
    """One layer of ours: flops of (forward, backward) of a step on the direct algorithm; drawing has no backward.

    work: what its forward has to do on the job's device. backward: None where it does not run, or was not timed.
    """

    name: str
    type: str
    flops: tuple[int, int]
    work: Work | None = None
    forward: Spread | None = None
    backward: Spread | None = None
    workspace_bytes: int = 0

    @property
    def engine(self) -> str | None:
        """What the netdef calls the engine of a convolution; None for other layers."""
        return self.work.engine

    @property
    def gflops(self) -> float | None:
        """GFLOP/s of what a step does of it; None for a layer whose operations are not counted."""
        seconds = (self.forward.median + (self.backward.median if self.flops[1] else 0)) / 1e3
        return sum(self.flops) / seconds / 1e9 if sum(self.flops) else None


@dataclass
class Result:
    """What a race found; dicts are by contender, "pysketch" first. flops: of a whole step, updates not counted.

    host: for how long the host is busy with a step of ours. machine: what our device does at best, if that was asked.
    """

    net: str
    job: Job
    image: tuple[int, ...]
    flops: int
    steps: dict[str, Spread]
    peak_bytes: dict[str, int | None]
    imported_bytes: dict[str, int | None]
    differences: dict[str, float]
    host: Spread
    layers: list[LayerResult] = field(default_factory=list)
    workspace_bytes: int = 0
    machine: Machine | None = None

    @property
    def ratios(self) -> dict[str, float]:
        """By peer: its median over ours; above 1 we are faster."""
        ours = self.steps[OURS].median
        return {name: spread.median / ours for name, spread in self.steps.items() if name != OURS}


_START = "import sys; sys.path[0] = sys.argv.pop(1); from contender import child; child.run(*sys.argv[1:])"
"""The program of a contender's process; its arguments: this folder, the race's, the contender's name."""


class Contender:
    """A process of `contender.child`. OpenMP's threads, such as PyTorch's, keep to cores of their own, as ours do.

    limit: seconds that an answer may take; None: any number.
    """

    def __init__(self, folder: Path, name: str, threads: int, limit: float | None = None) -> None:
        self.name = name
        self.limit = limit
        environment = {**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(threads)), "OMP_PROC_BIND": "true"}
        command = [sys.executable, "-c", _START, str(Path(__file__).parent), str(folder), name]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(
            command, env=environment, text=True, encoding="utf-8", start_new_session=True, **pipes
        )  # in a session of its own Ctrl-C reaches only us, and we end it

    def ask(self, request: str | None = None) -> dict[str, Any]:
        """Its answer to a request; without one, its greeting. BenchmarkError if it has none."""
        line, asked = "", time.monotonic()
        watch = threading.Timer(self.limit, self.process.kill) if self.limit else None
        if watch:
            watch.start()
        try:
            if request:
                self.process.stdin.write(request + "\n")
                self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            pass
        finally:
            if watch:
                watch.cancel()
        if not line:
            status = self.process.wait()
            if watch and time.monotonic() - asked >= self.limit:
                raise BenchmarkError(f"{self.name}: no answer to {request or 'its start'} in {self.limit:.0f} s")
            hint = " (killed: too little memory?)" if status == -9 else ""
            raise BenchmarkError(f"{self.name}: its process ended with status {status}{hint}")
        answer = json.loads(line)
        if "error" in answer:
            raise BenchmarkError(f"{self.name}: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def run_race(
    job: Job, peers: Sequence[str], runs: int, with_layers: bool = True, machine: tuple[int, int] | None = None
) -> Result:
    """Compare the peers' results with ours, then time all of them, a run each in turn; then our layers.

    machine: measure before the layers what our device does at best, by a product and a copy of this (order, bytes).

    Every contender has a process, `threads` threads, and equal inputs and weights. BenchmarkError or NetdefError,
    before anything is timed, for a peer that is not installed, does not know a layer or computes something else.
    """
    _check_peers(job, peers)
    names = [OURS, *peers]
    with tempfile.TemporaryDirectory(prefix="pysketch-") as folder, ExitStack() as stack:
        net, image = prepare(job, peers, Path(folder))
        total = len(names) * runs + (runs if with_layers else 0)
        bar = stack.enter_context(tqdm(total=total, unit="run", disable=None, leave=False))
        contenders = {name: stack.enter_context(_started(Path(folder), name, job.threads)) for name in names}
        imported = {name: each.ask()["imported_bytes"] for name, each in contenders.items()}
        limit = LIMITS[job.math] * (GRADIENTS if job.phase == "train" else 1)
        differences = _compare(contenders, Path(folder), limit)
        steps, host = _time_in_turn(contenders, runs, bar)
        peaks = {name: each.ask("peak")["peak_bytes"] for name, each in contenders.items()}
        layers = _layers(net, job.phase == "train")
        flops = sum(sum(layer.flops) for layer in layers)
        result = Result(net.name, job, image, flops, steps, peaks, imported, differences, host)
        if machine:
            result.machine = Machine(**contenders[OURS].ask("machine {} {}".format(*machine)))
        if with_layers:
            result.layers = layers
            _time_layers(contenders[OURS], result, runs, bar)
    return result


def largest_difference(ours: Arrays, theirs: Arrays) -> tuple[float, str]:
    """The largest of max |a - b| / max |a| over our arrays a and their b, and that array's name.

    Infinite for an array that is missing, of another shape or not finite.
    """
    differences = dict.fromkeys(ours.keys() ^ theirs.keys(), np.inf)
    for name in ours.keys() & theirs.keys():
        a, b = ours[name].astype(np.float64), theirs[name].astype(np.float64)
        if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
            differences[name] = np.inf
            continue
        distance, scale = np.abs(a - b).max(initial=0), np.abs(a).max(initial=0)
        differences[name] = float(distance / scale) if scale else np.inf if distance else 0.0
    worst = max(differences, key=lambda name: (differences[name], name))
    return differences[worst], worst


def too_different(name: str, difference: float, limit: float) -> str:
    """What is said of a peer whose array of that name is further from ours than it may be."""
    return (
        f'its "{name}" differs from ours by {difference:.2g} of the largest magnitude, expected at most {limit:g}; '
        "times of different work are not compared"
    )


def _check_peers(job: Job, peers: Sequence[str]) -> None:
    for peer in peers:
        if missing := missing_libraries(peer):
            raise BenchmarkError(f"{peer}: {' and '.join(missing)} not installed; {how_to_install('bench')}")
        if job.device != "cpu" and peer not in ON_A_CARD:
            raise BenchmarkError(f"{peer}: runs on the CPU only; add --device cpu, or compare with {ON_A_CARD[0]}")
        if job.phase == "train" and peer not in TRAINING:
            raise BenchmarkError(f"{peer} cannot train; in phase train compare with {' or '.join(TRAINING)}")


def prepare(job: Job, peers: Sequence[str], folder: Path) -> tuple[Net, tuple[int, ...]]:
    """Write what the contenders read; returns the net, whose arrays nobody uses, and its first blob's shape."""
    net, inputs = build(job)
    for peer in peers:
        check_known(net, peer)
    params = {param_name(param): param.blob.data for param in net.learnable}
    (folder / "job.json").write_text(json.dumps({**asdict(job), "rate": RATE}), encoding="utf-8")
    np.savez(folder / "inputs.npz", **inputs)
    np.savez(folder / "params.npz", **params)
    if peers:
        graph = describe(net)
        (folder / "net.json").write_text(json.dumps(graph), encoding="utf-8")
        if any("onnx" in LIBRARIES[peer] for peer in peers):
            (folder / "net.onnx").write_bytes(onnx_model(net, any_size=False))
    return net, next(iter(inputs.values()), net.tops[0][0]).shape


@contextmanager
def _started(folder: Path, name: str, threads: int) -> Iterator[Contender]:
    contender = Contender(folder, name, threads)
    try:
        yield contender
    finally:
        contender.close()


def _compare(contenders: dict[str, Contender], folder: Path, limit: float) -> dict[str, float]:
    """By peer, how far its results are from ours; BenchmarkError if that is too far."""
    results = {}
    for name, contender in contenders.items():
        contender.ask("check")
        results[name] = read_arrays(folder / f"{name}.npz")
    differences = {}
    for peer in (name for name in contenders if name != OURS):
        difference, name = largest_difference(results[OURS], results[peer])
        differences[peer] = difference
        if difference > limit:
            raise BenchmarkError(f"{peer}: {too_different(name, difference, limit)}")
    return differences


def _time_in_turn(contenders: dict[str, Contender], runs: int, bar: tqdm) -> tuple[dict[str, Spread], Spread]:
    """Everybody's steps, and how long each of ours keeps the host busy."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    host = []
    for _ in range(runs):
        for name, contender in contenders.items():
            time.sleep(PAUSE)
            *_, answer = (contender.ask("step") for _ in range(WARM_UPS + 1))
            times[name].append(1e3 * answer["seconds"])
            if name == OURS:
                host.append(1e3 * answer["host_seconds"])
            bar.update()
    return {name: Spread(found) for name, found in times.items()}, Spread(host)


def _layers(net: Net, trains: bool) -> list[LayerResult]:
    parts = zip(net.layers, net.bottoms, net.tops, net.propagate_down, net.needs_backward, strict=True)
    layers = []
    for layer, bottom, top, down, needs_backward in parts:
        forward, backward = layer_flops(layer, bottom, top, down)
        flops = forward, backward if trains and needs_backward else 0
        layers.append(LayerResult(layer.name, layer.type, flops))
    return layers


def _time_layers(ours: Contender, result: Result, runs: int, bar: tqdm) -> None:
    """Fill in the layers' work and times, and the workspace."""
    works = [Work(**{**work, "passes": [Pass(**each) for each in work["passes"]]}) for work in ours.ask("work")["work"]]
    ours.ask("layers")  # warm-up
    passes = []
    for _ in range(runs):
        passes.append(ours.ask("layers")["layers"])
        bar.update()
    *workspaces, result.workspace_bytes = ours.ask("workspace")["workspace_bytes"]
    found = zip(result.layers, works, zip(*passes, strict=True), workspaces, strict=True)
    for layer, layer.work, times, workspace in found:
        forward, backward = zip(*times, strict=True)
        layer.forward = Spread([1e3 * seconds for seconds in forward])
        layer.backward = None if None in backward else Spread([1e3 * seconds for seconds in backward])
        layer.workspace_bytes = workspace
