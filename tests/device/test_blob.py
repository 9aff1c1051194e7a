"""Blobs: when their arrays are made, shared and kept, and Caffe's names for their shape."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from pysketch.device.blob import Blob


def test_a_new_blob_is_all_zeros_in_its_shape_and_dtype() -> None:
    blob = Blob((2, 3), np.float64)
    for array in (blob.data, blob.diff):
        assert array.dtype == np.float64
        np.testing.assert_array_equal(array, np.zeros((2, 3)))


def test_by_default_it_is_a_float32_scalar() -> None:
    blob = Blob()
    assert (blob.shape, blob.count, blob.dtype) == ((), 1, np.float32)
    assert blob.data.shape == ()


def test_an_array_that_nobody_asks_for_costs_nothing() -> None:
    tracemalloc.start()
    blob = Blob((1000, 1000))
    before = tracemalloc.get_traced_memory()[0]
    blob.data[0, 0] = 1
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert before < 10_000
    assert 4_000_000 <= after < 4_100_000  # data, but no diff


def test_data_and_diff_are_apart_and_keep_what_is_written() -> None:
    blob = Blob((2, 3))
    blob.data[...] = 1
    blob.diff[1] = 2
    assert blob.data.tolist() == [[1, 1, 1], [1, 1, 1]]
    assert blob.diff.tolist() == [[0, 0, 0], [2, 2, 2]]


def test_data_and_diff_cannot_be_replaced_by_mistake() -> None:
    with pytest.raises(AttributeError):
        Blob((2,)).data = np.zeros(2)
    with pytest.raises(AttributeError):
        Blob((2,)).diff = np.zeros(2)


def test_values_survive_a_reshape_of_as_many_elements() -> None:
    blob = Blob((2, 3))
    blob.data[...] = np.arange(6).reshape(2, 3)
    blob.reshape(3, 2)
    assert blob.data.tolist() == [[0, 1], [2, 3], [4, 5]]


def test_a_reshape_to_another_number_of_elements_starts_with_zeros() -> None:
    blob = Blob((2, 3))
    blob.data[...] = 1
    blob.diff[...] = 1
    blob.reshape(2, 2)
    assert blob.data.tolist() == blob.diff.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ((1,), (1,)),
        ((2, 3), (2, 3)),
        (((2, 3),), (2, 3)),
        (([2, 3],), (2, 3)),
        ((), ()),
        (((),), ()),
        ((np.int64(4),), (4,)),
    ],
)
def test_a_shape_is_given_as_numbers_or_as_one_tuple(arguments: tuple, shape: tuple[int, ...]) -> None:
    blob = Blob((7,))
    blob.reshape(*arguments)
    assert blob.shape == blob.data.shape == shape
    assert all(type(n) is int for n in blob.shape)


def test_shared_data_are_one_memory_and_diffs_stay_apart() -> None:
    one, other = Blob((2, 3)), Blob((2, 3))
    other.share_data(one)
    one.data[...] = 5
    one.diff[...] = 6
    assert (other.data == 5).all()
    assert not other.diff.any()
    other.data[0, 0] = 7
    assert one.data[0, 0] == 7


def test_shared_diffs_are_one_memory_and_data_stay_apart() -> None:
    one, other = Blob((2, 3)), Blob((2, 3))
    other.share_diff(one)
    other.diff[...] = 5
    other.data[...] = 6
    assert (one.diff == 5).all()
    assert not one.data.any()


def test_a_shared_memory_is_seen_in_each_blobs_own_shape() -> None:
    one, other = Blob((2, 3)), Blob((6,))
    other.share_data(one)
    one.data[...] = np.arange(6).reshape(2, 3)
    assert other.data.tolist() == [0, 1, 2, 3, 4, 5]
    assert one.data.shape == (2, 3)


def test_blobs_share_memory_that_is_made_after_the_sharing() -> None:
    one, other, third = Blob((2,)), Blob((2,)), Blob((2,))
    other.share_data(one)
    third.share_data(other)
    third.data[...] = 3
    assert one.data.tolist() == [3, 3]


def test_a_held_array_is_the_data_itself_and_gives_its_shape() -> None:
    array = np.arange(6, dtype=np.float32).reshape(3, 2)
    blob = Blob((5,))
    blob.hold_data(array)
    assert blob.data is array
    assert blob.shape == (3, 2)


def test_a_held_diff_is_the_diff_itself() -> None:
    array = np.ones((3, 2), np.float32)
    blob = Blob((3, 2))
    blob.hold_diff(array)
    assert blob.diff is array
    assert not blob.data.any()


def test_whoever_shares_a_memory_sees_the_array_that_is_held_in_it() -> None:
    one, other = Blob((2,)), Blob((2,))
    other.share_data(one)
    one.hold_data(np.array([1, 2], np.float32))
    assert other.data.tolist() == [1, 2]


def test_data_that_are_borrowed_come_from_the_lender_when_asked_for_and_again_at_another_size() -> None:
    one, other = Blob((2, 3)), Blob((6,))
    other.share_data(one)
    one.data[...] = 1
    asked = []

    def lend(shape: tuple[int, ...]) -> np.ndarray:
        asked.append(shape)
        return np.full(shape, 7, np.float32)

    one.borrow_data(lend)
    assert asked == []
    assert other.data.tolist() == [7] * 6
    assert one.data.tolist() == [[7] * 3] * 2
    one.reshape(2, 2)
    assert one.data.tolist() == [[7, 7], [7, 7]]
    assert asked == [(6,), (2, 2)]
    assert not one.diff.any()


def test_blobs_that_share_data_have_one_place() -> None:
    one, other = Blob((2,)), Blob((2,))
    assert one.place is not other.place
    other.share_data(one)
    assert one.place is other.place


@pytest.mark.parametrize(
    ("shape", "legacy"),
    [((2, 3, 5, 7), (2, 3, 5, 7)), ((2, 3), (2, 3, 1, 1)), ((), (1, 1, 1, 1)), ((2, 3, 5, 7, 11), (2, 3, 5, 7))],
)
def test_caffes_legacy_names_are_the_first_four_axes(shape: tuple[int, ...], legacy: tuple[int, ...]) -> None:
    blob = Blob(shape)
    assert (blob.num, blob.channels, blob.height, blob.width) == legacy


@pytest.mark.parametrize(("shape", "count"), [((2, 3, 5), 30), ((), 1), ((4, 0), 0)])
def test_count_is_the_number_of_elements(shape: tuple[int, ...], count: int) -> None:
    blob = Blob(shape)
    assert blob.count == blob.data.size == count


def test_it_shows_its_shape_and_dtype() -> None:
    assert repr(Blob((2, 3))) == "Blob(shape=(2, 3), dtype=float32)"
