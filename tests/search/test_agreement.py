"""The heat map: what each place adds to a match, held against loops."""

import math

import galleries
import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.search.agreement import agreement, overlaid, strongest
from pysketch.search.describe import DETAIL, DETAIL_SCALE, describe, places
from pysketch.search.matching import Query


@pytest.fixture(scope="module")
def query():
    """Under few transforms, which are enough here."""
    with pytest.MonkeyPatch.context() as patch:
        galleries.few_transforms(patch)
        return Query(galleries.people(3)[0][2])


@pytest.fixture(scope="module")
def detail():
    return describe(galleries.drawn(galleries.people(3)[0][2], 7)).detail


def test_the_contributions_add_up_to_the_correlation_of_the_transform_that_fits_best(query, detail):
    best = max(
        math.fsum(float(a) * int(b) / DETAIL_SCALE for a, b in zip(row, detail, strict=True))
        for row in query.details[::9]
    )
    found = query.contributions(detail)
    assert found.shape == (DETAIL,)
    assert found.sum() >= best - 1e-5
    assert 1 - found.sum() == pytest.approx(query.distances(detail[None])[0], abs=1e-5)


def test_the_heat_of_all_pixels_is_the_correlation_whoever_is_compared(query):
    for k, (_, _, sketch) in enumerate(galleries.people(3)):
        other = describe(galleries.drawn(sketch, k)).detail
        assert agreement(query, other).sum() == pytest.approx(1 - query.distances(other[None])[0], abs=1e-4)


def test_each_contribution_is_spread_about_its_place_as_far_as_it_looks(query, detail):
    added, where = query.contributions(detail), np.rint(places() * [1, 1, 1e6]) / [1, 1, 1e6]
    heat = agreement(query, detail)
    for row, column in ((125, 75), (140, 100), (120, 110)):  # far from the border, where it is mirrored
        expected = math.fsum(
            value * math.exp(-((row - r) ** 2 + (column - c) ** 2) / (2 * s * s)) / (2 * math.pi * s * s)
            for value, (r, c, s) in zip(added.tolist(), where.tolist(), strict=True)
        )
        assert heat[row, column] == pytest.approx(expected, rel=0.01, abs=5e-7)


def test_one_percent_of_the_pixels_of_all_maps_are_hotter_than_the_strongest(query, detail):
    heats = [agreement(query, each) for each in (detail, describe(galleries.people(3)[1][2]).detail)]
    assert np.mean(np.abs(heats) > strongest(heats)) == pytest.approx(0.01, abs=1e-4)
    assert strongest([]) == 0


def test_where_another_face_stands_it_is_colder(query):
    own, other = (galleries.people(3)[k][2] for k in (0, 1))
    alone, half = (agreement(query, describe(each).detail) for each in (own, np.concatenate([own[:125], other[125:]])))
    upper, lower = (half[rows].sum() / alone[rows].sum() for rows in (np.s_[40:105], np.s_[145:210]))
    assert lower < 0.8 * upper


def test_the_colours_say_which_and_how_much():
    heat = np.zeros((250, 200), np.float32)
    heat[0, 0], heat[0, 1], heat[0, 2] = 2.0, -2.0, 1.0
    grey = np.full((250, 200), 200, np.uint8)
    seen = overlaid(grey, heat, 2.0).astype(int)
    np.testing.assert_array_equal(seen[0, 0], np.rint(0.25 * 200 + 0.75 * np.array([230, 110, 0])))
    np.testing.assert_array_equal(seen[0, 1], np.rint(0.25 * 200 + 0.75 * np.array([0, 95, 190])))
    np.testing.assert_array_equal(seen[5, 5], [200, 200, 200])
    assert abs(seen[0, 2] - 200).max() < abs(seen[0, 0] - 200).max()
    np.testing.assert_array_equal(overlaid(grey, heat, 4.0)[0, 0], seen[0, 2])
    np.testing.assert_array_equal(overlaid(grey, heat, 1.0)[0, 0], seen[0, 0])


def test_no_heat_at_all_leaves_the_sketch_as_it_is_and_a_drawn_centre_lies_in_the_frame():
    centre = np.full((238, 188), 90, np.uint8)
    seen = overlaid(centre, np.zeros((250, 200), np.float32))
    assert seen.shape == (250, 200, 3)
    assert (seen == 90).all()


def test_a_sketch_larger_than_the_frame_has_no_heat():
    with pytest.raises(DataError, match="expected an aligned sketch of 200x250 pixels, found 201x250"):
        overlaid(np.zeros((250, 201), np.uint8), np.zeros((250, 200), np.float32))
