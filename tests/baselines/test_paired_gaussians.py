from __future__ import annotations

import numpy as np
from scipy import stats

from pysketch.baselines.paired_gaussians import FLOOR, PairedGaussians


def made(seed=0, m=40, d=2, e=3, k=2):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, d)), rng.normal(size=(m, e)), rng.dirichlet(np.ones(k), m)


def test_the_logarithms_are_those_of_independent_gaussians():
    u, v, weights = made()
    fitted = PairedGaussians.fit(u, v, weights, 0.1)
    photo, pair = fitted.photo_log(u), fitted.pair_log(u, v)
    for k in range(2):
        expected = stats.norm(fitted.mean[k], fitted.variance[k] ** 0.5).logpdf(u).sum(axis=1)
        np.testing.assert_allclose(photo[:, k], expected)
        means = u @ fitted.B[k][:-1] + fitted.B[k][-1]
        expected += stats.norm(means, fitted.noise[k] ** 0.5).logpdf(v).sum(axis=1)
        np.testing.assert_allclose(pair[:, k], expected)


def test_a_states_photo_gaussian_has_the_weighted_mean_and_variance():
    u, v, weights = made(1)
    fitted = PairedGaussians.fit(u, v, weights, 0.1)
    for k in range(2):
        mean = np.average(u, axis=0, weights=weights[:, k])
        np.testing.assert_allclose(fitted.mean[k], mean)
        np.testing.assert_allclose(fitted.variance[k], np.average((u - mean) ** 2, axis=0, weights=weights[:, k]))


def test_a_states_sketch_mean_is_where_its_weighted_squares_are_least():
    u, v, weights = made(2)
    B = PairedGaussians.fit(u, v, weights, 0.1).B

    def loss(k, B):
        residual = ((v - u @ B[:-1] - B[-1]) ** 2).sum(axis=1)
        return weights[:, k] @ residual + 0.1 * (1 + weights[:, k].sum()) * (B**2).sum()

    rng = np.random.default_rng(3)
    for k in range(2):
        change = rng.normal(size=B[k].shape)
        centred = loss(k, B[k] + 1e-3 * change) - loss(k, B[k] - 1e-3 * change)
        assert abs(centred) < 1e-8
        assert loss(k, B[k] + 1e-2 * change) > loss(k, B[k])


def test_each_states_sketch_follows_its_own_line():
    rng = np.random.default_rng(4)
    u = rng.normal(size=(60, 1))
    first = np.arange(60) < 30
    v = np.where(first[:, None], 2 * u + 1, -u)
    weights = np.stack([first, ~first], axis=1).astype(float)
    fitted = PairedGaussians.fit(u, v, weights, 1e-9)
    np.testing.assert_allclose(fitted.B[..., 0], [[2, 1], [-1, 0]], atol=1e-6)
    np.testing.assert_allclose(fitted.expected_sketch(u, weights), v, atol=1e-6)
    np.testing.assert_allclose(fitted.expected_sketch(u, weights * 0 + 0.5), 0.5 * (u + 1), atol=1e-6)
    np.testing.assert_array_equal(fitted.noise, FLOOR)


def test_a_state_without_observations_expects_the_mean():
    u, v, weights = made(5)
    weights[:, 0], weights[:, 1] = 0, 1
    fitted = PairedGaussians.fit(u, v, weights, 0.1)
    assert np.isfinite(fitted.pair_log(u, v)).all()
    np.testing.assert_array_equal(fitted.B[0], 0)
