from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from pysketch.baselines.embedded_hmm import EmbeddedHMM, equal_parts
from pysketch.baselines.hmm import log

ROWS, COLUMNS, S, K = 3, 3, 2, 2


def random_model(seed):
    rng = np.random.default_rng(seed)
    return EmbeddedHMM(
        rng.dirichlet(np.ones(S)),
        rng.dirichlet(np.ones(S), S),
        rng.dirichlet(np.ones(K), S),
        rng.dirichlet(np.ones(K), (S, K)),
    )


def random_emissions(seed, images=2):
    return np.random.default_rng(seed).uniform(0.05, 1, (images, ROWS, COLUMNS, S, K))


def brute_force(model, emit):
    """Sums over every super-state of every row and every state of every observation of one image."""
    total, states = 0.0, np.zeros(emit.shape)
    counts = [np.zeros(each.shape) for each in (model.super_start, model.super_move, model.start, model.move)]
    for supers in product(range(S), repeat=ROWS):
        for flat in product(range(K), repeat=ROWS * COLUMNS):
            path = np.reshape(flat, (ROWS, COLUMNS))
            events = [(0, supers[0])] + [(1, move) for move in pairwise(supers)]
            for s, row in zip(supers, path, strict=True):
                events += [(2, (s, row[0]))] + [(3, (s, *move)) for move in pairwise(row)]
            parameters = (model.super_start, model.super_move, model.start, model.move)
            p = np.prod([parameters[part][where] for part, where in events])
            places = [(r, c, supers[r], path[r, c]) for r in range(ROWS) for c in range(COLUMNS)]
            p *= np.prod([emit[place] for place in places])
            total += p
            for place in places:
                states[place] += p
            for part, where in events:
                counts[part][where] += p
    return np.log(total), states / total, [count / total for count in counts]


def test_the_posterior_is_that_of_a_sum_over_all_states_and_super_states():
    model, emit = random_model(1), random_emissions(2)
    found = model.posterior(log(emit))
    one, other = (brute_force(model, image) for image in emit)
    np.testing.assert_allclose(found.log_likelihood, [one[0], other[0]])
    np.testing.assert_allclose(found.states, [one[1], other[1]])
    counts = [a + b for a, b in zip(one[2], other[2], strict=True)]
    np.testing.assert_allclose(found.super_starts, counts[0])
    np.testing.assert_allclose(found.super_moves, counts[1])
    np.testing.assert_allclose(found.starts, counts[2])
    np.testing.assert_allclose(found.moves, counts[3])


def test_reestimation_makes_the_observations_likelier():
    model, emissions = random_model(3), log(random_emissions(4))
    likelihoods = []
    for _ in range(5):
        posterior = model.posterior(emissions)
        likelihoods.append(posterior.log_likelihood.sum())
        model = model.reestimated(posterior)
    assert (np.diff(likelihoods) > 0).all()
    for probabilities in (model.super_start, model.super_move, model.start, model.move):
        np.testing.assert_allclose(probabilities.sum(axis=-1), 1)


def test_probabilities_of_what_never_occurred_stay():
    model = EmbeddedHMM.left_to_right(ROWS, COLUMNS, S, K)
    emissions = np.full((1, ROWS, COLUMNS, S, K), -1e4)
    emissions[:, :, :, 0, 0] = 0
    again = model.reestimated(model.posterior(emissions))
    np.testing.assert_array_equal(again.move[1], model.move[1])
    np.testing.assert_allclose(again.super_move[0], [1, 0])


def test_from_left_to_right_a_chain_stays_or_goes_on():
    model = EmbeddedHMM.left_to_right(8, 5, 2, 3)
    np.testing.assert_array_equal(model.super_start, [1, 0])
    np.testing.assert_allclose(model.super_move, [[0.75, 0.25], [0, 1]])
    np.testing.assert_array_equal(model.start, [[1, 0, 0]] * 2)
    np.testing.assert_allclose(model.move, [[[0.4, 0.6, 0], [0, 0.4, 0.6], [0, 0, 1]]] * 2)


@pytest.mark.parametrize(("rows", "columns"), [(4, 7), (3, 3)])
def test_equal_parts_put_each_observation_in_one_state(rows, columns):
    parts = equal_parts(rows, columns, 2, 3)
    np.testing.assert_array_equal(parts.sum(axis=(2, 3)), 1)
    assert parts[0, 0, 0, 0] == parts[-1, -1, 1, 2] == 1
    np.testing.assert_array_equal(parts[0].argmax(axis=-1)[:, 0], np.arange(columns) * 3 // columns)
