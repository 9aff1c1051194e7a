"""Sigmoid's own behaviour; the formula is checked in test_neuron.py."""

import numpy as np
from helpers import Case, layer_text, make_layer

CONTRACT = {
    "Sigmoid": Case(layer_text("Sigmoid", ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
    "Sigmoid, in-place": Case(layer_text("Sigmoid", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
}


def test_it_is_one_half_at_0_and_symmetric(device):
    single = make_layer(layer_text("Sigmoid", ["x"]), [(3,)], device=device)
    single.bottom[0].data[...] = [-2, 0, 2]
    low, middle, high = single.forward()[0]
    assert middle == 0.5
    np.testing.assert_allclose(low + high, 1, rtol=1e-15)


def test_the_engine_is_read_and_changes_nothing():
    plain, cudnn = (
        make_layer(layer_text("Sigmoid", ["x"], ["y"], extra), [(3,)])
        for extra in ("", "sigmoid_param { engine: CUDNN }")
    )
    np.testing.assert_array_equal(plain.forward()[0], cudnn.forward()[0])
