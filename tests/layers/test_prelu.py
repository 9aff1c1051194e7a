"""PReLU against the plain loop, its slopes, in-place."""

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer

from pysketch.errors import ShapeError

CONTRACT = {
    "PReLU": Case(layer_text("PReLU", ["a"]), ((2, 3, 4, 5),), ((2, 3, 4, 5),), kink=0.0),
    "PReLU, shared and in-place": Case(
        layer_text("PReLU", ["a"], ["a"], "prelu_param { channel_shared: true }"), ((2, 3, 4),), ((2, 3, 4),), kink=0.0
    ),
}

SHAPE = (2, 3, 4, 5)


def make(extra="", top="y", device=None, slopes=(0.5, 0.0, -2.0)):
    options = {} if device is None else {"device": device}
    single = make_layer(layer_text("PReLU", ["x"], [top], f"prelu_param {{ {extra} }}"), [SHAPE], **options)
    single.bottom[0].data[0, 0, 0, 0] = 0
    single.params[0].data[...] = slopes if single.params[0].shape else slopes[2]
    return single


def loop(x, slopes, dy):
    """y, dx and da, by loops; slopes (3,)."""
    y, dx, da = np.zeros(SHAPE), np.zeros(SHAPE), np.zeros(3)
    for at in np.ndindex(SHAPE):
        positive = x[at] > 0
        y[at] = x[at] if positive else slopes[at[1]] * x[at]
        dx[at] = dy[at] if positive else slopes[at[1]] * dy[at]
        da[at[1]] += 0 if positive else x[at] * dy[at]
    return y, dx, da


@pytest.mark.parametrize("top", ["x", "y"])
@pytest.mark.parametrize("shared", [False, True])
def test_it_is_the_plain_loop_forward_and_backward(shared, top, device):
    single = make("channel_shared: true" if shared else "", top, device)
    x, dy = single.bottom[0].data.copy(), np.random.default_rng(1).standard_normal(SHAPE)
    y, dx, da = loop(x, [-2.0] * 3 if shared else [0.5, 0.0, -2.0], dy)
    np.testing.assert_allclose(single.forward()[0], y, rtol=1e-12)
    single.backward(dy)
    np.testing.assert_allclose(single.bottom[0].diff, dx, rtol=1e-12)
    np.testing.assert_allclose(single.params[0].diff, da.sum() if shared else da, rtol=1e-12)


def test_slopes_start_at_a_quarter_or_as_the_filler_says():
    for extra, value in (("", 0.25), ("prelu_param { filler { value: 0.5 } }", 0.5)):
        from pysketch.net.net import Net
        from pysketch.netdef.definitions import Phase, parse_netdef

        text = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [1, 3, 2] } } }'
        net = Net(parse_netdef(text + layer_text("PReLU", ["x"], ["y"], extra)), Phase.TEST)
        np.testing.assert_array_equal(net.params["it"][0].data, [value] * 3)


def test_other_channels_than_there_are_slopes_for_are_refused():
    single = make()
    single.bottom[0].reshape(2, 4, 4, 5)
    with pytest.raises(ShapeError, match=r"3 slopes for the shape \(2, 4, 4, 5\), axis 1"):
        single.forward()


def test_a_bottom_without_channels_is_refused():
    with pytest.raises(ShapeError, match=r"needs a channel axis, found the shape \(3,\)"):
        make_layer(layer_text("PReLU", ["x"]), [(3,)])
