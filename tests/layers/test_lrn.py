"""LRN against plain loops, across channels and within them."""

from __future__ import annotations

from typing import Any

import naive
import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import Device
from pysketch.errors import NetdefError, ShapeError

CONTRACT = {
    "LRN": Case(layer_text("LRN", ["x"], ["y"], "lrn_param { local_size: 3 k: 2 }"), ((2, 5, 3, 4),), ((2, 5, 3, 4),)),
    "LRN, within": Case(
        layer_text("LRN", ["x"], ["y"], "lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL }"),
        ((2, 2, 5, 4),),
        ((2, 2, 5, 4),),
    ),
}

SHAPE = (2, 7, 4, 5)
CASES = {
    "defaults": ("", {}),
    "k": ("local_size: 3 alpha: 0.7 beta: 0.4 k: 2.5", {"size": 3, "alpha": 0.7, "beta": 0.4, "k": 2.5}),
    "one channel": ("local_size: 1 alpha: 3", {"size": 1, "alpha": 3.0}),
    "wider than the channels": ("local_size: 17", {"size": 17}),
    "within": ("norm_region: WITHIN_CHANNEL local_size: 3 alpha: 2", {"size": 3, "alpha": 2.0, "within": True}),
    "within, where k has no effect": ("norm_region: WITHIN_CHANNEL k: 9", {"within": True}),
}


def make(options: str = "", shape: tuple[int, ...] = SHAPE, **more: Any) -> SingleLayer:
    """The layer, with a random image."""
    return make_layer(layer_text("LRN", ["x"], ["y"], f"lrn_param {{ {options} }}"), [shape], **more)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("name", CASES)
def test_it_is_the_plain_loop_forward_and_backward(name: str, dtype: type, rtol: float, device: Device) -> None:
    options, given = CASES[name]
    same = {"size": 5, "alpha": 1.0, "beta": 0.75, "k": 1.0, "within": False} | given
    single = make(options, dtype=dtype, device=device)
    x = single.bottom[0].data.astype(np.float64)
    dy = np.random.default_rng(1).standard_normal(SHAPE).astype(dtype)
    (y,) = single.forward()
    single.backward(dy)
    np.testing.assert_allclose(y, naive.lrn(x, **same), rtol=rtol, atol=rtol)
    dx = naive.lrn_backward(x, dy.astype(np.float64), **same)
    np.testing.assert_allclose(single.bottom[0].diff, dx, rtol=0, atol=rtol * abs(dx).max())


def test_only_within_channels_it_sees_other_pixels() -> None:
    assert [field.size for field in make("local_size: 5").layer.receptive_field()] == [1, 1]
    within = make("local_size: 5 norm_region: WITHIN_CHANNEL").layer
    assert [field.size for field in within.receptive_field()] == [5, 5]


def test_an_even_window_is_refused() -> None:
    with pytest.raises(NetdefError, match=r'<netdef>:2:\d+: layer "it": local_size must be odd, found 4'):
        make("local_size: 4")


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"expected a bottom of shape \(N, C, H, W\), found \(2, 3\)"):
        make(shape=(2, 3))


def test_in_place_within_channels_forward_is_right_and_backward_takes_y_for_x() -> None:
    options = "lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 alpha: 2 }"
    single = make_layer(layer_text("LRN", ["x"], ["x"], options), [SHAPE])
    x, dy = single.bottom[0].data.copy(), np.random.default_rng(1).standard_normal(SHAPE)
    same = {"size": 3, "alpha": 2.0, "beta": 0.75, "k": 1.0, "within": True}
    y = naive.lrn(x, **same)
    np.testing.assert_allclose(single.forward()[0], y, rtol=1e-12)
    single.backward(dy)
    s = (x / y) ** (1 / 0.75)
    padded = np.pad(dy * y * s**-1.75, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = sum(padded[:, :, i : i + SHAPE[2], j : j + SHAPE[3]] for i in range(3) for j in range(3))
    np.testing.assert_allclose(single.bottom[0].diff, dy * s**-0.75 - 2 * 2 / 9 * 0.75 * y * windows, rtol=1e-9)
    assert "wrong backward" in single.layer.in_place_flaw(True)
    assert not single.layer.in_place_flaw(False)


def test_in_place_across_channels_it_overwrites_x_with_its_factor_as_in_caffe() -> None:
    single = make_layer(layer_text("LRN", ["x"], ["x"], "lrn_param { local_size: 1 alpha: 3 }"), [(2, 3, 1, 2)])
    s = 1 + 3 * single.bottom[0].data ** 2
    dy = np.random.default_rng(1).standard_normal((2, 3, 1, 2))
    np.testing.assert_allclose(single.forward()[0], s**-1.5, rtol=1e-12)
    single.backward(dy)
    np.testing.assert_allclose(
        single.bottom[0].diff, s**-1.5 - 2 * 3 * 0.75 * s**-1.5 * s**-1.5 * s**-1.5 / s, rtol=1e-12
    )
    assert single.layer.in_place_flaw(False)
