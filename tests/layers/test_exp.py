"""Exp's own behaviour; the formula is checked in test_neuron.py."""

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer

from pysketch.errors import NetdefError

CONTRACT = {
    "Exp": Case(
        layer_text("Exp", ["a"], ["y"], "exp_param { base: 2 scale: 0.5 shift: 1 }"), ((2, 3, 4),), ((2, 3, 4),)
    ),
    "Exp, in-place": Case(layer_text("Exp", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
}


def test_the_base_is_e_by_default(device):
    single = make_layer(layer_text("Exp", ["x"]), [(2,)], device=device)
    single.bottom[0].data[...] = [0, 1]
    np.testing.assert_allclose(single.forward()[0], [1, np.e], rtol=1e-15)


@pytest.mark.parametrize("base", [0, -2])
def test_a_base_that_has_no_logarithm_is_refused(base):
    with pytest.raises(NetdefError, match=rf"base must be above 0, or -1 for e; found {base}$"):
        make_layer(layer_text("Exp", ["x"], ["y"], f"exp_param {{ base: {base} }}"), [(2,)])
