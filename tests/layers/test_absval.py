"""AbsVal's own behaviour; the formula is checked in test_neuron.py."""

import numpy as np
from helpers import Case, layer_text, make_layer

CONTRACT = {
    "AbsVal": Case(layer_text("AbsVal", ["a"]), ((2, 3, 4),), ((2, 3, 4),), kink=0.0),
}


def test_at_0_the_gradient_is_0(device):
    single = make_layer(layer_text("AbsVal", ["x"]), [(3,)], device=device)
    single.bottom[0].data[...] = [-2, 0, 5]
    np.testing.assert_array_equal(single.forward()[0], [2, 0, 5])
    single.backward(3.0)
    np.testing.assert_array_equal(single.bottom[0].diff, [-3, 0, 3])
