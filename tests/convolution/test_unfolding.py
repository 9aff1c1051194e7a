"""The three products by themselves; tests/test_gemm_engine.py holds them against plain loops in many geometries."""

import naive
import numpy as np
import pytest

from pysketch.convolution import unfolding
from pysketch.convolution.im2col import Window
from pysketch.convolution.rectifier import Finish
from pysketch.convolution.unfolding import add_sums, gather, outer, scatter
from pysketch.device.workers import Workers

WINDOW = Window((3, 2), (2, 1), (1, 1), (1, 2))
SAME = {"stride": (2, 1), "pad": (1, 1), "dilation": (1, 2)}


def arrays():
    rng = np.random.default_rng(4)
    x, W = rng.standard_normal((2, 5, 17, 11)), rng.standard_normal((4, 5, 3, 2))
    return x, W, rng.standard_normal((2, 4, *WINDOW.output_size((17, 11))))


def test_gather_and_scatter_are_transposes_of_each_other():
    """<gather(x), dy> = <x, scatter(dy)>."""
    x, W, dy = arrays()
    y, dx = np.empty_like(dy), np.empty_like(x)
    gather(WINDOW, Workers(2), x, W, y, Finish())
    scatter(WINDOW, Workers(2), W, dy, dx, Finish())
    assert (y * dy).sum() == pytest.approx((x * dx).sum(), rel=1e-12)


@pytest.mark.parametrize("cache", [1, 500, 2000, 20_000])
def test_scattered_bands_overlap_without_adding_anything_twice(cache, monkeypatch):
    monkeypatch.setattr(unfolding, "_CACHE", cache)
    monkeypatch.setattr(unfolding, "_OVERLAP", 1)
    x, W, dy = arrays()
    dx = np.full_like(x, np.nan)
    scatter(WINDOW, Workers(2), W, dy, dx, Finish())
    np.testing.assert_allclose(dx, naive.convolution_backward(x, W, dy, **SAME)[0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_sums_of_several_workers_make_the_same_gradient(threads):
    x, W, dy = arrays()
    dW = np.ones_like(W)
    outer(WINDOW, Workers(threads), x, dy, dW)
    np.testing.assert_allclose(dW, 1 + naive.convolution_backward(x, W, dy, **SAME)[1], rtol=1e-10, atol=1e-12)


def test_a_repeated_sum_has_the_same_bits():
    x, W, dy = (array.astype(np.float32) for array in arrays())
    sums = [np.zeros_like(W) for _ in range(4)]
    for dW in sums:
        outer(WINDOW, Workers(3, 5000), x, dy, dW)
    for dW in sums[1:]:
        np.testing.assert_array_equal(dW, sums[0])


def test_the_bias_gradient_is_added_to():
    dy, db = np.random.default_rng(0).standard_normal((3, 2, 4, 5)), np.ones(2)
    add_sums(Workers(2), dy, db)
    np.testing.assert_allclose(db, 1 + dy.sum(axis=(0, 2, 3)))
    add_sums(Workers(2), dy, None)
