"""The prior's costs against loops over components, photos and displacements."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pysketch.baselines.patches import Grid, Matches, offsets, search
from pysketch.baselines.shape_prior import COMPONENTS, ShapePrior


def photos(n=4, h=25, w=20, seed=0):
    return np.random.default_rng(seed).normal(0, 20, (n, h, w)).astype(np.float32)


def naive_costs(training, photo, found, grid, reach, sigma_shape, sigma_place):
    h, w = photo.shape
    costs = np.zeros(found.images.shape)
    for top, bottom, left, right in COMPONENTS.values():
        rows, columns = range(round(top * h), round(bottom * h)), range(round(left * w), round(right * w))
        c, d = [], []
        for picture in training:
            ways = []
            for dy, dx in itertools.product(range(-reach, reach + 1), repeat=2):
                squares = [
                    (photo[y, x] - picture[np.clip(y + dy, 0, h - 1), np.clip(x + dx, 0, w - 1)]) ** 2
                    for y, x in itertools.product(rows, columns)
                ]
                ways.append((np.mean(squares), (dy, dx)))
            least = min(ways)
            c.append(least[0])
            d.append(least[1])
        for r, column, k in np.ndindex(costs.shape):
            y, x = grid.tops[r] + grid.size // 2, grid.lefts[column] + grid.size // 2
            if y in rows and x in columns:
                n = found.images[r, column, k]
                dy = found.tops[r, column, k] - grid.tops[r] - d[n][0]
                dx = found.lefts[r, column, k] - grid.lefts[column] - d[n][1]
                costs[r, column, k] += (c[n] - min(c)) / (2 * sigma_shape**2) + (dy**2 + dx**2) / (2 * sigma_place**2)
    return costs


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_the_costs_are_those_of_the_formula(reach):
    training, photo, grid = photos(), photos(1, seed=1)[0], Grid(25, 20, 5, 2)
    found = search(photo, training, grid, offsets(2), 3, one_per_image=True)
    costs = ShapePrior(training, reach, 7.0, 1.5).costs(photo, found, grid)
    expected = naive_costs(training, photo, found, grid, reach, 7.0, 1.5)
    assert (expected > 0).any() and (expected == 0).any()
    np.testing.assert_allclose(costs, expected, rtol=1e-4, atol=1e-4)


def test_who_has_the_same_components_at_the_same_displacement_costs_nothing():
    training = photos()
    photo = np.roll(training[2], (1, -2), (0, 1))  # photo[y, x] = training[y - 1, x + 2]
    grid = Grid(25, 20, 5, 2)
    places = np.broadcast_arrays(grid.tops[:, None, None], grid.lefts[:, None], np.zeros(2, int))
    images = np.broadcast_to([2, 1], places[0].shape)
    found = Matches(images, places[0] - 1, places[1] + 2, np.zeros(images.shape, np.float32))
    costs = ShapePrior(training, 2, 7.0, 1.5).costs(photo, found, grid)
    assert costs[..., 0].max() < 1e-3
    assert costs[..., 1].max() > 1


def test_pictures_too_small_for_components_have_no_prior():
    training, grid = photos(h=2, w=2), Grid(2, 2, 2, 1)
    found = search(training[0], training, grid, offsets(0), 2, one_per_image=True)
    assert not ShapePrior(training, 0, 7.0, 1.5).costs(training[0], found, grid).any()
