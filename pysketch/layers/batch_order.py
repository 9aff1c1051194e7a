"""In which order a data layer goes through its items, epoch after epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pysketch.layers.base import saved_count


class BatchOrder:
    """Endless batches of item indices; batches wrap over the ends of epochs.

    `generator(epoch)` gives an epoch's own generator, so that the order is a function of the position
    alone: `state` is one number, and a run resumed from it goes on the same.
    """

    def __init__(self, items: int, shuffle: bool, generator: Callable[[int], np.random.Generator]) -> None:
        self.items = items
        self.shuffle = shuffle
        self.generator = generator
        self.position = 0
        self._order: tuple[int, np.ndarray] | None = None

    def next_batch(self, size: int) -> list[tuple[int, int]]:
        """The next `size` items as (draw, index): draw counts all items ever given, from 0."""
        batch = self.peek(size)
        self.skip(size)
        return batch

    def peek(self, size: int, skipped: int = 0) -> list[tuple[int, int]]:
        """What next_batch will give, after so many that are passed over; the position stays."""
        first = self.position + skipped
        return [(draw, self._index(draw)) for draw in range(first, first + size)]

    def skip(self, size: int) -> None:
        """Count the next `size` items as given."""
        self.position += size

    def state(self) -> dict[str, Any]:
        """{"position": items given so far}."""
        return {"position": self.position}

    def restore_state(self, state: dict[str, Any]) -> None:
        """Go on where `state` was; ValueError if it is no position."""
        self.position = saved_count(state, "position")

    def _index(self, draw: int) -> int:
        epoch, place = divmod(draw, self.items)
        if not self.shuffle:
            return place
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, self.generator(epoch).permutation(self.items)
        return int(self._order[1][place])
