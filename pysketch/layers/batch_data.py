"""What data layers share that make batches of drawn items: the order, the thread for the next batch, the state."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from pysketch.device import Blob, Prefetcher, Stage
from pysketch.layers.base import Count, Layer
from pysketch.layers.batch_order import BatchOrder


class BatchData(Layer):
    """A layer without bottoms whose tops are filled by `make_batch`; to be derived from.

    `begin`, called in setup, fixes the number of items, their order and the batches' size; reshape makes the tops as
    large as `next_size`. Chance is a function of the net's seed, the layer's name and the number of items drawn: a
    resumed run gets the same batches.
    """

    bottoms = Count(0)

    def make_batch(self, draws: list[tuple[int, int]]) -> tuple[np.ndarray, ...]:
        """The arrays of all tops, on the CPU, for these (draw, index) of `BatchOrder`; a thread may call it."""
        raise NotImplementedError(f"{type(self).__name__} has no make_batch")

    def begin(self, items: int, size: int, shuffle: bool, prefetch: bool = True) -> None:
        """Start at the first of so many items, `size` in a batch, in their order or in another one each epoch.

        prefetch: make the next batch in a thread while the net works on the present one.
        """
        self.size = size
        self.order = BatchOrder(items, shuffle, partial(self.generator, "order"))
        self._prefetch = prefetch
        self._prefetcher = Prefetcher(self.make_batch)
        self._stages = [Stage(self.xp) for _ in self.definition.top]
        self._pass_end: int | None = None

    @property
    def left_in_pass(self) -> int:
        """How many items of a pass are still to come; 0 outside of one."""
        return 0 if self._pass_end is None else max(0, self._pass_end - self.order.position)

    @property
    def next_size(self) -> int:
        """How many items the next batch has: `size`, or those that are left of a pass if they are fewer."""
        return min(self.size, self.left_in_pass or self.size)

    def begin_pass(self) -> None:
        """From here to `end_pass` batches give every item once, from an epoch's first on; the last one may be smaller.

        What is left of the present epoch is left out.
        """
        self.order.skip(-self.order.position % self.order.items)
        self._pass_end = self.order.position + self.order.items

    def end_pass(self) -> None:
        """Batches are `size` large again."""
        self._pass_end = None

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The next batch, as large as the first top's first axis; one that fails is not counted as given."""
        size = top[0].shape[0]
        arrays = self._prefetcher.take(self.order.peek(size))
        for blob, stage, array in zip(top, self._stages, arrays, strict=True):
            stage.load(array, blob)
        self.order.skip(size)
        if self._prefetch:
            self._prefetcher.prepare(self.order.peek(self.next_size))

    def state(self) -> dict[str, Any]:
        """How many items were drawn."""
        return self.order.state()

    def restore_state(self, state: dict[str, Any]) -> None:
        """Go on with the same items."""
        self.order.restore_state(state)

    def close(self) -> None:
        """End the thread, if there is one."""
        self._prefetcher.close()
