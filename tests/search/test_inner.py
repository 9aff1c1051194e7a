"""Of the inner face alone: each kept sketch's distance is a query's, and what lies around it is no part of it."""

import galleries
import numpy as np
import pytest

from pysketch.errors import DataError, GalleryError
from pysketch.search import inner
from pysketch.search.describe import describe
from pysketch.search.inner import inner_distances
from pysketch.search.matching import Query
from pysketch.search.portraits import Packed
from pysketch.search.views import INNER_VIEWS


@pytest.fixture(autouse=True)
def _few_transforms(monkeypatch):
    galleries.few_transforms(monkeypatch)


@pytest.fixture(scope="module")
def sketches():
    return [sketch for _, _, sketch in galleries.people(3)]


def test_each_distance_is_that_of_the_sketch_which_the_gallery_keeps_whole_or_its_centre(sketches, monkeypatch):
    monkeypatch.setattr(inner, "_BLOCK", 2)
    told = []
    kept = [sketches[0], sketches[1][6:244, 6:194], sketches[2][25:225, 22:177]]
    found = inner_distances(sketches[1], Packed.of(map(galleries.picture, kept)), told.append)
    query = Query(sketches[1], INNER_VIEWS)
    expected = [query.distances(describe(each, INNER_VIEWS).detail[None])[0] for each in sketches]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.argmin() == 1
    assert told == [2, 1]
    assert inner_distances(sketches[1], Packed.of([])).shape == (0,)


def test_a_gallery_without_drawn_sketches_or_with_damaged_ones_is_one_line(sketches):
    for file, message in (
        (b"", r"^1 of 1 photos are kept without their drawn sketch"),
        (b"no picture", "the sketch drawn of photo 0: "),
    ):
        with pytest.raises(GalleryError, match=message):
            inner_distances(sketches[0], Packed.of([file]))


def test_a_query_larger_than_the_frame_is_one_line():
    with pytest.raises(DataError, match="expected an aligned sketch of 200x250 pixels, found 200x260"):
        inner_distances(np.zeros((260, 200), np.uint8), Packed.of([]))
