"""What many processes should make of the paper's nets, on networks that nobody here has: an ESTIMATE, by `scaling`.

Figures, of one process and what joins it to others:

    two cores       the steps of four pairs that README.md of this folder lists ("Learning"); the joint loss as measured
    A100            as in `estimate`
    10 Gbit         20 us between two programs (Hurwitz and Feng, Hot Interconnects 11, 2003), and what an exchange
                    itself takes here (a ping-pong of `--grow ranks`, in shared memory); 1448 of each 1538 bytes of a
                    full frame are a program's
    NVLink          600 GB/s of an A100, half of it each way (NVIDIA's data sheet); 16.5 us for a send and a receive by
                    NCCL between two A100 (github.com/NVIDIA/nccl, issue 568, 2021); up to 8 processes
    InfiniBand      200 Gbit/s for each card (HDR, as in NVIDIA's DGX A100); 1 us more (osu_latency in QLogic's manual
                    of its cards); of more than 8 processes all messages go that way
    further messages of an exchange: by MPI as measured here, by NCCL 1 us, which is assumed
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pysketch.benchmark.estimate import CARDS, COPY, LAUNCH, PRODUCT
from pysketch.benchmark.growth import NETS
from pysketch.benchmark.nets import Job
from pysketch.benchmark.scaling import Link, Plan, Processor, Step, measured, plan, step
from pysketch.report import markdown
from pysketch.shipped import folder

BATCHES = (88, 880, 8800)
GATHERED = BATCHES[1]
"""The batch whose gathering is looked at; layers and gathering grow with the batch alike, the losses faster."""
RANKS = (1, 4, 16, 64, 256)
PAYS = 0.5
"""The part of the processes' speed of one that must be left of each for it to pay."""

PAIRS, STEPS = 4, {"sr": 0.136, "small": 0.279, "medium": 0.774, "large": 2.355}
"""Seconds of a step of so many pairs, on two cores."""

MACHINE = 95e9, 6e9
"""FLOP/s of a product and bytes/s of NumPy's passes over arrays made anew, by one core: what the joint loss runs at.

A product of 2048x2048 matrices by two cores, halved, and a fit: with two cores' products the joint loss of 352 and
1,056 pairs, of which a process has 1/1 to 1/64, took 0 to 11 % less than the model says; that of 88 pairs, which fit
into a cache, 38 % less.
"""

MPI_EXCHANGE, MPI_MESSAGE = 6e-6, 8e-6
"""Seconds, measured: of an exchange between two processes of a machine, and of each further message."""

ETHERNET = Link(20e-6 + MPI_EXCHANGE, MPI_MESSAGE, 10e9 / 8 * 1448 / 1538)
NVLINK = Link(16.5e-6, 1e-6, 300e9)
INFINIBAND = Link(17.5e-6, 1e-6, 25e9)

NODE = 8
"""How many A100 NVLink joins."""


@dataclass(frozen=True)
class Site:
    """Processors, and what joins `near` of them, and more."""

    name: str
    processor: Processor
    near: Link
    far: Link

    def step(self, planned: Plan, size: int, batch: int) -> Step:
        """A step of so many processes."""
        return step(planned, size, batch, self.processor, self.near if size <= NODE else self.far)


def cores(plans: Sequence[Plan]) -> Processor:
    """Two cores of a CPU, as measured."""
    return measured("two cores", *MACHINE, [(planned, PAIRS, STEPS[planned.name]) for planned in plans])


def card() -> Processor:
    """An A100, as estimated."""
    a100 = CARDS[1]
    return Processor(a100.name, PRODUCT * a100.flops, COPY * a100.bandwidth, launch=LAUNCH)


def plans() -> list[Plan]:
    """The four nets'."""
    return [plan(Job(str(folder("netdefs") / f"{name}.prototxt"), "train")) for name in NETS]


