"""MemoryData: batches from arrays that the program gives, as Caffe's layer of that name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pysketch.device import Blob
from pysketch.errors import DataError
from pysketch.layers.base import Count, register
from pysketch.layers.batch_data import BatchData
from pysketch.netdef import Kind, Option, Table


@register
class MemoryData(BatchData):
    """Tops: `data` (batch_size, channels, height, width), `label` (batch_size,), of what set_input_arrays was given.

    Batches in turn, from the first item again after the last; new arrays begin with their first. The arrays are kept,
    not copied: what is written into them later is seen by later batches. Until they are given a forward is a DataError.
    """

    type = "MemoryData"
    section = "memory_data_param"
    table = Table(
        "MemoryDataParameter",
        tuple(
            Option(name, Kind.UINT32, required=True, low=1, help=help)
            for name, help in (
                ("batch_size", "items in a batch"),
                ("channels", "of each item"),
                ("height", "pixels"),
                ("width", "pixels"),
            )
        ),
    )
    tops = Count(2)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """No arrays yet."""
        self._arrays: tuple[np.ndarray, np.ndarray] | None = None
        self.begin(self.options.batch_size, self.options.batch_size, shuffle=False, prefetch=False)

    def set_input_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        """Take the items from these arrays, from their first on.

        data: (N, channels, height, width), N a multiple of batch_size; labels: (N,) or (N, 1, 1, 1); both float32 and
        C-contiguous. DataError for others.
        """
        options = self.options
        item = options.channels, options.height, options.width
        for name, array in (("data", data), ("labels", labels)):
            if not isinstance(array, np.ndarray):
                raise self.error(f"{name}: expected a NumPy array, found {type(array).__name__}", DataError)
            if array.dtype != np.float32:
                raise self.error(f"{name}: expected float32, found {array.dtype}", DataError)
            if not array.flags.c_contiguous:
                raise self.error(
                    f"{name}: expected a C-contiguous array (numpy.ascontiguousarray makes one)", DataError
                )
        if data.shape[1:] != item or data.ndim != 4:
            raise self.error(
                f"data: expected the shape (N, {', '.join(map(str, item))}), found {data.shape}", DataError
            )
        n = len(data)
        if labels.shape not in ((n,), (n, 1, 1, 1)):
            raise self.error(f"labels: expected the shape ({n},) or ({n}, 1, 1, 1), found {labels.shape}", DataError)
        if n == 0 or n % options.batch_size:
            raise self.error(f"expected a multiple of batch_size {options.batch_size} items, found {n}", DataError)
        self._arrays = data, labels.reshape(n)
        self.begin(n, options.batch_size, shuffle=False, prefetch=False)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """As the options say."""
        options, n = self.options, self.next_size
        top[0].reshape(n, options.channels, options.height, options.width)
        top[1].reshape(n)

    def make_batch(self, draws: list[tuple[int, int]]) -> tuple[np.ndarray, ...]:
        """Copies of these items."""
        if self._arrays is None:
            raise self.error("has no data yet; give it some with set_input_arrays(data, labels)", DataError)
        indices = [index for _, index in draws]
        return tuple(array[indices].astype(self.context.dtype, copy=False) for array in self._arrays)

    def contents(self) -> Iterator[bytes]:
        """All arrays."""
        return (array.tobytes() for array in self._arrays or ())
