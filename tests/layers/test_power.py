"""Power's own behaviour; the formula is checked in test_neuron.py."""

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer

CONTRACT = {
    "Power": Case(
        layer_text("Power", ["a"], ["y"], "power_param { power: 3 scale: 0.5 shift: 1 }"), ((2, 3, 4),), ((2, 3, 4),)
    ),
    "Power, in-place": Case(
        layer_text("Power", ["a"], ["a"], "power_param { scale: 0.5 shift: 1 }"), ((2, 3, 4),), ((2, 3, 4),)
    ),
}


def make(extra, device, top="y"):
    single = make_layer(layer_text("Power", ["x"], [top], f"power_param {{ {extra} }}"), [(3,)], device=device)
    single.bottom[0].data[...] = [-2, 0, 3]
    return single


@pytest.mark.parametrize(
    ("extra", "y", "dx"),
    [
        ("", [-2, 0, 3], [1, 1, 1]),
        ("power: 0 shift: 7", [1, 1, 1], [0, 0, 0]),
        ("power: 2", [4, 0, 9], [-4, 0, 6]),
        ("power: 2 scale: 0 shift: 3", [9, 9, 9], [0, 0, 0]),
        ("power: 0.5 scale: 2 shift: 10", np.sqrt([6, 10, 16]), 1 / np.sqrt([6, 10, 16])),
        ("power: -1 shift: 4", [1 / 2, 1 / 4, 1 / 7], [-1 / 4, -1 / 16, -1 / 49]),
    ],
)
def test_special_powers_are_right(extra, y, dx, device):
    single = make(extra, device)
    np.testing.assert_allclose(single.forward()[0], y, rtol=1e-14)
    single.backward(1.0)
    np.testing.assert_allclose(single.bottom[0].diff, dx, rtol=1e-14)


@pytest.mark.parametrize(
    ("extra", "y", "dx"),
    [
        ("power: 2 scale: 3 shift: 1", [25, 1, 100], [(6 * (3 * y + 1)) ** 2 for y in (25, 1, 100)]),
        ("power: 3 scale: 2 shift: 5", [1, 125, 11**3], [(6 * y / (2 * y + 5)) ** 2 for y in (1, 125, 11**3)]),
    ],
)
def test_in_place_other_powers_are_right_forward_and_wrong_backward_as_in_caffe(extra, y, dx, device):
    single = make(extra, device, top="x")
    np.testing.assert_allclose(single.forward()[0], y, rtol=1e-14)
    single.backward(7.0)
    np.testing.assert_allclose(single.bottom[0].diff, dx, rtol=1e-14)
    single.bottom[0].diff[...] = 7
    single.backward(7.0, propagate_down=[False])
    assert (single.bottom[0].diff == 7).all()
    assert "wrong backward" in single.layer.in_place_flaw(True)
    assert not single.layer.in_place_flaw(False)


def test_in_place_it_may_scale_and_shift(device):
    single = make("scale: 2 shift: 1", device, top="x")
    np.testing.assert_array_equal(single.forward()[0], [-3, 1, 7])
    single.backward(1.0)
    np.testing.assert_array_equal(single.bottom[0].diff, [2, 2, 2])
