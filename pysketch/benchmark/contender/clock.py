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
    """A GPU's clock: it notes when it comes to an event before a piece of work and to one after.

    The calls of one `time` follow each other without a pause, so that the GPU works on one while the host launches
    the next; nothing waits until all are launched. event: makes an event, which has `record`. wait: until all that was
    launched is done. elapsed: milliseconds between two events.
    """

    def __init__(
        self, event: Callable[[], Any], wait: Callable[[], object], elapsed: Callable[[Any, Any], float]
    ) -> None:
        self.event, self.wait, self.elapsed = event, wait, elapsed

    def time(self, calls: Sequence[Call]) -> list[Times]:
        """The times of some calls, one after the other, which begin when all that was launched before is done."""
        events = [(self.event(), self.event()) for _ in calls]
        self.wait()
        host = []
        for call, (first, last) in zip(calls, events, strict=True):
            start = time.perf_counter()
            first.record()
            call()
            last.record()
            host.append(time.perf_counter() - start)
        self.wait()
        return [Times(self.elapsed(*pair) / 1e3, busy) for pair, busy in zip(events, host, strict=True)]


def cupy_clock(cupy: ModuleType) -> EventClock:
    """By CuPy's events, on its current stream."""
    cuda = cupy.cuda
    return EventClock(cuda.Event, lambda: cuda.get_current_stream().synchronize(), cuda.get_elapsed_time)


def torch_clock(torch: ModuleType) -> EventClock:
    """By PyTorch's events, on its current stream."""
    cuda = torch.cuda
    return EventClock(lambda: cuda.Event(enable_timing=True), cuda.synchronize, cuda.Event.elapsed_time)


def clock_of(contender: Any) -> HostClock | EventClock:
    """The clock that a contender of the benchmark brings along; else the host's."""
    return getattr(contender, "clock", None) or HostClock()
