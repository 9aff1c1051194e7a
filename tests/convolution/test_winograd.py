"""The matrices of Winograd's filtering: exact, known in small cases, and accurate."""

import numpy as np
import pytest

from pysketch.convolution.winograd import KERNELS, TILE, winograd_matrices


@pytest.mark.parametrize("kernel", KERNELS)
def test_one_dimension_is_the_plain_correlation_for_every_kernel(kernel):
    m = TILE + 1 - kernel
    matrices = winograd_matrices(m, kernel)
    rng = np.random.default_rng(kernel)
    d, g = rng.standard_normal(TILE), rng.standard_normal(kernel)
    y = matrices.AT @ ((matrices.G @ g) * (matrices.BT @ d))
    np.testing.assert_allclose(y, [d[k : k + kernel] @ g for k in range(m)], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("outputs", "kernel"), [(1, 1), (2, 1), (1, 3), (2, 3), (3, 2), (4, 3)])
def test_other_tiles_are_right_too(outputs, kernel):
    matrices = winograd_matrices(outputs, kernel)
    n = outputs + kernel - 1
    d, g = np.arange(1, n + 1) ** 2.0, np.arange(kernel) - 0.5
    y = matrices.AT @ ((matrices.G @ g) * (matrices.BT @ d))
    np.testing.assert_allclose(y, [d[k : k + kernel] @ g for k in range(outputs)], rtol=1e-13)


def test_f_2_3_needs_four_multiplications_with_the_published_output_matrix():
    """Lavin and Gray's A^T of F(2, 3) for the points 0, 1, -1, infinity."""
    matrices = winograd_matrices(2, 3)
    np.testing.assert_array_equal(matrices.AT, [[1, 1, 1, 0], [0, 1, -1, 1]])
    assert matrices.BT.shape == (4, 4)


def test_the_kernels_of_5_and_3_share_the_input_transform():
    np.testing.assert_array_equal(winograd_matrices(4, 5).BT, winograd_matrices(6, 3).BT)


def test_rows_of_the_input_transform_are_scaled_by_powers_of_two_to_about_one():
    largest = abs(winograd_matrices(4, 5).BT).max(axis=1)
    assert ((largest > 0.7) & (largest < 1.5)).all()
    G = winograd_matrices(4, 5).G
    scale = G[:, 0] / np.array([1, 1, 1, 1, 1, 1, 1, np.inf])
    assert (np.log2(scale[:7]) == np.rint(np.log2(scale[:7]))).all()


def test_more_points_than_there_are_is_an_error():
    with pytest.raises(ValueError, match=r"F\(5, 5\) needs 8 points, there are 7"):
        winograd_matrices(5, 5)
