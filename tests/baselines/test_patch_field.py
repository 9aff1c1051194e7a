"""The field's energy against loops over all pairs of nodes, and its states against trying them all."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pysketch.baselines import patch_field
from pysketch.baselines.patch_field import Layer, choose
from pysketch.baselines.patches import Grid


def layer(grid, K, channels=2, seed=0):
    rng = np.random.default_rng([seed, grid.size])
    patches = rng.normal(0, 3, (*grid.shape, K, channels, grid.size, grid.size)).astype(np.float32)
    return Layer(grid, rng.random((*grid.shape, K)).astype(np.float32), patches)


def naive_energy(layers, states, sigma_beside, sigma_within):
    """Every pair of nodes, every pixel."""
    total = 0.0
    for one, chosen in zip(layers, states, strict=True):
        for place in np.ndindex(one.grid.shape):
            total += one.costs[place][chosen[place]]
    for (a, A), (b, B) in itertools.combinations_with_replacement(enumerate(layers), 2):
        if b - a > 1:
            continue
        for (i, j), (k, m) in itertools.product(np.ndindex(A.grid.shape), np.ndindex(B.grid.shape)):
            dy, dx = B.grid.tops[k] - A.grid.tops[i], B.grid.lefts[m] - A.grid.lefts[j]
            if a == b:
                linked = (k - i, m - j) in ((0, 1), (1, 0))
            else:
                linked = 0 <= -dy <= B.grid.size - A.grid.size and 0 <= -dx <= B.grid.size - A.grid.size
            if linked:
                p, q = A.patches[i, j, states[a][i, j]], B.patches[k, m, states[b][k, m]]
                differences = []
                for y, x in np.ndindex(A.grid.size, A.grid.size):
                    if 0 <= y - dy < B.grid.size and 0 <= x - dx < B.grid.size:
                        differences.append(((p[:, y, x] - q[:, y - dy, x - dx]) ** 2).sum())
                sigma = sigma_beside if a == b else sigma_within
                total += np.mean(differences) / (2 * sigma**2)
    return total


def field_energy(layers, states, sigma_beside, sigma_within, monkeypatch):
    """The energy that the field hands to belief propagation, of these states."""
    found = []

    def watch(unary, edges, pairwise, rounds, damping):
        flat = np.concatenate([chosen.ravel() for chosen in states])
        found.append(unary[np.arange(len(flat)), flat].sum())
        found.append(pairwise[np.arange(len(edges)), flat[edges[:, 0]], flat[edges[:, 1]]].sum())
        return flat

    monkeypatch.setattr(patch_field, "min_sum", watch)
    back = choose(layers, sigma_beside, sigma_within, 1, 0.0)
    assert all(np.array_equal(a, b) for a, b in zip(back, states, strict=True))
    return sum(found)


@pytest.mark.parametrize(
    "grids",
    [
        [Grid(8, 11, 4, 2)],
        [Grid(7, 9, 4, 2)],  # the last row and column overlap more
        [Grid(8, 10, 4, 2), Grid(8, 10, 6, 3)],
        [Grid(9, 8, 2, 1), Grid(9, 8, 4, 3), Grid(9, 8, 7, 3)],
    ],
)
def test_the_energy_is_that_of_every_pair_of_patches(grids, monkeypatch):
    layers = [layer(grid, 3) for grid in grids]
    states = [np.random.default_rng(1).integers(0, 3, grid.shape) for grid in grids]
    expected = naive_energy(layers, states, 2.0, 5.0)
    assert field_energy(layers, states, 2.0, 5.0, monkeypatch) == pytest.approx(expected, rel=1e-4)


def test_no_states_of_a_row_of_patches_have_less_energy():
    one = layer(Grid(4, 10, 4, 2), 3)
    every = (np.array(states).reshape(1, 4) for states in itertools.product(range(3), repeat=4))
    best = min(every, key=lambda states: naive_energy([one], [states], 1.5, 1.0))
    assert choose([one], 1.5, 1.0, rounds=8, damping=0.0)[0].tolist() == best.tolist()


def test_a_patch_follows_the_large_one_around_it():
    small, large = (layer(Grid(5, 5, size, 2), 2, channels=1) for size in (3, 5))
    small.costs[...] = 0
    large.costs[...] = [[[5, 0]]]
    small.patches[...] = np.array([10, 20]).reshape(2, 1, 1, 1)
    large.patches[...] = np.array([20, 10]).reshape(2, 1, 1, 1)
    assert choose([small, large], 1.0, 2.0, 5, 0.0)[0].tolist() == [[0, 0], [0, 0]]
    large.costs[...] = [[[0, 5]]]
    assert choose([small, large], 1.0, 2.0, 5, 0.0)[0].tolist() == [[1, 1], [1, 1]]
