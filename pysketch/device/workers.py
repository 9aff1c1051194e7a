"""A few threads that share a layer's work, each with single-threaded BLAS and memory of its own."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from itertools import zip_longest
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

from pysketch.device.backend import Array
from pysketch.device.cores import Cores, keep_to, own_cores
from pysketch.native import kernels

DEFAULT_WORKSPACE = 64 << 20
"""Bytes of memory that the layers of a net may work in, at most, beside blobs and params."""

ALIGNMENT = 64
"""Bytes that an array's place in shared memory is a multiple of: a cache line."""

SLACK = 1024
"""Bytes that the arrays of one piece of work lose to alignment in an arena, at most."""

Task = TypeVar("Task")


class Arena:
    """Memory that is cut into arrays, again and again: `reserve` takes all of them back."""

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
        start, self._used = self._used, self._used + padded(size)
        return self._memory[start : start + size].view(dtype).reshape(shape)

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """What is taken inside is given back at its end."""
        used = self._used
        yield
        self._used = used

    def release(self) -> None:
        """Give the memory back."""
        self._memory, self._used = None, 0

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return 0 if self._memory is None else self._memory.nbytes


def padded(nbytes: int) -> int:
    """How many bytes an array of so many bytes takes where others follow it."""
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


class _Helper:
    """A thread that works beside the caller."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="pysketch")
        self._cores: Cores | None = None

    def submit(self, serve: Callable[[Arena], None], arena: Arena, cores: Cores | None) -> Future[None]:
        """Call serve(arena) in the thread, in the caller's context, on these cores (None: wherever it is)."""
        return self._pool.submit(copy_context().run, self._serve, serve, arena, cores)

    def end(self) -> None:
        """Wait for the thread to end."""
        self._pool.shutdown()

    def _serve(self, serve: Callable[[Arena], None], arena: Arena, cores: Cores | None) -> None:
        if cores is not None and cores != self._cores:
            keep_to(cores)
            self._cores = cores
        serve(arena)


class Workers:
    """`threads` workers (default: the cores this process may use), each with an arena, and one arena for all.

    Several nets may share them. workspace: bytes that all arenas together may take, as long as the smallest
    possible piece of work fits; `nbytes` is what they hold. On a GPU one worker does it all.
    """

    def __init__(self, threads: int | None = None, workspace: int = DEFAULT_WORKSPACE) -> None:
        self.threads = threads or _available_cores()
        self.limit = workspace
        self.shared = Arena()
        self.arenas = [Arena() for _ in range(self.threads)]
        self._helpers: list[_Helper] = []
        self._blas: ThreadpoolController | None = None
        self._blas_is_single = False
        self._team: Any = None

    @property
    def team(self) -> Any:
        """The threads of the compiled kernels, which must be there."""
        if self._team is None:
            self._team = kernels().team()
        return self._team

    def scratch(self, nbytes: int, pieces: int) -> list[Array]:
        """So many bytes for each worker that takes part where there are so many pieces of work."""
        arenas = self.arenas[: max(1, min(self.threads, pieces))]
        for arena in arenas:
            arena.reserve(nbytes, np)
        return [arena.take((nbytes,), np.dtype(np.uint8)) for arena in arenas]

    def number(self, xp: ModuleType) -> int:
        """How many workers there are for arrays of this module."""
        return self.threads if xp is np else 1

    def room(self, xp: ModuleType, shared: int = 0) -> int:
        """The bytes that each worker's arena may take if `shared` bytes are taken by all together."""
        return max(0, self.limit - shared) // self.number(xp)

    @property
    def nbytes(self) -> int:
        """Bytes that all arenas hold; they only grow until `close`."""
        return self.shared.nbytes + sum(arena.nbytes for arena in self.arenas)

    @contextmanager
    def single_threaded_blas(self) -> Iterator[None]:
        """BLAS uses one thread inside: its own would take turns with the workers, also by waiting busily."""
        if self._blas_is_single:
            yield
            return
        if self._blas is None:
            self._blas = ThreadpoolController()
        with self._blas.limit(limits=1, user_api="blas"):
            self._blas_is_single = True
            try:
                yield
            finally:
                self._blas_is_single = False

    def run(self, work: Callable[[Task, Arena], None], tasks: Sequence[Task], xp: ModuleType) -> None:
        """Call work(task, arena) for every task; returns, or raises, when all that have begun have ended.

        Whoever is free takes the next task, so what a task does must not depend on who does it: each writes
        its own part of the result. The caller is one of the workers. What its context says, such as
        numpy.errstate, holds in all.
        """
        waiting = deque(tasks)

        def serve(arena: Arena) -> None:
            try:
                while (task := _pop(waiting)) is not None:
                    work(task, arena)
            except BaseException:
                waiting.clear()
                raise

        helpers = max(0, min(self.number(xp), len(waiting)) - 1)
        while len(self._helpers) < helpers:
            self._helpers.append(_Helper())
        with self.single_threaded_blas(), own_cores(helpers + 1) as groups:
            calls = [
                helper.submit(serve, arena, cores)
                for helper, arena, cores in zip_longest(
                    self._helpers[:helpers], self.arenas[1 : helpers + 1], groups[1:]
                )
            ]
            try:
                serve(self.arenas[0])
            finally:
                wait(calls)
        for call in calls:
            call.result()

    def close(self) -> None:
        """End the threads and give the arenas' memory back; a later run starts anew."""
        for helper in self._helpers:
            helper.end()
        self._helpers, self._team = [], None
        for arena in (self.shared, *self.arenas):
            arena.release()


def _pop(waiting: deque[Task]) -> Task | None:
    """The next task, None if there is none; two workers never get the same."""
    try:
        return waiting.popleft()
    except IndexError:
        return None


def _available_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
