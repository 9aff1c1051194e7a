"""BatchOrder: which items a data layer gives, over the ends of epochs and after a resume."""

from __future__ import annotations

import numpy as np
import pytest

from pysketch.layers.batch_order import BatchOrder


def make(items: int, shuffle: bool = False, seed: int = 0) -> BatchOrder:
    """An order whose epochs' generators come from the seed and the epoch."""
    return BatchOrder(items, shuffle, lambda epoch: np.random.default_rng([seed, epoch]))


def indices(order: BatchOrder, size: int) -> list[int]:
    """The next batch, without its draws."""
    return [index for _, index in order.next_batch(size)]


def test_unshuffled_batches_go_through_the_items_and_wrap_over_the_end() -> None:
    order = make(5)
    assert order.next_batch(3) == [(0, 0), (1, 1), (2, 2)]
    assert order.next_batch(3) == [(3, 3), (4, 4), (5, 0)]
    assert order.next_batch(1) == [(6, 1)]


def test_a_batch_larger_than_an_epoch_gives_items_several_times() -> None:
    assert indices(make(2), 5) == [0, 1, 0, 1, 0]


def test_shuffled_every_epoch_gives_every_item_once_in_its_own_order() -> None:
    order = make(7, shuffle=True)
    epochs = [indices(order, 7) for _ in range(3)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(7))] * 3
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]


def test_the_batch_size_does_not_change_the_shuffled_order() -> None:
    one, many = make(5, shuffle=True), make(5, shuffle=True)
    assert [index for _ in range(4) for index in indices(one, 3)] == indices(many, 12)


def test_another_seed_gives_another_order() -> None:
    assert indices(make(9, shuffle=True, seed=1), 9) != indices(make(9, shuffle=True, seed=2), 9)


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_peek_gives_the_next_batch_and_changes_nothing(shuffle: bool) -> None:
    order, untouched = make(5, shuffle), make(5, shuffle)
    for size in (3, 4, 12):  # within an epoch, over its end, over several
        peeked = order.peek(size)
        assert order.state() == untouched.state()
        order.skip(size)
        assert untouched.next_batch(size) == peeked


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("position", [0, 3, 5, 11])
def test_an_order_resumed_from_its_state_goes_on_the_same(position: int, shuffle: bool) -> None:
    order, resumed = make(5, shuffle), make(5, shuffle)
    order.next_batch(position)
    assert order.state() == {"position": position}
    resumed.restore_state(order.state())
    assert resumed.next_batch(8) == order.next_batch(8)


def test_it_can_go_back_to_an_earlier_state() -> None:
    order = make(5, shuffle=True)
    first = order.next_batch(7)
    order.restore_state({"position": 0})
    assert order.next_batch(7) == first


@pytest.mark.parametrize("position", [-1, 1.0, "3", None, True, [1]])
def test_a_state_that_is_no_position_is_refused(position: object) -> None:
    order = make(5)
    order.next_batch(2)
    with pytest.raises(ValueError, match="position must be a whole number, found"):
        order.restore_state({"position": position})
    assert order.state() == {"position": 2}


def test_a_state_without_a_position_is_refused() -> None:
    with pytest.raises(KeyError, match="position"):
        make(5).restore_state({})
