"""What every process may ask of all."""

import numpy as np
import pytest
from ranks import run_ranks

from pysketch.device.backend import array_module
from pysketch.parallel.communicator import ALONE, SMALL


def test_a_process_alone_keeps_what_it_has():
    array = np.arange(6.0).reshape(2, 3)
    ALONE.all_reduce(array)
    ALONE.begin_all_reduce(array)
    ALONE.finish()
    ALONE.broadcast(array)
    ALONE.wait_for_all()
    np.testing.assert_array_equal(ALONE.all_gather(array), np.arange(6.0).reshape(2, 3))
    assert ALONE.gather_texts("grün") == ["grün"]
    assert ALONE.own(5) == slice(0, 5)
    assert (ALONE.rank, ALONE.size, ALONE.local_rank, ALONE.local_size) == (0, 1, 0, 1)


def test_a_process_alone_has_no_others_to_end():
    with pytest.raises(NotImplementedError, match="a process alone has no others to end"):
        ALONE.abort(2)


def test_what_is_gathered_stands_in_rank_order():
    found = run_ranks(3, lambda together: together.all_gather(np.full((2, 1), together.rank, np.uint8)))
    for each in found:
        assert each.tolist() == [[0], [0], [1], [1], [2], [2]]


@pytest.mark.parametrize("count", [0, 1, 2, 7, SMALL, SMALL + 1, SMALL + 5])
def test_a_sum_is_made_in_rank_order_whatever_its_size(count):
    """1e16 + 1 - 1e16 is 0 in this order, and 1 in another."""
    values = [1e16, 1.0, -1e16]

    def work(together):
        array = np.full((count, 1), values[together.rank])
        together.all_reduce(array)
        return array

    for found in run_ranks(3, work):
        assert found.shape == (count, 1)
        assert (found == 0).all()


def test_a_sum_is_in_the_arrays_own_memory():
    def work(together):
        array = np.ones(SMALL + 3, np.float32)
        view = array[1:-1]
        together.all_reduce(view)
        return array

    found = run_ranks(2, work)[1]
    assert (found[0], found[-1]) == (1, 1)
    assert (found[1:-1] == 2).all()


def test_the_first_ones_values_are_broadcast():
    def work(together):
        array = np.full((3, 2), together.rank + 5)
        together.broadcast(array)
        return array

    assert [each.tolist() for each in run_ranks(3, work)] == [[[5, 5]] * 3] * 3


def test_parts_of_different_lengths_and_texts_are_gathered():
    def work(together):
        rows = np.full((together.rank, 2), together.rank)
        return [part.tolist() for part in together.gather_parts(rows)], together.gather_texts("é" * together.rank)

    for rows, texts in run_ranks(3, work):
        assert rows == [[], [[1, 1]], [[2, 2], [2, 2]]]
        assert texts == ["", "é", "éé"]


def test_arrays_on_a_gpu_are_passed_on_by_way_of_the_host(gpu):
    array_module(gpu.xp.zeros(1))  # what CuPy imports at the first call it imports in one thread

    def work(together):
        array = gpu.xp.full((2, 3), together.rank + 1.0)
        whole = together.all_gather(array)
        together.all_reduce(array)
        first = gpu.xp.full(2, together.rank)
        together.broadcast(first)
        return [type(each) is gpu.xp.ndarray for each in (array, whole)], whole.get(), array.get(), first.get()

    for on_gpu, whole, total, first in run_ranks(2, work):
        assert on_gpu == [True, True]
        assert whole[:, 0].tolist() == [1, 1, 2, 2]
        assert (total == 3).all()
        assert (first == 0).all()
