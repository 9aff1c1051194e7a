"""MultinomialLogisticLoss: single logarithms, the bound, and SoftmaxWithLoss by way of Softmax."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer, refused

from pysketch.device.backend import Device
from pysketch.errors import DataError, NetdefError, ShapeError
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

TEXT = layer_text("MultinomialLogisticLoss", ["p", "t"], ["loss"])


def make_positive(single: SingleLayer) -> None:
    """Logarithms want positive numbers."""
    single.bottom[0].data[...] = 0.2 + abs(single.bottom[0].data)


CONTRACT = {
    "MultinomialLogisticLoss": Case(TEXT, ((3, 5), (3,)), ((),), whole={1: 5}, prepare=make_positive),
}


def test_it_is_the_mean_logarithm_and_its_derivative(device: Device) -> None:
    single = make_layer(TEXT, [(3, 4), (3, 1)], device=device)
    p, labels = np.random.default_rng(0).random((3, 4)), [2, 0, 3]
    single.bottom[0].data[...], single.bottom[1].data[...] = p, np.reshape(labels, (3, 1))
    (loss,) = single.forward()
    np.testing.assert_allclose(loss, -sum(math.log(p[n, k]) for n, k in enumerate(labels)) / 3, rtol=1e-12)
    single.backward(0.6)
    for n, k in np.ndindex(3, 4):
        right = -0.6 / 3 / p[n, k] if k == labels[n] else 0
        np.testing.assert_allclose(single.bottom[0].diff[n, k], right, rtol=1e-12)


def test_a_probability_of_0_counts_as_1e_20() -> None:
    single = make_layer(TEXT, [(1, 2), (1,)], dtype=np.float32)
    single.bottom[0].data[...], single.bottom[1].data[...] = [[1, 0]], 1
    np.testing.assert_allclose(single.forward()[0], 20 * math.log(10), rtol=1e-6)
    single.backward(1.0)
    np.testing.assert_allclose(single.bottom[0].diff, [[0, -1e20]], rtol=1e-6)


def test_behind_a_softmax_it_is_softmax_with_loss() -> None:
    found = []
    for layers in (
        'layer { name: "s" type: "Softmax" bottom: "x" top: "p" }'
        'layer { name: "l" type: "MultinomialLogisticLoss" bottom: "p" bottom: "t" top: "loss" }',
        'layer { name: "l" type: "SoftmaxWithLoss" bottom: "x" bottom: "t" top: "loss" }',
    ):
        inputs = (
            'layer { name: "i" type: "Input" top: "x" top: "t" input_param { shape { dim: [4, 3] } shape { dim: 4 } } }'
        )
        net = Net(parse_netdef(f"force_backward: true {inputs} {layers}"), Phase.TRAIN, Context(dtype=np.float64))
        net.blobs["x"].data[...] = np.random.default_rng(0).standard_normal((4, 3))
        net.blobs["t"].data[...] = [0, 2, 1, 2]
        net.forward()
        net.backward()
        found.append((float(net.loss()), net.blobs["x"].diff.copy()))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-12)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-10)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r'expected 3 labels in "t" for "p" \(3, 4\), found \(4,\)'):
        make_layer(TEXT, [(3, 4), (4,)])
    with pytest.raises(ShapeError, match=r"expected a bottom of shape \(N, ...\), found \(0, 4\)"):
        make_layer(TEXT, [(0, 4), (0,)])
    single = make_layer(TEXT, [(2, 3), (2,)])
    single.bottom[1].data[...] = [0, 3]
    assert refused(DataError, single.forward, where="<net").endswith('a label of "t" is 3; expected 0 to 2')
    with pytest.raises(NetdefError, match="a MultinomialLogisticLoss layer cannot propagate down to its labels"):
        single.backward(1.0, propagate_down=[False, True])
