import json

import pytest

from pysketch.benchmark.contender.peers import LIBRARIES, check_known, describe, missing_libraries, param_name
from pysketch.benchmark.nets import Job, build
from pysketch.errors import PysketchError
from pysketch.layers.base import LAYERS, Layer
from pysketch.net.net import Net
from pysketch.netdef.definitions import parse_netdef


def test_a_layer_that_no_peer_knows_is_named(monkeypatch):
    class Odd(Layer):
        """Nothing that others know."""

        def reshape(self, bottom, top):
            top[0].reshape(bottom[0].shape)

    monkeypatch.setitem(LAYERS, "Odd", Odd)
    net = Net(
        parse_netdef(
            'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [1, 2] } } }\n'
            'layer { name: "odd" type: "Odd" bottom: "x" top: "y" }'
        )
    )
    with pytest.raises(PysketchError, match='"odd"'):
        check_known(net, "torch")


def test_a_net_is_described_as_plain_json(tiny):
    net, _ = build(Job(tiny, "train"))
    described = json.dumps(describe(net))
    for word in ("conv1", "conv2", "loss"):
        assert word in described
    assert len({param_name(param) for param in net.learnable}) == len(net.learnable)


def test_what_is_not_installed_is_said(monkeypatch):
    monkeypatch.setitem(LIBRARIES, "torch", ("a_library_that_is_not_there",))
    assert missing_libraries("torch") == ["a_library_that_is_not_there"]
