"""A working process of this one's: both ends of the pipes between them.

It is started with the same command line as its parent, and finds in its environment that it is to work (`place`). Jobs
come by its standard input, answers go by its standard output; what else it would print goes to standard error. It ends
when its input does, also where its parent was killed.
"""

from __future__ import annotations

import _thread
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any, BinaryIO

from pysketch.device import out_of_memory
from pysketch.errors import PysketchError
from pysketch.parallel.started import PLACE, Place
from pysketch.parallel.wire import pack, read_frame, unpack, write_frame

Work = Callable[[Iterable[Any]], Iterator[Any]]
"""Does jobs, and gives the result of each in their order; both are values that `pack` takes.

A process alone gives it all jobs at once, so that it may begin one before another is done; a working process gives it
one at a time."""

Event = tuple[int, bytes]
"""A worker's number, and what it says: a letter of those below, and what `pack` has made."""

READY = b"r"
"""It can begin; [lines that were printed on the way]."""
REFUSED = b"x"
"""It cannot; one line."""
DONE = b"d"
"""[a job's number, its result, lines that were printed]."""
FAILED = b"f"
"""[a job's number, ERROR, MEMORY or BUG, its text, lines that were printed]."""
ENDED = b"k"
"""Its process has ended, and was not told to; how."""

ERROR, MEMORY, BUG = "error", "memory", "bug"

LAST = 3.0
"""Seconds that a working process has to end when it is told to."""

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Worker:
    """A working process, as its parent sees it.

    command: starts it. events: gets what it says, and its end, with `number`, from a thread.
    """

    def __init__(self, command: Sequence[str], place: Place, events: SimpleQueue[Event], number: int) -> None:
        threads = str(place.threads)
        given = {name: os.environ.get(name, threads) for name in _THREADS}
        self._environment = {**os.environ, **given, PLACE: json.dumps(place)}
        self._command = list(command)
        self._events = events
        self._number = number
        self._process: subprocess.Popen[bytes] | None = None
        self._dismissed: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, which says READY or REFUSED, and is to be given nothing before."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with _unheard():
            self._process = subprocess.Popen(self._command, env=self._environment, **pipes)
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()

    def give(self, content: bytes) -> None:
        """A job's number and the job, as `pack` has made them of a list. That it has ended meanwhile is an event."""
        process = self._process
        if process:
            with contextlib.suppress(OSError, ValueError):
                write_frame(process.stdin, content)

    def dismiss(self) -> None:
        """Let it end; nothing more is heard of it."""
        process, self._process = self._process, None
        if process:
            with contextlib.suppress(OSError):
                process.stdin.close()
            self._dismissed = process

    def wait(self) -> None:
        """Return when one that was dismissed has ended; one that takes longer than `LAST` seconds is killed."""
        if self._dismissed:
            try:
                self._dismissed.wait(LAST)
            except subprocess.TimeoutExpired:
                self._dismissed.kill()
                self._dismissed.wait()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        with process.stdout:
            while (content := read_frame(process.stdout)) is not None:
                if process is self._process:
                    self._events.put((self._number, content))
        status = process.wait()
        if process is self._process:
            self._process = None
            with contextlib.suppress(OSError):
                process.stdin.close()
            self._events.put((self._number, ENDED + pack(_how_ended(status))))


def serve(begin: Callable[[], Work]) -> None:
    """Do the jobs that come to this working process, until its parent ends it.

    begin: what is needed for all of them, made once. What it and the jobs print to standard error is told by the
    parent.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    jobs, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")  # open to the end: a thread reads on
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError), _kept_from_stderr() as said:
        work_off(begin, jobs, answers, said, interrupt=_thread.interrupt_main)


def work_off(
    begin: Callable[[], Work],
    jobs: BinaryIO,
    answers: BinaryIO,
    said: Callable[[], list[str]],
    interrupt: Callable[[], object] = lambda: None,
) -> None:
    """Say READY or REFUSED, then do jobs until there are no more.

    said: gives the lines that were printed since it was last asked. interrupt: is called, from a thread, if the jobs
    end while one is being done.
    """
    waiting: SimpleQueue[bytes | None] = SimpleQueue()
    idle = threading.Event()

    def listen() -> None:
        with contextlib.suppress(ValueError):  # closed
            while (content := read_frame(jobs)) is not None:
                waiting.put(content)
        waiting.put(None)
        if not idle.is_set():
            interrupt()

    threading.Thread(target=listen, daemon=True).start()
    try:
        work = begin()
    except PysketchError as error:
        write_frame(answers, REFUSED + pack(str(error)))
        return
    write_frame(answers, READY + pack(said()))
    while True:
        idle.set()
        content = waiting.get()
        idle.clear()
        if content is None:
            return
        number, job = unpack(content)
        try:
            (result,) = work([job])
            answer = DONE + pack([number, result, said()])
        except Exception as error:
            answer = FAILED + pack([number, *_told(error), said()])
        write_frame(answers, answer)


def _told(error: Exception) -> tuple[str, str]:
    """What kind of error it is, and its text."""
    if isinstance(error, PysketchError):
        return ERROR, str(error)
    problem = out_of_memory(error)
    return (BUG, traceback.format_exc()) if problem is None else (MEMORY, problem)


@contextlib.contextmanager
def _kept_from_stderr() -> Iterator[Callable[[], list[str]]]:
    """Inside, what is printed to standard error is kept for whoever asks for it; after an error the rest is printed."""
    kept = io.StringIO()

    def said() -> list[str]:
        lines = kept.getvalue().splitlines()
        kept.seek(0)
        kept.truncate()
        return lines

    try:
        with contextlib.redirect_stderr(kept):
            yield said
    except (KeyboardInterrupt, BrokenPipeError):  # it was told to end: nobody asks any more
        raise
    except BaseException:
        sys.stderr.write(kept.getvalue())
        raise


class _unheard:
    """Signals wait inside that are meant for all: a process that is started here never hears them, its parent ends it.

    Ctrl-C goes to all of a terminal, what an mpirun passes on to all of a group.
    """

    def __enter__(self) -> None:
        if hasattr(signal, "pthread_sigmask"):
            self._before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})

    def __exit__(self, *error: object) -> None:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)


def _how_ended(status: int) -> str:
    """A process's exit status in words."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
