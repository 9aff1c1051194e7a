"""Which cores threads that work together run on: each on some of its own, so that no two share one.

A thread that sleeps is often woken on the core of the one that woke it. The scheduler needs several milliseconds to
see that another core is idle; a layer is done in fewer, so that two threads may take turns on one core for a whole
forward pass. After a pause of 0.1 s that cost up to half of the speed of a small net. Where the system
does not let a process say where it runs (only Linux does), nothing happens.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise

Cores = frozenset[int]


def shared_out(cores: Cores, threads: int, first: int) -> list[Cores]:
    """The cores in `threads` disjoint groups of about equal size, the first of which has the core `first`, if any has.

    Empty if there are fewer cores than threads.
    """
    if len(cores) < threads:
        return []
    ordered = sorted(cores)
    start = ordered.index(first) if first in cores else 0
    ring = ordered[start:] + ordered[:start]
    ends = [len(ring) * k // threads for k in range(threads + 1)]
    return [frozenset(ring[a:b]) for a, b in pairwise(ends)]


@contextmanager
def own_cores(threads: int) -> Iterator[list[Cores]]:
    """Inside, the calling thread keeps to the first of the groups of cores that are yielded, one for each thread.

    No groups are yielded, and nothing is changed, for one thread or where it is not possible.
    """
    if threads == 1 or not hasattr(os, "sched_setaffinity"):
        yield []
        return
    allowed = frozenset(os.sched_getaffinity(0))
    groups = shared_out(allowed, threads, _present_core())
    if not groups:
        yield []
        return
    keep_to(groups[0])
    try:
        yield groups
    finally:
        keep_to(allowed)


def keep_to(cores: Cores) -> None:
    """Let the calling thread run on these cores only; a system that refuses is obeyed."""
    with suppress(OSError):
        os.sched_setaffinity(0, cores)


def _present_core() -> int:
    """The core that the calling thread runs on; -1 where the system does not say."""
    return _sched_getcpu() if _sched_getcpu is not None else -1


_sched_getcpu = getattr(ctypes.CDLL(None), "sched_getcpu", None) if os.name == "posix" else None
