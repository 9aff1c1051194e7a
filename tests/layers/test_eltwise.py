"""Eltwise against plain loops, its ties, and what does not fit."""

import math

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer

from pysketch.errors import NetdefError, ShapeError

CONTRACT = {
    "Eltwise": Case(
        layer_text("Eltwise", ["a", "b", "c"], ["y"], "eltwise_param { coeff: [1, -2, 0.5] }"),
        ((2, 3, 4),) * 3,
        ((2, 3, 4),),
    ),
    "Eltwise, product": Case(
        layer_text("Eltwise", ["a", "b", "c"], ["y"], "eltwise_param { operation: PROD }"),
        ((2, 3, 4),) * 3,
        ((2, 3, 4),),
    ),
    "Eltwise, maximum": Case(
        layer_text("Eltwise", ["a", "b", "c"], ["y"], "eltwise_param { operation: MAX }"),
        ((2, 3, 4),) * 3,
        ((2, 3, 4),),
    ),
}

SHAPE = (2, 3, 4)


def make(extra="", bottoms="abc", shapes=None, device=None):
    options = {} if device is None else {"device": device}
    text = layer_text("Eltwise", list(bottoms), ["y"], f"eltwise_param {{ {extra} }}")
    return make_layer(text, shapes or [SHAPE] * len(bottoms), **options)


@pytest.mark.parametrize(
    ("extra", "value", "slope"),
    [
        ("", sum, lambda x, k: 1),
        ("operation: SUM coeff: [2, -1, 0.5]", lambda x: 2 * x[0] - x[1] + x[2] / 2, lambda x, k: (2, -1, 0.5)[k]),
        ("operation: PROD", math.prod, lambda x, k: math.prod(x[:k] + x[k + 1 :])),
        ("operation: PROD stable_prod_grad: false", math.prod, lambda x, k: math.prod(x[:k] + x[k + 1 :])),
        ("operation: MAX", max, lambda x, k: float(x[k] == max(x))),
    ],
)
def test_it_is_the_plain_loop_forward_and_backward(extra, value, slope, device):
    single = make(extra, device=device)
    x = [blob.data.copy() for blob in single.bottom]
    dy = np.random.default_rng(1).standard_normal(SHAPE)
    (y,) = single.forward()
    single.backward(dy)
    for at in np.ndindex(SHAPE):
        numbers = [float(each[at]) for each in x]
        np.testing.assert_allclose(y[at], value(numbers), rtol=1e-12)
        for k, blob in enumerate(single.bottom):
            np.testing.assert_allclose(blob.diff[at], slope(numbers, k) * dy[at], rtol=1e-10)


def test_a_product_with_zeros_has_the_right_gradient(device):
    single = make("operation: PROD", bottoms="ab", device=device)
    single.bottom[0].data[...] = 0
    single.bottom[1].data[...] = 3
    single.forward()
    single.backward(1.0)
    assert (single.bottom[0].diff == 3).all()
    assert (single.bottom[1].diff == 0).all()


def test_of_equal_maxima_one_gets_the_gradient_as_in_caffe(device):
    single = make("operation: MAX", device=device)
    for blob in single.bottom:
        blob.data[...] = 5
    single.forward()
    single.backward(1.0)
    assert [int(blob.diff.sum()) for blob in single.bottom] == [0, 24, 0]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("coeff: [1, 2]", "2 coeff for 3 bottoms"),
        ("operation: MAX coeff: [1, 2, 3]", "coeff is for SUM, found operation MAX"),
    ],
)
def test_coefficients_that_do_not_fit_are_refused(extra, message):
    with pytest.raises(NetdefError, match=message):
        make(extra)


def test_bottoms_of_two_shapes_are_refused():
    with pytest.raises(ShapeError, match=r'bottoms must have one shape, found "a" \(2, 3\) and "b" \(2, 4\)'):
        make(bottoms="ab", shapes=[(2, 3), (2, 4)])


@pytest.mark.parametrize(
    ("extra", "value", "slopes"),
    [
        ("coeff: [2, -3, 5]", lambda a, b, c: -3 * b + 5 * c, lambda y, b, c: (2, -6, 10)),
        ("operation: MAX", lambda a, b, c: max(b, c), lambda y, b, c: (0, 0, 0)),
    ],
)
def test_in_place_the_first_bottom_counts_for_nothing_as_in_caffe(extra, value, slopes, device):
    text = layer_text("Eltwise", ["a", "b", "c"], ["a"], f"eltwise_param {{ {extra} }}")
    single = make_layer(text, [SHAPE] * 3, device=device)
    x = [blob.data.copy() for blob in single.bottom]
    dy = np.random.default_rng(1).standard_normal(SHAPE)
    (y,) = single.forward()
    single.backward(dy)
    for at in np.ndindex(SHAPE):
        a, b, c = (float(each[at]) for each in x)
        np.testing.assert_allclose(y[at], value(a, b, c), rtol=1e-12)
        for blob, slope in zip(single.bottom, slopes(y[at], b, c), strict=True):
            np.testing.assert_allclose(blob.diff[at], slope * dy[at], rtol=1e-12)
    assert "overwrites its first bottom" in single.layer.in_place_flaw(False)


def test_in_place_a_product_is_right_forward_and_caffes_backward(device):
    text = layer_text("Eltwise", ["a", "b"], ["a"], "eltwise_param { operation: PROD }")
    single = make_layer(text, [SHAPE] * 2, device=device)
    a, b = (blob.data.copy() for blob in single.bottom)
    np.testing.assert_allclose(single.forward()[0], a * b, rtol=1e-12)
    single.backward(7.0)
    np.testing.assert_allclose(single.bottom[0].diff, b * b, rtol=1e-12)
    np.testing.assert_allclose(single.bottom[1].diff, a * b * b * b, rtol=1e-12)
    assert "wrong backward" in single.layer.in_place_flaw(True)
    assert not single.layer.in_place_flaw(False)
