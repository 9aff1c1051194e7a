"""Pooling against plain loops in every option, its mask and its ties, and what it refuses."""

from __future__ import annotations

from typing import Any

import naive
import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import Device
from pysketch.errors import NetdefError, ShapeError

CONTRACT = {
    "Pooling": Case(
        layer_text("Pooling", ["x"], ["y"], "pooling_param { kernel_h: 3 kernel_w: 2 stride: 2 pad: 1 }"),
        ((2, 3, 5, 6),),
        ((2, 3, 3, 4),),
    ),
    "Pooling, mean": Case(
        layer_text("Pooling", ["x"], ["y"], "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }"),
        ((2, 3, 5, 6),),
        ((2, 3, 3, 4),),
    ),
}

Geometry = dict[str, Any]
CASES: dict[str, tuple[str, tuple[int, ...], tuple[int, ...], Geometry]] = {
    "plain": ("kernel_size: 2", (2, 3, 4, 5), (2, 3, 3, 4), {"kernel": (2, 2)}),
    "stride": ("kernel_size: 2 stride: 2", (2, 3, 4, 6), (2, 3, 2, 3), {"kernel": (2, 2), "stride": (2, 2)}),
    "rounded up": ("kernel_size: 2 stride: 2", (2, 3, 5, 7), (2, 3, 3, 4), {"kernel": (2, 2), "stride": (2, 2)}),
    "rounded down": (
        "kernel_size: 2 stride: 2 round_mode: FLOOR",
        (2, 3, 5, 7),
        (2, 3, 2, 3),
        {"kernel": (2, 2), "stride": (2, 2), "ceil": False},
    ),
    "overlapping": ("kernel_size: 3 stride: 2", (2, 2, 6, 7), (2, 2, 3, 3), {"kernel": (3, 3), "stride": (2, 2)}),
    "padded": (
        "kernel_size: 3 stride: 2 pad: 1",
        (2, 2, 5, 6),
        (2, 2, 3, 4),
        {"kernel": (3, 3), "stride": (2, 2), "pad": (1, 1)},
    ),
    "a window that begins behind the padding": (
        "kernel_size: 2 stride: 3 pad: 1",
        (1, 2, 4, 6),
        (1, 2, 2, 3),
        {"kernel": (2, 2), "stride": (3, 3), "pad": (1, 1)},
    ),
    "all sizes of their own": (
        "kernel_h: 3 kernel_w: 2 stride_h: 1 stride_w: 2 pad_h: 2 pad_w: 0",
        (2, 3, 4, 5),
        (2, 3, 6, 3),
        {"kernel": (3, 2), "stride": (1, 2), "pad": (2, 0)},
    ),
    "larger than the image": (
        "kernel_size: 3 stride: 2",
        (2, 3, 2, 2),
        (2, 3, 1, 1),
        {"kernel": (3, 3), "stride": (2, 2)},
    ),
    "stride beyond the kernel": (
        "kernel_size: 1 stride: 3",
        (1, 2, 6, 7),
        (1, 2, 2, 3),
        {"kernel": (1, 1), "stride": (3, 3)},
    ),
    "global": ("global_pooling: true", (2, 3, 4, 5), (2, 3, 1, 1), {"kernel": (4, 5)}),
}


def make(options: str, shape: tuple[int, ...], tops: tuple[str, ...] = ("y",), **more: Any) -> SingleLayer:
    """The layer, with a random image."""
    return make_layer(layer_text("Pooling", ["x"], tops, f"pooling_param {{ {options} }}"), [shape], **more)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("pool", ["MAX", "AVE"])
