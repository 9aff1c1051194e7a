"""What fills the params of a net's layers, in turn, from one seed."""

from __future__ import annotations

import numpy as np

from pysketch.device import Blob, copy_into
from pysketch.netdef import Options, fill


class Filling:
    """Fills params as their fillers say, each when it is added: from one generator, in this order.

    later: they stay 0 until `finish`. A net whose weights a file is about to give needs no chance, nor the time that it
    takes: numpy.random is imported when it is first asked for.
    """

    def __init__(self, seed: int, later: bool = False) -> None:
        self._seed, self._later = seed, later
        self._generator: np.random.RandomState | None = None
        self._waiting: list[tuple[Blob, Options]] = []

    def add(self, blob: Blob, filler: Options) -> None:
        """Fill a param, now or in its turn; `check_filler` has accepted the filler."""
        self._waiting.append((blob, filler))
        if not self._later:
            self.finish()

    def finish(self) -> None:
        """Fill what waits; of params that share their memory the first counts."""
        waiting, self._waiting = self._waiting, []
        filled: set[object] = set()
        for blob, filler in waiting:
            values = fill(filler, blob.shape, self._random())
            if blob.place not in filled:
                copy_into(blob.data, values)
                filled.add(blob.place)

    def _random(self) -> np.random.RandomState:
        if self._generator is None:
            self._generator = np.random.RandomState(self._seed)
        return self._generator
