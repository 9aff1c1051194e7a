"""Axes as options name them."""

from __future__ import annotations

import pytest
from helpers import layer_text, make_layer

from pysketch.device.blob import Blob
from pysketch.errors import ShapeError
from pysketch.layers.axes import canonical_axis, check_items, split_at


def test_an_axis_may_be_counted_from_the_end() -> None:
    layer = make_layer(layer_text("ReLU", ["x"]), [(2, 3)]).layer
    assert [canonical_axis(layer, axis, (2, 3, 5)) for axis in (0, 2, -1, -3)] == [0, 2, 2, 0]


@pytest.mark.parametrize("axis", [3, -4])
def test_an_axis_that_is_not_there_is_refused(axis: int) -> None:
    layer = make_layer(layer_text("ReLU", ["x"]), [(2, 3)]).layer
    with pytest.raises(ShapeError, match=rf'layer "it": axis {axis} is not one of a bottom of shape \(2, 3, 5\)'):
        canonical_axis(layer, axis, (2, 3, 5))


@pytest.mark.parametrize(
    ("a", "b", "good"),
    [
        ((4, 1), (4,), True),
        ((4, 5), (4, 5, 1, 1), True),
        ((4, 6), (4, 2, 3), True),
        ((4, 6), (6, 4), False),
        ((24,), (4, 6), False),
        ((4, 6), (4, 5), False),
        ((0, 3), (0, 3), False),
        ((), (), False),
        ((1,), (), False),
    ],
)
def test_items_are_as_many_and_each_of_as_many_numbers(a, b, good) -> None:
    layer = make_layer(layer_text("EuclideanLoss", ["a", "b"]), [(2, 3), (2, 3)]).layer
    if good:
        check_items(layer, [Blob(a), Blob(b)])
        return
    with pytest.raises(ShapeError, match=r'"a" \(.*\) and "b" \(.*\) must have equally many items \(axis 0\)'):
        check_items(layer, [Blob(a), Blob(b)])


def test_a_shape_is_split_into_before_along_and_behind() -> None:
    assert split_at((2, 3, 5, 7), 1) == (2, 3, 35)
    assert split_at((2, 3), 1) == (2, 3, 1)
    assert split_at((2, 3), 0) == (1, 2, 3)
