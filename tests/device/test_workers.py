import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from pysketch.device.workers import Arena, Workers


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_every_task_is_done_once():
    done = []
    Workers(4).run(lambda task, arena: done.append(task), range(30), np)
    assert sorted(done) == list(range(30))


def test_a_single_task_runs_in_the_calling_thread_and_no_tasks_do_nothing():
    threads = []
    workers = Workers(2)
    workers.run(lambda task, arena: threads.append(threading.current_thread()), [7], np)
    workers.run(lambda task, arena: threads.append(None), [], np)
    assert threads == [threading.current_thread()]


def test_no_more_tasks_run_at_once_than_there_are_threads_each_in_its_own_arena():
    busy, most, lock = set(), [], threading.Lock()

    def work(task, arena):
        with lock:
            assert id(arena) not in busy
            busy.add(id(arena))
            most.append(len(busy))
        time.sleep(0.002)
        with lock:
            busy.remove(id(arena))

    Workers(3).run(work, range(20), np)
    assert max(most) == 3


def test_the_callers_errstate_holds_in_the_workers():
    states, both = [], threading.Barrier(2, timeout=10)

    def work(task, arena):
        both.wait()
        states.append(np.geterr()["over"])

    with np.errstate(over="raise"):
        Workers(2).run(work, range(2), np)
    assert states == ["raise", "raise"]


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_stops_the_rest_and_is_raised_after_those_that_run_have_ended(failing):
    ended, both = [], threading.Barrier(2, timeout=10)

    def work(task, arena):
        if task < 2:
            both.wait()
        if task == failing:
            raise ValueError(f"task {task}")
        time.sleep(0.05)
        ended.append(task)

    with pytest.raises(ValueError, match=f"task {failing}"):
        Workers(2).run(work, range(9), np)
    assert ended == [1 - failing]


def test_an_index_error_in_a_task_is_not_taken_for_the_end():
    with pytest.raises(IndexError):
        Workers(2).run(lambda task, arena: [][1], [1, 2, 3], np)


def test_the_workspace_is_shared_out_after_what_all_use_together():
    workers = Workers(3, 1000)
    assert workers.number(np) == 3
    assert workers.room(np) == 333
    assert workers.room(np, shared=400) == 200
    assert workers.room(np, shared=2000) == 0


def test_blas_is_single_threaded_inside_and_as_before_outside():
    before = blas_threads()
    workers = Workers(2)
    with workers.single_threaded_blas():
        assert set(blas_threads()) <= {1}
    assert blas_threads() == before


def test_a_closed_pool_leaves_no_threads_and_no_memory_and_can_start_anew():
    before, both = set(threading.enumerate()), threading.Barrier(2, timeout=10)
    workers = Workers(2)

    def work(task, arena):
        both.wait()
        arena.reserve(task + 1, np)

    workers.run(work, range(2), np)
    workers.shared.reserve(10, np)
    started = set(threading.enumerate()) - before
    assert started
    assert workers.nbytes == 1 + 2 + 10
    workers.close()
    assert not any(thread.is_alive() for thread in started)
    assert workers.nbytes == 0
    workers.run(work, range(2), np)
    assert workers.nbytes == 1 + 2
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


def test_scratch_arrays_are_taken_back_at_the_end_of_their_block():
    arena = Arena()
    arena.reserve(4 * 64, np)
    kept = arena.take((2,), np.dtype("f8"))
    with arena.scratch():
        inside = arena.take((3,), np.dtype("f8"))
    after = arena.take((3,), np.dtype("f8"))
    assert np.shares_memory(inside, after)
    assert not np.shares_memory(kept, after)
