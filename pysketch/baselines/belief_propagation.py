"""Min-sum belief propagation on a graph of nodes with K states each: the mode of a pairwise Markov random field.

The energy of states x is E(x) = sum_i U_i(x_i) + sum_(i,j) V_ij(x_i, x_j), the negative logarithm of
prod Phi prod Psi. In each round every node i tells every neighbour j

    m_ij(x_j) = min_{x_i} ( V_ij(x_i, x_j) + U_i(x_i) + sum_{k != j} m_ki(x_i) ),   less its minimum over x_j,

all at the same time, and then takes the state with the least belief b_i = U_i + sum_k m_ki. On a tree b_i is the
min-marginal of E (less a constant) once word has gone from every node to every other; with loops it is a guess, so
the states with the least energy of all rounds are kept.

Source: Pearl, Probabilistic Reasoning in Intelligent Systems, 1988; with loops: Freeman, Pasztor and Carmichael,
Learning Low-Level Vision, IJCV 40(1), 2000.
"""

from __future__ import annotations

import numpy as np


def energy(unary: np.ndarray, edges: np.ndarray, pairwise: np.ndarray, states: np.ndarray) -> float:
    """E(x) of states x (N,), in float64; the other arguments as in `min_sum`."""
    own = np.take_along_axis(unary, states[:, None], axis=1)
    between = pairwise[np.arange(len(edges)), states[edges[:, 0]], states[edges[:, 1]]]
    return float(own.sum(dtype=np.float64) + between.sum(dtype=np.float64))


def min_sum(
    unary: np.ndarray, edges: np.ndarray, pairwise: np.ndarray, rounds: int, damping: float = 0.0
) -> np.ndarray:
    """States (N,) of low energy: the best of those that `rounds` rounds of messages find; exact on a tree.

    unary (N, K); edges (E, 2), pairs of different nodes, each pair at most once; pairwise (E, K, K), indexed by the
    state of an edge's first node, then of its second. A new message is mixed with `damping` (0 to below 1) times the
    old one, which calms loops; on a tree, more rounds are then needed. Of equal states the first is taken.
    Ends early when the messages no longer change. Memory: 2 K^2 E numbers beside the arguments.
    """
    inbox = _Inbox(len(unary), edges)
    U, V = np.ascontiguousarray(unary.T), np.ascontiguousarray(pairwise.transpose(1, 2, 0))  # (K, N), (K, K, E)
    messages = np.zeros((len(U), 2 * len(edges)), unary.dtype)  # first -> second node, then second -> first
    best, belief = unary.argmin(axis=1), U
    least = energy(unary, edges, pairwise, best)
    for _ in range(rounds):
        new = _messages(belief, edges, V, messages)
        new += damping * (messages - new)
        changed = not np.array_equal(new, messages)
        messages, belief = new, U + inbox.sums(new)
        states = belief.argmin(axis=0)
        found = energy(unary, edges, pairwise, states)
        if found < least:
            best, least = states, found
        if not changed:
            break
    return best


def _messages(belief: np.ndarray, edges: np.ndarray, V: np.ndarray, messages: np.ndarray) -> np.ndarray:
    """What every node tells its neighbours next, (K, 2 E); belief (K, N), V (K, K, E)."""
    forth, back = np.split(messages, 2, axis=1)
    from_first = belief[:, edges[:, 0]] - back
    from_second = belief[:, edges[:, 1]] - forth
    new = np.empty_like(messages)
    to_second, to_first = np.split(new, 2, axis=1)
    for state in range(len(V)):  # one at a time: what is added stays in the cache
        (V[:, state] + from_first).min(axis=0, out=to_second[state])
        (V[state] + from_second).min(axis=0, out=to_first[state])
    new -= new.min(axis=0)
    return new


class _Inbox:
    """Sums messages (K, 2 E) by the node that receives them."""

    def __init__(self, nodes: int, edges: np.ndarray) -> None:
        receivers = np.concatenate([edges[:, 1], edges[:, 0]])
        self._order = np.argsort(receivers, kind="stable")
        self._nodes = nodes
        self._found, self._starts = np.unique(receivers[self._order], return_index=True)

    def sums(self, messages: np.ndarray) -> np.ndarray:
        """(K, N); zero for a node that nobody writes to."""
        sums = np.zeros((len(messages), self._nodes), messages.dtype)
        if len(self._found):
            sums[:, self._found] = np.add.reduceat(messages[:, self._order], self._starts, axis=1)
        return sums
