"""Parameter: a param that layers can read and that is learned."""

import numpy as np
from helpers import Case, layer_text, make_layer

from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

CONTRACT = {
    "Parameter": Case(layer_text("Parameter", [], ["y"], "parameter_param { shape { dim: [2, 3] } }"), (), ((2, 3),)),
}

TEXT = layer_text("Parameter", [], ["y"], "parameter_param { shape { dim: [2, 3] } }")


def test_the_top_is_the_param_and_diffs_add_up(device):
    single = make_layer(TEXT, device=device)
    single.params[0].data[...] = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(single.forward()[0], np.arange(6).reshape(2, 3))
    single.backward(2.0)
    single.backward(3.0)
    assert (single.params[0].diff == 5).all()


def test_it_starts_at_0_and_survives_when_blobs_share_memory():
    text = TEXT + layer_text("Exp", ["y"], ["z"]).replace('"it"', '"exp"')
    text += layer_text("Exp", ["z"], ["w"]).replace('"it"', '"exp2"')
    net = Net(parse_netdef(text), Phase.TEST, keep=())
    for _ in range(2):
        net.forward()
        np.testing.assert_allclose(net.blobs["w"].data, np.e, rtol=1e-6)
        assert (net.params["it"][0].data == 0).all()
