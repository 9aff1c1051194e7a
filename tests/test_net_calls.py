"""A net called as pycaffe's is: names of layers, arrays for inputs, dicts of outputs."""

import numpy as np
import pytest

from pysketch.net import Net
from pysketch.netdef import Phase, parse_netdef

NETDEF = """
force_backward: true
layer { name: "in" type: "Input" top: "x" top: "s" input_param { shape { dim: [2, 3] } shape { dim: [2, 3] } } }
layer { name: "double" type: "Power" bottom: "x" top: "y" power_param { scale: 2 } }
layer { name: "product" type: "Eltwise" bottom: "y" bottom: "s" top: "z" eltwise_param { operation: PROD } }
layer { name: "half" type: "Power" bottom: "z" top: "w" power_param { scale: 0.5 } }
"""
X, S = np.arange(6.0).reshape(2, 3), np.full((2, 3), 3.0)


@pytest.fixture
def net(device):
    return Net(parse_netdef(NETDEF, "n.prototxt"), Phase.TEST, device=device)


def host(arrays):
    return {name: np.asarray(array.get() if hasattr(array, "get") else array) for name, array in arrays.items()}


def test_forward_takes_inputs_and_gives_outputs(net):
    found = host(net.forward(x=X, s=S))
    assert list(found) == ["w"]
    np.testing.assert_array_equal(found["w"], 3 * X)


def test_forward_gives_further_blobs_if_asked(net):
    found = host(net.forward(["y", "z"], x=X, s=S))
    np.testing.assert_array_equal(found["y"], 2 * X)
    np.testing.assert_array_equal(found["z"], 6 * X)


def test_inputs_may_have_another_shape_each_time(net):
    for n in (4, 1):
        assert net.forward(x=np.ones((n, 5)), s=np.ones((n, 5)))["w"].shape == (n, 5)


def test_forward_runs_from_a_layer_to_a_layer(net):
    assert list(net.forward(end="product", x=X, s=S)) == ["z"]
    net.blobs["z"].data[...] = 8
    assert (host(net.forward(start="half"))["w"] == 4).all()


def test_backward_starts_from_given_diffs_and_gives_those_of_the_inputs(net):
    net.forward(x=X, s=S)
    found = host(net.backward(["z"], w=np.ones((2, 3))))
    assert list(found) == ["x", "s", "z"]
    np.testing.assert_array_equal(found["z"], np.full((2, 3), 0.5))
    np.testing.assert_array_equal(found["s"], X)
    np.testing.assert_array_equal(found["x"], np.full((2, 3), 3.0))


def test_backward_runs_down_to_a_layer(net):
    net.forward(x=X, s=S)
    net.blobs["x"].diff[...] = 7
    found = host(net.backward(end="product", w=np.ones((2, 3))))
    assert list(found) == ["y", "s"]
    assert (host({"x": net.blobs["x"].diff})["x"] == 7).all()


def test_layers_are_found_by_name(net):
    assert net.layer_dict["half"] is net.layers[-1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: net.forward(end="hlaf"), 'n.prototxt: no layer "hlaf"; did you mean "half"?'),
        (lambda net: net.backward(start="product2"), 'n.prototxt: no layer "product2"; did you mean "product"?'),
        (lambda net: net.forward(["q"]), 'n.prototxt: no blob "q"'),
        (lambda net: net.forward(y=X), 'n.prototxt: no input "y"; inputs: x, s'),
        (lambda net: net.backward(v=X), 'n.prototxt: no blob "v"'),
    ],
)
def test_names_that_the_net_does_not_have_are_refused(call, message):
    net = Net(parse_netdef(NETDEF, "n.prototxt"), Phase.TEST)
    with pytest.raises(ValueError) as error:
        call(net)
    assert str(error.value).startswith(message)
