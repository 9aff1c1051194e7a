"""Input: whose shapes win, and that the caller's data stay."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import Device
from pysketch.errors import NetdefError

CONTRACT = {
    "Input": Case(layer_text("Input", [], ["x"], "input_param { shape { dim: [2, 3, 5] } }"), (), ((2, 3, 5),)),
}


def make(shapes: str, tops: int = 2, **net_options: object) -> SingleLayer:
    """An Input layer with tops "y0", "y1", ..."""
    text = layer_text("Input", tops=[f"y{k}" for k in range(tops)], extra=f"input_param {{ {shapes} }}")
    return make_layer(text, **net_options)


def test_each_top_has_its_own_shape() -> None:
    single = make("shape { dim: [2, 3, 5] } shape { dim: 7 }")
    assert [blob.shape for blob in single.top] == [(2, 3, 5), (7,)]


def test_one_shape_is_for_all_tops() -> None:
    assert [blob.shape for blob in make("shape { dim: 2 dim: 3 }", tops=3).top] == [(2, 3)] * 3


def test_without_shapes_the_tops_are_scalars_until_the_caller_reshapes_them(device: Device) -> None:
    single = make("", device=device)
    assert [blob.shape for blob in single.top] == [(), ()]
    single.top[0].reshape(2, 5)
    single.top[0].data[...] = 4
    assert single.forward()[0].tolist() == [[4] * 5] * 2


def test_the_shapes_that_the_net_was_given_win() -> None:
    single = make("shape { dim: [2, 3] }", input_shapes={"y1": (4, 1, 2), "elsewhere": (9,)})
    assert [blob.shape for blob in single.top] == [(2, 3), (4, 1, 2)]


def test_forward_leaves_the_callers_shape_and_data(device: Device) -> None:
    single = make("shape { dim: [2, 3] }", device=device)
    single.top[1].reshape(1, 5)
    single.top[1].data[...] = np.arange(5)
    assert single.forward()[1].tolist() == [[0, 1, 2, 3, 4]]
    assert single.top[0].shape == (2, 3)


def test_two_shapes_for_three_tops_are_refused() -> None:
    message = r'<netdef>:2:\d+: layer "it": expected one shape for each of 3 tops, one for all, or none; found 2'
    with pytest.raises(NetdefError, match=message):
        make("shape { dim: 1 } shape { dim: 2 }", tops=3)


def test_a_negative_length_is_refused() -> None:
    with pytest.raises(NetdefError, match=r"BlobShape\.dim: expected at least 0, found -1"):
        make("shape { dim: -1 }")


def test_a_bottom_is_refused() -> None:
    with pytest.raises(NetdefError, match="a Input layer takes 0 bottom blobs, found 1"):
        make_layer(layer_text("Input", ["x"]), [(2, 3)])
