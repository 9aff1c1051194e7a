"""What neuron layers share, and all of them against formulas of single numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from helpers import layer_text, make_layer

from pysketch.device.backend import Device
from pysketch.errors import NetdefError
from pysketch.layers.neuron import Neuron

SHAPE = (2, 3, 4)

FORMULAS: dict[str, tuple[str, Callable[[float], float], Callable[[float], float]]] = {
    "AbsVal": ("", abs, lambda x: math.copysign(1, x) if x else 0),
    "BNLL": ("", lambda x: math.log(1 + math.exp(x)), lambda x: math.exp(x) / (1 + math.exp(x))),
    "ELU": (
        "elu_param { alpha: 0.7 }",
        lambda x: x if x > 0 else 0.7 * (math.e**x - 1),
        lambda x: 1 if x > 0 else 0.7 * math.e**x,
    ),
    "Exp": (
        "exp_param { base: 2 scale: 3 shift: 0.5 }",
        lambda x: 2 ** (0.5 + 3 * x),
        lambda x: 3 * math.log(2) * 2 ** (0.5 + 3 * x),
    ),
    "Log": (
        "log_param { base: 10 scale: 2 shift: 9 }",
        lambda x: math.log10(9 + 2 * x),
        lambda x: 2 / (math.log(10) * (9 + 2 * x)),
    ),
    "Power": ("power_param { power: 3 scale: 2 shift: 1 }", lambda x: (1 + 2 * x) ** 3, lambda x: 6 * (1 + 2 * x) ** 2),
    "Sigmoid": ("", lambda x: 1 / (1 + math.exp(-x)), lambda x: math.exp(-x) / (1 + math.exp(-x)) ** 2),
    "TanH": ("", math.tanh, lambda x: 1 / math.cosh(x) ** 2),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", FORMULAS)
def test_it_is_the_formula_forward_and_backward(name: str, dtype: type, device: Device) -> None:
    extra, value, slope = FORMULAS[name]
    single = make_layer(layer_text(name, ["x"], ["y"], extra), [SHAPE], dtype=dtype, device=device)
    single.bottom[0].data[0, 0, 0] = 0
    x = single.bottom[0].data.astype(np.float64)
    dy = np.random.default_rng(1).standard_normal(SHAPE).astype(dtype)
    (y,) = single.forward()
    single.backward(dy)
    close = {"rtol": 1e-5 if dtype == np.float32 else 1e-12, "atol": 1e-6 if dtype == np.float32 else 1e-14}
    for at in np.ndindex(SHAPE):
        np.testing.assert_allclose(y[at], value(float(x[at])), **close)
        np.testing.assert_allclose(single.bottom[0].diff[at], slope(float(x[at])) * float(dy[at]), **close)


@pytest.mark.parametrize("name", ["BNLL", "ELU", "Sigmoid", "TanH"])
def test_numbers_of_any_size_overflow_nowhere(name: str, device: Device) -> None:
    single = make_layer(layer_text(name, ["x"]), [(2,)], dtype=np.float32, device=device)
    single.bottom[0].data[...] = [-1e4, 1e4]
    (y,) = single.forward()
    single.backward(1.0)
    assert np.isfinite(y).all()
    assert np.isfinite(single.bottom[0].diff).all()


def test_a_layer_that_cannot_be_in_place_says_why() -> None:
    with pytest.raises(NetdefError, match=r'layer "it": a AbsVal layer cannot be in-place'):
        make_layer(layer_text("AbsVal", ["x"], ["x"]), [SHAPE])


def test_a_neuron_must_write_value_and_slope() -> None:
    layer = Neuron.__new__(Neuron)
    for method in ("value", "slope"):
        with pytest.raises(NotImplementedError, match=f"Neuron has no {method}"):
            getattr(layer, method)(np.ones(1), np.ones(1))
