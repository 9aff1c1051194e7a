"""Waiting is told from communication, and nothing else changes."""

import time

import numpy as np
import pytest
from ranks import run_ranks

from pysketch.benchmark.stamps import StampedCommunicator
from pysketch.parallel.communicator import ALONE

LATE = 0.1


def test_who_comes_early_waits_and_who_comes_late_does_not():
    def work(inner):
        together = StampedCommunicator(inner)
        together.stamping = True
        if together.rank == 1:
            time.sleep(LATE)
        array = together.all_gather(np.full(3, together.rank))
        return together.waited, together.communicated, array.tolist()

    (early, sending, one), (late, _, other) = run_ranks(2, work)
    assert one == other == [0, 0, 0, 1, 1, 1]
    assert early > late + 0.5 * LATE
    assert sending < early


def test_what_a_slow_exchange_takes_is_communication():
    def work(inner):
        together = StampedCommunicator(inner)
        exchange, finish = inner.exchange, inner.finish
        together.stamping = True
        inner.exchange = lambda sends, receives: (time.sleep(LATE * (sends[0][1].size > 1)), exchange(sends, receives))
        inner.finish = lambda: (time.sleep(LATE), finish())
        together.all_gather(np.zeros(3))
        together.finish()
        return together.waited, together.communicated

    for waited, communicated in run_ranks(2, work):
        assert communicated > 2 * LATE
        assert waited < communicated


def test_sums_are_the_others_own_and_only_asked_for_exchanges_are_counted():
    def work(inner):
        together = StampedCommunicator(inner)
        assert (together.rank, together.size, together.local_size) == (inner.rank, 3, 3)
        array = np.full(5, together.rank)
        together.begin_all_reduce(array)
        together.finish()
        together.wait_for_all()
        return array.tolist(), together.exchanges, together.waited

    assert run_ranks(3, work) == [([3] * 5, 1, 0.0)] * 3


def test_sums_that_go_on_behind_the_callers_back_stay_there():
    class Behind(type(ALONE)):
        size, overlaps, begun = 2, True, 0

        def begin_all_reduce(self, array):
            self.begun += 1

    inner = Behind()
    together = StampedCommunicator(inner)
    together.begin_all_reduce(np.zeros(9))
    assert (inner.begun, together.exchanges) == (1, 0)
    with pytest.raises(NotImplementedError):
        together.abort(1)
