import numpy as np
import pytest

from pysketch.images.variation import backgrounds
from pysketch.images.variation.backgrounds import KINDS, random_background

OTHER = np.random.default_rng(1).integers(0, 256, (60, 50, 3)).astype(np.uint8)


def draws(other, n=40, size=(37, 31)):
    return [random_background(np.random.default_rng(seed), size, other) for seed in range(n)]


def test_it_has_the_size_and_grey_levels_asked_for():
    for picture in draws(OTHER):
        assert picture.shape == (37, 31, 3)
        assert 0 <= picture.min() <= picture.max() <= 255


def test_the_generator_alone_decides():
    for one, again in zip(draws(OTHER, 6), draws(OTHER, 6), strict=True):
        np.testing.assert_array_equal(one, again)


def test_dark_and_light_plain_and_busy_ones_come():
    pictures = draws(OTHER)
    means, spreads = [each.mean() for each in pictures], [each.std() for each in pictures]
    assert min(means) < 70
    assert max(means) > 180
    assert min(spreads) < 15
    assert max(spreads) > 45


@pytest.mark.parametrize("kind", KINDS[:3])
def test_each_kind_can_be_drawn_without_another_photo(kind):
    picture = getattr(backgrounds, f"_{kind}")(np.random.default_rng(0), (20, 30))
    assert picture.shape == (20, 30, 3)
