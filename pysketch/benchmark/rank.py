"""One process of `--grow ranks` of tools/benchmark.py: its share of training steps, timed. Started by an mpirun.

Not for calling by hand: `ranks` starts it, and reads what rank 0 writes.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np

from pysketch.benchmark.fed_batches import feed_batches
from pysketch.benchmark.nets import RATE, Job, build
from pysketch.benchmark.ours import updater
from pysketch.benchmark.stamps import StampedCommunicator
from pysketch.errors import PysketchError
from pysketch.parallel import ALONE, Communicator, communicator, joined
from pysketch.solver import SharedBatches

ERROR, FAILED = "error: ", 2
"""How the line begins that says why a process cannot work, and the exit status of all then."""

ROUNDS = 50
"""How often each size of a ping-pong is sent; the median counts."""
SMALLEST, LARGEST, MANY = 8, 4 << 20, 33
"""Bytes of a ping-pong that is all latency, and of one that is all bandwidth; messages of one that is all messages."""


@dataclass(frozen=True)
class PingPong:
    """What an exchange takes in which two processes send to each other at once: seconds, seconds, bytes/s each way.

    latency: of one small message each. message: of every further one. bandwidth: of 4 MiB, beyond the latency.
    """

    latency: float
    message: float
    bandwidth: float


@dataclass(frozen=True)
class Steps:
    """What the processes together found; one number a run. Seconds.

    plain: of a whole step, the slowest process's. stamped: of one whose exchanges are stamped. apart: of a step of as
    many pairs that each process makes by itself, all at the same time; their mean. computing, communicating, waiting:
    the parts of the stamped one, means over the processes; they add up to it. exchanges: of a step, without those
    behind the backward pass. cores: of all machines that they work on.
    """

    plain: list[float]
    stamped: list[float]
    apart: list[float]
    computing: list[float]
    communicating: list[float]
    waiting: list[float]
    exchanges: int
    cores: int
    ping_pong: PingPong | None


def run(job: str) -> None:
    """What the process does: train by the job, a JSON text; as rank 0 write what was found, one line, to stdout.

    One that cannot work says why in one line on stderr, and ends all.
    """
    try:
        together = communicator()
        steps = measure(json.loads(job), together)
    except PysketchError as error:
        sys.stderr.write(f"{ERROR}{' '.join(str(error).split())}\n")
        joined().abort(FAILED)
    if together.rank == 0:
        sys.stdout.write(f"{json.dumps(asdict(steps))}\n")


def measure(job: dict[str, object], together: Communicator) -> Steps:
    """Steps in turn without stamps, with them, and apart, after one each to warm up; of two processes a ping-pong, too.

    job: the fields of a `Job`, and "runs", how many of both are timed.
    """
    stamped = StampedCommunicator(together)
    shared = Job(**{name: value for name, value in job.items() if name in Job.__dataclass_fields__})
    trainer, apart = Trainer(shared, stamped), Trainer(replace(shared, batch=shared.batch // together.size), ALONE)
    trainer.step()
    apart.step()
    runs = [_timed(trainer, apart, stamped) for _ in range(int(job["runs"]))]
    exchanges = stamped.exchanges // (1 + 2 * len(runs))
    everybody = np.array([json.loads(text) for text in together.gather_texts(json.dumps(runs))])  # (ranks, runs, 5)
    plain, whole = everybody[..., 0].max(axis=0), everybody[..., 1].max(axis=0)
    alone, own, waited, communicated = (everybody[..., k] for k in (2, 1, 3, 4))
    waiting, communicating = (waited + whole - own).mean(axis=0), communicated.mean(axis=0)
    computing = whole - waiting - communicating
    parts = (each.tolist() for each in (plain, whole, alone.mean(axis=0), computing, communicating, waiting))
    return Steps(*parts, exchanges, _cores(together), ping_pong(together) if together.size == 2 else None)


class Trainer:
    """A job's training net, this process's share of its batches, and Adam's update."""

    def __init__(self, job: Job, together: Communicator) -> None:
        self.net, arrays = build(job, communicator=together)
        feed_batches(self.net, arrays)
        self._runner = SharedBatches(self.net, together) if together.size > 1 else self.net
        self._updater = updater(self.net)
        self._iteration = 0

    def step(self) -> None:
        """What an iteration of `pysketch.solver.Solver` does between its log lines."""
        self.net.clear_param_diffs()
        self._runner.forward_loss()
        self._runner.backward()
        self._updater.update(RATE, self._iteration)
        self._iteration += 1


def ping_pong(together: Communicator) -> PingPong:
    """Between two processes; both send at once, as they do in every exchange of a training."""
    small, large = _exchanged(together, SMALLEST, 1), _exchanged(together, LARGEST, 1)
    many = _exchanged(together, SMALLEST, MANY)
    return PingPong(small, max(0.0, many - small) / (MANY - 1), LARGEST / max(large - small, 1e-9))


def _cores(together: Communicator) -> int:
    """How many all of them may use, each machine's counted once."""
    machines = dict(json.loads(text) for text in together.gather_texts(json.dumps([platform.node(), os.cpu_count()])))
    return sum(machines.values())


def _exchanged(together: Communicator, nbytes: int, messages: int) -> float:
    other = 1 - together.rank
    sends, receives = ([(other, np.zeros(nbytes, np.uint8)) for _ in range(messages)] for _ in range(2))
    return statistics.median(_rounds(together, sends, receives))


def _rounds(together: Communicator, sends: list, receives: list) -> Iterator[float]:
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        together.exchange(sends, receives)
        yield time.perf_counter() - begun


def _timed(trainer: Trainer, apart: Trainer, together: StampedCommunicator) -> tuple[float, float, float, float, float]:
    """Seconds of a step, of a stamped one and one apart; what this process waited and communicated in the second."""
    plain = _step(trainer, together)
    together.stamping, together.waited, together.communicated = True, 0.0, 0.0
    stamped = _step(trainer, together)
    together.stamping = False
    return plain, stamped, _step(apart, together), together.waited, together.communicated


def _step(trainer: Trainer, together: StampedCommunicator) -> float:
    together.wait_for_all()  # all begin at once
    begun = time.perf_counter()
    trainer.step()
    return time.perf_counter() - begun
