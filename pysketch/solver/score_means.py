"""The means of a test's scores over its batches, which several processes may share."""

from __future__ import annotations

import logging

import numpy as np

from pysketch.device import Array, to_host
from pysketch.layers import BatchData
from pysketch.net import Net
from pysketch.parallel import ALONE, Communicator

logger = logging.getLogger(__name__)


def share_test(net: Net, communicator: Communicator) -> Communicator:
    """The processes that share this net's tests: all, or, with a line in the log, none.

    A forward that changes what later ones give may be left out by nobody (`Layer.leaves_traces`).
    """
    if communicator.size == 1:
        return ALONE
    for layer in net.layers:
        if layer.leaves_traces:
            logger.info("Layer %s: what a batch leaves in it counts: every process tests all batches", layer.name)
            return ALONE
    for layer in net.layers:
        if isinstance(layer, BatchData):
            layer.stride = communicator.size
    return communicator


class ScoreMeans:
    """Adds up a test net's outputs and losses, each batch by its weight, in the order of the batches.

    The processes take turns, batch by batch. A batch is one process's from end to end, so that the means are those of
    a process alone, to the bit.
    """

    def __init__(self, net: Net, communicator: Communicator) -> None:
        self.communicator = communicator
        self._net = net
        self._data = [layer for layer in net.layers if isinstance(layer, BatchData)]
        self._turn = 0
        self._row = np.zeros(0)
        self._sums: dict[str, np.ndarray] = {}
        self._loss = self._weight = 0.0

    @property
    def is_own_turn(self) -> bool:
        """Whether the next batch is this process's to run."""
        return self._turn == self.communicator.rank

    def add(self, weight: float, loss: Array) -> None:
        """Count the batch that the net has just run."""
        outputs = (to_host(self._net.blobs[name].data).astype(np.float64) for name in self._net.outputs)
        self._row = np.concatenate([[weight, float(loss)], *(each.reshape(-1) for each in outputs)])
        self._next_turn()

    def pass_over(self) -> None:
        """Count the batch that another process runs."""
        for layer in self._data:
            layer.skip_batch()
        self._next_turn()

    def end(self) -> tuple[dict[str, np.ndarray], float]:
        """(output's name -> its mean, the mean loss)."""
        if self._turn:
            self._gather()
        return {name: value / self._weight for name, value in self._sums.items()}, self._loss / self._weight

    def _next_turn(self) -> None:
        self._turn += 1
        if self._turn == self.communicator.size:
            self._gather()

    def _gather(self) -> None:
        """Add what the processes have found in this round."""
        rows = self.communicator.gather_parts(self._row)
        self._turn, self._row = 0, np.zeros(0)
        for weight, loss, *values in (row for row in rows if row.size):
            self._weight += weight
            self._loss += weight * loss
            for name in self._net.outputs:
                blob = self._net.blobs[name]
                found, values = np.array(values[: blob.count]), values[blob.count :]
                self._sums[name] = self._sums.get(name, 0) + weight * found.reshape(blob.shape)
