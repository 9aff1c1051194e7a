"""How a training step grows with the processes that share it: `--grow ranks` of tools/benchmark.py.

An mpirun for each row starts so many processes of one thread each (`rank`). Strong scaling: they share one batch; weak:
each brings a batch of its own, so that the whole grows. The table says what part of a step is computing, communication
that the backward pass could not hide, and waiting for slower processes (`stamps` says how they are told apart), and
how long a step takes that each process makes apart: as many pairs, at the same time, and nothing exchanged. What is
beyond that is the price of sharing; what is within, such as cores that share their memory, is the machine's. The model
of `scaling` has that time, and the latency and the bandwidth that two have measured by a ping-pong; it knows nothing of
waiting.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pysketch.benchmark.contender.clock import HostClock
from pysketch.benchmark.machine import COPIED, ORDERS, Machine, measure
from pysketch.benchmark.nets import Job
from pysketch.benchmark.race import BenchmarkError
from pysketch.benchmark.rank import ERROR, PingPong, Steps
from pysketch.benchmark.scaling import Link, measured, plan, step
from pysketch.device import CPU, Workers
from pysketch.native import describe
from pysketch.parallel import OVERSUBSCRIBED, find_mpirun
from pysketch.report import markdown

RANKS = (1, 2, 4)

_START = "import sys; sys.path[0] = sys.argv.pop(1); from pysketch.benchmark.rank import run; run(sys.argv[1])"
"""The program of a process; its arguments: the folder that pysketch is in, and the job."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Row:
    """A row of the table: "strong" or "weak" (of one process "one"), how many processes, threads of each, pairs in all,
    what was found.

    model: seconds of a step on paper.
    """

    scaling: str
    ranks: int
    threads: int
    batch: int
    steps: Steps
    model: float

    @property
    def seconds(self) -> float:
        """A step's median."""
        return float(np.median(self.steps.plain))

    @property
    def apart(self) -> float:
        """The same of a step apart."""
        return float(np.median(self.steps.apart))

    @property
    def oversubscribed(self) -> bool:
        """Whether there are more threads than cores."""
        return self.ranks * self.threads > self.steps.cores

    @property
    def rate(self) -> float:
        """Pairs a second."""
        return self.batch / self.seconds

    @property
    def stamps(self) -> float:
        """What the stamps cost, as a part of a step."""
        return float(np.median(self.steps.stamped)) / self.seconds - 1

    def share(self, part: Sequence[float]) -> float:
        """What part of a step such seconds are: computing, communicating or waiting."""
        return float(np.median(np.divide(part, self.steps.stamped)))


@dataclass(frozen=True)
class Growth:
    """The rows; the first is of one process."""

    job: Job
    runs: int
    ping_pong: PingPong
    machine: Machine
    rows: list[Row]


def measure_ranks(job: Job, runs: int, mpirun: Sequence[str] = ()) -> Growth:
    """Train with one process, then with two and four, both ways.

    job: phase "train"; its batch is what is shared, and what each brings. mpirun: a command with its options but -n,
    such as one that names other machines, in place of the mpirun that belongs to mpi4py's MPI. BenchmarkError if the
    processes cannot share the batch or one fails, ParallelError if no mpirun is there.
    """
    most = max(RANKS)
    if job.batch % most:
        raise BenchmarkError(
            f"batches of {job.batch} cannot be shared out among {most} processes; give --batch a multiple of {most}, "
            f"such as {-(-job.batch // most) * most}"
        )
    starter = list(mpirun) or [find_mpirun()]
    wanted = [("one", 1, job.batch)]
    wanted += [("strong", size, job.batch) for size in RANKS[1:]]
    wanted += [("weak", size, size * job.batch) for size in RANKS[1:]]
    found = [run_ranks(starter, size, replace(job, batch=batch), runs) for _, size, batch in wanted]
    machine = measure(CPU, Workers(job.threads), HostClock(), ORDERS["cpu"], COPIED)
    ping_pong = next(steps.ping_pong for steps in found if steps.ping_pong)
    link, planned = Link(**asdict(ping_pong)), plan(job)
    rows = []
    for (scaling, size, batch), steps in zip(wanted, found, strict=True):
        alone = planned, batch // size, float(np.median(steps.apart))
        processor = measured("here", machine.flops, machine.bandwidth, [alone])
        model = step(planned, size, batch, processor, link).total
        rows.append(Row(scaling, size, job.threads, batch, steps, model))
    return Growth(job, runs, ping_pong, machine, rows)


