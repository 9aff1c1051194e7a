"""The rectifier and its derivative in place, and blocks that are finished with them."""

import naive
import numpy as np
import pytest

from pysketch.convolution.blocks import Block
from pysketch.convolution.rectifier import Finish, finish_images, gate, rectify
from pysketch.device.backend import to_host
from pysketch.device.workers import Workers

VALUES = np.array([-2.0, -0.5, 0.0, 0.5, 3.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("slope", [0.0, 0.25, 1.0, 2.0, -1.0])
def test_what_is_not_positive_is_multiplied_by_the_slope(slope, dtype):
    y = VALUES.astype(dtype)
    rectify(y, slope)
    np.testing.assert_array_equal(y, [-2 * slope, -0.5 * slope, 0, 0.5, 3])
    assert y.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("slope", [0.0, 0.25, 1.0, 2.0, -1.0])
def test_the_derivative_at_the_kink_is_the_slope(slope, dtype):
    dy = np.full(5, 3, dtype)
    gate(dy, VALUES.astype(dtype), slope)
    np.testing.assert_array_equal(dy, [3 * slope, 3 * slope, 3 * slope, 3, 3])
    assert dy.dtype == dtype


def test_a_block_is_finished_with_the_biases_of_its_own_channels():
    target = np.zeros((2, 3, 4))
    Finish(np.array([1.0, -2.0, 3.0]), 0.5)(target, Block(0, 0, 3, 0, 4), first=1)
    np.testing.assert_array_equal(target, np.broadcast_to(np.array([-1.0, 3.0])[:, None, None], (2, 3, 4)))


def test_a_block_is_gated_by_its_own_place_in_what_was_made():
    made = np.random.default_rng(0).standard_normal((2, 5, 6, 7))
    target = np.ones((2, 3, 4))
    Finish(slope=0.0, made=made)(target, Block(1, 2, 5, 3, 7), first=3)
    np.testing.assert_array_equal(target, made[1, 3:5, 2:5, 3:7] > 0)


def test_nothing_to_finish_leaves_the_block_alone():
    target = -np.ones((2, 3, 4))
    Finish()(target, Block(0, 0, 3, 0, 4))
    assert (target == -1).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("slope", [0.0, 0.25, 2.0, -1.0])
def test_workers_share_images_and_make_the_same_of_them(slope, dtype):
    x, dy = np.random.default_rng(1).standard_normal((2, 2, 6, 65, 63)).astype(dtype)
    x[0, 2, 3, :4] = np.nan, np.inf, -np.inf, 0
    x, dy = x[:, 1:], dy[:, 1:]
    out, gated = np.zeros((2, 2, 5, 65, 63), dtype)
    expected, expected_diff = np.empty_like(out), np.empty_like(out)
    with np.errstate(invalid="ignore"):
        rectify(x, slope, expected)
    rectify(x, slope, out, Workers(3))
    gate(dy, x, slope, expected_diff)
    gate(dy, x, slope, gated, Workers(3))
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(gated, expected_diff)


@pytest.mark.kernels
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("slope", [0.0, 0.25, 2.0, -1.0])
def test_rectifying_and_gating_are_plain_loops_on_every_device(device, slope, dtype):
    rng = np.random.default_rng(3)
    x, dy = (np.maximum(rng.integers(-3, 4, (3, 5, 7)), -2).astype(dtype) for _ in range(2))
    out, gated = (device.xp.full(x.shape, np.nan, dtype) for _ in range(2))
    rectify(device.xp.asarray(x), slope, out)
    gate(device.xp.asarray(dy), device.xp.asarray(x), slope, gated)
    np.testing.assert_array_equal(to_host(out), naive.relu(x, slope))
    np.testing.assert_array_equal(to_host(gated), naive.relu_backward(x, dy, slope))


@pytest.mark.kernels
def test_what_is_not_a_number_stays_so_on_every_device(device):
    x = device.xp.asarray(np.array([np.nan, -np.inf, np.inf, -2.0, -0.0]))
    rectify(x)
    np.testing.assert_array_equal(to_host(x), [np.nan, 0, np.inf, 0, 0])


@pytest.mark.kernels
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("slope", [None, 0.0, 0.25])
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("gated", [False, True])
def test_positions_of_images_are_finished_and_no_others(device, gated, with_bias, slope, dtype):
    """Some channels of larger arrays: the images are apart, by different steps."""
    rng = np.random.default_rng(4)
    y, made = (rng.standard_normal((4, channels, 5, 7)).astype(dtype) for channels in (6, 8))
    made[:, :, ::2, ::3] = 0
    bias = rng.standard_normal(3).astype(dtype) if with_bias else None
    gated = gated and slope is not None
    expected = y.copy()
    for n, c, p in np.ndindex(4, 6, 35):
        if n in (1, 2) and 2 <= c < 5 and 9 <= p < 30:
            place = n, c, *divmod(p, 7)
            value = y[place] + (bias[c - 2] if with_bias else 0)
            sign = made[n, c + 2, p // 7, p % 7] if gated else value
            expected[place] = value if slope is None or sign > 0 else slope * value
    xp = device.xp
    y = xp.asarray(y)
    finish = Finish(bias if bias is None else xp.asarray(bias), slope, xp.asarray(made)[:, 4:7] if gated else None)
    finish_images(finish, y[:, 2:5], slice(1, 3), slice(9, 30))
    np.testing.assert_array_equal(to_host(y), expected)