def sites(planned: Sequence[Plan]) -> list[Site]:
    """Where the nets are trained."""
    return [
        Site("two cores each, 10 Gbit Ethernet", cores(planned), ETHERNET, ETHERNET),
        Site("an A100 each, 10 Gbit Ethernet", card(), ETHERNET, ETHERNET),
        Site("an A100 each, NVLink, InfiniBand", card(), NVLINK, INFINIBAND),
    ]


def shared(batch: int, size: int) -> int:
    """The batch nearest to this one that so many processes can share."""
    return size * max(1, round(batch / size))


def efficiency(site: Site, planned: Plan, size: int, batch: int) -> float:
    """Pairs a second of each of so many processes, over those of one alone."""
    together = shared(batch, size)
    alone = site.step(planned, 1, batch).total / batch
    return alone * together / (size * site.step(planned, size, together).total)


def parts(found: Step) -> dict[str, float]:
    """What else a step is than computing, seconds by name."""
    return {
        "gathering": found.gathering,
        "the losses": found.losses,
        "sums of gradients": found.summing,
        "the update": found.update,
    }


def times(site: Site, planned: Plan) -> list[str]:
    """A net's table: batches over processes, the time of a step and the efficiency."""
    rows = [["batch", *map(str, RANKS)]]
    for batch in BATCHES:
        cells = []
        for size in RANKS:
            seconds = site.step(planned, size, shared(batch, size)).total
            good = 100 * efficiency(site, planned, size, batch)
            cells.append(f"{readable(seconds)}, {good:.0f} %" if size <= batch else "-")
        rows.append([f"{batch:,}", *cells])
    return markdown(rows)


def readable(seconds: float) -> str:
    """Milliseconds, or seconds from 10 on."""
    if seconds >= 10:
        return f"{seconds:,.0f} s"
    return f"{1e3 * seconds:.{0 if seconds >= 0.1 else 1}f} ms"


def limits(every: Sequence[Site], planned: Sequence[Plan]) -> list[str]:
    """The table of where it stops paying, of all nets."""
    rows = [["where", "net", *(f"batch {batch:,}" for batch in BATCHES), f"gathering over 10 % of {GATHERED} from"]]
    for site in every:
        for each in planned:
            rows.append([site.name, each.name, *(limit(site, each, batch) for batch in BATCHES), gathers(site, each)])
    return markdown(rows)


def limit(site: Site, planned: Plan, batch: int) -> str:
    """How many processes pay, of those up to 256 that have a pair each, and what takes most where they no longer do."""
    most = min(batch, RANKS[-1])
    paying = next((size - 1 for size in range(2, most + 1) if efficiency(site, planned, size, batch) < PAYS), most)
    if paying == most:
        return f"{most}"
    lost = parts(site.step(planned, paying + 1, shared(batch, paying + 1)))
    return f"{paying}, {max(lost, key=lambda name: lost[name])}"


def gathers(site: Site, planned: Plan) -> str:
    """From how many processes on gathering is over a tenth of a step of `GATHERED` pairs."""
    for size in range(2, RANKS[-1] + 1):
        found = site.step(planned, size, shared(GATHERED, size))
        if found.gathering > 0.1 * found.total:
            return str(size)
    return f"over {RANKS[-1]}"


def report_scaling() -> list[str]:
    """All tables."""
    planned = plans()
    every = sites(planned)
    lines = []
    for site in every:
        for each in planned:
            lines += [f"{each.name}, {site.name}: a step by so many processes", "", *times(site, each), ""]
    lines += [f"How many processes pay (each at {PAYS:.0%} or more of the speed of one), and what then costs most", ""]
    lines += limits(every, planned)
    return [
        *lines,
        "",
        "ESTIMATE, not measured, by operations, bytes and messages; 155x200 photos, float32, without micro_batch, if",
        "memory were no limit; nobody waits for anybody, and no switch is a bottleneck. The batch is the nearest that",
        "the processes can share. Shown: a step, and each process's speed over that of one alone.",
    ]
