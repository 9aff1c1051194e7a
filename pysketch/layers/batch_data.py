"""What data layers share that make batches of drawn items: the order, the thread for the next batch, the state."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from pysketch.device import Blob, Prefetcher, Stage
from pysketch.errors import DataError, counted
from pysketch.layers.base import Count, Layer
from pysketch.layers.batch_order import BatchOrder
from pysketch.layers.share import Share
from pysketch.netdef import Phase
from pysketch.parallel import Communicator


class BatchData(Layer):
    """A layer without bottoms whose tops are filled by `make_batch`; to be derived from.

    `begin`, called in setup, fixes the number of items, their order and the batches' size; reshape makes the tops as
    large as `next_size`. Chance is a function of the net's seed, the layer's name and the number of items drawn: a
    resumed run gets the same batches, and processes that `divide` them get together what one process would.
    """

    bottoms = Count(0)
    stride = 1
    """Of so many batches one is asked for, and the others are skipped: which one is made ahead."""

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

    def check_size(self, size: int) -> None:
        """DataError if batches of so many items cannot be shared out among the processes that train.

        To be called in setup before the data are read, which may take long; 0 items, for all that there are, will do.
        """
        if self.phase == Phase.TRAIN:
            self._check_parts(size, self.context.communicator.size)

    def divide(self, communicator: Communicator) -> None:
        """From here on give only this process's part of every batch: the first process the first items, and so on.

        DataError if the batches cannot be cut into equal parts.
        """
        self._check_parts(self.size, communicator.size)
        self.share = Share(communicator)

    def digest(self) -> str:
        """A short text that is the same in processes whose data are: how many items, how they come, what they are."""
        checksum = 0
        for part in self.contents():
            checksum = zlib.crc32(part, checksum)
        return f"{self.order.items} items, {self.size} in a batch, shuffled: {self.order.shuffle}, {checksum:08x}"

    def contents(self) -> Iterator[bytes]:
        """As much of the data as is looked at quickly, for `digest`; a derived class says which."""
        yield b""

    @property
    def left_in_pass(self) -> int:
        """How many items of a pass are still to come; 0 outside of one."""
        return 0 if self._pass_end is None else max(0, self._pass_end - self.order.position)

    @property
    def next_size(self) -> int:
        """How many items the next batch has here: `size`, or those that are left of a pass if they are fewer.

        Of a divided batch: this process's part.
        """
        return min(self.size, self.left_in_pass or self.size) // self.share.communicator.size

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
        arrays = self._prefetcher.take(self._peek(size))
        for blob, stage, array in zip(top, self._stages, arrays, strict=True):
            stage.load(array, blob)
        self._skip(size)
        if self._prefetch:
            self._prepare_next()

    @property
    def leaves_traces(self) -> bool:
        """No: `skip_batch` does for later batches what a forward does."""
        return False

    def skip_batch(self) -> None:
        """Count the next batch as given, without making it."""
        self._skip(self.next_size)

    def _check_parts(self, size: int, processes: int) -> None:
        if size % processes:
            raise self.error(
                f"batches of {counted(size, 'item')} cannot be shared out among {processes} processes; give a multiple "
                f"of {processes}, such as --set {self.name}.batch_size={-(-size // processes) * processes}",
                DataError,
            )

    def _prepare_next(self) -> None:
        """Begin to make the batch that will be asked for next; past the end of a pass there is none."""
        position = self.order.position
        self.order.skip((self.stride - 1) * self.size)
        if self.stride == 1 or self._pass_end is None or self.left_in_pass:
            self._prefetcher.prepare(self._peek(self.next_size))
        self.order.position = position

    def _peek(self, size: int) -> list[tuple[int, int]]:
        """The next batch, as (draw, index), of which `size` items are this process's."""
        return self.order.peek(size, self.share.before(size))

    def _skip(self, size: int) -> None:
        self.order.skip(size * self.share.communicator.size)

    def state(self) -> dict[str, Any]:
        """How many items were drawn."""
        return self.order.state()

    def restore_state(self, state: dict[str, Any]) -> None:
        """Go on with the same items."""
        self.order.restore_state(state)

    def close(self) -> None:
        """End the thread, if there is one."""
        self._prefetcher.close()
