"""Split: one memory forward, the sum of the diffs backward."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import CPU, Device
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

CONTRACT = {
    "Split": Case(layer_text("Split", ["a"], ["x", "y", "z"]), ((2, 3, 4),), ((2, 3, 4),) * 3),
}

SHAPE = (2, 3, 5, 4)


def make(tops: int, device: Device = CPU) -> SingleLayer:
    """A split of "x" into so many tops."""
    return make_layer(layer_text("Split", ["x"], [f"y{k}" for k in range(tops)]), [SHAPE], device=device)


@pytest.mark.parametrize("tops", [1, 2, 3])
def test_every_top_is_the_bottoms_memory(tops: int) -> None:
    single = make(tops)
    single.forward()
    for blob in single.top:
        assert blob.shape == SHAPE
        assert np.shares_memory(blob.data, single.bottom[0].data)


@pytest.mark.parametrize("tops", [1, 2, 3])
def test_the_bottoms_diff_is_the_sum_of_the_tops_diffs(tops: int, device: Device) -> None:
    single = make(tops, device=device)
    single.forward()
    diffs = np.random.default_rng(1).standard_normal((tops, *SHAPE))
    single.bottom[0].diff[...] = 7
    single.backward(*diffs)
    np.testing.assert_allclose(single.bottom[0].diff, diffs.sum(axis=0), rtol=1e-12)
    np.testing.assert_array_equal([blob.diff for blob in single.top], diffs)


def test_the_tops_follow_a_bottom_of_another_size(device: Device) -> None:
    single = make(2, device=device)
    single.bottom[0].reshape(1, 2, 7)
    single.bottom[0].data[...] = 4
    assert [y.tolist() for y in single.forward()] == [np.full((1, 2, 7), 4.0).tolist()] * 2


def test_a_top_that_leads_to_no_loss_adds_nothing() -> None:
    text = """
        force_backward: true
        layer { name: "in" type: "Input" top: "x" top: "t" input_param { shape { dim: [2, 3] } } }
        layer { name: "used" type: "EuclideanLoss" bottom: "x" bottom: "t" top: "loss" }
        layer { name: "unused" type: "ReLU" bottom: "x" top: "y" }
    """
    net = Net(parse_netdef(text), Phase.TRAIN, Context(dtype=np.float64))
    net.blobs["x"].data[...] = 3
    net.forward()
    net.backward()
    np.testing.assert_array_equal(net.blobs["x"].diff, np.full((2, 3), 3 / 2))
