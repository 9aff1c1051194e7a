"""Filter: what is selected, in order, forward and back; and that the number may change."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer, refused

from pysketch.device.backend import Device
from pysketch.errors import NetdefError, ShapeError

TEXT = layer_text("Filter", ["a", "b", "s"], ["y", "z"])
CONTRACT = {"Filter": Case(TEXT, ((3, 2), (3, 2, 2), (3,)), ((3, 2), (3, 2, 2)))}


@pytest.mark.parametrize("selected", [[0, 2, 3], [1], [], [0, 1, 2, 3]])
def test_only_selected_items_come_through_and_only_they_get_a_diff(selected: list[int], device: Device) -> None:
    single = make_layer(TEXT, [(4, 2), (4, 3), (4, 1)], device=device)
    single.bottom[2].data[...] = 0
    single.bottom[2].data[selected] = -0.5
    tops = single.forward()
    for blob in single.bottom:
        blob.diff[...] = 7
    diffs = [np.random.default_rng(0).standard_normal(top.shape) for top in tops]
    single.backward(*diffs)
    for blob, top, diff in zip(single.bottom, tops, diffs, strict=False):
        np.testing.assert_array_equal(top, blob.data[selected])
        for n in range(4):
            right = diff[selected.index(n)] if n in selected else np.zeros_like(blob.diff[n])
            np.testing.assert_array_equal(blob.diff[n], right)


def test_what_does_not_fit_is_refused() -> None:
    text = layer_text("Filter", ["a", "s"], ["y", "z"])
    message = refused(NetdefError, make_layer, text, [(2, 3), (2,)], where="<netdef>:2")
    assert "takes one top fewer than bottoms (the last bottom selects), found 2 bottoms and 2 tops" in message
    with pytest.raises(ShapeError, match=r'expected 3 items, as many as "s" has numbers, found "b" \(2, 3\)'):
        make_layer(TEXT, [(3, 2), (2, 3), (3,)])
    with pytest.raises(ShapeError, match=r'expected 6 items, as many as "s" has numbers, found "a" \(3, 2\)'):
        make_layer(TEXT, [(3, 2), (3, 2), (3, 2)])
    with pytest.raises(NetdefError, match="a Filter layer cannot propagate down to its selector"):
        make_layer(TEXT, [(3, 2), (3, 2), (3,)]).backward(1.0, 1.0, propagate_down=[False, False, True])
