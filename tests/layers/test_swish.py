"""Swish: against its formula for single numbers, and what it does at the ends."""

import math

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer

BETA = "swish_param { beta: 0.7 }"
CONTRACT = {
    "Swish": Case(layer_text("Swish", ["a"], ["y"], BETA), ((2, 3, 4),), ((2, 3, 4),)),
    "Swish, in-place": Case(layer_text("Swish", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
}


def swish(x, beta):
    """y and dy/dx of one number, by the quotient rule on x / (1 + e)."""
    e = math.exp(-beta * x)
    return x / (1 + e), (1 + e + x * beta * e) / (1 + e) ** 2


@pytest.mark.parametrize("top", ["y", "x"])
def test_it_is_the_formula_forward_and_backward(top, device):
    single = make_layer(layer_text("Swish", ["x"], [top], BETA), [(2, 3, 5)], device=device)
    x, dy = single.bottom[0].data.copy(), np.random.default_rng(1).standard_normal((2, 3, 5))
    (y,) = single.forward()
    single.backward(dy)
    for at in np.ndindex(x.shape):
        value, slope = swish(x[at], 0.7)
        np.testing.assert_allclose(y[at], value, rtol=1e-12)
        np.testing.assert_allclose(single.bottom[0].diff[at], slope * dy[at], rtol=1e-12)


def test_beta_is_1_by_default_and_far_from_0_it_is_a_relu(device):
    single = make_layer(layer_text("Swish", ["x"]), [(4,)], dtype=np.float32, device=device)
    single.bottom[0].data[...] = [-1e9, 0, 1, 1e9]
    np.testing.assert_allclose(single.forward()[0], [0, 0, 1 / (1 + math.exp(-1)), 1e9], rtol=1e-6)
    single.backward(3.0)
    np.testing.assert_allclose(single.bottom[0].diff, [0, 1.5, 3 * swish(1, 1)[1], 3], rtol=1e-6)
