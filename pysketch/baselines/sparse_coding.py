"""Vectors as sums of few atoms of a dictionary: orthogonal matching pursuit, and dictionaries learned for it."""

from __future__ import annotations

import numpy as np

BLOCK_ELEMENTS = 1 << 22
"""How many numbers the largest temporary array of a pursuit holds, at most, if a single vector's fit."""


def pursue(
    gram: np.ndarray, correlations: np.ndarray, energies: np.ndarray, most: int, tolerance: float = 0.0
) -> np.ndarray:
    """Orthogonal matching pursuit: (n, K) codes of n vectors y, with at most `most` non-zero numbers each.

    One atom after the other is chosen, that of the largest |d_k . r|, r being y less its projection on the atoms
    chosen so far; the code holds the coefficients of that projection. A vector gets no more atoms when
    ||r||^2 <= tolerance ||y||^2 or nothing of r is left but rounding. Of equal correlations the first wins.

    gram: D^T D, (K, K), of one dictionary for all vectors or (n, K, K), of one for each; the atoms of length 1.
    correlations: D^T y, (n, K); energies: ||y||^2, (n,). All float64. Source: Pati, Rezaiifar and
    Krishnaprasad 1993; by Gram matrices: Rubinstein, Zibulevsky and Elad 2008.
    """
    n, K = correlations.shape
    codes = np.zeros((n, K))
    most = min(most, K)
    count = max(1, BLOCK_ELEMENTS // (most * K))
    for first in range(0, n, count):
        block = np.s_[first : first + count]
        grams = gram if gram.ndim == 2 else gram[block]
        codes[block] = _pursue_block(grams, correlations[block], energies[block], most, tolerance)
    return codes


ROUNDING = 1e-10
"""Of a vector's energy: what is left of it below this is rounding."""


def _pursue_block(gram, correlations, energies, most, tolerance):
    n, K = correlations.shape
    codes, left = np.zeros((n, K)), correlations.copy()
    support = np.zeros((n, most), np.intp)
    active = np.flatnonzero((correlations**2).max(axis=1) > ROUNDING * energies)
    for size in range(1, most + 1):
        support[active, size - 1] = np.abs(left[active]).argmax(axis=1)
        chosen = support[active, :size]
        rows = gram[chosen] if gram.ndim == 2 else gram[active[:, None], chosen]
        square = np.take_along_axis(rows, chosen[:, None, :], axis=2)
        target = np.take_along_axis(correlations[active], chosen, axis=1)
        solved = np.linalg.solve(square, target[..., None])[..., 0]
        codes[active[:, None], chosen] = solved
        left[active] = correlations[active] - np.einsum("ns,nsk->nk", solved, rows)
        left[active[:, None], chosen] = 0
        remaining = energies[active] - np.einsum("ns,ns->n", solved, target)
        goes_on = remaining > max(tolerance, ROUNDING) * energies[active]
        goes_on &= (left[active] ** 2).max(axis=1) > ROUNDING * energies[active]
        active = active[goes_on]
    return codes


def encode(dictionary: np.ndarray, vectors: np.ndarray, most: int) -> np.ndarray:
    """Codes (n, K) of vectors (n, D) in a dictionary (K, D) of atoms of length 1; see pursue."""
    dictionary, vectors = dictionary.astype(np.float64), vectors.astype(np.float64)
    energies = np.einsum("nd,nd->n", vectors, vectors)
    return pursue(dictionary @ dictionary.T, vectors @ dictionary.T, energies, most)


def learn_dictionary(
    vectors: np.ndarray, atoms: int, most: int, rounds: int, generator: np.random.Generator
) -> np.ndarray:
    """(K, D): atoms of length 1 in which the vectors (n, D) have sparse codes; K is `atoms`, at most n.

    The method of optimal directions (Engan, Aase and Husoy 1999): starting from vectors chosen by chance, in each
    round the vectors are encoded as A (n, K), and the dictionary becomes the least squares solution of A D = vectors,
    its atoms made of length 1. An atom that no vector uses is replaced by a vector chosen by chance. Vectors
    that are 0 take no part.
    """
    vectors = vectors[np.any(vectors != 0, axis=1)].astype(np.float64)
    D = _unit(vectors[generator.permutation(len(vectors))[:atoms]])
    for _ in range(rounds):
        codes = encode(D, vectors, most)
        unused = np.flatnonzero(~codes.any(axis=0))
        D = least_squares(codes, vectors, 1e-6)
        D[unused] = vectors[generator.integers(len(vectors), size=len(unused))]
        D = _unit(D)
    return D


def least_squares(codes: np.ndarray, vectors: np.ndarray, ridge: float) -> np.ndarray:
    """(K, D): the D of the least ||codes D - vectors||^2 + ridge n/K ||D||^2; codes (n, K), vectors (n, D).

    With it a second dictionary is coupled to the first: codes of the one thing give the other thing.
    """
    n, K = codes.shape
    return np.linalg.solve(codes.T @ codes + ridge * n / K * np.eye(K), codes.T @ vectors)


def _unit(atoms: np.ndarray) -> np.ndarray:
    return atoms / np.maximum(np.linalg.norm(atoms, axis=1, keepdims=True), 1e-12)
