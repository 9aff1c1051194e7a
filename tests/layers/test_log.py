"""Log's own behaviour; the formula is checked in test_neuron.py."""

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer

from pysketch.errors import NetdefError

CONTRACT = {
    "Log": Case(
        layer_text("Log", ["a"], ["y"], "log_param { base: 3 scale: 0.5 shift: 9 }"), ((2, 3, 4),), ((2, 3, 4),)
    ),
    "Log, in-place": Case(layer_text("Log", ["a"], ["a"], "log_param { shift: 9 }"), ((2, 3, 4),), ((2, 3, 4),)),
}


def test_the_base_is_e_by_default(device):
    single = make_layer(layer_text("Log", ["x"]), [(2,)], device=device)
    single.bottom[0].data[...] = [1, np.e]
    np.testing.assert_allclose(single.forward()[0], [0, 1], rtol=1e-15)


@pytest.mark.parametrize(
    ("base", "message"), [(-3, "base must be above 0, or -1 for e; found -3"), (1, "base must not be 1, whose powers")]
)
def test_a_base_without_logarithms_is_refused(base, message):
    with pytest.raises(NetdefError, match=message):
        make_layer(layer_text("Log", ["x"], ["y"], f"log_param {{ base: {base} }}"), [(2,)])