def run_ranks(mpirun: Sequence[str], size: int, job: Job, runs: int) -> Steps:
    """What so many processes of this job find; BenchmarkError with the reason of the one that failed."""
    root, text = str(Path(__file__).parents[2]), json.dumps({**asdict(job), "runs": runs})
    environment = {**os.environ, **OVERSUBSCRIBED, **dict.fromkeys(_THREADS, str(job.threads))}
    command = [*mpirun, "-n", str(size), sys.executable, "-c", _START, root, text]
    try:
        told = subprocess.run(command, env=environment, capture_output=True, text=True)
    except OSError as error:
        raise BenchmarkError(f"{mpirun[0]} cannot be started: {error.strerror}") from None
    found = [line for line in told.stdout.splitlines() if line.startswith("{")]
    if told.returncode or not found:
        raise BenchmarkError(f"{size} processes: {_reason(told)}")
    steps = json.loads(found[-1])
    ping_pong = steps.pop("ping_pong")
    return Steps(**steps, ping_pong=PingPong(**ping_pong) if ping_pong else None)


def _reason(told: subprocess.CompletedProcess[str]) -> str:
    """The line in which a process says why, else the last one that anybody wrote."""
    lines = [line for line in (*told.stdout.splitlines(), *told.stderr.splitlines()) if line.strip()]
    errors = [line.removeprefix(ERROR) for line in lines if line.startswith(ERROR)]
    return (errors or [f"mpirun ended with status {told.returncode}: {(lines or ['it said nothing'])[-1]}"])[0]


def report_ranks(growth: Growth) -> Iterator[str]:
    """Lines: a Markdown table, and what it says of what."""
    one, job = growth.rows[0], growth.job
    threads = f"{job.threads} thread{'s' * (job.threads > 1)}"
    rows = [["scaling", "processes", "batch", "ms a step", "pairs/s", "speed-up"]]
    rows[0] += ["computing", "not hidden", "waiting", "apart ms", "model ms"]
    for row in growth.rows:
        over = " (oversubscribed)" if row.oversubscribed else ""
        shares = (row.steps.computing, row.steps.communicating, row.steps.waiting)
        cells = [row.scaling, f"{row.ranks}{over}", str(row.batch), f"{1e3 * row.seconds:.1f}", f"{row.rate:.2f}"]
        cells += [f"{row.rate / one.rate:.2f}", *(f"{100 * row.share(part):.1f} %" for part in shares)]
        cells.append(f"{1e3 * row.apart:.1f}")
        cells.append(f"{1e3 * row.model:.1f} ({100 * (row.model / row.seconds - 1):+.0f} %)" if row.ranks > 1 else "-")
        rows.append(cells)
    yield from markdown(rows)
    found = growth.ping_pong
    yield ""
    yield (
        f"A training step (forward, backward, Adam's update) by processes of {threads} each, on "
        f"{growth.rows[-1].steps.cores} cores; medians of {growth.runs} runs; {describe()}."
    )
    yield (
        "strong: all share one batch; weak: each brings as many pairs. Not hidden: communication that did not go on "
        "behind the backward pass; waiting: for slower processes; apart: the same by each for itself, at the same time."
    )
    yield (
        f"Told apart by a byte that is exchanged first, {_exchanges(growth)} a step, which made a step "
        f"{100 * max(row.stamps for row in growth.rows):+.1f} % longer at most; ms a step is without."
    )
    yield (
        f"The model has the times apart, and of two processes: {1e6 * found.latency:.0f} us for an exchange, "
        f"{1e6 * found.message:.1f} us for each further message, {found.bandwidth / 1e9:.2f} GB/s each way."
    )


def _exchanges(growth: Growth) -> str:
    return f"{growth.rows[-1].steps.exchanges + 1} times"


def summary_ranks(growth: Growth) -> dict[str, Any]:
    """The object of --json; times in milliseconds, parts of a step from 0 to 1."""
    rows = [
        {
            "scaling": row.scaling,
            "ranks": row.ranks,
            "batch": row.batch,
            "cores": row.steps.cores,
            "oversubscribed": row.oversubscribed,
            "median_ms": 1e3 * row.seconds,
            "runs_ms": [1e3 * each for each in row.steps.plain],
            "computing": row.share(row.steps.computing),
            "not_hidden": row.share(row.steps.communicating),
            "waiting": row.share(row.steps.waiting),
            "stamps": row.stamps,
            "apart_ms": 1e3 * row.apart,
            "model_ms": 1e3 * row.model,
        }
        for row in growth.rows
    ]
    return {
        "net": growth.job.netdef,
        "threads": growth.job.threads,
        "ping_pong": asdict(growth.ping_pong),
        "flops_per_second": growth.machine.flops,
        "bytes_per_second": growth.machine.bandwidth,
        "rows": rows,
    }
