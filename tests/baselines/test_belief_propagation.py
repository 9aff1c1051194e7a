"""Belief propagation against trying every combination of states, and its messages against loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pysketch.baselines.belief_propagation import energy, min_sum

CHAIN = [(0, 1), (1, 2), (2, 3), (3, 4)]
TREE = [(2, 0), (2, 1), (3, 2), (3, 4), (4, 5)]  # edges written either way round
LOOP = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)]


def problem(edges, nodes, states, seed=0):
    rng = np.random.default_rng(seed)
    edges = np.array(edges, np.intp).reshape(-1, 2)
    return rng.normal(size=(nodes, states)), edges, rng.normal(size=(len(edges), states, states)) * 2


def naive_energy(unary, edges, pairwise, states):
    total = sum(unary[i][x] for i, x in enumerate(states))
    for (i, j), cost in zip(edges, pairwise, strict=True):
        total += cost[states[i]][states[j]]
    return total


def brute_force(unary, edges, pairwise):
    every = itertools.product(range(unary.shape[1]), repeat=len(unary))
    return list(min(every, key=lambda states: naive_energy(unary, edges, pairwise, states)))


def naive_min_sum(unary, edges, pairwise, rounds, damping):
    """The same rounds, node by node and state by state."""
    nodes, K = unary.shape
    cost = {(i, j): V for (i, j), V in zip(edges.tolist(), pairwise, strict=True)}
    cost |= {(j, i): V.T for (i, j), V in cost.items()}
    m = {pair: [0.0] * K for pair in cost}
    best = [int(np.argmin(row)) for row in unary]
    for _ in range(rounds):
        new = {}
        for i, j in m:
            told = []
            for x_j in range(K):
                ways = []
                for x_i in range(K):
                    others = sum(m[k, to][x_i] for k, to in m if to == i and k != j)
                    ways.append(cost[i, j][x_i][x_j] + unary[i][x_i] + others)
                told.append(min(ways))
            told = [t - min(told) for t in told]
            new[i, j] = [(1 - damping) * t + damping * old for t, old in zip(told, m[i, j], strict=True)]
        m = new
        beliefs = [[unary[j][x] + sum(m[k, to][x] for k, to in m if to == j) for x in range(K)] for j in range(nodes)]
        states = [int(np.argmin(row)) for row in beliefs]
        best = min(best, states, key=lambda x: naive_energy(unary, edges, pairwise, x))
    return best


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("edges", "nodes"), [(CHAIN, 5), (TREE, 6)], ids=["chain", "tree"])
def test_on_a_tree_no_combination_of_states_has_less_energy(edges, nodes, seed):
    unary, edges, pairwise = problem(edges, nodes, 3, seed)
    assert min_sum(unary, edges, pairwise, rounds=nodes).tolist() == brute_force(unary, edges, pairwise)


@pytest.mark.parametrize("seed", range(5))
def test_a_damped_tree_comes_to_the_same_states_later(seed):
    unary, edges, pairwise = problem(TREE, 6, 3, seed)
    assert min_sum(unary, edges, pairwise, rounds=60, damping=0.4).tolist() == brute_force(unary, edges, pairwise)


@pytest.mark.parametrize("damping", [0.0, 0.3])
@pytest.mark.parametrize("rounds", [1, 2, 3, 7])
@pytest.mark.parametrize("edges", [TREE, LOOP], ids=["tree", "loop"])
def test_every_round_is_that_of_the_formula(edges, rounds, damping):
    for seed in range(6):
        unary, edges_, pairwise = problem(edges, 6, 3, seed)
        expected = naive_min_sum(unary, edges_, pairwise, rounds, damping)
        assert min_sum(unary, edges_, pairwise, rounds, damping).tolist() == expected


def test_more_rounds_never_give_more_energy_though_loops_swing():
    for seed in range(20):
        unary, edges, pairwise = problem([*LOOP, (1, 3), (0, 2), (1, 4)], 5, 4, seed)
        found = [energy(unary, edges, pairwise, min_sum(unary, edges, pairwise, rounds)) for rounds in range(12)]
        assert found == sorted(found, reverse=True)


def test_the_energy_is_the_sum_over_nodes_and_edges():
    unary, edges, pairwise = problem(LOOP, 5, 4)
    states = np.array([3, 0, 2, 1, 1])
    assert energy(unary, edges, pairwise, states) == pytest.approx(naive_energy(unary, edges, pairwise, states))


def test_a_node_without_neighbours_takes_its_own_least():
    unary, edges, pairwise = problem([(0, 3)], 4, 5)
    assert min_sum(unary, edges, pairwise, rounds=2)[1:3].tolist() == unary[1:3].argmin(axis=1).tolist()
    none, no_edges, nothing = problem([], 4, 5)
    assert min_sum(none, no_edges, nothing, rounds=2).tolist() == none.argmin(axis=1).tolist()


def test_it_stops_when_the_messages_stand_still(monkeypatch):
    import pysketch.baselines.belief_propagation as module

    calls = []
    messages = module._messages
    monkeypatch.setattr(module, "_messages", lambda *args: calls.append(1) or messages(*args))
    min_sum(*problem(CHAIN, 5, 3), rounds=1000)
    assert len(calls) <= 10


def test_float32_stays_float32(monkeypatch):
    unary, edges, pairwise = (a.astype(np.float32) if a.dtype == np.float64 else a for a in problem(LOOP, 5, 4))
    import pysketch.baselines.belief_propagation as module

    kinds = set()
    messages = module._messages

    def watched(*args):
        new = messages(*args)
        kinds.add(new.dtype)
        return new

    monkeypatch.setattr(module, "_messages", watched)
    module.min_sum(unary, edges, pairwise, rounds=3, damping=0.25)
    assert kinds == {np.dtype(np.float32)}
