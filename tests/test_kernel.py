"""Launching kernels: every argument in its parameter's type, refused if it does not fit."""

import numpy as np
import pytest

from pysketch.backend import to_host
from pysketch.kernel import Kernel

SOURCE = """
extern "C" __global__ void scale(const real* x, real* y, const real* offset, real factor, int rows, long long step) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= step) return;
    for (int row = blockIdx.y; row < rows; row += gridDim.y)
        y[row * step + i] = factor * x[row * step + i] + (offset ? *offset : (real)0);
}
"""


def test_parameters_are_read_from_the_declaration():
    assert Kernel("scale", SOURCE).types == ["const real*", "real*", "const real*", "real", "int", "long long"]


@pytest.mark.kernels
@pytest.mark.on_gpu
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [None, 3])
def test_numbers_and_null_pointers_arrive(gpu, dtype, offset):
    x, y = gpu.xp.arange(5 * 301, dtype=dtype), gpu.xp.zeros((5, 301), dtype)
    Kernel("scale", SOURCE)((301, 5), x, y, offset if offset is None else gpu.xp.full(1, offset, dtype), 0.5, 5, 301)
    np.testing.assert_array_equal(to_host(y).ravel(), np.arange(5 * 301) / 2 + (offset or 0))


@pytest.mark.kernels
@pytest.mark.on_gpu
def test_more_rows_than_a_grid_has_are_served_in_turn(gpu):
    x = gpu.xp.ones((70_001, 1), np.float32)
    Kernel("scale", SOURCE)((1, 70_001), x, x, None, 4, 70_001, 1)
    assert to_host(x).min() == 4


@pytest.mark.kernels
@pytest.mark.on_gpu
def test_an_empty_grid_launches_nothing(gpu):
    x = gpu.xp.ones(0, np.float32)
    Kernel("scale", SOURCE)((0, 5), x, x, None, 1, 5, 0)


@pytest.mark.on_gpu
def test_what_does_not_fit_its_parameter_is_refused(gpu):
    kernel, x = Kernel("scale", SOURCE), gpu.xp.ones(3, np.float32)
    with pytest.raises(OverflowError):
        kernel((3, 1), x, x, None, 1, 2**31, 3)
    with pytest.raises(AssertionError, match="scale: 5 arguments, not 6"):
        kernel((3, 1), x, x, None, 1, 3)
    with pytest.raises(AssertionError, match="another kind"):
        kernel((3, 1), x, x.astype(np.float64), None, 1, 1, 3)
    with pytest.raises(AssertionError, match="another kind"):
        kernel((3, 1), x, np.ones(3, np.float32), None, 1, 1, 3)


def test_a_name_that_the_source_lacks_is_a_mistake():
    with pytest.raises(AssertionError, match="no kernel other"):
        Kernel("other", SOURCE)
