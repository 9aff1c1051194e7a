"""How sketches are compared to find a person: the three measures, the masked face, the margin, against loops."""

import numpy as np
import pytest

from pysketch.images import synthetic
from pysketch.images.metrics import squared_distances
from pysketch.images.preprocessing import crop_centre
from pysketch.report import matches
from pysketch.report.matches import MATCHES, inner_only, margins, pixel_distances, view_distances
from pysketch.search.describe import describe
from pysketch.search.matching import Query
from pysketch.search.views import INNER_VIEWS


@pytest.fixture(scope="module")
def crops():
    return [crop_centre(synthetic.draw_sketch(synthetic.random_face(900000 + k)), 143, 188) for k in range(3)]


def test_pixels_are_the_papers_whatever_the_block(crops, monkeypatch):
    expected = squared_distances(crops, crops[:2])
    np.testing.assert_array_equal(pixel_distances(crops, crops[:2]), expected)
    monkeypatch.setattr(matches, "_BLOCK", 2)
    np.testing.assert_array_equal(pixel_distances(crops, crops[:2]), expected)
    assert set(MATCHES) == {"pixels", "views", "inner"}


def test_views_are_a_querys_distances(crops):
    found = view_distances(crops[:2], crops[2:])
    expected = [Query(crops[2]).distances(describe(each).detail[None])[0] for each in crops[:2]]
    np.testing.assert_allclose(found, [expected], atol=1e-6)


def test_the_inner_faces_views_are_a_querys_of_them_masked_or_not(crops):
    expected = [Query(crops[2], INNER_VIEWS).distances(describe(each, INNER_VIEWS).detail[None])[0] for each in crops]
    for given in (crops, inner_only(crops)):
        np.testing.assert_allclose(MATCHES["inner"](given, given[2:]), [expected], atol=1e-6)


def test_around_the_inner_face_there_is_paper():
    black = [np.zeros((188, 143), np.uint8)]
    (masked,) = inner_only(black)
    rows, columns = np.indices((188, 143))
    inside = np.hypot((columns + 28 - 100) / 42, (rows + 31 - 146) / 56) < 1  # the crop begins at (28, 31)
    np.testing.assert_array_equal(masked, np.where(inside, 0, 255))


def test_a_margin_is_counted_in_deviations_of_all_others():
    distances = np.array([[1.0, 3.0, 5.0, 9.0], [4.0, 2.0, 1.0, 8.0]])
    expected = [(3 - 1) / np.std([3, 5, 9]), (1 - 2) / np.std([4, 1, 8])]
    np.testing.assert_allclose(margins(distances), expected)
    assert np.isnan(margins(np.array([[1.0, 2.0], [3.0, 1.0]]))).all()  # one other has no deviation
    assert np.isnan(margins(np.array([[1.0]]))).all()
