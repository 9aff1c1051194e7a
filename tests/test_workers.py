import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from pysketch.workers import Arena, Workers


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_every_worker_runs_once_with_its_number():
    seen = []
    Workers(4).run(seen.append, 3)
    assert sorted(seen) == [0, 1, 2]


def test_a_single_worker_runs_in_the_calling_thread():
    threads = []
    Workers(2).run(lambda k: threads.append(threading.current_thread()), 1)
    assert threads == [threading.current_thread()]


def test_the_callers_errstate_holds_in_the_workers():
    with np.errstate(over="raise"):
        states = []
        Workers(2).run(lambda k: states.append(np.geterr()["over"]), 2)
    assert states == ["raise", "raise"]


def test_an_error_in_a_worker_is_raised_after_the_others_have_ended():
    ended = []

    def work(k):
        if k == 0:
            raise ValueError("worker 0")
        ended.append(k)

    with pytest.raises(ValueError, match="worker 0"):
        Workers(3).run(work, 3)
    assert sorted(ended) == [1, 2]


def test_blas_is_single_threaded_inside_and_as_before_outside():
    before = blas_threads()
    workers = Workers(2)
    with workers.single_threaded_blas():
        assert set(blas_threads()) <= {1}
    assert blas_threads() == before


def test_a_closed_pool_leaves_no_threads_and_no_memory_and_can_start_anew():
    before = set(threading.enumerate())
    workers = Workers(3)
    workers.run(lambda k: workers.arenas[k].reserve(k + 1, np), 3)
    started = set(threading.enumerate()) - before
    assert started
    assert sum(arena.nbytes for arena in workers.arenas) == 1 + 2 + 3
    workers.close()
    assert not any(thread.is_alive() for thread in started)
    assert sum(arena.nbytes for arena in workers.arenas) == 0
    seen = []
    workers.run(seen.append, 2)
    assert sorted(seen) == [0, 1]
    workers.close()


def test_by_default_there_are_as_many_workers_as_cores_to_use():
    assert Workers().threads >= 1
    assert len(Workers().arenas) == Workers().threads


def test_an_arena_cuts_aligned_arrays_that_do_not_overlap_and_takes_them_back():
    arena = Arena()
    arena.reserve(4 * 64, np)
    first, second = arena.take((3, 5), np.dtype("f4")), arena.take((2, 7), np.dtype("f8"))
    first[...], second[...] = 1, 2
    assert (first == 1).all()
    assert (first.dtype, second.dtype) == (np.float32, np.float64)
    assert (second.ctypes.data - first.ctypes.data) % 64 == 0
    arena.reserve(4 * 64, np)
    assert np.shares_memory(arena.take((3, 5), np.dtype("f4")), first)
    assert arena.nbytes == 4 * 64
    arena.reserve(5000, np)
    assert arena.nbytes == 5000
