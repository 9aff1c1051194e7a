"""What an mpirun's process does while others hand out and work: it has one working process, and passes on what is said.

By itself MPI ends all processes when one dies. What may be killed, by the system for its memory or by a library's
fault, is therefore a child of the rank's process, which says so, and can start another one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from pysketch.parallel.communicator import Communicator
from pysketch.parallel.started import Place
from pysketch.parallel.worker import Event, Worker

START, JOB, DISMISS, END = b"S", b"J", b"Q", b"E"
"""What rank 0 says: start a working process; here is a job; dismiss it; the end (`BYE` after it: some are lost)."""
BEAT, BYE = b"b", b"y"
"""What a rank itself says: it is there; it ends."""

PERIOD = 1.0
"""Seconds between two signs of life."""

_QUICK, _SLOW = 5e-4, 0.02  # seconds between two looks at what rank 0 has sent: after a word, and later
_LIVELY = 0.1  # seconds after a word for which another one may follow


def supervise(
    together: Communicator, command: Sequence[str], place: Place, told_to_end: Callable[[], bool] = lambda: False
) -> bool:
    """Serve rank 0 until it says the end, or, if it says nothing more, `told_to_end` does.

    True if all ranks are there to end together.
    """
    events: SimpleQueue[Event] = SimpleQueue()
    worker = Worker(command, place, events, together.rank)
    last = beat = 0.0
    while not told_to_end():
        now = time.monotonic()
        if now - beat >= PERIOD and together.posted():
            together.post(0, BEAT)
            beat = now
        quick = now - last < _LIVELY or not together.posted()
        try:
            _, content = events.get(timeout=_QUICK if quick else _SLOW)
            together.post(0, content)
            last = now
        except Empty:
            pass
        for _, content in together.arrived():
            last = now
            letter = content[:1]
            if letter == START:
                worker.start()
            elif letter == JOB:
                worker.give(content[1:])
            elif letter == DISMISS:
                worker.dismiss()
                worker.wait()
            elif letter == END:
                worker.dismiss()
                worker.wait()
                together.post(0, BYE)
                while not together.posted():
                    time.sleep(_QUICK)
                return content == END
    worker.dismiss()
    worker.wait()
    return False
