"""The paper's measure is what evaluate.py takes, to the last bit."""

import galleries
import numpy as np
import pytest

from pysketch.errors import DataError, GalleryError
from pysketch.images.metrics import squared_distances
from pysketch.images.preprocessing import crop_centre
from pysketch.search import pixels
from pysketch.search.pixels import pixel_distances
from pysketch.search.portraits import Packed

RNG = np.random.default_rng(5)
QUERY = RNG.integers(0, 256, (250, 200)).astype(np.uint8)
OTHERS = [RNG.integers(0, 256, size).astype(np.uint8) for size in ((250, 200), (238, 188), (188, 143), (200, 155))]


def test_it_is_evaluates_own_to_the_last_bit_of_nets_sketches_of_any_size(monkeypatch):
    expected = squared_distances([crop_centre(each, 143, 188) for each in OTHERS], [crop_centre(QUERY, 143, 188)])
    for block in (1, 3, 256):
        monkeypatch.setattr(pixels, "_BLOCK", block)
        told = []
        found = pixel_distances(QUERY, Packed.of(map(galleries.picture, OTHERS)), told.append)
        np.testing.assert_array_equal(found, expected[0])
        assert sum(told) == 4


def test_it_is_the_sum_of_squared_differences():
    other = QUERY.copy()
    other[125, 100] = 255 - other[125, 100]
    other[0, 0] = 255 - other[0, 0]  # outside the centre
    (found,) = pixel_distances(QUERY, Packed.of([galleries.picture(other)]))
    assert found == (int(QUERY[125, 100]) - int(other[125, 100])) ** 2


def test_a_gallery_that_keeps_not_all_sketches_says_so():
    files = [galleries.picture(OTHERS[0]), b"", b""]
    with pytest.raises(GalleryError, match=r"^2 of 3 photos are kept without their drawn sketch"):
        pixel_distances(QUERY, Packed.of(files))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no picture", "the sketch drawn of photo 1: "),
        (galleries.picture(np.zeros((100, 90), np.uint8)), "photo 1: a 143x188 crop does not fit a 90x100 image"),
        (galleries.picture(np.zeros((300, 200), np.uint8)), "photo 1: expected an aligned sketch of 200x250 pixels"),
    ],
)
def test_a_kept_sketch_that_is_none_is_one_line(content, message):
    with pytest.raises(GalleryError, match=message):
        pixel_distances(QUERY, Packed.of([galleries.picture(OTHERS[0]), content]))


def test_a_query_that_is_too_small_is_one_line():
    with pytest.raises(DataError, match="a 143x188 crop does not fit a 100x100 image"):
        pixel_distances(QUERY[:100, :100], Packed.of([galleries.picture(OTHERS[0])]))


def test_nobody_enrolled_is_nobody_near():
    assert pixel_distances(QUERY, Packed.of([])).shape == (0,)
