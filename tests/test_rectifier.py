"""The rectifier and its derivative in place, and blocks that are finished with them."""

import numpy as np
import pytest

from pysketch.blocks import Block
from pysketch.rectifier import Finish, gate, rectify

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
