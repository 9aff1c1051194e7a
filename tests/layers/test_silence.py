"""Silence: what it reads is no output any more, and gets no gradient."""

from helpers import Case, layer_text, make_layer

from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

CONTRACT = {
    "Silence": Case(layer_text("Silence", ["a", "b"], []), ((2, 3), (4,)), ()),
}


def test_diffs_are_0(device):
    single = make_layer(layer_text("Silence", ["a", "b"], []), [(2, 3), (4,)], device=device)
    for blob in single.bottom:
        blob.diff[...] = 7
    single.forward()
    single.backward(propagate_down=[True, False])
    assert (single.bottom[0].diff == 0).all()
    assert (single.bottom[1].diff == 7).all()


def test_what_it_reads_is_no_output_of_the_net():
    text = 'layer { name: "i" type: "Input" top: "a" top: "b" input_param { shape { dim: 2 } } }'
    assert Net(parse_netdef(text), Phase.TEST).outputs == ["a", "b"]
    silenced = text + layer_text("Silence", ["a"], [])
    assert Net(parse_netdef(silenced), Phase.TEST).outputs == ["b"]
