"""Gradients, fine detail and black: single numbers worked out by hand."""

import numpy as np
import pytest

from pysketch.images.measures.strokes import dark_share, fine_ratio, gradient_ratio


def wave(length, height=64, width=48, strength=100):
    return 128 + strength * np.sin(2 * np.pi * np.arange(width) / length) * np.ones((height, 1))


def test_a_slope_twice_as_steep_has_twice_the_gradient():
    slope = np.add.outer(np.arange(7), 2 * np.arange(9))
    assert gradient_ratio([2 * slope], [slope]) == pytest.approx(2)
    assert gradient_ratio([slope, slope], [slope]) == pytest.approx(1)
    assert gradient_ratio([slope.T], [slope]) == pytest.approx(1)


def test_gradients_are_averaged_over_all_pictures_before_the_ratio():
    slope = np.arange(8) * np.ones((6, 1))
    assert gradient_ratio([slope, slope], [slope, 3 * slope]) == pytest.approx(0.5)


def test_fine_detail_is_waves_shorter_than_8_pixels_squared():
    fine, coarse = wave(4), wave(16)
    assert fine_ratio([fine / 2], [fine]) == pytest.approx(0.25)
    assert fine_ratio([coarse], [fine]) < 1e-3
    assert fine_ratio([fine + coarse], [fine]) == pytest.approx(1, rel=0.02)


def test_a_jump_between_opposite_borders_is_no_detail():
    slope = np.arange(48) * np.ones((64, 1)) * 5
    assert fine_ratio([slope], [wave(4)]) < 1e-3


def test_black_is_below_64():
    assert dark_share([np.array([[0, 63], [64, 255]], np.uint8), np.full((2, 2), 255, np.uint8)]) == 0.25


def test_flat_sketches_have_no_ratio_to_be_compared_with():
    flat = np.full((8, 9), 200)
    assert gradient_ratio([wave(4)], [flat]) == fine_ratio([wave(4)], [flat]) == np.inf
