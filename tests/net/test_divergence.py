"""Where numbers have ceased to be finite."""

import numpy as np
import pytest

from pysketch.net.divergence import first_not_finite, is_finite
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

NETDEF = """
layer { name: "data" type: "Input" top: "x" top: "t" input_param { shape { dim: [2, 3] } shape { dim: [2, 2] } } }
layer { name: "c" type: "InnerProduct" bottom: "x" top: "b"
        inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "b" bottom: "t" top: "loss" }
"""


def make():
    net = Net(parse_netdef(NETDEF), Phase.TRAIN)
    net.blobs["x"].data[...] = 1
    net.forward()
    return net


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, True), (3e38, True), (np.inf, False), (-np.inf, False), (np.nan, False)]
)
def test_an_array_is_finite_if_all_its_elements_are_even_if_their_sum_is_not(value, expected):
    array = np.full((2, 3), 3e38, np.float32)
    array[1, 2] = value
    assert is_finite(array) == expected


def test_a_finite_net_has_no_place_that_is_not_finite():
    net = make()
    net.backward()
    assert first_not_finite(net) is None


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (lambda net: net.blobs["x"].data, 'layer "data", top "x", data'),
        (lambda net: net.blobs["b"].data, 'layer "c", top "b", data'),
        (lambda net: net.params["c"][0].data, 'layer "c", param 0, data'),
        (lambda net: net.params["c"][1].diff, 'layer "c", param 1, diff'),
        (lambda net: net.blobs["loss"].data, 'layer "loss", top "loss", data'),
    ],
)
def test_the_first_value_that_is_not_finite_is_named(where, expected):
    net = make()
    where(net)[...] = np.nan
    net.blobs["loss"].data[...] = np.inf
    assert first_not_finite(net) == expected
