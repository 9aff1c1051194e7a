"""Jobs handed out one by one to whoever is free: this process alone, several of this machine, or those of an mpirun.

Results come in the order of the jobs, whoever made them and when. Jobs are done by working processes (`worker`), so
that one may be killed: what it was at goes back to the list. Under mpirun every rank has one, and rank 0 hands out to
all; the ranks' own processes only pass on what is said (`supervisor`).
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from pysketch.errors import ParallelError, PysketchError
from pysketch.parallel.communicator import ALONE, Communicator
from pysketch.parallel.started import Place
from pysketch.parallel.supervisor import BEAT, BYE, DISMISS, END, JOB, START
from pysketch.parallel.wire import pack, unpack
from pysketch.parallel.worker import (
    BUG,
    DONE,
    ENDED,
    FAILED,
    MEMORY,
    READY,
    REFUSED,
    Event,
    Work,
    Worker,
)

SILENT = 15.0
"""Seconds after which a rank of which nothing was heard is lost; each says something every second."""

HELD = 256 << 20
"""Bytes of results that may wait for an earlier one; then no further job is handed out."""

_SHORTEST, _LONGEST = 5e-4, 0.02  # seconds between two looks at what other ranks have sent
_PATIENCE = 5.0  # seconds that ranks have to say goodbye

ASLEEP, STARTING, FREE, BUSY, GONE = "asleep", "starting", "free", "busy", "gone"


class Lost(PysketchError):
    """A job whose working process was killed, and the one that tried it again, too: it stands in its result's place."""


@dataclass
class _Hand:
    """Somebody to hand jobs to. rank: where its working process is, if not here. deaths: in a row, without a result.

    quiet: seconds since a sign of its rank's life.
    """

    name: str
    worker: Worker | None
    rank: int = 0
    state: str = ASLEEP
    number: int | None = None
    begun: float = 0.0
    deaths: int = 0
    quiet: float = 0.0


