"""BatchReindex: items by their numbers, again and again."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer, refused

from pysketch.device.backend import Device
from pysketch.errors import DataError, NetdefError, ShapeError

TEXT = layer_text("BatchReindex", ["x", "i"])
CONTRACT = {"BatchReindex": Case(TEXT, ((3, 2, 2), (5,)), ((5, 2, 2),), whole={1: 3})}


def test_items_come_as_often_as_they_are_named_and_get_their_diffs_sum(device: Device) -> None:
    single = make_layer(TEXT, [(3, 2), (4,)], device=device)
    single.bottom[1].data[...] = numbers = [2, 0, 2, 2]
    (y,) = single.forward()
    dy = np.random.default_rng(0).standard_normal(y.shape)
    single.backward(dy)
    dx = np.zeros((3, 2))
    for m, n in enumerate(numbers):
        np.testing.assert_array_equal(y[m], single.bottom[0].data[n])
        dx[n] += dy[m]
    np.testing.assert_allclose(single.bottom[0].diff, dx, rtol=1e-12)


def test_what_does_not_fit_is_refused() -> None:
    single = make_layer(TEXT, [(3, 2), (2,)])
    single.bottom[1].data[...] = [0, 3]
    assert refused(DataError, single.forward, where="<netdef>:2").endswith('an index of "i" is 3; expected 0 to 2')
    with pytest.raises(ShapeError, match=r'\(N, ...\) and \(M,\), found "x" \(3, 2\) and "i" \(2, 1\)'):
        make_layer(TEXT, [(3, 2), (2, 1)])
    with pytest.raises(NetdefError, match="a BatchReindex layer cannot propagate down to its indices"):
        single.backward(1.0, propagate_down=[False, True])
