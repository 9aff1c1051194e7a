"""ReLU against the plain loop, at its kink, with slopes, and in-place."""

from __future__ import annotations

import naive
import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import CPU, Device

CONTRACT = {
    "ReLU": Case(layer_text("ReLU", ["a"]), ((2, 3, 4, 5),), ((2, 3, 4, 5),), kink=0.0),
    "ReLU, in-place": Case(
        layer_text("ReLU", ["a"], ["a"], "relu_param { negative_slope: 0.2 }"), ((2, 3, 4),), ((2, 3, 4),), kink=0.0
    ),
}

SHAPE = (2, 3, 5, 4)
SLOPES = [0.0, 0.1, 1.0, 2.5, -0.3]


def make(slope: float = 0.0, top: str = "y", dtype: type = np.float64, device: Device = CPU) -> SingleLayer:
    """A ReLU on bottom "x", in-place if top is "x"; some of its inputs are exactly 0."""
    extra = f"relu_param {{ negative_slope: {slope} }}" if slope else ""
    single = make_layer(layer_text("ReLU", ["x"], [top], extra), [SHAPE], dtype=dtype, device=device)
    single.bottom[0].data[0, 0, 0] = 0
    return single


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("slope", SLOPES)
def test_it_is_the_plain_loop_forward_and_backward(slope: float, dtype: type, device: Device) -> None:
    single = make(slope, dtype=dtype, device=device)
    x = single.bottom[0].data.copy()
    dy = np.random.default_rng(1).standard_normal(SHAPE).astype(dtype)
    (y,) = single.forward()
    single.backward(dy)
    assert y.dtype == single.bottom[0].diff.dtype == dtype
    np.testing.assert_allclose(y, naive.relu(x, slope), rtol=1e-6)
    np.testing.assert_allclose(single.bottom[0].diff, naive.relu_backward(x, dy, slope), rtol=1e-6)
    np.testing.assert_array_equal(single.bottom[0].data, x)


@pytest.mark.parametrize("slope", [0.0, 0.1])
def test_at_0_the_gradient_is_the_negative_slope(slope: float, device: Device) -> None:
    single = make(slope, device=device)
    single.forward()
    single.backward(3.0)
    np.testing.assert_allclose(single.bottom[0].diff[0, 0, 0], 3 * slope)


def test_a_not_a_number_stays_one(device: Device) -> None:
    single = make(device=device)
    single.bottom[0].data[1, 2, 3, 3] = np.nan
    assert np.isnan(single.forward()[0][1, 2, 3, 3])


def test_in_place_a_negative_slope_goes_by_the_sign_of_y_as_in_caffe(device: Device) -> None:
    single = make(-0.5, top="x", device=device)
    single.bottom[0].data[...] = -4
    assert (single.forward()[0] == 2).all()
    single.backward(3.0)
    assert (single.bottom[0].diff == 3).all()
    assert "takes y's sign for x's" in single.layer.in_place_flaw(True)
    assert not single.layer.in_place_flaw(False)
