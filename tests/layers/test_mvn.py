"""MVN against plain loops."""

from __future__ import annotations

from typing import Any

import naive
import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import Device
from pysketch.errors import ShapeError

CONTRACT = {
    "MVN": Case(layer_text("MVN", ["x"]), ((2, 3, 4, 5),), ((2, 3, 4, 5),)),
    "MVN, across channels": Case(
        layer_text("MVN", ["x"], ["y"], "mvn_param { across_channels: true }"), ((2, 3, 4, 5),), ((2, 3, 4, 5),)
    ),
    "MVN, of rows": Case(layer_text("MVN", ["x"]), ((2, 3, 4),), ((2, 3, 4, 1),)),
    "MVN, in-place, means only": Case(
        layer_text("MVN", ["x"], ["x"], "mvn_param { normalize_variance: false }"), ((2, 3, 4, 5),), ((2, 3, 4, 5),)
    ),
    "MVN, means only": Case(
        layer_text("MVN", ["x"], ["y"], "mvn_param { normalize_variance: false }"), ((2, 3, 4, 5),), ((2, 3, 4, 5),)
    ),
}

SHAPE = (2, 3, 4, 5)


def make(options: str = "", shape: tuple[int, ...] = SHAPE, **more: Any) -> SingleLayer:
    """The layer, with a random image."""
    return make_layer(layer_text("MVN", ["x"], ["y"], f"mvn_param {{ {options} }}"), [shape], **more)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-8), (np.float32, 1e-5)])
@pytest.mark.parametrize(("options", "sets"), [("", 6), ("across_channels: true", 2)])
def test_it_is_the_plain_loop_forward_and_backward(
    options: str, sets: int, dtype: type, rtol: float, device: Device
) -> None:
    single = make(options, dtype=dtype, device=device)
    x = single.bottom[0].data.astype(np.float64).reshape(sets, -1)
    dy = np.random.default_rng(1).standard_normal(SHAPE).astype(dtype)
    (y,) = single.forward()
    single.backward(dy)
    for k, values in enumerate(x):
        np.testing.assert_allclose(y.reshape(sets, -1)[k], naive.standardized(values, 0)[0], rtol=rtol, atol=rtol)
        dx = naive.standardized_backward(values, dy.reshape(sets, -1)[k], 0)
        np.testing.assert_allclose(single.bottom[0].diff.reshape(sets, -1)[k], dx, rtol=rtol, atol=rtol)


def test_eps_is_added_to_the_standard_deviation() -> None:
    single = make("eps: 2", (1, 1, 1, 2))
    single.bottom[0].data[...] = [[[[3, 9]]]]
    np.testing.assert_allclose(single.forward()[0].ravel(), [-3 / 5, 3 / 5])


def test_without_the_variance_only_the_mean_is_taken_off() -> None:
    single = make("normalize_variance: false", (1, 2, 1, 2))
    single.bottom[0].data[...] = [[[[3, 9]], [[1, 2]]]]
    np.testing.assert_allclose(single.forward()[0].ravel(), [-3, 3, -0.5, 0.5])
    single.backward(np.array([[[[1.0, 5]], [[0, 2]]]]))
    np.testing.assert_allclose(single.bottom[0].diff.ravel(), [-2, 2, -1, 1])


def test_a_constant_channel_is_0_with_a_finite_gradient() -> None:
    single = make()
    single.bottom[0].data[...] = 4
    assert not single.forward()[0].any()
    single.backward(1.0)
    assert np.isfinite(single.bottom[0].diff).all()


@pytest.mark.parametrize("shape", [(6,), (2, 3), (2, 3, 4)])
def test_the_top_has_four_axes_as_in_caffe(shape: tuple[int, ...]) -> None:
    single = make(shape=shape)
    four = shape + (1,) * (4 - len(shape))
    same = make(shape=four)
    same.bottom[0].data[...] = single.bottom[0].data.reshape(four)
    assert single.top[0].shape == four
    np.testing.assert_array_equal(single.forward()[0], same.forward()[0])
    dy = np.random.default_rng(1).standard_normal(four)
    for each in (single, same):
        each.backward(dy)
    np.testing.assert_array_equal(single.bottom[0].diff, same.bottom[0].diff.reshape(shape))


def test_in_place_forward_is_right_and_backward_is_caffes() -> None:
    apart = make(shape=(1, 2, 1, 3))
    single = make_layer(layer_text("MVN", ["x"], ["x"]), [(1, 2, 1, 3)])
    x, dy = single.bottom[0].data.copy(), np.random.default_rng(1).standard_normal((1, 2, 1, 3))
    apart.bottom[0].data[...] = x
    y = apart.forward()[0]
    np.testing.assert_array_equal(single.forward()[0], y)
    single.backward(dy)
    for c in range(2):
        d = [a * sum(p * q for p, q in zip(y[0, c, 0], dy[0, c, 0], strict=True)) for a in y[0, c, 0]]
        expected = [-2 / 3 * (a + sum(d)) / x[0, c, 0].std() for a in d]
        np.testing.assert_allclose(single.bottom[0].diff[0, c, 0], expected, rtol=1e-6)
    assert "wrong backward" in single.layer.in_place_flaw(True)
    assert not single.layer.in_place_flaw(False)


@pytest.mark.parametrize("shape", [(), (2, 3, 1, 2, 2), (2, 0)])
def test_what_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"expected a bottom of shape \(N, C, H, W\), or of fewer axes, found \("):
        make(shape=shape)
