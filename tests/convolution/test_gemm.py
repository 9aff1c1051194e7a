"""Products that are cut into small ones give the same numbers."""

import numpy as np
import pytest

from pysketch.convolution import gemm
from pysketch.convolution.gemm import multiply, multiply_columns, multiply_rows, reads_in_place, row_group
from pysketch.device.backend import to_host


@pytest.fixture
def cutting(monkeypatch):
    """Products are cut, on whatever cores the test runs."""
    monkeypatch.setattr(gemm, "reads_in_place", lambda: True)


@pytest.fixture
def products(monkeypatch):
    """The shapes of what `gemm` gives to NumPy's matmul to write, in turn."""
    made = []

    matmul = np.matmul

    def spy(a, b, out):
        made.append(out.shape)
        return matmul(a, b, out=out)

    monkeypatch.setattr(np, "matmul", spy)
    return made


def normal(*shape, dtype=np.float64):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("small", [10, 3 * 5 * 32, 3 * 5 * 64, 10**6])
@pytest.mark.parametrize("n", [1, 31, 64, 100, 257])
@pytest.mark.usefixtures("cutting")
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
@pytest.mark.usefixtures("cutting")
def test_rows_are_cut_into_groups_and_a_rest(m, small, dtype, monkeypatch):
    monkeypatch.setattr(gemm, "SMALL", small)
    a, b = normal(3, m, 8, dtype=dtype), normal(3, 8, 256, dtype=dtype)
    out = np.full((3, m, 256), np.nan, dtype)
    multiply_rows(a, b, out)
    np.testing.assert_allclose(out, a @ b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("core", "columns", "rows"),
    [
        ("SkylakeX", [(4, 3, 64), (3, 1)], [(2, 2, 3, 20, 128), (2, 2, 1, 17, 128)]),
        ("Haswell", [(3, 257)], [(2, 77, 256)]),
        (None, [(3, 257)], [(2, 77, 256)]),
    ],
)
def test_a_product_is_cut_only_where_blas_reads_small_ones_in_place(core, columns, rows, products, monkeypatch):
    monkeypatch.setattr(gemm, "threadpool_info", lambda: [{"user_api": "openmp"}, {"architecture": core}])
    reads_in_place.cache_clear()
    try:
        monkeypatch.setattr(gemm, "SMALL", 3 * 5 * 64)
        multiply_columns(normal(3, 5), normal(5, 257), np.empty((3, 257)))
        monkeypatch.setattr(gemm, "SMALL", 8 * 64 * 48)
        multiply_rows(normal(2, 77, 8), normal(2, 8, 256), np.empty((2, 77, 256)))
    finally:
        reads_in_place.cache_clear()
    assert products == columns + rows


def test_groups_are_no_larger_than_what_needs_no_packing():
    for k, n in ((5, 128), (64, 64), (128, 128), (256, 128), (256, 256), (512, 512)):
        rows, width = row_group(k, n)
        assert rows * k * width <= gemm.SMALL
        assert n % width == 0


def test_the_columns_are_halved_until_a_group_has_enough_rows():
    assert row_group(128, 128) == (48, 128)
    assert row_group(256, 256) == (28, 128)
    assert row_group(64, 64) == (96, 64)


LAYOUTS = {
    "rows": lambda x: x,
    "columns": lambda x: np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2),
    "rows apart": lambda x: np.concatenate([x, x], axis=-1)[..., : x.shape[-1]],
    "columns apart": lambda x: (
        np.concatenate([x, x], axis=-2).swapaxes(-1, -2).copy().swapaxes(-1, -2)[..., : x.shape[-2], :]
    ),
}


def at(device, x):
    """x on the device, with the same strides."""
    base = x if x.base is None else x.base
    while base.base is not None:
        base = base.base
    there = device.xp.asarray(base)
    offset = x.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    flat = there.ravel(order="K")[offset // x.itemsize :]
    return device.xp.lib.stride_tricks.as_strided(flat, x.shape, x.strides)


@pytest.mark.kernels
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-5), (np.float64, 1e-13)])
@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("second", LAYOUTS)
@pytest.mark.parametrize("first", LAYOUTS)
def test_a_product_is_written_where_it_belongs_whatever_the_matrices_layout(device, first, second, add, dtype, rtol):
    for images in (0, 4):
        for m, k, n in ((3, 5, 7), (1, 5, 7), (3, 1, 7), (3, 5, 1), (1, 1, 1)):
            many = (images,) if images else ()
            a, b = normal(*many, m, k, dtype=dtype), normal(*many, k, n, dtype=dtype)
            out = np.full((*many, m, 20), 2, dtype)
            expected = out.copy()
            expected[..., 6 : 6 + n] = np.einsum("...ij,...jk->...ik", a, b) + (2 if add else 0)
            found = device.xp.asarray(out)
            multiply(at(device, LAYOUTS[first](a)), at(device, LAYOUTS[second](b)), found[..., 6 : 6 + n], add)
            np.testing.assert_allclose(to_host(found), expected, rtol=rtol, atol=rtol)


@pytest.mark.kernels
def test_one_matrix_serves_many_images(device):
    a, b, out = normal(3, 5), normal(4, 5, 7), device.xp.zeros((4, 3, 7))
    multiply(device.xp.asarray(a), device.xp.asarray(b), out)
    np.testing.assert_allclose(to_host(out), a @ b, rtol=1e-13, atol=1e-13)
