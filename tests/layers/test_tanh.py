"""TanH's own behaviour; the formula is checked in test_neuron.py."""

import numpy as np
from helpers import Case, layer_text, make_layer

CONTRACT = {
    "TanH": Case(layer_text("TanH", ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
    "TanH, in-place": Case(layer_text("TanH", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
}


def test_it_is_odd_and_flat_far_out(device):
    single = make_layer(layer_text("TanH", ["x"], ["y"], "tanh_param { engine: CAFFE }"), [(3,)], device=device)
    single.bottom[0].data[...] = [-50, 0, 50]
    np.testing.assert_array_equal(single.forward()[0], [-1, 0, 1])
    single.backward(1.0)
    np.testing.assert_array_equal(single.bottom[0].diff, [0, 1, 0])
