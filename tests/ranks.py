"""Several ranks in one process: a thread each, for tests of what processes do together."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from pysketch.parallel.communicator import Communicator, Message


class _Group:
    """What the threads share."""

    def __init__(self, size: int) -> None:
        self.barrier = threading.Barrier(size, timeout=60)
        self.sent: dict[tuple[int, int], np.ndarray] = {}
        self.mail: list[SimpleQueue[tuple[int, bytes]]] = [SimpleQueue() for _ in range(size)]


class ThreadCommunicator(Communicator):
    """One rank of `size` threads."""

    def __init__(self, group: _Group, rank: int, size: int) -> None:
        self.rank = self.local_rank = rank
        self.size = self.local_size = size
        self.begun: list[int] = []
        self._group = group

    def exchange(self, sends: list[Message], receives: list[Message]) -> None:
        """By reading from the others' arrays."""
        for rank, array in sends:
            self._group.sent[self.rank, rank] = array
        self._group.barrier.wait()
        for rank, array in receives:
            assert array.shape == self._group.sent[rank, self.rank].shape
            array[...] = self._group.sent[rank, self.rank]
        self._group.barrier.wait()

    def post(self, rank: int, content: bytes) -> None:
        """By a queue."""
        self._group.mail[rank].put((self.rank, content))

    def arrived(self) -> list[tuple[int, bytes]]:
        """What is in the queue."""
        found = []
        with contextlib.suppress(Empty):
            while True:
                found.append(self._group.mail[self.rank].get_nowait())
        return found

    def begin_all_reduce(self, array: np.ndarray) -> None:
        """At once; `begun` notes how many elements."""
        self.begun.append(array.size)
        super().begin_all_reduce(array)


def run_ranks(size: int, work: Callable[[Communicator], Any]) -> list[Any]:
    """work(communicator) in `size` threads at once; what each returned. The first error that is a cause is raised."""
    group, results, errors = _Group(size), [None] * size, [None] * size

    def serve(rank: int) -> None:
        try:
            results[rank] = work(ThreadCommunicator(group, rank, size))
        except BaseException as error:
            errors[rank] = error
            group.barrier.abort()

    threads = [threading.Thread(target=serve, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    causes = [error for error in errors if error and not isinstance(error, threading.BrokenBarrierError)]
    for error in [*causes, *filter(None, errors)]:
        raise error
    return results
