"""Processes that work together: what every one of them may ask of all, whoever carries the bytes."""

from __future__ import annotations

import itertools
from typing import NoReturn

import numpy as np

from pysketch.device import Array, array_module, to_host

Message = tuple[int, Array]
"""An array for, or from, the process of this rank."""

SMALL = 4096
"""Elements up to which a sum is made of everybody's array by everybody: one exchange instead of two."""


class Communicator:
    """`size` processes, of which this one is number `rank`, from 0; all of them make the same calls in the same order.

    local_rank, local_size: the same among the processes of this machine. This class does what a process alone needs:
    nothing. Others override `exchange`, and all the rest follows. Arrays are C-contiguous; those on a GPU are passed on
    by way of the host, unless a derived class knows better.

    Sums are made in rank order: for a fixed size they are the same to the bit in every run, and in every process.
    """

    rank = 0
    size = 1
    local_rank = 0
    local_size = 1
    overlaps = False
    """Whether begin_all_reduce goes on behind the caller's back."""

    def exchange(self, sends: list[Message], receives: list[Message]) -> None:
        """Send arrays to other processes, and fill arrays with what these send; both by rank, none of them empty."""

    def all_gather(self, array: Array) -> Array:
        """(size n, ...) of everybody's (n, ...), in rank order."""
        if self.size == 1:
            return array
        if self._is_elsewhere(array):
            return array_module(array).asarray(self.all_gather(to_host(array)))
        n = array.shape[0]
        whole = array_module(array).empty((self.size * n, *array.shape[1:]), array.dtype)
        whole[self.own(n)] = array
        self._fill(whole.reshape(-1), [k * array.size for k in range(self.size + 1)])
        return whole

    def all_reduce(self, array: Array) -> None:
        """array becomes the sum of everybody's."""
        if self.size == 1 or not array.size:
            return
        if self._is_elsewhere(array):
            host = to_host(array).copy()
            self.all_reduce(host)
            array[...] = array_module(array).asarray(host)
            return
        flat = array.reshape(-1)
        if array.size <= SMALL:
            flat[...] = _summed(self.all_gather(flat[None]))
            return
        cuts = [array.size * k // self.size for k in range(self.size + 1)]
        own = slice(cuts[self.rank], cuts[self.rank + 1])
        received = array_module(array).empty((self.size, own.stop - own.start), array.dtype)
        received[self.rank] = flat[own]
        others = [k for k in range(self.size) if k != self.rank]
        self._exchange([(k, flat[cuts[k] : cuts[k + 1]]) for k in others], [(k, received[k]) for k in others])
        flat[own] = _summed(received)
        self._fill(flat, cuts)

    def begin_all_reduce(self, array: Array) -> None:
        """all_reduce that may go on behind the caller's back: array is nobody's until `finish`."""
        self.all_reduce(array)

    def finish(self) -> None:
        """Wait for what begin_all_reduce began."""

    def broadcast(self, array: Array) -> None:
        """array becomes process 0's."""
        if self.size == 1 or not array.size:
            return
        if self._is_elsewhere(array):
            host = to_host(array).copy()
            self.broadcast(host)
            array[...] = array_module(array).asarray(host)
            return
        self._fill(array.reshape(-1), [0, *itertools.repeat(array.size, self.size)])

    def gather_parts(self, array: np.ndarray) -> list[np.ndarray]:
        """Everybody's array, in rank order; unlike those of `all_gather` they may have more or fewer rows."""
        counts = self.all_gather(np.array([len(array)], np.int64)).tolist()
        padded = np.zeros((1, max(counts), *array.shape[1:]), array.dtype)
        padded[0, : len(array)] = array
        return [part[:count] for part, count in zip(self.all_gather(padded), counts, strict=True)]

    def gather_texts(self, text: str) -> list[str]:
        """Everybody's text, in rank order."""
        return [part.tobytes().decode() for part in self.gather_parts(np.frombuffer(text.encode(), np.uint8))]

    def wait_for_all(self) -> None:
        """Return when all have called this."""
        self.all_gather(np.zeros(1, np.uint8))

    def own(self, items: int) -> slice:
        """Where this process's `items` stand among those of all."""
        return slice(self.rank * items, (self.rank + 1) * items)

    def abort(self, status: int) -> NoReturn:
        """End all processes at once, this one too, with this exit status."""
        raise NotImplementedError("a process alone has no others to end")

    def _fill(self, flat: Array, cuts: list[int]) -> None:
        """flat (1-D) is cut at `cuts`; each process has its own piece and gets those of all others."""
        pieces = [flat[a:b] for a, b in itertools.pairwise(cuts)]
        others = [k for k in range(self.size) if k != self.rank]
        self._exchange([(k, pieces[self.rank]) for k in others], [(k, pieces[k]) for k in others])

    def _exchange(self, sends: list[Message], receives: list[Message]) -> None:
        self.exchange(*([(rank, array) for rank, array in each if array.size] for each in (sends, receives)))

    def _is_elsewhere(self, array: Array) -> bool:
        """Whether an array must be copied to the host to be passed on."""
        return not isinstance(array, np.ndarray)


ALONE = Communicator()
"""A process alone."""


def _summed(rows: Array) -> Array:
    """The sum over axis 0, from the first row to the last; it is made in the first."""
    total = rows[0]
    for row in rows[1:]:
        total += row
    return total
