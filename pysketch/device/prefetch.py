"""One thread that makes the next thing, such as a batch, while the caller works on the present one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Generic, TypeVar

Request = TypeVar("Request")
Made = TypeVar("Made")


class Prefetcher(Generic[Request, Made]):
    """`take(request)` is make(request), which `prepare(request)` may have begun in the background.

    What was prepared for another request is dropped, so that the caller may change its mind at any time (a
    data layer does when it goes back to an earlier state), and what `take` gives never depends on the
    thread. make is called by one thread at a time. What it raises, `take` raises as it is, for the
    request that it belongs to; the next `take` of that request tries again.

    The thread starts with the first `prepare`. It ends with `close`, when the prefetcher is garbage, or
    when the interpreter exits, which waits for the one call of make that may be under way.
    """

    def __init__(self, make: Callable[[Request], Made]) -> None:
        self._make = make
        self._pool: ThreadPoolExecutor | None = None
        self._prepared: tuple[Request, Future[Made]] | None = None

    def prepare(self, request: Request) -> None:
        """Begin make(request) in the thread, in the caller's context (numpy.errstate and the like)."""
        self._drop()
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="pysketch-prefetch")
        self._prepared = request, self._pool.submit(copy_context().run, self._make, request)

    def take(self, request: Request) -> Made:
        """make(request): as prepared, or, if another request or none was, made here and now."""
        if self._prepared is None or self._prepared[0] != request:
            self._drop()
            return self._make(request)
        future = self._prepared[1]
        try:
            return future.result()
        finally:
            if future.done():  # not if Ctrl-C ended the wait
                self._prepared = None

    def close(self) -> None:
        """Drop what was prepared and end the thread; a later prepare starts another."""
        self._drop()
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _drop(self) -> None:
        """Forget what was prepared, good or bad, once make has ended."""
        if self._prepared is not None:
            future = self._prepared[1]
            if not future.cancel():
                wait([future])
            self._prepared = None
