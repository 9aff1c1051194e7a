"""ELU's own behaviour; the formula is checked in test_neuron.py."""

import numpy as np
from helpers import Case, layer_text, make_layer

CONTRACT = {
    "ELU": Case(layer_text("ELU", ["a"], ["y"], "elu_param { alpha: 0.7 }"), ((2, 3, 4),), ((2, 3, 4),), kink=0.0),
    "ELU, in-place": Case(layer_text("ELU", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),), kink=0.0),
}


def test_alpha_is_1_by_default_and_the_slope_at_0_is_alpha(device):
    single = make_layer(layer_text("ELU", ["x"]), [(2,)], device=device)
    single.bottom[0].data[...] = [0, -100]
    np.testing.assert_array_equal(single.forward()[0], [0, -1])
    single.backward(3.0)
    np.testing.assert_array_equal(single.bottom[0].diff, [3, 0])


def test_in_place_a_negative_alpha_goes_by_the_sign_of_y_as_in_caffe_and_is_warned_of(caplog):
    single = make_layer(layer_text("ELU", ["x"], ["x"], "elu_param { alpha: -0.5 }"), [(2,)])
    single.bottom[0].data[...] = [-1, 2]
    np.testing.assert_allclose(single.forward()[0], [0.5 * (1 - np.exp(-1)), 2])
    single.backward(3.0)
    np.testing.assert_array_equal(single.bottom[0].diff, [3, 3])
    assert single.layer.in_place_flaw(True) and not single.layer.in_place_flaw(False)
    assert caplog.text == ""  # nothing here runs backward
