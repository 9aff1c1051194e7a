import numpy as np
import pytest

from pysketch.images.variation.light import cast_shadow, side_light, without_colour


def test_light_from_the_right_is_brightest_there():
    light = side_light((20, 30), 0.0, 0.3)
    assert light.shape == (20, 30, 1)
    np.testing.assert_allclose(light[:, -1, 0], np.exp(0.3), rtol=1e-5)
    np.testing.assert_allclose(light[:, 0, 0], np.exp(-0.3), rtol=1e-5)


def test_without_strength_nothing_changes():
    np.testing.assert_array_equal(side_light((5, 7), 1.0, 0.0), np.ones((5, 7, 1), np.float32))


@pytest.mark.parametrize("seed", range(12))
def test_a_shadow_is_dark_on_one_side_only(seed):
    shadow = cast_shadow(np.random.default_rng(seed), (100, 80))
    assert shadow.shape == (100, 80, 1)
    assert 0.25 < shadow.min() < 0.8
    assert shadow.max() > 0.9


def test_a_photo_without_colour_has_its_luma():
    photo = np.float32([[[255, 0, 0], [0, 255, 0]]])
    np.testing.assert_allclose(without_colour(photo)[0, :, 1], [76.245, 149.685], rtol=1e-5)
