import os
import threading

import numpy as np
import pytest

from pysketch.device.cores import own_cores, shared_out
from pysketch.device.workers import Workers

needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system does not let a process say where it runs"
)


def cores_here():
    return os.sched_getaffinity(0)


needs_two_cores = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or len(cores_here()) < 2, reason="this process may use one core only"
)


def test_groups_are_disjoint_about_equally_large_and_have_all_cores():
    groups = shared_out(frozenset({0, 2, 3, 5, 7, 8, 11}), 3, 5)
    assert frozenset().union(*groups) == {0, 2, 3, 5, 7, 8, 11}
    assert sum(map(len, groups)) == 7
    assert {len(group) for group in groups} == {2, 3}


@pytest.mark.parametrize("first", [0, 2, 3, 5])
def test_the_first_group_has_the_core_that_is_asked_for(first):
    assert first in shared_out(frozenset({0, 2, 3, 5}), 3, first)[0]


def test_a_core_that_may_not_be_used_is_in_no_group():
    assert shared_out(frozenset({1, 4}), 2, 3) == [{1}, {4}]


def test_more_threads_than_cores_are_not_placed():
    assert shared_out(frozenset({0, 1}), 3, 0) == []


@needs_two_cores
def test_the_caller_keeps_to_its_group_inside_and_may_use_all_cores_after_an_error():
    before = cores_here()
    with pytest.raises(ZeroDivisionError), own_cores(2) as groups:
        assert cores_here() == groups[0] != before
        raise ZeroDivisionError
    assert cores_here() == before


@needs_affinity
def test_one_thread_is_left_where_it_is():
    before = cores_here()
    with own_cores(1) as groups:
        assert groups == []
        assert cores_here() == before


@needs_two_cores
def test_workers_that_work_at_once_are_on_cores_of_their_own():
    seen, both, before = [], threading.Barrier(2, timeout=10), cores_here()

    def work(task, arena):
        both.wait()
        seen.append(frozenset(cores_here()))

    workers = Workers(2)
    for _ in range(3):
        workers.run(work, range(2), np)
        first, second = seen[-2:]
        assert first and second
        assert not first & second
    assert cores_here() == before
    workers.close()


def test_a_system_that_does_not_place_threads_gets_the_same_work_done(monkeypatch):
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    done = []
    workers = Workers(2)
    workers.run(lambda task, arena: done.append(task), range(5), np)
    workers.close()
    assert sorted(done) == list(range(5))


@needs_affinity
def test_a_system_that_refuses_is_obeyed(monkeypatch):
    def refuse(thread, cores):
        raise PermissionError("not here")

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    done = []
    workers = Workers(2)
    workers.run(lambda task, arena: done.append(task), range(5), np)
    workers.close()
    assert sorted(done) == list(range(5))
