from __future__ import annotations

from functools import partial

import baseline_pairs
import numpy as np
import pytest
from students import assert_recognised, needs_students

from pysketch.baselines.lle import LLE, reconstruction_weights
from pysketch.errors import BaselineError
from pysketch.images.pictures import to_luma

CONTRACT = {"lle": {"size": 5, "step": 3, "neighbours": 3, "reach": 2, "reach_step": 2}}


random_pairs = partial(baseline_pairs.random_pairs, h=11, w=9)


def naive(pairs, photo, size, step, neighbours, displacements, ridge):
    """Patch by patch; the weights by Lagrange's multiplier on the same regularised form."""
    luma = to_luma(photo).astype(float)
    h, w = luma.shape
    total, count = np.zeros((h, w)), np.zeros((h, w))
    tops, lefts = ([*range(0, n - size, step), n - size] for n in (h, w))
    for top in tops:
        for left in lefts:
            q = luma[top : top + size, left : left + size]
            found = []
            for pair in pairs:
                for dy in displacements:
                    for dx in displacements:
                        y, x = top + dy, left + dx
                        if 0 <= y <= h - size and 0 <= x <= w - size:
                            p = to_luma(pair.photo)[y : y + size, x : x + size].astype(float)
                            found.append((((q - p) ** 2).sum(), p, pair.sketch[y : y + size, x : x + size]))
            found = sorted(found, key=lambda each: each[0])[:neighbours]
            G = np.array([[((q - a) * (q - b)).sum() for _, b, _ in found] for _, a, _ in found])
            G += ridge * np.trace(G) / neighbours * np.eye(neighbours)
            K = np.block([[G, np.ones((neighbours, 1))], [np.ones((1, neighbours)), 0]])
            weights = np.linalg.solve(K, [0] * neighbours + [1])[:neighbours]
            total[top : top + size, left : left + size] += sum(
                a * s for a, (_, _, s) in zip(weights, found, strict=True)
            )
            count[top : top + size, left : left + size] += 1
    return total / count


@pytest.mark.parametrize(
    ("size", "step", "reach", "reach_step", "displacements"),
    [(4, 3, 0, 1, [0]), (5, 2, 1, 1, [-1, 0, 1]), (3, 3, 4, 2, [-4, -2, 0, 2, 4])],
)
def test_the_sketch_is_that_of_the_naive_reference(size, step, reach, reach_step, displacements):
    query, *pairs = random_pairs(6)
    baseline = LLE(size=size, step=step, neighbours=3, reach=reach, reach_step=reach_step, ridge=0.01)
    baseline.fit(pairs)
    expected = naive(pairs, query.photo, size, step, 3, displacements, 0.01)
    np.testing.assert_allclose(baseline.draw(query.photo), expected, rtol=1e-4, atol=1e-3)


def test_a_training_photo_gives_its_own_sketch():
    pairs = random_pairs(5)
    baseline = LLE(size=5, step=2, neighbours=3, reach=2, reach_step=1, ridge=1e-9)
    baseline.fit(pairs)
    np.testing.assert_allclose(baseline.sketch(pairs[3].photo), pairs[3].sketch, atol=0.01)


def test_with_fewer_candidates_than_neighbours_those_there_are_serve():
    query, *pairs = random_pairs(3)
    few, all_there_are = (LLE(size=5, neighbours=k, reach=0) for k in (5, 2))
    few.fit(pairs)
    all_there_are.fit(pairs)
    np.testing.assert_array_equal(few.draw(query.photo), all_there_are.draw(query.photo))


def test_a_patch_larger_than_the_images_is_an_error():
    with pytest.raises(BaselineError, match=r'^baseline "lle": size 13 does not fit 9x11 images \(width x height\)$'):
        LLE().fit(random_pairs(2))


def test_weights_rebuild_a_query_between_its_neighbours():
    query, neighbours = np.array([1.0, 2.0]), np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 8.0]])
    w = reconstruction_weights((neighbours - query)[None], 1e-9)
    np.testing.assert_allclose(w, [[0.5, 0.25, 0.25]], rtol=1e-6)


def test_weights_of_neighbours_that_are_all_the_query_are_equal():
    np.testing.assert_array_equal(reconstruction_weights(np.zeros((2, 4, 3)), 1e-3), np.full((2, 4), 0.25))


def test_weights_of_chosen_neighbours_are_those_without_the_others():
    difference = np.random.default_rng(1).normal(size=(2, 5, 3))
    chosen = np.array([[True, False, True, True, False], [False, True, False, False, False]])
    w = reconstruction_weights(difference, 0.2, chosen)
    for row in range(2):
        alone = reconstruction_weights(difference[row][chosen[row]], 0.2)
        np.testing.assert_allclose(w[row][chosen[row]], alone)
    np.testing.assert_array_equal(w[~chosen], 0)


@needs_students
def test_each_twentieth_of_the_student_set_is_recognised():
    assert_recognised(LLE(), rmse=36)
