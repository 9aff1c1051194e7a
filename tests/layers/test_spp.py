"""SPP against the plain loops of pooling, level by level, and images that are too small for it."""

from __future__ import annotations

import naive
import numpy as np
import pytest
from helpers import Case, layer_text, make_layer, refused

from pysketch.device.backend import Device
from pysketch.errors import NetdefError, ShapeError


def text(options: str) -> str:
    """The layer."""
    return layer_text("SPP", ["x"], ["y"], f"spp_param {{ {options} }}")


CONTRACT = {
    "SPP": Case(text("pyramid_height: 2"), ((2, 3, 5, 4),), ((2, 15),)),
    "SPP, mean": Case(text("pyramid_height: 3 pool: AVE"), ((2, 2, 7, 8),), ((2, 42),)),
    "SPP, one level": Case(text("pyramid_height: 1"), ((2, 3, 4, 3),), ((2, 3, 1, 1),)),
}


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
def test_each_level_is_a_pooling_in_2_to_the_level_windows(pool: str, device: Device) -> None:
    single = make_layer(text(f"pyramid_height: 3 pool: {pool}"), [(2, 3, 7, 6)], device=device)
    x, (y,) = single.bottom[0].data, single.forward()
    dy = np.random.default_rng(0).standard_normal(y.shape)
    single.backward(dy)
    parts, dx, start = [], np.zeros_like(x), 0
    for kernel, pad in (((7, 6), (0, 0)), ((4, 3), (1, 0)), ((2, 2), (1, 1))):
        part = naive.pooling(x, pool, kernel, kernel, pad)[0]
        stop = start + part[0].size
        dx += naive.pooling_backward(x, dy[:, start:stop].reshape(part.shape), pool, kernel, kernel, pad)
        parts, start = [*parts, part.reshape(2, -1)], stop
    assert [part.shape[1] for part in parts] == [3, 12, 48]
    np.testing.assert_allclose(y, np.concatenate(parts, axis=1), rtol=1e-12)
    np.testing.assert_allclose(single.bottom[0].diff, dx, rtol=1e-10, atol=1e-13)


def test_images_of_any_size_give_vectors_of_one_length() -> None:
    single = make_layer(text("pyramid_height: 2"), [(1, 2, 9, 5)])
    single.bottom[0].reshape(1, 2, 6, 13)
    assert single.forward()[0].shape == (1, 10)


def test_what_does_not_fit_is_refused() -> None:
    assert "SPPParameter.pyramid_height is missing" in refused(NetdefError, make_layer, text(""), [(1, 1, 4, 4)])
    stochastic = text("pyramid_height: 1 pool: STOCHASTIC")
    message = refused(NetdefError, make_layer, stochastic, [(1, 1, 4, 4)])
    assert message.endswith("not supported: SPPParameter.pool STOCHASTIC; near: MAX, AVE")
    with pytest.raises(ShapeError, match=r"expected a bottom of shape \(N, C, H, W\), found \(2, 3\)"):
        make_layer(text("pyramid_height: 1"), [(2, 3)])
    message = refused(ShapeError, make_layer, text("pyramid_height: 3"), [(1, 1, 5, 8)])
    assert "5 pixels cannot be pooled in 4 windows of 2: the padding, 2, must be smaller than a window" in message