class Hands:
    """Whoever does the jobs of a command; a call hands out a list of them. To be closed, and left, at the end.

    begin: makes what does jobs; where there is one process alone, it is this one that does, given all at once.
    command: starts a working process, which calls `serve`. communicator: of an mpirun, of which this is rank 0.
    threads: of each working process; None: an equal share of `cores`. tell: is given lines about what went wrong, and
    those that the others would print.

    count: how many working processes there may be; to be set before the first call. Under mpirun there is one a rank.
    """

    def __init__(
        self,
        begin: Callable[[], Work],
        command: Sequence[str],
        communicator: Communicator = ALONE,
        threads: int | None = None,
        cores: int = 1,
        tell: Callable[[str], object] = lambda line: None,
    ) -> None:
        self.count = 1
        self._begin, self._command, self._tell = begin, command, tell
        self._together, self._threads, self._cores = communicator, threads, cores
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._hands: list[_Hand] = []
        self._work: Work | None = None
        self._jobs = 0
        self._told: set[str] = set()
        self._refusals: list[str] = []
        self._typical = 0.0
        self._looked = 0.0

    @property
    def several(self) -> bool:
        """Whether others do the jobs, not this process."""
        return self.count > 1 or self._together.size > 1

    def __call__(
        self, jobs: Iterable[Any], name: Callable[[Any], str] = str, clean: Callable[[Any], object] = lambda job: None
    ) -> Iterator[Any]:
        """The result of each job, in their order; a `Lost` for one that has killed two working processes.

        jobs: values that `pack` takes; the next one is asked for when somebody is free to do it. name: what to call a
        job. clean: takes away what a killed process may have left of it. What a job raises is raised here in its turn:
        a PysketchError as one, too little memory too. If there is no end to it, whoever works is dismissed.
        """
        if isinstance(jobs, Sequence) and not jobs:
            return
        if not self.several:
            self._work = self._work or self._begin()
            yield from self._work(jobs)
            return
        self._set_up(len(jobs) if isinstance(jobs, Sequence) else None)
        ended = False
        try:
            yield from _Round(self, jobs, name, clean).results()
            ended = True
        finally:
            if not ended:
                self.close()

    def close(self) -> None:
        """Dismiss whoever works; a later call starts anew."""
        here = [hand.worker for hand in self._hands if hand.worker]
        for worker in here:
            worker.dismiss()
        for hand in self._hands:
            if hand.state in (STARTING, FREE, BUSY) and not hand.worker:
                self._together.post(hand.rank, DISMISS)
            hand.state, hand.number = GONE if hand.state is GONE else ASLEEP, None
        for worker in here:
            worker.wait()

    def leave(self) -> bool:
        """Close, and let the other ranks end; whether all of them are there to do so."""
        self.close()
        left = set(range(1, self._together.size)) - {hand.rank for hand in self._hands if self._is_lost(hand)}
        everybody = len(left) == self._together.size - 1
        for rank in left:
            self._together.post(rank, END + (b"" if everybody else BYE))
        end = time.monotonic() + _PATIENCE
        while left and time.monotonic() < end:
            left -= {rank for rank, content in self._together.arrived() if content[:1] == BYE} | self._together.lost
            time.sleep(_SHORTEST)
        return everybody and not left

    def _set_up(self, jobs: int | None) -> None:
        """Start whom so many jobs need (None: nobody knows how many)."""
        if not self._hands:
            size = self._together.size
            count = self.count if size == 1 else 1
            places = [Place(self._threads or max(1, self._cores // count), k) for k in range(count)]
            workers = [Worker(self._command, place, self._events, k) for k, place in enumerate(places)]
            if size == 1:
                self._hands = [_Hand(f"process {k + 1} of {count}", each) for k, each in enumerate(workers)]
            else:
                self._hands = [_Hand(f"rank {k} of {size}", None if k else workers[0], k) for k in range(size)]
        there = [hand for hand in self._hands if hand.state is not GONE]
        for hand in there[:jobs]:
            if hand.state is ASLEEP:
                self._start(hand)
        self._looked = time.monotonic()

    def _start(self, hand: _Hand) -> None:
        hand.state = STARTING
        if hand.worker:
            hand.worker.start()
        else:
            self._together.post(hand.rank, START)

    def _is_lost(self, hand: _Hand) -> bool:
        """Whether its rank's own process is dead, or silent for so long."""
        return not hand.worker and (hand.rank in self._together.lost or hand.quiet > SILENT)


class _Round:
    """One list of jobs, handed out."""

    def __init__(
        self, hands: Hands, jobs: Iterable[Any], name: Callable[[Any], str], clean: Callable[[Any], object]
    ) -> None:
        self._hands, self._name, self._clean = hands, name, clean
        self._jobs = iter(jobs)
        self._first = hands._jobs  # numbers go on from round to round, so that a late result is told from others
        self._open: dict[int, Any] = {}  # the jobs that are given out or come back
        self._again: dict[int, _Hand] = {}  # those that came back, and who lost them
        self._killed: Counter[int] = Counter()
        self._done: dict[int, bytes | Lost] = {}
        self._held = 0
        self._all_out = False

    def results(self) -> Iterator[Any]:
        """See `Hands`."""
        hands = self._hands
        while True:
            self._give()
            while self._first in self._done:
                answer = self._done.pop(self._first)
                self._first += 1
                self._held -= 0 if isinstance(answer, Lost) else len(answer)
                yield answer if isinstance(answer, Lost) else self._opened(answer)
                self._give()
            if self._all_out and not self._open:
                return
            if all(hand.state is GONE for hand in hands._hands):
                raise (
                    PysketchError(hands._refusals[0])
                    if hands._refusals
                    else ParallelError("no working process is left, and there is work: what ended them is told above")
                )
            self._wait()

    def _give(self) -> None:
        """A job to everybody who is free, as long as there are any."""
        hands = self._hands
        for hand in hands._hands:
            if hand.state is not FREE:
                continue
            number = self._next_for(hand)
            if number is None:
                continue
            hand.state, hand.number, hand.begun = BUSY, number, time.monotonic()
            content = pack([number, self._open[number]])
            if hand.worker:
                hand.worker.give(content)
            else:
                hands._together.post(hand.rank, JOB + content)

    def _next_for(self, hand: _Hand) -> int | None:
        """The number of a job that came back, for another than has lost it if there is any, or of the next one."""
        others = any(each is not hand and each.state is not GONE for each in self._hands._hands)
        for number, loser in sorted(self._again.items()):
            if loser is not hand or not others:
                del self._again[number]
                return number
        if self._held > HELD or self._all_out:
            return None
        try:
            job = next(self._jobs)
        except StopIteration:
            self._all_out = True
            return None
        number, self._hands._jobs = self._hands._jobs, self._hands._jobs + 1
        self._open[number] = job
        return number

    def _opened(self, answer: bytes) -> Any:
        """The result in an answer; or the error in it is raised."""
        values = unpack(answer[1:])
        for line in values[-1]:
            self._hands._tell(line)
        if answer[:1] == DONE:
            return values[1]
        kind, text = values[1:3]
        if kind == BUG:
            raise RuntimeError(f"in a working process:\n{text}")
        raise PysketchError(f"{text}; fewer processes need less" if kind == MEMORY else text)

    def _wait(self) -> None:
        """Until something is heard of one of the hands, or some time has passed."""
        hands = self._hands
        remote = hands._together.size > 1
        pause = min(_LONGEST, max(_SHORTEST, hands._typical / 100)) if remote else 1.0
        with contextlib.suppress(Empty):
            self._hear(*hands._events.get(timeout=pause))
        if remote:
            self._look()

    def _look(self) -> None:
        """What the other ranks have said; whether they live."""
        hands = self._hands
        now = time.monotonic()
        passed, hands._looked = min(1.0, now - hands._looked), now
        for rank, content in hands._together.arrived():
            hands._hands[rank].quiet = 0.0
            self._hear(rank, content)
        for hand in hands._hands:
            if hand.worker or hand.state is GONE:
                continue
            hand.quiet += passed
            if hands._is_lost(hand):
                hand.state = GONE
                self._take_back(hand, "is lost, there is no sign of its life", "it takes no further part")

    def _hear(self, key: int, content: bytes) -> None:
        """One thing that a hand has said."""
        hands = self._hands
        hand, letter = hands._hands[key], content[:1]
        if letter == BEAT or hand.state in (GONE, ASLEEP):
            return
        if letter == READY:
            hand.state = FREE
            for line in unpack(content[1:]):
                if line not in hands._told:
                    hands._told.add(line)
                    hands._tell(line if len(hands._told) == 1 else f"{hand.name}: {line}")
        elif letter == REFUSED:
            hand.state = GONE
            hands._refusals.append(unpack(content[1:]))
            if any(each.state in (FREE, BUSY) for each in hands._hands):
                hands._tell(f"{hand.name} takes no part: {hands._refusals[-1]}")
        elif letter == ENDED:
            self._ended(hand, unpack(content[1:]))
        elif letter in (DONE, FAILED):
            number, hand.number = hand.number, None
            hand.state, hand.deaths = FREE, 0
            seconds = time.monotonic() - hand.begun
            hands._typical = seconds if not hands._typical else 0.9 * hands._typical + 0.1 * seconds
            if number in self._open:
                del self._open[number]
                self._done[number] = content
                self._held += len(content)

    def _ended(self, hand: _Hand, how: str) -> None:
        """Its working process has died: another one takes its place, unless that does not help."""
        hand.deaths += 1
        others = any(each is not hand and each.state is not GONE for each in self._hands._hands)
        could_begin = hand.state is not STARTING or "killed" in how
        goes_on = could_begin and (hand.deaths < 2 or (hand.number is not None and not others))
        self._take_back(
            hand,
            f"lost its working process, which {how}",
            "another one is started" if goes_on else "it takes no further part",
        )
        if goes_on:
            self._hands._start(hand)
        else:
            hand.state = GONE

    def _take_back(self, hand: _Hand, what: str, *more: str) -> None:
        """What it was at goes back to the list, or, the second time, is given up."""
        number, hand.number = hand.number, None
        lines = [f"{hand.name} {what}"]
        if number in self._open:
            job = self._open[number]
            lines[0] += f", at {self._name(job)}"
            self._clean(job)
            self._killed[number] += 1
            if self._killed[number] < 2:
                self._again[number] = hand
                lines.append("that is given to another")
            else:
                del self._open[number]
                self._done[number] = Lost("two working processes were killed at it, one after the other")
        self._hands._tell("; ".join([*lines, *more]))
