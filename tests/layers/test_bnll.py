"""BNLL's own behaviour; the formula is checked in test_neuron.py."""

import numpy as np
from helpers import Case, layer_text, make_layer

CONTRACT = {
    "BNLL": Case(layer_text("BNLL", ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
    "BNLL, in-place": Case(layer_text("BNLL", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
}


def test_far_out_it_is_a_relu(device):
    single = make_layer(layer_text("BNLL", ["x"]), [(3,)], device=device)
    single.bottom[0].data[...] = [-800, 0, 800]
    np.testing.assert_allclose(single.forward()[0], [0, np.log(2), 800], rtol=1e-15)
    single.backward(1.0)
    np.testing.assert_allclose(single.bottom[0].diff, [0, 0.5, 1], rtol=1e-15)
