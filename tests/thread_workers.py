"""Working processes that are threads of this one, for tests of who is handed what."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any

from pysketch.parallel import worker
from pysketch.parallel.started import Place
from pysketch.parallel.wire import pack, unpack
from pysketch.parallel.worker import Event, Work


def each(begin: Callable[[Place], Callable[[Any], Any]]) -> Callable[[Place], Work]:
    """What makes a `Work`, of what makes something that does one job."""
    return lambda place: partial(map, begin(place))


class Killed(BaseException):
    """Raised by work at which its process is killed."""


class ThreadWorker:
    """What `Worker` is, but for the process. begin: as of `serve`; it may take the place as well."""

    started = 0

    def __init__(
        self,
        begin: Callable[[Place], Work],
        command: Sequence[str],
        place: Place,
        events: SimpleQueue[Event],
        number: int,
    ) -> None:
        self._begin, self._place, self._events, self._number = begin, place, events, number
        self._thread: threading.Thread | None = None
        self._jobs: SimpleQueue[bytes | None] = SimpleQueue()

    def start(self) -> None:
        ThreadWorker.started += 1
        self._jobs = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, args=(self._jobs,), daemon=True)
        self._thread.start()

    def give(self, content: bytes) -> None:
        self._jobs.put(content)

    def dismiss(self) -> None:
        self._jobs.put(None)

    def wait(self) -> None:
        if self._thread:
            self._thread.join(30)
            self._thread = None

    def _serve(self, jobs: SimpleQueue[bytes | None]) -> None:
        def say(letter: bytes, value: object) -> None:
            self._events.put((self._number, letter + pack(value)))

        try:
            work = self._begin(self._place)
        except worker.PysketchError as error:
            say(worker.REFUSED, str(error))
            return
        say(worker.READY, [f"at {self._place.threads}"])
        while (content := jobs.get()) is not None:
            number, job = unpack(content)
            try:
                (result,) = work([job])
                say(worker.DONE, [number, result, []])
            except Killed as how:
                say(worker.ENDED, str(how))
                return
            except Exception as error:
                say(worker.FAILED, [number, *worker._told(error), []])
