"""Which items of a batch a layer is given, where several processes share the batch."""

from __future__ import annotations

from dataclasses import dataclass

from pysketch.parallel import ALONE, Communicator


@dataclass(frozen=True)
class Share:
    """Says of a layer's bottoms which of the batch's items they hold; by default all that there are.

    communicator: the processes each of which holds as many other items. A process alone may cut a batch into parts
    (micro_batch) and run the layer for each; number: to which of those `parts` the items belong. skipped: how many of
    that part's items stand before them; None: those of the ranks before. last: True if no more of the batch comes to
    this process.
    """

    communicator: Communicator = ALONE
    number: int = 0
    parts: int = 1
    skipped: int | None = None
    last: bool = True

    def before(self, items: int) -> int:
        """How many items of the part stand before the `items` that the layer is given."""
        return self.communicator.rank * items if self.skipped is None else self.skipped
