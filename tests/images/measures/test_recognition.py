"""Descriptors and distances by which persons are found."""

import numpy as np
import pytest

from pysketch.images.measures.recognition import chi_squared, euclidean, hog_descriptors


def test_chi_squared_of_two_histograms_by_hand():
    queries, gallery = np.array([[1.0, 0, 3]]), np.array([[1.0, 0, 3], [3, 0, 1], [0, 2, 3]])
    np.testing.assert_allclose(chi_squared(queries, gallery), [[0, 4 / 4 + 4 / 4, 1 + 2]])


def test_euclidean_distances_have_a_row_for_each_query():
    np.testing.assert_allclose(euclidean(np.array([[0.0, 0]]), np.array([[3.0, 4], [0, 1]])), [[5, 1]])


def test_oriented_gradients_know_a_picture_again_in_other_tones_and_moved_by_a_pixel():
    pytest.importorskip("skimage", reason='oriented gradients need pip install -e ".[measures]"')
    rng = np.random.default_rng(8)
    pictures = [np.kron(rng.integers(0, 120, (5, 6)), np.ones((8, 8))).astype(np.uint8) for _ in range(3)]
    changed = [np.roll(picture, 1, axis=1) // 2 + 60 for picture in pictures]
    distances = euclidean(hog_descriptors(changed), hog_descriptors(pictures))
    assert distances.argmin(axis=1).tolist() == [0, 1, 2]
    assert hog_descriptors(pictures).shape == (3, 4 * 5 * 4 * 9)
