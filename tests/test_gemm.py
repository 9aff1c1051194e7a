"""Products that are cut into small ones give the same numbers."""

import numpy as np
import pytest

from pysketch import gemm
from pysketch.gemm import multiply_columns, multiply_rows, row_group


def normal(*shape, dtype=np.float64):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("small", [10, 3 * 5 * 32, 3 * 5 * 64, 10**6])
@pytest.mark.parametrize("n", [1, 31, 64, 100, 257])
def test_columns_are_cut_into_groups_and_a_rest(n, small, dtype, monkeypatch):
    monkeypatch.setattr(gemm, "SMALL", small)
    a, b = normal(3, 5, dtype=dtype), normal(5, 300, dtype=dtype)[:, 7 : 7 + n]
    out = np.full((3, 300), np.nan, dtype)
    multiply_columns(a, b, out[:, 11 : 11 + n])
    np.testing.assert_allclose(out[:, 11 : 11 + n], a @ b, rtol=1e-5, atol=1e-5)
    assert np.isnan(out).sum() == 3 * (300 - n)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("small", [10, 8 * 64 * 24, 8 * 64 * 40, 8 * 128 * 24, 10**6])
@pytest.mark.parametrize("m", [1, 23, 48, 77])
def test_rows_are_cut_into_groups_and_a_rest(m, small, dtype, monkeypatch):
    monkeypatch.setattr(gemm, "SMALL", small)
    a, b = normal(3, m, 8, dtype=dtype), normal(3, 8, 256, dtype=dtype)
    out = np.full((3, m, 256), np.nan, dtype)
    multiply_rows(a, b, out)
    np.testing.assert_allclose(out, a @ b, rtol=1e-5, atol=1e-5)


def test_groups_are_no_larger_than_what_needs_no_packing():
    for k, n in ((5, 128), (64, 64), (128, 128), (256, 128), (256, 256), (512, 512)):
        rows, width = row_group(k, n)
        assert rows * k * width <= gemm.SMALL
        assert n % width == 0


def test_the_columns_are_halved_until_a_group_has_enough_rows():
    assert row_group(128, 128) == (48, 128)
    assert row_group(256, 256) == (28, 128)
    assert row_group(64, 64) == (96, 64)
