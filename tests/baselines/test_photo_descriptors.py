"""What light changes and what it does not, and descriptors against loops."""

from __future__ import annotations

import numpy as np
import pytest

from pysketch.baselines.photo_descriptors import BINS, band_pass, orientation_maps, quarter_descriptors, remap


def luma(h=11, w=14, seed=0):
    return np.random.default_rng(seed).uniform(40, 100, (h, w)).astype(np.float32)


def described(picture):
    maps = orientation_maps(picture, 1.5)[None]
    return quarter_descriptors(maps, np.array(0), np.array([0, 3]), np.array([2, 5]), 6)


def test_remapped_luma_has_the_mean_and_deviation_asked_for():
    picture = remap(luma(), 120, 30)
    assert picture.dtype == np.float32
    assert picture.mean() == pytest.approx(120, rel=1e-5)
    assert picture.std() == pytest.approx(30, rel=1e-5)


def test_remapped_luma_does_not_change_with_brightness_and_contrast():
    np.testing.assert_allclose(remap(1.7 * luma() + 20, 120, 30), remap(luma(), 120, 30), atol=1e-3)


def test_an_even_picture_is_remapped_to_the_mean():
    np.testing.assert_array_equal(remap(np.full((3, 4), 9, np.uint8), 120, 30), np.full((3, 4), 120))


def test_the_band_pass_ignores_brightness_and_is_linear_in_contrast():
    np.testing.assert_allclose(band_pass(2 * luma() + 31, 1, 3), 2 * band_pass(luma(), 1, 3), atol=1e-3)
    assert np.abs(band_pass(luma(), 1, 3)).max() > 1


def test_the_band_pass_takes_slow_shading_away_and_keeps_lines():
    shading = np.tile(np.linspace(0, 100, 41), (9, 1))
    line = np.zeros((9, 41))
    line[:, 20] = 100
    assert np.abs(band_pass(shading, 1, 4)[:, 15:26]).max() < 1
    assert band_pass(line, 1, 4)[4, 20] > 20


@pytest.mark.parametrize("degrees", [0, 45, 90, 180, 270])
def test_a_slope_is_in_the_map_of_its_direction_alone(degrees):
    y, x = np.mgrid[:7, :9]
    slope = 3 * (np.cos(np.radians(degrees)) * x + np.sin(np.radians(degrees)) * y)
    maps = orientation_maps(slope, 1.0)
    expected = np.zeros(BINS)
    expected[degrees // 45] = 3
    np.testing.assert_allclose(maps[3, 4], expected, atol=1e-4)


def test_a_slope_between_two_directions_is_shared_in_proportion():
    y, x = np.mgrid[:7, :9]
    angle = np.radians(-9)  # a fifth of the way from bin 0 to bin 7
    maps = orientation_maps(10 * (np.cos(angle) * x + np.sin(angle) * y), 1.0)
    np.testing.assert_allclose(maps[3, 4, [0, 7]], [8, 2], atol=1e-3)


def test_descriptors_have_length_one_and_do_not_change_with_the_light():
    np.testing.assert_allclose(np.linalg.norm(described(luma()), axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(described(1.7 * luma() + 20), described(luma()), atol=1e-5)
    assert np.abs(described(luma()) - described(luma(seed=1))).max() > 0.1


def test_an_even_patch_is_described_by_zeros():
    assert not described(np.full((11, 14), 7.0)).any()


@pytest.mark.parametrize("size", [4, 5, 9])
def test_descriptors_are_the_maps_in_the_middles_of_the_quarters(size):
    maps = np.random.default_rng(0).random((3, 12, 15, BINS))
    images, tops, lefts = np.array([[2, 0]]), np.array([[1, 3]]), np.array([[4, 0]])
    found = quarter_descriptors(maps, images, tops, lefts, size)
    assert found.shape == (1, 2, 4 * BINS)
    near, far = {4: (1, 2), 5: (1, 3), 9: (2, 6)}[size]
    for j, (n, y, x) in enumerate(((2, 1, 4), (0, 3, 0))):
        expected = np.concatenate([maps[n, y + dy, x + dx] for dy in (near, far) for dx in (near, far)])
        np.testing.assert_allclose(found[0, j], expected / np.linalg.norm(expected))
