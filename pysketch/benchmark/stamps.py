"""A communicator that tells waiting from communication, for `--grow ranks` of tools/benchmark.py.

An exchange lasts until the slowest process has come to it, and then until the bytes are there. To tell the two apart,
each process first tells all others that it has come, and waits until all have (`wait_for_all`): until then it was
waiting, what follows is communication. The same before the end of the sums that go on behind the backward pass: what
they still take when all have come is what could not be hidden; what they took before is not seen here but where it
slows the computing down, as the thread that sums takes its time from the same cores.

It costs one exchange of a byte more for every exchange, and nothing else: nobody could have gone on before the slowest
had come. Steps are therefore timed without the stamps as well, and both times are shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NoReturn

from pysketch.device import Array
from pysketch.parallel import Communicator, Message


class StampedCommunicator(Communicator):
    """Another communicator's exchanges. While `stamping`, `waited` and `communicated` add up seconds of this process.

    exchanges: how many this process has begun itself, without the stamps and those behind the backward pass.
    """

    def __init__(self, inner: Communicator) -> None:
        self.rank, self.size = inner.rank, inner.size
        self.local_rank, self.local_size = inner.local_rank, inner.local_size
        self.overlaps = inner.overlaps
        self.stamping = False
        self.waited = self.communicated = 0.0
        self.exchanges = 0
        self._inner = inner

    def exchange(self, sends: list[Message], receives: list[Message]) -> None:
        """The other's, stamped."""
        self.exchanges += 1
        self._stamped(lambda: self._inner.exchange(sends, receives))

    def begin_all_reduce(self, array: Array) -> None:
        """The other's; where that does not go on behind the caller's back, by stamped exchanges."""
        if self.overlaps:
            self._inner.begin_all_reduce(array)
        else:
            self.all_reduce(array)

    def finish(self) -> None:
        """The other's, stamped."""
        self._stamped(self._inner.finish)

    def wait_for_all(self) -> None:
        """The other's, never stamped."""
        self._inner.wait_for_all()

    def abort(self, status: int) -> NoReturn:
        """The other's."""
        self._inner.abort(status)

    def _stamped(self, work: Callable[[], object]) -> None:
        if not self.stamping:
            work()
            return
        begun = time.perf_counter()
        self._inner.wait_for_all()
        come = time.perf_counter()
        work()
        self.waited += come - begun
        self.communicated += time.perf_counter() - come
