"""All params of a net in two flat buffers, one for data and one for diffs, so that they can be worked on as one."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pysketch.device import ALIGNMENT, Array, padded
from pysketch.net.params import Param


@dataclass(frozen=True)
class Segment:
    """A piece of the flat buffers whose params have the same multipliers: 1-D arrays, equally long.

    history: of each further buffer in the same layout, the same piece.
    """

    data: Array
    diff: Array
    history: tuple[Array, ...]
    lr_mult: float
    decay_mult: float

    def cut(self, length: int) -> Iterator[Segment]:
        """The segment in pieces of `length` elements, the last one perhaps shorter."""
        for start in range(0, self.data.size, length):
            piece = slice(start, start + length)
            history = tuple(array[piece] for array in self.history)
            yield Segment(self.data[piece], self.diff[piece], history, self.lr_mult, self.decay_mult)


class FlatParams(Sequence[Param]):
    """A net's params, in net order; their data lie side by side in one buffer, their diffs in another.

    Each blob holds views of the buffers, in its own shape, aligned to 64 bytes; diffs start at 0. In the buffers
    params of equal multipliers are neighbours (what is not learned stands last), so that few segments hold them all.
    A param that is given other memory later (`Net.share_with`, `Blob.hold_data`) is no part of the buffers any
    more and makes a segment by itself.
    """

    def __init__(self, params: Sequence[Param]) -> None:
        self._params = tuple(params)
        blobs = [param.blob for param in self._params]
        self.xp, self.dtype = (blobs[0].xp, blobs[0].dtype) if blobs else (np, np.dtype(np.float32))
        numbers = range(len(self._params))
        self._order = sorted(numbers, key=lambda k: (params[k].lr_mult, params[k].decay_mult), reverse=True)
        lengths = [padded(blobs[k].count * self.dtype.itemsize) // self.dtype.itemsize for k in self._order]
        *starts, self._length = itertools.accumulate(lengths, initial=0)
        self._starts = dict(zip(self._order, starts, strict=True))
        self._data: Array | None = self.zeros()
        self._diff = self.zeros()
        self._data_views: list[Array | None] = [*self.views(self._data)]
        self._diff_views = self.views(self._diff)
        for blob, data_view, diff_view in zip(blobs, self._data_views, self._diff_views, strict=True):
            data_view[...] = blob.data
            blob.hold_data(data_view)
            blob.hold_diff(diff_view)

    def __len__(self) -> int:
        return len(self._params)

    def __getitem__(self, index: Any) -> Any:
        return self._params[index]

    def zeros(self) -> Array:
        """Another buffer of this layout, filled with zeros."""
        spare = ALIGNMENT // self.dtype.itemsize
        memory = self.xp.zeros(self._length + spare, self.dtype)
        address = memory.ctypes.data if self.xp is np else memory.data.ptr
        start = -(address // self.dtype.itemsize) % spare
        return memory[start : start + self._length]

    def views(self, buffer: Array) -> list[Array]:
        """Each param's part of a buffer of this layout, in its shape; in net order."""
        blobs = enumerate(param.blob for param in self._params)
        return [buffer[self._starts[k] :][: blob.count].reshape(blob.shape) for k, blob in blobs]

    def segments(self, buffers: Sequence[Array] = ()) -> list[Segment]:
        """All params, in as few segments as their multipliers and memory allow, with the same pieces of `buffers`.

        The gaps between the params of a segment belong to it; they hold 0 in data and diffs until written to.
        """
        found = []
        for (lr_mult, decay_mult, _), group in itertools.groupby(self._order, self._kind):
            numbers = list(group)
            first, last = numbers[0], numbers[-1]
            piece = slice(self._starts[first], self._ends(last))
            if self._is_in_place(first):
                data, diff = self._data[piece], self._diff[piece]
            else:
                blob = self._params[first].blob
                data, diff = blob.data.reshape(-1), blob.diff.reshape(-1)
            found.append(Segment(data, diff, tuple(buffer[piece] for buffer in buffers), lr_mult, decay_mult))
        return found

    def chunks(self, nbytes: int) -> list[tuple[Array, list[Param]]]:
        """All diffs in 1-D pieces of the buffer, for whole params, of `nbytes` or more; whose each one is.

        What is learned and what is not (lr_mult 0) are never in one piece.
        """
        found: list[tuple[Array, list[Param]]] = []
        kinds = itertools.groupby(
            self._order, lambda k: (self._params[k].lr_mult == 0, None if self._is_in_place(k) else k)
        )
        for _, group in kinds:
            numbers: list[int] = []
            for k in group:
                numbers.append(k)
                if self._ends(k) - self._starts[numbers[0]] >= nbytes // self.dtype.itemsize:
                    found.append(self._chunk(numbers))
                    numbers = []
            if numbers:
                found.append(self._chunk(numbers))
        return found

    def clear_diffs(self) -> None:
        """Set every diff to 0."""
        self._diff.fill(0)
        for param, view in zip(self._params, self._diff_views, strict=True):
            if param.blob.diff is not view:
                param.blob.diff.fill(0)

    def release_data(self) -> None:
        """Keep no memory that blobs have left, after some got other data; every param makes a segment by itself."""
        self._data, self._data_views = None, [None] * len(self)

    def _chunk(self, numbers: list[int]) -> tuple[Array, list[Param]]:
        """The diffs of neighbours, or of one param that lies elsewhere, and whose they are."""
        params = [self._params[k] for k in numbers]
        if self._is_in_place(numbers[0]):
            return self._diff[self._starts[numbers[0]] : self._ends(numbers[-1])], params
        return params[0].blob.diff.reshape(-1), params

    def _ends(self, k: int) -> int:
        """Where a param's part of the buffers ends."""
        return self._starts[k] + self._params[k].blob.count

    def _kind(self, k: int) -> Hashable:
        """Equal for those params that one segment can hold if they are neighbours."""
        param = self._params[k]
        return param.lr_mult, param.decay_mult, None if self._is_in_place(k) else k

    def _is_in_place(self, k: int) -> bool:
        """True if a param still has the memory that it was given here."""
        blob = self._params[k].blob
        return blob.data is self._data_views[k] and blob.diff is self._diff_views[k]
