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


@pytest.mark.parametrize("kind", KINDS[:4])
def test_each_kind_can_be_drawn_without_another_photo(kind):
    picture = getattr(backgrounds, f"_{kind}")(np.random.default_rng(0), (20, 30))
    assert picture.shape == (20, 30, 3)


def test_stripes_have_two_colours_that_come_again_and_half_of_them_are_out_of_focus():
    pictures = [backgrounds._stripes(np.random.default_rng(seed), (150, 150)) for seed in range(8)]
    colours = [np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)[1] for picture in pictures]
    sharp = [counts / counts.sum() for counts in colours if len(counts) == 2]
    assert 1 <= len(sharp) < 8
    assert all(0.1 < share < 0.9 for shares in sharp for share in shares)


def test_two_thirds_of_the_colours_are_dark():
    levels = np.array([backgrounds._colour(np.random.default_rng(seed)).mean() for seed in range(1000)])
    assert 0.6 < (levels < 128).mean() < 0.72
    assert 0.05 < (levels > 180).mean() < 0.15