@pytest.mark.parametrize("name", CASES)
def test_it_is_the_plain_loop_forward_and_backward(name: str, pool: str, dtype: type, device: Device) -> None:
    options, shape, out, same = CASES[name]
    single = make(f"pool: {pool} {options}", shape, dtype=dtype, device=device)
    x = single.bottom[0].data.astype(np.float64)
    (y,) = single.forward()
    assert y.shape == out
    dy = np.random.default_rng(1).standard_normal(out).astype(dtype)
    single.backward(dy)
    rtol = 1e-12 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(y, naive.pooling(x, pool, **same)[0], rtol=rtol, atol=rtol)
    dx = naive.pooling_backward(x, dy.astype(np.float64), pool, **same)
    np.testing.assert_allclose(single.bottom[0].diff, dx, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("name", CASES)
def test_the_mask_says_where_in_its_channel_each_maximum_is(name: str, device: Device) -> None:
    options, shape, out, same = CASES[name]
    single = make(options, shape, ("y", "mask"), device=device)
    y, mask = single.forward()
    assert mask.shape == out
    expected = naive.pooling(single.bottom[0].data, "MAX", **same)
    np.testing.assert_array_equal(y, expected[0])
    np.testing.assert_array_equal(mask, expected[1])


@pytest.mark.parametrize("name", ["overlapping", "padded", "all sizes of their own"])
def test_at_ties_the_first_in_reading_order_is_the_maximum(name: str, device: Device) -> None:
    options, shape, out, same = CASES[name]
    single = make(options, shape, ("y", "mask"), device=device)
    single.bottom[0].data[...] = np.random.default_rng(0).integers(0, 2, shape)
    _, mask = single.forward()
    np.testing.assert_array_equal(mask, naive.pooling(single.bottom[0].data, "MAX", **same)[1])
    dy = np.random.default_rng(1).standard_normal(out)
    single.backward(dy, 0.0)
    np.testing.assert_allclose(
        single.bottom[0].diff, naive.pooling_backward(single.bottom[0].data, dy, "MAX", **same), atol=1e-12
    )


def test_padding_is_never_a_maximum_but_counts_in_a_mean() -> None:
    for pool, corner in (("MAX", -4), ("AVE", -4 * 4 / 9)):
        single = make(f"pool: {pool} kernel_size: 3 pad: 1", (1, 1, 3, 3))
        single.bottom[0].data[...] = -4
        assert single.forward()[0][0, 0, 0, 0] == pytest.approx(corner)


def test_what_lies_behind_the_padding_does_not_count_in_a_mean() -> None:
    single = make("pool: AVE kernel_size: 3 stride: 2", (1, 1, 4, 4))
    single.bottom[0].data[...] = 6
    np.testing.assert_allclose(single.forward()[0], 6)


def test_not_a_number_stays_one(device: Device) -> None:
    single = make("kernel_size: 2 stride: 2", (1, 1, 4, 4), device=device)
    single.bottom[0].data[0, 0, 3, 0] = np.nan
    assert np.isnan(single.forward()[0]).ravel().tolist() == [False, False, True, False]


def test_a_global_pool_and_a_mask_see_the_whole_image() -> None:
    assert make("global_pooling: true", (1, 1, 3, 3)).layer.receptive_field() is None
    assert make("kernel_size: 2", (1, 1, 3, 3), ("y", "mask")).layer.receptive_field() is None
    assert make("kernel_size: 2", (1, 1, 3, 3)).layer.receptive_field() is not None


def test_a_global_pool_follows_the_images_size() -> None:
    single = make("global_pooling: true pool: AVE", (1, 2, 3, 3))
    single.bottom[0].reshape(1, 2, 5, 4)
    single.bottom[0].data[...] = np.arange(40).reshape(1, 2, 5, 4)
    np.testing.assert_allclose(single.forward()[0].ravel(), [9.5, 29.5])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("pool: STOCHASTIC kernel_size: 2", "not supported: PoolingParameter.pool STOCHASTIC; near: MAX, AVE"),
        ("", "kernel_size is missing or 0; or give kernel_h and kernel_w"),
        ("kernel_h: 2", "give either kernel_size, or both kernel_h and kernel_w"),
        ("kernel_size: 2 kernel_h: 2 kernel_w: 2", "give either kernel_size, or both kernel_h and kernel_w"),
        ("kernel_size: 2 pad: 2", r"pad \(2, 2\) must be less than the kernel \(2, 2\)"),
        ("global_pooling: true kernel_size: 2", "global_pooling takes the whole image; leave the kernel out"),
        ("global_pooling: true stride: 2", "global_pooling needs stride 1 and pad 0"),
        ("global_pooling: true pad: 1", "global_pooling needs stride 1 and pad 0"),
        ("kernel_size: 2 stride: 0", "PoolingParameter.stride: expected at least 1, found 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: str, message: str) -> None:
    with pytest.raises(NetdefError, match=f'<netdef>:2:\\d+: layer "it": {message}'):
        make(options, (1, 1, 4, 4))


def test_only_maxima_have_a_mask() -> None:
    with pytest.raises(NetdefError, match="only MAX pooling has a second top, the mask"):
        make("pool: AVE kernel_size: 2", (1, 1, 4, 4), ("y", "mask"))


def test_images_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"kernel 5x5 .* does not fit a 2x3 input with pad 0x0"):
        make("kernel_size: 5", (1, 1, 2, 3))
    with pytest.raises(ShapeError, match=r"expected a bottom of shape \(N, C, H, W\), found \(2, 3\)"):
        make("kernel_size: 1", (2, 3))
