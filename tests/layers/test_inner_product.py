"""InnerProduct against plain loops, along every axis, transposed, and what it refuses."""

from __future__ import annotations

from typing import Any

import naive
import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import Device
from pysketch.device.workers import Workers
from pysketch.errors import ShapeError
from pysketch.layers.context import Context

CONTRACT = {
    "InnerProduct": Case(
        layer_text("InnerProduct", ["x"], ["y"], "inner_product_param { num_output: 4 }"), ((3, 2, 5),), ((3, 4),)
    ),
    "InnerProduct, transposed": Case(
        layer_text("InnerProduct", ["x"], ["y"], "inner_product_param { num_output: 4 transpose: true axis: -1 }"),
        ((3, 2, 5),),
        ((3, 2, 4),),
    ),
    "InnerProduct, without bias": Case(
        layer_text("InnerProduct", ["x"], ["y"], "inner_product_param { num_output: 4 bias_term: false axis: 2 }"),
        ((3, 2, 5),),
        ((3, 2, 4),),
    ),
}

SHAPE = (3, 2, 5, 4)
OUTPUTS = 7


def make(options: str = "", shape: tuple[int, ...] = SHAPE, **more: Any) -> SingleLayer:
    """The layer, 7 outputs, with random input and params."""
    extra = f"inner_product_param {{ num_output: {OUTPUTS} {options} }}"
    return make_layer(layer_text("InnerProduct", ["x"], ["y"], extra), [shape], **more)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize(("axis", "rows"), [(0, 1), (1, 3), (2, 6), (-1, 30)])
def test_it_is_the_plain_loop_forward_and_backward(
    axis: int, rows: int, transpose: bool, dtype: type, rtol: float, device: Device
) -> None:
    single = make(f"axis: {axis} transpose: {'true' if transpose else 'false'}", dtype=dtype, device=device)
    W, b = (blob.data.astype(np.float64) for blob in single.params)
    W = W.T if transpose else W
    x = single.bottom[0].data.astype(np.float64).reshape(rows, -1)
    (y,) = single.forward()
    assert y.shape == (*SHAPE[: axis % 4], OUTPUTS)
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(dtype)
    single.backward(dy)
    dW = single.params[0].diff
    found = [y, single.bottom[0].diff, dW.T if transpose else dW, single.params[1].diff]
    flat = dy.astype(np.float64).reshape(rows, -1)
    expected = [naive.inner_product(x, W, b), *naive.inner_product_backward(x, W, flat)]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.reshape(other.shape), other, rtol=0, atol=rtol * abs(other).max())


def test_without_a_bias_there_is_one_param() -> None:
    single = make("bias_term: false")
    assert [blob.shape for blob in single.params] == [(OUTPUTS, 40)]
    single.bottom[0].data[...] = 0
    assert not single.forward()[0].any()


def test_transposed_weights_are_stored_the_other_way_round() -> None:
    assert [blob.shape for blob in make("transpose: true").params] == [(40, OUTPUTS), (OUTPUTS,)]


def test_the_fillers_draw_weights_then_bias() -> None:
    text = 'weight_filler { type: "xavier" } bias_filler { type: "uniform" min: 3 max: 4 }'
    net = make(text).net
    fresh = type(net)(net.netdef, net.phase, Context(seed=5)).params["it"]
    bound = np.sqrt(3 / 40)
    assert 0.9 * bound < abs(fresh[0].data).max() <= bound
    assert ((fresh[1].data >= 3) & (fresh[1].data <= 4)).all()


@pytest.mark.parametrize("threads", [1, 2, 3, 20])
def test_the_number_of_threads_makes_no_difference(threads: int) -> None:
    for one, other in zip(make(workers=Workers(threads)).everything(), make().everything(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_it_mixes_the_batch_only_from_axis_0_on() -> None:
    assert make("axis: 0").layer.mixes_batch
    assert not make("axis: 1").layer.mixes_batch


def test_the_number_of_inputs_is_fixed_at_setup() -> None:
    single = make()
    single.bottom[0].reshape(5, 4, 10)
    single.bottom[0].data[...] = 1
    assert single.forward()[0].shape == (5, OUTPUTS)
    single.bottom[0].reshape(3, 2, 5, 3)
    with pytest.raises(ShapeError, match=r"expected a bottom with 40 elements from axis 1 on, found \(3, 2, 5, 3\)"):
        single.forward()


def test_an_axis_that_is_not_there_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"axis 4 is not one of a bottom of shape \(3, 2, 5, 4\)"):
        make("axis: 4")
