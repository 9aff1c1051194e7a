"""Axes as options name them."""

from __future__ import annotations

import pytest
from helpers import layer_text, make_layer

from pysketch.errors import ShapeError
from pysketch.layers.axes import canonical_axis, split_at


def test_an_axis_may_be_counted_from_the_end() -> None:
    layer = make_layer(layer_text("ReLU", ["x"]), [(2, 3)]).layer
    assert [canonical_axis(layer, axis, (2, 3, 5)) for axis in (0, 2, -1, -3)] == [0, 2, 2, 0]


@pytest.mark.parametrize("axis", [3, -4])
def test_an_axis_that_is_not_there_is_refused(axis: int) -> None:
    layer = make_layer(layer_text("ReLU", ["x"]), [(2, 3)]).layer
    with pytest.raises(ShapeError, match=rf'layer "it": axis {axis} is not one of a bottom of shape \(2, 3, 5\)'):
        canonical_axis(layer, axis, (2, 3, 5))


def test_a_shape_is_split_into_before_along_and_behind() -> None:
    assert split_at((2, 3, 5, 7), 1) == (2, 3, 35)
    assert split_at((2, 3), 1) == (2, 3, 1)
    assert split_at((2, 3), 0) == (1, 2, 3)
