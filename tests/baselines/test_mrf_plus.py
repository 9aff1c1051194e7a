"""What MRF+ adds to MRF."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import baseline_pairs
import numpy as np
import pytest
from students import assert_recognised, needs_students

from pysketch.baselines.mrf import MRF
from pysketch.baselines.mrf_plus import SIGMA_DIRECTIONS, SIGMAS_BAND, MRFPlus
from pysketch.baselines.patches import Grid, offsets, search
from pysketch.baselines.photo_descriptors import band_pass, orientation_maps
from pysketch.baselines.shape_prior import ShapePrior
from pysketch.images.pictures import to_luma

CONTRACT = {"mrf_plus": {"sizes": (4, 8), "reach": 2, "candidates": 3, "pool": 4}}


random_pairs = partial(baseline_pairs.random_pairs, h=25, w=20)


def small(cls=MRFPlus, **options):
    return cls(**{"sizes": (4, 6), "reach": 1, "candidates": 3, **options})


def fitted(pairs, cls=MRFPlus, **options):
    baseline = small(cls, **options)
    baseline.fit(pairs)
    return baseline


def test_costs_are_the_sum_of_three_terms_and_the_least_stay():
    query, *pairs = random_pairs(6)
    baseline = fitted(pairs, pool=5, sigma_photo=30.0, sigma_gradient=0.7, sigma_shape=9.0, sigma_place=2.0)
    grid = Grid(25, 20, 6, 3)
    described, photos = baseline.describe(query.photo), np.stack([baseline.describe(pair.photo) for pair in pairs])
    pool = search(described, photos, grid, offsets(1), 5, one_per_image=True)
    prior = ShapePrior(np.stack([band_pass(photo, *SIGMAS_BAND) for photo in photos]), 1, 9.0, 2.0)
    shape = prior.costs(band_pass(described, *SIGMAS_BAND), pool, grid)
    assert shape.any()
    own, theirs = orientation_maps(described, SIGMA_DIRECTIONS), [orientation_maps(p, SIGMA_DIRECTIONS) for p in photos]
    found, costs = baseline.match(described, grid)
    for r, c in np.ndindex(grid.shape):
        g = quarters(own, grid.tops[r], grid.lefts[c])
        expected = []
        for k in range(5):
            n, y, x = pool.images[r, c, k], pool.tops[r, c, k], pool.lefts[r, c, k]
            directions = ((g - quarters(theirs[n], y, x)) ** 2).sum()
            cost = pool.distances[r, c, k] / 36 / (2 * 30**2) + directions / (2 * 0.7**2) + shape[r, c, k]
            expected.append((cost, n, y, x))
        expected.sort()
        np.testing.assert_allclose(costs[r, c], [each[0] for each in expected[:3]], rtol=1e-4)
        assert found.images[r, c].tolist() == [each[1] for each in expected[:3]]
        assert found.tops[r, c].tolist() == [each[2] for each in expected[:3]]


def quarters(maps, top, left):
    """The descriptor of a patch of 6 pixels."""
    g = np.concatenate([maps[top + y, left + x] for y in (1, 4) for x in (1, 4)])
    return g / np.linalg.norm(g)


def test_the_outline_is_the_grey_levels_and_their_derivatives():
    y, x = np.mgrid[:4, :5]
    channels = small(gradient_weight=2.0).outline((7 * y + 3 * x).astype(np.uint8))
    assert channels.shape == (4, 5, 3)
    assert np.array_equal(channels[..., 0], 7 * y + 3 * x)
    assert (channels[..., 1] == 14).all()
    assert (channels[..., 2] == 6).all()


def test_brightness_and_contrast_of_the_photo_matter_little():
    query, *pairs = random_pairs(6, high=100)
    grey = [replace(pair, photo=np.repeat(pair.photo[..., :1], 3, axis=2)) for pair in (query, *pairs)]
    photo = grey[0].photo
    changes = {}
    for cls in (MRFPlus, MRF):
        baseline = fitted(grey[1:], cls)
        changes[cls] = (baseline.sketch(2 * photo + 30) != baseline.sketch(photo)).mean()
    assert changes[MRFPlus] < 0.5 * changes[MRF]


def test_only_light_beyond_that_of_all_training_photos_is_changed():
    query, *pairs = random_pairs(6, high=100)
    baseline = fitted(pairs)
    lumas = [to_luma(pair.photo) for pair in pairs]
    for pair, luma in zip(pairs, lumas, strict=True):
        np.testing.assert_allclose(baseline.describe(pair.photo), luma, atol=1e-3)
    bright = baseline.describe((2 * query.photo + 30).astype(np.uint8))
    assert bright.mean() == pytest.approx(max(luma.mean() for luma in lumas), abs=1e-2)
    assert bright.std() == pytest.approx(max(luma.std() for luma in lumas), abs=1e-2)


def test_a_training_photo_gives_its_own_sketch():
    pairs = random_pairs(5)
    baseline = fitted(pairs, sigma_photo=0.01)
    assert np.mean(baseline.sketch(pairs[3].photo) == pairs[3].sketch) == 1


@needs_students
def test_each_twenty_fifth_of_the_student_set_is_recognised():
    assert_recognised(MRFPlus(), rmse=42, test_every=25)
