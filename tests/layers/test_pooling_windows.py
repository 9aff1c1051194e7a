"""Windows along an axis: how many there are, and sums and maxima over them, there and back."""

from __future__ import annotations

import math

import naive
import numpy as np
import pytest

from pysketch.device.backend import Device, to_host
from pysketch.layers.pooling_windows import (
    Windows,
    first_maxima,
    pool,
    spread_maxima,
    spread_sums,
    unpool,
    window_maxima,
    window_sums,
)

GEOMETRIES = [
    (size, k, s, p) for size in (1, 2, 5, 7) for k in (1, 2, 3, 5) for s in (1, 2, 3) for p in (0, 1, 2) if p < k
]


@pytest.mark.parametrize("ceil", [True, False])
def test_windows_are_counted_as_caffe_counts_them(ceil: bool) -> None:
    for size, kernel, stride, pad in GEOMETRIES:
        count = (math.ceil if ceil else math.floor)((size + 2 * pad - kernel) / stride) + 1
        if (count - 1) * stride >= size + pad:
            count -= 1
        assert Windows.along(size, kernel, stride, pad, ceil).count == count


def test_a_last_window_that_begins_behind_the_padding_is_left_out() -> None:
    assert Windows.along(4, 2, 3, 1, True).count == 2  # one that began at 6 would see nothing of 0..3
    assert Windows.along(5, 2, 2, 0, True).count == 3  # begins at 4, on the last element
    assert Windows.along(5, 2, 2, 0, False).count == 2
    assert Windows.along(3, 1, 3, 0, True).count == 1  # without padding too: 3 is beyond 0..2


def test_lengths_count_padding_but_not_what_lies_behind_it() -> None:
    assert Windows.along(5, 3, 2, 0, True).lengths().tolist() == [3, 3]
    assert Windows.along(4, 3, 2, 0, True).lengths().tolist() == [3, 2]
    assert Windows.along(4, 3, 2, 1, True).lengths().tolist() == [3, 3, 2]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sums_and_maxima_are_those_of_the_windows_elements(axis: int, device: Device) -> None:
    host = np.random.default_rng(0).standard_normal((5, 7, 4))
    x = device.xp.asarray(host)
    windows = Windows.along(host.shape[axis], 3, 2, 1, True)
    sums, maxima = to_host(window_sums(x, windows, axis)), to_host(window_maxima(x, windows, axis))
    largest, place = (to_host(each) for each in first_maxima(x, windows, axis))
    for o in range(windows.count):
        inside = [k for k in range(3) if 0 <= 2 * o - 1 + k < host.shape[axis]]
        seen = host.take([2 * o - 1 + k for k in inside], axis)
        np.testing.assert_allclose(sums.take(o, axis), seen.sum(axis))
        np.testing.assert_array_equal(maxima.take(o, axis), seen.max(axis))
        np.testing.assert_array_equal(largest.take(o, axis), seen.max(axis))
        np.testing.assert_array_equal(place.take(o, axis), np.array(inside)[seen.argmax(axis)])


def test_of_equal_elements_the_first_is_the_maximum() -> None:
    windows = Windows.along(4, 3, 1, 1, True)
    x = np.array([2.0, 2, 1, 2])
    maxima, place = first_maxima(x, windows, 0)
    assert maxima.tolist() == [2, 2, 2, 2]
    assert place.tolist() == [1, 0, 0, 1]
    assert spread_maxima(np.array([1.0, 10, 100, 1000]), place, windows, 0).tolist() == [11, 100, 0, 1000]


def test_not_a_number_is_a_maximum_and_so_is_minus_infinity_if_there_is_nothing_else() -> None:
    windows = Windows.along(4, 2, 2, 0, True)
    maxima, place = first_maxima(np.array([3, np.nan, -np.inf, -np.inf]), windows, 0)
    assert np.isnan(maxima[0])
    assert maxima[1] == -np.inf
    assert place.tolist() == [0, 0]


def test_spreading_is_the_transpose_of_summing(device: Device) -> None:
    rng = np.random.default_rng(0)
    for size, kernel, stride, pad in GEOMETRIES:
        windows = Windows.along(size, kernel, stride, pad, True)
        if windows.count < 1:
            continue
        x, dy = rng.standard_normal((3, size)), rng.standard_normal((3, windows.count))
        there = to_host(window_sums(device.xp.asarray(x), windows, 1))
        back = to_host(spread_sums(device.xp.asarray(dy), windows, 1))
        assert (there * dy).sum() == pytest.approx((x * back).sum())


@pytest.mark.parametrize("mean", [False, True])
def test_pooling_over_rectangles_is_that_of_the_plain_loop(mean: bool, device: Device) -> None:
    x = np.random.default_rng(0).standard_normal((2, 7, 6))
    rows, cols = Windows.along(7, 3, 2, 1, True), Windows.along(6, 2, 2, 0, True)
    geometry = "AVE" if mean else "MAX", (3, 2), (2, 2), (1, 0)
    expected, _ = naive.pooling(x[None], *geometry)
    here = device.xp.asarray(x)
    np.testing.assert_allclose(to_host(pool(here, rows, cols, mean)), expected[0], rtol=1e-12)
    dy = np.random.default_rng(1).standard_normal(expected[0].shape)
    dx = naive.pooling_backward(x[None], dy[None], *geometry)[0]
    found = to_host(unpool(here, device.xp.asarray(dy), rows, cols, mean))
    np.testing.assert_allclose(found, dx, rtol=1e-12, atol=1e-14)
