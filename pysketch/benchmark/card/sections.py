"""The sections of a report on a card, in their order, each with its share of the time.

What is short and tells most comes first; the large test suite comes last and takes what is left.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from pysketch.benchmark.card import accuracy, calls, racing, suites, versions
from pysketch.benchmark.card.pieces import Found, Pieces
from pysketch.benchmark.card.plan import Plan, name_of
from pysketch.benchmark.nets import Job
from pysketch.benchmark.roofline import measure_roofline, report_roofline, summary_roofline
from pysketch.benchmark.table2 import measure_table2, report_table2, summary_table2
from pysketch.device import allow_tf32, choose_device


@dataclass(frozen=True)
class Section:
    """title: the heading. share: of the time, beside the others'. pieces(plan, stack, deadline): what it consists of;
    what must be closed at the end goes on the stack, deadline is of `time.monotonic`."""

    title: str
    share: float
    pieces: Callable[[Plan, ExitStack, float], Pieces]


def _table2(plan: Plan, stack: ExitStack, deadline: float) -> Pieces:
    def measure() -> Found:
        found = measure_table2(Job("", threads=plan.threads, seed=plan.seed, device=plan.device), plan.runs)
        return {**summary_table2(found), "lines": report_table2(found)}

    return {"sr, small, medium, large": measure}


def _roofline(plan: Plan, stack: ExitStack, deadline: float) -> Pieces:
    """At the smallest batch and the next."""

    def measure(netdef: str, batch: int) -> Found:
        found = measure_roofline(plan.job(netdef, "test", batch), plan.runs, plan.order, plan.copied)
        return {**summary_roofline(found), "batch": batch, "lines": report_roofline(found)}

    return {
        f"{name_of(netdef)}, batch {batch}": partial(measure, netdef, batch)
        for batch in plan.batches[:2]
        for netdef in plan.nets
    }


def _tf32(plan: Plan, stack: ExitStack, deadline: float) -> Pieces:
    """DeviceError, once for all, where the card has no TF32."""
    allow_tf32(choose_device(plan.device))
    return racing.pieces(plan, stack, deadline, "tf32")


SECTIONS: dict[str, Section] = {
    "versions": Section("The card and the software", 4, versions.pieces),
    "gpu_tests": Section("Tests that only a real card can answer", 5, suites.only_real),
    "accuracy": Section("Accuracy against the CPU", 10, accuracy.pieces),
    "table2": Section("The paper's Table 2", 6, _table2),
    "calls": Section("Launches, copies and waits of an iteration", 6, calls.pieces),
    "float32": Section("Against PyTorch with cuDNN, float32", 25, partial(racing.pieces, math="default")),
    "tf32": Section("Against PyTorch with cuDNN, TF32", 17, _tf32),
    "roofline": Section("Rooflines, layer by layer", 9, _roofline),
    "tests": Section("Tests of kernels, layers, nets and solvers on the card", 18, suites.everything),
}
"""By the name in the JSON file."""
