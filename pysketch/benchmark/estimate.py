"""What the paper's nets should take on cards that nobody has tried: an ESTIMATE on paper, for tools/benchmark.py.

From `work` come the passes of one forward on a GPU: operations F, bytes B, launches. With a card's peaks P (FLOP/s,
float32, no tensor cores) and b (bytes/s), from NVIDIA's data sheets:

    least   = sum over passes of max(F / P, B / b)
    likely  = max(sum over passes of max(F / (PRODUCT P), B / (COPY b)), LAUNCH launches)

The host launches while the card computes, so that the slower of the two counts. PRODUCT comes from the paper's times,
which are a whole program's, im2col included: that the K40's estimates come near them proves little. What is left out
makes the truth larger (matrices too small to fill a card, the photo's way there and the sketch's back) or smaller
(better libraries, second-level caches that hold columns).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pysketch.benchmark.growth import NETS
from pysketch.benchmark.nets import Job, build
from pysketch.benchmark.table2 import PAPER_MS, jobs
from pysketch.benchmark.work import Work, net_work
from pysketch.report import markdown


@dataclass(frozen=True)
class Card:
    """Peaks: float32 FLOP/s, and bytes/s of its memory."""

    name: str
    flops: float
    bandwidth: float


CARDS = (Card("K40", 4.29e12, 288e9), Card("A100", 19.5e12, 1555e9), Card("H100", 67e12, 3350e9))
"""Tesla K40 (boost clock), A100 SXM 40 GB, H100 SXM 80 GB."""

PAPER_RATE = 2.33e12
"""FLOP/s: the slope of a line through the paper's K40 times of small, medium and large over their operations."""

PAPER_CONSTANT_MS = 5.6
"""Where that line begins: what does not grow with the net. It belongs to the authors' program, not to the card."""

PRODUCT = PAPER_RATE / CARDS[0].flops
"""The part of a card's peak that products reach, 0.54: what the paper's K40 did, for every card."""

COPY = 0.70
"""The part of a card's bandwidth that copies reach: 203 of 288 GB/s were measured on a K40 (Microway, 2013)."""

LAUNCH = 20e-6
"""Seconds of the host for one launch from Python through CuPy; from C++ it would be about 5e-6."""


@dataclass(frozen=True)
class Estimate:
    """Milliseconds: at the card's peaks, and at the parts of them that are assumed."""

    least: float
    likely: float


def estimate(card: Card, works: Sequence[Work]) -> Estimate:
    """What the layers of one forward take on a card."""
    least = sum(work.seconds(card.flops, card.bandwidth) for work in works)
    likely = sum(work.seconds(PRODUCT * card.flops, COPY * card.bandwidth) for work in works)
    return Estimate(1e3 * least, 1e3 * max(likely, LAUNCH * sum(work.launches for work in works)))


def forward_work(job: Job) -> list[Work]:
    """The work of a job's forward on a GPU, ReLUs done by their convolutions; needs none."""
    net, _ = build(job)
    return net_work(net, gpu=True, fused=True)


def table() -> list[str]:
    """The four nets on all cards, one 155x200 photo, in Markdown."""
    rows = [["net", "GFLOP", "MB moved", "launches", *(f"{card.name}, ESTIMATE" for card in CARDS)]]
    rows[0].append("K40, paper's measurement")
    for name, job in zip(NETS, jobs(Job("")), strict=True):
        works = forward_work(job)
        found = (estimate(card, works) for card in CARDS)
        cells = [f"{sum(w.flops for w in works) / 1e9:.2f}", f"{sum(w.nbytes for w in works) / 1e6:.0f}"]
        cells += [str(sum(work.launches for work in works)), *(f"{x.likely:.2f} ms ({x.least:.2f})" for x in found)]
        rows.append([name, *cells, f"{PAPER_MS[name]} ms"])
    return markdown(rows)


def report_estimate() -> list[str]:
    """The table, and what it rests on."""
    peaks = ", ".join(f"{card.name} {card.flops / 1e12:g} TFLOP/s and {card.bandwidth / 1e9:g} GB/s" for card in CARDS)
    return [
        *table(),
        "",
        "ESTIMATE, not measured: one 155x200 photo, float32, engine CAFFE. In brackets: at the card's peaks.",
        f"Peaks, from data sheets: {peaks}.",
        f"Assumed: products at {PRODUCT:.2f} of the peak (the paper's K40 times lie on a line of "
        f"{PAPER_RATE / 1e12:.2f} TFLOP/s plus {PAPER_CONSTANT_MS} ms), copies at {COPY:.2f} (203 of 288 GB/s were",
        f"measured on a K40), {LAUNCH * 1e6:.0f} us of the host for each launch, while the card computes.",
    ]
