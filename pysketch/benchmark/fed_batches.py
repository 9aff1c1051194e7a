"""Data that cost nothing, shared out among processes as a training's are: for `--grow ranks` of tools/benchmark.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pysketch.device import Blob
from pysketch.layers import BatchData, Count, Input
from pysketch.net import Net


class FedBatches(BatchData):
    """In place of an Input layer: the same batch again and again, of which each process gets its part.

    So the processes gather what they would in a training, in which no process has the others' sketches.
    """

    type = Input.type
    section = Input.section
    table = Input.table
    tops = Count(1, None)

    def __init__(self, layer: Input, arrays: Sequence[np.ndarray]) -> None:
        super().__init__(layer.definition, layer.context, layer.phase)
        self._arrays = arrays
        self.begin(len(arrays[0]), len(arrays[0]), shuffle=False, prefetch=False)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The arrays' shapes, with as many items as the part has."""
        for blob, array in zip(top, self._arrays, strict=True):
            blob.reshape((self.next_size, *array.shape[1:]))

    def make_batch(self, draws: list[tuple[int, int]]) -> tuple[np.ndarray, ...]:
        """The items with these indices."""
        return tuple(array[[index for _, index in draws]] for array in self._arrays)


def feed_batches(net: Net, arrays: Mapping[str, np.ndarray]) -> None:
    """Let a net's Input layers be such, with these arrays of their tops."""
    for index, layer in enumerate(net.layers):
        if isinstance(layer, Input):
            net.layers[index] = FedBatches(layer, [arrays[name] for name in layer.definition.top])
