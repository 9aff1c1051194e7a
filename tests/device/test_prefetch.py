"""Prefetcher: what take gives with and without the thread, its errors, and when the thread ends."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from pysketch.device.prefetch import Prefetcher

ROOT = Path(__file__).parents[2]
PATIENCE = 30  # seconds until a thread that should have ended is said to hang


def our_threads() -> list[threading.Thread]:
    """The prefetchers' threads that are alive."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("pysketch-prefetch")]


class Maker:
    """A make function that gives (request, the thread that made it) and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, request: int) -> tuple[int, threading.Thread]:
        self.asked.append(request)
        return request, threading.current_thread()


def test_what_was_prepared_is_made_in_another_thread_and_only_once() -> None:
    make = Maker()
    prefetcher = Prefetcher(make)
    prefetcher.prepare(3)
    made, thread = prefetcher.take(3)
    assert (made, make.asked) == (3, [3])
    assert thread is not threading.current_thread()
    prefetcher.close()


def test_what_was_not_prepared_is_made_in_the_callers_thread_and_starts_none() -> None:
    prefetcher = Prefetcher(Maker())
    assert [prefetcher.take(k) for k in (5, 2)] == [(k, threading.current_thread()) for k in (5, 2)]
    assert our_threads() == []


def test_prepare_returns_while_make_is_at_work() -> None:
    go_on = threading.Event()
    prefetcher = Prefetcher(lambda request: (request, go_on.wait(PATIENCE)))
    prefetcher.prepare(1)
    go_on.set()
    assert prefetcher.take(1) == (1, True)
    prefetcher.close()


def test_what_was_prepared_for_another_request_is_dropped() -> None:
    make = Maker()
    prefetcher = Prefetcher(make)
    prefetcher.prepare(1)
    assert prefetcher.take(2) == (2, threading.current_thread())
    prefetcher.prepare(3)
    prefetcher.prepare(4)
    assert prefetcher.take(4)[0] == 4
    assert prefetcher.take(3) == (3, threading.current_thread())
    assert [request for request in make.asked if request not in (1, 3)] == [2, 4]  # 1 and 3 may not have begun
    prefetcher.close()


def test_a_prepared_thing_is_given_once() -> None:
    make = Maker()
    prefetcher = Prefetcher(make)
    prefetcher.prepare(1)
    assert [prefetcher.take(1)[0] for _ in range(2)] == [1, 1]
    assert make.asked == [1, 1]
    prefetcher.close()


def test_make_is_never_called_by_two_threads_at_a_time() -> None:
    begun, at_work, most = threading.Event(), [], []

    def make(request: int) -> int:
        at_work.append(request)
        most.append(len(at_work))
        begun.set()
        time.sleep(0.01)
        at_work.remove(request)
        return request

    prefetcher = Prefetcher(make)
    for k in range(5):
        begun.clear()
        prefetcher.prepare(k)
        begun.wait(PATIENCE)
        if k > 2:
            prefetcher.prepare(20 + k)
        assert prefetcher.take(10 + k) == 10 + k
    prefetcher.close()
    assert len(most) >= 10
    assert set(most) == {1}


def test_an_error_in_the_thread_is_raised_as_it_is_by_the_take_that_wants_it() -> None:
    errors = {1: KeyError("one"), 2: ValueError("two")}

    def make(request: int) -> int:
        if request in errors:
            raise errors[request]
        return request

    prefetcher = Prefetcher(make)
    prefetcher.prepare(1)
    with pytest.raises(KeyError) as caught:
        prefetcher.take(1)
    assert caught.value is errors.pop(1)
    assert prefetcher.take(1) == 1
    prefetcher.prepare(2)
    assert prefetcher.take(3) == 3
    prefetcher.close()


def test_the_callers_errstate_holds_in_the_thread() -> None:
    prefetcher = Prefetcher(lambda request: np.geterr()["over"])
    with np.errstate(over="raise"):
        prefetcher.prepare(1)
    assert prefetcher.take(1) == "raise"
    prefetcher.close()


def test_close_ends_the_thread_also_during_make_and_a_later_prepare_starts_another() -> None:
    make = Maker()
    prefetcher = Prefetcher(make)
    for _ in range(2):
        prefetcher.prepare(1)
        assert len(our_threads()) == 1
        prefetcher.close()
        assert our_threads() == []
    make.asked.clear()
    assert prefetcher.take(1) == (1, threading.current_thread())
    assert make.asked == [1]
    prefetcher.close()


def test_a_prefetcher_that_is_garbage_ends_its_thread() -> None:
    class Owner:
        def __init__(self) -> None:
            self.prefetcher = Prefetcher(self.make)

        def make(self, request: int) -> int:
            return request

    owner = Owner()
    owner.prefetcher.prepare(1)
    owner.prefetcher.take(1)
    owner.prefetcher.prepare(2)
    (thread,) = our_threads()
    del owner
    deadline = time.monotonic() + PATIENCE
    while thread.is_alive() and time.monotonic() < deadline:
        gc.collect()  # again, as make's owner is no garbage before make has ended
        thread.join(0.01)
    assert not thread.is_alive()


SLOW, BAD = "time.sleep(0.3)", "1 / 0"
EXIT, ERROR = "raise SystemExit(3)", "raise KeyError('end')"


@pytest.mark.parametrize(
    ("make", "end"),
    [
        (SLOW, ERROR),
        *(
            pytest.param(*both, marks=pytest.mark.slow)
            for both in [(SLOW, ""), (SLOW, EXIT), (BAD, ""), (BAD, EXIT), (BAD, ERROR)]
        ),
    ],
)
def test_an_interpreter_that_exits_without_close_does_not_hang_and_says_nothing(make: str, end: str) -> None:
    script = (
        "import time\nfrom pysketch.device.prefetch import Prefetcher\n"
        f"def make(request): {make}\nprefetcher = Prefetcher(make)\nprefetcher.prepare(1)\n{end}\n"
    )
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", script]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert result.returncode == {"": 0, "raise S": 3, "raise K": 1}[end[:7]]
    assert [line for line in result.stderr.splitlines() if "Error" in line] == ["KeyError: 'end'"] * (end[6:7] == "K")
