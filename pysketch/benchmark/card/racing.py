"""Our nets against PyTorch on the card, as a section: forward, backward and a training step at every batch.

As in `race`, each contender is a process of its own with equal weights and inputs, and results are compared before
times count. Here the processes stay for all jobs, as starting them takes longer than most of the work; one that fails
is started anew for the next job. Device memory is what a contender's own pool has taken for the job at most.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any

from pysketch.benchmark.card.pieces import Found, Partial, Pieces
from pysketch.benchmark.card.plan import Plan, name_of
from pysketch.benchmark.contender.child import OURS, read_arrays
from pysketch.benchmark.contender.peers import missing_libraries
from pysketch.benchmark.nets import Job, layer_flops
from pysketch.benchmark.race import (
    LIMITS,
    BenchmarkError,
    Contender,
    Spread,
    largest_difference,
    prepare,
    too_different,
)
from pysketch.net import Net

WARM_UPS = 2
"""Runs at first that are not counted: kernels are compiled, cuDNN tries its ways, memory pools grow."""

LEAST_RUNS = 3


def pieces(plan: Plan, stack: ExitStack, deadline: float, math: str) -> Pieces:
    """Small batches of all nets first."""
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="pysketch-", ignore_cleanup_errors=True)))
    racers = Racers(folder, plan, math, deadline)
    stack.callback(racers.close)
    return {
        piece_name(netdef, batch, phase): partial(racers.race, plan.job(netdef, phase, batch, math))
        for batch in plan.batches
        for phase in ("test", "train")
        for netdef in plan.nets
    }


def piece_name(netdef: str, batch: int, phase: str) -> str:
    """Such as "medium, batch 8, train"."""
    return f"{name_of(netdef)}, batch {batch}, {phase}"


class Racers:
    """The processes of a race over many jobs; deadline: of `time.monotonic`, for every answer."""

    def __init__(self, folder: Path, plan: Plan, math: str, deadline: float) -> None:
        self.folder, self.plan, self.deadline = folder, plan, deadline
        self.names = [OURS, *plan.peers[math]]
        self.started: dict[str, Contender] = {}
        self.jobs = 0

    def close(self) -> None:
        """End all processes."""
        for name in list(self.started):
            self._end(name)

    def race(self, job: Job) -> Found:
        """One job of all contenders: times of every part, device memory, differences.

        Partial if somebody failed or computed something else; BenchmarkError if nobody is left.
        """
        self.jobs += 1
        place = self.folder / str(self.jobs)
        place.mkdir()
        errors: dict[str, str] = {}
        try:
            net, image = self._prepare(job, place, errors)
            found = {"net": net.name, "image": image, **_named(job), "flops": _flops(net, job.phase == "train")}
            found["contenders"] = self._measure(job, place, errors)
        finally:
            rmtree(place, ignore_errors=True)
        said = "; ".join(errors.values())
        if not found["contenders"]:
            raise BenchmarkError(said)
        if errors:
            raise Partial({**found, "errors": errors}, said)
        return found

    def _prepare(self, job: Job, place: Path, errors: dict[str, str]) -> tuple[Net, tuple[int, ...]]:
        """The files of a job, for those peers that are installed and know the net's layers."""
        peers = []
        for peer in self.names[1:]:
            if missing := missing_libraries(peer):
                errors[peer] = f"{peer}: {' and '.join(missing)} is not installed"
            else:
                peers.append(peer)
        try:
            return prepare(job, peers, place)
        except Exception as error:
            if not peers:
                raise
            errors.update({peer: f"{peer}: {error}" for peer in peers})
            return prepare(job, (), place)

    def _measure(self, job: Job, place: Path, errors: dict[str, str]) -> dict[str, Found]:
        results, found = {}, {}
        for name in (name for name in self.names if name not in errors):
            if self._ask(name, f"job {self.jobs}", errors) is not None and self._ask(name, "check", errors) is not None:
                results[name] = read_arrays(place / f"{name}.npz")
        runs: dict[str, list[Found]] = {name: [] for name in results}
        end, turn = min(self.deadline, time.monotonic() + self.plan.patience), -WARM_UPS
        while turn < LEAST_RUNS or (turn < self.plan.runs and time.monotonic() < end):
            for name in [name for name in runs if name not in errors]:
                answer = self._ask(name, "parts", errors)
                if answer and turn >= 0:
                    runs[name].append(answer["parts"])
            turn += 1
        for name in (name for name in runs if name not in errors):
            device = self._ask(name, "device", errors) or {"device_bytes": None}
            found[name] = {**_times(runs[name]), **device}
            if name != OURS and OURS in results:
                found[name]["difference"], array = largest_difference(results[OURS], results[name])
                if found[name]["difference"] > LIMITS[job.math]:
                    said = too_different(array, found[name]["difference"], LIMITS[job.math])
                    errors[name] = f"{name}: {said}"
        return found

    def _ask(self, name: str, request: str, errors: dict[str, str]) -> Found | None:
        """An answer; None, and the reason among the errors, if there is none: then the process is over."""
        try:
            if name not in self.started:
                self.started[name] = Contender(self.folder, name, self.plan.threads)
                self.started[name].limit = self._left()
                self.started[name].ask()
            self.started[name].limit = self._left()
            return self.started[name].ask(request)
        except BenchmarkError as error:
            errors[name] = str(error)
            self._end(name)
            return None

    def _left(self) -> float:
        return max(1.0, self.deadline - time.monotonic())

    def _end(self, name: str) -> None:
        if name in self.started:
            self.started.pop(name).close()


def _named(job: Job) -> Found:
    return {"phase": job.phase, "batch": job.batch, "math": job.math}


def _times(runs: list[Found]) -> Found:
    """Milliseconds of every part, and for which the host was busy with all, in every run; and a step's median."""
    parts = {part: [1e3 * run[part]["seconds"] for run in runs] for part in runs[0]}
    host = [1e3 * sum(part["host_seconds"] for part in run.values()) for run in runs]
    steps = [sum(each) for each in zip(*parts.values(), strict=True)]
    medians: dict[str, Any] = {part: Spread(times).median for part, times in parts.items()}
    return {"median_ms": Spread(steps).median, "parts_ms": medians, "host_ms": Spread(host).median, "runs_ms": steps}


def _flops(net: Net, trains: bool) -> int:
    """Of a whole step on the direct algorithm, updates not counted."""
    parts = zip(net.layers, net.bottoms, net.tops, net.propagate_down, net.needs_backward, strict=True)
    counts = ((layer_flops(layer, bottom, top, down), needs) for layer, bottom, top, down, needs in parts)
    return sum(forward + (backward if trains and needs else 0) for (forward, backward), needs in counts)
