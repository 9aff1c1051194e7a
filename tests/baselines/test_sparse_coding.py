from __future__ import annotations

import numpy as np
import pytest

from pysketch.baselines import sparse_coding
from pysketch.baselines.sparse_coding import encode, learn_dictionary, least_squares, pursue


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def naive(dictionary, y, most, tolerance=0.0):
    """Textbook orthogonal matching pursuit of one vector, with explicit residuals."""
    chosen, code = [], np.zeros(len(dictionary))
    residual = y.copy()
    while len(chosen) < most and residual @ residual > max(tolerance, 1e-10) * (y @ y):
        chosen.append(max(range(len(dictionary)), key=lambda k: abs(dictionary[k] @ residual)))
        solution = np.linalg.lstsq(dictionary[chosen].T, y, rcond=None)[0]
        residual = y - solution @ dictionary[chosen]
        code = np.zeros(len(dictionary))
        code[chosen] = solution
    return code


@pytest.mark.parametrize(("most", "tolerance"), [(1, 0.0), (3, 0.0), (5, 0.0), (5, 0.2)])
@pytest.mark.parametrize("elements", [1, 1 << 22])
def test_codes_are_those_of_the_naive_pursuit(most, tolerance, elements, monkeypatch):
    monkeypatch.setattr(sparse_coding, "BLOCK_ELEMENTS", elements)
    rng = np.random.default_rng(1)
    D, y = unit(rng.normal(size=(9, 5))), rng.normal(size=(7, 5))
    codes = pursue(D @ D.T, y @ D.T, (y**2).sum(axis=1), most, tolerance)
    np.testing.assert_allclose(codes, [naive(D, each, most, tolerance) for each in y], atol=1e-9)


def test_each_vector_may_have_its_own_dictionary():
    rng = np.random.default_rng(2)
    D, y = unit(rng.normal(size=(4, 6, 5))), rng.normal(size=(4, 5))
    codes = pursue(D @ D.swapaxes(1, 2), np.einsum("nkd,nd->nk", D, y), (y**2).sum(axis=1), 3)
    np.testing.assert_allclose(codes, [naive(*each, 3) for each in zip(D, y, strict=True)], atol=1e-9)


def test_a_vector_made_of_two_atoms_gets_them_back_and_no_more():
    D = unit(np.random.default_rng(3).normal(size=(4, 40)))
    np.testing.assert_allclose(encode(D, np.array([3 * D[1] - 2 * D[3]]), 4), [[0, 3, 0, -2]], atol=1e-12)


def test_vectors_that_no_atom_touches_have_no_code():
    D, vectors = np.array([[1.0, 0, 0], [0, 0, 0]]), np.array([[0.0, 0, 0], [0, 5, 0]])
    np.testing.assert_array_equal(encode(D, vectors, 2), np.zeros((2, 2)))


def test_an_atom_that_is_there_twice_is_used_once():
    D = np.array([[0.6, 0.8], [0.6, 0.8], [1.0, 0.0]])
    np.testing.assert_allclose(encode(D, np.array([[0.6, 0.8], [1.6, 0.8]]), 3), [[1, 0, 0], [1, 0, 1]], atol=1e-12)


def test_learning_lowers_the_error_of_the_codes():
    rng = np.random.default_rng(4)
    truth = unit(rng.normal(size=(6, 8)))
    codes = np.zeros((200, 6))
    for code in codes:
        code[rng.choice(6, 2, replace=False)] = rng.normal(size=2)
    vectors = codes @ truth
    errors = []
    for rounds in (0, 2, 10):
        D = learn_dictionary(vectors, 6, 2, rounds, np.random.default_rng(5))
        np.testing.assert_allclose(np.linalg.norm(D, axis=1), 1)
        errors.append(((vectors - encode(D, vectors, 2) @ D) ** 2).mean())
    assert errors[0] > errors[1] > errors[2]


def test_a_dictionary_starts_from_vectors_other_than_zero_and_has_at_most_one_atom_each():
    vectors = np.array([[0.0, 0, 0], [0, 2, 0], [3, 0, 4]])
    D = learn_dictionary(vectors, 5, 1, 0, np.random.default_rng(0))
    np.testing.assert_allclose(sorted(D.tolist()), [[0, 1, 0], [0.6, 0, 0.8]])


def test_least_squares_have_no_slope_at_their_solution():
    rng = np.random.default_rng(6)
    codes, vectors = rng.normal(size=(11, 3)), rng.normal(size=(11, 2))
    D = least_squares(codes, vectors, 0.3)
    slope = codes.T @ (codes @ D - vectors) + 0.3 * 11 / 3 * D
    np.testing.assert_allclose(slope, 0, atol=1e-12)
