from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from pysketch.baselines.hmm import forward_backward, log, log_sum


def random_chain(seed, length=4, states=3):
    rng = np.random.default_rng(seed)
    start, move = rng.dirichlet(np.ones(states)), rng.dirichlet(np.ones(states), states)
    return start, move, rng.uniform(0.1, 1, (length, states))


def brute_force(start, move, emit):
    """Sums over every path."""
    length, states = emit.shape
    total, posterior, moves = 0.0, np.zeros(emit.shape), np.zeros(move.shape)
    for path in product(range(states), repeat=length):
        p = start[path[0]] * emit[0, path[0]]
        for t in range(1, length):
            p *= move[path[t - 1], path[t]] * emit[t, path[t]]
        total += p
        for t in range(length):
            posterior[t, path[t]] += p
        for t in range(1, length):
            moves[path[t - 1], path[t]] += p
    return np.log(total), posterior / total, moves / total


def assert_is_brute_force(found, start, move, emit):
    likelihood, states, moves = brute_force(start, move, emit)
    np.testing.assert_allclose(found.log_likelihood, likelihood)
    np.testing.assert_allclose(found.states, states)
    np.testing.assert_allclose(found.moves, moves)


@pytest.mark.parametrize(("length", "states"), [(1, 3), (2, 3), (5, 2), (4, 1)])
def test_the_posterior_is_that_of_a_sum_over_all_paths(length, states):
    start, move, emit = random_chain(length, length, states)
    assert_is_brute_force(forward_backward(log(start), log(move), log(emit)), start, move, emit)


def test_moves_that_cannot_be_never_happen():
    _, _, emit = random_chain(7, 5, 3)
    start, move = np.array([1.0, 0, 0]), np.array([[0.6, 0.4, 0], [0, 0.7, 0.3], [0, 0, 1.0]])
    found = forward_backward(log(start), log(move), log(emit))
    assert_is_brute_force(found, start, move, emit)
    np.testing.assert_array_equal(found.states[0, 1:], 0)
    assert found.moves[0, 2] == 0


def test_many_chains_at_a_time_are_each_alone():
    chains = [[random_chain(3 * i + j) for j in range(3)] for i in range(2)]
    start, move, emit = (log(np.array([[chain[part] for chain in row] for row in chains])) for part in range(3))
    found = forward_backward(start, move, emit)
    for i, j in product(range(2), range(3)):
        likelihood, states, moves = brute_force(*chains[i][j])
        np.testing.assert_allclose(found.log_likelihood[i, j], likelihood)
        np.testing.assert_allclose(found.states[i, j], states)
        np.testing.assert_allclose(found.moves[i, j], moves)


def test_the_least_probabilities_do_not_vanish():
    start, move, emit = random_chain(1)
    found = forward_backward(log(start), log(move), log(emit) - 1000)
    likelihood, states, _ = brute_force(start, move, emit)
    np.testing.assert_allclose(found.log_likelihood, likelihood - 4000)
    np.testing.assert_allclose(found.states, states)


def test_the_log_of_a_sum_of_nothing_that_can_be_is_minus_infinity():
    x = np.array([[-np.inf, -np.inf], [0.0, np.log(3)]])
    np.testing.assert_allclose(log_sum(x, 1), [-np.inf, np.log(4)])
