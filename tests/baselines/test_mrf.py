"""The MRF baseline on pictures small enough to follow, and on some of the student set."""

from __future__ import annotations

import itertools
from functools import partial

import baseline_pairs
import numpy as np
import pytest
from students import assert_recognised, needs_students

from pysketch.baselines.mrf import MRF
from pysketch.baselines.patch_field import choose
from pysketch.baselines.patches import Grid
from pysketch.errors import BaselineError
from pysketch.images.pairs import Pair
from pysketch.images.pictures import to_luma

CONTRACT = {"mrf": {"sizes": (4, 8), "reach": 2, "candidates": 3}}


random_pairs = partial(baseline_pairs.random_pairs, h=12, w=10)


def small(**options):
    return MRF(**{"sizes": (4, 6), "reach": 1, "candidates": 3, **options})


def fitted(pairs, **options):
    baseline = small(**options)
    baseline.fit(pairs)
    return baseline


def naive_candidates(pairs, photo, top, left, size, reach, k):
    """(mean squared difference, image, top, left) of the k nearest, one of each image."""
    luma, found = to_luma(photo).astype(float), []
    h, w = luma.shape
    for n, pair in enumerate(pairs):
        ways = []
        for dy, dx in itertools.product(range(-reach, reach + 1), repeat=2):
            y, x = top + dy, left + dx
            if 0 <= y <= h - size and 0 <= x <= w - size:
                theirs = to_luma(pair.photo)[y : y + size, x : x + size].astype(float)
                difference = luma[top : top + size, left : left + size] - theirs
                ways.append(((difference**2).mean(), n, y, x))
        found.append(min(ways))
    return sorted(found)[:k]


def test_candidates_and_their_costs_are_those_of_the_formula():
    query, *pairs = random_pairs(6)
    baseline, grid = fitted(pairs, sigma_photo=30.0), Grid(12, 10, 4, 2)
    found, costs = baseline.match(baseline.describe(query.photo), grid)
    for r, c in np.ndindex(grid.shape):
        expected = naive_candidates(pairs, query.photo, grid.tops[r], grid.lefts[c], 4, 1, 3)
        places = np.stack([found.images, found.tops, found.lefts], axis=-1)[r, c]
        assert places.tolist() == [[int(n) for n in each[1:]] for each in expected]
        np.testing.assert_allclose(costs[r, c], [each[0] / (2 * 30.0**2) for each in expected], rtol=1e-4)


def test_both_scales_with_their_sketch_patches_and_options_go_into_the_field(monkeypatch):
    query, *pairs = random_pairs(5)
    asked = []

    def watched(layers, *options):
        asked.append((layers, options))
        return choose(layers, *options)

    monkeypatch.setattr("pysketch.baselines.mrf.choose", watched)
    fitted(pairs, sigma_beside=3.0, sigma_within=7.0, rounds=4, damping=0.2).sketch(query.photo)
    ((layers, options),) = asked
    assert options == (3.0, 7.0, 4, 0.2)
    assert [layer.grid for layer in layers] == [Grid(12, 10, 4, 2), Grid(12, 10, 6, 3)]
    for layer in layers:
        size = layer.grid.size
        for r, c in np.ndindex(layer.grid.shape):
            expected = naive_candidates(pairs, query.photo, layer.grid.tops[r], layer.grid.lefts[c], size, 1, 3)
            for k, (_, n, y, x) in enumerate(expected):
                assert np.array_equal(layer.patches[r, c, k, 0], pairs[n].sketch[y : y + size, x : x + size])


def test_a_training_photo_gives_its_own_sketch():
    pairs = random_pairs(5)
    assert np.array_equal(fitted(pairs).sketch(pairs[3].photo), pairs[3].sketch)


def test_the_sketch_is_made_of_pixels_of_training_sketches():
    query, *pairs = random_pairs(5)
    drawn = fitted(pairs, reach=0).sketch(query.photo)
    assert (drawn == np.stack([pair.sketch for pair in pairs])).any(axis=0).all()


def test_neighbours_that_must_agree_win_over_nearer_photos():
    flat = [Pair(str(n), np.full((6, 10, 3), 10 * n, np.uint8), np.full((6, 10), 99 * n, np.uint8)) for n in (0, 1)]
    photo = np.zeros((6, 10, 3), np.uint8)
    photo[:, 6:] = 8  # alone, this part would be drawn as the second sketch
    alone = fitted(flat, sizes=(4,), sigma_beside=1e6).sketch(photo)
    together = fitted(flat, sizes=(4,), sigma_beside=1.0).sketch(photo)
    assert np.unique(alone).tolist() == [0, 99]
    assert np.unique(together).tolist() == [0]


def test_with_fewer_pairs_than_candidates_those_there_are_serve():
    query, *pairs = random_pairs(3)
    assert np.array_equal(
        fitted(pairs, candidates=9).sketch(query.photo), fitted(pairs, candidates=2).sketch(query.photo)
    )


def test_a_patch_larger_than_the_images_is_an_error():
    with pytest.raises(BaselineError, match=r'^baseline "mrf": size 20 does not fit 10x12 images \(width x height\)$'):
        MRF().fit(random_pairs(2))


@needs_students
def test_each_twenty_fifth_of_the_student_set_is_recognised():
    assert_recognised(MRF(), rmse=42, test_every=25)
