"""Clocks of tools/benchmark.py: the host's, and a GPU's own events."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

Call = Callable[[], object]


@dataclass(frozen=True)
class Times:
    """Seconds that a piece of work took where it was done, and for which the host was busy with it.

    On a GPU the host only launches: where it needs longer than the work itself, the GPU waits for it.
    """

    seconds: float
    host_seconds: float


class HostClock:
    """The host's clock: right for work that is done when the call returns."""

    def time(self, calls: Sequence[Call]) -> list[Times]:
        """The times of some calls, one after the other."""
        times = []
        for call in calls:
            start = time.perf_counter()
            call()
            seconds = time.perf_counter() - start
            times.append(Times(seconds, seconds))
        return times


class EventClock:
    """A GPU's clock, of the module `cupy`: it notes when it comes to an event before a piece of work and to one after.

    The calls of one `time` follow each other without a pause, so that the GPU works on one while the host launches
    the next; nothing waits until all are launched.
    """

    def __init__(self, cupy: ModuleType) -> None:
        self.cuda = cupy.cuda

    def time(self, calls: Sequence[Call]) -> list[Times]:
        """The times of some calls, one after the other, which begin when all that was launched before is done."""
        events = [(self.cuda.Event(), self.cuda.Event()) for _ in calls]
        stream = self.cuda.get_current_stream()
        stream.synchronize()
        host = []
        for call, (first, last) in zip(calls, events, strict=True):
            start = time.perf_counter()
            first.record()
            call()
            last.record()
            host.append(time.perf_counter() - start)
        stream.synchronize()
        elapsed = (self.cuda.get_elapsed_time(*pair) / 1e3 for pair in events)  # events count milliseconds
        return [Times(*pair) for pair in zip(elapsed, host, strict=True)]


def clock_of(contender: Any) -> HostClock | EventClock:
    """The clock that a contender of the benchmark brings along; else the host's."""
    return getattr(contender, "clock", None) or HostClock()
