"""A Markov random field of sketch patches in layers of patch sizes: which candidate goes where.

Every patch of a grid is a node, its states are K candidate sketch patches. The energy (the negative logarithm of the
field's probability) of states x is

    E(x) = sum_i U_i(x_i) + sum_(i,j) ||a_i - a_j||^2 / (2 sigma^2),

U given (-log Phi), and a_i, a_j what the two nodes' chosen patches hold where the patches overlap; ||.||^2 is the
mean over those pixels of the sum over channels, so that one sigma, in grey levels, serves every size of overlap.
Two nodes are linked (-log Psi) if they are side by side or one above the other in one layer, with `sigma_beside`, or
if a patch of one layer lies within a patch of the next, larger one, with `sigma_within`.

Source: Wang and Tang, Face Photo-Sketch Synthesis and Recognition, PAMI 31(11), 2009, sections 2.2 to 2.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pysketch.baselines.belief_propagation import min_sum
from pysketch.baselines.patches import Grid


@dataclass(frozen=True)
class Layer:
    """The nodes of one patch size: a grid (R, C), costs U (R, C, K), patches (R, C, K, channels, size, size)."""

    grid: Grid
    costs: np.ndarray
    patches: np.ndarray


def choose(
    layers: Sequence[Layer], sigma_beside: float, sigma_within: float, rounds: int, damping: float
) -> list[np.ndarray]:
    """States of low energy, (R, C) for each layer, by belief propagation; layers with the smallest patches first.

    All float32, all layers with the same K; neighbours must overlap. rounds and damping as in `min_sum`.
    """
    counts = [layer.costs.shape[0] * layer.costs.shape[1] for layer in layers]
    firsts = np.cumsum([0, *counts])
    K = layers[0].costs.shape[-1]
    edges, pairwise = [], []
    for a, b in _linked(len(layers)):
        sigma = sigma_beside if a == b else sigma_within
        for nodes_a, nodes_b, differences in _links(layers[a], layers[b]):
            edges.append(np.stack([firsts[a] + nodes_a, firsts[b] + nodes_b], axis=1))
            pairwise.append(differences / (2 * sigma * sigma))
    unary = np.concatenate([layer.costs.reshape(-1, K) for layer in layers])
    found = min_sum(unary, np.concatenate(edges), np.concatenate(pairwise), rounds, damping)
    return [
        found[first : first + count].reshape(layer.grid.shape)
        for layer, first, count in zip(layers, firsts[:-1], counts, strict=True)
    ]


def _linked(layers: int) -> Iterator[tuple[int, int]]:
    """Each layer with itself, and with the next."""
    for layer in range(layers):
        yield layer, layer
        if layer + 1 < layers:
            yield layer, layer + 1


def _links(a: Layer, b: Layer) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Nodes of a, linked nodes of b, and their patches' differences (E, K, K): all that lie alike at a time."""
    pairs = _beside(a.grid) if a is b else _within(a.grid, b.grid)
    displacements = _corners(b.grid)[pairs[:, 1]] - _corners(a.grid)[pairs[:, 0]]
    kinds, kind_of = np.unique(displacements, axis=0, return_inverse=True)
    for kind, displacement in enumerate(kinds):
        nodes_a, nodes_b = pairs[kind_of.ravel() == kind].T
        part_a = _common(displacement, a.grid.size, b.grid.size)
        part_b = _common(-displacement, b.grid.size, a.grid.size)
        differences = _differences(_nodes(a)[(nodes_a, ..., *part_a)], _nodes(b)[(nodes_b, ..., *part_b)])
        yield nodes_a, nodes_b, differences


def _differences(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """||a_k - b_l||^2 of (E, K, channels, h, w) each, as (E, K, K): mean over pixels of the sum over channels."""
    pixels = a.shape[-2] * a.shape[-1]
    a, b = a.reshape(*a.shape[:2], -1), b.reshape(*b.shape[:2], -1)
    squares = np.einsum("ekp,ekp->ek", a, a)[:, :, None] + np.einsum("elp,elp->el", b, b)[:, None]
    squares -= 2 * (a @ b.swapaxes(1, 2))
    return np.maximum(squares, 0, out=squares) / pixels


def _nodes(layer: Layer) -> np.ndarray:
    """The patches as (N, K, channels, size, size), row by row."""
    return layer.patches.reshape(-1, *layer.patches.shape[2:])


def _corners(grid: Grid) -> np.ndarray:
    """(N, 2): each patch's first row and column."""
    return np.stack(np.meshgrid(grid.tops, grid.lefts, indexing="ij"), axis=-1).reshape(-1, 2)


def _beside(grid: Grid) -> np.ndarray:
    """(E, 2): neighbours in a row, then those in a column."""
    nodes = np.arange(np.prod(grid.shape)).reshape(grid.shape)
    return np.concatenate(
        [
            np.stack([nodes[:, :-1].ravel(), nodes[:, 1:].ravel()], axis=1),
            np.stack([nodes[:-1].ravel(), nodes[1:].ravel()], axis=1),
        ]
    )


def _within(small: Grid, large: Grid) -> np.ndarray:
    """(E, 2): each patch of the small grid with every patch of the large one that it lies in."""
    corner, around = _corners(small)[:, None], _corners(large)
    inside = (corner >= around) & (corner + small.size <= around + large.size)
    return np.argwhere(inside.all(axis=-1))


def _common(displacement: np.ndarray, size: int, other: int) -> tuple[slice, slice]:
    """The rows and columns of a patch on which one of size `other` lies, so many pixels lower and further right."""
    low, high = np.maximum(displacement, 0), np.minimum(displacement + other, size)
    return slice(low[0], high[0]), slice(low[1], high[1])
