"""Bringing arrays from the host to where a net works, without waiting for it."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from pysketch.device.backend import Array
from pysketch.device.blob import Blob


class Stage:
    """Hands host arrays to a blob: `load(array, blob)` makes them its data.

    On the CPU the blob holds the array itself. On a GPU the array is copied to page-locked memory, from where the
    GPU fetches it in its own time, in order with the work it was given before: the host goes on at once. Two pieces of
    such memory take turns; one is written again only when the GPU has fetched what was in it.
    """

    def __init__(self, xp: ModuleType) -> None:
        self.xp = xp
        self._places = [_Place(), _Place()] if xp is not np else []

    def load(self, array: np.ndarray, blob: Blob) -> None:
        """Make an array of the blob's dtype, C-contiguous, its data, and the array's shape the blob's."""
        if self.xp is np:
            blob.hold_data(array)
            return
        blob.reshape(array.shape)
        place = self._places[0]
        self._places.reverse()
        place.send(array, blob.data, self.xp)


class _Place:
    """A piece of page-locked memory, and an event that says when it has been read."""

    def __init__(self) -> None:
        self._memory: Any = None
        self._read: Any = None

    def send(self, array: np.ndarray, target: Array, xp: ModuleType) -> None:
        """Let the GPU copy the array to `target`, of its shape and dtype, when all that it was told before is done."""
        if self._read is None:
            self._read = xp.cuda.Event(disable_timing=True)
        self._read.synchronize()
        if self._memory is None or self._memory.size() < array.nbytes:
            self._memory = xp.cuda.alloc_pinned_memory(array.nbytes)
        copy = np.frombuffer(self._memory, array.dtype, array.size).reshape(array.shape)
        copy[...] = array
        stream = xp.cuda.get_current_stream()
        target.set(copy, stream=stream)
        self._read.record(stream)
