"""A few threads that share a layer's work, each with single-threaded BLAS and memory of its own."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from types import ModuleType

import numpy as np
from threadpoolctl import ThreadpoolController

from pysketch.backend import Array

DEFAULT_WORKSPACE = 64 << 20
"""Bytes of memory that the layers of a net may work in, at most, beside blobs and params."""


class Arena:
    """Memory that one worker cuts into arrays, again and again: `reserve` takes all of them back."""

    _ALIGNMENT = 64  # bytes: a cache line

    def __init__(self) -> None:
        self._memory: Array | None = None
        self._used = 0

    def reserve(self, nbytes: int, xp: ModuleType) -> None:
        """Begin anew, with room for arrays of so many bytes in all."""
        self._used = 0
        if self._memory is None or self._memory.size < nbytes or not isinstance(self._memory, xp.ndarray):
            self._memory = None
            self._memory = xp.empty(nbytes, np.uint8)

    def take(self, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """An array of this shape, uninitialised, valid until the next reserve."""
        size = math.prod(shape) * dtype.itemsize
        start, self._used = self._used, self._used + -(-size // self._ALIGNMENT) * self._ALIGNMENT
        return self._memory[start : start + size].view(dtype).reshape(shape)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return 0 if self._memory is None else self._memory.nbytes


class Workers:
    """`threads` workers (default: the cores this process may use), numbered from 0, each with its arena.

    Several nets may share them. workspace: bytes that all their layers' temporary arrays may take together.
    Work is dealt out by number, not by who is free, so that sums come out in the same order each time.
    """

    def __init__(self, threads: int | None = None, workspace: int = DEFAULT_WORKSPACE) -> None:
        self.threads = threads or _available_cores()
        self.limit = workspace
        self.arenas = [Arena() for _ in range(self.threads)]
        self._pool: ThreadPoolExecutor | None = None
        self._blas: ThreadpoolController | None = None

    @contextmanager
    def single_threaded_blas(self) -> Iterator[None]:
        """BLAS uses one thread inside: its own would take turns with the workers, also by waiting busily."""
        if self._blas is None:
            self._blas = ThreadpoolController()
        with self._blas.limit(limits=1, user_api="blas"):
            yield

    def run(self, work: Callable[[int], None], workers: int) -> None:
        """Call work(0) ... work(workers - 1) at the same time; returns, or raises, when all have ended.

        What the caller's context says, such as numpy.errstate, holds in the workers too.
        """
        if workers == 1:
            work(0)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="pysketch")
        calls = [self._pool.submit(copy_context().run, work, k) for k in range(workers)]
        wait(calls)
        for call in calls:
            call.result()

    def close(self) -> None:
        """End the threads and give the arenas' memory back; a later run starts anew."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        self.arenas = [Arena() for _ in range(self.threads)]


def _available_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
